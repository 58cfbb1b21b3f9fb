//! The requirement table: TOML compiled in, and files a directory adds, all under one check.
//!
//! A file that is wrong anywhere is refused with every fault in it; nothing is repaired silently.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use kit::rulefile::{self, Fault, ReadError, line_of, listed};
use serde::Deserialize;
use terms::{Date, Minutes, Period};
use toml::Spanned;

use crate::domain::requirement::{Requirement, Requirements};

/// The files of the table as they are compiled in, in the order of their names.
const COMPILED_IN: &[(&str, &str)] = &[
    ("advanced-practice.toml", include_str!("../../requirements/advanced-practice.toml")),
    ("all-roles.toml", include_str!("../../requirements/all-roles.toml")),
    ("first-contact.toml", include_str!("../../requirements/first-contact.toml")),
    ("general-practice.toml", include_str!("../../requirements/general-practice.toml")),
    ("mental-health.toml", include_str!("../../requirements/mental-health.toml")),
    ("nursing.toml", include_str!("../../requirements/nursing.toml")),
    ("personalised-care.toml", include_str!("../../requirements/personalised-care.toml")),
    ("pharmacy.toml", include_str!("../../requirements/pharmacy.toml")),
    ("physician-associates.toml", include_str!("../../requirements/physician-associates.toml")),
    ("supervisors.toml", include_str!("../../requirements/supervisors.toml")),
];

/// The table and the digest that names the set of files it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementBook {
    /// The rows.
    pub requirements: Requirements,
    /// SHA-256 of names and contents of the files, in hexadecimal.
    pub digest: String,
}

/// Why the table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RequirementsError {
    /// A file or directory cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// Rows are wrong.
    #[error("the requirement files have faults:{}", listed(.0))]
    Faulty(Vec<Fault>),
}

/// The table that is compiled in.
pub fn compiled_in() -> Result<RequirementBook, RequirementsError> {
    let files: Vec<(&str, &str)> = COMPILED_IN.to_vec();
    read(&files)
}

/// The table that is compiled in, with every `*.toml` of `directory` added in the order of names.
pub fn with_directory(directory: &Path) -> Result<RequirementBook, RequirementsError> {
    let added = rulefile::read(&rulefile::paths(directory)?)?;
    let mut files: Vec<(&str, &str)> = COMPILED_IN.to_vec();
    files.extend(added.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    read(&files)
}

/// Reads files given as name and text.
pub fn read(files: &[(&str, &str)]) -> Result<RequirementBook, RequirementsError> {
    let mut faults = Vec::new();
    let mut rows: Vec<Requirement> = Vec::new();
    let mut seen: BTreeMap<(String, Option<Date>), String> = BTreeMap::new();
    for (name, text) in files {
        let source = Source { name, text };
        let file: FileRow = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let span = error.span().unwrap_or_default();
                faults.push(source.fault(span, "", error.message().to_owned()));
                continue;
            }
        };
        for row in file.requirement {
            let span = row.get_ref().code.span();
            let Some(requirement) = source.requirement(row, &mut faults) else {
                continue;
            };
            let place = format!("{name}, line {}", source.line(&span));
            let key = (requirement.code.clone(), requirement.known_since());
            match seen.insert(key, place) {
                None => rows.push(requirement),
                Some(first) => {
                    let reason = format!("is also in {first}, known from the same day");
                    faults.push(source.fault(span, "code", reason));
                }
            }
        }
    }
    if faults.is_empty() {
        let digest = rulefile::digest(files).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(RequirementBook { requirements: Requirements { rows }, digest })
    } else {
        Err(RequirementsError::Faulty(faults))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    #[serde(default)]
    requirement: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: Spanned<String>,
    role: Spanned<String>,
    stage: Spanned<String>,
    kind: Spanned<String>,
    force: Spanned<String>,
    who_may_supervise: Option<String>,
    min_sessions: Option<Spanned<u32>>,
    per_period: Option<Spanned<String>>,
    min_hours: Option<Spanned<String>>,
    prerequisites: Option<String>,
    value: Option<String>,
    applies_from: Option<Spanned<String>>,
    applies_to: Option<Spanned<String>>,
    known_from: Option<Spanned<String>>,
    source: Spanned<String>,
    confidence: Spanned<String>,
    note: Option<String>,
}

/// A file with what is needed to say where a fault is.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span.start)
    }

    fn fault(&self, span: Range<usize>, field: &'static str, reason: String) -> Fault {
        Fault::at(self.name, self.text, span.start, field, reason)
    }

    /// The row, or none and at least one fault.
    fn requirement(&self, row: Spanned<Row>, faults: &mut Vec<Fault>) -> Option<Requirement> {
        let before = faults.len();
        let row = row.into_inner();
        let code = self.code(&row.code, faults);
        let source = self.text(&row.source, "source", faults);
        let subject = self.word(&row.role, "role", faults);
        let stage = self.word(&row.stage, "stage", faults);
        let kind = self.word(&row.kind, "kind", faults);
        let force = self.word(&row.force, "force", faults);
        let confidence = self.word(&row.confidence, "confidence", faults);
        let per_period = self.optional(row.per_period.as_ref(), "per_period", faults);
        let known_from = self.date(row.known_from.as_ref(), "known_from", faults);
        let applies = self.applies(&row, faults);
        let min_hours = self.hours(row.min_hours.as_ref(), faults);
        let min_sessions = row.min_sessions.as_ref().and_then(|sessions| {
            let number = NonZeroU32::new(*sessions.get_ref());
            if number.is_none() {
                let reason = "must be at least 1, or left out".to_owned();
                faults.push(self.fault(sessions.span(), "min_sessions", reason));
            }
            number
        });
        if faults.len() > before {
            return None;
        }
        Some(Requirement {
            code: code?,
            subject: subject?,
            stage: stage?,
            kind: kind?,
            force: force?,
            who_may_supervise: row.who_may_supervise,
            min_sessions,
            per_period,
            min_hours,
            prerequisites: row.prerequisites,
            value: row.value,
            applies,
            known_from,
            source: source?,
            confidence: confidence?,
            note: row.note,
        })
    }

    fn code(&self, code: &Spanned<String>, faults: &mut Vec<Fault>) -> Option<String> {
        let plain =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let text = code.get_ref();
        if text.is_empty() || !text.bytes().all(plain) {
            let reason = "must be capitals, digits, - and _, such as CP-CLIN-M".to_owned();
            faults.push(self.fault(code.span(), "code", reason));
            return None;
        }
        Some(text.clone())
    }

    fn text(
        &self,
        text: &Spanned<String>,
        field: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<String> {
        if text.get_ref().trim().is_empty() {
            faults.push(self.fault(text.span(), field, "must not be empty".to_owned()));
            return None;
        }
        Some(text.get_ref().clone())
    }

    fn word<T: FromStr<Err = terms::ParseError>>(
        &self,
        text: &Spanned<String>,
        field: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        match text.get_ref().parse() {
            Ok(word) => Some(word),
            Err(error) => {
                let reason = format!("{:?} {error}", text.get_ref());
                faults.push(self.fault(text.span(), field, reason));
                None
            }
        }
    }

    fn optional<T: FromStr<Err = terms::ParseError>>(
        &self,
        text: Option<&Spanned<String>>,
        field: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        self.word(text?, field, faults)
    }

    fn date(
        &self,
        text: Option<&Spanned<String>>,
        field: &'static str,
        faults: &mut Vec<Fault>,
    ) -> Option<Date> {
        let text = text?;
        match terms::parse_date(text.get_ref()) {
            Ok(date) => Some(date),
            Err(error) => {
                let reason = format!("{:?} {error}", text.get_ref());
                faults.push(self.fault(text.span(), field, reason));
                None
            }
        }
    }

    /// Both ends as files write them; an end without a beginning says nothing.
    fn applies(&self, row: &Row, faults: &mut Vec<Fault>) -> Option<Period> {
        let before = faults.len();
        let first = self.date(row.applies_from.as_ref(), "applies_from", faults);
        let last = self.date(row.applies_to.as_ref(), "applies_to", faults);
        if faults.len() > before {
            return None;
        }
        let period = first.and_then(|first| Period::inclusive(first, last));
        if let (None, Some(text)) = (period, row.applies_to.as_ref()) {
            let reason = "needs an applies_from that is not later".to_owned();
            faults.push(self.fault(text.span(), "applies_to", reason));
        }
        period
    }

    fn hours(&self, text: Option<&Spanned<String>>, faults: &mut Vec<Fault>) -> Option<Minutes> {
        let text = text?;
        match Minutes::from_hours(text.get_ref()) {
            Ok((minutes, _)) => Some(minutes),
            Err(error) => {
                let reason = format!("{:?} {error}", text.get_ref());
                faults.push(self.fault(text.span(), "min_hours", reason));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::requirement::NotExamined;

    const ROW: &str = r#"[[requirement]]
code = "CP-CLIN-M"
role = "CP"
stage = "standard"
kind = "clinical"
force = "CONTRACT"
min_sessions = 1
per_period = "month"
applies_from = "2019-07-01"
source = "a source"
confidence = "CONFIRMED"
"#;

    #[test]
    fn the_table_that_is_compiled_in_reads() {
        let book = compiled_in().expect("the files are right");

        let rows = &book.requirements.rows;
        assert_eq!(rows.len(), 141);
        let codes: BTreeSet<&str> = rows.iter().map(|row| row.code.as_str()).collect();
        assert_eq!(codes.len(), rows.len());
        let examined: BTreeSet<&str> =
            rows.iter().filter(|row| row.minimum().is_ok()).map(|row| row.code.as_str()).collect();
        let expected = [
            "ALL-INDUCT",
            "CP-CLIN-M",
            "CP-PCPEP-GP",
            "SCP-CLIN-Q",
            "PT-CLIN-M",
            "PT-PCPEP-SUP",
            "SPLW-CLIN-M",
            "PA-PRECEPT",
            "FCP-DEBRIEF",
            "FCP-WPBA",
            "DIET-DEBRIEF",
            "DIET-WPBA",
            "POD-DEBRIEF",
            "POD-WPBA",
            "OT-DEBRIEF",
            "OT-WPBA",
            "PARA-DEBRIEF",
            "PARA-WPBA",
            "AP-CLIN-M",
            "AP-TRAINEE",
            "MHP_ADULT-PROV",
            "MHP_CYP-PROV",
        ];
        assert_eq!(examined, BTreeSet::from(expected));
    }

    #[test]
    fn rows_that_could_be_mistaken_for_a_minimum_say_why_they_are_none() {
        let book = compiled_in().expect("the files are right");
        let reason = |code: &str| {
            let row = book.requirements.rows.iter().find(|row| row.code == code);
            row.expect("it is in the table").minimum().expect_err("it is not examined")
        };

        assert_eq!(reason("CP-PEER"), NotExamined::LocalOnly);
        assert_eq!(reason("ALL-APPR"), NotExamined::NoPeriod); // Yearly is our assumption.
        assert_eq!(reason("PA-DEBRIEF"), NotExamined::NoCount); // Daily is our default.
        let confidence = terms::Confidence::FromMemory;
        assert_eq!(reason("CC-CLIN-M"), NotExamined::NotSureEnough { confidence });
    }

    #[test]
    fn the_role_na_is_a_role() {
        let book = compiled_in().expect("the files are right");
        let rows = &book.requirements.rows;
        assert_eq!(rows.iter().filter(|row| row.subject.to_string() == "NA").count(), 3);
    }

    #[test]
    fn the_digest_names_the_set() {
        let one = read(&[("a.toml", ROW)]).expect("right");
        let same = read(&[("a.toml", ROW)]).expect("right");
        let other = read(&[("a.toml", &ROW.replace("a source", "another"))]).expect("right");

        assert_eq!(one.digest.len(), 64);
        assert_eq!(one.digest, same.digest);
        assert_ne!(one.digest, other.digest);
    }

    #[track_caller]
    fn check_fault(from: &str, to: &str, line: usize, field: &str, reason: &str) {
        assert!(ROW.contains(from));
        let text = ROW.replace(from, to);
        let error = read(&[("a.toml", &text)]).expect_err("it is wrong");
        let RequirementsError::Faulty(faults) = error else { panic!("{error:?}") };
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!((fault.line, fault.field.as_str()), (Some(line), field), "{fault}");
        assert!(fault.reason.contains(reason), "{fault}");
    }

    #[test]
    fn a_fault_names_line_field_and_reason() {
        check_fault("\"CP-CLIN-M\"", "\"cp clin\"", 2, "code", "capitals");
        check_fault("\"CP\"", "\"cp\"", 3, "role", "role code");
        check_fault("\"standard\"", "\"old\"", 4, "stage", "standard, senior");
        check_fault("\"clinical\"", "\"chat\"", 5, "kind", "kind of the requirement table");
        check_fault("\"CONTRACT\"", "\"LAW\"", 6, "force", "CONTRACT");
        check_fault("= 1", "= 0", 7, "min_sessions", "at least 1");
        check_fault("= 1", "= -1", 7, "", "invalid value");
        check_fault("\"month\"", "\"fortnight\"", 8, "per_period", "day, week");
        check_fault("2019-07-01", "2019-13-01", 9, "applies_from", "a date");
        check_fault("\"a source\"", "\" \"", 10, "source", "empty");
        check_fault("\"CONFIRMED\"", "\"SURE\"", 11, "confidence", "ONE SOURCE");
        check_fault("source = \"a source\"\n", "", 1, "", "missing field `source`");
        check_fault("force =", "power =", 6, "", "unknown field `power`");
        let to = "applies_to = \"2019-06-30\"\nsource =";
        check_fault("source =", to, 10, "applies_to", "not later");
    }

    #[test]
    fn a_code_is_there_once_for_each_day_it_became_known() {
        let corrected =
            ROW.replace("min_sessions = 1", "min_sessions = 2\nknown_from = \"2025-09-01\"");
        assert!(read(&[("a.toml", ROW), ("b.toml", &corrected)]).is_ok());

        let error = read(&[("a.toml", ROW), ("b.toml", ROW)]).expect_err("it is there twice");
        assert!(error.to_string().contains("b.toml, line 2, code: is also in a.toml, line 2"));
    }

    #[test]
    fn files_of_a_directory_come_under_the_same_check() {
        // Our own files a second time: each row is found, and found to be there already.
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements");

        let error = with_directory(&directory).expect_err("every code is there twice");

        let RequirementsError::Faulty(faults) = error else { panic!("{error:?}") };
        assert_eq!(faults.len(), 141);
        assert!(faults.iter().all(|fault| fault.field == "code"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = with_directory(Path::new("/nowhere/at/all")).expect_err("nothing is there");
        assert_eq!(error.to_string(), "cannot read /nowhere/at/all");
    }
}
