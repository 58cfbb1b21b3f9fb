//! Which month a row of pay belongs to, and which part of a month's cost is a PCN's.

use std::collections::BTreeMap;

use terms::{
    Assignment, ContractYear, Date, EngagementId, Month, OdsCode, Pence, Period, minute_days,
};

use super::pay::{Components, Pay};

/// Pay that belongs to no month in post, because it is for a month before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnplacedPay {
    /// Whose pay.
    pub engagement: EngagementId,
    /// The month it is recorded for.
    pub month: Month,
    /// All of it.
    pub amount: Pence,
}

/// Cost of one engagement and month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MonthCost {
    /// Paid by the claim date.
    pub(crate) paid: Components,
    /// Not paid by then.
    pub(crate) unpaid: Pence,
    /// Rows of pay.
    pub(crate) rows: i64,
    /// Pay of later months that is in the above: month and amount.
    pub(crate) late: Vec<(Month, Pence)>,
}

impl MonthCost {
    /// What was or will be paid.
    pub(crate) fn actual(&self) -> Pence {
        self.paid.total() + self.unpaid
    }

    /// What may be claimed now. A recovery paid before what it recovers from waits with it.
    pub(crate) fn claimable_now(&self) -> Components {
        if self.paid.total() < Pence::ZERO { Components::default() } else { self.paid }
    }
}

/// The cost of every month of a year, April first.
pub(crate) type YearCost = [MonthCost; 12];

/// Puts every row of pay where it belongs: its month, or the last month in post before it.
///
/// Rows that belong to another contract year are left to the evaluation of that year.
pub(crate) fn place(
    pay: &[Pay],
    assignments: &[Assignment],
    year: ContractYear,
    claim_date: Date,
) -> (YearCost, Vec<UnplacedPay>) {
    let mut costs = YearCost::default();
    let mut unplaced = Vec::new();
    for row in pay {
        let Some(month) = month_in_post(row.month, assignments) else {
            if row.month.contract_year() == year {
                let (engagement, month) = (row.engagement, row.month);
                unplaced.push(UnplacedPay { engagement, month, amount: row.amounts.total() });
            }
            continue;
        };
        if month.contract_year() != year {
            continue;
        }
        let cost = &mut costs[index(month)];
        cost.rows += 1;
        if row.paid_on.is_some_and(|paid_on| paid_on <= claim_date) {
            cost.paid = cost.paid + row.amounts;
        } else {
            cost.unpaid = cost.unpaid + row.amounts.total();
        }
        if month != row.month {
            cost.late.push((row.month, row.amounts.total()));
        }
    }
    (costs, unplaced)
}

/// The place of a month in its contract year, April being 0.
pub(crate) fn index(month: Month) -> usize {
    usize::try_from((month.number() + 8) % 12).expect("a remainder of 12 is not negative")
}

/// The month itself if a day of it is in post, else the last one before with such a day.
pub(crate) fn month_in_post(month: Month, assignments: &[Assignment]) -> Option<Month> {
    let days = month.period();
    if assignments.iter().any(|assignment| assignment.period.overlap(days).is_some()) {
        return Some(month);
    }
    let last_day = |assignment: &Assignment| {
        let up_to = Period::new(assignment.period.from(), days.until())?;
        assignment.period.overlap(up_to)?.last()
    };
    assignments.iter().filter_map(last_day).max().map(Month::of)
}

/// How a month's cost is shared over PCNs and what is worked outside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribution {
    /// Minute-days in this PCN.
    pub(crate) own: i64,
    /// Minute-days of all hours.
    pub(crate) all: i64,
    /// Weights in the order of codes, outside PCNs last, and which is the own one; none where all
    /// hours are the PCN's.
    weights: Vec<i64>,
    position: usize,
}

impl Attribution {
    /// By hour-days over all hours of the engagement in the month.
    pub(crate) fn of(pcn: &OdsCode, assignments: &[Assignment], month: Month) -> Attribution {
        let all = minute_days(assignments, month);
        let here = assignments.iter().filter(|assignment| assignment.pcn == *pcn);
        let own: i64 = here.map(|assignment| assignment.minute_days(month)).sum();
        if own == all && own > 0 {
            return Attribution { own, all, weights: vec![], position: 0 };
        }
        let mut by_code: BTreeMap<&OdsCode, i64> = BTreeMap::from([(pcn, 0)]);
        for assignment in assignments {
            let part = assignment.minute_days(month);
            if part > 0 {
                *by_code.entry(&assignment.pcn).or_default() += part;
            }
        }
        let position = by_code.keys().take_while(|code| **code < pcn).count();
        let mut weights: Vec<i64> = by_code.into_values().collect();
        weights.push(all - weights.iter().sum::<i64>());
        Attribution { own, all, weights, position }
    }

    /// The part of an amount that is this PCN's.
    pub(crate) fn share(&self, amount: Pence) -> Pence {
        if self.own == self.all && self.own > 0 {
            return amount;
        }
        amount.split(&self.weights)[self.position]
    }
}
