//! The rows of the kind `pcn-workforce`: the published file of 16 columns.

use std::io::Read;

use kit::imports::Digest;
use kit::table::{Column, Problems, Row as Cells};
use terms::{Month, ParseError};

use super::cells;
use crate::app::imports::Sheet;
use crate::app::imports::pcn_workforce::Printed;
use crate::domain::national_return::{Row, Source};
use crate::domain::role::Leaf;

const COLUMNS: &[Column] = &[
    Column::required("Data_source"),
    Column::required("CENSUS_YEAR"),
    Column::required("CENSUS_MONTH"),
    Column::required("PCN_CODE"),
    Column::required("PCN_NAME"),
    Column::required("SUB_ICB_CODE"),
    Column::required("SUB_ICB_NAME"),
    Column::required("ICB_CODE"),
    Column::required("ICB_NAME"),
    Column::required("COMM_REGION_CODE"),
    Column::required("COMM_REGION_NAME"),
    Column::required("STAFF_GROUP"),
    Column::required("STAFF_ROLE"),
    Column::required("DETAILED_STAFF_ROLE"),
    Column::required("FTE"),
    Column::required("UNIQUE_IDENTIFIER"),
];

/// Reads a file, checking each row on its own.
pub(super) fn read(file: impl Read) -> Sheet<Printed> {
    cells::sheet(file, COLUMNS, |row, problems| {
        let source = row.parse("Data_source", problems, str::parse::<Source>);
        let census = census(row, problems);
        let pcn = row.parse("PCN_CODE", problems, cells::code);
        let group = row.parse("STAFF_GROUP", problems, cells::text);
        let role = row.parse("STAFF_ROLE", problems, cells::text);
        let detailed = row.parse("DETAILED_STAFF_ROLE", problems, cells::text);
        let fte = row.parse("FTE", problems, str::parse);
        let unique_id = row.parse_optional("UNIQUE_IDENTIFIER", problems, cells::reference);
        let text = |column: &str| row.text(column).to_owned();
        Some(Printed {
            line: row.line(),
            row: Row {
                census: census?,
                pcn: pcn?,
                source: source?,
                leaf: Leaf::new(group?, role?, detailed?),
                fte: fte?,
                unique_id: unique_id?,
            },
            data_source: text("Data_source"),
            pcn_name: text("PCN_NAME"),
            sub_icb: (text("SUB_ICB_CODE"), text("SUB_ICB_NAME")),
            icb: (text("ICB_CODE"), text("ICB_NAME")),
            region: (text("COMM_REGION_CODE"), text("COMM_REGION_NAME")),
            digest: digest(row),
            repetition: 0,
        })
    })
}

fn census(row: &Cells<'_>, problems: &mut Problems) -> Option<Month> {
    const YEAR: ParseError = ParseError { expected: "must be a year such as 2025" };
    const MONTH: ParseError = ParseError { expected: "must be the number of a month, 1 to 12" };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let year = row.parse("CENSUS_YEAR", problems, |text| {
        let year: Option<i16> = text.parse().ok().filter(|_| digits(text));
        year.filter(|year| Month::new(*year, 1).is_some()).ok_or(YEAR)
    });
    let month = row.parse("CENSUS_MONTH", problems, |text| {
        let month: Option<i8> = text.parse().ok().filter(|_| digits(text));
        month.filter(|month| (1..=12).contains(month)).ok_or(MONTH)
    });
    Month::new(year?, month?)
}

/// The digest of all cells, in the order of the columns above.
fn digest(row: &Cells<'_>) -> String {
    let mut digest = Digest::new();
    for column in COLUMNS {
        digest.update(row.text(column.name).as_bytes());
        // A byte that no cell has, so that cells do not run together.
        digest.update(&[0]);
    }
    digest.finish()
}
