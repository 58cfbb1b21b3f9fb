//! Rows of one file that speak of the same thing must say the same.

use std::collections::{BTreeMap, BTreeSet};

use kit::table::{Problem, Problems};

use super::Row;
use super::check::hours;
use crate::app::imports::repeated;
use crate::store::people::Particulars;

pub(super) fn keys(rows: &[Row], problems: &mut Problems) {
    let mut keys: BTreeMap<_, u32> = BTreeMap::new();
    for row in rows {
        if let Some(first) = keys.insert((&row.engagement, &row.pcn, row.start), row.line) {
            let what = "engagement_id, pcn_code and start";
            repeated(problems, [first, row.line], "engagement_id", &row.engagement, what);
        }
    }
}

/// Notes on both lines that rows of one thing differ in a column; values of people are not shown.
fn differ(problems: &mut Problems, lines: [u32; 2], column: &str, values: [&str; 2], what: &str) {
    let [first, second] = lines;
    for (line, value, other) in [(first, values[0], second), (second, values[1], first)] {
        let reason = format!("differs from line {other}; all rows of {what} must agree");
        problems.push(Problem::new(line, column, value, reason));
    }
}

pub(super) fn engagements_agree(rows: &[Row], problems: &mut Problems) {
    let mut firsts: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        let first = *firsts.entry(&row.engagement).or_insert(row);
        let text = |row: &Row| {
            [
                ("person_id", row.person.clone().unwrap_or_default()),
                ("role", row.role.to_string()),
                ("employer_code", row.employer.to_string()),
                ("model", row.model.to_string()),
                ("full_time_hours", hours(row.full_time)),
            ]
        };
        let what = format!("engagement {}", row.engagement);
        for ((column, before), (_, here)) in text(first).iter().zip(text(row)) {
            if *before != here {
                differ(problems, [first.line, row.line], column, [before, &here], &what);
            }
        }
        // Not given says nothing.
        if let (Some(before), Some(here)) = (&first.leaving_reason, &row.leaving_reason)
            && before != here
        {
            let lines = [first.line, row.line];
            differ(problems, lines, "leaving_reason", [before, here], &what);
        }
    }
}

pub(super) fn people_agree(rows: &[Row], problems: &mut Problems) {
    let mut firsts: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let Some(person) = row.person.as_deref() else { continue };
        let what = format!("person {person}");
        let cells = |row: &Row| {
            let Particulars { family_name, given_name, registration_body, registration_number } =
                row.particulars.clone();
            [
                ("family_name", family_name),
                ("given_name", given_name),
                ("registration_body", registration_body),
                ("registration_number", registration_number),
                ("registration_expiry", row.expiry.map(|day| day.to_string())),
            ]
        };
        let earlier = firsts.entry(person).or_default();
        let mut told = BTreeSet::new();
        for first in earlier.iter() {
            for ((column, before), (_, here)) in cells(first).into_iter().zip(cells(row)) {
                let (Some(before), Some(here)) = (before, here) else { continue };
                if before != here && told.insert(column) {
                    differ(problems, [first.line, row.line], column, ["", ""], &what);
                }
            }
        }
        // One row stands for all that say the same.
        if earlier.iter().all(|first| cells(first) != cells(row)) {
            earlier.push(row);
        }
    }
}
