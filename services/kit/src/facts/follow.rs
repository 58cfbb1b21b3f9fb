//! Following a producer: its facts are applied once each, in order, by batches.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{Fact, StreamFactsRequest, StreamFactsResponse};
use futures::StreamExt;
use terms::Instant;
use tokio::sync::watch;
use tonic::Status;
use tracing::Instrument;

use super::{BATCH, cursor};
use crate::client::Channel;
use crate::db::{Database, Write};
use crate::error::{Error, ErrorReason};
use crate::identity::Scope;
use crate::wire;

/// The first and the longest pause of a follower that lost its producer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How far a service has followed one producer, for callers that wait for a position.
#[derive(Clone, Debug)]
pub struct Progress {
    producer: &'static str,
    reached: watch::Receiver<i64>,
    diverged: watch::Receiver<bool>,
}

impl Progress {
    /// The progress of a service in its own outbox, which it has always followed.
    pub fn own(producer: &'static str, database: &Database) -> Progress {
        let (_, diverged) = watch::channel(false);
        Progress { producer, reached: database.positions(), diverged }
    }

    /// Refuses if what was followed is not what the producer has: an answer that rests on it could
    /// be wrong.
    pub fn check(&self) -> Result<(), Error> {
        if !*self.diverged.borrow() {
            return Ok(());
        }
        let (producer, reached) = (self.producer, self.reached());
        Err(Error::refused(
            ErrorReason::ProjectionDiverged,
            format!("what was followed of {producer} is not what it has; an operator must replay"),
            [("producer", producer.to_owned()), ("position", reached.to_string())],
        ))
    }

    /// Whose outbox is followed.
    pub fn producer(&self) -> &'static str {
        self.producer
    }

    /// The position reached.
    pub fn reached(&self) -> i64 {
        *self.reached.borrow()
    }

    /// Waits for `position` until `deadline`, and refuses with `PROJECTION_BEHIND` after it.
    pub async fn wait(
        &mut self,
        position: i64,
        deadline: tokio::time::Instant,
    ) -> Result<(), Error> {
        let arrived = self.reached.wait_for(|reached| *reached >= position);
        let arrived =
            tokio::time::timeout_at(deadline, arrived).await.is_ok_and(|waited| waited.is_ok());
        if arrived {
            return Ok(());
        }
        let (producer, reached) = (self.producer, self.reached());
        Err(Error::refused(
            ErrorReason::ProjectionBehind,
            format!("{producer} is followed up to {reached}, not yet to {position}"),
            [
                ("producer", producer.to_owned()),
                ("position", position.to_string()),
                ("reached", reached.to_string()),
            ],
        ))
    }
}

/// Follows the facts of `producer` and applies each batch once, for as long as the service runs.
///
/// `apply` writes the effect of a batch in the transaction it is given; the cursor moves in the
/// same one. A lost producer is tried again with growing pauses.
pub async fn follow<A, F>(
    producer: &'static str,
    channel: Channel,
    database: Database,
    apply: A,
) -> Result<(Progress, impl Future<Output = ()> + Send), Error>
where
    A: Fn(Write, Vec<Fact>) -> F + Send + Sync,
    F: Future<Output = Result<Write, Error>> + Send,
{
    let read = database.read().await?;
    let reached = watch::Sender::new(cursor::cursor(&*read, producer).await?);
    drop(read);
    let diverged = watch::Sender::new(false);
    let progress =
        Progress { producer, reached: reached.subscribe(), diverged: diverged.subscribe() };
    let task = async move {
        let mut pause = PAUSE.0;
        loop {
            let before = *reached.borrow();
            match follow_once(producer, &channel, &database, &apply, &reached).await {
                Ok(()) => {
                    diverged.send_replace(false);
                    tracing::debug!(producer, "the stream of {producer} ended");
                }
                Err(Lost::Diverged) => {
                    diverged.send_replace(true);
                    tracing::error!(
                        producer,
                        "the facts of {producer} are not those that were followed up to {before}: \
                         was it restored from an older copy? Stop this service and run `arrs \
                         migrate --replay`"
                    );
                }
                Err(Lost::Connection(status)) => {
                    let why = status.message();
                    tracing::warn!(producer, "cannot follow {producer} at the moment: {why}");
                }
                Err(Lost::Effect(error)) => {
                    let why = crate::error::chain(&error);
                    tracing::error!(producer, "cannot apply the facts of {producer}: {why}");
                }
            }
            pause = if *reached.borrow() > before { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
            tokio::time::sleep(pause).await;
        }
    };
    Ok((progress, task))
}

/// Why a follower lost its producer.
enum Lost {
    /// The producer does not answer.
    Connection(Status),
    /// The producer has other facts than those that were followed.
    Diverged,
    /// What was told could not be recorded.
    Effect(Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Lost {
        Lost::Effect(error)
    }
}

async fn follow_once<A, F>(
    producer: &str,
    channel: &Channel,
    database: &Database,
    apply: &A,
    reached: &watch::Sender<i64>,
) -> Result<(), Lost>
where
    A: Fn(Write, Vec<Fact>) -> F + Send + Sync,
    F: Future<Output = Result<Write, Error>> + Send,
{
    let mut known = {
        let read = database.read().await?;
        cursor::row(&*read, producer).await?
    };
    let start = known.as_ref().map_or(0, |row| row.position);
    // Another process of the service may have come further.
    reached.send_replace(start);
    let last = if start > 0 { start } else { 1 };
    // The fact that was followed last is asked for again: it must be the one that was.
    let request = StreamFactsRequest { after: last - 1, follow: true };
    let path = format!("/arrs.{producer}.v1.FactService/StreamFacts");
    let stream = channel.server_streaming(&path, request).await.map_err(lost)?;
    let batch = usize::try_from(BATCH).expect("a batch is small");
    let mut batches = std::pin::pin!(stream.ready_chunks(batch));
    while let Some(messages) = batches.next().await {
        let mut facts = Vec::new();
        for message in messages {
            let message: StreamFactsResponse = match message {
                Ok(message) => message,
                // A stream may last so long and no longer; the next one goes on from here.
                Err(status) if status.code() == tonic::Code::DeadlineExceeded => break,
                Err(status) => return Err(lost(status)),
            };
            match message.part {
                Some(Part::Fact(fact)) => facts.push(fact),
                Some(Part::Header(header)) if header.position < start => {
                    return Err(Lost::Diverged);
                }
                Some(Part::Header(_) | Part::Reached(_) | Part::Trailer(_)) | None => {}
            }
        }
        if let Some(row) = &known
            && let Some(first) = facts.first()
        {
            if first.position != row.position || first.id != row.fact_id {
                return Err(Lost::Diverged);
            }
            known = None;
            facts.remove(0);
        }
        let mut expected = *reached.borrow();
        for fact in &facts {
            expected += 1;
            if fact.position != expected {
                return Err(Lost::Diverged);
            }
        }
        let Some(last) = facts.last().cloned() else { continue };
        let count = facts.len();
        let clock = database.clock();
        let mut days = BTreeMap::new();
        for fact in &facts {
            let time = fact.time.as_ref().map_or(Instant(0), wire::instant);
            days.insert(clock.end_of(clock.day(time)).0, fact.position);
        }
        let span = tracing::info_span!("follow", producer, count, position = last.position);
        // The newest fact stands for its batch: a trace leads from the cause to the effect.
        crate::telemetry::set_parent_of_fact(&span, &last.traceparent);
        let before = *reached.borrow();
        let applied = async {
            let write = database.write().await?;
            Scope::england().enter(&*write).await?;
            // At or below the cursor means applied already, by another process of the service.
            if cursor::cursor(&*write, producer).await? != before {
                write.roll_back().await?;
                return Ok::<_, Error>(false);
            }
            let write = apply(write, facts).await?;
            cursor::mark_days(&*write, producer, days).await?;
            cursor::advance(&*write, producer, &last).await?;
            write.commit().await?;
            Ok(true)
        }
        .instrument(span)
        .await?;
        if !applied {
            return Ok(());
        }
        reached.send_replace(last.position);
    }
    Ok(())
}

/// A position beyond the newest fact is refused as a wrong field.
fn lost(status: Status) -> Lost {
    match crate::error::reason_of(&status) {
        Some(ErrorReason::FieldInvalid) => Lost::Diverged,
        Some(_) | None => Lost::Connection(status),
    }
}
