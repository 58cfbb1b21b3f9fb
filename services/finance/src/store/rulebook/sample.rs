//! Staff and questions for the tests of the scheme's rules.

use std::sync::OnceLock;

use terms::{
    Assignment, Band, Date, DeploymentModel, Engagement, EngagementId, LondonArea, Minutes, Month,
    OdsCode, Pence, Period, Population, Stage, parse_date,
};

use crate::domain::allocation::{AllocationGap, Lists, allocate};
use crate::domain::evaluation::{Evaluation, PcnRecords, Question, evaluate};
use crate::domain::figure::{Pot, Value};
use crate::domain::line::{
    AreaBasis, AreaPeriod, EngagementRecords, Line, Outcome, UnpricedReason, WrittenAgreement,
};
use crate::domain::pay::{Components, Pay};
use crate::domain::rulebook::{CapGap, RoleCap, RuleBook};

use super::load;

pub(super) const PCN: &str = "U00070";

pub(super) fn book() -> &'static RuleBook {
    static BOOK: OnceLock<RuleBook> = OnceLock::new();
    BOOK.get_or_init(|| load(None).unwrap())
}

pub(super) fn date(text: &str) -> Date {
    parse_date(text).unwrap()
}

pub(super) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(super) fn code(text: &str) -> OdsCode {
    text.parse().unwrap()
}

pub(super) fn pounds(text: &str) -> Pence {
    text.parse().unwrap()
}

/// One engagement under construction: full time in the PCN all along, and far too dear.
#[derive(Clone, Debug)]
pub(super) struct Staff(pub(super) EngagementRecords);

impl Staff {
    pub(super) fn new(role: &str) -> Staff {
        let id = EngagementId(uuid::Uuid::from_u128(1));
        let assignment = Assignment {
            engagement: id,
            pcn: code(PCN),
            period: Period::new(date("2020-01-01"), None).unwrap(),
            weekly: Minutes::new(2250),
            contract: None,
            stage: Stage::Standard,
            band: None,
        };
        Staff(EngagementRecords {
            engagement: Engagement {
                id,
                owner: code(PCN),
                reference: "E1".to_owned(),
                person: None,
                role: role.parse().unwrap(),
                employer: code(PCN),
                model: DeploymentModel::PcnDirect,
                full_time: Minutes::new(2250),
                leaving_reason: None,
            },
            assignments: vec![assignment],
            pay: Vec::new(),
            agreement: WrittenAgreement::NotRecorded,
        })
    }

    pub(super) fn id(mut self, id: u128) -> Staff {
        self.0.engagement.id = EngagementId(uuid::Uuid::from_u128(id));
        self
    }

    pub(super) fn model(mut self, model: DeploymentModel) -> Staff {
        self.0.engagement.model = model;
        self
    }

    pub(super) fn full_time(mut self, minutes: u32) -> Staff {
        self.0.engagement.full_time = Minutes::new(minutes);
        self
    }

    pub(super) fn band(mut self, band: Band) -> Staff {
        self.0.assignments.iter_mut().for_each(|held| held.band = Some(band));
        self
    }

    pub(super) fn agreed(mut self) -> Staff {
        self.0.agreement = WrittenAgreement::Recorded;
        self
    }

    pub(super) fn contract(mut self, minutes: u32) -> Staff {
        self.0.assignments.iter_mut().for_each(|held| held.contract = Some(Minutes::new(minutes)));
        self
    }

    /// Replaces the assignments: PCN, first day, last day or none, minutes a week.
    pub(super) fn works(mut self, rows: &[(&str, &str, &str, u32)]) -> Staff {
        let model = self.0.assignments[0].clone();
        self.0.assignments = rows
            .iter()
            .map(|(pcn, first, last, weekly)| Assignment {
                pcn: code(pcn),
                period: Period::inclusive(date(first), parse_date(last).ok()).unwrap(),
                weekly: Minutes::new(*weekly),
                ..model.clone()
            })
            .collect();
        self
    }

    pub(super) fn pay(self, of: &str, salary: &str) -> Staff {
        let salary = Components { salary: pounds(salary), ..Components::default() };
        let paid_on = month(of).last();
        self.pay_row(of, salary, Some(paid_on))
    }

    pub(super) fn pay_row(mut self, of: &str, amounts: Components, paid_on: Option<Date>) -> Staff {
        let engagement = self.0.engagement.id;
        self.0.pay.push(Pay { engagement, month: month(of), amounts, paid_on });
        self
    }
}

pub(super) fn records(area: Option<LondonArea>, list: &str, staff: Vec<Staff>) -> PcnRecords {
    let period = Period::new(date("2019-01-01"), None).unwrap();
    PcnRecords {
        areas: area
            .map(|area| AreaPeriod { period, area, basis: AreaBasis::Stated })
            .into_iter()
            .collect(),
        lists: Lists { registered: list.parse().ok(), weighted: list.parse().ok() },
        engagements: staff.into_iter().map(|staff| staff.0).collect(),
        baselines: Vec::new(),
    }
}

pub(super) fn weighted(list: &str) -> Lists {
    Lists { registered: None, weighted: list.parse().ok() }
}

/// Every sum of a year, or why it is unknown.
pub(super) fn sums(
    year: &str,
    lists: Lists,
    known_on: &str,
) -> Vec<(Pot, Result<Pence, AllocationGap>)> {
    let all = allocate(book(), year.parse().unwrap(), lists, date(known_on));
    all.into_iter().map(|sum| (sum.pot, sum.amount)).collect()
}

/// The cap of a role for a PCN of a size: a number of WTE, that there is no limit, or no row.
pub(super) fn cap(role: &str, list: u32, day: &str) -> Result<Option<Value>, CapGap> {
    let role = book().role_index(&role.parse().unwrap()).unwrap();
    let list = Some(Population::from_patients(list));
    match book().cap(role, list, date(day), date(TODAY)) {
        RoleCap::None => Ok(None),
        RoleCap::Stated(figure) => Ok(Some(figure.value)),
        RoleCap::Unknown(gap) => Err(gap),
    }
}

pub(super) fn ask_of(pcn: &str, of: &str, known_on: &str, records: &PcnRecords) -> Evaluation {
    let question = Question {
        pcn: code(pcn),
        month: month(of),
        rules_known_on: date(known_on),
        claim_date: date("2026-11-20"),
    };
    evaluate(book(), &question, records)
}

pub(super) fn ask(of: &str, known_on: &str, records: &PcnRecords) -> Evaluation {
    ask_of(PCN, of, known_on, records)
}

/// The one line of a month.
pub(super) fn line_in(area: LondonArea, of: &str, known_on: &str, staff: Staff) -> Line {
    let evaluation = ask(of, known_on, &records(Some(area), "1000000", vec![staff]));
    let mut lines: Vec<Line> = evaluation.month_lines().cloned().collect();
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

pub(super) fn line(of: &str, known_on: &str, staff: Staff) -> Line {
    line_in(LondonArea::Outside, of, known_on, staff)
}

pub(super) fn reason(line: &Line) -> UnpricedReason {
    match line.outcome {
        Outcome::Payable(payable) => panic!("the line has a price: {payable}"),
        Outcome::Unpriced(reason) => reason,
    }
}

pub(super) const TODAY: &str = "2026-11-20";
pub(super) const JULY: &str = "2025-07";
/// Knowledge before the uplifted maxima were shown.
pub(super) const BEFORE_UPLIFT: &str = "2025-07-31";
