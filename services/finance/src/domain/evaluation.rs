//! All lines of a PCN from April to a month, and the sum they are paid from.

use std::collections::BTreeMap;

use terms::{Date, LondonArea, Month, OdsCode, Pence};

use super::allocation::{Allocation, Lists, allocate};
use super::cost::{UnplacedPay, index, place};
use super::figure::Pot;
use super::line::{
    AreaBasis, AreaPeriod, Context, EngagementRecords, Line, Outcome, PaidByHalf, paid_by_half,
    price,
};
use super::policy::PolicyName;
use super::rulebook::{Digest, RoleShare, RuleBook};
use super::step::{NumberName, NumberValue, Step, StepCode};
use super::summary::{Summary, summarise};

/// Which mechanism made a line. A change that changes results gets the next number.
pub const MECHANISM: u32 = 1;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// For which PCN.
    pub pcn: OdsCode,
    /// Up to and including which month of a contract year.
    pub month: Month,
    /// By the figures published by the end of this day.
    pub rules_known_on: Date,
    /// Cost must be paid by this day. For a prepared line: the day of `known_at`.
    pub claim_date: Date,
}

/// What is recorded of a PCN and the engagements with a day in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcnRecords {
    /// Its London area, over as many days as that is known.
    pub areas: Vec<AreaPeriod>,
    /// Its lists of 1 January before the contract year.
    pub lists: Lists,
    /// The engagements.
    pub engagements: Vec<EngagementRecords>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Which mechanism made it.
    pub mechanism: u32,
    /// By which rule files.
    pub rule_book: Digest,
    /// What was asked.
    pub question: Question,
    /// The lines from April to the month, by month, start date and engagement.
    pub lines: Vec<Line>,
    /// Their sums.
    pub summary: Summary,
    /// Pay that belongs to no month in post.
    pub unplaced: Vec<UnplacedPay>,
}

impl Evaluation {
    /// The lines of the month asked about.
    pub fn month_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.month == self.question.month)
    }
}

/// Prepares every line of a PCN from April to the month asked about.
pub fn evaluate(rules: &RuleBook, question: &Question, records: &PcnRecords) -> Evaluation {
    let year = question.month.contract_year();
    let months: Vec<Month> = year.months_to(question.month).collect();
    let contexts: Vec<Context<'_>> =
        months.iter().map(|month| context(rules, question, records, *month)).collect();

    let mut lines = Vec::with_capacity(records.engagements.len() * months.len());
    let mut unplaced = Vec::new();
    for engagement in &records.engagements {
        let (costs, without_month) =
            place(&engagement.pay, &engagement.assignments, year, question.claim_date);
        unplaced.extend(without_month);
        for context in &contexts {
            lines.extend(price(context, engagement, &costs[index(context.month)]));
        }
    }
    lines.sort_by_key(|line| (line.month, line.start, line.engagement));

    let allocations = allocate(rules, year, records.lists, question.rules_known_on);
    apply_room(&mut lines, &allocations);
    Evaluation {
        mechanism: MECHANISM,
        rule_book: rules.digest(),
        question: question.clone(),
        summary: summarise(question.month, &lines, allocations),
        lines,
        unplaced,
    }
}

fn context<'a>(
    rules: &'a RuleBook,
    question: &'a Question,
    records: &PcnRecords,
    month: Month,
) -> Context<'a> {
    let half = |engagement: &EngagementRecords| {
        let role = rules.role(&engagement.engagement.role);
        let by_half = role.is_some_and(|role| match role.share {
            RoleShare::Half { .. } => true,
            RoleShare::Whole => false,
        });
        let in_month = |held: &terms::Assignment| {
            held.pcn == question.pcn && held.period.overlap(month.period()).is_some()
        };
        by_half
            && paid_by_half(engagement) != PaidByHalf::NotCertain
            && engagement.assignments.iter().any(in_month)
    };
    Context {
        rules,
        pcn: &question.pcn,
        month,
        area: area_on(&records.areas, month.first()),
        half_elsewhere: records.engagements.iter().any(half),
        rules_known_on: question.rules_known_on,
        claim_date: question.claim_date,
    }
}

/// The area of a day: a stated one before a derived one, none if two records disagree.
fn area_on(areas: &[AreaPeriod], day: Date) -> Option<AreaPeriod> {
    let of_basis = |basis: AreaBasis| {
        let mut found =
            areas.iter().filter(move |area| area.period.contains(day) && area.basis == basis);
        let first = *found.next()?;
        let same = |area: LondonArea| area == first.area;
        found.all(|area| same(area.area)).then_some(first)
    };
    if areas.iter().any(|area| area.period.contains(day) && area.basis == AreaBasis::Stated) {
        return of_basis(AreaBasis::Stated);
    }
    of_basis(AreaBasis::OutsideLondonRegion)
}

/// Step 9: each line takes what is left of its sum, in order; the last one is paid in part.
fn apply_room(lines: &mut [Line], allocations: &[Allocation]) {
    let mut taken: BTreeMap<Pot, (Pence, i64)> = BTreeMap::new();
    for line in lines {
        let (earlier, unpriced) = taken.entry(line.pot).or_default();
        let Outcome::Payable(before) = line.outcome else {
            *unpriced += 1;
            continue;
        };
        let known = allocations.iter().find(|allocation| allocation.pot == line.pot);
        let step = match known.map(|allocation| (allocation.amount, allocation.figure.clone())) {
            Some((Ok(amount), figure)) => {
                let left = (amount - *earlier).max(Pence::ZERO);
                Step::new(StepCode::Room, before)
                    .using(figure)
                    .by(PolicyName::SumOrder.applied())
                    .with(&[
                        (NumberName::Allocation, NumberValue::Money(amount)),
                        (NumberName::EarlierLines, NumberValue::Money(*earlier)),
                        (NumberName::Left, NumberValue::Money(left)),
                        (NumberName::UnpricedEarlier, NumberValue::Count(*unpriced)),
                    ])
                    .to(before.min(left))
            }
            Some((Err(_), _)) | None => Step::new(StepCode::RoomUnknown, before),
        };
        *earlier = *earlier + step.after;
        line.outcome = Outcome::Payable(step.after);
        line.steps.push(step);
    }
}
