//! Engagements, with the hours that the caller may see.

use kit::roster::{self, Engaged};
use kit::{Caller, Cut, Error, Revision, Scope, names};
use terms::{Date, EngagementId, Minutes, OdsCode, OrganisationKind};
use uuid::Uuid;

use crate::app::App;

/// An engagement as a caller may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The engagement, with hours on days that the caller may see only, oldest first. Hours that
    /// began earlier are shown from the first such day.
    pub engaged: Engaged,
    /// Minutes a week worked where the caller cannot look, on the day asked about.
    pub elsewhere: Minutes,
    /// The version of the record, for who keeps it; none in a cut of an earlier day.
    pub revision: Option<Revision>,
}

/// Which page of engagements is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The PCN.
    pub pcn: OdsCode,
    /// From just past this one.
    pub after: Option<Uuid>,
    /// The most to answer.
    pub limit: u64,
    /// As known when.
    pub cut: Cut,
}

impl App {
    /// One engagement, if its owner or hours of it are in the scope.
    pub async fn engagement(
        &self,
        caller: &Caller,
        id: EngagementId,
        cut: &Cut,
    ) -> Result<Seen, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let found = roster::engagement_by_id(&*read, &scope, id, cut.at).await?;
        let found = found.ok_or_else(|| caller.denied(&id.to_string()))?;
        let revision = roster::revision(&*read, id).await?;
        Ok(seen(&scope, found, cut.as_of).of_version(&scope, cut, Some(revision)))
    }

    /// One page of the engagements with hours in a PCN on days that the caller may see, in the order
    /// of identifiers.
    pub async fn engagements(&self, caller: &Caller, list: &List) -> Result<Vec<Seen>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let List { pcn, after, limit, cut } = list;
        let found = roster::organisation(&*read, pcn, cut.at).await?;
        let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
        if !is_pcn || !scope.sees_ever(pcn) {
            return Err(caller.denied(&names::pcn(pcn)));
        }
        let page = roster::engagements_of_pcn(&*read, &scope, pcn, *after, *limit, cut.at).await?;
        let ids: Vec<Uuid> = page.iter().map(|engaged| engaged.engagement.id.0).collect();
        let revisions = roster::revisions(&*read, &ids).await?;
        let each = |engaged: Engaged| {
            let revision = revisions.get(&engaged.engagement.id.0).copied();
            seen(&scope, engaged, cut.as_of).of_version(&scope, cut, revision)
        };
        Ok(page.into_iter().map(each).collect())
    }
}

impl Seen {
    /// With its version, if the caller keeps the record and is shown it as it is now: the version
    /// counts hours wherever they are, so it would tell others that hidden ones changed.
    pub(super) fn of_version(self, scope: &Scope, cut: &Cut, revision: Option<Revision>) -> Seen {
        let kept = scope.owns(&self.engaged.engagement.owner) && cut.known_at.is_none();
        Seen { revision: revision.filter(|_| kept), ..self }
    }
}

/// Cuts an engagement with the scope: of hours outside it one number is left, that of a day.
pub(super) fn seen(scope: &Scope, mut engaged: Engaged, day: Date) -> Seen {
    let today = |assignment: &&terms::Assignment| assignment.period.contains(day);
    let assigned: Minutes =
        engaged.assignments.iter().filter(today).map(|assignment| assignment.weekly).sum();
    let contract =
        engaged.assignments.iter().filter(today).filter_map(|today| today.contract).max();
    let reached = |assignment: terms::Assignment| {
        let runs = scope.days_of(&assignment.pcn, assignment.period);
        runs.into_iter().map(move |period| terms::Assignment { period, ..assignment.clone() })
    };
    engaged.assignments = engaged.assignments.into_iter().flat_map(reached).collect();
    engaged.assignments.sort_by(|a, b| (a.period.from(), &a.pcn).cmp(&(b.period.from(), &b.pcn)));
    let here: Minutes =
        engaged.assignments.iter().filter(today).map(|assignment| assignment.weekly).sum();
    let all = assigned.max(contract.unwrap_or(Minutes::ZERO));
    Seen { engaged, elsewhere: Minutes::new(all.get() - here.get()), revision: None }
}
