//! What each role cost a PCN in a year so far, what the scheme pays of it, and what was cut by
//! which step.

use std::collections::BTreeMap;

use terms::{Confidence, Pence, RoleCode};

use super::line::{Line, Outcome};
use super::step::StepCode;

/// Lines of one role, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleYear {
    /// How many lines.
    pub lines: usize,
    /// How many of them have no price.
    pub unpriced: usize,
    /// The PCN's part of the paid cost, of lines with a price.
    pub cost: Pence,
    /// The same, of lines without one.
    pub unpriced_cost: Pence,
    /// The most that could have been paid for the hours and days in post.
    pub maximum: Pence,
    /// What is payable.
    pub payable: Pence,
    /// What each step took of the cost, of lines with a price: together, cost less payable.
    pub cuts: BTreeMap<StepCode, Pence>,
    /// The weakest mark of the figures used.
    pub confidence: Option<Confidence>,
}

impl RoleYear {
    /// The cost that is not payable.
    pub fn cut(&self) -> Pence {
        self.cost - self.payable
    }

    /// What the same hours could still have been paid.
    pub fn unclaimed(&self) -> Pence {
        self.maximum - self.payable
    }

    /// Adds up lines.
    pub fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> RoleYear {
        let mut year = RoleYear::default();
        for line in lines {
            year.add(line);
        }
        let cuts: Pence = year.cuts.values().copied().sum();
        assert_eq!(cuts, year.cut(), "every step begins where the one before it ended");
        year
    }

    fn add(&mut self, line: &Line) {
        self.lines += 1;
        self.confidence = self.confidence.max(line.confidence);
        let Outcome::Payable(payable) = line.outcome else {
            self.unpriced += 1;
            self.unpriced_cost = self.unpriced_cost + line.own_cost;
            return;
        };
        self.cost = self.cost + line.own_cost;
        self.maximum = self.maximum + line.maximum.unwrap_or_default();
        self.payable = self.payable + payable;
        // The steps up to the attribution lead to the PCN's own part of the cost.
        for step in line.steps.iter().filter(|step| step.code > StepCode::Attribution) {
            let cut = step.before - step.after;
            if cut != Pence::ZERO {
                let of_code = self.cuts.entry(step.code).or_default();
                *of_code = *of_code + cut;
            }
        }
    }
}

/// Lines by their roles.
pub fn by_role(lines: &[Line]) -> BTreeMap<RoleCode, RoleYear> {
    let mut roles: BTreeMap<RoleCode, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        roles.entry(line.role.clone()).or_default().push(line);
    }
    let of = |(role, lines): (RoleCode, Vec<&Line>)| (role, RoleYear::of(lines.into_iter()));
    roles.into_iter().map(of).collect()
}
