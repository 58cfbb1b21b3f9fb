//! Money in pence and working time in minutes a week.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use crate::{Fraction, ParseError};

/// An amount of sterling in pence. May be negative.
///
/// Arithmetic panics on overflow in every profile: 92 quadrillion pounds is our bug.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pence(pub i64);

impl Pence {
    /// No money.
    pub const ZERO: Pence = Pence(0);

    /// Whole pounds, as scheme figures are printed.
    pub const fn from_pounds(pounds: i64) -> Pence {
        match pounds.checked_mul(100) {
            Some(pence) => Pence(pence),
            None => panic!("an amount fits 64 bits"),
        }
    }

    /// A fraction of a penny written down: rounded half away from zero, so that a reversal is
    /// the exact negative.
    pub fn from_fraction(exact: Fraction) -> Pence {
        Pence(exact.round_half_away())
    }

    /// Splits the amount by `weights`, to the penny, by largest remainder.
    ///
    /// The parts add up to the whole and none is larger in size than the whole. Shares are taken
    /// of the absolute value; of equal remainders the earlier part gets the penny, so callers
    /// order the parts. All weights zero gives all parts zero but the last, which gets the whole.
    ///
    /// # Panics
    ///
    /// If `weights` is empty or holds a negative weight.
    pub fn split(self, weights: &[i64]) -> Vec<Pence> {
        assert!(!weights.is_empty(), "there is somebody to share with");
        assert!(weights.iter().all(|weight| *weight >= 0), "a share is never negative");

        let total: i128 = weights.iter().copied().map(i128::from).sum();
        if total == 0 {
            let mut parts = vec![Pence::ZERO; weights.len()];
            parts[weights.len() - 1] = self;
            return parts;
        }
        let whole = i128::from(self.0.unsigned_abs());
        let mut parts: Vec<i128> = Vec::with_capacity(weights.len());
        let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let product = whole * i128::from(*weight);
            parts.push(product / total);
            remainders.push((product % total, index));
        }
        let missing = whole - parts.iter().sum::<i128>();
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, index) in remainders.iter().take(usize::try_from(missing).expect("less than parts"))
        {
            parts[*index] += 1;
        }
        let sign = i128::from(self.0.signum());
        parts
            .into_iter()
            .map(|part| Pence(i64::try_from(part * sign).expect("a part fits where the whole did")))
            .collect()
    }
}

impl Add for Pence {
    type Output = Pence;
    fn add(self, other: Pence) -> Pence {
        Pence(self.0.checked_add(other.0).expect("an amount fits 64 bits"))
    }
}

impl Sub for Pence {
    type Output = Pence;
    fn sub(self, other: Pence) -> Pence {
        Pence(self.0.checked_sub(other.0).expect("an amount fits 64 bits"))
    }
}

impl Neg for Pence {
    type Output = Pence;
    fn neg(self) -> Pence {
        Pence::ZERO - self
    }
}

impl Sum for Pence {
    fn sum<I: Iterator<Item = Pence>>(amounts: I) -> Pence {
        amounts.fold(Pence::ZERO, Add::add)
    }
}

/// `£1,234.50`, with the sign before the pound.
impl fmt::Display for Pence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let pounds = (size / 100).to_string();
        let mut grouped = String::with_capacity(pounds.len() + pounds.len() / 3);
        for (index, digit) in pounds.chars().enumerate() {
            if index > 0 && (pounds.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}£{grouped}.{:02}", size % 100))
    }
}

/// Pounds with at most two decimals, digits and one point: `1234.5`, `-20.00`.
impl FromStr for Pence {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Pence, ParseError> {
        const EXPECTED: ParseError =
            ParseError::new("must be pounds with at most two decimals, such as 1234.50");
        decimal(text, 2).map(Pence).ok_or(EXPECTED)
    }
}

/// Contracted or assigned working time in minutes a week, or minutes of a session.
// Invariant: never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minutes(u32);

impl Minutes {
    /// None at all.
    pub const ZERO: Minutes = Minutes(0);

    /// Whole minutes.
    pub const fn new(minutes: u32) -> Minutes {
        Minutes(minutes)
    }

    /// Hours with at most two decimals, digits and one point, made minutes half up.
    ///
    /// The second value tells whether the hours were not whole minutes.
    pub fn from_hours(text: &str) -> Result<(Minutes, bool), ParseError> {
        const EXPECTED: ParseError =
            ParseError::new("must be hours with at most two decimals, such as 18.75");
        let hundredths = decimal(text, 2).filter(|value| *value >= 0).ok_or(EXPECTED)?;
        let sixtieths = hundredths.checked_mul(60).ok_or(EXPECTED)?;
        let minutes = u32::try_from((sixtieths + 50) / 100).map_err(|_| EXPECTED)?;
        Ok((Minutes(minutes), sixtieths % 100 != 0))
    }

    /// The number of minutes.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Add for Minutes {
    type Output = Minutes;
    fn add(self, other: Minutes) -> Minutes {
        Minutes(self.0.checked_add(other.0).expect("minutes fit 32 bits"))
    }
}

impl Sum for Minutes {
    fn sum<I: Iterator<Item = Minutes>>(minutes: I) -> Minutes {
        minutes.fold(Minutes::ZERO, Add::add)
    }
}

/// Hours with two decimals: `18.75`.
impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (u64::from(self.0) * 100 + 30) / 60;
        f.pad(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}

/// Reads digits and one point, with an optional minus, as an integer of 10^-`places`.
pub(crate) fn decimal(text: &str, places: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(part) {
        return None;
    }
    if digits.ends_with('.') || part.len() > usize::try_from(places).ok()? {
        return None;
    }
    let scale = 10_i64.checked_pow(places)?;
    let mut value = whole.parse::<i64>().ok()?.checked_mul(scale)?;
    if !part.is_empty() {
        let missing = places - u32::try_from(part.len()).ok()?;
        value = value.checked_add(part.parse::<i64>().ok()? * 10_i64.pow(missing))?;
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_split(whole: i64, weights: &[i64], parts: &[i64]) {
        let parts: Vec<Pence> = parts.iter().copied().map(Pence).collect();
        assert_eq!(Pence(whole).split(weights), parts);
    }

    #[test]
    fn a_split_conserves_every_penny() {
        check_split(100, &[1, 1, 1], &[34, 33, 33]); // The tie goes to the first.
        check_split(-100, &[1, 1, 1], &[-34, -33, -33]); // A reversal is the exact negative.
        check_split(100, &[0, 1], &[0, 100]);
        check_split(5, &[0, 0], &[0, 5]); // Nobody worked: the last part keeps it.
        check_split(1, &[1, 2], &[0, 1]);
        check_split(i64::MAX, &[1], &[i64::MAX]);
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            whole in -10_000_000_i64..10_000_000,
            weights in proptest::collection::vec(0_i64..100_000, 1..8),
        ) {
            let parts = Pence(whole).split(&weights);
            prop_assert_eq!(parts.iter().copied().sum::<Pence>(), Pence(whole));
            prop_assert!(parts.iter().all(|part| part.0.signum() * whole.signum() >= 0));
            let reversed: Vec<Pence> =
                Pence(-whole).split(&weights).into_iter().map(|part| -part).collect();
            prop_assert_eq!(reversed, parts);
        }
    }

    #[test]
    fn pounds_are_read_strictly_and_printed_for_people() {
        for (text, pence) in [("0", 0), ("12", 1200), ("1234.5", 123_450), ("-20.05", -2005)] {
            assert_eq!(text.parse(), Ok(Pence(pence)), "{text}");
        }
        for text in ["", "1.", ".5", "1.234", "1e3", "£1", "1,000", "+1", "--1", "1 0", "NaN"] {
            assert!(text.parse::<Pence>().is_err(), "{text}");
        }
        assert_eq!(Pence(-123_456_789).to_string(), "-£1,234,567.89");
        assert_eq!(Pence(5).to_string(), "£0.05");
    }

    #[test]
    fn hours_become_minutes_half_up_and_say_when_they_were_rounded() {
        assert_eq!(Minutes::from_hours("37.5"), Ok((Minutes(2250), false)));
        assert_eq!(Minutes::from_hours("18.75"), Ok((Minutes(1125), false)));
        assert_eq!(Minutes::from_hours("33.33"), Ok((Minutes(2000), true))); // 1999.8
        assert_eq!(Minutes::from_hours("0.01"), Ok((Minutes(1), true))); // 0.6
        assert!(Minutes::from_hours("-1").is_err());
        assert!(Minutes::from_hours("37.555").is_err());
        assert_eq!(Minutes(2250).to_string(), "37.50");
    }
}
