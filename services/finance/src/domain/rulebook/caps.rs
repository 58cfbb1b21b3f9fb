//! How much of a role a PCN may claim for, as far as anybody printed it.

use std::sync::Arc;

use terms::{Date, Population};

use super::{OfRoles, RuleBook, clash};
use crate::domain::figure::{Cell, Figure, Validity};

/// What is known of the cap of a role on a day, for a PCN of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleCap<'a> {
    /// The rows of the role, if it has any, ended before or begin later: no cap was ever printed
    /// for the day.
    None,
    /// A row says how many WTE, or that there is no limit.
    Stated(&'a Arc<Figure>),
    /// There is or may be a cap, and nobody can say which.
    Unknown(CapGap),
}

/// Why a cap is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapGap {
    /// It depends on the PCN's registered list, and that is not recorded.
    ListMissing,
    /// The role had a cap, which nobody printed for PCNs of this size or for this time, or not by
    /// the day asked about.
    NotPrinted,
}

/// The rows of caps.
#[derive(Clone, Debug, Default)]
pub(super) struct Caps {
    pub(super) of_role: OfRoles,
    pub(super) of_every_role: Vec<Arc<Figure>>,
}

impl Caps {
    fn find(
        &self,
        role: usize,
        list: Option<Population>,
        day: Date,
        known_on: Date,
    ) -> RoleCap<'_> {
        let own = self.of_role.get(&role).map_or(&[][..], Vec::as_slice);
        let rows = || own.iter().chain(&self.of_every_role);
        let in_force =
            |row: &&Arc<Figure>| row.validity.covers(day) && row.validity.known(known_on);
        let Some(newest) = rows().filter(in_force).max_by_key(|row| row.validity.newness()) else {
            return if lasts_over(own, day) {
                RoleCap::Unknown(CapGap::NotPrinted)
            } else {
                RoleCap::None
            };
        };
        let same = |row: &&Arc<Figure>| {
            row.validity == newest.validity && clash::table(&row.cell) == clash::table(&newest.cell)
        };
        let is_for = |row: &&Arc<Figure>| {
            let Cell::Cap { lists, role: _ } = &row.cell else { return false };
            lists.is_every() || list.is_some_and(|list| lists.contains(list))
        };
        match (rows().filter(same).find(is_for), list) {
            (Some(row), _) => RoleCap::Stated(row),
            (None, Some(_)) => RoleCap::Unknown(CapGap::NotPrinted),
            (None, None) => RoleCap::Unknown(CapGap::ListMissing),
        }
    }
}

/// Whether rows begin by a day and end, or begin again, on it or later.
fn lasts_over(rows: &[Arc<Figure>], day: Date) -> bool {
    let some = |test: fn(&Validity, Date) -> bool| rows.iter().any(|row| test(&row.validity, day));
    some(|row, day| row.applies_from <= day)
        && some(|row, day| row.applies_to.is_none_or(|last| day <= last))
}

impl RuleBook {
    /// The cap of a role, by its position, for the registered list of a PCN.
    pub fn cap(
        &self,
        role: usize,
        list: Option<Population>,
        day: Date,
        known_on: Date,
    ) -> RoleCap<'_> {
        self.caps.find(role, list, day, known_on)
    }
}
