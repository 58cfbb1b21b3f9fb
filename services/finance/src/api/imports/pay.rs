//! The kind `pay`: what engagements cost in a month, in pounds, each row for the whole engagement.
//!
//! Salary, employer's National Insurance and pension must be given. An empty fee is not given:
//! no fee under a new key, the fee known before under a known one; a fee is taken back with 0.
//! An empty `paid_on` is pay that has not been paid. A row with a minus recovers an overpayment.

use std::fs::File;

use kit::table::{self, Column, Problem, Problems, Row};
use terms::{Month, ParseError, Pence, parse_date};

use crate::app::pay::{AMOUNTS, PayFile, PayRow};

const COLUMNS: &[Column] = &[
    Column::required("engagement_id"),
    Column::required("month"),
    Column::required("salary"),
    Column::required("employer_ni"),
    Column::required("employer_pension"),
    Column::optional("fees"),
    Column::optional("paid_on"),
];

/// Reads the rows, each on its own. Bad rows do not hide what is wrong with good ones across the
/// file, so both are handed on; without any good row nothing is left to look at.
pub(super) fn read(file: File) -> Result<PayFile, Problems> {
    let mut problems = Problems::new();
    let mut rows = Vec::new();
    let read = table::read(file, COLUMNS, &mut problems, |row, problems| {
        rows.extend(pay_row(row, problems));
    });
    if let Err(error) = read {
        problems.push(Problem::of_line(0, format!("the file could not be read: {error}")));
    }
    if rows.is_empty() && !problems.is_empty() {
        return Err(problems);
    }
    Ok(PayFile { rows, problems })
}

fn pay_row(row: &Row<'_>, problems: &mut Problems) -> Option<PayRow> {
    let reference =
        row.parse("engagement_id", problems, |text| Ok::<String, ParseError>(text.to_owned()));
    let month = row.parse("month", problems, str::parse::<Month>);
    let salary = row.parse("salary", problems, str::parse::<Pence>);
    let employer_ni = row.parse("employer_ni", problems, str::parse::<Pence>);
    let employer_pension = row.parse("employer_pension", problems, str::parse::<Pence>);
    let fees = row.parse_optional("fees", problems, str::parse::<Pence>);
    let paid_on = row.parse_optional("paid_on", problems, parse_date);
    Some(PayRow {
        line: row.line(),
        reference: reference?,
        month: month?,
        salary: salary?,
        employer_ni: employer_ni?,
        employer_pension: employer_pension?,
        fees: fees?,
        paid_on: paid_on?,
        written: AMOUNTS.map(|column| row.text(column).to_owned()),
    })
}
