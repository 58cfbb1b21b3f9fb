//! A month of an England made by `england(seed)`, as the evaluation takes it.

use std::collections::{BTreeMap, BTreeSet};

use arrs_tests::england::England;
use finance::domain::allocation::Lists;
use finance::domain::evaluation::{ClaimGround, PcnRecords, Question};
use finance::domain::line::{AreaBasis, AreaPeriod, EngagementRecords, WrittenAgreement};
use finance::domain::pay::{Components, Pay};
use terms::{
    Assignment, Date, Engagement, EngagementId, FULL_TIME, LondonArea, Minutes, Month, OdsCode,
    Pence, Period, Population, Stage, parse_date,
};
use uuid::Uuid;

/// The day by which figures are known and cost is paid.
pub(super) const KNOWN: Date = Date::constant(2026, 11, 20);

/// What the claims of the newest month with pay are built from, by PCN.
pub(super) fn of(england: &England) -> Vec<ClaimGround> {
    let (month, records) = records(&england.staff, &england.pay);
    let ground = |(pcn, records)| ClaimGround {
        question: Question { pcn, month, rules_known_on: KNOWN, claim_date: KNOWN },
        months: BTreeSet::from([month]),
        records,
        settled: None,
        taken: BTreeMap::new(),
    };
    records.into_iter().map(ground).collect()
}

/// The month of the pay, and what is recorded of each PCN.
fn records(staff: &str, pay: &str) -> (Month, BTreeMap<OdsCode, PcnRecords>) {
    let mut engaged: BTreeMap<String, EngagementRecords> = BTreeMap::new();
    let mut reader = csv::Reader::from_reader(staff.as_bytes());
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.expect("a row");
        let cell = |name: &str| row[name].as_str();
        let number = u128::try_from(engaged.len()).expect("it fits");
        let records =
            engaged.entry(cell("engagement_id").to_owned()).or_insert_with(|| EngagementRecords {
                engagement: Engagement {
                    id: EngagementId(Uuid::from_u128(number)),
                    owner: cell("pcn_code").parse().expect("a code"),
                    reference: cell("engagement_id").to_owned(),
                    person: None,
                    role: cell("role").parse().expect("a role"),
                    employer: cell("employer_code").parse().expect("a code"),
                    model: cell("model").parse().expect("a model"),
                    full_time: hours(cell("full_time_hours")).unwrap_or(FULL_TIME),
                    leaving_reason: None,
                },
                assignments: Vec::new(),
                pay: Vec::new(),
                agreement: WrittenAgreement::NotRecorded,
            });
        let last = parse_date(cell("end")).ok();
        let period = Period::inclusive(parse_date(cell("start")).expect("a date"), last);
        records.assignments.push(Assignment {
            engagement: records.engagement.id,
            pcn: cell("pcn_code").parse().expect("a code"),
            period: period.expect("days"),
            weekly: hours(cell("weekly_hours")).expect("hours"),
            contract: row.get("contract_hours").and_then(|text| hours(text)),
            stage: cell("stage").parse().unwrap_or(Stage::Standard),
            band: cell("band").parse().ok(),
        });
    }
    let mut newest: Option<Month> = None;
    let mut reader = csv::Reader::from_reader(pay.as_bytes());
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.expect("a row");
        let amount = |name: &str| row[name].parse().unwrap_or(Pence::ZERO);
        let month: Month = row["month"].parse().expect("a month");
        newest = newest.max(Some(month));
        let Some(records) = engaged.get_mut(&row["engagement_id"]) else { continue };
        records.pay.push(Pay {
            engagement: records.engagement.id,
            month,
            amounts: Components {
                salary: amount("salary"),
                employer_ni: amount("employer_ni"),
                employer_pension: amount("employer_pension"),
                fees: amount("fees"),
            },
            paid_on: parse_date(&row["paid_on"]).ok(),
        });
    }
    let always = Period::new(Date::constant(2019, 7, 1), None).expect("days");
    let area = AreaPeriod { period: always, area: LondonArea::Outside, basis: AreaBasis::Stated };
    let list = Some(Population::from_patients(48_000));
    let mut pcns: BTreeMap<OdsCode, PcnRecords> = BTreeMap::new();
    for records in engaged.into_values() {
        let places: BTreeSet<OdsCode> =
            records.assignments.iter().map(|held| held.pcn.clone()).collect();
        for pcn in places {
            let place = pcns.entry(pcn).or_insert_with(|| PcnRecords {
                areas: vec![area],
                lists: Lists { registered: list, weighted: list },
                engagements: Vec::new(),
                baselines: Vec::new(),
            });
            place.engagements.push(records.clone());
        }
    }
    (newest.expect("somebody is paid"), pcns)
}

fn hours(text: &str) -> Option<Minutes> {
    Minutes::from_hours(text).ok().map(|(minutes, _)| minutes)
}
