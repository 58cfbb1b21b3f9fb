//! Following a producer: its facts are recorded once each, in order, by batches.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{Fact, StreamFactsRequest, StreamFactsResponse};
use futures::StreamExt;
use terms::Instant;
use tokio::sync::{Mutex, watch};
use tonic::{Code, Status};
use tracing::Instrument;

use super::cursor::Reached;
use super::progress::Progress;
use super::{BATCH, cursor, parked};
use crate::client::Channel;
use crate::db::{Database, Write};
use crate::error::{Error, ErrorReason, chain};
use crate::identity::Scope;
use crate::{telemetry, wire};

/// The first and the longest pause of a follower that lost its producer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a follower looks whether another process moved its cursor.
const POLL: Duration = Duration::from_secs(1);
/// How often one that stands by looks how far the other process has come.
const LOOK: Duration = Duration::from_millis(200);
/// How long the other may stand still before one that stands by follows again itself.
const STILL: Duration = Duration::from_secs(5);

/// What a service makes of the facts of one producer.
#[async_trait::async_trait]
pub trait Projection: std::fmt::Debug + Send + Sync {
    /// Records facts, in their order, in a transaction. An error that would come again leaves
    /// nothing of them behind.
    async fn apply(&self, write: &Write, facts: &[Fact]) -> Result<(), Error>;

    /// Removes everything that was recorded.
    async fn forget(&self, write: &Write) -> Result<(), Error>;
}

/// Follows one producer for one service, and mends what was followed.
#[derive(Clone, Debug)]
pub struct Follower {
    pub(super) producer: &'static str,
    pub(super) database: Database,
    pub(super) projection: Arc<dyn Projection>,
    pub(super) reached: Arc<watch::Sender<i64>>,
    pub(super) whole_at: Arc<watch::Sender<i64>>,
    pub(super) diverged: Arc<watch::Sender<bool>>,
    /// Held from where the cursor is read or set back until that is told: otherwise what was read
    /// before could be told after.
    pub(super) telling: Arc<Mutex<()>>,
}

/// Why a follower lost its producer.
enum Lost {
    /// The producer does not answer.
    Connection(Status),
    /// The producer has other facts than those that were followed.
    Diverged,
    /// Another process moved the cursor from here, or an operator did.
    Overtaken(i64),
    /// What was told could not be recorded, and may be later.
    Effect(Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Lost {
        Lost::Effect(error)
    }
}

/// Why a batch was not committed.
enum Failed {
    /// The projection does not take one of its facts.
    Refused(Error),
    /// Anything else.
    Lost(Lost),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Lost(Lost::Effect(error))
    }
}

impl Follower {
    /// A follower of `producer`, where it stopped last.
    pub async fn new(
        producer: &'static str,
        database: Database,
        projection: Arc<dyn Projection>,
    ) -> Result<Follower, Error> {
        let write = database.write().await?;
        let known = cursor::begin(&*write, producer).await?;
        write.commit().await?;
        let reached = Arc::new(watch::Sender::new(known.position));
        let whole_at = Arc::new(watch::Sender::new(known.whole_at));
        let diverged = Arc::new(watch::Sender::new(false));
        let telling = Arc::default();
        let follower =
            Follower { producer, database, projection, reached, whole_at, diverged, telling };
        follower.measure().await?;
        Ok(follower)
    }

    /// How far it has come, for callers that wait for a position.
    pub fn progress(&self) -> Progress {
        let (reached, whole_at) = (self.reached.subscribe(), self.whole_at.subscribe());
        Progress::new(self.producer, reached, whole_at, self.diverged.subscribe())
    }

    /// Whose facts are followed.
    pub fn producer(&self) -> &'static str {
        self.producer
    }

    /// Follows for as long as the service runs: each fact is recorded once, and the cursor moves
    /// in the same transaction. A lost producer is tried again with growing pauses. Of several
    /// processes that follow one producer into one database, one does while the others stand by.
    pub async fn follow(self, channel: Channel) {
        let producer = self.producer;
        let mut moved = self.reached.subscribe();
        let mut pause = PAUSE.0;
        loop {
            let before = *self.reached.borrow();
            match self.follow_once(&channel).await {
                Ok(()) => tracing::debug!(producer, "the stream of {producer} ended"),
                Err(Lost::Overtaken(at)) => {
                    tracing::debug!(producer, "another process follows {producer}");
                    self.stand_by(at).await;
                    continue;
                }
                Err(Lost::Diverged) => {
                    self.diverged.send_replace(true);
                    tracing::error!(
                        producer,
                        "the facts of {producer} are not those that were followed up to {before}: \
                         was it restored from an older copy? Run `arrs facts replay` for this \
                         service"
                    );
                }
                Err(Lost::Connection(status)) if status.code() == Code::Unauthenticated => {
                    let why = status.message();
                    tracing::error!(
                        producer,
                        "{producer} refuses the token of this service, and nothing it tells \
                         arrives: {why}. Is what kit.identity.service_token_file names in force?"
                    );
                }
                Err(Lost::Connection(status)) => {
                    let why = status.message();
                    tracing::warn!(producer, "cannot follow {producer} at the moment: {why}");
                }
                Err(Lost::Effect(error)) => {
                    let why = chain(&error);
                    tracing::error!(producer, "cannot record the facts of {producer}: {why}");
                }
            }
            pause =
                if *self.reached.borrow() == before { (pause * 2).min(PAUSE.1) } else { PAUSE.0 };
            moved.mark_unchanged();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // An operator had it start again: nobody waits for the pause to end.
                _ = moved.wait_for(|reached| *reached < before) => {}
            }
        }
    }

    /// Tells those who wait how far another process has come, until it stands still or was set
    /// back to before `at`.
    async fn stand_by(&self, mut at: i64) {
        let mut moved = tokio::time::Instant::now();
        while moved.elapsed() < STILL {
            // A database that does not answer is found out by whoever follows next.
            if let Ok(cursor) = self.look().await {
                if cursor.position < at {
                    return;
                }
                if cursor.position > at {
                    at = cursor.position;
                    moved = tokio::time::Instant::now();
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The cursor as it is stored, which those who wait are told.
    async fn look(&self) -> Result<Reached, Error> {
        let _telling = self.telling.lock().await;
        let read = self.database.read().await?;
        let row = cursor::row(&*read, self.producer).await?;
        drop(read);
        let row = row.ok_or_else(|| Error::internal("a cursor vanished"))?;
        // Another process may have set it back: nobody may take what is there for whole meanwhile.
        self.whole_at.send_replace(row.whole_at);
        self.reached.send_replace(row.position);
        Ok(row)
    }

    async fn follow_once(&self, channel: &Channel) -> Result<(), Lost> {
        let producer = self.producer;
        let row = self.look().await?;
        let (start, known) = (row.position, row.fact_id);
        let last = if start > 0 { start } else { 1 };
        // The fact that was followed last is asked for again: it must be the one that was.
        let mut proven = start == 0;
        let request = StreamFactsRequest { after: last - 1, follow: true };
        let path = format!("/arrs.{producer}.v1.FactService/StreamFacts");
        let stream = channel.server_streaming(&path, request).await.map_err(lost)?;
        let batch = usize::try_from(BATCH).expect("a batch is small");
        let mut batches = std::pin::pin!(stream.ready_chunks(batch));
        let mut at = start;
        loop {
            let messages = tokio::select! {
                messages = batches.next() => messages,
                () = self.moved_from(at) => return Err(Lost::Overtaken(at)),
            };
            let Some(messages) = messages else { return Ok(()) };
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
                    Some(Part::Header(header)) => self.begun(start, header.position).await?,
                    Some(Part::Reached(_) | Part::Trailer(_)) | None => {}
                }
            }
            if !proven && !facts.is_empty() {
                let first = facts.remove(0);
                if first.position != start || first.id != known {
                    return Err(Lost::Diverged);
                }
                proven = true;
            }
            let mut expected = at;
            for fact in &facts {
                expected += 1;
                if fact.position != expected {
                    return Err(Lost::Diverged);
                }
            }
            if proven {
                self.diverged.send_if_modified(std::mem::take);
            }
            at = self.record(at, facts).await?;
        }
    }

    /// Notes how far the producer has come, if it is followed from its first fact.
    async fn begun(&self, start: i64, head: i64) -> Result<(), Error> {
        if start > 0 && *self.whole_at.borrow() < cursor::UNKNOWN {
            return Ok(());
        }
        let write = self.database.write().await?;
        let whole_at = cursor::begun(&*write, self.producer, head).await?;
        write.commit().await?;
        self.whole_at.send_replace(whole_at);
        Ok(())
    }

    /// Returns when the cursor is elsewhere than it was left.
    async fn moved_from(&self, at: i64) {
        let mut reached = self.reached.subscribe();
        loop {
            tokio::select! {
                // The sender is ours, so there is no error.
                _ = reached.wait_for(|reached| *reached != at) => return,
                () = tokio::time::sleep(POLL) => {}
            }
            // A database that does not answer is found out by the next fact.
            if let Ok(read) = self.database.read().await
                && let Ok(found) = cursor::cursor(&*read, self.producer).await
                && found != at
            {
                return;
            }
        }
    }

    /// Records facts in as few transactions as they allow, parks what cannot be recorded, and
    /// answers how far it came.
    async fn record(&self, mut at: i64, facts: Vec<Fact>) -> Result<i64, Lost> {
        let mut pieces = vec![facts];
        while let Some(mut piece) = pieces.pop() {
            let Some(last) = piece.last().cloned() else { continue };
            let (producer, count) = (self.producer, piece.len());
            let span = tracing::info_span!("follow", producer, count, position = last.position);
            // The newest fact stands for its batch: a trace leads from the cause to the effect.
            telemetry::set_parent_of_fact(&span, &last.traceparent);
            match self.commit(at, &piece, &last, None).instrument(span.clone()).await {
                Ok(()) => {}
                Err(Failed::Lost(lost)) => return Err(lost),
                Err(Failed::Refused(error)) if error.is_passing() => return Err(error.into()),
                // The poisonous one is in either half.
                Err(Failed::Refused(_)) if count > 1 => {
                    let rest = piece.split_off(count / 2);
                    pieces.extend([rest, piece]);
                    continue;
                }
                Err(Failed::Refused(error)) => {
                    let parking = self.commit(at, &piece, &last, Some(&error));
                    match parking.instrument(span).await {
                        Ok(()) => {}
                        Err(Failed::Lost(lost)) => return Err(lost),
                        Err(Failed::Refused(error)) => return Err(error.into()),
                    }
                }
            }
            // Whoever set it back meanwhile wins.
            self.reached.send_if_modified(|reached| {
                let stands = *reached == at;
                if stands {
                    *reached = last.position;
                }
                stands
            });
            at = last.position;
        }
        Ok(at)
    }

    /// Records facts, or parks the one that was `refused`, and moves the cursor, all or nothing.
    async fn commit(
        &self,
        at: i64,
        facts: &[Fact],
        last: &Fact,
        refused: Option<&Error>,
    ) -> Result<(), Failed> {
        let producer = self.producer;
        let write = self.database.write().await?;
        Scope::england().enter(&*write).await?;
        if !cursor::advance(&*write, producer, at, last).await? {
            return Err(Failed::Lost(Lost::Overtaken(at)));
        }
        let now = self.database.clock().now();
        let mut parked = refused.is_some();
        if let Some(error) = refused {
            parked::park(&*write, producer, facts, &chain(error), now).await?;
        } else {
            let subjects = parked::subjects(&*write, producer).await?;
            let (behind, free) = if subjects.is_empty() {
                (Vec::new(), Cow::Borrowed(facts))
            } else {
                let parts = facts.iter().cloned();
                let (behind, free): (Vec<Fact>, Vec<Fact>) =
                    parts.partition(|fact| subjects.contains(&fact.subject));
                (behind, Cow::Owned(free))
            };
            parked |= !behind.is_empty();
            parked::park(&*write, producer, &behind, "", now).await?;
            if let Err(error) = self.projection.apply(&write, &free).await {
                write.roll_back().await?;
                return Err(Failed::Refused(error));
            }
        }
        cursor::mark_days(&*write, producer, self.days(facts)).await?;
        write.commit().await?;
        if let Some(error) = refused {
            let (position, subject, kind) = (last.position, &last.subject, &last.r#type);
            tracing::error!(
                producer,
                position,
                subject,
                kind,
                "fact {position} of {producer} cannot be recorded and is parked, and with it \
                 whatever follows of {subject}: {}. `arrs facts redrive` tries it again",
                chain(error)
            );
        }
        if parked {
            self.measure().await?;
        }
        Ok(())
    }

    /// The last position of each day among facts, which come in the order of their times.
    fn days(&self, facts: &[Fact]) -> BTreeMap<i64, i64> {
        let clock = self.database.clock();
        let day = |fact: &Fact| {
            let time = fact.time.as_ref().and_then(wire::instant).unwrap_or(Instant(0));
            (clock.end_of(clock.day(time)).0, fact.position)
        };
        facts.iter().map(day).collect()
    }

    pub(super) async fn measure(&self) -> Result<(), Error> {
        let read = self.database.read().await?;
        telemetry::record_parked(self.producer, parked::count(&*read, self.producer).await?);
        Ok(())
    }
}

/// A position beyond the newest fact is refused as a wrong field.
fn lost(status: Status) -> Lost {
    match crate::error::reason_of(&status) {
        Some(ErrorReason::FieldInvalid) => Lost::Diverged,
        Some(_) | None => Lost::Connection(status),
    }
}
