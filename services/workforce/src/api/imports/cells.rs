//! What the kinds have in common: how a file is gone through, and cells of several kinds.

use std::io::Read;

use kit::table::{self, Column, Problem, Problems, Row};
use terms::{Date, Minutes, OdsCode, ParseError, Population};

use crate::app::imports::Sheet;

/// The characters of what files call things.
const REFERENCE_CHARS_MAX: usize = 64;
/// The characters of names and other texts.
const TEXT_CHARS_MAX: usize = 200;
/// The minutes of a week.
const WEEK: u32 = 7 * 24 * 60;

/// Reads a file; rows with a problem are left out of the sheet.
pub(super) fn sheet<T>(
    file: impl Read,
    columns: &[Column],
    mut parse: impl FnMut(&Row<'_>, &mut Problems) -> Option<T>,
) -> Sheet<T> {
    let mut problems = Problems::new();
    let mut rows = Vec::new();
    let outcome = table::read(file, columns, &mut problems, |row, problems| {
        rows.extend(parse(row, problems));
    });
    let count = outcome.unwrap_or_else(|error| {
        // The spooled copy, not the caller's file: operators are told, callers try again.
        tracing::error!("a received file cannot be read: {error}");
        problems.push(Problem::of_line(0, "the file could not be read; send it again"));
        0
    });
    Sheet { rows, problems, count }
}

/// A code of an organisation.
pub(super) fn code(text: &str) -> Result<OdsCode, ParseError> {
    text.parse()
}

/// `YYYY-MM-DD` in years that somebody can mean.
pub(super) fn date(text: &str) -> Result<Date, ParseError> {
    likely(terms::parse_date(text)?)
}

/// `YYYYMMDD`, as published files write it.
pub(super) fn compact_date(text: &str) -> Result<Date, ParseError> {
    const EXPECTED: ParseError = ParseError { expected: "must be a date such as 20250731" };
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EXPECTED);
    }
    let dashed = format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]);
    likely(terms::parse_date(&dashed).map_err(|_| EXPECTED)?)
}

fn likely(day: Date) -> Result<Date, ParseError> {
    let expected = "must be a date between 1900 and 2200, such as 2025-07-31";
    if (1900..=2200).contains(&day.year()) { Ok(day) } else { Err(ParseError { expected }) }
}

/// What a file calls somebody or something.
pub(super) fn reference(text: &str) -> Result<String, ParseError> {
    const EXPECTED: ParseError =
        ParseError { expected: "must have 1 to 64 characters that can be printed" };
    let length = text.chars().count();
    let good = (1..=REFERENCE_CHARS_MAX).contains(&length) && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

/// A name or another text.
pub(in crate::api) fn text(text: &str) -> Result<String, ParseError> {
    const EXPECTED: ParseError =
        ParseError { expected: "must have 1 to 200 characters that can be printed" };
    let length = text.chars().count();
    let good = (1..=TEXT_CHARS_MAX).contains(&length) && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

/// Hours a week, and whether they were not whole minutes.
pub(super) fn hours(text: &str) -> Result<(Minutes, bool), ParseError> {
    let (minutes, rounded) = Minutes::from_hours(text)?;
    if minutes.get() > WEEK {
        return Err(ParseError { expected: "must be at most 168 hours, those of a week" });
    }
    Ok((minutes, rounded))
}

/// Hours a week of which there are some.
pub(super) fn some_hours(text: &str) -> Result<(Minutes, bool), ParseError> {
    let hours = hours(text)?;
    if hours.0 == Minutes::ZERO {
        return Err(ParseError { expected: "must be more than 0 hours" });
    }
    Ok(hours)
}

/// Patients, of whom there are no parts.
pub(super) fn patients(text: &str) -> Result<u32, ParseError> {
    const EXPECTED: ParseError =
        ParseError { expected: "must be whole patients, digits only, such as 45139" };
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EXPECTED);
    }
    text.parse().map_err(|_| EXPECTED)
}

/// Patients that may have decimals.
pub(super) fn weighted(text: &str) -> Result<Population, ParseError> {
    const EXPECTED: ParseError =
        ParseError { expected: "must be patients with at most four decimals, such as 45139.25" };
    let most = Population::from_patients(999_999_999);
    text.parse().ok().filter(|list| *list <= most).ok_or(EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_they_say_or_nothing() {
        assert_eq!(compact_date("20250731"), Ok(Date::constant(2025, 7, 31)));
        for text in ["", "2025731", "20250732", "2025-07-31", "00010101"] {
            assert!(compact_date(text).is_err(), "{text}");
        }
        assert!(date("9999-12-31").is_err());
        assert!(hours("168.01").is_err() && hours("-1").is_err() && some_hours("0").is_err());
        assert_eq!(hours("37.51"), Ok((Minutes::new(2251), true)));
        assert!(patients("1.5").is_err() && patients("+1").is_err() && patients("1e3").is_err());
        assert!(reference("a\u{7}").is_err() && reference(&"x".repeat(65)).is_err());
    }
}
