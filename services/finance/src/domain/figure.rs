//! Figures of the scheme, each with where it is from and how far to trust it.

use std::fmt;
use std::str::FromStr;

use terms::{Band, Confidence, Date, Fraction, LondonArea, Pence, Population, Rate, RoleCode};

use super::income::{Counted, IncomeLine};
use super::on_cost::{BasisPoints, OnCost};
use super::owed::PaymentTerm;

/// A text that is not one of the words of a rule file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct WordError {
    /// The words there are.
    pub expected: &'static str,
}

/// The area of a row of the maxima: those of PCNs, and one row for all of London.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowArea {
    /// Outside London.
    Outside,
    /// Outer London.
    Outer,
    /// Inner London.
    Inner,
    /// Outer and inner London alike.
    London,
}

impl RowArea {
    /// Every area, in the order of declaration.
    pub const ALL: [RowArea; 4] =
        [RowArea::Outside, RowArea::Outer, RowArea::Inner, RowArea::London];

    /// The word in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowArea::Outside => "outside",
            RowArea::Outer => "outer",
            RowArea::Inner => "inner",
            RowArea::London => "london",
        }
    }

    /// The row that is a PCN's own.
    pub const fn of(area: LondonArea) -> RowArea {
        match area {
            LondonArea::Outside => RowArea::Outside,
            LondonArea::Outer => RowArea::Outer,
            LondonArea::Inner => RowArea::Inner,
        }
    }
}

impl fmt::Display for RowArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RowArea {
    type Err = WordError;
    fn from_str(text: &str) -> Result<RowArea, WordError> {
        const EXPECTED: WordError = WordError { expected: "outside, outer, inner or london" };
        RowArea::ALL.into_iter().find(|area| area.as_str() == text).ok_or(EXPECTED)
    }
}

/// The part of the cost that the scheme takes over, in percent. A row of the maxima already
/// contains it.
// Invariant: from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u8);

impl Share {
    /// Half: mental health practitioners.
    pub const HALF: Share = Share(50);
    /// All of it.
    pub const WHOLE: Share = Share(100);

    /// None unless from 1 to 100.
    pub fn from_percent(percent: i64) -> Option<Share> {
        u8::try_from(percent).ok().filter(|percent| (1..=100).contains(percent)).map(Share)
    }

    /// The percentage.
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// The exact part.
    pub fn part(self) -> Fraction {
        Fraction::new(self.0, 100)
    }

    /// The part of an amount, half up to the penny.
    pub fn of(self, amount: Pence) -> Pence {
        Pence::from_fraction(Fraction::from(amount.0) * self.part())
    }
}

/// `half`, `70%`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Share::HALF => f.pad("half"),
            Share(percent) => f.pad(&format!("{percent}%")),
        }
    }
}

/// A sum of money that a PCN may draw on in a contract year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pot {
    /// The main sum.
    Main,
    /// The sum of 2024-25 for general practitioners, which pays nothing else.
    GpRingfence,
    /// The fixed sum of 2019-20 for clinical pharmacists.
    Pharmacists,
    /// The fixed sum of 2019-20 for link workers.
    LinkWorkers,
}

impl Pot {
    /// Every pot, the main one first.
    pub const ALL: [Pot; 4] = [Pot::Main, Pot::GpRingfence, Pot::Pharmacists, Pot::LinkWorkers];

    /// The word in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Pot::Main => "MAIN",
            Pot::GpRingfence => "GP_RINGFENCE",
            Pot::Pharmacists => "CP",
            Pot::LinkWorkers => "SPLW",
        }
    }
}

impl fmt::Display for Pot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Pot {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Pot, WordError> {
        const EXPECTED: WordError = WordError { expected: "MAIN, GP_RINGFENCE, CP or SPLW" };
        Pot::ALL.into_iter().find(|pot| pot.as_str() == text).ok_or(EXPECTED)
    }
}

/// The lists a figure is for, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListRange {
    /// The smallest one.
    pub least: Population,
    /// The largest one, if there is one.
    pub most: Option<Population>,
}

impl ListRange {
    /// Whether a list is one of them.
    pub fn contains(self, list: Population) -> bool {
        self.least <= list && self.most.is_none_or(|most| list <= most)
    }

    /// Whether every list is one of them.
    pub fn is_every(self) -> bool {
        self.least == Population::from_patients(0) && self.most.is_none()
    }

    /// Whether some list is in both.
    pub fn meets(self, other: ListRange) -> bool {
        self.most.is_none_or(|most| other.least <= most)
            && other.most.is_none_or(|most| self.least <= most)
    }
}

/// `0-99999`, `100000-any`.
impl fmt::Display for ListRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) => write!(f, "{}-{most}", self.least),
            None => write!(f, "{}-any", self.least),
        }
    }
}

/// Which cell of which table a figure fills.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// The most that is paid for one WTE a year.
    Maximum {
        /// The role.
        role: RoleCode,
        /// The band as the row names it: `7-8a`, `5`, `n/a`.
        label: String,
        /// The band, where it picks the row.
        band: Option<Band>,
        /// The area of the row.
        area: RowArea,
        /// The share that the row contains.
        share: Share,
    },
    /// Pounds a weighted patient.
    Rate {
        /// The pot it fills.
        pot: Pot,
    },
    /// A sum that every PCN of a size has alike.
    Sum {
        /// The pot it fills.
        pot: Pot,
        /// The registered lists it is for.
        lists: ListRange,
    },
    /// The share of a role's cost that is paid, where it is not the whole.
    Share {
        /// The role.
        role: RoleCode,
    },
    /// The most WTE of a role.
    Cap {
        /// The role; none for every role.
        role: Option<RoleCode>,
        /// The registered lists it is for.
        lists: ListRange,
    },
    /// What may be claimed of a supplier's fee.
    Fee {
        /// The role supplied.
        role: RoleCode,
    },
    /// What a maximum is built of.
    OnCost(OnCost),
    /// How long a payment takes.
    PaymentDelay {
        /// By which reading.
        term: PaymentTerm,
    },
    /// A rate of a line of income beside the scheme.
    Income {
        /// The line.
        line: IncomeLine,
        /// What the rate is multiplied with.
        counted: Counted,
    },
}

/// A rate for each patient, bed or point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerEach {
    /// Pounds for each.
    pub rate: Rate,
    /// For how many months it is, at least one.
    pub months: u32,
}

/// The number itself, with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// Pence a year for one WTE.
    AYear(Pence),
    /// Pence a month for one WTE.
    AMonth(Pence),
    /// Pounds a weighted patient for the year or the part of it.
    PerWeightedPatient(Rate),
    /// Pence for the days it applies to.
    Fixed(Pence),
    /// A share of the cost.
    Share(Share),
    /// A share of something, or what it grows by.
    Percent(BasisPoints),
    /// Whole-time equivalents.
    Wte(u32),
    /// Months.
    Months(u32),
    /// Pounds for each patient, bed or point.
    Each(PerEach),
    /// It is paid, and nobody prints how much.
    NotPrinted,
    /// There is no limit.
    Unlimited,
}

impl Value {
    /// The unit in words.
    pub const fn unit(self) -> &'static str {
        match self {
            Value::AYear(_) => "pounds a year for one WTE",
            Value::AMonth(_) => "pounds a month for one WTE",
            Value::PerWeightedPatient(_) => "pounds a weighted patient",
            Value::Fixed(_) => "pounds",
            Value::Share(_) => "of the cost",
            Value::Percent(_) => "percent",
            Value::Wte(_) => "WTE",
            Value::Months(_) => "months",
            Value::Each(_) => "pounds for each",
            Value::NotPrinted => "not printed",
            Value::Unlimited => "no limit",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::AYear(pence) | Value::AMonth(pence) | Value::Fixed(pence) => {
                write!(f, "{pence}")
            }
            Value::PerWeightedPatient(rate) => write!(f, "{rate}"),
            Value::Share(share) => write!(f, "{share}"),
            Value::Percent(points) => write!(f, "{points}"),
            Value::Wte(wte) => write!(f, "{wte}"),
            Value::Months(months) => write!(f, "{months}"),
            Value::Each(PerEach { rate, months: 12 }) => write!(f, "{rate}"),
            Value::Each(PerEach { rate, months }) => write!(f, "{rate} for {months} months"),
            Value::NotPrinted => f.write_str("not known"),
            Value::Unlimited => f.write_str("none"),
        }
    }
}

/// What an edition does to the one in force when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// It takes its place: what it lacks is unknown.
    Whole,
    /// It is added to it: roles that join while a table is in force.
    Addition,
}

/// When a figure holds and since when it is known. Figures of one table with the same
/// `applies_from` and `known_from` are one edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first day worked that it is for.
    pub applies_from: Date,
    /// The last one, if there is one.
    pub applies_to: Option<Date>,
    /// The day it was published.
    pub known_from: Date,
}

impl Validity {
    /// Whether it is for work done on `day`.
    pub fn covers(&self, day: Date) -> bool {
        self.applies_from <= day && self.applies_to.is_none_or(|last| day <= last)
    }

    /// Whether it is for every day of the other.
    pub fn contains(&self, other: &Validity) -> bool {
        self.applies_from <= other.applies_from
            && self
                .applies_to
                .is_none_or(|last| other.applies_to.is_some_and(|other| other <= last))
    }

    /// Whether both are for some day.
    pub fn meets(&self, other: &Validity) -> bool {
        self.applies_to.is_none_or(|last| other.applies_from <= last)
            && other.applies_to.is_none_or(|last| self.applies_from <= last)
    }

    /// Whether it was published by the end of `day`.
    pub fn known(&self, day: Date) -> bool {
        self.known_from <= day
    }

    /// Orders editions: the greatest is the newest.
    pub fn newness(&self) -> (Date, Date) {
        (self.known_from, self.applies_from)
    }
}

/// One number of the scheme and its provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// A readable name that stays, made of the cell and the edition.
    pub id: String,
    /// The cell it fills.
    pub cell: Cell,
    /// The number.
    pub value: Value,
    /// The twelfth of it that is printed beside it, if one is.
    pub a_month: Option<Pence>,
    /// When it holds.
    pub validity: Validity,
    /// What its edition does to the one in force.
    pub extent: Extent,
    /// Who prints it.
    pub source: String,
    /// How far to trust it.
    pub confidence: Confidence,
    /// What else must be known of it.
    pub note: Option<String>,
    /// The rule file it stands in.
    pub file: String,
    /// The line of that file, from 1.
    pub line: usize,
}

impl Figure {
    /// The role it is of, if it is of one.
    pub const fn role(&self) -> Option<&RoleCode> {
        match &self.cell {
            Cell::Maximum { role, .. } | Cell::Share { role } | Cell::Fee { role } => Some(role),
            Cell::Cap { role, .. } => role.as_ref(),
            Cell::Rate { .. }
            | Cell::Sum { .. }
            | Cell::OnCost(_)
            | Cell::PaymentDelay { .. }
            | Cell::Income { .. } => None,
        }
    }

    /// `maximum/CP/7-8a/outside/2025-04-01/2025-03-27`; a row that contains a share has it before
    /// its dates, `half` or `70`.
    pub fn name(cell: &Cell, validity: &Validity) -> String {
        let cell = match cell {
            Cell::Maximum { role, label, area, share, band: _ } => {
                let share = match *share {
                    Share::WHOLE => String::new(),
                    Share::HALF => "/half".to_owned(),
                    share => format!("/{}", share.percent()),
                };
                format!("maximum/{role}/{}/{area}{share}", label.replace('/', "-"))
            }
            Cell::Rate { pot } => format!("rate/{pot}"),
            Cell::Sum { pot, lists } => format!("sum/{pot}/{lists}"),
            Cell::Share { role } => format!("share/{role}"),
            Cell::Cap { role, lists } => {
                let role = role.as_ref().map_or("ALL", RoleCode::as_str);
                format!("cap/{role}/{lists}")
            }
            Cell::Fee { role } => format!("fee/{role}"),
            Cell::OnCost(of) => format!("on-cost/{of}"),
            Cell::PaymentDelay { term } => format!("payment-delay/{term}"),
            Cell::Income { line, counted } => format!("income/{line}/{counted}"),
        };
        format!("{cell}/{}/{}", validity.applies_from, validity.known_from)
    }
}
