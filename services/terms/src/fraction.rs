//! Exact shares, so that an amount is rounded once and where it is written down.

use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Sub};

/// An exact number: hours over full-time hours, days over days of the month.
// Invariant: the denominator is positive and the two have no common factor. Packed, so that what
// holds one is a third smaller: every line of a claim keeps some thirty numbers that could be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(Rust, packed(8))]
pub struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    /// Nothing.
    pub const ZERO: Fraction = Fraction { numerator: 0, denominator: 1 };
    /// The whole.
    pub const ONE: Fraction = Fraction { numerator: 1, denominator: 1 };

    /// `numerator / denominator`.
    ///
    /// # Panics
    ///
    /// If the denominator is not positive.
    pub fn new(numerator: impl Into<i128>, denominator: impl Into<i128>) -> Fraction {
        let (numerator, denominator) = (numerator.into(), denominator.into());
        assert!(denominator > 0, "a share is of something");
        let factor = greatest_common_divisor(numerator.unsigned_abs(), denominator.unsigned_abs());
        let factor = i128::try_from(factor).expect("no larger than the denominator");
        Fraction { numerator: numerator / factor, denominator: denominator / factor }
    }

    /// The upper number in lowest terms.
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The lower number in lowest terms; positive.
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// The nearest integer; halves go away from zero.
    ///
    /// # Panics
    ///
    /// If the result does not fit 64 bits.
    pub fn round_half_away(self) -> i64 {
        let size = self.numerator.abs();
        let rounded = (size + self.denominator / 2) / self.denominator;
        i64::try_from(rounded * self.numerator.signum()).expect("a rounded share fits 64 bits")
    }

    /// Millionths, halves away from zero: the printed form of an FTE.
    pub fn micro(self) -> i64 {
        (self * Fraction::from(1_000_000)).round_half_away()
    }
}

impl From<i64> for Fraction {
    fn from(whole: i64) -> Fraction {
        Fraction { numerator: i128::from(whole), denominator: 1 }
    }
}

impl Add for Fraction {
    type Output = Fraction;
    fn add(self, other: Fraction) -> Fraction {
        Fraction::new(
            self.numerator * other.denominator + other.numerator * self.denominator,
            self.denominator * other.denominator,
        )
    }
}

impl Mul for Fraction {
    type Output = Fraction;
    fn mul(self, other: Fraction) -> Fraction {
        Fraction::new(self.numerator * other.numerator, self.denominator * other.denominator)
    }
}

impl Sub for Fraction {
    type Output = Fraction;
    fn sub(self, other: Fraction) -> Fraction {
        self + Fraction { numerator: -other.numerator, ..other }
    }
}

/// # Panics
///
/// If the divisor is not positive.
impl Div for Fraction {
    type Output = Fraction;
    fn div(self, other: Fraction) -> Fraction {
        Fraction::new(self.numerator * other.denominator, self.denominator * other.numerator)
    }
}

impl std::iter::Sum for Fraction {
    fn sum<I: Iterator<Item = Fraction>>(fractions: I) -> Fraction {
        fractions.fold(Fraction::ZERO, Add::add)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        (self.numerator * other.denominator).cmp(&(other.numerator * self.denominator))
    }
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 {
        return a.max(1);
    }
    // Amounts and hours fit 64 bits, whose remainder takes a fraction of the time.
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(mut a), Ok(mut b)) => {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            u128::from(a)
        }
        _ => greatest_common_divisor(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_goes_half_away_from_zero_on_both_sides() {
        for (numerator, denominator, rounded) in
            [(1, 2, 1), (-1, 2, -1), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (7, 2, 4), (0, 5, 0)]
        {
            assert_eq!(Fraction::new(numerator, denominator).round_half_away(), rounded);
        }
    }

    #[test]
    fn shares_add_exactly() {
        let third = Fraction::new(1, 3);
        assert_eq!(third + third + third, Fraction::ONE);
        assert_eq!(Fraction::new(2, 4), Fraction::new(1, 2));
        assert_eq!(Fraction::ONE - third, Fraction::new(2, 3));
        assert_eq!(third - Fraction::ONE, Fraction::new(-2, 3));
        assert_eq!(third / Fraction::new(2, 3), Fraction::new(1, 2));
        assert_eq!(Fraction::new(2, 3).micro(), 666_667);
    }
}
