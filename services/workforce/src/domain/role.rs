//! The roles of the scheme, and the leaves of the national return that stand for them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use terms::{Confidence, Date, ParseError, Period, RoleCode};

/// One role of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its code: `CP`.
    pub code: RoleCode,
    /// Its name for people.
    pub name: String,
    /// The one regulator of everybody in the role; none where there is none or it differs by
    /// profession.
    pub regulator: Option<Regulator>,
    /// The days on which it can be claimed.
    pub claimable: Period,
    /// Where that was read.
    pub source: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What else is to be known about it.
    pub note: Option<String>,
}

/// Who keeps the register that everybody in a role is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regulator {
    /// Its short name: `GPhC`.
    pub name: String,
    /// Since when it regulates the role; none means for as long as the role is in the scheme.
    pub since: Option<Date>,
}

impl Role {
    /// The regulator on a day, if the role has one then.
    pub fn regulator_on(&self, day: Date) -> Option<&str> {
        let regulator = self.regulator.as_ref()?;
        let regulates = regulator.since.is_none_or(|since| since <= day);
        regulates.then_some(regulator.name.as_str())
    }
}

/// All roles by code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    roles: BTreeMap<RoleCode, Role>,
}

impl Roles {
    /// Of two roles with one code the later stands.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Roles {
        Roles { roles: roles.into_iter().map(|role| (role.code.clone(), role)).collect() }
    }

    /// The role of a code.
    pub fn get(&self, code: &RoleCode) -> Option<&Role> {
        self.roles.get(code)
    }

    /// All of them in the order of codes.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }
}

/// A leaf of the role tree of the national return, as printed.
///
/// Two leaves are the same if they differ only in the kind of dash or in spaces: see `key`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf {
    /// `Other Direct Patient Care staff`.
    pub staff_group: String,
    /// `Therapists`.
    pub staff_role: String,
    /// `Therapist- Occupational Therapist`.
    pub detailed_role: String,
}

/// What two leaves that mean the same have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafKey([String; 3]);

impl Leaf {
    /// The leaf by its three names.
    pub fn new(
        staff_group: impl Into<String>,
        staff_role: impl Into<String>,
        detailed_role: impl Into<String>,
    ) -> Leaf {
        Leaf {
            staff_group: staff_group.into(),
            staff_role: staff_role.into(),
            detailed_role: detailed_role.into(),
        }
    }

    /// With every dash the same, no space around a dash and one space elsewhere.
    pub fn key(&self) -> LeafKey {
        LeafKey([&self.staff_group, &self.staff_role, &self.detailed_role].map(|text| plain(text)))
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.staff_group, self.staff_role, self.detailed_role)
    }
}

fn plain(text: &str) -> String {
    let dashes = text.replace(is_dash, "-");
    let parts: Vec<String> = dashes
        .split('-')
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    parts.join("-")
}

/// Hyphen, soft hyphen, the dashes of general punctuation and the minus sign.
fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Whether a leaf can be claimed. It never says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reimbursable {
    /// It can be.
    Yes,
    /// Only where the commissioner agreed; else ordinary staff of the PCN.
    IfAgreed,
    /// Never.
    No,
}

impl Reimbursable {
    /// The mark, as the table writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reimbursable::Yes => "Y",
            Reimbursable::IfAgreed => "AGREE",
            Reimbursable::No => "N",
        }
    }
}

impl FromStr for Reimbursable {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Reimbursable, ParseError> {
        match text {
            "Y" => Ok(Reimbursable::Yes),
            "AGREE" => Ok(Reimbursable::IfAgreed),
            "N" => Ok(Reimbursable::No),
            _ => Err(ParseError { expected: "must be Y, AGREE or N" }),
        }
    }
}

/// What a leaf stands for over a run of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafMapping {
    /// The leaf.
    pub leaf: Leaf,
    /// Its role in the scheme, if it has one.
    pub role: Option<RoleCode>,
    /// Whether it can be claimed.
    pub reimbursable: Reimbursable,
    /// The census days it holds for.
    pub applies: Period,
    /// Where that was read.
    pub source: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What else is to be known about it.
    pub note: Option<String>,
}

/// All mappings of leaves, dated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafMappings {
    by_key: BTreeMap<LeafKey, Vec<LeafMapping>>,
}

impl LeafMappings {
    /// Of two that hold for one leaf on one day the later given stands.
    pub fn new(mappings: impl IntoIterator<Item = LeafMapping>) -> LeafMappings {
        let mut by_key: BTreeMap<LeafKey, Vec<LeafMapping>> = BTreeMap::new();
        for mapping in mappings {
            by_key.entry(mapping.leaf.key()).or_default().push(mapping);
        }
        LeafMappings { by_key }
    }

    /// What a leaf stands for on a census day; none if nobody has mapped it.
    pub fn get(&self, leaf: &Leaf, day: Date) -> Option<&LeafMapping> {
        self.by_key.get(&leaf.key())?.iter().rev().find(|mapping| mapping.applies.contains(day))
    }

    /// The same, with the earliest mapping of each leaf held for all days before it.
    ///
    /// Which role a leaf is does not depend on a year's specification; whether it could be claimed
    /// does, so that of the mappings made here only the role is to be read.
    pub fn held_back(&self) -> LeafMappings {
        let mut by_key = self.by_key.clone();
        for mappings in by_key.values_mut() {
            let earliest = mappings.iter_mut().min_by_key(|mapping| mapping.applies.from());
            if let Some(earliest) = earliest {
                let until = earliest.applies.until();
                earliest.applies =
                    Period::new(Date::MIN, until).expect("no day is before the first");
            }
        }
        LeafMappings { by_key }
    }

    /// All of them, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = &LeafMapping> {
        self.by_key.values().flatten()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use terms::parse_date;

    use super::*;

    pub(crate) fn day(text: &str) -> Date {
        parse_date(text).expect("a date")
    }

    pub(crate) fn mapping(leaf: Leaf, role: Option<&str>, from: &str) -> LeafMapping {
        LeafMapping {
            leaf,
            role: role.map(|role| role.parse().expect("a role")),
            reimbursable: Reimbursable::Yes,
            applies: Period::new(day(from), None).expect("days"),
            source: "a source".to_owned(),
            confidence: Confidence::OneSource,
            note: None,
        }
    }

    #[test]
    fn dashes_and_spaces_make_no_other_leaf() {
        let key = |text: &str| Leaf::new("Directors", "Clinical Director (DPC)", text).key();
        let same = key("Clinical Director – DPC");
        for text in [
            "Clinical Director - DPC",
            "Clinical Director-DPC",
            "Clinical Director— DPC",
            " Clinical  Director\u{a0}\u{2011} DPC ",
        ] {
            assert_eq!(key(text), same, "{text}");
        }
        assert_ne!(key("Clinical Director DPC"), same);
        assert_ne!(key("ClinicalDirector - DPC"), same);
    }

    #[test]
    fn a_leaf_is_looked_up_on_the_day_of_the_census() {
        let leaf = Leaf::new("Other GPs", "Salaried GPs", "Salaried By PCN");
        let mappings = LeafMappings::new([
            mapping(leaf.clone(), Some("OTHER"), "2024-04-01"),
            mapping(leaf.clone(), Some("GP"), "2024-10-01"),
        ]);
        let role = |on: &str| {
            let mapping = mappings.get(&leaf, day(on))?;
            mapping.role.as_ref().map(RoleCode::as_str)
        };

        assert_eq!(role("2024-03-31"), None);
        assert_eq!(role("2024-09-30"), Some("OTHER"));
        assert_eq!(role("2024-10-31"), Some("GP"));
    }
}
