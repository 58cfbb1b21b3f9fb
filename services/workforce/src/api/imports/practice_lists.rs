//! The rows of the kind `practice-lists`: the published lists of practices.

use std::io::Read;

use kit::table::Column;

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::snapshots::Practice;

const COLUMNS: &[Column] = &[
    Column::required("PRACTICE_CODE"),
    Column::required("PRACTICE_NAME"),
    Column::required("PCN_CODE"),
    Column::required("SUB_ICB_CODE"),
    Column::required("ICB_CODE"),
    Column::required("registered_patients"),
    Column::optional("SUPPLIER_NAME"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Practice> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let code = row.parse("PRACTICE_CODE", problems, cells::code);
        let name = row.parse("PRACTICE_NAME", problems, cells::text);
        let pcn = row.parse("PCN_CODE", problems, cells::code);
        let sub_icb = row.parse("SUB_ICB_CODE", problems, cells::code);
        let icb = row.parse("ICB_CODE", problems, cells::code);
        let registered = row.parse("registered_patients", problems, cells::patients);
        Some(Practice {
            line: row.line(),
            code: code?,
            name: name?,
            pcn: pcn?,
            sub_icb: sub_icb?,
            icb: icb?,
            registered: registered?,
        })
    })
}
