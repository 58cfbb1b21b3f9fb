//! The rows of the kind `ods-pcns`: the published details of PCNs.

use std::io::Read;

use kit::table::Column;

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::snapshots::Pcn;

const COLUMNS: &[Column] = &[
    Column::required("PCN_CODE"),
    Column::required("PCN_NAME"),
    Column::required("SUB_ICB_CODE"),
    Column::optional("SUB_ICB_NAME"),
    Column::required("OPEN_DATE"),
    Column::required("CLOSE_DATE"),
    Column::optional("POSTCODE"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Pcn> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let code = row.parse("PCN_CODE", problems, cells::code);
        let name = row.parse("PCN_NAME", problems, cells::text);
        let sub_icb = row.parse("SUB_ICB_CODE", problems, cells::code);
        let sub_icb_name = row.parse_optional("SUB_ICB_NAME", problems, cells::text);
        let open = row.parse("OPEN_DATE", problems, cells::compact_date);
        let close = row.parse_optional("CLOSE_DATE", problems, cells::compact_date);
        Some(Pcn {
            line: row.line(),
            code: code?,
            name: name?,
            sub_icb: sub_icb?,
            sub_icb_name: sub_icb_name?,
            open: open?,
            close: close?,
        })
    })
}
