//! What `arrs rulebook` finds and shows, by the compiled-in rule book and files added to it.

use terms::{ContractYear, LondonArea, Pence};

use crate::domain::figure::{Cell, Share, Value};
use crate::domain::holding::{changes, concerns, holding, years};
use crate::domain::inspection::{Inspection, inspect};
use crate::domain::rulebook::RuleBook;

use super::sample::{BEFORE_UPLIFT, TODAY, book, date};
use super::{COMPILED_IN, parse};

fn with(extra: &str) -> RuleBook {
    let mut files: Vec<(String, String)> =
        COMPILED_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    files.push(("extra.toml".to_owned(), format!("[sources]\nown = \"a test\"\n{extra}")));
    parse(files).unwrap()
}

fn edition(table: &str, dates: &str, confidence: &str, row: &str) -> String {
    format!(
        "[[{table}]]\n{dates}\nsource = \"own\"\nconfidence = \"{confidence}\"\nrows = [\n  {{ \
         {row} }},\n]\n"
    )
}

#[track_caller]
fn check(extra: &str, line: usize, field: &str, reason: &str) {
    let Inspection { problems, .. } = inspect(&with(extra));
    let found = problems.iter().any(|problem| {
        let figure = &problem.figure;
        (figure.file.as_str(), figure.line, problem.field) == ("extra.toml", line, field)
            && problem.reason.contains(reason)
    });
    assert!(found, "{problems:#?}");
}

#[test]
fn the_compiled_in_files_have_no_mistake() {
    let found = inspect(book());

    assert_eq!(found.problems, []);
    assert_eq!(found.months, 4);
    assert_eq!(found.derived.off, []);
    assert!(found.derived.exact > 300 && found.derived.near < found.derived.exact);
}

#[test]
fn income_that_nobody_prints_is_listed_and_is_no_mistake() {
    let unknown = inspect(book()).unknown_income;

    let names: Vec<&str> = unknown.iter().map(|figure| figure.id.as_str()).collect();
    let wanted = [
        "income/IIF/points/2020-10-01/2020-10-01",
        "income/IIF/points/2021-04-01/2021-04-01",
        "income/IIF/points/2022-04-01/2022-04-01",
        "income/IIF/points/2023-04-01/2023-04-01",
        "income/CORE_PCN_COMBINED/registered_and_adjusted/2024-04-01/2024-09-26",
        "income/IIF/points/2026-04-01/2026-04-01",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn what_nobody_knows_is_listed_once_and_is_no_mistake() {
    let unknown = inspect(book()).unknown;

    // The uplifted edition lacks the band 7 row of advanced practitioners, of which the first
    // edition had one area.
    let of_seven = |year: &str| {
        let year: ContractYear = year.parse().unwrap();
        unknown.iter().find(|it| {
            it.role.as_str() == "AP"
                && it.label == "7"
                && it.from <= year.first()
                && year.last() <= it.to
        })
    };
    let row = of_seven("2025-26").unwrap();
    assert_eq!((row.areas.as_slice(), row.share), (LondonArea::ALL, Share::WHOLE));
    let other = unknown.iter().find(|it| it.role.as_str() == "OTHER").unwrap();
    assert_eq!(other.from, date("2026-04-01"));
    assert!(unknown.iter().all(|it| it.from <= it.to && !it.areas.is_empty()));
    // Nothing is said of days after the newest table, nor of days before a role joined.
    assert!(unknown.iter().all(|it| it.to <= date("2027-03-31")));
    let known = |role: &str| {
        unknown.iter().all(|it| it.role.as_str() != role || it.to < date("2024-04-01"))
    };
    assert!(known("CP") && known("PT"));
}

#[test]
fn a_derived_maximum_off_the_formula_is_named_by_its_place() {
    let dates = "applies_from = 2026-04-01\nknown_from = 2026-11-01";
    let row = "role = \"CP\", band = \"7-8a\", area = \"outside\", pounds = ";
    check(
        &edition("maximum", dates, "DERIVED", &format!("{row}71727")),
        9,
        "pounds",
        "the formula gives £71,725.00",
    );

    let near = with(&edition("maximum", dates, "DERIVED", &format!("{row}71726")));
    assert_eq!(inspect(&near).problems, []);
    let printed = with(&edition("maximum", dates, "ONE SOURCE", &format!("{row}71727")));
    assert_eq!(inspect(&printed).problems, []); // What is printed is paid by.
    assert_eq!(inspect(&printed).printed.off.len(), 1);
}

#[test]
fn editions_published_together_for_the_same_days_are_a_mistake() {
    let row = "role = \"OTHER\", band = \"agreed\", area = \"outside\", pounds = 50000";
    let first =
        edition("maximum", "applies_from = 2026-04-01\nknown_from = 2026-11-01", "ONE SOURCE", row);
    let later = |from: &str| {
        let dates = format!("applies_from = {from}\nknown_from = 2026-11-01");
        format!("{first}{}", edition("maximum", &dates, "ONE SOURCE", row))
    };
    check(&later("2026-10-01"), 17, "applies_from", "known from the same day");
    let ended =
        later("2026-10-01").replacen("known_from", "applies_to = 2026-09-30\nknown_from", 1);
    assert_eq!(inspect(&with(&ended)).problems, []);
}

#[test]
fn a_whole_row_of_a_half_paid_role_needs_its_half_row() {
    let dates = "applies_from = 2026-04-01\nknown_from = 2026-11-01";
    let row = "role = \"MHP_CYP\", band = \"6\", area = \"outer\", pounds = 65054";
    check(&edition("maximum", dates, "DERIVED", row), 9, "share", "not the half one");
}

#[test]
fn a_salary_that_no_row_has_is_a_mistake() {
    let row = "figure = \"salary\", band = \"7-8b\", pounds = \"50000\"";
    let dates = "applies_from = 2026-04-01\nknown_from = 2026-11-01";
    check(&edition("on_cost", dates, "DERIVED", row), 9, "band", "7-8b");
}

#[test]
fn what_holds_in_a_year_is_what_no_newer_edition_covers() {
    let year: ContractYear = "2025-26".parse().unwrap();
    let maxima = |known: &str| {
        let held = holding(book(), year.first(), year.last(), date(known));
        let cell = |cell: &Cell| matches!(cell, Cell::Maximum { .. });
        let role = "CP".parse().unwrap();
        let wanted = held.into_iter().filter(|it| cell(&it.cell) && concerns(it, &role));
        wanted.map(|figure| (figure.validity.known_from, figure.value)).collect::<Vec<_>>()
    };
    let pounds = |pounds: i64| Value::AYear(Pence::from_pounds(pounds));

    let before = maxima(BEFORE_UPLIFT);
    assert_eq!(before.len(), 3);
    assert!(before.contains(&(date("2025-03-27"), pounds(66_972))));
    let after = maxima(TODAY);
    assert_eq!(after.len(), 3);
    assert!(after.contains(&(date("2025-08-01"), pounds(69_410))));
    assert_eq!(maxima("2025-03-26"), []);

    // Both halves of a year with a change inside hold in it.
    let year: ContractYear = "2024-25".parse().unwrap();
    let held = holding(book(), year.first(), year.last(), date(TODAY));
    let outside = held.iter().filter(|it| it.id.starts_with("maximum/CP/7-8a/outside/"));
    let values: Vec<Value> = outside.map(|figure| figure.value).collect();
    assert_eq!(values, [pounds(62_340), pounds(65_838)]);
}

#[test]
fn a_difference_is_between_the_ends_of_the_years() {
    let between = ["2024-25", "2025-26"].map(|year| year.parse::<ContractYear>().unwrap());
    let of = |known: &str| {
        let changes = changes(book(), between, date(known));
        let change = changes.iter().find_map(|(cell, change)| {
            let after = change.after?;
            after.id.starts_with("maximum/CP/7-8a/outside/").then_some((*cell, change.clone()))
        });
        let (_, change) = change.unwrap();
        (change.before.unwrap().value, change.after.unwrap().value)
    };
    let pounds = |pounds: i64| Value::AYear(Pence::from_pounds(pounds));
    assert_eq!(of(BEFORE_UPLIFT), (pounds(65_838), pounds(66_972)));
    assert_eq!(of(TODAY), (pounds(65_838), pounds(69_410)));

    let all = changes(book(), between, date(TODAY));
    let nurse = all.iter().find(|(_, change)| {
        change.after.is_some_and(|after| after.id.starts_with("maximum/CNPC/"))
    });
    assert_eq!(nurse.unwrap().1.before, None);
    assert!(years(book()).contains(&between[0]));
}
