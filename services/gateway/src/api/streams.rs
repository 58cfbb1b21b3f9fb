//! Many reports: three ordered streams merged, one PCN held at a time.

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
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status, Streaming};

use super::answers::{is_late, reason};
use super::wire::{Summary, report, section};
use crate::clients::{Clients, Onward};
use crate::domain::report::{SectionName, SectionState};
use crate::forward::unreachable;

/// Reports a stream may be ahead of its reader.
const AHEAD: usize = 8;

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
    fn open(service: &'static str, answer: Result<Response<Streaming<M>>, Status>) -> Source<M> {
        let stream = answer.map(Response::into_inner).map_err(|status| reason(service, &status));
        Source { service, stream, next: None, whole: false }
    }

    fn state(&self) -> SectionState {
        match &self.stream {
            Ok(_) => SectionState::Fresh,
            Err(reason) => SectionState::Unavailable(reason.clone()),
        }
    }

    /// The summary of `name`, if the stream has it; the streams come in the order of codes.
    async fn take(&mut self, name: &str) -> Summary<M::Summary> {
        while self.next.as_ref().is_none_or(|(next, _)| next.as_str() < name) && !self.whole {
            let stream = self.stream.as_mut().map_err(|reason| reason.clone())?;
            match stream.message().await {
                Ok(Some(message)) => {
                    self.whole = message.is_trailer();
                    self.next = message.summary().or(self.next.take());
                }
                Ok(None) => {
                    self.stream = Err(format!("{} ended early", self.service));
                }
                Err(status) => self.stream = Err(reason(self.service, &status)),
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
    let (members, members_from) = members(clients, &onward, ask).await?;
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
    let (workforce, money, supervised) = tokio::join!(
        workforce.stream_pcn_summaries(ask()),
        money.stream_pcn_summaries(ask()),
        supervised.stream_pcn_summaries(ask()),
    );
    let mut workforce = Source::open("workforce", workforce);
    let mut money = Source::open("finance", money);
    let mut supervised = Source::open("supervision", supervised);

    let header = pb::StreamPcnReportsHeader {
        member_count: count(members.names.len()),
        hidden_count: members.hidden_count,
        members_from: members_from.to_owned(),
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
            let (workforce, money, supervised) =
                tokio::join!(workforce.take(&name), money.take(&name), supervised.take(&name));
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

/// The members of the group, from workforce, or from finance while workforce is down.
async fn members(
    clients: &Clients,
    onward: &Onward,
    ask: ListMembersRequest,
) -> Result<(ListMembersResponse, &'static str), Status> {
    let down = |status: &Status| {
        is_late(status) || matches!(status.code(), Code::Unavailable | Code::Unknown)
    };
    match clients.workforce().list_members(onward.request(ask.clone())).await {
        Ok(members) => return Ok((members.into_inner(), "workforce")),
        Err(status) if !down(&status) => return Err(status),
        Err(_) => {}
    }
    match clients.finance().list_members(onward.request(ask)).await {
        Ok(members) => Ok((members.into_inner(), "finance")),
        Err(status) if !down(&status) => Err(status),
        Err(status) if is_late(&status) => Err(deadline_exceeded().into()),
        Err(_) => Err(unreachable("workforce and finance").into()),
    }
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
