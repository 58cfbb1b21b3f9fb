//! The role table and the mapping of the national return, as TOML compiled in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use kit::rulefile::{Fault, line_of, listed};
use serde::Deserialize;
use terms::{Date, Period, RoleCode};
use toml::Spanned;

use crate::domain::role::{Leaf, LeafMapping, LeafMappings, Regulator, Role, Roles};

const ROLES: (&str, &str) = ("roles.toml", include_str!("../../roles/roles.toml"));
const LEAVES: (&str, &str) = ("nwrs_roles.toml", include_str!("../../roles/nwrs_roles.toml"));

/// Why a role file cannot be used: everything that is wrong in it.
#[derive(Debug, thiserror::Error)]
#[error("the role files have faults:{}", listed(.0))]
pub struct RolesError(pub Vec<Fault>);

/// The roles that are compiled in.
pub fn roles() -> Result<Roles, RolesError> {
    let (name, text) = ROLES;
    read_roles(name, text)
}

/// The mapping of leaves that is compiled in, for the roles that exist.
pub fn leaf_mappings(roles: &Roles) -> Result<LeafMappings, RolesError> {
    let (name, text) = LEAVES;
    read_leaf_mappings(name, text, roles)
}

/// Reads a file of roles.
pub fn read_roles(name: &str, text: &str) -> Result<Roles, RolesError> {
    let mut file = Source { name, text, faults: Vec::new() };
    let mut roles = Vec::new();
    let mut seen: BTreeMap<RoleCode, usize> = BTreeMap::new();
    for row in file.rows::<RoleFile>().map(|rows| rows.role).unwrap_or_default() {
        let span = row.code.span();
        let Some(role) = file.role(row) else { continue };
        match seen.insert(role.code.clone(), file.line(&span)) {
            None => roles.push(role),
            Some(line) => file.fault(span, "code", format!("is also in line {line}")),
        }
    }
    file.finish(Roles::new(roles))
}

/// Reads a file of leaves; each role must be one of `roles`.
pub fn read_leaf_mappings(
    name: &str,
    text: &str,
    roles: &Roles,
) -> Result<LeafMappings, RolesError> {
    let mut file = Source { name, text, faults: Vec::new() };
    let mut mappings = Vec::new();
    let mut seen = BTreeMap::new();
    for row in file.rows::<LeafFile>().map(|rows| rows.leaf).unwrap_or_default() {
        let span = row.detailed_role.span();
        let Some(mapping) = file.leaf(row, roles) else {
            continue;
        };
        let key = (mapping.leaf.key(), mapping.applies.from());
        match seen.insert(key, file.line(&span)) {
            None => mappings.push(mapping),
            Some(line) => {
                file.fault(span, "detailed_role", format!("is also in line {line}, from that day"));
            }
        }
    }
    file.finish(LeafMappings::new(mappings))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleFile {
    role: Vec<RoleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRow {
    code: Spanned<String>,
    name: Spanned<String>,
    regulator: Option<String>,
    regulated_from: Option<Spanned<String>>,
    joined: Spanned<String>,
    left: Option<Spanned<String>>,
    source: Spanned<String>,
    confidence: Spanned<String>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafFile {
    leaf: Vec<LeafRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafRow {
    staff_group: Spanned<String>,
    staff_role: Spanned<String>,
    detailed_role: Spanned<String>,
    role: Option<Spanned<String>>,
    reimbursable: Spanned<String>,
    applies_from: Spanned<String>,
    applies_to: Option<Spanned<String>>,
    source: Spanned<String>,
    confidence: Spanned<String>,
    note: Option<String>,
}

/// A file, and what was found wrong in it so far.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    faults: Vec<Fault>,
}

impl Source<'_> {
    fn rows<T: for<'de> Deserialize<'de>>(&mut self) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(rows) => Some(rows),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                self.fault(span, "", error.message().to_owned());
                None
            }
        }
    }

    fn finish<T>(self, value: T) -> Result<T, RolesError> {
        if self.faults.is_empty() { Ok(value) } else { Err(RolesError(self.faults)) }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span.start)
    }

    fn fault(&mut self, span: Range<usize>, field: &'static str, reason: String) {
        self.faults.push(Fault::at(self.name, self.text, span.start, field, reason));
    }

    fn role(&mut self, row: RoleRow) -> Option<Role> {
        let code = self.word(&row.code, "code");
        let name = self.filled(&row.name, "name");
        let since = self.date(row.regulated_from.as_ref(), "regulated_from");
        let claimable = self.period((&row.joined, "joined"), (row.left.as_ref(), "left"));
        let source = self.filled(&row.source, "source");
        let confidence = self.word(&row.confidence, "confidence");
        if let (None, Some(text)) = (&row.regulator, &row.regulated_from) {
            self.fault(text.span(), "regulated_from", "needs a regulator".to_owned());
        }
        Some(Role {
            code: code?,
            name: name?,
            regulator: row.regulator.map(|name| Regulator { name, since }),
            claimable: claimable?,
            source: source?,
            confidence: confidence?,
            note: row.note,
        })
    }

    fn leaf(&mut self, row: LeafRow, roles: &Roles) -> Option<LeafMapping> {
        let staff_group = self.filled(&row.staff_group, "staff_group");
        let staff_role = self.filled(&row.staff_role, "staff_role");
        let detailed_role = self.filled(&row.detailed_role, "detailed_role");
        let role: Option<RoleCode> = row.role.as_ref().and_then(|role| self.word(role, "role"));
        if let (Some(code), Some(text)) = (&role, &row.role)
            && roles.get(code).is_none()
        {
            self.fault(text.span(), "role", format!("{code} is no role of the scheme"));
        }
        let reimbursable = self.word(&row.reimbursable, "reimbursable");
        let first = (&row.applies_from, "applies_from");
        let applies = self.period(first, (row.applies_to.as_ref(), "applies_to"));
        let source = self.filled(&row.source, "source");
        let confidence = self.word(&row.confidence, "confidence");
        Some(LeafMapping {
            leaf: Leaf::new(staff_group?, staff_role?, detailed_role?),
            role,
            reimbursable: reimbursable?,
            applies: applies?,
            source: source?,
            confidence: confidence?,
            note: row.note,
        })
    }

    fn filled(&mut self, text: &Spanned<String>, field: &'static str) -> Option<String> {
        if text.get_ref().trim().is_empty() {
            self.fault(text.span(), field, "must not be empty".to_owned());
            return None;
        }
        Some(text.get_ref().clone())
    }

    fn word<T: FromStr<Err = terms::ParseError>>(
        &mut self,
        text: &Spanned<String>,
        field: &'static str,
    ) -> Option<T> {
        let word = text.get_ref().parse();
        self.right(word, text, field)
    }

    fn date(&mut self, text: Option<&Spanned<String>>, field: &'static str) -> Option<Date> {
        let text = text?;
        self.right(terms::parse_date(text.get_ref()), text, field)
    }

    fn right<T>(
        &mut self,
        value: Result<T, terms::ParseError>,
        text: &Spanned<String>,
        field: &'static str,
    ) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                let reason = format!("{:?} {error}", text.get_ref());
                self.fault(text.span(), field, reason);
                None
            }
        }
    }

    fn period(
        &mut self,
        (first, first_field): (&Spanned<String>, &'static str),
        (last, last_field): (Option<&Spanned<String>>, &'static str),
    ) -> Option<Period> {
        let from = self.date(Some(first), first_field);
        let to = match last {
            Some(text) => Some(self.date(Some(text), last_field)?),
            None => None,
        };
        let period = Period::inclusive(from?, to);
        if let (None, Some(text)) = (period, last) {
            self.fault(text.span(), last_field, format!("must not be before {first_field}"));
        }
        period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::Reimbursable;
    use crate::domain::role::tests::day;

    fn code(text: &str) -> RoleCode {
        text.parse().expect("a role")
    }

    #[test]
    fn the_canonical_roles_are_there_and_no_others() {
        let roles = roles().expect("the file is right");

        let mut expected = [
            "CP",
            "PT",
            "SPLW",
            "HWBC",
            "CC",
            "PA",
            "PA_APP",
            "FCP",
            "DIET",
            "POD",
            "OT",
            "NA",
            "SNA",
            "PARA",
            "MHP_ADULT",
            "MHP_CYP",
            "AP",
            "GPA",
            "DTL",
            "EPN",
            "GP",
            "HCSW",
            "GPN_NEW",
            "GPN_EXP",
            "CNPC",
            "OTHER",
        ];
        expected.sort_unstable();
        let codes: Vec<&str> = roles.iter().map(|role| role.code.as_str()).collect();
        assert_eq!(codes, expected);
        let hcsw = roles.get(&code("HCSW")).expect("a role");
        assert!(!hcsw.claimable.contains(day("2025-03-31")));
        assert!(hcsw.claimable.contains(day("2025-04-01")));
        let associate = roles.get(&code("PA")).expect("a role");
        assert_eq!(associate.regulator_on(day("2024-12-12")), None);
        assert_eq!(associate.regulator_on(day("2024-12-13")), Some("GMC"));
        assert_eq!(roles.get(&code("NA")).expect("a role").name, "Nursing associate");
    }

    #[test]
    fn every_leaf_of_june_2026_is_mapped() {
        let roles = roles().expect("the file is right");
        let mappings = leaf_mappings(&roles).expect("the file is right");

        assert_eq!(mappings.iter().count(), 78);
        let census = day("2026-06-30");
        let therapist = Leaf::new(
            "Other Direct Patient Care staff",
            "Therapists",
            "Therapist - Occupational Therapist",
        );
        let mapping = mappings.get(&therapist, census).expect("it is mapped");
        assert_eq!(mapping.role, Some(code("OT")));
        let director =
            Leaf::new("Directors", "Medical Clinical Director (GP)", "Clinical Director - Medical");
        let mapping = mappings.get(&director, census).expect("it is mapped");
        assert_eq!((&mapping.role, mapping.reimbursable), (&None, Reimbursable::No));
        // `Other` is a leaf of three groups.
        let other = Leaf::new("Other Nurses", "Other Nurses", "Other");
        assert!(mappings.get(&other, census).is_some());
        assert!(mappings.get(&Leaf::new("Other GPs", "Other Nurses", "Other"), census).is_none());
        // Whatever can be claimed has a role.
        for mapping in mappings.iter() {
            assert_eq!(mapping.role.is_some(), mapping.reimbursable == Reimbursable::Yes);
        }
    }

    const ROLE: &str = r#"[[role]]
code = "PA"
name = "Physician associate"
regulator = "GMC"
regulated_from = "2024-12-13"
joined = "2020-04-01"
left = "2030-03-31"
source = "a source"
confidence = "CONFIRMED"
"#;

    const LEAF: &str = r#"[[leaf]]
staff_group = "Other GPs"
staff_role = "Salaried GPs"
detailed_role = "Salaried By PCN"
role = "PA"
reimbursable = "Y"
applies_from = "2026-04-01"
source = "a source"
confidence = "ONE SOURCE"
"#;

    #[track_caller]
    fn check_fault(rows: &str, from: &str, to: &str, line: usize, field: &str) {
        assert!(rows.contains(from));
        let text = rows.replace(from, to);
        let error = match rows.starts_with("[[role]]") {
            true => read_roles("a.toml", &text).map(|_| ()),
            false => {
                let roles = read_roles("roles.toml", ROLE).expect("right");
                read_leaf_mappings("a.toml", &text, &roles).map(|_| ())
            }
        };
        let RolesError(faults) = error.expect_err("it is wrong");
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!((fault.line, fault.field.as_str()), (Some(line), field), "{fault}");
    }

    #[test]
    fn a_fault_names_line_and_field() {
        check_fault(ROLE, "\"PA\"", "\"pa\"", 2, "code");
        check_fault(ROLE, "\"Physician associate\"", "\"\"", 3, "name");
        check_fault(ROLE, "regulator = \"GMC\"\n", "", 4, "regulated_from");
        check_fault(ROLE, "2024-12-13", "2024-13-12", 5, "regulated_from");
        check_fault(ROLE, "2020-04-01", "April", 6, "joined");
        check_fault(ROLE, "2030-03-31", "2020-03-31", 7, "left");
        check_fault(ROLE, "2030-03-31", "never", 7, "left");
        check_fault(ROLE, "a source", " ", 8, "source");
        check_fault(ROLE, "CONFIRMED", "SURE", 9, "confidence");
        check_fault(ROLE, "left =", "until =", 7, "");
        check_fault(LEAF, "\"PA\"", "\"GP\"", 5, "role");
        check_fault(LEAF, "\"Y\"", "\"yes\"", 6, "reimbursable");
        let again = format!("{LEAF}{}", LEAF.replace("By PCN", " By  PCN"));
        check_fault(&again, "Other GPs", "Other GPs", 13, "detailed_role");
        let again = format!("{ROLE}{ROLE}");
        check_fault(&again, "GMC", "GMC", 11, "code");
    }
}
