//! Sessions that were held, as known at an instant, inside a scope.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use kit::db;
use kit::roster::{from_column, to_column};
use kit::statement::{self, Beside, Outcome, Provenance, Said, known_at};
use kit::{Error, Revision, Scope};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use terms::{Date, Instant, Minutes, OdsCode, ParseError, Period, PersonId};
use uuid::Uuid;

use super::entity::session;
use crate::domain::session::Session;

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// A session by our own identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions/{}", self.0)
    }
}

/// A session with what only the records know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Our identifier; a correction keeps it.
    pub id: SessionId,
    /// Who keeps the record: the owner of the person's engagement.
    pub owner: OdsCode,
    /// What the owner's files call the person.
    pub person_reference: String,
    /// What was held.
    pub session: Session,
}

/// What is known under the reference of an owner in a PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The identifier of the session.
    pub id: SessionId,
    /// Who keeps the record.
    pub owner: OdsCode,
    /// The PCN it was held in.
    pub pcn: OdsCode,
    /// Whether it is, or was believed to be, on a day outside the scope.
    pub hidden: bool,
}

/// What recording a session changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not in force.
    Added(Beside),
    /// It took the place of this one.
    Corrected(Box<Recorded>),
    /// It was known already.
    Unchanged,
}

/// The sessions that owners' files call one of `references`, whatever is or was said of them, by
/// reference. Of PCNs outside the scope there are none.
///
/// Of a PCN seen for some days only, also tells that a session of another day is there: it must
/// not be corrected by somebody who may not see it.
pub async fn taken(
    db: &impl ConnectionTrait,
    scope: &Scope,
    references: &[String],
) -> Result<BTreeMap<String, Vec<Taken>>, Error> {
    let mut found: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
    for chunk in references.chunks(KEYS) {
        let rows = session::Entity::find()
            .filter(scope.pcn_within(session::Column::PcnCode))
            .filter(session::Column::Reference.is_in(chunk.iter().map(String::as_str)))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            let recorded = to_recorded(row)?;
            let hidden = !visible(scope, &recorded);
            let Recorded { id, owner, session: Session { reference, pcn, .. }, .. } = recorded;
            let all = found.entry(reference).or_default();
            match all.iter_mut().find(|taken| taken.owner == owner && taken.pcn == pcn) {
                Some(taken) => taken.hidden |= hidden,
                None => all.push(Taken { id, owner, pcn, hidden }),
            }
        }
    }
    Ok(found)
}

/// Whether the day and PCN of a session are in the scope: to keep the person's record is not
/// enough.
fn visible(scope: &Scope, recorded: &Recorded) -> bool {
    let Session { pcn, date, .. } = &recorded.session;
    Period::inclusive(*date, Some(*date)).is_some_and(|day| scope.covers(pcn, day))
}

/// Records sessions with the lines they stand on; answers for each what it changed.
pub async fn record(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    sessions: &[(u32, Recorded)],
) -> Result<Vec<Change>, Error> {
    let mut rows = Vec::with_capacity(sessions.len());
    for (line, recorded) in sessions {
        let Recorded { id, owner, person_reference, session } = recorded;
        assert!(visible(scope, recorded), "a session outside the scope was not refused");
        let minutes = i32::try_from(session.minutes.get()).map_err(Error::internal)?;
        rows.push(session::Model::new(
            provenance,
            provenance.import.map(|_| *line),
            session.reference.clone(),
            owner.to_string(),
            session.pcn.to_string(),
            id.0,
            session.person.0,
            person_reference.clone(),
            session.supervisor.clone(),
            session.kind.as_str().to_owned(),
            to_column(session.date),
            minutes,
        ));
    }
    let outcomes = statement::record(txn, rows).await?;
    outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Added(beside) => Ok(Change::Added(beside)),
            Outcome::Unchanged => Ok(Change::Unchanged),
            Outcome::Corrected(old) => {
                to_recorded(*old).map(|old| Change::Corrected(Box::new(old)))
            }
        })
        .collect()
}

/// Withdraws a session.
pub async fn withdraw(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    recorded: &Recorded,
) -> Result<(), Error> {
    assert!(visible(scope, recorded), "a session outside the scope was not refused");
    let Session { reference, pcn, .. } = &recorded.session;
    let (owner, pcn) = (recorded.owner.to_string(), pcn.to_string());
    let never = session::Model::never(provenance, reference.clone(), owner, pcn);
    statement::record_said(txn, vec![Said::Withdrawn(never)]).await?;
    Ok(())
}

/// One session as it was last known, and whether it still is, if the scope reaches its day.
pub async fn by_id(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: SessionId,
) -> Result<Option<(Recorded, bool)>, Error> {
    let rows = session::within(scope).filter(session::Column::SessionId.eq(id.0)).all(db);
    let mut rows = rows.await.map_err(db::sort)?;
    rows.sort_by_key(|row| (row.known_until.unwrap_or(i64::MAX), row.known_from));
    let Some(last) = rows.pop() else { return Ok(None) };
    let known = last.known_until.is_none();
    let recorded = to_recorded(last)?;
    Ok(visible(scope, &recorded).then_some((recorded, known)))
}

/// How often sessions have changed. They were found inside the scope before.
pub async fn revisions(
    db: &impl ConnectionTrait,
    _: &Scope,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Revision>, Error> {
    let column = session::Column::SessionId;
    statement::revisions::<session::Model>(db, column, ids, &Condition::all()).await
}

/// The sessions of people in a PCN up to a day, by day; none of days that the scope does not reach.
pub async fn of_people(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    people: &[PersonId],
    until: Date,
    at: Instant,
) -> Result<Vec<Session>, Error> {
    let mut sessions = Vec::new();
    for chunk in people.chunks(KEYS) {
        let rows = session::within(scope)
            .filter(session::Column::PcnCode.eq(pcn.as_str()))
            .filter(session::Column::Date.lte(to_column(until)))
            .filter(session::Column::PersonId.is_in(chunk.iter().map(|person| person.0)))
            .filter(known_at::<session::Model>(at))
            .order_by_asc(session::Column::Date)
            .order_by_asc(session::Column::SessionId)
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            sessions.push(to_recorded(row)?.session);
        }
    }
    Ok(sessions)
}

/// One page of the sessions in a PCN on days that the scope reaches, in the order of identifiers,
/// from just past `after`.
pub async fn of_pcn(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    after: Option<SessionId>,
    limit: u64,
    at: Instant,
) -> Result<Vec<Recorded>, Error> {
    let mut query = session::within(scope)
        .filter(session::Column::PcnCode.eq(pcn.as_str()))
        .filter(known_at::<session::Model>(at));
    if let Some(after) = after {
        query = query.filter(session::Column::SessionId.gt(after.0));
    }
    let rows = query
        .order_by_asc(session::Column::SessionId)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter().map(to_recorded).collect()
}

fn stored<T>(column: &str, parsed: Result<T, ParseError>) -> Result<T, Error> {
    parsed.map_err(|error| Error::internal(format!("a stored {column} {error}")))
}

fn to_recorded(row: session::Model) -> Result<Recorded, Error> {
    let minutes = u32::try_from(row.minutes).map_err(Error::internal)?;
    Ok(Recorded {
        id: SessionId(row.session_id),
        owner: stored("owner_code", row.owner_code.parse())?,
        person_reference: row.person_reference,
        session: Session {
            reference: row.reference,
            person: PersonId(row.person_id),
            supervisor: row.supervisor_reference,
            kind: stored("kind", row.kind.parse())?,
            date: from_column(row.date),
            minutes: Minutes::new(minutes),
            pcn: stored("pcn_code", row.pcn_code.parse())?,
        },
    })
}
