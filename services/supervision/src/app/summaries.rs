//! How supervision stands in a PCN and month, as known at a cut.

use std::collections::{BTreeMap, HashMap};

use kit::cut::Place;
use kit::db::Read;
use kit::roster::{self, Engaged};
use kit::summary::{self, Query};
use kit::{Caller, Error, Scope, facts};
use terms::{
    Assignment, Confidence, Date, Engagement, EngagementId, Instant, Month, OdsCode, Period,
    PersonId, RoleCode, Stage,
};

use crate::app::App;
use crate::domain::compliance::{self, Asked, Counts, Status};
use crate::domain::requirement::{Force, Kind};
use crate::store::sessions;

/// Nobody was engaged under the scheme before: it began in 2019.
const BEGINNING: (i16, i8) = (2000, 1);

/// Supervision of one PCN's people in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One row a person and engagement, by what owners call the person.
    pub rows: Vec<Row>,
    /// Statuses by what stands behind the requirement.
    pub counts: BTreeMap<Force, Counts>,
    /// Codes of requirements that nobody examined, with the reason.
    pub not_examined: Vec<(String, String)>,
    /// How far the facts were known.
    pub positions: Positions,
}

/// How far each outbox had been followed: that of workforce, and our own.
pub type Positions = [Place; 2];

/// One person in one engagement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The person.
    pub person: PersonId,
    /// What the owner's files call the person.
    pub person_reference: String,
    /// The engagement.
    pub engagement: EngagementId,
    /// The role.
    pub role: RoleCode,
    /// The stage at the end of the month, or on the last day in post.
    pub stage: Stage,
    /// What is asked, the worst first.
    pub standings: Vec<Standing>,
}

/// How one requirement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The code of the requirement.
    pub code: String,
    /// What is asked.
    pub kind: Kind,
    /// What stands behind it.
    pub force: Force,
    /// How sure it is.
    pub confidence: Confidence,
    /// How it stands.
    pub status: Status,
    /// Sessions that count in the period that decided.
    pub sessions: u32,
    /// Sessions that the period asks for.
    pub minimum: u32,
    /// The last day of that period.
    pub due: Option<Date>,
    /// The newest session of the kind.
    pub last_session: Option<Date>,
}

impl App {
    /// The summary of one PCN, if the caller may see it in the month.
    pub async fn summary(&self, caller: &Caller, query: &Query) -> Result<Summary, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        summary::admit(&read, caller, &scope, query).await?;
        self.summarize(&read, &scope, query).await
    }

    /// The summary of a PCN that was admitted.
    pub async fn summarize(
        &self,
        read: &Read,
        scope: &Scope,
        query: &Query,
    ) -> Result<Summary, Error> {
        let Query { pcn, month, cut } = query;
        // All engagements so far: where somebody's days in post began decides what is asked.
        let first = Month::new(BEGINNING.0, BEGINNING.1).expect("it is a month");
        let first = first.min(*month);
        let reach = reach(scope, pcn, *month)?;
        let mut engaged =
            roster::engaged_in_month(&**read, scope, pcn, first, *month, cut.at).await?;
        for one in &mut engaged {
            narrow(&mut one.assignments, reach);
        }
        let people = in_post(&engaged, pcn, *month);
        let until = month.last().min(cut.as_of);
        let mut sessions = sessions::of_people(&**read, scope, pcn, &people, until, cut.at).await?;
        sessions.retain(|session| reach.contains(session.date));
        let roster: Vec<(Engagement, Vec<Assignment>)> = engaged
            .iter()
            .map(|engaged| (engaged.engagement.clone(), engaged.assignments.clone()))
            .collect();
        let asked = Asked {
            month: *month,
            today: cut.as_of,
            rules_known_on: cut.rules_known_on,
            seen_from: (reach.from() > Date::MIN).then(|| reach.from()),
        };
        let found = compliance::of_pcn(pcn, asked, &roster, &sessions, &self.book.requirements);
        let not_examined = found
            .not_examined
            .iter()
            .map(|(requirement, reason)| (requirement.code.clone(), reason.to_string()));
        Ok(Summary {
            not_examined: not_examined.collect(),
            rows: rows(&engaged, &found, pcn, *month),
            counts: found.counts,
            positions: positions(read, cut.at).await?,
        })
    }
}

/// The run of days up to the month of a PCN that may be looked at. Nothing of other days is shown,
/// nor does anything shown hang on them: what is asked is judged as if they were not there.
fn reach(scope: &Scope, pcn: &OdsCode, month: Month) -> Result<Period, Error> {
    let always = Period::new(Date::MIN, None).expect("there is no end to come before");
    let mut runs = scope.days_of(pcn, always).into_iter();
    runs.rfind(|run| run.overlap(month.period()).is_some())
        .ok_or_else(|| Error::internal("a month outside the scope was not refused"))
}

fn narrow(assignments: &mut Vec<Assignment>, reach: Period) {
    assignments.retain_mut(|assignment| match assignment.period.overlap(reach) {
        Some(period) => {
            assignment.period = period;
            true
        }
        None => false,
    });
}

/// How far the facts were known at an instant: ours, and those of workforce as followed.
pub async fn positions(read: &Read, at: Instant) -> Result<Positions, Error> {
    let workforce = facts::followed(&**read, crate::WORKFORCE, at).await?;
    let own = facts::told(&**read, crate::NAME, at).await?;
    Ok([workforce, own])
}

/// The people with days in post in the PCN in the month.
fn in_post(engaged: &[Engaged], pcn: &OdsCode, month: Month) -> Vec<PersonId> {
    let mut people: Vec<PersonId> = engaged
        .iter()
        .filter(|engaged| last_assignment(engaged, pcn, month).is_some())
        .filter_map(|engaged| engaged.engagement.person)
        .collect();
    people.sort();
    people.dedup();
    people
}

/// The assignment of the last day in post in the PCN and month.
fn last_assignment<'a>(
    engaged: &'a Engaged,
    pcn: &OdsCode,
    month: Month,
) -> Option<&'a Assignment> {
    engaged
        .assignments
        .iter()
        .filter(|assignment| {
            assignment.pcn == *pcn && assignment.period.overlap(month.period()).is_some()
        })
        .max_by_key(|assignment| assignment.period.from())
}

/// One row a person and engagement. What is asked of somebody with several is shown once, with
/// the first engagement that it concerns.
fn rows(
    engaged: &[Engaged],
    found: &compliance::Summary<'_>,
    pcn: &OdsCode,
    month: Month,
) -> Vec<Row> {
    let mut standings: HashMap<PersonId, Vec<&compliance::Standing<'_>>> =
        found.people.iter().map(|one| (one.person, one.standings.iter().collect())).collect();
    let mut rows = Vec::with_capacity(found.people.len());
    for one in engaged {
        let Some(person) = one.engagement.person else { continue };
        let Some(last) = last_assignment(one, pcn, month) else { continue };
        let role = &one.engagement.role;
        let concerns = |standing: &compliance::Standing<'_>| {
            one.assignments.iter().any(|assignment| {
                assignment.pcn == *pcn
                    && assignment.period.overlap(month.period()).is_some()
                    && standing.requirement.concerns(role, assignment.stage)
            })
        };
        let of_person = standings.remove(&person).unwrap_or_default();
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            of_person.into_iter().partition(|standing| concerns(standing));
        standings.insert(person, elsewhere);
        rows.push(Row {
            person,
            person_reference: one.person_reference.clone().unwrap_or_default(),
            engagement: one.engagement.id,
            role: role.clone(),
            stage: last.stage,
            standings: here.into_iter().map(standing).collect(),
        });
    }
    rows.sort_by(|a, b| {
        (&a.person_reference, a.engagement).cmp(&(&b.person_reference, b.engagement))
    });
    rows
}

fn standing(standing: &compliance::Standing<'_>) -> Standing {
    let requirement = standing.requirement;
    Standing {
        code: requirement.code.clone(),
        kind: requirement.kind,
        force: requirement.force,
        confidence: requirement.confidence,
        status: standing.status,
        sessions: standing.sessions_decided,
        minimum: requirement.min_sessions.map_or(0, std::num::NonZeroU32::get),
        due: standing.decided_by,
        last_session: standing.last_session,
    }
}
