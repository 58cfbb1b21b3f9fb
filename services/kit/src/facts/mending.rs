//! Mending a projection: facts that were parked are tried again, or all are followed anew.

use arrs_proto::admin::v1 as pb;

use super::cursor;
use super::follow::Follower;
use super::parked::{self, Parked};
use crate::answers::{Answer, Asked};
use crate::audit::{self, Entry, Outcome};
use crate::db::Write;
use crate::error::{Error, chain};
use crate::identity::{Caller, Scope};
use crate::names::Fields;
use crate::pages::Key;
use crate::wire;

/// The longest subject of a request.
const SUBJECT: usize = 255;

impl Follower {
    /// Begins a change that concerns everybody, for who may make it.
    async fn mend(&self, caller: &Caller) -> Result<Write, Error> {
        let write = self.database.write().await?;
        caller.enter_england(&*write, self.database.clock(), self.producer).await?;
        Ok(write)
    }

    /// The parked facts after a position, in order, at most `limit`.
    pub async fn parked(&self, after: i64, limit: u64) -> Result<Vec<Parked>, Error> {
        let read = self.database.read().await?;
        parked::list(&*read, self.producer, after, limit).await
    }

    /// Tries parked facts again, of one subject or of all: each subject in its order, up to the
    /// first that still cannot be recorded.
    ///
    /// Each fact is recorded in a transaction of its own, and the answer kept in the last one. What
    /// was recorded is not parked any more: a call that was broken off has no answer, and its
    /// repeat goes on where it ended.
    async fn redrive(
        &self,
        caller: &Caller,
        subject: Option<&str>,
        asked: Asked<pb::RedriveParkedFactsResponse>,
    ) -> Result<Answer, Error> {
        let write = self.mend(caller).await?;
        if let Some(answer) = asked.before(&write, caller, None).await? {
            return Ok(answer);
        }
        let mut subjects = parked::subjects(&*write, self.producer).await?;
        write.roll_back().await?;
        subjects.retain(|parked| subject.is_none_or(|subject| parked == subject));
        let mut recorded_count = 0;
        for subject in &subjects {
            while self.redrive_first(caller, subject).await? {
                recorded_count += 1;
            }
        }
        let write = self.mend(caller).await?;
        // A twin may have ended meanwhile.
        if let Some(answer) = asked.before(&write, caller, None).await? {
            return Ok(answer);
        }
        let parked = parked::count(&*write, self.producer).await?;
        let parked_count = i64::try_from(parked).unwrap_or(i64::MAX);
        let redriven = pb::RedriveParkedFactsResponse { recorded_count, parked_count };
        let answer = asked.finish(write, caller, None, redriven).await?;
        self.measure().await?;
        Ok(answer)
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
    async fn replay(
        &self,
        caller: &Caller,
        asked: Asked<pb::ReplayProjectionResponse>,
    ) -> Result<Answer, Error> {
        let _telling = self.telling.lock().await;
        let write = self.mend(caller).await?;
        if let Some(answer) = asked.before(&write, caller, None).await? {
            return Ok(answer);
        }
        cursor::hold(&*write, self.producer).await?;
        let position = cursor::cursor(&*write, self.producer).await?;
        self.projection.forget(&write).await?;
        parked::clear(&*write, self.producer).await?;
        cursor::rewind(&*write, self.producer).await?;
        let detail = format!("followed up to {position} before");
        self.note(&write, caller, self.producer, detail).await?;
        let producer = self.producer.to_owned();
        let replayed = pb::ReplayProjectionResponse { producer, position };
        let answer = asked.finish(write, caller, None, replayed).await?;
        self.whole_at.send_replace(cursor::UNKNOWN);
        self.reached.send_replace(0);
        self.diverged.send_replace(false);
        self.measure().await?;
        Ok(answer)
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
    let read = follower.database.read().await?;
    caller.enter_england(&*read, follower.database.clock(), follower.producer).await?;
    drop(read);
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
    let words = pb::RedriveParkedFactsRequest { request_id: String::new(), ..request.clone() };
    let pb::RedriveParkedFactsRequest { subject, request_id } = request;
    let mut fields = Fields::new();
    if subject.chars().count() > SUBJECT {
        fields.violation("subject", format!("must have at most {SUBJECT} characters"));
    }
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let subject = Some(subject.as_str()).filter(|subject| !subject.is_empty());
    let asked = Asked::message(request_id, &words);
    follower.redrive(caller, subject, asked).await?.message()
}

/// Follows from the first fact again.
pub async fn replay(
    follower: &Follower,
    caller: &Caller,
    request: pb::ReplayProjectionRequest,
) -> Result<pb::ReplayProjectionResponse, Error> {
    let pb::ReplayProjectionRequest { request_id } = request;
    let mut fields = Fields::new();
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let asked = Asked::message(request_id, &pb::ReplayProjectionRequest::default());
    follower.replay(caller, asked).await?.message()
}
