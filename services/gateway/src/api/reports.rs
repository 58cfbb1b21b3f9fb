//! Reports: one PCN at a time, or a stream of them.

use arrs_proto::report::v1 as pb;
use arrs_proto::report::v1::report_service_server::ReportService;
use arrs_proto::summary::v1::GetPcnSummaryRequest;
use kit::names::Fields;
use kit::server::deadline_exceeded;
use kit::{Error, ErrorReason, wire};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use super::answers::{is_late, summary};
use super::streams;
use super::wire::report;
use crate::clients::{Clients, Onward};
use crate::forward::unreachable;

/// The report methods.
#[derive(Clone, Debug)]
pub struct ReportApi {
    clients: Clients,
}

impl ReportApi {
    /// Assembles from these services.
    pub(crate) fn new(clients: Clients) -> ReportApi {
        ReportApi { clients }
    }
}

#[tonic::async_trait]
impl ReportService for ReportApi {
    async fn get_pcn_report(
        &self,
        request: Request<pb::GetPcnReportRequest>,
    ) -> Result<Response<pb::PcnReport>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let pb::GetPcnReportRequest {
            name,
            month,
            rules_known_on_date,
            known_at_date,
            require_complete,
        } = message;
        let mut fields = Fields::new();
        fields.pcn("name", &name);
        fields.month("month", &month);
        wire::optional_date(rules_known_on_date, "rules_known_on_date", &mut fields);
        wire::optional_date(known_at_date, "known_at_date", &mut fields);
        fields.finish()?;

        let onward = Onward::of(&metadata, &extensions);
        let ask = || {
            onward.request_of_section(GetPcnSummaryRequest {
                name: name.clone(),
                month: month.clone(),
                rules_known_on_date,
                known_at_date,
            })
        };
        let (mut workforce, mut finance, mut supervision) =
            (self.clients.workforce(), self.clients.finance(), self.clients.supervision());
        let (workforce, money, supervision) = tokio::join!(
            workforce.get_pcn_summary(ask()),
            finance.get_pcn_summary(ask()),
            supervision.get_pcn_summary(ask()),
        );
        let statuses = [workforce.as_ref().err(), money.as_ref().err(), supervision.as_ref().err()];
        refuse(&statuses)?;
        let report = report(
            name,
            month,
            summary("workforce", workforce),
            summary("finance", money),
            summary("supervision", supervision),
        );
        if require_complete {
            complete(&report)?;
        }
        Ok(Response::new(report))
    }

    type StreamPcnReportsStream = ReceiverStream<Result<pb::StreamPcnReportsResponse, Status>>;

    async fn stream_pcn_reports(
        &self,
        request: Request<pb::StreamPcnReportsRequest>,
    ) -> Result<Response<Self::StreamPcnReportsStream>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        let onward = Onward::of(&metadata, &extensions);
        let stream = streams::reports(&self.clients, onward, message).await?;
        Ok(Response::new(stream))
    }
}

/// Whether the request itself was refused: then there is no report, only the refusal.
///
/// A PCN that every service which answered refuses is refused; that one of them does not know it
/// yet, or that a role may not see one section, is a section missing.
fn refuse(statuses: &[Option<&Status>; 3]) -> Result<(), Status> {
    let failed = statuses.iter().flatten();
    for status in failed.clone() {
        let code = status.code();
        if matches!(code, Code::InvalidArgument | Code::FailedPrecondition | Code::Unauthenticated)
        {
            return Err((*status).clone());
        }
    }
    if statuses.iter().any(Option::is_none) {
        return Ok(());
    }
    // One that could not be asked might have known the PCN.
    let denied = |status: &&Status| status.code() == Code::PermissionDenied;
    if failed.clone().copied().all(|status| denied(&status)) {
        let first = failed.clone().next().copied();
        return first.map_or(Ok(()), |status| Err(status.clone()));
    }
    if failed.clone().any(|status| is_late(status)) {
        return Err(deadline_exceeded().into());
    }
    Err(unreachable("workforce, finance and supervision").into())
}

fn complete(report: &pb::PcnReport) -> Result<(), Error> {
    let missing: Vec<&str> = report
        .sections
        .iter()
        .filter(|section| section.state() == pb::SectionState::Unavailable)
        .map(|section| section.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        ErrorReason::ReportIncomplete,
        format!("the report lacks {}", missing.join(" and ")),
        [("sections", missing.join(","))],
    ))
}
