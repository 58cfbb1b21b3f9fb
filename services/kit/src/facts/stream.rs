//! The stream of a service's facts, for whoever follows them.

use std::time::Duration;

use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{
    Fact, StreamFactsHeader, StreamFactsReached, StreamFactsRequest, StreamFactsResponse,
    StreamFactsTrailer,
};
use sea_orm::ConnectionTrait;
use tokio::sync::mpsc;
use tonic::Status;

use super::{BATCH, outbox};
use crate::db::Database;
use crate::error::Error;
use crate::identity::{Caller, Scope};

/// Messages a stream may be ahead of its reader.
const AHEAD: usize = 8;
/// How often a stream looks for facts that another process wrote.
const POLL: Duration = Duration::from_secs(1);

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
    let position = outbox::position(&*read).await?;
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
        if page.full {
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
    /// Whether there may be more at once.
    full: bool,
    /// Up to where nothing more is to come.
    last: i64,
}

async fn page(db: &impl ConnectionTrait, scope: &Scope, after: i64) -> Result<Page, Error> {
    let newest = outbox::position(db).await?;
    // The database may keep back what the scope does not hold: what comes back says nothing of
    // how far it looked.
    let told = outbox::after(db, after, BATCH).await?;
    let full = u64::try_from(told.len()).expect("at most a batch") == BATCH;
    let last = if full { told.last().map(|told| told.fact.position) } else { None };
    let last = last.unwrap_or(newest.max(after));
    let visible =
        |told: &outbox::Told| told.tenant.as_deref().is_none_or(|code| scope.holds_today(code));
    let facts = told.into_iter().filter(visible).map(|told| told.fact).collect();
    Ok(Page { facts, full, last })
}
