//! The workforce of one PCN in one month, as known at a cut.

use kit::cut::Place;
use kit::db::Read;
use kit::roster::{self, ListSize, Organisation};
use kit::summary::{self, Query};
use kit::{Caller, Error, Scope, facts};
use terms::{OdsCode, RoleCode};

use crate::NAME;
use crate::app::App;
use crate::domain::national_return::{self, Figures as Published, Row};
use crate::domain::role::LeafMappings;
use crate::domain::statistics::{self, Statistics};
use crate::store::{national_returns, places};

/// The workforce of one PCN in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcnWorkforce {
    /// The PCN.
    pub organisation: Organisation,
    /// What it is part of on the last day, from the sub-ICB up.
    pub parents: Vec<OdsCode>,
    /// The newest list up to the end of the month.
    pub list_size: Option<ListSize>,
    /// FTE and heads.
    pub statistics: Statistics,
    /// What the published return says; none if no row of the PCN is known for the month.
    pub national_return: Option<NationalReturn>,
    /// How far the outbox was.
    pub place: Place,
}

/// What the published return says of a PCN and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NationalReturn {
    /// By role, in the order of codes.
    pub roles: Vec<(RoleCode, Published)>,
    /// Everything that is no role of the scheme, if there is any.
    pub outside_scheme: Option<Published>,
}

impl App {
    /// The summary that a caller asks for.
    pub async fn summary(&self, caller: &Caller, query: &Query) -> Result<PcnWorkforce, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let organisation = summary::admit(&read, caller, &scope, query).await?;
        self.summarize(&read, &scope, organisation, query).await
    }

    /// The summary of a PCN that was admitted.
    pub async fn summarize(
        &self,
        read: &Read,
        scope: &Scope,
        organisation: Organisation,
        query: &Query,
    ) -> Result<PcnWorkforce, Error> {
        let Query { pcn, month, cut } = query;
        let (db, day) = (&**read, month.last());
        // Who left or joined shows in the months beside; the scope may end with this one.
        let last = if scope.sees(pcn, month.next()) { month.next() } else { *month };
        let engaged =
            roster::engaged_in_month(db, scope, pcn, month.previous(), last, cut.at).await?;
        let lines: Vec<_> =
            engaged.into_iter().map(|engaged| (engaged.engagement, engaged.assignments)).collect();
        let lists = places::lists_to(db, scope, pcn, Some(day), cut.at).await?;
        let rows = national_returns::of_pcn(db, scope, pcn, *month, cut.at).await?;
        Ok(PcnWorkforce {
            parents: roster::parents(db, pcn, day, cut.at).await?,
            list_size: lists.into_values().next_back(),
            statistics: statistics::of_pcn(pcn, *month, &lines),
            national_return: national_return(query, rows, &self.mappings),
            place: facts::told(db, NAME, cut.at).await?,
            organisation,
        })
    }
}

fn national_return(
    query: &Query,
    mut rows: Vec<Row>,
    mappings: &LeafMappings,
) -> Option<NationalReturn> {
    if rows.is_empty() {
        return None;
    }
    let Query { pcn, month, .. } = query;
    let roles = national_return::of_pcn(pcn, *month, &rows, mappings).roles;
    let role = |row: &Row| mappings.get(&row.leaf, month.last())?.role.clone();
    rows.retain(|row| role(row).is_none());
    // Heads are counted anew: one person may have two leaves.
    let others =
        (!rows.is_empty()).then(|| national_return::of_pcn(pcn, *month, &rows, mappings).total);
    Some(NationalReturn { roles, outside_scheme: others })
}
