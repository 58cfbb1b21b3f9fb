//! What a maximum is built of: National Insurance, pension, London supplements, salaries, awards.

use std::fmt;
use std::str::FromStr;

use terms::Fraction;

use super::figure::{RowArea, WordError};

/// Hundredths of a percent, in which rates and awards are printed. An award may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(pub i32);

impl BasisPoints {
    /// The whole.
    const WHOLE: i64 = 10_000;

    /// The part of one.
    pub fn share(self) -> Fraction {
        Fraction::new(self.0, Self::WHOLE)
    }

    /// One and the part of it: what something grows to.
    pub fn growth(self) -> Fraction {
        Fraction::ONE + self.share()
    }
}

/// `14.38%`, without zeros at the end.
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:02}", size / 100, size % 100);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.pad(&format!("{text}%"))
    }
}

/// Whose National Insurance it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NiBasis {
    /// What employers pay.
    Law,
    /// What the maxima were priced with, which is not always the law of the day.
    Maxima,
}

impl NiBasis {
    /// The word in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            NiBasis::Law => "LAW",
            NiBasis::Maxima => "MAXIMA",
        }
    }
}

impl FromStr for NiBasis {
    type Err = WordError;
    fn from_str(text: &str) -> Result<NiBasis, WordError> {
        const EXPECTED: WordError = WordError { expected: "LAW or MAXIMA" };
        let all = [NiBasis::Law, NiBasis::Maxima];
        all.into_iter().find(|basis| basis.as_str() == text).ok_or(EXPECTED)
    }
}

/// Whose pay awards and London supplement hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayScale {
    /// Agenda for Change.
    AgendaForChange,
    /// General practitioners.
    GeneralPractitioners,
}

impl PayScale {
    /// The word in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            PayScale::AgendaForChange => "AFC",
            PayScale::GeneralPractitioners => "GP",
        }
    }
}

impl FromStr for PayScale {
    type Err = WordError;
    fn from_str(text: &str) -> Result<PayScale, WordError> {
        const EXPECTED: WordError = WordError { expected: "AFC or GP" };
        let all = [PayScale::AgendaForChange, PayScale::GeneralPractitioners];
        all.into_iter().find(|scale| scale.as_str() == text).ok_or(EXPECTED)
    }
}

/// A number of a London supplement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SupplementPart {
    /// The share of the salary.
    Share,
    /// Never less than this.
    Least,
    /// Never more than this.
    Most,
    /// The same for every salary.
    Fixed,
}

impl SupplementPart {
    const fn as_str(self) -> &'static str {
        match self {
            SupplementPart::Share => "share",
            SupplementPart::Least => "least",
            SupplementPart::Most => "most",
            SupplementPart::Fixed => "fixed",
        }
    }
}

/// One number that a maximum is built of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnCost {
    /// The rate of employer's National Insurance.
    NiRate(NiBasis),
    /// The pay a year up to which there is none.
    NiThreshold(NiBasis),
    /// The employer's part of the pension rate.
    Pension,
    /// A number of a London supplement.
    Supplement {
        /// Whose.
        scale: PayScale,
        /// Where.
        area: RowArea,
        /// Which number.
        part: SupplementPart,
    },
    /// The salary inside the maximum of a row, outside London.
    Salary {
        /// The band as the row names it.
        label: String,
    },
    /// By how much salaries grew.
    Award {
        /// Whose.
        scale: PayScale,
    },
}

/// The part of a figure's name before its dates: `ni-rate/MAXIMA`, `salary/7-8a`.
impl fmt::Display for OnCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OnCost::NiRate(basis) => write!(f, "ni-rate/{}", basis.as_str()),
            OnCost::NiThreshold(basis) => write!(f, "ni-threshold/{}", basis.as_str()),
            OnCost::Pension => f.write_str("pension"),
            OnCost::Supplement { scale, area, part } => {
                write!(f, "supplement/{}/{area}/{}", scale.as_str(), part.as_str())
            }
            OnCost::Salary { label } => write!(f, "salary/{}", label.replace('/', "-")),
            OnCost::Award { scale } => write!(f, "award/{}", scale.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_it_is_printed() {
        for (points, text) in [(1380, "13.8%"), (1438, "14.38%"), (1500, "15%"), (-50, "-0.5%")] {
            assert_eq!(BasisPoints(points).to_string(), text);
        }
        assert_eq!(BasisPoints(500).growth(), Fraction::new(21, 20));
    }
}
