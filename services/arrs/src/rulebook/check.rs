//! What was found in the rule files, as tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use comfy_table::CellAlignment;
use finance::domain::figure::{Figure, Share};
use finance::domain::inspection::{Compared, Inspection, Unknown, inspect};
use finance::domain::rulebook::RuleBook;
use kit::rulefile::{Fault, listed};
use terms::Confidence;

use super::digest;
use crate::exit::Failure;
use crate::report::{new_table, wrapped};

/// What was found; a failure that names file, line and field of every mistake.
pub(super) fn render(rules: &RuleBook) -> Result<String, Failure> {
    let found = inspect(rules);
    if !found.problems.is_empty() {
        let faults: Vec<Fault> = found
            .problems
            .into_iter()
            .map(|problem| Fault {
                file: problem.figure.file.clone(),
                line: Some(problem.figure.line),
                field: problem.field.to_owned(),
                reason: problem.reason,
                expected: problem.expected,
            })
            .collect();
        return Err(Failure::refused(format!("the rule files have mistakes:{}", listed(&faults))));
    }
    let mut text = format!("The rule files are right (rule data {}).\n", digest(rules));
    summary(rules, &found, &mut text);
    marks(rules, &mut text);
    off(&found.printed, &mut text);
    unknown(&found.unknown, &mut text);
    unknown_income(&found.unknown_income, &mut text);
    Ok(text)
}

fn summary(rules: &RuleBook, found: &Inspection, text: &mut String) {
    let figures = rules.figures();
    let files: BTreeSet<&str> = figures.iter().map(|figure| figure.file.as_str()).collect();
    let sources: BTreeSet<&str> = figures.iter().map(|figure| figure.source.as_str()).collect();
    let compared = |of: &Compared| {
        let Compared { exact, near, off, without } = of;
        let off = off.len();
        format!(
            "{exact} to the pound, {near} a pound off, {off} further, {without} without formula"
        )
    };
    let mut rows = new_table(&[("checked", CellAlignment::Left), ("found", CellAlignment::Left)]);
    rows.add_row(["figures".to_owned(), format!("{} in {} files", figures.len(), files.len())]);
    rows.add_row(["every figure has a mark and a source".to_owned(), sources.len().to_string()]);
    rows.add_row(["no cell twice, no editions for the same days".to_owned(), "none".to_owned()]);
    rows.add_row([
        "every printed month is a twelfth of its year".to_owned(),
        format!("{} printed", found.months),
    ]);
    rows.add_row([
        "derived maxima follow the formula within a pound".to_owned(),
        compared(&found.derived),
    ]);
    rows.add_row(["other maxima, against the formula".to_owned(), compared(&found.printed)]);
    let unknown = found.unknown.len() + found.unknown_income.len();
    rows.add_row(["not known".to_owned(), format!("{unknown} rows, below")]);
    text.push_str(&format!("{rows}\n"));
}

/// How many figures have which mark.
fn marks(rules: &RuleBook, text: &mut String) {
    let mut marks: BTreeMap<Confidence, usize> = BTreeMap::new();
    for figure in rules.figures() {
        *marks.entry(figure.confidence).or_default() += 1;
    }
    let marks: Vec<String> =
        marks.into_iter().map(|(mark, count)| format!("{count} {mark}")).collect();
    wrapped(&format!("By mark: {}.", marks.join(", ")), "  ", text);
}

/// Printed maxima that the formula does not give: they are paid by all the same.
fn off(printed: &Compared, text: &mut String) {
    if printed.off.is_empty() {
        return;
    }
    text.push_str("\nNOT AS THE FORMULA SAYS (printed or remembered, and paid by)\n");
    for figure in &printed.off {
        let told = format!("  {} {}, {}", figure.id, figure.value, figure.confidence);
        wrapped(&told, "      ", text);
    }
}

fn unknown(unknown: &[Unknown], text: &mut String) {
    text.push_str("\nNOT KNOWN (a line that needs one of these has no price)\n");
    let mut rows = new_table(&[
        ("role", CellAlignment::Left),
        ("band", CellAlignment::Left),
        ("row", CellAlignment::Left),
        ("where", CellAlignment::Left),
        ("from", CellAlignment::Left),
        ("to", CellAlignment::Left),
    ]);
    for Unknown { role, label, share, areas, from, to } in unknown {
        let areas: Vec<&str> = areas.iter().map(|area| area.as_str()).collect();
        let row = match *share {
            Share::WHOLE => "whole".to_owned(),
            share => share.to_string(),
        };
        rows.add_row([
            role.to_string(),
            label.clone(),
            row,
            areas.join(", "),
            from.to_string(),
            to.to_string(),
        ]);
    }
    text.push_str(&format!("{rows}\n"));
}

fn unknown_income(unknown: &[Arc<Figure>], text: &mut String) {
    text.push_str("\nINCOME NOT KNOWN (paid beside the scheme; a report of the year says so)\n");
    for figure in unknown {
        let note = figure.note.as_deref().unwrap_or_default();
        wrapped(&format!("  {} {}: {note}", figure.id, figure.value), "      ", text);
    }
}
