//! Many reports: three ordered streams merged, one PCN held at a time.

use std::time::Duration;

use arrs_proto::finance::v1 as finance;
use arrs_proto::report::v1 as pb;
use arrs_proto::report::v1::stream_pcn_reports_response::Part;
use arrs_proto::summary::v1::{
    ListMembersRequest, ListMembersResponse, StreamPcnSummariesRequest, StreamTrailer,
};
use arrs_proto::supervision::v1 as supervision;
use arrs_proto::workforce::v1 as workforce;
use kit::names::Fields;
use kit::server::deadline_exceeded;
use kit::wire;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};

use super::answers::{is_late, reason};
use super::wire::{Summary, report, section};
use crate::clients::{Clients, Onward};
use crate::domain::report::{SectionName, SectionState};
use crate::forward::unreachable;

/// Reports a stream may be ahead of its reader.
const AHEAD: usize = 8;
/// How long workforce may take to name the members of a group before finance is asked.
const MEMBERS: Duration = Duration::from_secs(5);
/// How long a service may take with the next part of its section before the rest goes without it.
const SECTION: Duration = Duration::from_secs(20);

/// One message of a stream of summaries, whichever service it is of.
trait SummaryMessage {
    type Summary;
    /// The summary with the name of its PCN; none for a header or trailer.
    fn summary(self) -> Option<(String, Self::Summary)>;
    /// Whether it is the trailer, without which the stream is not whole.
    fn is_trailer(&self) -> bool;
}

macro_rules! summary_message {
    ($area:ident, $summary:ty) => {
        impl SummaryMessage for $area::StreamPcnSummariesResponse {
            type Summary = $summary;
            fn summary(self) -> Option<(String, $summary)> {
                match self.part {
                    Some($area::stream_pcn_summaries_response::Part::Summary(summary)) => {
                        Some((summary.name.clone(), summary))
                    }
                    Some(_) | None => None,
                }
            }
            fn is_trailer(&self) -> bool {
                matches!(self.part, Some($area::stream_pcn_summaries_response::Part::Trailer(_)))
            }
        }
    };
}

summary_message!(workforce, workforce::PcnWorkforce);
summary_message!(finance, finance::PcnMoney);
summary_message!(supervision, supervision::PcnSupervision);

/// One of the three streams, with the summary that comes next.
struct Source<M: SummaryMessage> {
    service: &'static str,
    stream: Result<Streaming<M>, String>,
    next: Option<(String, M::Summary)>,
    whole: bool,
}

impl<M: SummaryMessage> Source<M> {
    /// Waits so long for the stream to begin.
    async fn open(
        service: &'static str,
        patience: Duration,
        answer: impl Future<Output = Result<Response<Streaming<M>>, Status>>,
    ) -> Source<M> {
        let stream = match timeout(patience, answer).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(reason(service, &status)),
            Err(_) => Err(silent(service)),
        };
        Source { service, stream, next: None, whole: false }
    }

    /// One that has already been asked something, in vain.
    fn closed(service: &'static str) -> Source<M> {
        Source { service, stream: Err(silent(service)), next: None, whole: false }
    }

    fn state(&self) -> SectionState {
        match &self.stream {
            Ok(_) => SectionState::Fresh,
            Err(reason) => SectionState::Unavailable(reason.clone()),
        }
    }

    /// The summary of `name`, if the stream has it; the streams come in the order of codes.
    async fn take(&mut self, name: &str, patience: Duration) -> Summary<M::Summary> {
        while self.next.as_ref().is_none_or(|(next, _)| next.as_str() < name) && !self.whole {
            let stream = self.stream.as_mut().map_err(|reason| reason.clone())?;
            match timeout(patience, stream.message()).await {
                Ok(Ok(Some(message))) => {
                    self.whole = message.is_trailer();
                    self.next = message.summary().or(self.next.take());
                }
                Ok(Ok(None)) => {
                    self.stream = Err(format!("{} ended early", self.service));
                }
                Ok(Err(status)) => self.stream = Err(reason(self.service, &status)),
                Err(_) => self.stream = Err(silent(self.service)),
            }
        }
        match self.next.take_if(|(next, _)| next == name) {
            Some((_, summary)) => Ok(summary),
            None => Err(format!("{} does not know the PCN yet", self.service)),
        }
    }
}

/// The reports of a group.
pub(super) async fn reports(
    clients: &Clients,
    onward: Onward,
    request: pb::StreamPcnReportsRequest,
) -> Result<ReceiverStream<Result<pb::StreamPcnReportsResponse, Status>>, Status> {
    let pb::StreamPcnReportsRequest { parent, month, rules_known_on_date, known_at_date } = request;
    let mut fields = Fields::new();
    fields.organisation("parent", &parent);
    fields.month("month", &month);
    wire::optional_date(rules_known_on_date, "rules_known_on_date", &mut fields);
    wire::optional_date(known_at_date, "known_at_date", &mut fields);
    fields.finish()?;

    let ask = ListMembersRequest { parent, month: month.clone(), known_at_date };
    let Members { members, from, workforce_is_silent } = members(clients, &onward, ask).await?;
    let ask = || {
        onward.request(StreamPcnSummariesRequest {
            names: members.names.clone(),
            month: month.clone(),
            rules_known_on_date,
            known_at_date,
        })
    };
    let (mut workforce, mut money, mut supervised) =
        (clients.workforce(), clients.finance(), clients.supervision());
    let patience = onward.patience(SECTION);
    let workforce = async {
        match workforce_is_silent {
            // Asking once more would cost the others their time.
            true => Source::closed("workforce"),
            false => {
                Source::open("workforce", patience, workforce.stream_pcn_summaries(ask())).await
            }
        }
    };
    let (mut workforce, mut money, mut supervised) = tokio::join!(
        workforce,
        Source::open("finance", patience, money.stream_pcn_summaries(ask())),
        Source::open("supervision", patience, supervised.stream_pcn_summaries(ask())),
    );

    let header = pb::StreamPcnReportsHeader {
        member_count: count(members.names.len()),
        hidden_count: members.hidden_count,
        members_from: from.to_owned(),
        sections: vec![
            section(SectionName::Workforce, workforce.state()),
            section(SectionName::Money, money.state()),
            section(SectionName::Supervision, supervised.state()),
        ],
    };
    let (sender, receiver) = mpsc::channel(AHEAD);
    // The task ends when the reader goes away: sending fails then.
    tokio::spawn(async move {
        let send = |part| sender.send(Ok(pb::StreamPcnReportsResponse { part: Some(part) }));
        if send(Part::Header(header)).await.is_err() {
            return;
        }
        let row_count = count(members.names.len());
        for name in members.names {
            let patience = onward.patience(SECTION);
            let (workforce, money, supervised) = tokio::join!(
                workforce.take(&name, patience),
                money.take(&name, patience),
                supervised.take(&name, patience),
            );
            let report = report(name, month.clone(), workforce, money, supervised);
            if send(Part::Report(report)).await.is_err() {
                return;
            }
        }
        let trailer = StreamTrailer { row_count, hidden_count: members.hidden_count };
        send(Part::Trailer(trailer)).await.ok();
    });
    Ok(ReceiverStream::new(receiver))
}

/// The members of a group, and who named them.
struct Members {
    members: ListMembersResponse,
    from: &'static str,
    workforce_is_silent: bool,
}

/// The members of the group, from workforce, or from finance while workforce is down or hangs.
async fn members(
    clients: &Clients,
    onward: &Onward,
    ask: ListMembersRequest,
) -> Result<Members, Status> {
    let down = |status: &Status| {
        is_late(status) || matches!(status.code(), Code::Unavailable | Code::Unknown)
    };
    let asked = onward.request_within(ask.clone(), onward.patience(MEMBERS));
    let workforce_is_silent = match clients.workforce().list_members(asked).await {
        Ok(members) => {
            let members = members.into_inner();
            return Ok(Members { members, from: "workforce", workforce_is_silent: false });
        }
        Err(status) if !down(&status) => return Err(status),
        Err(status) => is_late(&status),
    };
    let asked = onward.request_within(ask, onward.patience(SECTION));
    match clients.finance().list_members(asked).await {
        Ok(members) => {
            Ok(Members { members: members.into_inner(), from: "finance", workforce_is_silent })
        }
        Err(status) if !down(&status) => Err(status),
        Err(status) if is_late(&status) => Err(deadline_exceeded().into()),
        Err(_) => Err(unreachable("workforce and finance").into()),
    }
}

/// What is said of a service that takes too long.
fn silent(service: &str) -> String {
    format!("{service} did not answer in time")
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
