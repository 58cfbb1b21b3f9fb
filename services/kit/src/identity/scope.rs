//! Which rows a caller may touch. Made here only, and asked for by every store function.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait};
use terms::{Date, Month, OdsCode, OrganisationKind, Period};

use super::{Grant, GrantScope};
use crate::cut::NOW;
use crate::error::Error;
use crate::roster;

/// The rows a caller may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    england: bool,
    /// The days of each PCN that may be seen; none means all its history.
    pcns: BTreeMap<OdsCode, Option<Vec<Period>>>,
    /// Codes whose own records (people, engagements) may be seen and changed, whatever their
    /// days: a PCN seen for some days only is not among them.
    owners: BTreeSet<OdsCode>,
    /// The PCNs and federations that grants name.
    granted: BTreeSet<OdsCode>,
}

impl Scope {
    /// The union of the scopes of `grants`, asked of `today`.
    pub(super) async fn resolve(
        db: &impl ConnectionTrait,
        grants: impl Iterator<Item = &Grant>,
        today: Date,
    ) -> Result<Scope, Error> {
        let mut scope = Scope {
            england: false,
            pcns: BTreeMap::new(),
            owners: BTreeSet::new(),
            granted: BTreeSet::new(),
        };
        for grant in grants {
            match &grant.scope {
                GrantScope::England => scope.england = true,
                GrantScope::Pcn(code) => {
                    // A merged-away code gives nothing: its successor holds the history.
                    if roster::is_open(db, code, OrganisationKind::Pcn, today).await? {
                        scope.add(code.clone(), None);
                        scope.granted.insert(code.clone());
                    }
                }
                GrantScope::Federation(code) => {
                    if !roster::is_open(db, code, OrganisationKind::Federation, today).await? {
                        continue;
                    }
                    for (pcn, days) in roster::served_by(db, code, NOW).await? {
                        // Months since the service began, and nothing after it ended.
                        if days.contains(today) {
                            scope.add(pcn, Some(vec![days]));
                        }
                    }
                    scope.owners.insert(code.clone());
                    scope.granted.insert(code.clone());
                }
                GrantScope::SubIcb(code) => {
                    scope.add_group(db, code, OrganisationKind::SubIcb, today).await?;
                }
                GrantScope::Icb(code) => {
                    scope.add_group(db, code, OrganisationKind::Icb, today).await?;
                }
                GrantScope::Region(code) => {
                    scope.add_group(db, code, OrganisationKind::Region, today).await?;
                }
                GrantScope::Supervisor(_) => {}
            }
        }
        Ok(scope)
    }

    /// Every row: for what a service does on its own account, such as following another's facts.
    pub fn england() -> Scope {
        Scope {
            england: true,
            pcns: BTreeMap::new(),
            owners: BTreeSet::new(),
            granted: BTreeSet::new(),
        }
    }

    /// Lets a transaction see the rows of the scope, and no others, from here to its end, where
    /// the database keeps rows apart itself.
    pub async fn enter(&self, txn: &impl ConnectionTrait) -> Result<(), Error> {
        let tenants: BTreeSet<&str> =
            self.pcns.keys().chain(&self.owners).map(OdsCode::as_str).collect();
        let tenants: Vec<&str> = tenants.into_iter().collect();
        crate::db::enter(txn, self.england, &tenants).await
    }

    /// PCNs that are part of a group today, with all their history, and those that were, for
    /// their days in it.
    async fn add_group(
        &mut self,
        db: &impl ConnectionTrait,
        group: &OdsCode,
        kind: OrganisationKind,
        today: Date,
    ) -> Result<(), Error> {
        if !roster::is_open(db, group, kind, today).await? {
            return Ok(());
        }
        for (pcn, days) in roster::parts_of(db, group, NOW).await? {
            let all = days.iter().any(|days| days.contains(today));
            self.add(pcn, (!all).then_some(days));
        }
        self.owners.insert(group.clone());
        Ok(())
    }

    fn add(&mut self, pcn: OdsCode, days: Option<Vec<Period>>) {
        if days.is_none() {
            self.owners.insert(pcn.clone());
        }
        let reach = self.pcns.entry(pcn).or_insert_with(|| Some(Vec::new()));
        match (reach, days) {
            (Some(known), Some(more)) => known.extend(more),
            (reach, None) => *reach = None,
            (None, Some(_)) => {}
        }
    }

    /// Whether every PCN is in it.
    pub fn is_england(&self) -> bool {
        self.england
    }

    /// Whether a PCN may be seen in a month.
    pub fn sees(&self, pcn: &OdsCode, month: Month) -> bool {
        self.england
            || match self.pcns.get(pcn) {
                None => false,
                Some(None) => true,
                Some(Some(days)) => days.iter().any(|days| days.overlap(month.period()).is_some()),
            }
    }

    /// Whether a PCN may be seen on some day or other.
    pub fn sees_ever(&self, pcn: &OdsCode) -> bool {
        self.england || self.pcns.contains_key(pcn)
    }

    /// Whether days of a PCN may be seen: those that overlap what the scope reaches.
    pub fn sees_days(&self, pcn: &OdsCode, period: Period) -> bool {
        self.england
            || match self.pcns.get(pcn) {
                None => false,
                Some(None) => true,
                Some(Some(days)) => days.iter().any(|days| days.overlap(period).is_some()),
            }
    }

    /// Whether all of these days of a PCN may be touched: none of them lies outside the reach.
    pub fn covers(&self, pcn: &OdsCode, period: Period) -> bool {
        let inside = |reach: &Period| {
            reach.from() <= period.from()
                && reach.until().is_none_or(|end| period.until().is_some_and(|until| until <= end))
        };
        self.england
            || match self.pcns.get(pcn) {
                None => false,
                Some(None) => true,
                Some(Some(days)) => days.iter().any(inside),
            }
    }

    /// The runs of these days of a PCN that may be seen, in order.
    pub fn days_of(&self, pcn: &OdsCode, period: Period) -> Vec<Period> {
        let reach = match self.pcns.get(pcn) {
            _ if self.england => return vec![period],
            None => return Vec::new(),
            Some(None) => return vec![period],
            Some(Some(reach)) => reach,
        };
        let mut runs: Vec<Period> = reach.iter().filter_map(|days| days.overlap(period)).collect();
        runs.sort_by_key(|run| run.from());
        // Two grants may reach the same days, or days that adjoin: those are one run.
        let mut joined: Vec<Period> = Vec::with_capacity(runs.len());
        for run in runs {
            match joined.last_mut() {
                Some(last) if last.until().is_none_or(|until| run.from() <= until) => {
                    let until = last.until().zip(run.until()).map(|(a, b)| a.max(b));
                    *last = Period::new(last.from(), until).expect("it only grows");
                }
                _ => joined.push(run),
            }
        }
        joined
    }

    /// Whether records that `owner` keeps may be seen, and changed.
    pub fn owns(&self, owner: &OdsCode) -> bool {
        self.england || self.owners.contains(owner)
    }

    /// Whether facts of a tenant, a PCN or an owner, go to the caller: a fact does not say which
    /// days it is about, so those of a PCN seen for some days only do not.
    pub fn holds_today(&self, tenant: &str) -> bool {
        self.england || tenant.parse::<OdsCode>().is_ok_and(|code| self.owners.contains(&code))
    }

    /// The owners whose records the caller may keep, when it names none: the PCNs and federations
    /// of its grants, not those that a group brings with it.
    pub fn owners(&self) -> impl Iterator<Item = &OdsCode> {
        self.granted.iter()
    }

    /// The rows whose PCN `column` is in the scope, as a condition of a query.
    pub fn pcn_within<C: ColumnTrait>(&self, column: C) -> Condition {
        if self.england {
            return Condition::all();
        }
        Condition::all().add(column.is_in(self.pcns.keys().map(OdsCode::as_str)))
    }

    /// The rows of a PCN `column` whose `day` the scope reaches, as a condition of a query.
    pub fn day_within<C: ColumnTrait>(&self, pcn: C, day: C) -> Condition {
        self.reach(pcn, |days| {
            let from = Condition::all().add(day.gte(roster::to_column(days.from())));
            match days.until() {
                Some(until) => from.add(day.lt(roster::to_column(until))),
                None => from,
            }
        })
    }

    /// The rows of a PCN `column` with a day, from `from` until before `until`, that the scope
    /// reaches, as a condition of a query.
    pub fn days_within<C: ColumnTrait>(&self, pcn: C, from: C, until: C) -> Condition {
        self.reach(pcn, |days| {
            let ends =
                Condition::any().add(until.is_null()).add(until.gt(roster::to_column(days.from())));
            let begun = Condition::all().add(ends);
            match days.until() {
                Some(end) => begun.add(from.lt(roster::to_column(end))),
                None => begun,
            }
        })
    }

    fn reach<C: ColumnTrait>(&self, pcn: C, inside: impl Fn(&Period) -> Condition) -> Condition {
        if self.england {
            return Condition::all();
        }
        let whole = self.pcns.iter().filter(|(_, days)| days.is_none());
        let mut any = Condition::any().add(pcn.is_in(whole.map(|(code, _)| code.as_str())));
        for (code, days) in &self.pcns {
            for days in days.iter().flatten() {
                let rows = Condition::all().add(pcn.eq(code.as_str())).add(inside(days));
                any = any.add(rows);
            }
        }
        any
    }

    /// The rows whose owner `column` is in the scope, as a condition of a query.
    pub fn owner_within<C: ColumnTrait>(&self, column: C) -> Condition {
        if self.england {
            return Condition::all();
        }
        Condition::all().add(column.is_in(self.owners.iter().map(OdsCode::as_str)))
    }

    /// A condition that no row meets unless the scope is England's.
    pub fn england_only(&self) -> Condition {
        if self.england {
            return Condition::all();
        }
        Condition::all().add(Expr::val(1).eq(0))
    }
}
