//! Baselines: agreed by the commissioner, and what practices pay for, recorded by the PCN.

use std::fmt;

use kit::answers::{Answer, Asked};
use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::imports::Context;
use kit::roster;
use kit::{Caller, Cut, Error, Etag, Revision, Scope, names};
use sea_orm::DatabaseTransaction;
use terms::{Date, OdsCode, OrganisationKind, RoleCode};

use super::App;
use crate::domain::baseline::{Agreed, Baseline, Funded};
use crate::events;
use crate::store::baselines as store;

/// The day of the count that baselines rest on.
const COUNTED: Date = Date::constant(2019, 3, 31);

/// Which role of which PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineName {
    /// The PCN.
    pub pcn: OdsCode,
    /// The role.
    pub role: RoleCode,
}

impl fmt::Display for BaselineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/baselines/{}", names::pcn(&self.pcn), self.role)
    }
}

/// What is said of a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// What was agreed from a day on.
    Agreed(Agreed),
    /// What practices pay for from a day on.
    Funded(Funded),
}

/// A change of a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeBaseline {
    /// Of which role of which PCN.
    pub name: BaselineName,
    /// The version that the caller has read.
    pub etag: Etag,
    /// What is said.
    pub said: Said,
}

/// A baseline with its version; none in a cut of an earlier day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is recorded.
    pub baseline: Baseline,
    /// The version.
    pub revision: Option<Revision>,
}

impl App {
    /// The baseline of a role; without records it is empty.
    pub async fn baseline(
        &self,
        caller: &Caller,
        name: &BaselineName,
        cut: &Cut,
    ) -> Result<Seen, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let reach = |scope: &Scope| scope.sees_ever(&name.pcn);
        admit(&read, caller, &scope, &name.pcn, &name.to_string(), reach).await?;
        let BaselineName { pcn, role } = name;
        let baseline = store::of_pcn_and_role(&*read, &scope, pcn, role, cut.at).await?;
        self.seen(&read, &scope, baseline, cut).await
    }

    /// Every baseline of a PCN that anything is recorded of.
    pub async fn baselines(
        &self,
        caller: &Caller,
        pcn: &OdsCode,
        cut: &Cut,
    ) -> Result<Vec<Seen>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let reach = |scope: &Scope| scope.sees_ever(pcn);
        admit(&read, caller, &scope, pcn, &names::pcn(pcn), reach).await?;
        let mut all = Vec::new();
        for baseline in store::of_pcn(&*read, &scope, pcn, cut.at).await? {
            all.push(self.seen(&read, &scope, baseline, cut).await?);
        }
        Ok(all)
    }

    async fn seen(
        &self,
        db: &DatabaseTransaction,
        scope: &Scope,
        baseline: Baseline,
        cut: &Cut,
    ) -> Result<Seen, Error> {
        let revision = match cut.known_at {
            None => Some(store::revision(db, scope, &baseline.pcn, &baseline.role).await?),
            Some(_) => None,
        };
        Ok(Seen { baseline, revision })
    }

    /// Records what is said of a baseline; or answers what a call answered that this one repeats.
    pub async fn change_baseline(
        &self,
        caller: &Caller,
        command: &ChangeBaseline,
        asked: Asked<Seen>,
    ) -> Result<Answer, Error> {
        let ChangeBaseline { name, etag, said } = command;
        let BaselineName { pcn, role } = name;
        let mut write = self.database.write().await?;
        let clock = self.clock();
        let scope = caller.scope(&*write, clock).await?;
        // A reach of a few days is not enough to change what holds for months.
        let today = terms::Month::of(clock.today()).period();
        let reach = |scope: &Scope| scope.covers(pcn, today);
        admit(&write, caller, &scope, pcn, &name.to_string(), reach).await?;
        if let Some(answer) = asked.before(&write, caller, pcn).await? {
            return Ok(answer);
        }
        self.check_said(role, said)?;
        let revision = store::revision(&*write, &scope, pcn, role).await?;
        revision.check(Some(*etag), &name.to_string())?;
        let effect = asked.effect();
        let owner = pcn.clone();
        let context =
            Context::of_change(caller, scope, clock, "baseline", &owner, revision, effect);
        let (scope, by) = (&context.scope, &context.provenance);
        let (of, named, at) = ((pcn, role), name.to_string(), by.known_from);
        let (new, fact, detail) = match said {
            Said::Agreed(agreed) => (
                store::agree(&*write, scope, by, of, agreed).await?,
                events::baseline_agreed(pcn, &named, agreed, at),
                format!("agreed from {}", agreed.from),
            ),
            Said::Funded(funded) => (
                store::fund(&*write, scope, by, of, funded).await?,
                events::practice_funded(pcn, &named, funded, at),
                format!("practice-funded from {}", funded.from),
            ),
        };
        if new {
            write.tell(fact);
        }
        let entry = Entry::new(caller, Outcome::Done, &named);
        audit::append(&*write, write.clock(), [entry.of_tenant(pcn).saying(detail)]).await?;
        let baseline = store::of_pcn_and_role(&*write, scope, pcn, role, NOW).await?;
        let revision = Some(store::revision(&*write, scope, pcn, role).await?);
        asked.finish(write, caller, pcn, Seen { baseline, revision }).await
    }

    fn check_said(&self, role: &RoleCode, said: &Said) -> Result<(), Error> {
        if self.rules().role(role).is_none_or(|role| role.baseline.is_none()) {
            let reason = format!("must be of a role with a baseline: {role} has none");
            return Err(Error::invalid("name", reason));
        }
        let today = self.clock().today();
        let (from, to_come) = match said {
            Said::Agreed(agreed) => (agreed.from, false),
            Said::Funded(funded) => (funded.from, funded.from > today),
        };
        if from < COUNTED || to_come {
            let reason =
                format!("must be from {COUNTED} on, and staff in post not of a day to come");
            return Err(Error::invalid("from_date", reason));
        }
        Ok(())
    }
}

/// Refuses a PCN that does not exist, or that `reach` does not find in the scope: both look alike.
async fn admit(
    db: &DatabaseTransaction,
    caller: &Caller,
    scope: &Scope,
    pcn: &OdsCode,
    name: &str,
    reach: impl Fn(&Scope) -> bool,
) -> Result<(), Error> {
    let found = roster::organisation(db, pcn, NOW).await?;
    let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
    if is_pcn && reach(scope) { Ok(()) } else { Err(caller.denied(name)) }
}
