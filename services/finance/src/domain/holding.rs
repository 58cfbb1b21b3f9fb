//! Which figures of a rule book hold in a time, by what was known.

use std::collections::BTreeMap;
use std::sync::Arc;

use terms::{ContractYear, Date, RoleCode};

use super::figure::{Cell, Extent, Figure};
use super::rulebook::{RuleBook, table};

/// The years a book is for: those in which a rate, a sum or a maximum begins.
pub fn years(rules: &RuleBook) -> Vec<ContractYear> {
    let begins = |figure: &&Arc<Figure>| match figure.cell {
        Cell::Rate { .. } | Cell::Sum { .. } | Cell::Maximum { .. } => true,
        Cell::Share { .. }
        | Cell::Cap { .. }
        | Cell::Fee { .. }
        | Cell::OnCost(_)
        | Cell::PaymentDelay { .. }
        | Cell::Income { .. } => false,
    };
    let figures = rules.figures().iter().filter(begins);
    let mut years: Vec<ContractYear> =
        figures.map(|figure| ContractYear::of(figure.validity.applies_from)).collect();
    years.sort_unstable();
    years.dedup();
    years
}

/// The figures that hold on some day from `first` to `last` as known at the end of `known_on`, in
/// the order of their names. What a newer edition of the same table covers altogether does not hold.
pub fn holding(rules: &RuleBook, first: Date, last: Date, known_on: Date) -> Vec<&Arc<Figure>> {
    let known = |figure: &&Arc<Figure>| figure.validity.known(known_on);
    let known: Vec<&Arc<Figure>> = rules.figures().iter().filter(known).collect();
    let holds = |figure: &Arc<Figure>| {
        let validity = &figure.validity;
        let from = validity.applies_from.max(first);
        let to = validity.applies_to.map_or(last, |end| end.min(last));
        let of = table(&figure.cell);
        let hidden = || {
            known.iter().any(|other| {
                other.validity.newness() > validity.newness()
                    && other.validity.covers(from)
                    && other.validity.covers(to)
                    && table(&other.cell) == of
                    && (other.extent == Extent::Whole || other.cell == figure.cell)
            })
        };
        from <= to && !hidden()
    };
    let mut held: Vec<&Arc<Figure>> = known.iter().copied().filter(|it| holds(it)).collect();
    held.sort_by(|a, b| a.id.cmp(&b.id));
    held
}

/// A cell on two days; at least one of the figures is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// What held on the earlier day.
    pub before: Option<&'a Arc<Figure>>,
    /// What held on the later day.
    pub after: Option<&'a Arc<Figure>>,
}

/// Every cell that held on the last day of either of two years, as known at the end of `known_on`.
pub fn changes(
    rules: &RuleBook,
    years: [ContractYear; 2],
    known_on: Date,
) -> BTreeMap<&Cell, Change<'_>> {
    let mut changes: BTreeMap<&Cell, Change<'_>> = BTreeMap::new();
    let [before, after] = years.map(|year| holding(rules, year.last(), year.last(), known_on));
    for figure in before {
        changes.insert(&figure.cell, Change { before: Some(figure), after: None });
    }
    for figure in after {
        let change = changes.entry(&figure.cell).or_insert(Change { before: None, after: None });
        change.after = Some(figure);
    }
    changes
}

/// Whether a figure is of a role, or of every role.
pub fn concerns(figure: &Figure, role: &RoleCode) -> bool {
    match &figure.cell {
        Cell::Cap { role: None, .. } => true,
        Cell::Maximum { .. }
        | Cell::Rate { .. }
        | Cell::Sum { .. }
        | Cell::Share { .. }
        | Cell::Cap { .. }
        | Cell::Fee { .. }
        | Cell::OnCost(_)
        | Cell::PaymentDelay { .. }
        | Cell::Income { .. } => figure.role() == Some(role),
    }
}
