//! Reading CSV files of people we do not know, strictly: RFC 4180 in UTF-8, with a header.
//!
//! A file is never held in memory, whatever its size; everything that is wrong with it is named by
//! line and column. What the cells mean is not known here.

use std::fmt::Display;
use std::io::{self, Read};

use csv::{ByteRecord, ReaderBuilder};

use guard::{Guarded, Start};

mod guard;

/// How many problems of a file are kept; of the rest only the number.
pub const PROBLEMS_MAX: usize = 1_000;

/// How many characters of a value are shown.
const VALUE_CHARS_MAX: usize = 80;

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// A column that a kind of file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the header, exactly.
    pub name: &'static str,
    /// Whether the header must have it.
    pub required: bool,
    /// Whether its values say something of a person, and are never repeated in a problem.
    pub personal: bool,
}

impl Column {
    /// A column that the header must have.
    pub const fn required(name: &'static str) -> Column {
        Column { name, required: true, personal: false }
    }

    /// A column that the header may have.
    pub const fn optional(name: &'static str) -> Column {
        Column { name, required: false, personal: false }
    }

    /// The same column, with values that are never repeated in a problem.
    pub const fn personal(self) -> Column {
        Column { personal: true, ..self }
    }
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line on which the record begins, counted from 1.
    pub line: u32,
    /// The column; empty if it is about the whole line.
    pub column: String,
    /// What stands there, shortened; empty for personal columns.
    pub value: String,
    /// What is wrong, or what would be right: `must be a month such as 2025-07`.
    pub reason: String,
}

impl Problem {
    /// A problem whose value is shortened and made safe to print.
    pub fn new(line: u32, column: &str, value: &str, reason: impl Into<String>) -> Problem {
        let (column, value) = (shortened(column), shortened(value));
        Problem { line, column, value, reason: reason.into() }
    }

    /// A problem of a whole line.
    pub fn of_line(line: u32, reason: impl Into<String>) -> Problem {
        Problem::new(line, "", "", reason)
    }
}

/// The problems of a file: the first thousand, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    total: u64,
}

impl Problems {
    /// None yet.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Adds a problem. Past the first thousand it is only counted.
    pub fn push(&mut self, problem: Problem) {
        self.total += 1;
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(problem);
        }
    }

    /// Adds a problem of a row. An empty `column` is about the whole row.
    pub fn row(&mut self, row: &Row<'_>, column: &str, reason: impl Into<String>) {
        let value = if column.is_empty() { "" } else { row.shown(column) };
        self.push(Problem::new(row.line, column, value, reason));
    }

    /// How many there are, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Says whether the file is good.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The kept ones in the order of their lines.
    pub fn into_vec(mut self) -> Vec<Problem> {
        self.kept.sort_by_key(|problem| problem.line);
        self.kept
    }
}

/// One row of a file. Its cells are trimmed.
#[derive(Debug)]
pub struct Row<'a> {
    line: u32,
    layout: &'a Layout<'a>,
    cells: &'a [&'a str],
}

impl<'a> Row<'a> {
    /// The line on which it begins, counted from 1.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The text of a column; empty also if the file does not have the column.
    ///
    /// Panics if `column` is none of the columns that the reader was given.
    pub fn text(&self, column: &str) -> &'a str {
        match self.layout.find(column).1 {
            Some(index) => self.cells[index],
            None => "",
        }
    }

    /// Reads a cell that must be given. Adds a problem and gives nothing if it is not, or is wrong.
    pub fn parse<T, E: Display>(
        &self,
        column: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(column);
        match (parse(text), text.is_empty()) {
            (Ok(value), false) => Some(value),
            (Err(error), false) => {
                problems.row(self, column, error.to_string());
                None
            }
            (Ok(_), true) => {
                problems.row(self, column, "must be given");
                None
            }
            (Err(error), true) => {
                // The reason of an empty text says what would be right.
                let reason = error.to_string();
                let expected = reason.strip_prefix("must be ").unwrap_or(&reason);
                problems.row(self, column, format!("must be given: {expected}"));
                None
            }
        }
    }

    /// Reads a cell that may be empty or absent.
    ///
    /// Gives `Some(None)` for an empty one. Adds a problem and gives `None` for a wrong one.
    pub fn parse_optional<T, E: Display>(
        &self,
        column: &str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let text = self.text(column);
        if text.is_empty() {
            return Some(None);
        }
        match parse(text) {
            Ok(value) => Some(Some(value)),
            Err(error) => {
                problems.row(self, column, error.to_string());
                None
            }
        }
    }

    /// What of a cell may be repeated.
    fn shown(&self, column: &str) -> &'a str {
        if self.layout.find(column).0.personal { "" } else { self.text(column) }
    }
}

/// Where each column of a kind stands in this file.
#[derive(Debug)]
struct Layout<'a> {
    columns: &'a [Column],
    /// The index in the file for each of `columns`.
    places: Vec<Option<usize>>,
    /// The index into `columns` for each column of the file.
    order: Vec<usize>,
}

impl Layout<'_> {
    /// A handful of comparisons of short names; a map would not be faster.
    fn find(&self, name: &str) -> (Column, Option<usize>) {
        let index = self.columns.iter().position(|column| column.name == name);
        let index = index.unwrap_or_else(|| panic!("{name} is none of the columns to be read"));
        (self.columns[index], self.places[index])
    }
}

/// Reads a file row by row and gives the number of rows.
///
/// Rows that can be read are handed to `each`, in order, until the end or until the file turns out
/// not to be CSV at all; what is wrong is added to `problems`. An error is one of `source` itself
/// and says nothing of the file.
pub fn read(
    source: impl Read,
    columns: &[Column],
    problems: &mut Problems,
    mut each: impl FnMut(&Row<'_>, &mut Problems),
) -> io::Result<u32> {
    let source = match Guarded::open(source)? {
        Ok(source) => source,
        Err(problem) => {
            problems.push(problem);
            return Ok(0);
        }
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        // Our own check of the number of fields names both numbers.
        .flexible(true)
        .buffer_capacity(CHUNK_BYTES)
        .from_reader(source);
    let mut record = ByteRecord::new();
    let mut layout: Option<Layout<'_>> = None;
    let mut rows = 0;
    loop {
        let start = match next(&mut reader, &mut record)? {
            Next::Record(start) => start,
            Next::Broken(problem) => {
                problems.push(problem);
                return Ok(rows);
            }
            Next::End => break,
        };
        if is_blank(&record) {
            continue;
        }
        let Some(layout) = &layout else {
            layout = lay_out(&record, start, columns, problems);
            if layout.is_none() {
                return Ok(0);
            }
            continue;
        };
        rows += 1;
        let Some(cells) = cells(&record, start, layout, problems) else {
            continue;
        };
        each(&Row { line: start.line, layout, cells: &cells }, problems);
    }
    if layout.is_none() {
        problems.push(Problem::of_line(1, format!("the file is empty; {}", expected(columns))));
    }
    Ok(rows)
}

enum Next {
    Record(Start),
    Broken(Problem),
    End,
}

fn next<R: Read>(
    reader: &mut csv::Reader<Guarded<R>>,
    record: &mut ByteRecord,
) -> io::Result<Next> {
    match reader.read_byte_record(record) {
        Ok(true) => {
            let start = reader.get_mut().starts.pop_front();
            Ok(Next::Record(start.expect("the guard sees every record before the reader does")))
        }
        Ok(false) => Ok(Next::End),
        Err(error) => match (reader.get_mut().broken.take(), error.into_kind()) {
            (Some(problem), _) => Ok(Next::Broken(problem)),
            (None, csv::ErrorKind::Io(error)) => Err(error),
            // With records of bytes and any number of fields, nothing else can be wrong.
            (None, kind) => Err(io::Error::other(format!("{kind:?}"))),
        },
    }
}

/// A line of nothing but spaces, or of empty cells, as spreadsheets leave them below the last row.
fn is_blank(record: &ByteRecord) -> bool {
    record.iter().all(|cell| cell.trim_ascii().is_empty())
}

/// Takes the header apart, naming everything that is wrong with it at once.
fn lay_out<'a>(
    header: &ByteRecord,
    start: Start,
    columns: &'a [Column],
    problems: &mut Problems,
) -> Option<Layout<'a>> {
    let line = start.line;
    let names: Vec<_> =
        header.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
    let place = |column: &Column| names.iter().position(|name| name == column.name);
    let places: Vec<Option<usize>> = columns.iter().map(place).collect();
    if places.iter().all(Option::is_none) {
        // Perhaps a first row of data, which may be about people: nothing of it is repeated.
        let separator = match &names[..] {
            [only] if only.contains(';') => "; columns are separated by commas, not by semicolons",
            [only] if only.contains('\t') => "; columns are separated by commas, not by tabs",
            _ => "",
        };
        let reason = format!("is not the header; {}{separator}", expected(columns));
        problems.push(Problem::of_line(line, reason));
        return None;
    }

    let mut good = true;
    let mut wrong = |column: &str, reason: String| {
        good = false;
        problems.push(Problem::new(line, column, "", reason));
    };
    if start.stray_quote {
        wrong("", STRAY_QUOTE.to_owned());
    }
    for (column, place) in columns.iter().zip(&places) {
        if column.required && place.is_none() {
            wrong(column.name, "is missing from the header".to_owned());
        }
    }
    let mut order = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let Some(known) = columns.iter().position(|column| column.name == name) else {
            let near = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
            wrong(
                name,
                match near {
                    _ if name.is_empty() => {
                        format!("column {} of the header has no name", index + 1)
                    }
                    Some(near) => {
                        format!("is not a column of this file; it is written {}", near.name)
                    }
                    None => "is not a column of this file".to_owned(),
                },
            );
            continue;
        };
        if places[known].is_some_and(|first| first < index) {
            wrong(name, "is in the header more than once".to_owned());
        }
        order.push(known);
    }
    if !good {
        return None;
    }
    Some(Layout { columns, places, order })
}

fn expected(columns: &[Column]) -> String {
    let names: Vec<&str> =
        columns.iter().filter(|column| column.required).map(|column| column.name).collect();
    format!("the first line must name the columns: {}", names.join(","))
}

const STRAY_QUOTE: &str = "has a quote inside a field; a field with quotes must be quoted as a \
                           whole, and each quote in it doubled";

/// The trimmed cells of a row, if it can be read.
fn cells<'a>(
    record: &'a ByteRecord,
    start: Start,
    layout: &Layout<'_>,
    problems: &mut Problems,
) -> Option<Vec<&'a str>> {
    let line = start.line;
    if start.stray_quote {
        problems.push(Problem::of_line(line, STRAY_QUOTE));
        return None;
    }
    if record.len() != layout.order.len() {
        let (found, wanted) = (count(record.len(), "field"), count(layout.order.len(), "column"));
        problems.push(Problem::of_line(line, format!("has {found}, but the header has {wanted}")));
        return None;
    }
    let mut cells = Vec::with_capacity(record.len());
    for (cell, column) in record.iter().zip(&layout.order) {
        let Ok(text) = std::str::from_utf8(cell) else {
            let column = layout.columns[*column];
            let value = String::from_utf8_lossy(cell);
            let value = if column.personal { "" } else { value.trim() };
            problems.push(Problem::new(line, column.name, value, "is not valid UTF-8"));
            continue;
        };
        cells.push(text.trim());
    }
    (cells.len() == record.len()).then_some(cells)
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// At most 80 characters, none of which moves a cursor.
fn shortened(text: &str) -> String {
    let safe = |c: char| {
        if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
    };
    if text.chars().nth(VALUE_CHARS_MAX).is_none() {
        return text.chars().map(safe).collect();
    }
    text.chars().take(VALUE_CHARS_MAX - 1).map(safe).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use terms::{Month, Pence};

    use super::guard::RECORD_BYTES_MAX;
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::required("code"),
        Column::required("name").personal(),
        Column::required("month"),
        Column::optional("paid"),
    ];

    /// Every row as `line:code|name|month|paid` and every problem as `line column value reason`.
    fn outcome(source: impl Read) -> (Vec<String>, Vec<String>) {
        let mut problems = Problems::new();
        let mut rows = Vec::new();
        read(source, COLUMNS, &mut problems, |row, _| {
            let cells = ["code", "name", "month", "paid"].map(|column| row.text(column));
            rows.push(format!("{}:{}", row.line(), cells.join("|")));
        })
        .unwrap();
        let problems = problems.into_vec().into_iter();
        let problems =
            problems.map(|p| format!("{} {}<{}> {}", p.line, p.column, p.value, p.reason));
        (rows, problems.collect())
    }

    #[track_caller]
    fn good(file: impl AsRef<[u8]>, rows: &[&str]) {
        let (found, problems) = outcome(file.as_ref());
        assert_eq!(problems, [""; 0]);
        assert_eq!(found, rows);
    }

    #[track_caller]
    fn bad(file: impl AsRef<[u8]>, problems: &[&str]) {
        assert_eq!(outcome(file.as_ref()).1, problems);
    }

    #[test]
    fn columns_may_stand_in_any_order_and_optional_ones_be_absent() {
        good("code,name,month\nA,Ann,2025-07\n", &["2:A|Ann|2025-07|"]);
        good("paid,month,name,code\n1,2025-07,Ann,A", &["2:A|Ann|2025-07|1"]);
    }

    #[test]
    fn byte_order_mark_line_ends_blanks_and_spaces_do_not_matter() {
        good("\u{feff}\"code\",name,month\r\n", &[]);
        good(
            "\u{feff}\r\n code , name,month\r\n\r\n A ,Ann\u{a0},2025-07\r\n   \r\nB,Bob,x\r\n",
            &["4:A|Ann|2025-07|", "6:B|Bob|x|"],
        );
        good("code,name,month\n\n\nA,Ann,x\n\nB,Bob,y", &["4:A|Ann|x|", "6:B|Bob|y|"]);
        good("code,name,month\rA,Ann,x\r\rB,Bob,y\r", &["2:A|Ann|x|", "4:B|Bob|y|"]);
    }

    #[test]
    fn a_line_is_where_its_record_begins() {
        good(
            "code,name,month\r\nA,\"Ann\r\n\"\"Lee\"\", x\",y\r\nB,Bob,z\r\n",
            &["2:A|Ann\r\n\"Lee\", x|y|", "4:B|Bob|z|"],
        );
    }

    #[test]
    fn an_empty_file_is_wrong_and_a_header_alone_is_not() {
        const EMPTY: &str =
            "1 <> the file is empty; the first line must name the columns: code,name,month";
        bad("", &[EMPTY]);
        bad("\u{feff}", &[EMPTY]);
        bad("\r\n  \r\n", &[EMPTY]);
        good("code,name,month", &[]);
    }

    #[test]
    fn everything_wrong_with_the_header_is_named_at_once() {
        bad(
            "code,Name,colour,code,\nA,B,C,D,E\n",
            &[
                "1 name<> is missing from the header",
                "1 month<> is missing from the header",
                "1 Name<> is not a column of this file; it is written name",
                "1 colour<> is not a column of this file",
                "1 code<> is in the header more than once",
                "1 <> column 5 of the header has no name",
            ],
        );
    }

    #[test]
    fn a_file_without_a_header_is_not_repeated() {
        const HEADER: &str =
            "is not the header; the first line must name the columns: code,name,month";
        bad("A,Smith,2025-07\n", &[&format!("1 <> {HEADER}")]);
        bad(
            "code;name;month\n",
            &[&format!("1 <> {HEADER}; columns are separated by commas, not by semicolons")],
        );
    }

    #[test]
    fn the_number_of_fields_is_checked_and_named() {
        let (rows, problems) = outcome(&b"code,name,month\nA,B,C,D\nA\nB,Bob,x\n"[..]);

        assert_eq!(rows, ["4:B|Bob|x|"]);
        assert_eq!(
            problems,
            [
                "2 <> has 4 fields, but the header has 3 columns",
                "3 <> has 1 field, but the header has 3 columns",
            ]
        );
    }

    #[test]
    fn invalid_utf_8_is_named_by_line_and_column_and_personal_values_are_not_shown() {
        let file = b"code,name,month\nA,B\xe9a,x\nA\xff,Bea,\xe9\nC,Cy,z\n";
        let (rows, problems) = outcome(&file[..]);

        assert_eq!(rows, ["4:C|Cy|z|"]);
        assert_eq!(
            problems,
            [
                "2 name<> is not valid UTF-8",
                "3 code<A\u{fffd}> is not valid UTF-8",
                "3 month<\u{fffd}> is not valid UTF-8",
            ]
        );
    }

    #[test]
    fn files_that_are_not_text_are_recognised() {
        const WIDE: &str = "1 <> the file is UTF-16; save it as CSV UTF-8";
        bad(b"\xff\xfec\0o\0", &[WIDE]);
        bad(b"\xfe\xff\0c\0o", &[WIDE]);
        bad(b"c\0o\0d\0e\0", &[WIDE]);
        bad(b"\0c\0o\0d\0e", &[WIDE]);
        bad(
            b"PK\x03\x04rest",
            &["1 <> the file is a spreadsheet or an archive; save it as CSV UTF-8"],
        );

        let (rows, problems) = outcome(&b"code,name,month\nA,Ann,x\nB,B\0b,y\n"[..]);
        assert_eq!(rows, ["2:A|Ann|x|"]);
        assert_eq!(
            problems,
            ["3 <> has a NUL byte; the file is damaged, or not text: save it as CSV UTF-8"]
        );
    }

    #[test]
    fn quotes_stand_around_whole_fields_or_not_at_all() {
        let reason = format!("<> {STRAY_QUOTE}");
        let (rows, problems) = outcome(
            &b"code,name,month\nA,\"Ann\"Lee,x\nB,B\"ob,y\nC,\"Cy\" ,z\nD,\"\",\"\"\"d\"\"\"\n"[..],
        );

        assert_eq!(rows, ["5:D||\"d\"|"]);
        assert_eq!(problems, [format!("2 {reason}"), format!("3 {reason}"), format!("4 {reason}")]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error() {
        let (rows, problems) = outcome(&b"code,name,month\nA,Ann,x\nB,\"Bob\n,y\nC,Cy,z\n"[..]);

        assert_eq!(rows, ["2:A|Ann|x|"]);
        assert_eq!(
            problems,
            ["3 <> a quoted field begins on line 3 and its closing quote is missing"]
        );
    }

    #[test]
    fn an_endless_field_never_enters_memory() {
        // Two gigabytes, of which the reader must take one mebibyte and no more.
        const LENGTH: u64 = 2 << 30;
        for (start, byte, reason) in [
            ("B,", b'x', "3 <> 1 MiB passes without the end of the record"),
            (
                "B,\"",
                b'\n',
                "3 <> a quoted field begins on line 3 and 1 MiB passes without the end of the record",
            ),
        ] {
            let head = format!("code,name,month\nA,Ann,x\n{start}");
            let mut endless = io::repeat(byte).take(LENGTH);
            let (rows, problems) = outcome(head.as_bytes().chain(&mut endless));

            assert_eq!(rows, ["2:A|Ann|x|"]);
            assert_eq!(problems, [reason]);
            let taken = usize::try_from(LENGTH - endless.limit()).unwrap();
            assert!(taken <= RECORD_BYTES_MAX + CHUNK_BYTES, "{taken}");
        }
    }

    #[test]
    fn a_record_of_one_mebibyte_is_read_and_one_byte_more_is_not() {
        let file = |length: usize| {
            let fixed = "A,,x\n".len();
            format!("code,name,month\nA,{},x\nB,Bob,y\n", "n".repeat(length - fixed))
        };
        let (rows, problems) = outcome(file(RECORD_BYTES_MAX).as_bytes());
        assert_eq!((rows.len(), problems.len()), (2, 0));
        let (rows, problems) = outcome(file(RECORD_BYTES_MAX + 1).as_bytes());
        assert_eq!((rows.len(), problems.len()), (0, 1));
    }

    #[test]
    fn long_files_keep_their_line_numbers() {
        let mut file = "code,name,month\r\n".to_owned();
        for number in 2..=40_001 {
            file.push_str(&format!("C{number},\"Ann, Lee\",2025-07\r\n"));
        }
        let mut problems = Problems::new();
        let rows = read(file.as_bytes(), COLUMNS, &mut problems, |row, _| {
            assert_eq!(row.text("code"), format!("C{}", row.line()));
        });

        assert_eq!(rows.unwrap(), 40_000);
        assert!(problems.is_empty());
    }

    #[test]
    fn cells_are_parsed_or_become_problems() {
        let file = "code,name,month,paid\nA,Ann,2025-07,1.50\nB,,,\nC,Cy,July,1.234\n";
        let mut problems = Problems::new();
        let mut found = Vec::new();
        read(file.as_bytes(), COLUMNS, &mut problems, |row, problems| {
            let name =
                row.parse("name", problems, |text| Ok::<_, terms::ParseError>(text.to_owned()));
            let month = row.parse("month", problems, str::parse::<Month>);
            let paid = row.parse_optional("paid", problems, str::parse::<Pence>);
            if row.text("code") == "C" {
                problems.row(row, "name", "is unknown");
                problems.row(row, "", "is odd");
            }
            found.push((name.is_some(), month.is_some(), paid.map(|paid| paid.is_some())));
        })
        .unwrap();

        assert_eq!(
            found,
            [(true, true, Some(true)), (false, false, Some(false)), (true, false, None)]
        );
        assert_eq!(problems.total(), 6);
        let problems: Vec<_> = problems.into_vec();
        let lines: Vec<_> = problems
            .iter()
            .map(|p| format!("{} {}<{}> {}", p.line, p.column, p.value, p.reason))
            .collect();
        assert_eq!(
            lines,
            [
                "3 name<> must be given",
                "3 month<> must be given: a month such as 2025-07",
                "4 month<July> must be a month such as 2025-07",
                "4 paid<1.234> must be pounds with at most two decimals, such as 1234.50",
                "4 name<> is unknown",
                "4 <> is odd",
            ]
        );
    }

    #[test]
    fn a_thousand_problems_are_kept_and_all_are_counted() {
        let mut problems = Problems::new();
        for line in (1..=1_500).rev() {
            problems.push(Problem::of_line(line, "x"));
        }

        assert_eq!(problems.total(), 1_500);
        let kept = problems.into_vec();
        assert_eq!((kept.len(), kept[0].line), (1_000, 501));
    }

    #[test]
    fn values_are_shortened_and_safe_to_print() {
        let value = |text: &str| Problem::new(1, "", text, "").value;

        assert_eq!(value(&"ä".repeat(80)), "ä".repeat(80));
        assert_eq!(value(&"ä".repeat(81)), format!("{}…", "ä".repeat(79)));
        assert_eq!(value("a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn a_source_that_fails_is_not_the_files_fault() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk"))
            }
        }
        let mut problems = Problems::new();
        let source = b"code,name,month\nA,".chain(Broken);
        let result = read(source, COLUMNS, &mut problems, |_, _| {});

        assert_eq!(result.unwrap_err().to_string(), "disk");
        assert!(problems.is_empty());
    }
}
