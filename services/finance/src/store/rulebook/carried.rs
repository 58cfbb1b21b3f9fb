//! The whole book beside the tables it was written from, where those are beside the repository.
//!
//! Every row is compared with its dates and its mark, and in both directions: nothing is missing,
//! nothing was added. What the tables are known to say wrongly stands here, row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use terms::{Confidence, ContractYear, Date, Pence, Rate, RoleCode};

use crate::domain::figure::{Cell, Figure, Value};

use super::sample::{book, date};

/// Marked otherwise when the table was written, confirmed since.
const CONFIRMED_SINCE: [(&str, &str); 2] = [("PT", "2020-04-01"), ("DTL", "2022-10-01")];
/// Said in the note of the row beside it: all limits on mental health practitioners were removed.
const SAID_IN_A_NOTE: &str = "MHP_CYP 0-any none 2023-04-01 to open CONFIRMED";
/// No role of its own: nurses are claimed as advanced practitioners.
const CLAIMED_AS_ANOTHER: &str = "AP_NURSE";
/// A mark that is prose, and the mark of the rate in it.
const PROSE: (&str, Confidence) =
    ("national total CONFIRMED; per-patient FROM MEMORY (12.30 in MIP)", Confidence::FromMemory);

type Row = BTreeMap<String, String>;

fn table(name: &str) -> Option<Vec<Row>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/domain/data");
    let Ok(mut reader) = csv::Reader::from_path(folder.join(name)) else {
        println!("NOT RUN: the table {name} is not beside the repository");
        return None;
    };
    Some(reader.deserialize().map(Result::unwrap).collect())
}

fn mark(text: &str) -> Confidence {
    if text == PROSE.0 { PROSE.1 } else { text.parse().unwrap() }
}

fn days(from: &str, to: &str) -> String {
    format!("{from} to {}", if to.is_empty() { "open" } else { to })
}

fn days_of(figure: &Figure) -> String {
    let to = figure.validity.applies_to.map(|last| last.to_string()).unwrap_or_default();
    days(&figure.validity.applies_from.to_string(), &to)
}

#[track_caller]
fn check(carried: impl Iterator<Item = String>, printed: impl Iterator<Item = String>) {
    let (carried, printed): (Vec<_>, Vec<_>) = (carried.collect(), printed.collect());
    let book: BTreeSet<&String> = carried.iter().collect();
    let table: BTreeSet<&String> = printed.iter().collect();
    assert_eq!((book.len(), table.len()), (carried.len(), printed.len()), "a row stands twice");
    let missing: Vec<_> = table.difference(&book).collect();
    let added: Vec<_> = book.difference(&table).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing {missing:#?}\nadded {added:#?}");
}

#[test]
fn every_maximum_is_carried_over_with_its_dates_and_its_mark() {
    let Some(rows) = table("max_reimbursable.csv") else { return };
    let printed = rows.iter().map(|row| {
        let (from, known) = (&row["applies_from"], &row["known_from"]);
        let known = if known.is_empty() { from } else { known };
        format!(
            "{} {} {} {}% {} {} known {known} {}",
            row["role_code"],
            row["afc_band"],
            row["london_weighting"],
            row["claim_share_pct"],
            row["annual_gbp"],
            days(from, &row["applies_to"]),
            mark(&row["confidence"]),
        )
    });
    let carried = book().figures().iter().filter_map(|figure| {
        let Cell::Maximum { role, label, area, share, .. } = &figure.cell else { return None };
        let Value::AYear(Pence(pence)) = figure.value else { panic!("{figure:?}") };
        Some(format!(
            "{role} {label} {area} {}% {} {} known {} {}",
            share.percent(),
            pence / 100,
            days_of(figure),
            figure.validity.known_from,
            figure.confidence,
        ))
    });
    check(carried, printed);
}

#[test]
fn every_rate_and_fixed_sum_is_carried_over_and_for_the_list_of_its_day() {
    let Some(rows) = table("allocation_rates.csv") else { return };
    let printed = rows.iter().map(|row| {
        let amount = match row["gbp_per_weighted_patient"].as_str() {
            "" => row["fixed_per_pcn_gbp"].parse::<Pence>().unwrap().to_string(),
            rate => rate.parse::<Rate>().unwrap().to_string(),
        };
        let counted = row["population_date"].as_str();
        let year = ContractYear::of(date(&row["effective_from"]));
        assert!(counted.is_empty() || date(counted) == year.list_date(), "{row:?}");
        let days = days(&row["effective_from"], &row["effective_to"]);
        format!("{} {amount} {days} {}", row["pot"], mark(&row["confidence"]))
    });
    let carried = book().figures().iter().filter_map(|figure| {
        let (Cell::Rate { pot } | Cell::Sum { pot, .. }) = &figure.cell else { return None };
        let days = days_of(figure);
        Some(format!("{pot} {} {days} {}", figure.value, figure.confidence))
    });
    check(carried, printed);
}

#[test]
fn every_cap_is_carried_over_with_one_way_of_writing_the_threshold() {
    let Some(rows) = table("caps.csv") else { return };
    let printed = rows.iter().map(|row| {
        let (role, from) = (row["role_code"].as_str(), row["effective_from"].as_str());
        let lists = match row["list_size_rule"].as_str() {
            "<100000" | "<=99999" => "0-99999",
            ">=100000" => "100000-any",
            "any" => "0-any",
            other => panic!("{other}"),
        };
        let wte = if row["cap_wte"].is_empty() { "none" } else { &row["cap_wte"] };
        let mark = match CONFIRMED_SINCE.contains(&(role, from)) {
            true => Confidence::Confirmed,
            false => mark(&row["confidence"]),
        };
        format!("{role} {lists} {wte} {} {mark}", days(from, &row["effective_to"]))
    });
    let carried = book().figures().iter().filter_map(|figure| {
        let Cell::Cap { role, lists } = &figure.cell else { return None };
        let role = role.as_ref().map_or("ALL", RoleCode::as_str);
        let days = days_of(figure);
        Some(format!("{role} {lists} {} {days} {}", figure.value, figure.confidence))
    });
    check(carried, printed.chain([SAID_IN_A_NOTE.to_owned()]));
}

/// A mark that is of a sum for all of England, and beside it that of the rate.
const OF_THE_RATE: &str = "rate FROM MEMORY";

#[test]
fn every_line_of_other_income_is_carried_over_with_its_list_and_its_months() {
    let Some(rows) = table("other_pcn_payments.csv") else { return };
    let printed = rows.iter().map(|row| {
        let (from, known) = (&row["effective_from"], &row["known_from"]);
        let known = if known.is_empty() { from } else { known };
        let counted = match row["basis"].as_str() {
            "" => "nothing",
            "bed" => "beds",
            "registered+adjusted" => "registered_and_adjusted",
            "weighted (CWP), to practices" => "weighted",
            "adjusted, to practices" => "adjusted",
            basis => basis,
        };
        let months = match row["period"].as_str() {
            "9 months" => " for 9 months",
            "8 months" => " for 8 months",
            "6 months" | "half-year" => " for 6 months",
            "year" | "per point" => "",
            other => panic!("{other}"),
        };
        let rate = match row["rate_gbp"].as_str() {
            "" => "not known".to_owned(),
            rate => format!("{}{months}", rate.parse::<Rate>().unwrap()),
        };
        let counted_on = row["population_date"].as_str();
        let year = ContractYear::of(date(from));
        let of_lists = ["", "monthly", "1 Jan before year"].contains(&counted_on);
        assert!(of_lists || date(counted_on) == year.list_date(), "{row:?}");
        let mark = match row["confidence"].as_str() {
            // Not found at all: that the line is paid is remembered.
            "" => Confidence::FromMemory,
            text if text.ends_with(OF_THE_RATE) => Confidence::FromMemory,
            text => mark(text),
        };
        let days = days(from, &row["effective_to"]);
        format!("{} {counted} {rate} {days} known {known} {mark}", row["line"])
    });
    let carried = book().figures().iter().filter_map(|figure| {
        let Cell::Income { line, counted } = &figure.cell else { return None };
        let Figure { value, validity, confidence, .. } = figure.as_ref();
        let (days, known) = (days_of(figure), validity.known_from);
        Some(format!("{line} {counted} {value} {days} known {known} {confidence}"))
    });
    check(carried, printed);
}

#[test]
fn every_role_is_carried_over_with_the_day_it_joined() {
    let Some(rows) = table("roles_by_year.csv") else { return };
    let own = rows.iter().filter(|row| row["role_code"] != CLAIMED_AS_ANOTHER);
    let printed = own.map(|row| {
        let mark = mark(&row["confidence"]);
        format!("{} {} {mark}", row["role_code"], days(&row["joined"], &row["left"]))
    });
    let carried = book().roles().iter().map(|role| {
        let left = role.left.as_ref().map(Date::to_string).unwrap_or_default();
        format!("{} {} {}", role.code, days(&role.joined.to_string(), &left), role.confidence)
    });
    check(carried, printed);
}
