//! The rows of the kind `organisations`.

use std::io::Read;

use kit::table::{Column, Problem, Problems, Row as Cells};
use terms::{OdsCode, Relation};

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::organisations::Row;

const COLUMNS: &[Column] = &[
    Column::required("code"),
    Column::required("name"),
    Column::required("kind"),
    Column::required("relation"),
    Column::required("related_code"),
    Column::required("valid_from"),
    Column::required("valid_to"),
    Column::required("london_area"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Row> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let code = row.parse("code", problems, cells::code);
        let name = row.parse("name", problems, cells::text);
        let kind = row.parse("kind", problems, str::parse);
        let related = related(row, problems);
        let valid_from = row.parse_optional("valid_from", problems, cells::date);
        let valid_to = row.parse_optional("valid_to", problems, cells::date);
        let london_area = row.parse_optional("london_area", problems, str::parse);
        Some(Row {
            line: row.line(),
            code: code?,
            name: name?,
            kind: kind?,
            related: related?,
            valid_from: valid_from?,
            valid_to: valid_to?,
            london_area: london_area?,
        })
    })
}

fn related(row: &Cells<'_>, problems: &mut Problems) -> Option<Option<(Relation, OdsCode)>> {
    let relation = row.parse_optional("relation", problems, str::parse);
    let related = row.parse_optional("related_code", problems, cells::code);
    match (relation?, related?) {
        (Some(relation), Some(related)) => Some(Some((relation, related))),
        (None, None) => Some(None),
        (Some(_), None) => {
            let reason = "must be given where a relation is";
            problems.push(Problem::new(row.line(), "related_code", "", reason));
            None
        }
        (None, Some(_)) => {
            let reason = "must be given where a related_code is: part-of or served-by";
            problems.push(Problem::new(row.line(), "relation", "", reason));
            None
        }
    }
}
