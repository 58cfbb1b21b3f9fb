use std::fs;
use std::path::Path;

use terms::{Confidence, Pence};

use crate::domain::figure::{Cell, Value};

use super::*;

fn compiled_in() -> Vec<(String, String)> {
    COMPILED_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[track_caller]
fn faults_of(extra: &str) -> Vec<Fault> {
    let mut files = compiled_in();
    files.push(("extra.toml".to_owned(), extra.to_owned()));
    parse(files).expect_err("the file has a mistake")
}

#[track_caller]
fn check(extra: &str, line: Option<usize>, field: &str, reason: &str, expected: &str) {
    let faults = faults_of(extra);
    let found = faults.iter().any(|fault| {
        fault.line == line
            && fault.field == field
            && fault.reason.contains(reason)
            && fault.expected.contains(expected)
    });
    assert!(found, "{faults:#?}");
}

const SOURCES: &str = "[sources]\nown = \"a test\"\n";

fn maximum(dates: &str, row: &str) -> String {
    format!(
        "{SOURCES}[[maximum]]\n{dates}\nsource = \"own\"\nconfidence = \"ONE SOURCE\"\nrows = [\n  \
         {{ {row} }},\n]\n"
    )
}

const DATES: &str = "applies_from = 2026-04-01";

#[test]
fn the_compiled_in_files_are_right_and_every_figure_says_where_it_is_from() {
    let book = load(None).unwrap();

    assert_eq!(book.roles().len(), 26);
    let maxima = |figure: &&std::sync::Arc<Figure>| matches!(figure.cell, Cell::Maximum { .. });
    assert_eq!(book.figures().iter().filter(maxima).count(), 869);
    for figure in book.figures() {
        assert!(!figure.source.is_empty(), "{}", figure.id);
        assert_ne!(figure.source, "same", "{}", figure.id);
        assert_eq!(figure.file.rsplit('.').next(), Some("toml"));
    }
    let ids: std::collections::BTreeSet<&str> =
        book.figures().iter().map(|figure| figure.id.as_str()).collect();
    assert_eq!(ids.len(), book.figures().len(), "names are unique");
}

#[test]
fn a_figure_has_a_readable_name_that_stays() {
    let book = load(None).unwrap();
    let figure = |id: &str| book.figure(id).unwrap_or_else(|| panic!("{id}")).clone();

    let published = figure("maximum/CP/7-8a/outside/2025-04-01/2025-03-27");
    assert_eq!(published.value, Value::AYear(Pence::from_pounds(66_972)));
    assert_eq!(published.confidence, Confidence::Confirmed);
    let uplifted = figure("maximum/CP/7-8a/outside/2025-04-01/2025-08-01");
    assert_eq!(uplifted.value, Value::AYear(Pence::from_pounds(69_410)));
    assert_eq!(uplifted.confidence, Confidence::Derived);
    figure("maximum/NA/4/outside/2024-04-01/2023-06-02"); // A code that reads as 'not available'.
    figure("maximum/MHP_ADULT/6/outer/half/2025-04-01/2025-03-27");
    figure("maximum/GP/n-a/london/2024-10-01/2024-09-26");
    figure("maximum/CP/7-8a/outside/70/2019-07-01/2019-07-01");
    figure("rate/GP_RINGFENCE/2024-10-01/2024-10-01");
    figure("sum/SPLW/0-99999/2019-07-01/2019-07-01");
    figure("share/CP/2019-07-01/2019-07-01");
    figure("cap/EPN/0-99999/2024-04-01/2024-04-01");
    figure("cap/ALL/0-any/2025-04-01/2025-04-01");
    figure("fee/SPLW/2019-10-01/2019-10-01");
}

#[test]
fn the_digest_names_the_set_and_not_the_order_of_reading() {
    let own = parse(compiled_in()).unwrap().digest();
    let mut reversed = compiled_in();
    reversed.reverse();
    assert_eq!(parse(reversed).unwrap().digest(), own);

    let mut more = compiled_in();
    more.push(("extra.toml".to_owned(), "# Nothing yet.\n".to_owned()));
    let more = parse(more).unwrap().digest();

    assert_ne!(more, own);
    assert_eq!(own.to_string().len(), 64);
}

#[test]
fn a_wrong_row_is_named_by_file_line_and_field() {
    let row = r#"role = "CP", band = "7-8a", area = "outside", pounds = 1000"#;
    let cell = |from: &str, to: &str| maximum(DATES, &row.replace(from, to));

    check(&cell("pounds = 1000", "pounds = -1"), Some(8), "pounds", "-1", "from 1 to");
    check(&cell("pounds = 1000", "pounds = 0"), Some(8), "pounds", "0", "from 1 to");
    check(&cell("pounds", "pound"), Some(8), "pound", "unknown field", "pounds");
    check(&cell("1000", "\"1000\""), Some(8), "pounds", "invalid type", "i64");
    check(&cell("outside", "fringe"), Some(8), "area", "fringe", "outside, outer");
    check(&cell("\"CP\"", "\"cp\""), Some(8), "role", "cp", "role code");
    check(&cell("\"CP\"", "\"XX\""), Some(8), "role", "no such role", "[[role]]");
    check(&cell("7-8a", "6"), Some(8), "band", "no row of this band", "the role's row");
    check(&cell("pounds", "share = 0, pounds"), Some(8), "share", "0 is not", "from 1 to 100");
    check(&cell("pounds", "share = 70, pounds"), Some(8), "share", "not paid by this", "[[share]]");
    check(&cell("pounds", "share = 50, pounds"), Some(8), "share", "not paid by this", "100");
    check(&cell("\"CP\"", "\"MHP_CYP\""), Some(8), "band", "7-8a", "band");
    check(
        &cell("1000", "1000, confidence = \"SURE\""),
        Some(8),
        "confidence",
        "SURE",
        "CONFIRMED, ONE SOURCE",
    );
    check(&cell("1000", "1000, source = \"x\""), Some(8), "source", "x", "[sources]");
    check(&cell(", pounds = 1000", ""), Some(8), "pounds", "missing field", "");
}

#[test]
fn an_edition_with_wrong_dates_is_refused() {
    let row = r#"role = "CP", band = "7-8a", area = "outside", pounds = 1000"#;
    let ends_first = "applies_from = 2026-04-01\napplies_to = 2026-03-31";
    check(&maximum(ends_first, row), Some(3), "applies_to", "before the first", "applies_from");
    let with_time = "applies_from = 2026-04-01T00:00:00";
    check(&maximum(with_time, row), Some(3), "applies_from", "T00", "a date");
    check(&maximum("applies_from = 2026-02-30", row), Some(4), "applies_from", "", "");
}

#[test]
fn a_cell_given_twice_in_one_edition_is_refused_and_both_places_are_named() {
    let row = r#"role = "CP", band = "7-8a", area = "outside", pounds = 1000"#;
    let same = "applies_from = 2025-04-01\napplies_to = 2026-03-31\nknown_from = 2025-08-01";
    check(&maximum(same, row), Some(10), "rows", "given twice", "2025-26.toml, line");

    let open = "applies_from = 2025-04-01\nknown_from = 2025-08-01";
    check(&maximum(open, row), Some(9), "applies_to", "different days", "2025-26.toml");

    let london = r#"role = "GP", band = "n/a", area = "outer", pounds = 1000"#;
    check(&maximum(same, london), Some(10), "area", "all of London", "2025-26.toml");
}

#[test]
fn a_figure_without_a_source_or_mark_is_refused() {
    let bare = "[[fee]]\napplies_from = 2030-01-01\nrows = [\n  { role = \"SPLW\", \
                pounds_a_month_per_wte = 1 },\n]\n";
    check(bare, Some(4), "source", "no source", "[sources]");
    check(bare, Some(4), "confidence", "no mark", "FROM MEMORY");
    check("[sources]\nx = \" \"\n", None, "sources.x", "empty", "who prints");
}

#[test]
fn a_policy_that_is_not_implemented_is_refused_and_not_ignored() {
    let policy = |name: &str, value: &str| {
        let mut files = compiled_in();
        let text = &mut files.iter_mut().find(|file| file.0 == "policies.toml").unwrap().1;
        let own = "name = \"part_month\"\nvalue = \"calendar_days_inclusive\"";
        *text = text.replace(own, &format!("name = \"{name}\"\nvalue = \"{value}\""));
        parse(files).expect_err("the policy is wrong").remove(0)
    };

    let other = policy("part_month", "working_days");
    assert_eq!((other.file.as_str(), other.field.as_str()), ("policies.toml", "value"));
    assert!(other.reason.contains("working_days: this value is not implemented"), "{other}");
    assert_eq!(other.expected, "must be calendar_days_inclusive");
    assert_eq!(policy("part_monht", "x").field, "name");

    let mut files = compiled_in();
    files.retain(|file| file.0 != "policies.toml");
    assert_eq!(parse(files).expect_err("all are missing").len(), 22);
}

#[test]
fn an_addition_needs_a_table_that_is_in_force_on_all_of_its_days() {
    let row = r#"role = "CP", band = "7-8a", area = "outside", pounds = 1000"#;
    let added = |dates: &str| maximum(&format!("addition = true\n{dates}"), row);
    let year = "applies_from = 2020-10-01\napplies_to";

    let too_long = added(&format!("{year} = 2021-04-01\nknown_from = 2020-09-30"));
    check(&too_long, Some(11), "addition", "no earlier table", "in force");
    let too_early = added(&format!("{year} = 2021-03-31\nknown_from = 2020-01-01"));
    check(&too_early, Some(11), "addition", "no earlier table", "in force");
    let open = added("applies_from = 2020-10-01\nknown_from = 2020-09-30");
    check(&open, Some(10), "addition", "no earlier table", "in force");
    let whole = maximum("applies_from = 2020-10-01\napplies_to = 2021-03-31", row);
    check(&whole, Some(9), "addition", "whole table and of an addition", "2020-21.toml, line");

    let fee = "[[fee]]\naddition = true\napplies_from = 2030-01-01\nrows = []\n";
    check(fee, Some(1), "addition", "row by row", "[[maximum]]");
}

#[test]
fn a_sum_and_a_share_must_be_something() {
    let table = |name: &str, row: &str| {
        format!(
            "{SOURCES}[[{name}]]\napplies_from = 2030-01-01\nsource = \"own\"\nconfidence = \
             \"CONFIRMED\"\nrows = [\n  {{ {row} }},\n]\n"
        )
    };
    let sum = |row: &str| table("sum", &format!("pot = \"CP\", {row}"));
    check(&sum(r#"pounds = "0""#), Some(8), "pounds", "pays nothing", "positive");
    check(&sum(r#"pounds = "a lot""#), Some(8), "pounds", "a lot", "two decimals");
    check(
        &sum(r#"min_list = 2, max_list = 1, pounds = "1""#),
        Some(8),
        "max_list",
        "below the smallest",
        "min_list",
    );
    let share = |percent: i64| table("share", &format!("role = \"CP\", percent = {percent}"));
    check(&share(101), Some(8), "percent", "101 is not", "from 1 to 100");
    check(&table("share", "role = \"XX\", percent = 70"), Some(8), "role", "no such", "[[role]]");
}

#[test]
fn one_file_says_which_region_is_london() {
    let book = load(None).unwrap();
    assert_eq!(book.london().code.as_str(), "Y56");
    assert_eq!(book.london().confidence, Confidence::Confirmed);

    let table = |region: &str| {
        format!(
            "{SOURCES}[london]\nregion = \"{region}\"\nsource = \"own\"\nconfidence = \"CONFIRMED\"\n"
        )
    };
    let twice = faults_of(&table("Y56"));
    assert_eq!((twice.len(), twice[0].field.as_str()), (1, "london"));
    assert!(twice[0].reason.contains("already"), "{twice:?}");
    check(&table("London!"), Some(3), "region", "London!", "");

    let mut files = compiled_in();
    let standing = &mut files.iter_mut().find(|file| file.0 == "standing.toml").unwrap().1;
    let at = standing.find("[london]").unwrap();
    standing.truncate(at);
    let faults = parse(files).unwrap_err();
    assert_eq!((faults.len(), faults[0].field.as_str()), (1, "london"));
}

#[test]
fn caps_must_not_overlap() {
    let caps = format!(
        "{SOURCES}[[cap]]\napplies_from = 2030-01-01\nsource = \"own\"\nconfidence = \
         \"CONFIRMED\"\nrows = [\n  {{ role = \"AP\", max_list = 100000, wte = 1 }},\n  {{ role = \
         \"AP\", min_list = 100000, wte = 2 }},\n]\n"
    );
    check(&caps, Some(9), "min_list", "same list sizes", "extra.toml, line 8");
}

#[test]
fn files_are_added_from_a_directory_and_never_replace_one() {
    let directory = std::env::temp_dir().join(format!("arrs-rules-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("notes.txt", "not a rule file");
    let row = r#"role = "OTHER", band = "agreed", area = "outside", pounds = 50000"#;
    let correction = "applies_from = 2026-04-01\nknown_from = 2026-11-01";
    write("2026-27-local.toml", &maximum(correction, row));

    let book = load(Some(&directory)).unwrap();
    assert!(book.figure("maximum/OTHER/agreed/outside/2026-04-01/2026-11-01").is_some());

    write("roles.toml", "");
    let error = load(Some(&directory)).unwrap_err();
    assert!(error.to_string().contains("roles.toml, file name: there is another"), "{error}");
    fs::remove_dir_all(&directory).unwrap();

    let missing = load(Some(Path::new("/nowhere/at/all"))).unwrap_err();
    assert!(matches!(missing, LoadError::Read { .. }));
}

#[test]
fn a_wrong_row_of_what_maxima_are_built_of_is_named() {
    let row = |row: &str| maximum(DATES, row).replace("[[maximum]]", "[[on_cost]]");
    let on_cost = |row_text: &str, field: &str, reason: &str, expected: &str| {
        check(&row(row_text), Some(8), field, reason, expected);
    };
    on_cost(r#"figure = "tax", pounds = "1""#, "figure", "tax", "ni-rate");
    on_cost(r#"figure = "pension", pounds = "1""#, "pounds", "no part", "left out");
    on_cost(r#"figure = "pension""#, "basis_points", "needs it", "given");
    on_cost(r#"figure = "pension", basis_points = 0"#, "basis_points", "0", "from 1 to");
    on_cost(r#"figure = "pension", basis_points = 14380"#, "basis_points", "14380", "9999");
    on_cost(r#"figure = "ni-rate", basis_points = 1500"#, "basis", "needs it", "given");
    on_cost(r#"figure = "ni-rate", basis = "TAX", basis_points = 1"#, "basis", "TAX", "LAW or");
    on_cost(r#"figure = "salary", band = "7", pounds = "1.234""#, "pounds", "1.234", "decimals");
    on_cost(r#"figure = "salary", band = "7", pounds = "-1""#, "pounds", "-1", "from 1 to");
    on_cost(r#"figure = "salary", pounds = "1""#, "band", "needs it", "given");
    on_cost(r#"figure = "award", scale = "NHS", basis_points = 1"#, "scale", "NHS", "AFC or GP");
    let supplement = r#"figure = "supplement-fixed", scale = "AFC", area = "outer", pounds = "1""#;
    on_cost(supplement, "figure", "AFC has no supplement-fixed", "with GP");
    let supplement = r#"figure = "supplement-fixed", scale = "GP", area = "outer", pounds = "1""#;
    on_cost(supplement, "area", "GP has no supplement outer", "london with GP");
    let cut = r#"figure = "award", scale = "AFC", basis_points = -50"#;
    let mut files = compiled_in();
    files.push(("extra.toml".to_owned(), row(cut)));
    assert!(parse(files).unwrap().figure("on-cost/award/AFC/2026-04-01/2026-04-01").is_some());
}

#[test]
fn a_printed_month_must_be_a_twelfth_of_its_year() {
    let row = |month: &str| {
        let row = r#"role = "OTHER", band = "agreed", area = "outside", pounds = 49967"#;
        maximum(DATES, &format!("{row}, pounds_a_month = \"{month}\""))
    };
    check(&row("4163.91"), Some(8), "pounds_a_month", "£4,163.91", "must be £4,163.92");
    check(&row("4163"), Some(8), "pounds_a_month", "£4,163.00", "must be £4,163.92");
    check(&row("4,163.92"), Some(8), "pounds_a_month", "4,163.92", "decimals");
    let mut files = compiled_in();
    files.push(("extra.toml".to_owned(), row("4163.92")));
    assert!(parse(files).is_ok());
}
