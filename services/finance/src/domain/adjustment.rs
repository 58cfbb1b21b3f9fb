//! What changes about months whose claims are approved: figures that became known later, pay that
//! was paid or taken back later, hours that were corrected.
//!
//! An approved claim stays as it is. What is missing or too much is the matter of another claim,
//! with a line for each person and month that it concerns.

use std::collections::{BTreeMap, BTreeSet};

use terms::{EngagementId, Month, Pence};

use super::line::{Line, Outcome};
use super::policy::PolicyName;
use super::step::{NumberName, NumberValue, Step, StepCode};

/// What approved claims have of one engagement and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What they come to, all together.
    pub approved: Pence,
    /// The PCN's part of the paid cost, as the latest of them knew it.
    pub own_cost: Pence,
    /// The maximum, as the latest of them knew it; none if the line had no price.
    pub maximum: Option<Pence>,
}

/// What approved claims have of a PCN.
pub type Settlements = BTreeMap<(Month, EngagementId), Settled>;

/// What is missing of a line, or too much: below zero is to be paid back.
///
/// A higher amount is claimed only as far as more was paid since: who was not paid the arrears of a
/// higher maximum has none. A line without a price changes nothing.
pub fn change(line: &Line, settled: &Settled) -> Pence {
    let Outcome::Payable(now) = line.outcome else { return Pence::ZERO };
    let rise = now - settled.approved;
    if rise <= Pence::ZERO {
        return rise;
    }
    let paid_since = (line.own_cost - settled.own_cost).max(Pence::ZERO);
    rise.min(paid_since)
}

/// A line of a settled month evaluated anew, with what it was and the change that is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrears {
    /// The line by what is known now, up to the change.
    pub line: Line,
    /// What approved claims have of it.
    pub settled: Settled,
    /// What is missing, or too much.
    pub change: Pence,
}

/// Compares lines of settled months, up to their price, with what approved claims have of them.
/// Those that are the same in amount, maximum and cost are left out.
pub fn arrears(
    lines: Vec<Line>,
    months: &BTreeSet<Month>,
    settlements: &Settlements,
    gone: impl Fn(Month, EngagementId) -> Option<Line>,
) -> Vec<Arrears> {
    let nothing =
        || Settled { approved: Pence::ZERO, own_cost: Pence::ZERO, maximum: Some(Pence::ZERO) };
    let mut found = Vec::new();
    let mut seen: BTreeSet<(Month, EngagementId)> = BTreeSet::new();
    for line in lines.into_iter().filter(|line| months.contains(&line.month)) {
        let key = (line.month, line.engagement);
        seen.insert(key);
        let settled = settlements.get(&key).cloned().unwrap_or_else(nothing);
        let same = line.payable() == Some(settled.approved)
            && line.own_cost == settled.own_cost
            && line.maximum == settled.maximum;
        if !same {
            let change = change(&line, &settled);
            found.push(Arrears { line, settled, change });
        }
    }
    // Hours that are not recorded any more.
    for ((month, engagement), settled) in settlements {
        let missing = months.contains(month) && !seen.contains(&(*month, *engagement));
        if missing && settled.approved != Pence::ZERO {
            let Some(line) = gone(*month, *engagement) else { continue };
            let change = change(&line, settled);
            found.push(Arrears { line, settled: settled.clone(), change });
        }
    }
    found
}

impl Arrears {
    /// The line of an adjustment, in which only the change is claimed.
    pub fn into_line(self) -> Line {
        let Arrears { mut line, settled, change } = self;
        let before = line.payable().unwrap_or(Pence::ZERO);
        let step = Step::new(StepCode::Adjustment, before)
            .by(PolicyName::Arrears.applied())
            .with(&[
                (NumberName::Approved, NumberValue::Money(settled.approved)),
                (NumberName::PaidSince, NumberValue::Money(line.own_cost - settled.own_cost)),
            ])
            .to(change);
        line.outcome = Outcome::Payable(change);
        line.steps.push(step);
        line
    }
}
