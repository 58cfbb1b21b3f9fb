//! Checks of single fields, each failure with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use kit::rulefile::{Fault, line_of};
use terms::{Confidence, Date, Pence, RoleCode, parse_date};
use toml::value::Datetime;

/// Ten times the highest maximum: a figure beyond it has a slipped digit.
const POUNDS_MAX: i64 = 1_600_000;

/// Checks of one row, which know where it stands.
pub(super) struct Check<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    pub(super) sources: &'a BTreeMap<String, String>,
    /// Roles whose row the band picks.
    pub(super) by_band: &'a BTreeSet<RoleCode>,
    pub(super) start: usize,
    pub(super) faults: &'a mut Vec<Fault>,
}

impl Check<'_> {
    pub(super) fn fault<T>(&mut self, field: &str, reason: String, expected: &str) -> Option<T> {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: Some(line_of(self.text, self.start)),
            field: field.to_owned(),
            reason,
            expected: expected.to_owned(),
        });
        None
    }

    pub(super) fn word<T: FromStr<Err: fmt::Display>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(word) => Some(word),
            Err(error) => self.fault(field, format!("`{text}` is not one"), &error.to_string()),
        }
    }

    pub(super) fn date(&mut self, field: &str, value: &Datetime) -> Option<Date> {
        let text = value.to_string();
        match parse_date(&text) {
            Ok(date) => Some(date),
            Err(error) => self.fault(field, format!("`{text}` is not one"), &error.to_string()),
        }
    }

    pub(super) fn pounds(&mut self, field: &str, pounds: i64) -> Option<Pence> {
        if (1..=POUNDS_MAX).contains(&pounds) {
            return Some(Pence::from_pounds(pounds));
        }
        let expected = format!("must be whole pounds from 1 to {POUNDS_MAX}");
        self.fault(field, format!("{pounds} cannot be the amount"), &expected)
    }

    pub(super) fn source(&mut self, key: Option<&String>) -> Option<String> {
        const EXPECTED: &str = "must be a key of [sources] in this file";
        let Some(key) = key else {
            return self.fault("source", "a figure has no source".to_owned(), EXPECTED);
        };
        match self.sources.get(key) {
            Some(source) => Some(source.clone()),
            None => self.fault("source", format!("`{key}` is not one"), EXPECTED),
        }
    }

    pub(super) fn confidence(&mut self, mark: Option<&String>) -> Option<Confidence> {
        match mark {
            Some(mark) => self.word("confidence", mark),
            None => self.fault(
                "confidence",
                "a figure has no mark".to_owned(),
                "must be CONFIRMED, ONE SOURCE, BY BAND, DERIVED or FROM MEMORY",
            ),
        }
    }
}

/// What the reader of TOML says, as a fault.
pub(super) fn syntax_fault(file: &str, text: &str, error: &toml::de::Error) -> Fault {
    let span = error.span();
    let message = error.message().replace('\n', ", ");
    let (reason, expected) = match message.split_once(", expected ") {
        Some((reason, expected)) => (reason.to_owned(), format!("must be {expected}")),
        None => (message.clone(), "must follow the other rule files".to_owned()),
    };
    // Serde names the field in backquotes; where it does not, the key stands before the value.
    let named = message.split('`').nth(1).filter(|_| message.contains("field"));
    let field = match (named, &span) {
        (Some(name), _) => name.to_owned(),
        (None, Some(span)) => key_before(text, span.start),
        (None, None) => "file".to_owned(),
    };
    let line = span.map(|span| line_of(text, span.start));
    Fault { file: file.to_owned(), line, field, reason, expected }
}

fn key_before(text: &str, start: usize) -> String {
    let before = text.get(..start).unwrap_or(text).trim_end();
    let before = before.strip_suffix('=').unwrap_or(before).trim_end();
    let word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let key = before.rsplit(|letter| !word(letter)).next().unwrap_or_default();
    if key.is_empty() { "file".to_owned() } else { key.to_owned() }
}
