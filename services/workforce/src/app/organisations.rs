//! Organisations and their lists. Organisations are published; lists belong to a PCN.

use std::collections::BTreeSet;

use kit::cut::NOW;
use kit::roster::{self, ListSize, Organisation, Related};
use kit::{Caller, Error, Scope, names};
use terms::{Date, OdsCode, OrganisationKind, Period};

use crate::app::App;
use crate::store::places;

/// Which page of organisations is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Of this kind only.
    pub kind: Option<OrganisationKind>,
    /// That belong to this one today.
    pub related: Option<OdsCode>,
    /// From just past this code.
    pub after: Option<String>,
    /// The most to answer.
    pub limit: u64,
}

impl App {
    /// One organisation with what it belongs to, oldest first.
    pub async fn organisation(
        &self,
        code: &OdsCode,
    ) -> Result<(Organisation, Vec<Related>), Error> {
        let read = self.database.read().await?;
        let found = roster::organisation(&*read, code, NOW).await?;
        let found = found.ok_or_else(|| Error::NotFound {
            kind: "arrs.example/Organisation",
            name: names::organisation(code),
        })?;
        let relations = roster::relations(&*read, code, NOW).await?;
        Ok((found, relations))
    }

    /// One page of organisations, each with what it belongs to, in the order of codes.
    pub async fn organisations(
        &self,
        list: &List,
    ) -> Result<Vec<(Organisation, Vec<Related>)>, Error> {
        let read = self.database.read().await?;
        let today = self.database.clock().today();
        let codes: Option<BTreeSet<OdsCode>> = match &list.related {
            None => None,
            Some(related) => {
                let children = roster::children(&*read, related, NOW).await?;
                let current = children.into_iter().filter(|child| child.period.contains(today));
                Some(current.map(|child| child.code).collect())
            }
        };
        let List { kind, after, limit, .. } = list;
        let (codes, after) = (codes.as_ref(), after.as_deref());
        let page = roster::organisations(&*read, *kind, codes, after, *limit).await?;
        let mut found = Vec::with_capacity(page.len());
        for organisation in page {
            let relations = roster::relations(&*read, &organisation.code, NOW).await?;
            found.push((organisation, relations));
        }
        Ok(found)
    }

    /// The lists of a PCN or practice on days that the caller may see, newest first, from just
    /// before a day. Those of a practice are seen through the PCN that it was part of on the day.
    pub async fn list_sizes(
        &self,
        caller: &Caller,
        code: &OdsCode,
        before: Option<Date>,
    ) -> Result<Vec<ListSize>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let denied = || caller.denied(&names::organisation(code));
        let above = roster::relations(&*read, code, NOW).await?;
        let found = roster::organisation(&*read, code, NOW).await?.ok_or_else(denied)?;
        let seen = match found.kind {
            OrganisationKind::Pcn => scope.sees_ever(code),
            OrganisationKind::Practice => {
                scope.is_england()
                    || above.iter().any(|above| scope.sees_days(&above.related, above.period))
            }
            OrganisationKind::Region
            | OrganisationKind::Icb
            | OrganisationKind::SubIcb
            | OrganisationKind::Federation
            | OrganisationKind::Trust
            | OrganisationKind::Other => false,
        };
        if !seen {
            return Err(denied());
        }
        let lists = places::lists_to(&*read, &scope, code, None, NOW).await?;
        let before = |list: &ListSize| before.is_none_or(|before| list.date < before);
        let reached = |list: &ListSize| {
            scope.is_england()
                || sees_day(&scope, code, list.date)
                || above.iter().any(|above| {
                    above.period.contains(list.date) && sees_day(&scope, &above.related, list.date)
                })
        };
        Ok(lists.into_values().rev().filter(before).filter(reached).collect())
    }
}

fn sees_day(scope: &Scope, pcn: &OdsCode, day: Date) -> bool {
    Period::inclusive(day, Some(day)).is_some_and(|day| scope.sees_days(pcn, day))
}
