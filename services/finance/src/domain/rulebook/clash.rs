//! Whether the entries of a rule book can be in one book together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use terms::{Date, RoleCode};

use super::{Role, RoleShare, Row};
use crate::domain::figure::{
    Cell, Extent, Figure, ListRange, Pot, RowArea, Share, Validity, Value,
};
use crate::domain::income::IncomeLine;
use crate::domain::on_cost::OnCost;
use crate::domain::policy::{Policy, PolicyName};

/// Two entries of a rule book that cannot both be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// A cell is filled twice in one edition.
    #[error("this cell of this edition is given twice")]
    Twice {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// Rows of one edition end on different days.
    #[error("rows of one edition end on different days")]
    Ends {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// Rows of one edition are of a whole table and of an addition to one.
    #[error("rows of one edition are of a whole table and of an addition to one")]
    Extents {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// An addition to no table.
    #[error("no earlier table is in force on every day of the addition")]
    Addition {
        /// Position of a figure of it.
        figure: usize,
    },
    /// Two caps of a role, or two sums of a pot, are for the same list.
    #[error("two rows of one role or pot and edition are for the same list sizes")]
    Lists {
        /// Position of the earlier figure.
        first: usize,
        /// Position of the later one.
        second: usize,
    },
    /// A role has a row for London and one for a part of it.
    #[error("a role has a row for all of London and one for a part of it")]
    London {
        /// Position of the row for all of London.
        first: usize,
        /// Position of the other.
        second: usize,
    },
    /// A figure is for a role that is not in the book.
    #[error("no such role is in the rule book")]
    Role {
        /// Position of the figure.
        figure: usize,
    },
    /// The band of a row is not the role's row.
    #[error("the role has no row of this band")]
    Band {
        /// Position of the figure.
        figure: usize,
    },
    /// A row that contains a share which the role is not paid by.
    #[error("the role is not paid by this share")]
    Share {
        /// Position of the figure.
        figure: usize,
    },
    /// A role stands in the book twice.
    #[error("the role is given twice")]
    RoleTwice {
        /// The role.
        role: RoleCode,
    },
    /// A policy is settled twice.
    #[error("the policy is given twice")]
    PolicyTwice {
        /// The policy.
        policy: PolicyName,
    },
    /// A policy is not settled.
    #[error("the policy is missing")]
    PolicyMissing {
        /// The policy.
        policy: PolicyName,
    },
}

/// Everything that contradicts itself. Every role's position is known by its code.
pub(super) fn clashes(
    figures: &[Figure],
    policies: &[Policy],
    roles: &[Role],
    by_code: &HashMap<RoleCode, usize>,
) -> Vec<Clash> {
    let mut clashes = Vec::new();
    for (index, role) in roles.iter().enumerate() {
        if by_code.get(&role.code) != Some(&index) {
            clashes.push(Clash::RoleTwice { role: role.code.clone() });
        }
    }
    check_policies(policies, &mut clashes);
    check_roles(figures, roles, by_code, &mut clashes);
    check_editions(figures, &mut clashes);
    check_additions(figures, &mut clashes);
    clashes
}

fn check_policies(policies: &[Policy], clashes: &mut Vec<Clash>) {
    for name in PolicyName::ALL {
        match policies.iter().filter(|policy| policy.name() == name).count() {
            0 => clashes.push(Clash::PolicyMissing { policy: name }),
            1 => {}
            2.. => clashes.push(Clash::PolicyTwice { policy: name }),
        }
    }
}

fn check_roles(
    figures: &[Figure],
    roles: &[Role],
    by_code: &HashMap<RoleCode, usize>,
    clashes: &mut Vec<Clash>,
) {
    for (index, figure) in figures.iter().enumerate() {
        let Some(code) = figure.role() else { continue };
        let Some(role) = by_code.get(code).map(|index| &roles[*index]) else {
            clashes.push(Clash::Role { figure: index });
            continue;
        };
        let Cell::Maximum { label, band, share, .. } = &figure.cell else {
            continue;
        };
        let fits = match &role.row {
            Row::ByRole(own) => own == label && band.is_none(),
            Row::ByBand(_) => band.is_some_and(|band| role.bands.contains(&band)),
        };
        if !fits {
            clashes.push(Clash::Band { figure: index });
        }
        let by_half = *share == Share::HALF && role.share != RoleShare::Whole;
        let stated = |other: &Figure| {
            other.cell == Cell::Share { role: code.clone() }
                && other.value == Value::Share(*share)
                && other.validity.contains(&figure.validity)
        };
        if *share != Share::WHOLE && !by_half && !figures.iter().any(stated) {
            clashes.push(Clash::Share { figure: index });
        }
    }
}

fn check_editions(figures: &[Figure], clashes: &mut Vec<Clash>) {
    let mut cells: HashMap<(&Cell, (Date, Date)), usize> = HashMap::new();
    let mut ends: HashMap<(Table, (Date, Date)), usize> = HashMap::new();
    for (index, figure) in figures.iter().enumerate() {
        let edition = figure.validity.newness();
        if let Some(first) = cells.insert((&figure.cell, edition), index) {
            clashes.push(Clash::Twice { first, second: index });
        }
        let first = *ends.entry((table(&figure.cell), edition)).or_insert(index);
        if figures[first].validity.applies_to != figure.validity.applies_to {
            clashes.push(Clash::Ends { first, second: index });
        }
        if figures[first].extent != figure.extent {
            clashes.push(Clash::Extents { first, second: index });
        }
    }
    check_lists(figures, clashes);
    check_london(figures, &cells, clashes);
}

/// The newest older table that meets an addition must be in force on all of its days.
fn check_additions(figures: &[Figure], clashes: &mut Vec<Clash>) {
    let editions: BTreeMap<(Date, Date), Validity> = figures
        .iter()
        .filter(|figure| table(&figure.cell) == Table::Maxima)
        .map(|figure| (figure.validity.newness(), figure.validity))
        .collect();
    let mut seen = BTreeSet::new();
    for (index, figure) in figures.iter().enumerate() {
        let edition = figure.validity.newness();
        if figure.extent == Extent::Whole || !seen.insert(edition) {
            continue;
        }
        let mut older = editions.range(..edition).rev().map(|(_, older)| older);
        let standing = older.find(|older| older.meets(&figure.validity));
        if !standing.is_some_and(|standing| standing.contains(&figure.validity)) {
            clashes.push(Clash::Addition { figure: index });
        }
    }
}

/// Whose editions are chosen together: a pot's rate or a role's cap is a table of its own.
#[derive(PartialEq, Eq, Hash)]
pub(in crate::domain) enum Table<'a> {
    Maxima,
    Rate(Pot),
    Sum(Pot),
    Share(&'a RoleCode),
    Cap(Option<&'a RoleCode>),
    Fee(&'a RoleCode),
    OnCost(&'a OnCost),
    PaymentDelay,
    Income(IncomeLine),
}

pub(in crate::domain) fn table(cell: &Cell) -> Table<'_> {
    match cell {
        Cell::Maximum { .. } => Table::Maxima,
        Cell::Rate { pot } => Table::Rate(*pot),
        Cell::Sum { pot, .. } => Table::Sum(*pot),
        Cell::Share { role } => Table::Share(role),
        Cell::Cap { role, .. } => Table::Cap(role.as_ref()),
        Cell::Fee { role } => Table::Fee(role),
        Cell::OnCost(of) => Table::OnCost(of),
        Cell::PaymentDelay { .. } => Table::PaymentDelay,
        Cell::Income { line, .. } => Table::Income(*line),
    }
}

fn check_lists(figures: &[Figure], clashes: &mut Vec<Clash>) {
    let by_list: Vec<(usize, &Figure, ListRange)> = figures
        .iter()
        .enumerate()
        .filter_map(|(index, figure)| match &figure.cell {
            Cell::Cap { lists, .. } | Cell::Sum { lists, .. } => Some((index, figure, *lists)),
            Cell::Maximum { .. }
            | Cell::Rate { .. }
            | Cell::Share { .. }
            | Cell::Fee { .. }
            | Cell::OnCost(_)
            | Cell::PaymentDelay { .. }
            | Cell::Income { .. } => None,
        })
        .collect();
    for (position, (second, later, lists)) in by_list.iter().enumerate() {
        for (first, earlier, others) in &by_list[..position] {
            let same = table(&earlier.cell) == table(&later.cell)
                && earlier.validity.newness() == later.validity.newness()
                && earlier.cell != later.cell;
            if same && lists.meets(*others) {
                clashes.push(Clash::Lists { first: *first, second: *second });
            }
        }
    }
}

fn check_london(
    figures: &[Figure],
    cells: &HashMap<(&Cell, (Date, Date)), usize>,
    clashes: &mut Vec<Clash>,
) {
    for (first, figure) in figures.iter().enumerate() {
        let Cell::Maximum { role, label, band, area: RowArea::London, share } = &figure.cell else {
            continue;
        };
        for area in [RowArea::Outer, RowArea::Inner] {
            let part = Cell::Maximum {
                role: role.clone(),
                label: label.clone(),
                band: *band,
                area,
                share: *share,
            };
            if let Some(second) = cells.get(&(&part, figure.validity.newness())) {
                clashes.push(Clash::London { first, second: *second });
            }
        }
    }
}
