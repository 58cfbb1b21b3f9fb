//! Figures as tables: those of a year, and what differs between two.

use std::sync::Arc;

use comfy_table::CellAlignment;
use finance::domain::figure::{Cell, Figure, ListRange, Share, Value};
use finance::domain::holding::{Change, changes, concerns, holding};
use terms::{ContractYear, Fraction, Pence, Population};

use super::{Asked, digest};
use crate::report::{new_table, wrapped};

/// The figures that hold in a year.
pub(super) fn year(asked: &Asked, year: ContractYear) -> String {
    let Asked { rules, known_on, .. } = asked;
    let held = holding(rules, year.first(), year.last(), *known_on);
    let held: Vec<&Arc<Figure>> = held.into_iter().filter(|it| wanted(asked, it)).collect();
    let digest = digest(rules);
    let mut text =
        format!("Rule book of {year}, figures known on {known_on} (rule data {digest})\n");
    let mut sources = Sources::default();
    for table in [ALLOCATION, SUMS, SHARES, MAXIMA, CAPS, FEES, PAYMENT, BUILT_OF, INCOME] {
        let figures: Vec<&Arc<Figure>> =
            held.iter().copied().filter(|figure| title(&figure.cell) == table).collect();
        if !figures.is_empty() {
            text.push_str(&format!("\n{table}\n"));
            listed(&figures, &mut sources, &mut text);
        }
    }
    if held.is_empty() {
        text.push_str("\nNothing is known of it.\n");
    }
    sources.tell(&mut text);
    text
}

/// What differs between the last days of two years.
pub(super) fn difference(asked: &Asked, years: [ContractYear; 2]) -> String {
    let Asked { rules, known_on, .. } = asked;
    let [from, to] = years;
    let [first, second] = years.map(|year| format!("end of {year}"));
    let changes = changes(rules, years, *known_on);
    let of_role = |change: &&Change<'_>| either(change).is_some_and(|it| wanted(asked, it));
    let mut same = 0_usize;
    let mut sources = Sources::default();
    let mut rows = new_table(&[
        ("figure", CellAlignment::Left),
        (&first, CellAlignment::Right),
        (&second, CellAlignment::Right),
        ("difference", CellAlignment::Right),
        ("mark", CellAlignment::Left),
        ("source", CellAlignment::Left),
    ]);
    for change in changes.values().filter(of_role) {
        let Change { before, after } = change;
        if before.map(|figure| figure.value) == after.map(|figure| figure.value) {
            same += 1;
            continue;
        }
        let Some(newest) = either(change) else { continue };
        let value = |figure: &Option<&Arc<Figure>>| {
            figure.map_or_else(|| "-".to_owned(), |figure| figure.value.to_string())
        };
        let mark = |figure: &Arc<Figure>| figure.confidence.to_string();
        let marks = match (before, after) {
            (Some(before), Some(after)) if before.confidence != after.confidence => {
                format!("{}, then {}", mark(before), mark(after))
            }
            _ => mark(newest),
        };
        rows.add_row([
            name(newest),
            value(before),
            value(after),
            moved(*before, *after),
            marks,
            sources.number(&newest.source),
        ]);
    }
    let digest = digest(rules);
    let mut text = format!(
        "Rule book at the end of {from} and of {to}, figures known on {known_on} (rule data \
         {digest})\n"
    );
    if rows.is_empty() {
        text.push_str("\nNothing differs.\n");
    } else {
        text.push_str(&format!("{rows}\n"));
    }
    text.push_str(&format!("{same} figures are the same.\n"));
    sources.tell(&mut text);
    text
}

/// The figure of the later day, or that of the earlier one where it ended.
fn either<'a>(change: &Change<'a>) -> Option<&'a Arc<Figure>> {
    change.after.or(change.before)
}

const ALLOCATION: &str = "ALLOCATION, pounds a weighted patient";
const MAXIMA: &str = "MAXIMA, a year for one WTE";
const SUMS: &str = "FIXED SUMS, for the days they apply to";
const SHARES: &str = "SHARES OF THE COST";
const CAPS: &str = "CAPS, WTE";
const FEES: &str = "FEES OF SUPPLIERS, a month for one WTE";
const PAYMENT: &str = "HOW LONG A PAYMENT TAKES, months";
const INCOME: &str = "OTHER INCOME, pounds for each patient, bed or point";
const BUILT_OF: &str = "WHAT MAXIMA ARE BUILT OF";

/// The table of a year that a cell stands in.
fn title(cell: &Cell) -> &'static str {
    match cell {
        Cell::Rate { .. } => ALLOCATION,
        Cell::Sum { .. } => SUMS,
        Cell::Share { .. } => SHARES,
        Cell::Maximum { .. } => MAXIMA,
        Cell::Cap { .. } => CAPS,
        Cell::Fee { .. } => FEES,
        Cell::OnCost(_) => BUILT_OF,
        Cell::PaymentDelay { .. } => PAYMENT,
        Cell::Income { .. } => INCOME,
    }
}

fn wanted(asked: &Asked, figure: &Figure) -> bool {
    asked.role.as_ref().is_none_or(|role| concerns(figure, role))
}

fn listed(figures: &[&Arc<Figure>], sources: &mut Sources, text: &mut String) {
    let yearly = figures.iter().any(|figure| matches!(figure.cell, Cell::Maximum { .. }));
    let mut columns = vec![("figure", CellAlignment::Left), ("value", CellAlignment::Right)];
    if yearly {
        columns.push(("a month", CellAlignment::Right));
    }
    columns.extend([
        ("from", CellAlignment::Left),
        ("to", CellAlignment::Left),
        ("known from", CellAlignment::Left),
        ("mark", CellAlignment::Left),
        ("source", CellAlignment::Left),
    ]);
    let mut rows = new_table(&columns);
    for figure in figures {
        let validity = &figure.validity;
        let mut row = vec![name(figure), figure.value.to_string()];
        if yearly {
            row.push(month(figure.value));
        }
        row.extend([
            validity.applies_from.to_string(),
            validity.applies_to.map_or_else(|| "-".to_owned(), |last| last.to_string()),
            validity.known_from.to_string(),
            figure.confidence.to_string(),
            sources.number(&figure.source),
        ]);
        rows.add_row(row);
    }
    text.push_str(&format!("{rows}\n"));
}

/// The cell as people call it.
fn name(figure: &Figure) -> String {
    match &figure.cell {
        Cell::Maximum { role, label, area, share, band: _ } => {
            let share = match *share {
                Share::WHOLE => String::new(),
                share => format!(", {share}"),
            };
            match label.as_str() {
                "n/a" => format!("{role}, {area}{share}"),
                label => format!("{role} {label}, {area}{share}"),
            }
        }
        Cell::Rate { pot } => format!("rate, {pot}"),
        Cell::Sum { pot, lists: of } => format!("sum, {pot}{}", lists(*of)),
        Cell::Share { role } => format!("share, {role}"),
        Cell::Cap { role, lists: of } => {
            let role = role.as_ref().map_or("every role", |role| role.as_str());
            format!("cap, {role}{}", lists(*of))
        }
        Cell::Fee { role } => format!("fee, {role}"),
        Cell::OnCost(of) => of.to_string(),
        Cell::Income { line, counted } => {
            format!("{line}, {}", counted.as_str().replace('_', " "))
        }
        Cell::PaymentDelay { term } => format!("payment, {}", term.as_str().replace('_', " ")),
    }
}

/// The lists that a figure is for, unless it is for all.
fn lists(ListRange { least, most }: ListRange) -> String {
    match most {
        Some(most) => format!(", lists of {least} to {most}"),
        None if least == Population::from_patients(0) => String::new(),
        None => format!(", lists of {least} or more"),
    }
}

/// The twelfth of a year, for display: a line is never computed from it.
fn month(value: Value) -> String {
    let Value::AYear(Pence(pence)) = value else { return String::new() };
    Pence::from_fraction(Fraction::new(pence, 12)).to_string()
}

/// By how much an amount moved, and by how many percent.
fn moved(before: Option<&Arc<Figure>>, after: Option<&Arc<Figure>>) -> String {
    let (Some(before), Some(after)) = (before, after) else {
        return if before.is_some() { "ended" } else { "new" }.to_owned();
    };
    match (before.value, after.value) {
        (Value::AYear(before), Value::AYear(after)) => {
            let change = after - before;
            let tenths = Fraction::new(change.0 * 1_000, before.0).round_half_away();
            let sign = if change.0 < 0 { "-" } else { "+" };
            let (whole, tenth) = (tenths.abs() / 10, tenths.abs() % 10);
            format!("{change} ({sign}{whole}.{tenth}%)")
        }
        _ => "changed".to_owned(),
    }
}

/// Sources by number, told once at the end: an address is longer than a row.
#[derive(Default)]
struct Sources(Vec<String>);

impl Sources {
    fn number(&mut self, source: &str) -> String {
        let index = match self.0.iter().position(|known| known == source) {
            Some(index) => index,
            None => {
                self.0.push(source.to_owned());
                self.0.len() - 1
            }
        };
        format!("[{}]", index + 1)
    }

    fn tell(&self, text: &mut String) {
        if !self.0.is_empty() {
            text.push_str("\nSources\n");
        }
        for (index, source) in self.0.iter().enumerate() {
            wrapped(&format!("  [{}] {source}", index + 1), "      ", text);
        }
    }
}
