//! Rows of the published PCN workforce file, and figures by role made from them.
//!
//! Identifiers hold within one release only, so turnover is deliberately absent. The file has no
//! mark of the scheme: a leaf says what could be claimed, never what was.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use terms::{Fraction, Month, OdsCode, ParseError, RoleCode};

use crate::domain::role::{Leaf, LeafKey, LeafMappings, Reimbursable};

/// One row of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The month whose last day was counted.
    pub census: Month,
    /// The PCN.
    pub pcn: OdsCode,
    /// Which of the return's modules it came from.
    pub source: Source,
    /// The role, as printed.
    pub leaf: Leaf,
    /// The FTE, as printed.
    pub fte: PublishedFte,
    /// Who it is within the release; none for a contracted service.
    pub unique_id: Option<String>,
}

/// Which of the return's modules a row came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// People paid through the PCN.
    Staff,
    /// Services bought in: hours and no person.
    ContractedServices,
}

impl FromStr for Source {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Source, ParseError> {
        match text {
            "NWRS Staff" => Ok(Source::Staff),
            "NWRS contracted services" => Ok(Source::ContractedServices),
            _ => Err(ParseError { expected: "must be NWRS Staff or NWRS contracted services" }),
        }
    }
}

/// An FTE of the publication, which prints up to nine decimals, in billionths.
///
/// Kept as printed, so that sums do not drift; `micro` is the form of our answers.
// Invariant: never negative, below one million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublishedFte(i64);

impl PublishedFte {
    /// Nothing.
    pub const ZERO: PublishedFte = PublishedFte(0);

    /// From stored billionths; none if negative or a million and more.
    pub const fn from_billionths(billionths: i64) -> Option<PublishedFte> {
        match billionths {
            0..1_000_000_000_000_000 => Some(PublishedFte(billionths)),
            _ => None,
        }
    }

    /// Billionths, as stored.
    pub const fn billionths(self) -> i64 {
        self.0
    }

    /// As an exact share.
    pub fn fraction(self) -> Fraction {
        Fraction::new(self.0, 1_000_000_000)
    }

    /// Millionths, half up.
    pub fn micro(self) -> i64 {
        self.fraction().micro()
    }
}

impl std::ops::Add for PublishedFte {
    type Output = PublishedFte;
    fn add(self, other: PublishedFte) -> PublishedFte {
        PublishedFte(self.0.checked_add(other.0).expect("the FTE of England fits 64 bits"))
    }
}

/// Digits and one point with at most nine decimals, such as `0.533333333`; a leading zero may be
/// missing, as in `.0032`.
impl FromStr for PublishedFte {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<PublishedFte, ParseError> {
        const EXPECTED: ParseError = ParseError {
            expected: "must be an FTE with at most nine decimals, such as 0.533333333",
        };
        const PLACES: usize = 9;
        /// Six digits before the point are more than England has.
        const WHOLE_DIGITS_MAX: usize = 6;

        let (whole, part) = match text.split_once('.') {
            None => (text, ""),
            Some((_, "")) => return Err(EXPECTED),
            Some(split) => split,
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let sized = whole.len() <= WHOLE_DIGITS_MAX && part.len() <= PLACES;
        if text.is_empty() || !sized || !digits(whole) || !digits(part) {
            return Err(EXPECTED);
        }
        let padded = format!("{whole}{part:0<PLACES$}");
        padded.parse().map(PublishedFte).map_err(|_| EXPECTED)
    }
}

/// FTE and heads of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// FTE of people.
    pub staff: PublishedFte,
    /// FTE of contracted services.
    pub contracted: PublishedFte,
    /// Distinct identifiers. A row without one is nobody.
    pub headcount: u32,
    /// How many rows there were, repeated ones included.
    pub rows: u32,
}

/// The figures of a leaf that is no role of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafFigures {
    /// The leaf, as its first row prints it.
    pub leaf: Leaf,
    /// Whether it could be claimed; none if nobody has mapped it.
    pub reimbursable: Option<Reimbursable>,
    /// Its figures.
    pub figures: Figures,
}

/// What a release says about one PCN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// By role, for leaves that stand for one, in the order of codes.
    pub roles: Vec<(RoleCode, Figures)>,
    /// Leaves that are known and stand for no role: managers, receptionists, directors.
    pub outside_scheme: Vec<LeafFigures>,
    /// Leaves that nobody has mapped on the day of the census.
    pub unmapped: Vec<LeafFigures>,
    /// All rows. Heads are counted anew, not added.
    pub total: Figures,
}

/// What the rows of one release say about a PCN; rows of other PCNs and months are passed over.
///
/// A PCN without rows has an empty summary: whether it has nobody or did not submit, the file does
/// not tell.
pub fn of_pcn(pcn: &OdsCode, census: Month, rows: &[Row], mappings: &LeafMappings) -> Summary {
    let mut roles: BTreeMap<RoleCode, Tally<'_>> = BTreeMap::new();
    let mut leaves: BTreeMap<(Option<Reimbursable>, LeafKey), (&Leaf, Tally<'_>)> = BTreeMap::new();
    let mut total = Tally::default();
    for row in rows.iter().filter(|row| row.pcn == *pcn && row.census == census) {
        total.add(row);
        let mapping = mappings.get(&row.leaf, census.last());
        match mapping.and_then(|mapping| mapping.role.clone()) {
            Some(role) => roles.entry(role).or_default().add(row),
            None => {
                let key = (mapping.map(|mapping| mapping.reimbursable), row.leaf.key());
                leaves.entry(key).or_insert_with(|| (&row.leaf, Tally::default())).1.add(row);
            }
        }
    }
    let (unmapped, outside_scheme) = leaves
        .into_iter()
        .map(|((reimbursable, _), (leaf, tally))| LeafFigures {
            leaf: leaf.clone(),
            reimbursable,
            figures: tally.figures(),
        })
        .partition(|leaf| leaf.reimbursable.is_none());
    Summary {
        roles: roles.into_iter().map(|(role, tally)| (role, tally.figures())).collect(),
        outside_scheme,
        unmapped,
        total: total.figures(),
    }
}

#[derive(Default)]
struct Tally<'a> {
    staff: PublishedFte,
    contracted: PublishedFte,
    people: BTreeSet<&'a str>,
    rows: u32,
}

impl<'a> Tally<'a> {
    fn add(&mut self, row: &'a Row) {
        let sum = match row.source {
            Source::Staff => &mut self.staff,
            Source::ContractedServices => &mut self.contracted,
        };
        *sum = *sum + row.fte;
        self.people.extend(row.unique_id.as_deref());
        self.rows += 1;
    }

    fn figures(&self) -> Figures {
        Figures {
            staff: self.staff,
            contracted: self.contracted,
            headcount: u32::try_from(self.people.len()).expect("the people of England fit"),
            rows: self.rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::LeafMapping;
    use crate::domain::role::tests::mapping;

    #[test]
    fn an_fte_is_read_to_the_last_decimal_and_never_otherwise() {
        for (text, billionths) in [
            ("1", 1_000_000_000),
            ("0.0032", 3_200_000),
            (".0032", 3_200_000),
            ("6.67", 6_670_000_000),
            ("0.533333333", 533_333_333),
            ("0", 0),
            ("999999.999999999", 999_999_999_999_999),
        ] {
            let fte: PublishedFte = text.parse().expect(text);
            assert_eq!(fte.billionths(), billionths, "{text}");
            assert_eq!(PublishedFte::from_billionths(billionths), Some(fte));
        }
        for text in ["", ".", "1.", "-1", "+1", "1e3", "1,5", "0.1234567890", "1000000", "NA", " 1"]
        {
            assert!(text.parse::<PublishedFte>().is_err(), "{text}");
        }
        let fte: PublishedFte = "0.533333333".parse().expect("an FTE");
        assert_eq!(fte.micro(), 533_333);
    }

    fn row(source: Source, leaf: &Leaf, fte: &str, unique_id: Option<&str>) -> Row {
        Row {
            census: "2026-06".parse().expect("a month"),
            pcn: "U96599".parse().expect("a code"),
            source,
            leaf: leaf.clone(),
            fte: fte.parse().expect("an FTE"),
            unique_id: unique_id.map(str::to_owned),
        }
    }

    #[test]
    fn the_traps_of_the_publication() {
        let pharmacist = Leaf::new("Other Direct Patient Care staff", "Pharmacists", "Pharmacist");
        let director =
            Leaf::new("Directors", "Medical Clinical Director (GP)", "Clinical Director – Medical");
        let new = Leaf::new("Other Nurses", "Nurse Astronauts", "Nurse Astronaut");
        let no = LeafMapping {
            reimbursable: Reimbursable::No,
            ..mapping(director.clone(), None, "2026-04-01")
        };
        let mappings =
            LeafMappings::new([mapping(pharmacist.clone(), Some("CP"), "2026-04-01"), no]);
        let mut elsewhere = row(Source::Staff, &pharmacist, "1", Some("9"));
        elsewhere.pcn = "U00001".parse().expect("a code");
        let rows = [
            row(Source::Staff, &pharmacist, "0.5", Some("1")),
            row(Source::Staff, &pharmacist, "0.5", Some("1")), // A repeated row is hours twice.
            row(Source::Staff, &director, "0.1", Some("1")),
            row(Source::ContractedServices, &pharmacist, "3.04", None),
            row(Source::ContractedServices, &pharmacist, "1", None),
            row(Source::Staff, &new, "0.2", Some("2")),
            elsewhere,
        ];
        let pcn = "U96599".parse().expect("a code");

        let summary = of_pcn(&pcn, "2026-06".parse().expect("a month"), &rows, &mappings);

        let fte = |text: &str| text.parse::<PublishedFte>().expect("an FTE");
        let cp = Figures { staff: fte("1"), contracted: fte("4.04"), headcount: 1, rows: 4 };
        assert_eq!(summary.roles, [("CP".parse().expect("a role"), cp)]);
        assert_eq!(summary.outside_scheme[0].leaf, director);
        assert_eq!(summary.outside_scheme[0].reimbursable, Some(Reimbursable::No));
        assert_eq!((summary.unmapped.len(), &summary.unmapped[0].leaf), (1, &new));
        let total = Figures { staff: fte("1.3"), contracted: fte("4.04"), headcount: 2, rows: 6 };
        assert_eq!(summary.total, total);
        let july = "2026-07".parse().expect("a month");
        assert_eq!(of_pcn(&pcn, july, &rows, &mappings), Summary::default());
    }
}
