//! Step 7: what of a role's lines an old vacancy in its baseline holds back.
//!
//! The baseline is what practices paid for themselves, in some roles, before the scheme. Where they
//! have paid for less than that for longer than three months, as much of the role is not claimable.

use jiff::Span;
use terms::{Confidence, Date, Fraction, Month, OdsCode, RoleCode};

use super::line::{Line, Outcome};
use super::policy::PolicyName;
use super::rulebook::RuleBook;
use super::step::{NumberName, NumberValue, Step, StepCode};

/// Whole-time equivalents, exact to the millionth.
// Invariant: from 0 to 1,000: more than any PCN has of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wte(i64);

impl Wte {
    /// None below zero or above a thousand.
    pub fn from_micro(micro: i64) -> Option<Wte> {
        (0..=1_000_000_000).contains(&micro).then_some(Wte(micro))
    }

    /// Millionths.
    pub const fn micro(self) -> i64 {
        self.0
    }

    fn exact(self) -> Fraction {
        Fraction::new(self.0, 1_000_000)
    }
}

/// The baseline of a role from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// From which day.
    pub from: Date,
    /// How much.
    pub wte: Wte,
    /// Who agreed to it.
    pub by: String,
    /// Where that is written.
    pub reference: String,
}

/// What practices pay for themselves in a role from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funded {
    /// From which day.
    pub from: Date,
    /// How much is in post.
    pub wte: Wte,
}

/// What is recorded of the baseline of one role of a PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The PCN.
    pub pcn: OdsCode,
    /// The role.
    pub role: RoleCode,
    /// What was agreed, by day.
    pub agreed: Vec<Agreed>,
    /// What practices paid for, by day.
    pub funded: Vec<Funded>,
}

impl Baseline {
    /// Without records.
    pub fn empty(pcn: OdsCode, role: RoleCode) -> Baseline {
        Baseline { pcn, role, agreed: Vec::new(), funded: Vec::new() }
    }

    /// The baseline of a day, if one was agreed.
    pub fn agreed_on(&self, day: Date) -> Option<Wte> {
        let begun = self.agreed.iter().filter(|one| one.from <= day);
        begun.max_by_key(|one| one.from).map(|one| one.wte)
    }

    /// What practices pay for on a day, if it was recorded.
    pub fn funded_on(&self, day: Date) -> Option<Wte> {
        let begun = self.funded.iter().filter(|one| one.from <= day);
        begun.max_by_key(|one| one.from).map(|one| one.wte)
    }

    /// The vacancy of a day, as far as it is known.
    fn vacant_on(&self, day: Date) -> i64 {
        match (self.agreed_on(day), self.funded_on(day)) {
            (Some(agreed), Some(funded)) => (agreed.0 - funded.0).max(0),
            (Some(_) | None, Some(_) | None) => 0,
        }
    }

    /// What was vacant on this day and on every day of the three calendar months before it.
    fn blocked_on(&self, day: Date) -> i64 {
        let since = day.saturating_sub(Span::new().months(3));
        let agreed = self.agreed.iter().map(|one| one.from);
        let changes = agreed.chain(self.funded.iter().map(|one| one.from));
        let changes = changes.filter(|change| since < *change && *change <= day);
        let vacant = changes.map(|change| self.vacant_on(change));
        vacant.fold(self.vacant_on(since), i64::min)
    }

    /// The blocked WTE of a month, by its days.
    pub fn blocked(&self, month: Month) -> Fraction {
        let days = month.first().series(Span::new().days(1)).take_while(|day| *day <= month.last());
        let micro: i64 = days.map(|day| self.blocked_on(day)).sum();
        Fraction::new(micro, 1_000_000 * month.days())
    }
}

/// That a role has a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineRule {
    /// The first day worked that it matters for.
    pub from: Date,
    /// Who says so.
    pub source: String,
    /// How far to trust it.
    pub confidence: Confidence,
}

/// What is known of a role's baseline in a month.
enum Known<'a> {
    /// The role has none.
    None,
    /// Nobody recorded the baseline, or what practices pay for.
    NotRecorded(NumberName),
    Recorded(&'a Baseline, Confidence),
}

/// One role in one month.
struct Tally<'a> {
    role: RoleCode,
    known: Known<'a>,
    /// What is still to be held back.
    left: Fraction,
    /// What is held back of people who started later.
    held: Fraction,
}

/// Holds back lines of roles with an old vacancy in the baseline. Lines come by month, start date
/// and engagement: who started last is held back first.
pub(super) fn apply_baselines(rules: &RuleBook, baselines: &[Baseline], lines: &mut [Line]) {
    let mut month: Option<Month> = None;
    let mut tallies: Vec<Tally<'_>> = Vec::new();
    for line in lines.iter_mut().rev() {
        if month.replace(line.month) != Some(line.month) {
            tallies.clear();
        }
        let place = tallies.iter().position(|tally| tally.role == line.role);
        let place = place.unwrap_or_else(|| {
            tallies.push(Tally::of(rules, baselines, &line.role, line.month));
            tallies.len() - 1
        });
        tallies[place].hold_back(line);
    }
}

impl<'a> Tally<'a> {
    fn of(rules: &RuleBook, all: &'a [Baseline], role: &RoleCode, month: Month) -> Tally<'a> {
        let rule = rules.role(role).and_then(|role| role.baseline.as_ref());
        let recorded = all.iter().find(|baseline| baseline.role == *role);
        let last = month.last();
        let known = match (rule.filter(|rule| rule.from <= last), recorded) {
            (None, _) => Known::None,
            (Some(rule), Some(recorded)) => match recorded.agreed_on(last) {
                None => Known::NotRecorded(NumberName::BaselineWte),
                // Where there is nothing to fill nothing can be vacant.
                Some(agreed) if agreed > Wte(0) && recorded.funded_on(last).is_none() => {
                    Known::NotRecorded(NumberName::FundedWte)
                }
                Some(_) => Known::Recorded(recorded, rule.confidence),
            },
            (Some(_), None) => Known::NotRecorded(NumberName::BaselineWte),
        };
        let left = match &known {
            Known::Recorded(baseline, _) => baseline.blocked(month),
            Known::None | Known::NotRecorded(_) => Fraction::ZERO,
        };
        Tally { role: role.clone(), known, left, held: Fraction::ZERO }
    }

    fn hold_back(&mut self, line: &mut Line) {
        let Outcome::Payable(before) = line.outcome else { return };
        let step = match &self.known {
            Known::None => Step::new(StepCode::Baseline, before),
            Known::NotRecorded(missing) => Step::new(StepCode::BaselineNotRecorded, before)
                .with(&[(*missing, NumberValue::Day(line.month.last()))]),
            Known::Recorded(baseline, confidence) => {
                let own = line.wte.unwrap_or(Fraction::ZERO);
                let held = own.min(self.left);
                let last = line.month.last();
                let wte = |wte: Option<Wte>| NumberValue::Exact(wte.unwrap_or_default().exact());
                let numbers = [
                    (NumberName::BaselineWte, wte(baseline.agreed_on(last))),
                    (NumberName::FundedWte, wte(baseline.funded_on(last))),
                    (NumberName::BlockedWte, NumberValue::Exact(self.left + self.held)),
                    (NumberName::HeldLater, NumberValue::Exact(self.held)),
                    (NumberName::Wte, NumberValue::Exact(own)),
                    (NumberName::WteHeld, NumberValue::Exact(held)),
                ];
                self.left = self.left - held;
                self.held = self.held + held;
                line.held_back = held;
                let step = Step::new(StepCode::Baseline, before)
                    .by(PolicyName::VacancyBlock.applied())
                    .with(&numbers);
                if held == Fraction::ZERO {
                    step
                } else {
                    line.confidence = line.confidence.max(Some(*confidence));
                    step.to(line.within(own - held))
                }
            }
        };
        line.outcome = Outcome::Payable(step.after);
        line.steps.push(step);
    }
}
