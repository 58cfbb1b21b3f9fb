//! The rows of the kind `ods-partners`: the published links of practices to PCNs.

use std::io::Read;

use kit::table::Column;

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::snapshots::Partner;

const COLUMNS: &[Column] = &[
    Column::required("PRACTICE_CODE"),
    Column::required("PRACTICE_NAME"),
    Column::optional("PRACTICE_SUB_ICB_CODE"),
    Column::required("PCN_CODE"),
    Column::optional("PCN_SUB_ICB_CODE"),
    Column::required("START_DATE"),
    Column::required("END_DATE"),
    Column::optional("SUB_ICB_MATCH"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Partner> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let practice = row.parse("PRACTICE_CODE", problems, cells::code);
        let name = row.parse("PRACTICE_NAME", problems, cells::text);
        let pcn = row.parse("PCN_CODE", problems, cells::code);
        let pcn_sub_icb = row.parse_optional("PCN_SUB_ICB_CODE", problems, cells::code);
        let start = row.parse("START_DATE", problems, cells::compact_date);
        let end = row.parse_optional("END_DATE", problems, cells::compact_date);
        Some(Partner {
            line: row.line(),
            practice: practice?,
            name: name?,
            pcn: pcn?,
            pcn_sub_icb: pcn_sub_icb?,
            start: start?,
            end: end?,
        })
    })
}
