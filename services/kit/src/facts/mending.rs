//! Mending a projection: facts that were parked are tried again, or all are followed anew.

use arrs_proto::admin::v1 as pb;
use uuid::Uuid;

use super::cursor;
use super::follow::Follower;
use super::parked::{self, Parked};
use crate::audit::{self, Entry, Outcome};
use crate::db::Write;
use crate::error::{Error, chain};
use crate::identity::{Caller, Scope};
use crate::names::Fields;
use crate::pages::Key;
use crate::wire;

/// The longest subject of a request.
const SUBJECT: usize = 255;

/// What came of trying parked facts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Facts that are recorded now.
    pub recorded: u64,
    /// Facts that are still parked, of every subject.
    pub parked: u64,
}

impl Follower {
    /// Lets in who may see the facts of everybody: parked ones tell nothing of their tenants.
    async fn admit(&self, caller: &Caller) -> Result<(), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        if scope.is_england() { Ok(()) } else { Err(caller.denied(self.producer)) }
    }

    /// The parked facts after a position, in order, at most `limit`.
    pub async fn parked(&self, after: i64, limit: u64) -> Result<Vec<Parked>, Error> {
        let read = self.database.read().await?;
        parked::list(&*read, self.producer, after, limit).await
    }

    /// Tries parked facts again, of one subject or of all: each subject in its order, up to the
    /// first that still cannot be recorded. Repeating it changes nothing more.
    pub async fn redrive(&self, caller: &Caller, subject: Option<&str>) -> Result<Redriven, Error> {
        let read = self.database.read().await?;
        let mut subjects = parked::subjects(&*read, self.producer).await?;
        drop(read);
        subjects.retain(|parked| subject.is_none_or(|subject| parked == subject));
        let mut redriven = Redriven::default();
        for subject in &subjects {
            while self.redrive_first(caller, subject).await? {
                redriven.recorded += 1;
            }
        }
        let read = self.database.read().await?;
        redriven.parked = parked::count(&*read, self.producer).await?;
        drop(read);
        self.measure().await?;
        Ok(redriven)
    }

    /// Records the first parked fact of a subject, if there is one and it can be.
    async fn redrive_first(&self, caller: &Caller, subject: &str) -> Result<bool, Error> {
        let producer = self.producer;
        let write = self.database.write().await?;
        Scope::england().enter(&*write).await?;
        // A later fact of the subject must not pass by.
        cursor::hold(&*write, producer).await?;
        let Some(fact) = parked::first(&*write, producer, subject).await? else {
            write.roll_back().await?;
            return Ok(false);
        };
        match self.projection.apply(&write, std::slice::from_ref(&fact)).await {
            Ok(()) => {
                parked::release(&*write, producer, fact.position).await?;
                let detail = format!("fact {} of {producer}", fact.position);
                self.note(&write, caller, subject, detail).await?;
                write.commit().await?;
                Ok(true)
            }
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                write.roll_back().await?;
                let write = self.database.write().await?;
                parked::blame(&*write, producer, fact.position, &chain(&error)).await?;
                write.commit().await?;
                Ok(false)
            }
        }
    }

    /// Forgets everything that was followed and starts again from the first fact; answers how far
    /// it had come. What comes out is what was there, unless the producer has other facts now.
    /// Until it is, nothing is answered that rests on it.
    pub async fn replay(&self, caller: &Caller) -> Result<i64, Error> {
        let write = self.database.write().await?;
        Scope::england().enter(&*write).await?;
        cursor::hold(&*write, self.producer).await?;
        let before = cursor::cursor(&*write, self.producer).await?;
        self.projection.forget(&write).await?;
        parked::clear(&*write, self.producer).await?;
        cursor::rewind(&*write, self.producer).await?;
        let detail = format!("followed up to {before} before");
        self.note(&write, caller, self.producer, detail).await?;
        write.commit().await?;
        self.whole_at.send_replace(cursor::UNKNOWN);
        self.reached.send_replace(0);
        self.diverged.send_replace(false);
        self.measure().await?;
        Ok(before)
    }

    async fn note(
        &self,
        write: &Write,
        caller: &Caller,
        resource: &str,
        detail: String,
    ) -> Result<(), Error> {
        let entry = Entry::new(caller, Outcome::Done, resource).saying(detail);
        audit::append(&**write, self.database.clock(), [entry]).await
    }
}

/// One page of parked facts.
pub async fn list_parked(
    follower: &Follower,
    key: &Key,
    caller: &Caller,
    request: pb::ListParkedFactsRequest,
) -> Result<pb::ListParkedFactsResponse, Error> {
    let pb::ListParkedFactsRequest { page_size, page_token } = request;
    let mut fields = Fields::new();
    let page = key.open(page_size, &page_token, &caller.fingerprint(), &mut fields)?;
    fields.finish()?;
    follower.admit(caller).await?;
    let after = page.after.as_deref().and_then(|last| last.parse().ok()).unwrap_or(0);
    let mut parked = follower.parked(after, page.size + 1).await?;
    let next_page_token = page.next(&mut parked, key, |parked| parked.fact.position.to_string());
    let fact = |parked| parked_fact(follower.producer(), parked);
    let parked_facts = parked.into_iter().map(fact).collect();
    Ok(pb::ListParkedFactsResponse { parked_facts, next_page_token })
}

fn parked_fact(producer: &str, parked: Parked) -> pb::ParkedFact {
    let Parked { fact, reason, since } = parked;
    pb::ParkedFact {
        producer: producer.to_owned(),
        position: fact.position,
        r#type: fact.r#type,
        subject: fact.subject,
        reason,
        park_time: Some(wire::timestamp(since)),
    }
}

/// Tries parked facts again.
pub async fn redrive(
    follower: &Follower,
    caller: &Caller,
    request: pb::RedriveParkedFactsRequest,
) -> Result<pb::RedriveParkedFactsResponse, Error> {
    let pb::RedriveParkedFactsRequest { subject, request_id } = request;
    let mut fields = Fields::new();
    if subject.chars().count() > SUBJECT {
        fields.violation("subject", format!("must have at most {SUBJECT} characters"));
    }
    optional_id(&request_id, &mut fields);
    fields.finish()?;
    follower.admit(caller).await?;
    let subject = Some(subject.as_str()).filter(|subject| !subject.is_empty());
    let redriven = follower.redrive(caller, subject).await?;
    Ok(pb::RedriveParkedFactsResponse {
        recorded_count: wire_count(redriven.recorded),
        parked_count: wire_count(redriven.parked),
    })
}

/// Follows from the first fact again.
pub async fn replay(
    follower: &Follower,
    caller: &Caller,
    request: pb::ReplayProjectionRequest,
) -> Result<pb::ReplayProjectionResponse, Error> {
    let mut fields = Fields::new();
    optional_id(&request.request_id, &mut fields);
    fields.finish()?;
    follower.admit(caller).await?;
    let position = follower.replay(caller).await?;
    let producer = follower.producer().to_owned();
    Ok(pb::ReplayProjectionResponse { producer, position })
}

fn optional_id(request_id: &str, fields: &mut Fields) -> Option<Uuid> {
    if request_id.is_empty() { None } else { fields.uuid("request_id", request_id) }
}

fn wire_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
