//! Pricing claim lines in memory.

use finance::domain::evaluation::{PcnRecords, Question, evaluate};
use finance::domain::line::{AreaBasis, AreaPeriod, EngagementRecords, WrittenAgreement};
use finance::domain::pay::{Components, Pay};
use finance::store::rulebook;
use terms::{
    Assignment, Band, Date, DeploymentModel, Engagement, EngagementId, FULL_TIME, LondonArea,
    Minutes, Month, OdsCode, Pence, Period, Population, Stage,
};
use uuid::Uuid;

use super::{ratio, short, time};

const PCNS: usize = 1_250;
const LINES: usize = 40_000;
const ROLES: [(&str, Option<Band>); 8] = [
    ("CP", Some(Band::Seven)),
    ("CC", Some(Band::Four)),
    ("SPLW", Some(Band::Five)),
    ("PT", Some(Band::Five)),
    ("FCP", Some(Band::Seven)),
    ("GPA", Some(Band::Four)),
    ("PARA", Some(Band::Seven)),
    ("GP", None),
];

/// Prices a month of England's lines.
pub(super) fn run() {
    let rules = rulebook::load(None).expect("the rule book is compiled in");
    let month: Month = "2025-04".parse().expect("a month");
    let known = Date::constant(2026, 11, 20);
    let england: Vec<(Question, PcnRecords)> = (0..PCNS)
        .map(|number| {
            let pcn: OdsCode = format!("U{number:05}").parse().expect("a code");
            let question =
                Question { pcn: pcn.clone(), month, rules_known_on: known, claim_date: known };
            (question, records(number, &pcn, month))
        })
        .collect();

    let mut priced = 0;
    let times = time(9, || {
        priced = 0;
        for (question, records) in &england {
            let evaluation = evaluate(&rules, question, records);
            priced += evaluation.month_lines().filter(|line| line.payable().is_some()).count();
        }
    });
    // The same records touched once, without a rule: what merely reading them costs.
    let touched = time(9, || {
        let mut sum = 0;
        for (_, records) in &england {
            for engaged in &records.engagements {
                sum += engaged.clone().pay.iter().map(|pay| pay.amounts.salary.0).sum::<i64>();
            }
        }
        sum
    });

    assert_eq!(priced, LINES, "every line has a price");
    println!("pricing: {LINES} lines in memory, {}; the bar is 200 ms", times.told());
    println!(
        "  {} times copying the same records once ({})",
        ratio(times.median(), touched.median()),
        short(touched.median())
    );
}

fn records(number: usize, pcn: &OdsCode, month: Month) -> PcnRecords {
    let always = Period::new(Date::constant(2024, 4, 1), None).expect("days");
    let each = LINES / PCNS;
    PcnRecords {
        areas: vec![AreaPeriod {
            period: always,
            area: LondonArea::Outside,
            basis: AreaBasis::Stated,
        }],
        weighted_list: Some(Population::from_patients(48_000)),
        engagements: (0..each).map(|index| engaged(number * each + index, pcn, month)).collect(),
    }
}

fn engaged(number: usize, pcn: &OdsCode, month: Month) -> EngagementRecords {
    let (role, band) = ROLES[number % ROLES.len()];
    let id = EngagementId(Uuid::from_u128(u128::try_from(number).expect("it fits")));
    let started = Period::new(Date::constant(2024, 10, 1), None).expect("days");
    let salary = Pence(300_000 + i64::try_from(number % 1_000).expect("below a thousand") * 97);
    EngagementRecords {
        engagement: Engagement {
            id,
            owner: pcn.clone(),
            reference: format!("bench-{number}"),
            person: None,
            role: role.parse().expect("a role"),
            employer: pcn.clone(),
            model: DeploymentModel::PcnDirect,
            full_time: FULL_TIME,
            leaving_reason: None,
        },
        assignments: vec![Assignment {
            engagement: id,
            pcn: pcn.clone(),
            period: started,
            weekly: Minutes::new(if number.is_multiple_of(3) { 1_125 } else { 2_250 }),
            contract: None,
            stage: Stage::Standard,
            band,
        }],
        pay: vec![Pay {
            engagement: id,
            month,
            amounts: Components {
                salary,
                employer_ni: Pence(40_000),
                employer_pension: Pence(50_000),
                fees: Pence::ZERO,
            },
            paid_on: Some(Date::constant(2025, 4, 28)),
        }],
        agreement: WrittenAgreement::NotRecorded,
    }
}
