//! What the three summary services share: how a summary is asked for, and how many are streamed.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use arrs_proto::summary::v1 as pb;
use terms::{Month, OdsCode, OrganisationKind};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::db::{Database, Read};
use crate::error::Error;
use crate::identity::{Caller, Scope};
use crate::names::{self, Fields};
use crate::roster::{self, Organisation};
use crate::{Clock, Cut};

/// The most PCNs of a stream or a group: England has fewer than 1,400.
const MEMBERS: usize = 2_000;
/// Summaries a stream may be ahead of its reader.
const AHEAD: usize = 8;
/// How long a stream waits for a reader that has stopped.
const STALL: Duration = Duration::from_secs(20);

/// One summary as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The PCN.
    pub pcn: OdsCode,
    /// The month.
    pub month: Month,
    /// What the answer rests on.
    pub cut: Cut,
}

impl Query {
    /// Reads a request, with everything that is wrong with it.
    pub fn parse(request: pb::GetPcnSummaryRequest, clock: &Clock) -> Result<Query, Error> {
        let pb::GetPcnSummaryRequest { name, month, rules_known_on_date, known_at_date } = request;
        let mut fields = Fields::new();
        let pcn = fields.pcn("name", &name);
        let month = fields.month("month", &month);
        let cut = Cut::parse(rules_known_on_date, known_at_date, clock, &mut fields)?;
        fields.finish()?;
        let (Some(pcn), Some(month)) = (pcn, month) else {
            return Err(Error::internal("a field was not checked"));
        };
        Ok(Query { pcn, month, cut })
    }
}

/// The PCN, if it exists as known at the cut and the caller may see it in the month.
///
/// Refused and absent look the same.
pub async fn admit(
    read: &Read,
    caller: &Caller,
    scope: &Scope,
    query: &Query,
) -> Result<Organisation, Error> {
    let denied = || caller.denied(&names::pcn(&query.pcn));
    let found = roster::organisation(&**read, &query.pcn, query.cut.at).await?;
    let found = found.filter(|found| found.kind == OrganisationKind::Pcn).ok_or_else(denied)?;
    if scope.sees(&query.pcn, query.month) { Ok(found) } else { Err(denied()) }
}

/// The answer of `ListMembers`.
pub async fn list_members(
    database: &Database,
    caller: &Caller,
    request: pb::ListMembersRequest,
) -> Result<pb::ListMembersResponse, Error> {
    let pb::ListMembersRequest { parent, month, known_at_date } = request;
    let clock = database.clock();
    let mut fields = Fields::new();
    let group = fields.organisation("parent", &parent);
    let month = fields.month("month", &month);
    let cut = Cut::parse(None, known_at_date, clock, &mut fields)?;
    fields.finish()?;
    let (Some(group), Some(month)) = (group, month) else {
        return Err(Error::internal("a field was not checked"));
    };
    let read = database.read().await?;
    let scope = caller.scope(&*read, clock).await?;
    let members = roster::members(&*read, &group, month, cut.at).await?;
    let (seen, hidden): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|pcn| scope.sees(pcn, month));
    // A caller who sees none of a group learns nothing of it, not even that it exists.
    if seen.is_empty() {
        return Err(caller.denied(&parent));
    }
    Ok(pb::ListMembersResponse {
        names: seen.iter().take(MEMBERS).map(names::pcn).collect(),
        hidden_count: count(hidden.len()),
    })
}

/// A stream of summaries as asked for.
#[derive(Clone, Debug)]
pub struct StreamQuery {
    pcns: BTreeSet<OdsCode>,
    month: Month,
    cut: Cut,
}

impl StreamQuery {
    /// Reads a request, with everything that is wrong with it.
    pub fn parse(
        request: pb::StreamPcnSummariesRequest,
        clock: &Clock,
    ) -> Result<StreamQuery, Error> {
        let pb::StreamPcnSummariesRequest { names, month, rules_known_on_date, known_at_date } =
            request;
        let mut fields = Fields::new();
        if names.is_empty() || names.len() > MEMBERS {
            fields.violation("names", format!("must be 1 to {MEMBERS} PCNs"));
        }
        let mut pcns = BTreeSet::new();
        for (index, name) in names.iter().enumerate().take(MEMBERS) {
            pcns.extend(fields.pcn(&format!("names[{index}]"), name));
        }
        let month = fields.month("month", &month);
        let cut = Cut::parse(rules_known_on_date, known_at_date, clock, &mut fields)?;
        fields.finish()?;
        let month = month.ok_or_else(|| Error::internal("a field was not checked"))?;
        Ok(StreamQuery { pcns, month, cut })
    }
}

/// One part of a stream of summaries.
#[derive(Debug)]
pub enum Part<S> {
    /// The first.
    Header(pb::StreamHeader),
    /// The summary of one PCN.
    Summary(Box<S>),
    /// The last.
    Trailer(pb::StreamTrailer),
}

/// Streams summaries in the order of codes, all read in one transaction.
///
/// `cut` makes the cut of the header, `summarize` one summary; `wire` the messages.
pub async fn stream<S, M, C, F, G, H>(
    database: Database,
    caller: Caller,
    query: StreamQuery,
    cut: C,
    summarize: F,
    wire: fn(Part<S>) -> M,
) -> Result<ReceiverStream<Result<M, Status>>, Error>
where
    S: Send + 'static,
    M: Send + 'static,
    C: Fn(std::sync::Arc<Read>, Cut) -> H + Send + Sync + 'static,
    H: Future<Output = Result<pb::Cut, Error>> + Send,
    F: Fn(std::sync::Arc<Read>, Scope, Organisation, Query) -> G + Send + Sync + 'static,
    G: Future<Output = Result<S, Error>> + Send,
{
    let read = std::sync::Arc::new(database.read_for_stream().await?);
    let scope = caller.scope(&**read, database.clock()).await?;
    let mut members = Vec::new();
    for pcn in &query.pcns {
        let query = Query { pcn: pcn.clone(), month: query.month, cut: query.cut };
        if scope.sees(pcn, query.month) {
            let known = roster::organisation(&**read, pcn, query.cut.at).await?;
            members.extend(
                known
                    .filter(|known| known.kind == OrganisationKind::Pcn)
                    .map(|known| (known, query)),
            );
        }
    }
    let hidden = query.pcns.len() - members.len();
    let header = pb::StreamHeader {
        cut: Some(cut(std::sync::Arc::clone(&read), query.cut).await?),
        member_count: count(members.len()),
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    // The task ends when the reader goes away: sending fails then.
    tokio::spawn(async move {
        if sender.send(Ok(wire(Part::Header(header)))).await.is_err() {
            return;
        }
        let mut rows = 0;
        for (organisation, query) in members {
            let summary =
                summarize(std::sync::Arc::clone(&read), scope.clone(), organisation, query).await;
            let message = match summary {
                Ok(summary) => Ok(wire(Part::Summary(Box::new(summary)))),
                Err(error) => Err(Status::from(error)),
            };
            let failed = message.is_err();
            // Who stops reading gives up the stream, and its connection with it.
            let sent = tokio::time::timeout(STALL, sender.send(message)).await;
            if failed || !sent.is_ok_and(|sent| sent.is_ok()) {
                return;
            }
            rows += 1;
        }
        let trailer = pb::StreamTrailer { row_count: rows, hidden_count: count(hidden) };
        sender.send(Ok(wire(Part::Trailer(trailer)))).await.ok();
    });
    Ok(ReceiverStream::new(receiver))
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
