//! The sums a PCN may draw on in a contract year.

use std::sync::Arc;

use terms::{ContractYear, Date, Pence, Population};

use super::figure::{Figure, Pot, Value};
use super::policy::{PolicyName, PolicyUse};
use super::rulebook::RuleBook;

/// The lists of a PCN on 1 January before the year, as far as recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Registered patients: their number decides which fixed sum is a PCN's.
    pub registered: Option<Population>,
    /// Weighted patients, who are multiplied with a rate.
    pub weighted: Option<Population>,
}

/// What a sum depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The weighted list, if recorded: it is multiplied with a rate.
    Weighted(Option<Population>),
    /// The registered list, if recorded: its size decides which fixed sum it is.
    Registered(Option<Population>),
}

/// Why a sum is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocationGap {
    /// The PCN's weighted list of the day is not recorded.
    WeightedListMissing {
        /// 1 January before the year.
        date: Date,
    },
    /// The PCN's registered list of the day is not recorded.
    RegisteredListMissing {
        /// 1 January before the year.
        date: Date,
    },
    /// The rate of the year was not published, or is not in the rule book.
    RateMissing,
    /// The sum for PCNs of this size was not published, or is not in the rule book.
    SumMissing {
        /// The registered list.
        registered: Population,
    },
}

/// One sum: weighted list of 1 January times rate, or a fixed sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Which sum.
    pub pot: Pot,
    /// For which year.
    pub year: ContractYear,
    /// What it depends on.
    pub basis: Basis,
    /// The rate or the fixed sum, if known.
    pub figure: Option<Arc<Figure>>,
    /// The sum, or why it is unknown.
    pub amount: Result<Pence, AllocationGap>,
    /// How it was rounded.
    pub policy: PolicyUse,
}

impl Allocation {
    /// What is not known, so that there is no amount: `weighted list of 2025-01-01 not known`.
    pub fn missing(&self) -> Option<String> {
        let year = self.year;
        Some(match self.amount.err()? {
            AllocationGap::WeightedListMissing { date } => {
                format!("weighted list of {date} not known")
            }
            AllocationGap::RegisteredListMissing { date } => {
                format!("registered list of {date} not known")
            }
            AllocationGap::RateMissing => format!("rate of {year} not known"),
            AllocationGap::SumMissing { registered } => {
                format!("sum of {year} for {registered} registered patients not known")
            }
        })
    }
}

/// Every sum of a PCN for a year, by the figures known on a day. An unknown one stays unknown.
pub fn allocate(
    rules: &RuleBook,
    year: ContractYear,
    lists: Lists,
    rules_known_on: Date,
) -> Vec<Allocation> {
    let of_pot = |pot| {
        let basis = if rules.is_fixed(pot, year) {
            Basis::Registered(lists.registered)
        } else {
            Basis::Weighted(lists.weighted)
        };
        let figure = match basis {
            Basis::Weighted(_) => rules.rate(pot, year, rules_known_on),
            Basis::Registered(list) => {
                list.and_then(|list| rules.sum(pot, list, year, rules_known_on))
            }
        };
        Allocation {
            pot,
            year,
            basis,
            amount: amount(year, basis, figure.map(|figure| figure.value)),
            figure: figure.cloned(),
            policy: PolicyName::AllocationRounding.applied(),
        }
    };
    rules.pots(year).into_iter().map(of_pot).collect()
}

fn amount(year: ContractYear, basis: Basis, value: Option<Value>) -> Result<Pence, AllocationGap> {
    let date = year.list_date();
    match basis {
        Basis::Weighted(list) => {
            let list = list.ok_or(AllocationGap::WeightedListMissing { date })?;
            let Some(Value::PerWeightedPatient(rate)) = value else {
                return Err(AllocationGap::RateMissing);
            };
            Ok(rate.times(list))
        }
        Basis::Registered(list) => {
            let registered = list.ok_or(AllocationGap::RegisteredListMissing { date })?;
            let Some(Value::Fixed(sum)) = value else {
                return Err(AllocationGap::SumMissing { registered });
            };
            Ok(sum)
        }
    }
}
