//! List sizes and the rates paid for them, in ten-thousandths.

use std::fmt;
use std::str::FromStr;

use crate::amount::decimal;
use crate::{Fraction, ParseError, Pence};

/// A list of patients, registered or weighted, in ten-thousandths of a patient.
// Invariant: never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Population(i64);

impl Population {
    /// None if negative.
    pub fn from_ten_thousandths(value: i64) -> Option<Population> {
        (value >= 0).then_some(Population(value))
    }

    /// Whole patients.
    pub fn from_patients(patients: u32) -> Population {
        Population(i64::from(patients) * 10_000)
    }

    /// Ten-thousandths of a patient.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }
}

impl std::iter::Sum for Population {
    fn sum<I: Iterator<Item = Population>>(lists: I) -> Population {
        Population(lists.fold(0, |total, list| {
            i64::checked_add(total, list.0).expect("England's list fits 64 bits")
        }))
    }
}

/// Patients with up to four decimals; decimals that are zero are left away.
impl fmt::Display for Population {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&trimmed(self.0))
    }
}

impl FromStr for Population {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Population, ParseError> {
        const EXPECTED: ParseError =
            ParseError::new("must be patients with at most four decimals, such as 45139.25");
        decimal(text, 4).and_then(Population::from_ten_thousandths).ok_or(EXPECTED)
    }
}

/// Pounds a weighted patient a year, in ten-thousandths of a pound: `26.631`.
// Invariant: never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

impl Rate {
    /// None if negative.
    pub fn from_ten_thousandths(value: i64) -> Option<Rate> {
        (value >= 0).then_some(Rate(value))
    }

    /// Ten-thousandths of a pound.
    pub const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// What the rate gives for a list, written down once, half up.
    pub fn times(self, list: Population) -> Pence {
        let exact = i128::from(self.0) * i128::from(list.0);
        Pence::from_fraction(Fraction::new(exact, 1_000_000_i128))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("£{}", trimmed(self.0)))
    }
}

impl FromStr for Rate {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Rate, ParseError> {
        const EXPECTED: ParseError =
            ParseError::new("must be pounds with at most four decimals, such as 26.631");
        decimal(text, 4).and_then(Rate::from_ten_thousandths).ok_or(EXPECTED)
    }
}

fn trimmed(ten_thousandths: i64) -> String {
    let text = format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rate: &str, list: &str, pence: i64) {
        let rate: Rate = rate.parse().expect("a rate");
        let list: Population = list.parse().expect("a list");
        assert_eq!(rate.times(list), Pence(pence));
    }

    #[test]
    fn an_allocation_is_rate_times_list_rounded_once() {
        check("16.696", "50000", 83_480_000); // Published for 2022/23: £834,800.
        check("26.631", "45139.25", 120_210_337); // 1,202,103.3668
        check("0.0001", "50", 1); // Half a penny rounds up.
        check("22.671", "0", 0);
    }

    #[test]
    fn decimals_that_say_nothing_are_not_printed() {
        assert_eq!("45139.2500".parse::<Population>().expect("a list").to_string(), "45139.25");
        assert_eq!("20.0000".parse::<Population>().expect("a list").to_string(), "20");
        assert!("1e5".parse::<Population>().is_err());
        assert!("-1".parse::<Population>().is_err());
    }
}
