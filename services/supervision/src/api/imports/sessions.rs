//! The rows of the kind `sessions`.

use std::io::Read;

use kit::table::{self, Column, Problem, Problems};
use terms::{Minutes, ParseError};

use crate::app::sessions::{Row, Sheet};
use crate::domain::requirement::Kind;

const COLUMNS: &[Column] = &[
    Column::required("session_id"),
    Column::required("person_id"),
    Column::required("supervisor_id"),
    Column::required("kind"),
    Column::required("date"),
    Column::required("minutes"),
    Column::required("pcn_code"),
];

/// The minutes of a day: no session is longer.
const MINUTES_MAX: u32 = 1_440;
/// The characters of what files call things.
const REFERENCE_CHARS_MAX: usize = 64;

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet {
    let mut problems = Problems::new();
    let mut rows = Vec::new();
    let outcome = table::read(file, COLUMNS, &mut problems, |row, problems| {
        let session = row.parse("session_id", problems, reference);
        let person = row.parse("person_id", problems, reference);
        let supervisor = row.parse("supervisor_id", problems, reference);
        let kind = row.parse("kind", problems, kind);
        let date = row.parse("date", problems, terms::parse_date);
        let minutes = row.parse("minutes", problems, minutes);
        let pcn = row.parse("pcn_code", problems, str::parse);
        if let (
            Some(reference),
            Some(person),
            Some(supervisor),
            Some(kind),
            Some(date),
            Some(minutes),
            Some(pcn),
        ) = (session, person, supervisor, kind, date, minutes, pcn)
        {
            let line = row.line();
            rows.push(Row { line, reference, person, supervisor, kind, date, minutes, pcn });
        }
    });
    let count = outcome.unwrap_or_else(|error| {
        // The spooled copy, not the caller's file: operators are told, callers try again.
        tracing::error!("a received file cannot be read: {error}");
        problems.push(Problem::of_line(0, "the file could not be read; send it again"));
        0
    });
    Sheet { rows, problems, count }
}

/// What an owner calls somebody or something.
pub(in crate::api) fn reference(text: &str) -> Result<String, ParseError> {
    const EXPECTED: ParseError = ParseError {
        expected: "must have 1 to 64 characters that can be printed, no spaces at either end",
    };
    let length = text.chars().count();
    let good = (1..=REFERENCE_CHARS_MAX).contains(&length)
        && !text.chars().any(char::is_control)
        && text.trim() == text;
    if good { Ok(text.to_owned()) } else { Err(EXPECTED) }
}

/// A kind of sessions.
pub(in crate::api) fn kind(text: &str) -> Result<Kind, ParseError> {
    const EXPECTED: ParseError = ParseError {
        expected: "must be clinical, educational, practice_debrief, peer, coaching_individual, \
                   coaching_group, preceptorship, induction, appraisal or line_management",
    };
    text.parse().ok().filter(|kind: &Kind| kind.is_session()).ok_or(EXPECTED)
}

/// The minutes of a session.
pub(in crate::api) fn minutes(text: &str) -> Result<Minutes, ParseError> {
    const EXPECTED: ParseError = ParseError { expected: "must be whole minutes from 1 to 1440" };
    // Digits only: a sign is not a number of minutes.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EXPECTED);
    }
    let minutes: u32 = text.parse().map_err(|_| EXPECTED)?;
    if (1..=MINUTES_MAX).contains(&minutes) { Ok(Minutes::new(minutes)) } else { Err(EXPECTED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n";

    #[track_caller]
    fn bad(row: &str, problems: &[&str]) {
        let found = read(format!("{HEADER}{row}\n").as_bytes()).problems.into_vec();
        let found: Vec<String> = found
            .into_iter()
            .map(|problem| format!("{} {}<{}>", problem.line, problem.column, problem.value))
            .collect();
        assert_eq!(found, problems);
    }

    #[test]
    fn every_cell_is_checked_and_every_fault_named() {
        bad("s,p,x,clinical,2025-07-01,0,U00070", &["2 minutes<0>"]);
        bad("s,p,x,clinical,2025-07-01,1441,U00070", &["2 minutes<1441>"]);
        bad("s,p,x,clinical,2025-07-01,+5,U00070", &["2 minutes<+5>"]);
        bad("s,p,x,clinical,2025-07-01,1.5,U00070", &["2 minutes<1.5>"]);
        bad("s,p,x,ratio,2025-07-01,30,U00070", &["2 kind<ratio>"]);
        bad("s,p,x,Clinical,2025-07-01,30,U00070", &["2 kind<Clinical>"]);
        bad(
            ",,,,,,u",
            &[
                "2 session_id<>",
                "2 person_id<>",
                "2 supervisor_id<>",
                "2 kind<>",
                "2 date<>",
                "2 minutes<>",
                "2 pcn_code<u>",
            ],
        );
        bad("s,p,x,clinical,2025-02-30,30,u00070", &["2 date<2025-02-30>", "2 pcn_code<u00070>"]);
    }

    #[test]
    fn the_kinds_named_are_the_kinds_of_sessions() {
        let reason = kind("").unwrap_err().expected;
        for known in Kind::ALL.iter().filter(|kind| kind.is_session()) {
            assert!(reason.contains(known.as_str()), "{known}");
            assert_eq!(kind(known.as_str()), Ok(*known));
        }
    }

    #[test]
    fn the_edges_of_minutes_are_in() {
        assert_eq!(minutes("1"), Ok(Minutes::new(1)));
        assert_eq!(minutes("1440"), Ok(Minutes::new(1_440)));
    }
}
