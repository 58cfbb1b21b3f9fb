//! The sums a PCN may draw on in a contract year.

use std::sync::Arc;

use terms::{ContractYear, Date, Pence, Population};

use super::figure::{Figure, Pot, Value};
use super::policy::{PolicyName, PolicyUse};
use super::rulebook::RuleBook;

/// Why a sum is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocationGap {
    /// The PCN's weighted list of the day is not recorded.
    ListMissing {
        /// 1 January before the year.
        date: Date,
    },
    /// The rate of the year was not published, or is not in the rule book.
    RateMissing,
}

/// One sum: weighted list of 1 January times rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Which sum.
    pub pot: Pot,
    /// For which year.
    pub year: ContractYear,
    /// The weighted list, if recorded.
    pub list: Option<Population>,
    /// The rate, if known.
    pub rate: Option<Arc<Figure>>,
    /// The sum, or why it is unknown.
    pub amount: Result<Pence, AllocationGap>,
    /// How it was rounded.
    pub policy: PolicyUse,
}

/// Every sum of a PCN for a year, by the rates known on a day. An unknown one stays unknown.
pub fn allocate(
    rules: &RuleBook,
    year: ContractYear,
    weighted: Option<Population>,
    rules_known_on: Date,
) -> Vec<Allocation> {
    let of_pot = |pot| {
        let rate = rules.rate(pot, year, rules_known_on).cloned();
        Allocation {
            pot,
            year,
            list: weighted,
            amount: amount(year, weighted, rate.as_deref()),
            rate,
            policy: PolicyName::AllocationRounding.applied(),
        }
    };
    rules.pots(year).into_iter().map(of_pot).collect()
}

fn amount(
    year: ContractYear,
    weighted: Option<Population>,
    rate: Option<&Figure>,
) -> Result<Pence, AllocationGap> {
    let list = weighted.ok_or(AllocationGap::ListMissing { date: year.list_date() })?;
    match rate.map(|figure| figure.value) {
        Some(Value::PerWeightedPatient(rate)) => Ok(rate.times(list)),
        Some(Value::AYear(_) | Value::AMonth(_) | Value::Wte(_) | Value::Unlimited) | None => {
            Err(AllocationGap::RateMissing)
        }
    }
}
