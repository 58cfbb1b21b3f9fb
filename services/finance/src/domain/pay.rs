//! What an engagement cost in a month, as the payroll ran.

use std::collections::BTreeMap;
use std::ops::Add;

use terms::{Date, EngagementId, Month, Pence};

/// The parts of a month's cost, each shared to the penny by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Components {
    /// Gross salary.
    pub salary: Pence,
    /// The employer's National Insurance.
    pub employer_ni: Pence,
    /// The employer's pension contribution.
    pub employer_pension: Pence,
    /// A supplier's fees.
    pub fees: Pence,
}

impl Components {
    /// Salary, National Insurance, pension, fees.
    pub fn parts(self) -> [Pence; 4] {
        [self.salary, self.employer_ni, self.employer_pension, self.fees]
    }

    /// All of it.
    pub fn total(self) -> Pence {
        self.salary + self.employer_ni + self.employer_pension + self.fees
    }

    /// The same done to each part.
    pub fn map(self, change: impl Fn(Pence) -> Pence) -> Components {
        Components {
            salary: change(self.salary),
            employer_ni: change(self.employer_ni),
            employer_pension: change(self.employer_pension),
            fees: change(self.fees),
        }
    }
}

impl Add for Components {
    type Output = Components;
    fn add(self, other: Components) -> Components {
        Components {
            salary: self.salary + other.salary,
            employer_ni: self.employer_ni + other.employer_ni,
            employer_pension: self.employer_pension + other.employer_pension,
            fees: self.fees + other.fees,
        }
    }
}

/// One row of pay: for the whole engagement, whoever shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pay {
    /// Whose pay it is.
    pub engagement: EngagementId,
    /// The month it is for.
    pub month: Month,
    /// The amounts; negative ones recover an overpayment.
    pub amounts: Components,
    /// The day it was paid; none if it has not been.
    pub paid_on: Option<Date>,
}

/// Far above any monthly pay, and far below what sums of pay can hold: £10 million.
const AMOUNT_MAX: Pence = Pence::from_pounds(10_000_000);

/// Why pay is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayError {
    /// Recoveries exceed what was paid for the month, in one part or more.
    #[error("a part of the pay of {engagement} for {month} adds up to below zero")]
    BelowZero {
        /// Whose pay.
        engagement: EngagementId,
        /// Which month.
        month: Month,
        /// What each part adds up to.
        total: Components,
    },
    /// One amount is not an amount of pay.
    #[error("an amount of {engagement} for {month} is beyond £10 million: {amount}")]
    TooLarge {
        /// Whose pay.
        engagement: EngagementId,
        /// Which month.
        month: Month,
        /// The amount.
        amount: Pence,
    },
}

/// Checks all pay of some engagements as it would stand: no part of a month may be below zero. A
/// salary below zero is a mistake also where the other parts outweigh it.
///
/// Errors come in the order of engagement and month.
pub fn check(rows: &[Pay]) -> Vec<PayError> {
    let mut errors = Vec::new();
    let mut totals: BTreeMap<(EngagementId, Month), Components> = BTreeMap::new();
    for row in rows {
        let amounts = row.amounts.parts();
        let beyond = |amount: &&Pence| amount.0.unsigned_abs() > AMOUNT_MAX.0.unsigned_abs();
        if let Some(amount) = amounts.iter().find(beyond) {
            let (engagement, month) = (row.engagement, row.month);
            errors.push(PayError::TooLarge { engagement, month, amount: *amount });
            continue;
        }
        let total = totals.entry((row.engagement, row.month)).or_default();
        *total = *total + row.amounts;
    }
    let below = totals
        .into_iter()
        .filter(|(_, total)| total.parts().into_iter().any(|part| part < Pence::ZERO));
    errors.extend(below.map(|((engagement, month), total)| PayError::BelowZero {
        engagement,
        month,
        total,
    }));
    errors
}
