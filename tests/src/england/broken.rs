//! Import files with one fault each, and what must be said of it; and odd ones that are right.
//!
//! [`GROUND`] comes in first. None of the files may then change anything, unless it is
//! [`Expected::Taken`].

use std::io::{self, Read};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is odd about it, in kebab case.
    pub name: &'static str,
    /// The kind under which to import it.
    pub kind: &'static str,
    /// The bytes.
    pub content: Vec<u8>,
    /// What must come of it.
    pub expected: Expected,
}

/// What must come of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is imported.
    Taken,
    /// It is refused.
    Refused {
        /// Each line that is listed, the header being 1; where a record spans lines, its first.
        lines: &'static [u64],
        /// The column that is named; empty where no single one is at fault.
        column: &'static str,
        /// The value that is shown; empty where there is none, or none that can be shown.
        value: &'static str,
    },
}

/// Files to import first, in this order: one PCN, one practice, one engagement of one person.
pub const GROUND: [(&str, &str); 2] = [
    (
        "organisations",
        "code,name,kind,relation,related_code,valid_from,valid_to,london_area\n\
         Y58,South West,region,,,2019-10-01,,\n\
         QX9,NHS Test ICB,icb,part-of,Y58,2019-10-01,,\n\
         09X,NHS Test ICB - 09X,sub-icb,part-of,QX9,2019-10-01,,\n\
         U10001,TEST ONE PCN,pcn,part-of,09X,2019-10-01,,outside\n\
         U10002,TEST TWO PCN,pcn,part-of,09X,2019-10-01,,outside\n\
         A80001,TEST SURGERY,practice,part-of,U10001,2019-10-01,,\n",
    ),
    (
        "staff",
        "engagement_id,person_id,family_name,given_name,role,stage,band,employer_code,model,\
         pcn_code,weekly_hours,full_time_hours,start,end,registration_body,registration_number,\
         registration_expiry,leaving_reason\n\
         t-e-000001,t-p-000001,Test-Person,One,CP,,7,U10001,PCN_DIRECT,\
         U10001,37.5,,2024-04-01,,GPhC,T000001,2026-12-31,\n",
    ),
];

/// The columns of each kind with the cells of a row that is right and new.
const STAFF: &[(&str, &str)] = &[
    ("engagement_id", "t-e-000002"),
    ("person_id", "t-p-000002"),
    ("family_name", "Test-Person"),
    ("given_name", "Two"),
    ("role", "CP"),
    ("stage", ""),
    ("band", "7"),
    ("employer_code", "U10001"),
    ("model", "PCN_DIRECT"),
    ("pcn_code", "U10001"),
    ("weekly_hours", "37.5"),
    ("full_time_hours", ""),
    ("start", "2025-04-01"),
    ("end", ""),
    ("registration_body", "GPhC"),
    ("registration_number", "T000002"),
    ("registration_expiry", "2026-12-31"),
    ("leaving_reason", ""),
    ("contract_hours", ""),
];
const PAY: &[(&str, &str)] = &[
    ("engagement_id", "t-e-000001"),
    ("month", "2025-07"),
    ("salary", "3845.67"),
    ("employer_ni", "514.35"),
    ("employer_pension", "553.01"),
    ("fees", ""),
    ("paid_on", "2025-07-28"),
];
const SESSIONS: &[(&str, &str)] = &[
    ("session_id", "t-ss-0000001"),
    ("person_id", "t-p-000001"),
    ("supervisor_id", "t-s-1"),
    ("kind", "clinical"),
    ("date", "2025-07-10"),
    ("minutes", "60"),
    ("pcn_code", "U10001"),
];
const ORGANISATIONS: &[(&str, &str)] = &[
    ("code", "U10003"),
    ("name", "TEST THREE PCN"),
    ("kind", "pcn"),
    ("relation", "part-of"),
    ("related_code", "09X"),
    ("valid_from", "2024-04-01"),
    ("valid_to", ""),
    ("london_area", "outside"),
];
const LISTS: &[(&str, &str)] = &[
    ("code", "A80001"),
    ("date", "2025-01-01"),
    ("registered", "9000"),
    ("weighted", "9100.25"),
    ("adjusted", ""),
];
const PUBLICATION: &[(&str, &str)] = &[
    ("Data_source", "NWRS Staff"),
    ("CENSUS_YEAR", "2025"),
    ("CENSUS_MONTH", "7"),
    ("PCN_CODE", "U10001"),
    ("PCN_NAME", "TEST ONE PCN"),
    ("SUB_ICB_CODE", "09X"),
    ("SUB_ICB_NAME", "NHS Test ICB - 09X"),
    ("ICB_CODE", "QX9"),
    ("ICB_NAME", "NHS Test ICB"),
    ("COMM_REGION_CODE", "Y58"),
    ("COMM_REGION_NAME", "South West"),
    ("STAFF_GROUP", "Other Direct Patient Care staff"),
    ("STAFF_ROLE", "Pharmacists"),
    ("DETAILED_STAFF_ROLE", "Pharmacist"),
    ("FTE", "0.533333333"),
    ("UNIQUE_IDENTIFIER", "145743"),
];

const KINDS: [(&str, &[(&str, &str)]); 6] = [
    ("staff", STAFF),
    ("pay", PAY),
    ("sessions", SESSIONS),
    ("organisations", ORGANISATIONS),
    ("lists", LISTS),
    ("pcn-workforce", PUBLICATION),
];

/// One wrong cell in a row that is right otherwise: name, kind, column, value.
const WRONG_CELLS: &[(&str, &str, &str, &str)] = &[
    ("unknown-pcn", "staff", "pcn_code", "U99999"),
    ("code-in-small-letters", "staff", "pcn_code", "u10001"),
    ("end-before-start", "staff", "end", "2025-03-31"),
    ("date-in-english-order", "staff", "start", "31/04/2026"),
    ("day-that-is-not", "staff", "start", "2025-02-29"),
    ("date-with-time", "staff", "start", "2025-04-01T00:00:00"),
    ("role-unknown", "staff", "role", "CHIROPODIST"),
    ("role-not-in-force", "staff", "role", "GP"),
    ("band-unknown", "staff", "band", "8e"),
    ("stage-unknown", "staff", "stage", "Senior"),
    ("model-unknown", "staff", "model", "DIRECT"),
    ("hours-below-zero", "staff", "weekly_hours", "-1"),
    ("hours-with-three-decimals", "staff", "weekly_hours", "37.555"),
    ("hours-with-exponent", "staff", "weekly_hours", "3E1"),
    ("hours-in-words", "staff", "weekly_hours", "full time"),
    ("hours-with-comma", "staff", "weekly_hours", "37,5"),
    ("engagement-id-missing", "staff", "engagement_id", ""),
    ("start-missing", "staff", "start", ""),
    ("salary-below-zero", "pay", "salary", "-1"),
    ("salary-with-pound-sign", "pay", "salary", "£3845.67"),
    ("salary-with-comma", "pay", "salary", "3,845.67"),
    ("salary-with-exponent", "pay", "salary", "1E5"),
    ("salary-with-three-decimals", "pay", "salary", "3845.675"),
    ("salary-not-a-number", "pay", "salary", "NaN"),
    ("salary-past-64-bits", "pay", "salary", "99999999999999999999"),
    ("month-thirteen", "pay", "month", "2025-13"),
    ("month-of-one-digit", "pay", "month", "2025-7"),
    ("engagement-unknown", "pay", "engagement_id", "t-e-999999"),
    ("paid-on-no-day", "pay", "paid_on", "31/04/2026"),
    ("minutes-below-zero", "sessions", "minutes", "-60"),
    ("kind-of-session-unknown", "sessions", "kind", "chat"),
    ("person-unknown", "sessions", "person_id", "t-p-999999"),
    ("kind-unknown", "organisations", "kind", "PCN"),
    ("relation-unknown", "organisations", "relation", "member-of"),
    ("area-unknown", "organisations", "london_area", "fringe"),
    ("valid-to-before-from", "organisations", "valid_to", "2024-03-31"),
    ("relation-to-nobody", "organisations", "related_code", ""),
    ("list-below-zero", "lists", "registered", "-1"),
    ("list-with-five-decimals", "lists", "weighted", "9100.12345"),
    ("census-month-thirteen", "pcn-workforce", "CENSUS_MONTH", "13"),
    ("fte-in-words", "pcn-workforce", "FTE", "half"),
];

/// All files.
pub fn files() -> Vec<Broken> {
    let mut files: Vec<Broken> = WRONG_CELLS.iter().map(wrong_cell).collect();
    files.extend(whole_files());
    files.extend(two_rows());
    files.extend(encodings());
    files.extend(right());
    files
}

/// A staff file whose one field never ends within `bytes`, without the memory for it.
pub fn endless_field(bytes: u64) -> impl Read {
    let start = format!("{}\nt-e-000002,t-p-000002,\"", header("staff"));
    io::Cursor::new(start).chain(io::repeat(b'x').take(bytes))
}

fn cells(kind: &str) -> &'static [(&'static str, &'static str)] {
    KINDS.iter().find(|(name, _)| *name == kind).expect("a kind of the table").1
}

fn header(kind: &str) -> String {
    cells(kind).iter().map(|(column, _)| *column).collect::<Vec<_>>().join(",")
}

/// A right row with other cells in some columns.
fn row(kind: &str, changes: &[(&str, &str)]) -> String {
    let cell = |(column, cell): &(&str, &str)| {
        let change = changes.iter().find(|(changed, _)| changed == column);
        let text = change.map_or(*cell, |(_, text)| *text);
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    cells(kind).iter().map(cell).collect::<Vec<_>>().join(",")
}

fn file(kind: &str, rows: &[String]) -> String {
    format!("{}\n{}\n", header(kind), rows.join("\n"))
}

fn wrong_cell(case: &(&'static str, &'static str, &'static str, &'static str)) -> Broken {
    let &(name, kind, column, value) = case;
    let mut changes = vec![(column, value)];
    if name == "role-not-in-force" {
        // GPs came on 1 October 2024 and have no band.
        changes.extend([("start", "2024-09-30"), ("band", "")]);
    }
    let content = file(kind, &[row(kind, &changes)]).into_bytes();
    let expected = Expected::Refused { lines: &[2], column, value };
    Broken { name, kind, content, expected }
}

fn staff(name: &'static str, content: impl Into<Vec<u8>>, expected: Expected) -> Broken {
    Broken { name, kind: "staff", content: content.into(), expected }
}

const fn refused(lines: &'static [u64], column: &'static str, value: &'static str) -> Expected {
    Expected::Refused { lines, column, value }
}

fn without_first(line: &str) -> &str {
    line.split_once(',').expect("a line of many cells").1
}

fn whole_files() -> Vec<Broken> {
    let one = row("staff", &[]);
    let head = header("staff");
    let big = "x".repeat((1 << 20) + 1);
    vec![
        staff("empty", "", refused(&[1], "", "")),
        staff("no-header", format!("{one}\n"), refused(&[1], "", "")),
        staff(
            "header-of-another-kind",
            file("pay", &[row("pay", &[])]),
            refused(&[1], "person_id", ""),
        ),
        staff(
            "column-missing",
            format!("{}\n{}\n", without_first(&head), without_first(&one)),
            refused(&[1], "engagement_id", ""),
        ),
        staff(
            "column-unknown",
            format!("{head},shoe_size\n{one},42\n"),
            refused(&[1], "shoe_size", ""),
        ),
        staff("column-twice", format!("{head},role\n{one},CP\n"), refused(&[1], "role", "")),
        staff(
            "header-in-capitals",
            format!("{}\n{one}\n", head.to_uppercase()),
            refused(&[1], "", ""),
        ),
        staff("too-many-fields", format!("{head}\n{one},\n"), refused(&[2], "", "")),
        staff("too-few-fields", format!("{head}\nt-e-000002,t-p-000002\n"), refused(&[2], "", "")),
        staff(
            "semicolons",
            file("staff", std::slice::from_ref(&one)).replace(',', ";"),
            refused(&[1], "", ""),
        ),
        staff(
            "quote-that-never-ends",
            format!("{head}\n{}\n", one.replace("Test-Person", "\"Test-Person")),
            refused(&[2], "", ""),
        ),
        staff(
            "cell-over-one-mebibyte",
            file("staff", &[row("staff", &[("family_name", &big)])]),
            refused(&[2], "", ""),
        ),
        staff(
            "line-is-where-the-record-begins",
            file(
                "staff",
                &[
                    row("staff", &[("leaving_reason", "cell of two lines\n")]),
                    row("staff", &[("engagement_id", "t-e-000003"), ("pcn_code", "U99999")]),
                ],
            ),
            refused(&[4], "pcn_code", "U99999"),
        ),
    ]
}

fn two_rows() -> Vec<Broken> {
    let two = |kind, first: &[(&str, &str)], second: &[(&str, &str)]| {
        file(kind, &[row(kind, first), row(kind, second)]).into_bytes()
    };
    let other = |kind, name, content, expected| Broken { name, kind, content, expected };
    vec![
        staff("key-twice", two("staff", &[], &[]), refused(&[2, 3], "engagement_id", "t-e-000002")),
        staff(
            "roles-of-one-engagement-differ",
            two("staff", &[], &[("pcn_code", "U10002"), ("role", "PT"), ("band", "5")]),
            refused(&[2, 3], "role", "PT"),
        ),
        staff(
            "names-of-one-person-differ",
            two("staff", &[], &[("engagement_id", "t-e-000003"), ("given_name", "Too")]),
            refused(&[2, 3], "given_name", ""),
        ),
        staff(
            "assignments-beyond-contract",
            two(
                "staff",
                &[("contract_hours", "37.5"), ("weekly_hours", "20")],
                &[("contract_hours", "37.5"), ("weekly_hours", "20"), ("pcn_code", "U10002")],
            ),
            refused(&[2], "weekly_hours", "20"),
        ),
        staff(
            "hours-beyond-contract",
            file("staff", &[row("staff", &[("contract_hours", "30")])]),
            refused(&[2], "weekly_hours", "37.5"),
        ),
        staff(
            "one-right-row-one-wrong",
            two("staff", &[], &[("engagement_id", "t-e-000003"), ("pcn_code", "U99999")]),
            refused(&[3], "pcn_code", "U99999"),
        ),
        other(
            "pay",
            "run-twice",
            two("pay", &[], &[]),
            refused(&[2, 3], "engagement_id", "t-e-000001"),
        ),
        other(
            "pay",
            "month-below-zero",
            two("pay", &[], &[("salary", "-4000"), ("paid_on", "2025-07-31")]),
            refused(&[3], "salary", "-4000"),
        ),
        other("lists", "list-twice", two("lists", &[], &[]), refused(&[2, 3], "code", "A80001")),
        other(
            "organisations",
            "two-london-areas",
            two("organisations", &[], &[("related_code", "QX9"), ("london_area", "inner")]),
            refused(&[2, 3], "london_area", "inner"),
        ),
        other(
            "sessions",
            "session-twice",
            two("sessions", &[], &[("minutes", "30")]),
            refused(&[2, 3], "session_id", "t-ss-0000001"),
        ),
    ]
}

fn encodings() -> Vec<Broken> {
    let text = |name: &str| file("staff", &[row("staff", &[("family_name", name)])]);
    let swap = |byte: &[u8]| {
        let text = text("Test~Person");
        let (before, after) = text.split_once('~').expect("the name holds one");
        [before.as_bytes(), byte, after.as_bytes()].concat()
    };
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend(text("Test-Person").encode_utf16().flat_map(u16::to_le_bytes));
    vec![
        staff("invalid-utf-8", swap(&[0xC3, 0x28]), refused(&[2], "family_name", "")),
        staff("windows-1252", swap(&[0xE9]), refused(&[2], "family_name", "")),
        staff("nul-byte", swap(&[0]), refused(&[2], "", "")),
        staff("utf-16", utf16, refused(&[1], "", "")),
    ]
}

fn right() -> Vec<Broken> {
    let one = row("staff", &[]);
    let plain = file("staff", std::slice::from_ref(&one));
    let backwards = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",");
    let short = |line: &str| line.rsplit_once(',').expect("a line of many cells").0.to_owned();
    vec![
        staff("plain", plain.clone(), Expected::Taken),
        staff("byte-order-mark", format!("\u{feff}{plain}"), Expected::Taken),
        staff("crlf", plain.replace('\n', "\r\n"), Expected::Taken),
        staff(
            "byte-order-mark-and-crlf",
            format!("\u{feff}{}", plain.replace('\n', "\r\n")),
            Expected::Taken,
        ),
        staff("no-last-line-end", plain.trim_end(), Expected::Taken),
        staff("blank-lines", plain.replace('\n', "\n\n"), Expected::Taken),
        staff("cells-with-spaces", plain.replace(",7,", ", 7 ,"), Expected::Taken),
        staff(
            "columns-backwards",
            format!("{}\n{}\n", backwards(&header("staff")), backwards(&one)),
            Expected::Taken,
        ),
        staff(
            "optional-column-missing",
            format!("{}\n{}\n", short(&header("staff")), short(&one)),
            Expected::Taken,
        ),
        staff(
            "letters-beyond-ascii",
            file("staff", &[row("staff", &[("family_name", "Tëst-Pêrson-Łódź, the \"Third\"")])]),
            Expected::Taken,
        ),
        Broken {
            name: "negative-second-run",
            kind: "pay",
            content: file(
                "pay",
                &[
                    row("pay", &[]),
                    row(
                        "pay",
                        &[
                            ("salary", "-100.00"),
                            ("employer_ni", "-15.00"),
                            ("employer_pension", "-14.38"),
                            ("paid_on", "2025-07-31"),
                        ],
                    ),
                ],
            )
            .into_bytes(),
            expected: Expected::Taken,
        },
    ]
}
