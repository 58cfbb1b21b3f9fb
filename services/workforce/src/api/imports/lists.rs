//! The rows of the kind `lists`.

use std::io::Read;

use kit::table::Column;

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::lists::Row;

const COLUMNS: &[Column] = &[
    Column::required("code"),
    Column::required("date"),
    Column::required("registered"),
    Column::required("weighted"),
    Column::optional("adjusted"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Row> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let code = row.parse("code", problems, cells::code);
        let date = row.parse("date", problems, cells::date);
        let registered = row.parse("registered", problems, cells::patients);
        let weighted = row.parse_optional("weighted", problems, cells::weighted);
        let adjusted = row.parse_optional("adjusted", problems, cells::weighted);
        Some(Row {
            line: row.line(),
            code: code?,
            date: date?,
            registered: registered?,
            weighted: weighted?,
            adjusted: adjusted?,
        })
    })
}
