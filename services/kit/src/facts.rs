//! Facts: the outbox of a service, the stream of it, and how another service follows.
//!
//! Facts leave only through rows written in the transaction of their cause, numbered without
//! gaps in the order of commit. A follower's cursor moves in the transaction of the effect.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{
    Fact, StreamFactsHeader, StreamFactsReached, StreamFactsRequest, StreamFactsResponse,
    StreamFactsTrailer,
};
use futures::StreamExt;
use prost::{Message, Name};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::{Instant, OdsCode};
use tokio::sync::{mpsc, watch};
use tonic::Status;
use tracing::Instrument;
use uuid::Uuid;

use crate::client::Channel;
use crate::db::{self, Database, Write};
use crate::error::{Error, ErrorReason};
use crate::identity::{Caller, Scope};
use crate::wire;

/// Facts read from the outbox, and applied by a follower, at a time.
const BATCH: u64 = 500;
/// Messages a stream may be ahead of its reader.
const AHEAD: usize = 8;
/// How often a stream looks for facts that another process wrote.
const POLL: Duration = Duration::from_secs(1);
/// The first and the longest pause of a follower that lost its producer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A fact on its way to the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFact {
    kind: String,
    subject: String,
    tenant: Option<OdsCode>,
    body: Vec<u8>,
}

impl NewFact {
    /// A fact about `subject`, for callers whose scope holds `tenant`; without one, for all.
    pub fn new<M: Message + Name>(fact: &M, subject: String, tenant: Option<OdsCode>) -> NewFact {
        NewFact { kind: M::full_name(), subject, tenant, body: fact.encode_to_vec() }
    }
}

mod outbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub id: Uuid,
        pub kind: String,
        pub subject: String,
        pub tenant_code: Option<String>,
        pub time: i64,
        pub traceparent: Option<String>,
        pub body: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod outbox_head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox_head")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

mod cursor {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "projection_cursor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        pub position: i64,
        pub fact_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How far a producer had come at the end of each day, by what was followed of it.
mod projection_day {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "projection_day")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        /// The last instant of the day, in London.
        #[sea_orm(primary_key, auto_increment = false)]
        pub until: i64,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The position of the newest fact.
pub async fn position(db: &impl ConnectionTrait) -> Result<i64, Error> {
    let head = outbox_head::Entity::find_by_id(1).one(db).await.map_err(db::sort)?;
    head.map(|head| head.position).ok_or_else(|| Error::internal("the outbox has no head"))
}

/// The position of the newest fact told up to an instant; 0 if none was.
///
/// Facts that come later leave it as it is.
pub async fn position_at(db: &impl ConnectionTrait, at: Instant) -> Result<i64, Error> {
    if at == crate::cut::NOW {
        return position(db).await;
    }
    let newest: Option<i64> = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::Position)
        .filter(outbox::Column::Time.lte(at.0))
        .order_by_desc(outbox::Column::Position)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
        .map_err(db::sort)?;
    Ok(newest.unwrap_or(0))
}

/// Numbers the facts and writes them; the last thing a transaction does before it commits.
pub(crate) async fn append(
    txn: &impl ConnectionTrait,
    facts: Vec<NewFact>,
    now: Instant,
) -> Result<i64, Error> {
    let count = i64::try_from(facts.len()).expect("facts fit memory");
    // The one row of the head makes writers take turns until they commit.
    outbox_head::Entity::update_many()
        .col_expr(
            outbox_head::Column::Position,
            Expr::col(outbox_head::Column::Position).add(count),
        )
        .filter(outbox_head::Column::Id.eq(1))
        .exec(txn)
        .await
        .map_err(db::sort)?;
    let newest = position(txn).await?;
    let traceparent = crate::telemetry::traceparent();
    let mut next = newest - count;
    let mut rows = Vec::with_capacity(facts.len());
    for fact in facts {
        next += 1;
        rows.push(outbox::ActiveModel {
            position: Set(next),
            id: Set(Uuid::now_v7()),
            kind: Set(fact.kind),
            subject: Set(fact.subject),
            tenant_code: Set(fact.tenant.map(|code| code.to_string())),
            time: Set(now.0),
            traceparent: Set(traceparent.clone()),
            body: Set(fact.body),
        });
    }
    for chunk in rows.chunks(1_000) {
        outbox::Entity::insert_many(chunk.iter().cloned())
            .exec_without_returning(txn)
            .await
            .map_err(db::sort)?;
    }
    Ok(newest)
}

/// How far a projection has followed `producer`; 0 before its first fact.
pub async fn cursor(db: &impl ConnectionTrait, producer: &str) -> Result<i64, Error> {
    Ok(cursor_row(db, producer).await?.map_or(0, |row| row.position))
}

/// How far `producer` had come at the end of a day, of what has been followed by now; at
/// [`NOW`](crate::cut::NOW), how far it has been followed.
pub async fn cursor_at(
    db: &impl ConnectionTrait,
    producer: &str,
    at: Instant,
) -> Result<i64, Error> {
    if at == crate::cut::NOW {
        return cursor(db, producer).await;
    }
    let newest: Option<i64> = projection_day::Entity::find()
        .select_only()
        .column(projection_day::Column::Position)
        .filter(projection_day::Column::Producer.eq(producer))
        .filter(projection_day::Column::Until.lte(at.0))
        .order_by_desc(projection_day::Column::Until)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
        .map_err(db::sort)?;
    Ok(newest.unwrap_or(0))
}

/// Notes the last position of each day of a batch, whose facts come in the order of their times.
async fn mark_days(
    db: &impl ConnectionTrait,
    producer: &str,
    days: BTreeMap<i64, i64>,
) -> Result<(), Error> {
    let rows = days.into_iter().map(|(until, position)| projection_day::ActiveModel {
        producer: Set(producer.to_owned()),
        until: Set(until),
        position: Set(position),
    });
    let on_conflict = sea_orm::sea_query::OnConflict::columns([
        projection_day::Column::Producer,
        projection_day::Column::Until,
    ])
    .update_column(projection_day::Column::Position)
    .to_owned();
    projection_day::Entity::insert_many(rows)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

async fn cursor_row(
    db: &impl ConnectionTrait,
    producer: &str,
) -> Result<Option<cursor::Model>, Error> {
    cursor::Entity::find_by_id(producer).one(db).await.map_err(db::sort)
}

async fn move_cursor(db: &impl ConnectionTrait, producer: &str, to: &Fact) -> Result<(), Error> {
    let row = cursor::ActiveModel {
        producer: Set(producer.to_owned()),
        position: Set(to.position),
        fact_id: Set(to.id.clone()),
    };
    let on_conflict = sea_orm::sea_query::OnConflict::column(cursor::Column::Producer)
        .update_columns([cursor::Column::Position, cursor::Column::FactId])
        .to_owned();
    cursor::Entity::insert(row)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Forgets how far a projection has come, so that it follows from the first fact again.
pub async fn forget_cursor(db: &impl ConnectionTrait, producer: &str) -> Result<(), Error> {
    cursor::Entity::delete_by_id(producer).exec(db).await.map_err(db::sort)?;
    projection_day::Entity::delete_many()
        .filter(projection_day::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// The answer of `StreamFacts`: what the caller's scope holds, in the order of positions.
pub async fn stream(
    database: Database,
    producer: &'static str,
    caller: Caller,
    request: StreamFactsRequest,
) -> Result<tokio_stream::wrappers::ReceiverStream<Result<StreamFactsResponse, Status>>, Error> {
    if request.after < 0 {
        return Err(Error::invalid("after", "must not be negative"));
    }
    let (sender, receiver) = mpsc::channel(AHEAD);
    // The task ends when the reader goes away or the producer drains: sending fails then.
    tokio::spawn(async move {
        if let Err(error) = send_facts(&database, producer, &caller, request, &sender).await {
            // Nobody is left to tell when the reader is the one who went.
            sender.send(Err(error.into())).await.ok();
        }
    });
    Ok(tokio_stream::wrappers::ReceiverStream::new(receiver))
}

type Sender = mpsc::Sender<Result<StreamFactsResponse, Status>>;

async fn send_facts(
    database: &Database,
    producer: &str,
    caller: &Caller,
    request: StreamFactsRequest,
    sender: &Sender,
) -> Result<(), Error> {
    let mut committed = database.positions();
    let mut after = request.after;
    let mut count = 0;
    let read = database.read().await?;
    let position = position(&*read).await?;
    drop(read);
    if after > position {
        return Err(Error::invalid("after", format!("must be at most {position}, the newest")));
    }
    let header = StreamFactsHeader { producer: producer.to_owned(), position };
    if send(sender, Part::Header(header)).await.is_err() {
        return Ok(());
    }
    loop {
        committed.borrow_and_update();
        let read = database.read().await?;
        // Asked anew for each page: a revoked grant stops a stream that is already open.
        let scope = caller.scope(&*read, database.clock()).await?;
        let page = page(&*read, &scope, after).await?;
        drop(read);
        let full = page.examined == BATCH;
        for fact in page.facts {
            count += 1;
            if send(sender, Part::Fact(fact)).await.is_err() {
                return Ok(());
            }
        }
        if page.last > after {
            after = page.last;
            if send(sender, Part::Reached(StreamFactsReached { position: after })).await.is_err() {
                return Ok(());
            }
        }
        if full {
            continue;
        }
        if !request.follow {
            let trailer = StreamFactsTrailer { fact_count: count, position: after };
            send(sender, Part::Trailer(trailer)).await.ok();
            return Ok(());
        }
        tokio::select! {
            () = sender.closed() => return Ok(()),
            () = caller.drained() => {
                let trailer = StreamFactsTrailer { fact_count: count, position: after };
                send(sender, Part::Trailer(trailer)).await.ok();
                return Ok(());
            }
            _ = committed.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn send(sender: &Sender, part: Part) -> Result<(), ()> {
    sender.send(Ok(StreamFactsResponse { part: Some(part) })).await.map_err(drop)
}

struct Page {
    facts: Vec<Fact>,
    examined: u64,
    last: i64,
}

async fn page(db: &impl ConnectionTrait, scope: &Scope, after: i64) -> Result<Page, Error> {
    let rows = outbox::Entity::find()
        .filter(outbox::Column::Position.gt(after))
        .order_by_asc(outbox::Column::Position)
        .limit(BATCH)
        .all(db)
        .await
        .map_err(db::sort)?;
    let examined = u64::try_from(rows.len()).expect("at most a batch");
    let last = rows.last().map_or(after, |row| row.position);
    let visible =
        |row: &outbox::Model| row.tenant_code.as_deref().is_none_or(|code| scope.holds_today(code));
    let facts = rows.into_iter().filter(visible).map(fact).collect();
    Ok(Page { facts, examined, last })
}

fn fact(row: outbox::Model) -> Fact {
    Fact {
        position: row.position,
        id: row.id.to_string(),
        r#type: row.kind,
        subject: row.subject,
        time: Some(wire::timestamp(Instant(row.time))),
        traceparent: row.traceparent.unwrap_or_default(),
        body: row.body,
    }
}

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
    let reached = watch::Sender::new(cursor(&*read, producer).await?);
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
        cursor_row(&*read, producer).await?
    };
    let start = known.as_ref().map_or(0, |row| row.position);
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
        async {
            let write = database.write().await?;
            let write = apply(write, facts).await?;
            mark_days(&*write, producer, days).await?;
            move_cursor(&*write, producer, &last).await?;
            write.commit().await.map(drop)
        }
        .instrument(span)
        .await?;
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
