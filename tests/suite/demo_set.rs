//! The demonstration set in a running suite, and the calls that several areas make.

use std::collections::BTreeMap;
use std::fmt::Debug;

use arrs_proto::admin::v1::{
    Import, ImportError, ImportState, ListImportErrorsRequest, ListImportErrorsResponse,
};
use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{Fact, StreamFactsRequest, StreamFactsResponse, StreamFactsTrailer};
use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_proto::report::v1::{GetPcnReportRequest, PcnReport, Section, SectionState};
use arrs_proto::supervision::v1::{ListRequirementsRequest, ListRequirementsResponse};
use arrs_tests::cluster::{self, Cluster};
use kit::client::Channel;
use kit::error::{ErrorReason, reason_of};
use kit::server::position_of;
use prost::Message;
use terms::Date;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

/// The PCN that the set is about.
pub(crate) const PCN: &str = "pcns/U09081";
/// The month that the set is about.
pub(crate) const MONTH: &str = "2025-07";
/// The day on which the set counts as recorded.
pub(crate) const RECORDED_ON: Date = Date::constant(2025, 7, 31);
/// Who brings in reference data and reads all of it.
pub(crate) const OPERATOR: &str = "operator@england";
/// The services that have facts of their own.
pub(crate) const PRODUCERS: [&str; 3] = ["workforce", "finance", "supervision"];
/// How a report is asked for.
pub(crate) const GET_REPORT: &str = "/arrs.report.v1.ReportService/GetPcnReport";

/// Kind and content in the order of import.
pub(crate) const FILES: [(&str, &str); 6] = [
    ("organisations", include_str!("../../services/arrs/demo/organisations.csv")),
    ("lists", include_str!("../../services/arrs/demo/lists.csv")),
    ("staff", STAFF),
    ("pcn-workforce", include_str!("../../services/arrs/demo/pcn-workforce.csv")),
    ("pay", PAY),
    ("sessions", SESSIONS),
];
/// The file of people and hours.
pub(crate) const STAFF: &str = include_str!("../../services/arrs/demo/staff.csv");
/// The file of pay.
pub(crate) const PAY: &str = include_str!("../../services/arrs/demo/pay.csv");
/// The file of supervision sessions.
pub(crate) const SESSIONS: &str = include_str!("../../services/arrs/demo/sessions.csv");

/// Brings in the whole set and answers the positions to wait for.
pub(crate) async fn bring_in(cluster: &Cluster) -> String {
    let mut positions = BTreeMap::new();
    for (kind, text) in FILES {
        let (_, position) = take(cluster, kind, text, Some(RECORDED_ON)).await;
        if let Some(position) = position {
            positions.insert(cluster::service_of(kind), position);
        }
    }
    positions.into_values().collect::<Vec<_>>().join(",")
}

/// Brings in a file that is right, waits until every service has followed it, and answers what
/// came of it and its position.
pub(crate) async fn take(
    cluster: &Cluster,
    kind: &str,
    text: &str,
    recorded_on: Option<Date>,
) -> (Import, Option<String>) {
    let answer = cluster.import(kind, text, recorded_on).await.unwrap();
    let position = position_of(answer.metadata()).map(str::to_owned);
    let import = answer.into_inner();
    let channel = cluster.channel(&[OPERATOR]);
    if import.state() != ImportState::Done {
        let errors = errors_of(&channel, cluster::service_of(kind), &import.name).await;
        panic!("{kind} was refused: {errors:#?}");
    }
    if let Some(position) = &position {
        settle(&channel, position).await;
    }
    (import, position)
}

/// Waits until finance and supervision have followed as far as `positions`.
pub(crate) async fn settle(channel: &Channel, positions: &str) {
    let year = GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let path = "/arrs.finance.v1.RuleBookService/GetRuleBook";
    let finance = channel.unary::<_, RuleBook>(path, cluster::after(year, Some(positions)));
    let page = ListRequirementsRequest { page_size: 1, ..Default::default() };
    let path = "/arrs.supervision.v1.RequirementService/ListRequirements";
    let supervision =
        channel.unary::<_, ListRequirementsResponse>(path, cluster::after(page, Some(positions)));
    let (finance, supervision) = tokio::join!(finance, supervision);
    finance.unwrap();
    supervision.unwrap();
}

/// Everything that is wrong with a refused file.
pub(crate) async fn errors_of(channel: &Channel, service: &str, import: &str) -> Vec<ImportError> {
    let path = format!("/arrs.{service}.v1.ImportService/ListImportErrors");
    let request = ListImportErrorsRequest {
        parent: import.to_owned(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let answer = channel.unary::<_, ListImportErrorsResponse>(&path, Request::new(request)).await;
    answer.unwrap().into_inner().errors
}

/// The report of the PCN and month of the set, under today's figures and records.
pub(crate) fn report_request() -> GetPcnReportRequest {
    GetPcnReportRequest {
        name: PCN.to_owned(),
        month: MONTH.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
        require_complete: false,
    }
}

/// A report at least as new as `positions`.
pub(crate) async fn report(
    channel: &Channel,
    request: GetPcnReportRequest,
    positions: Option<&str>,
) -> PcnReport {
    let answer = channel.unary(GET_REPORT, cluster::after(request, positions)).await;
    answer.unwrap().into_inner()
}

/// Name and state of each section of a report.
pub(crate) fn states(sections: &[Section]) -> Vec<(&str, SectionState)> {
    sections.iter().map(|section| (section.name.as_str(), section.state())).collect()
}

/// The newest position of each service that has facts.
pub(crate) async fn positions(channel: &Channel) -> [i64; 3] {
    let mut newest = [0; 3];
    for (place, producer) in newest.iter_mut().zip(PRODUCERS) {
        *place = facts(channel, producer, 0).await.newest;
    }
    newest
}

/// What a stream of facts that ended held.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) producer: String,
    pub(crate) newest: i64,
    pub(crate) facts: Vec<Fact>,
    pub(crate) trailer: StreamFactsTrailer,
}

/// The facts of a service after a position, up to its newest.
pub(crate) async fn facts(channel: &Channel, producer: &str, after: i64) -> Facts {
    let path = format!("/arrs.{producer}.v1.FactService/StreamFacts");
    let request = StreamFactsRequest { after, follow: false };
    let parts = collect(channel, &path, request, |message: StreamFactsResponse| message.part);
    let mut parts = parts.await.unwrap();
    let Some(Part::Trailer(trailer)) = parts.pop() else { panic!("the stream was cut") };
    let mut facts = Vec::new();
    let mut header = None;
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Part::Header(found) => {
                assert_eq!(index, 0, "a header is the first message");
                header = Some(found);
            }
            Part::Fact(fact) => facts.push(fact),
            Part::Reached(_) => {}
            Part::Trailer(_) => panic!("a trailer is the last message"),
        }
    }
    let header = header.unwrap();
    Facts { producer: header.producer, newest: header.position, facts, trailer }
}

/// All parts of a stream that ends by itself.
pub(crate) async fn collect<Q, A, P>(
    channel: &Channel,
    path: &str,
    request: Q,
    part: impl Fn(A) -> Option<P>,
) -> Result<Vec<P>, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    let mut stream = channel.server_streaming::<Q, A>(path, request).await?;
    let mut parts = Vec::new();
    while let Some(message) = stream.message().await? {
        parts.push(part(message).expect("a message of a stream has a part"));
    }
    Ok(parts)
}

/// The status of a call that must be refused with this code and reason.
#[track_caller]
pub(crate) fn refused<T: Debug>(
    answer: Result<T, Status>,
    code: Code,
    reason: ErrorReason,
) -> Status {
    let status = answer.expect_err("the call must be refused");
    assert_eq!((status.code(), reason_of(&status)), (code, Some(reason)), "{status:?}");
    status
}

/// Asserts that a call is refused as one that is not allowed, or whose resource is not there.
#[track_caller]
pub(crate) fn denied<T: Debug>(answer: Result<T, Status>) -> Status {
    refused(answer, Code::PermissionDenied, ErrorReason::NotPermitted)
}

/// Asserts that a call is refused for exactly these fields.
#[track_caller]
pub(crate) fn invalid<T: Debug>(answer: Result<T, Status>, fields: &[&str]) {
    let status = refused(answer, Code::InvalidArgument, ErrorReason::FieldInvalid);
    let details = status.get_details_bad_request().unwrap();
    let named: Vec<&str> =
        details.field_violations.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, fields);
}

/// A fact of the refusal, such as `sections`.
pub(crate) fn metadata(status: &Status, name: &str) -> Option<String> {
    status.get_details_error_info()?.metadata.get(name).cloned()
}

/// Calls a method with a message and nothing else.
pub(crate) async fn call<Q, A>(
    channel: &Channel,
    path: &str,
    request: Q,
) -> Result<Response<A>, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    channel.unary(path, Request::new(request)).await
}
