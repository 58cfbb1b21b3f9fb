//! Changes of the log of sessions, one at a time.
//!
//! A session is checked as a file of that one row would be.

use std::collections::BTreeSet;

use kit::answers::{Answer, Asked};
use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::db::Write;
use kit::error::FieldViolation;
use kit::imports::Context;
use kit::names::Fields;
use kit::roster;
use kit::table::{Problem, Problems};
use kit::{Caller, Error, Etag, Revision, Scope};
use terms::{Date, Minutes, OdsCode, Period, PersonId};

use crate::app::App;
use crate::app::sessions::{Row, Seen, Sheet, import};
use crate::domain::requirement::Kind;
use crate::events;
use crate::store::sessions::{self, SessionId};

/// Said of somebody whose sessions the caller may not record, whether they exist or not.
const NOBODY: &str = "is not a person whose sessions you may record (or it might not exist)";
/// Said of a PCN whose sessions the caller may not record, whether it exists or not.
const NOWHERE: &str = "is not a PCN whose sessions you may record (or it might not exist)";

/// A session that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSession {
    /// Where.
    pub pcn: OdsCode,
    /// What the owner calls it.
    pub reference: String,
    /// Who was supervised.
    pub person: PersonId,
    /// Who supervised.
    pub supervisor: String,
    /// What it was.
    pub kind: Kind,
    /// The day.
    pub date: Date,
    /// How long it took.
    pub minutes: Minutes,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
}

/// A session that was never held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawSession {
    /// Which.
    pub session: SessionId,
    /// The version that the caller has read.
    pub etag: Option<Etag>,
}

impl App {
    /// Records a session, or corrects the one that its owner calls the same in the PCN.
    pub async fn record_session(
        &self,
        caller: &Caller,
        command: RecordSession,
        asked: Asked<Seen>,
    ) -> Result<Answer, Error> {
        let mut write = self.database.write().await?;
        let scope = caller.scope(&*write, self.database.clock()).await?;
        let pcn = command.pcn;
        let day = Period::inclusive(command.date, Some(command.date));
        let allowed = day.is_some_and(|day| scope.covers(&pcn, day));
        // Who may not record there any more gets no answer from before.
        if allowed && let Some(answer) = asked.before(&write, caller, &pcn).await? {
            return Ok(answer);
        }
        let person = BTreeSet::from([command.person]);
        let engaged = roster::engagements_of_people(&*write, &scope, &person, NOW).await?;
        let known = engaged
            .into_iter()
            .find_map(|engaged| Some((engaged.person_reference?, engaged.engagement.owner)));
        let Some((person, owner)) = known else {
            let mut fields = Fields::new();
            fields.violation("person", NOBODY);
            if !allowed {
                fields.violation("parent", NOWHERE);
            }
            fields.finish()?;
            return Err(Error::internal("a violation was noted"));
        };
        let references = [command.reference.clone()];
        let taken = sessions::taken(&*write, &scope, &references).await?.remove(&references[0]);
        let mut taken = taken.into_iter().flatten();
        let taken = taken.find(|taken| taken.owner == owner && taken.pcn == pcn);
        // Of one that is hidden not even how often it changed is told.
        let seen = taken.filter(|taken| !taken.hidden);
        let before = match &seen {
            Some(seen) => revision(&write, &scope, seen.id).await?,
            None => Revision::default(),
        };
        let [reference] = references;
        before.check(command.etag, &format!("session {reference}"))?;
        if seen.is_some() && command.etag.is_none() {
            let reason = "must be given to change a session that is recorded";
            return Err(Error::invalid("etag", reason));
        }
        let (clock, effect) = (self.database.clock(), asked.effect());
        let context = Context::of_change(caller, scope, clock, "sessions", &owner, before, effect);
        let row = Row {
            line: 1,
            reference: reference.clone(),
            person,
            supervisor: command.supervisor,
            kind: command.kind,
            date: command.date,
            minutes: command.minutes,
            pcn: pcn.clone(),
        };
        let sheet = Sheet { rows: vec![row], problems: Problems::new(), count: 1 };
        if let Err(problems) = import(&mut write, sheet, &context).await? {
            return Err(invalid(problems));
        }
        let Context { scope, owner, .. } = &context;
        let taken = sessions::taken(&*write, scope, std::slice::from_ref(&reference)).await?;
        let mut taken = taken.into_values().flatten();
        let taken = taken.find(|taken| owner.as_ref() == Some(&taken.owner) && taken.pcn == pcn);
        let id = taken.ok_or_else(|| Error::internal("a session was lost by a change"))?.id;
        self.close(write, caller, &context, id, "held", asked).await
    }

    /// Withdraws a session that was never held.
    pub async fn withdraw_session(
        &self,
        caller: &Caller,
        command: &WithdrawSession,
        asked: Asked<Seen>,
    ) -> Result<Answer, Error> {
        let WithdrawSession { session: id, etag } = *command;
        let mut write = self.database.write().await?;
        let scope = caller.scope(&*write, self.database.clock()).await?;
        let found = sessions::by_id(&*write, &scope, id).await?;
        let (recorded, known) = found.ok_or_else(|| caller.denied(&id.to_string()))?;
        let pcn = recorded.session.pcn.clone();
        if let Some(answer) = asked.before(&write, caller, &pcn).await? {
            return Ok(answer);
        }
        let before = revision(&write, &scope, id).await?;
        before.check(etag, &id.to_string())?;
        if !known {
            return Err(Error::invalid("name", "must be a session that was not withdrawn yet"));
        }
        let (clock, effect) = (self.database.clock(), asked.effect());
        let owner = &recorded.owner;
        let context = Context::of_change(caller, scope, clock, "sessions", owner, before, effect);
        let provenance = &context.provenance;
        sessions::withdraw(&*write, &context.scope, provenance, &recorded).await?;
        write.tell(events::session_withdrawn(id.to_string(), &pcn, provenance.known_from));
        self.close(write, caller, &context, id, "never held", asked).await
    }

    async fn close(
        &self,
        write: Write,
        caller: &Caller,
        context: &Context,
        id: SessionId,
        detail: &str,
        asked: Asked<Seen>,
    ) -> Result<Answer, Error> {
        let found = sessions::by_id(&*write, &context.scope, id).await?;
        let (recorded, _) =
            found.ok_or_else(|| Error::internal("a session was lost by a change"))?;
        let pcn = recorded.session.pcn.clone();
        let entry = Entry::new(caller, Outcome::Done, &id.to_string());
        audit::append(&*write, write.clock(), [entry.of_tenant(&pcn).saying(detail)]).await?;
        let revision = Some(revision(&write, &context.scope, id).await?);
        asked.finish(write, caller, &pcn, Seen { recorded, revision }).await
    }
}

async fn revision(write: &Write, scope: &Scope, id: SessionId) -> Result<Revision, Error> {
    Ok(sessions::revisions(&**write, scope, &[id.0]).await?.remove(&id.0).unwrap_or_default())
}

/// What is wrong with the row of a session, as fields of its request.
fn invalid(problems: Problems) -> Error {
    let violation = |problem: Problem| {
        let field = match problem.column.as_str() {
            "session_id" => "reference",
            "person_id" => "person",
            "pcn_code" => "parent",
            "date" => "date",
            "supervisor_id" => "supervisor_reference",
            "minutes" => "session_minutes",
            _ => "kind",
        };
        FieldViolation { field: field.to_owned(), description: problem.reason }
    };
    Error::Invalid(problems.into_vec().into_iter().map(violation).collect())
}
