//! Sums over the lines of a PCN.

use terms::{Confidence, Month, Pence};

use super::allocation::Allocation;
use super::figure::Pot;
use super::line::{Line, Outcome};

/// Lines added up. Lines without a price are counted, and leave the sums incomplete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many lines.
    pub lines: usize,
    /// How many of them have no price.
    pub unpriced: usize,
    /// Cost of the engagements, whoever shares them.
    pub actual_cost: Pence,
    /// Paid cost that belongs to this PCN: payable, cut and unpriced cost together.
    pub own_cost: Pence,
    /// Cost of the engagements that was not paid by the claim date.
    pub waiting: Pence,
    /// The amount payable.
    pub payable: Pence,
    /// The PCN's cost that is not payable.
    pub cut: Pence,
    /// The PCN's cost on lines without a price.
    pub unpriced_cost: Pence,
    /// The weakest mark of the figures used.
    pub confidence: Option<Confidence>,
}

impl Totals {
    /// Whether every line has a price.
    pub const fn complete(&self) -> bool {
        self.unpriced == 0
    }

    /// Adds up lines.
    pub fn of<'a>(lines: impl Iterator<Item = &'a Line>) -> Totals {
        let mut totals = Totals::default();
        for line in lines {
            totals.lines += 1;
            totals.actual_cost = totals.actual_cost + line.actual_cost;
            totals.own_cost = totals.own_cost + line.own_cost;
            totals.waiting = totals.waiting + line.waiting;
            totals.confidence = totals.confidence.max(line.confidence);
            match line.outcome {
                Outcome::Payable(payable) => {
                    totals.payable = totals.payable + payable;
                    totals.cut = totals.cut + (line.own_cost - payable);
                }
                Outcome::Unpriced(_) => {
                    totals.unpriced += 1;
                    totals.unpriced_cost = totals.unpriced_cost + line.own_cost;
                }
            }
        }
        totals
    }
}

/// One sum of the year and what the lines take of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PotSummary {
    /// Which sum.
    pub pot: Pot,
    /// How large it is, or why that is unknown.
    pub allocation: Allocation,
    /// Payable in the earlier months of the year.
    pub payable_earlier: Pence,
    /// Payable in the month.
    pub payable: Pence,
    /// Lines of the year so far without a price, which would take more.
    pub unpriced: usize,
    /// What is left after the month if all months were claimed as prepared.
    pub room: Option<Pence>,
}

/// The money of a PCN and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The month asked about.
    pub month: Month,
    /// Its lines.
    pub totals: Totals,
    /// The lines of the year up to and including it.
    pub year_to_date: Totals,
    /// The sums of the year.
    pub pots: Vec<PotSummary>,
}

/// Sums up lines that are in the order of evaluation.
pub(crate) fn summarise(month: Month, lines: &[Line], allocations: Vec<Allocation>) -> Summary {
    let of_pot = |allocation: Allocation| {
        let pot = allocation.pot;
        let own = || lines.iter().filter(move |line| line.pot == pot);
        let year = Totals::of(own());
        let payable = Totals::of(own().filter(|line| line.month == month)).payable;
        PotSummary {
            pot,
            payable_earlier: year.payable - payable,
            payable,
            unpriced: year.unpriced,
            room: allocation.amount.ok().map(|amount| amount - year.payable),
            allocation,
        }
    };
    Summary {
        month,
        totals: Totals::of(lines.iter().filter(|line| line.month == month)),
        year_to_date: Totals::of(lines.iter()),
        pots: allocations.into_iter().map(of_pot).collect(),
    }
}
