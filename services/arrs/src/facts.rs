//! `arrs facts`: what operators do when facts could not be recorded, or were lost.

use std::time::Duration;

use arrs_proto::admin::v1 as pb;
use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use kit::ErrorReason;
use kit::client::Channel;
use kit::server::AFTER;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::cli::{
    FactsAction, Following, ParkedArguments, RedriveArguments, ReplayArguments, RepublishArguments,
    Telling,
};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::{print, remote};

/// How long a projection may stand still while it is built again.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what a command line asks.
pub(crate) async fn run(settings: &Settings, action: FactsAction) -> Result<(), Failure> {
    let (FactsAction::Parked(ParkedArguments { server, .. })
    | FactsAction::Redrive(RedriveArguments { server, .. })
    | FactsAction::Replay(ReplayArguments { server, .. })
    | FactsAction::Republish(RepublishArguments { server, .. })) = &action;
    let channel = remote::connect(settings, server)?;
    let done = match &action {
        FactsAction::Parked(arguments) => parked(&channel, arguments.service).await,
        FactsAction::Redrive(arguments) => {
            redrive(&channel, arguments.service, arguments.subject.as_deref()).await
        }
        FactsAction::Replay(arguments) => replay(&channel, arguments.service).await,
        FactsAction::Republish(arguments) => {
            republish(&channel, arguments.service, arguments.after).await
        }
    };
    done.map_err(|failure| failure.at(&server.server))
}

/// The path of a method that mends a projection.
fn path(service: Following, method: &str) -> String {
    format!("/arrs.{}.v1.ProjectionService/{method}", service.as_str())
}

async fn parked(channel: &Channel, service: Option<Following>) -> Result<(), Failure> {
    let services = match service {
        Some(service) => vec![service],
        None => vec![Following::Finance, Following::Supervision],
    };
    let mut text = String::new();
    for service in services {
        let path = path(service, "ListParkedFacts");
        let ask = |page_token| pb::ListParkedFactsRequest { page_size: 0, page_token };
        let page =
            |answer: pb::ListParkedFactsResponse| (answer.parked_facts, answer.next_page_token);
        let parked = remote::all(channel, &path, ask, page).await?;
        text.extend(parked.iter().map(|fact| line(service, fact)));
    }
    if text.is_empty() {
        text.push_str("no fact is parked\n");
    }
    print(&text)
}

fn line(service: Following, fact: &pb::ParkedFact) -> String {
    let pb::ParkedFact { producer, position, r#type, subject, reason, park_time: _ } = fact;
    let why = match reason.as_str() {
        "" => "waits behind an earlier one of its subject",
        reason => reason,
    };
    let service = service.as_str();
    format!("{service}: fact {position} of {producer}, {type} of {subject}: {why}\n")
}

async fn redrive(
    channel: &Channel,
    service: Following,
    subject: Option<&str>,
) -> Result<(), Failure> {
    let request = pb::RedriveParkedFactsRequest {
        subject: subject.unwrap_or_default().to_owned(),
        request_id: Uuid::new_v4().to_string(),
    };
    let answer = channel.unary(&path(service, "RedriveParkedFacts"), Request::new(request)).await?;
    let pb::RedriveParkedFactsResponse { recorded_count, parked_count } = answer.into_inner();
    let told = format!("{recorded_count} parked facts are recorded, {parked_count} are left");
    if recorded_count == 0 && parked_count > 0 {
        return Err(Failure::refused(format!("{told}; `arrs facts parked` says why")));
    }
    print(&format!("{told}\n"))
}

async fn replay(channel: &Channel, service: Following) -> Result<(), Failure> {
    let request = pb::ReplayProjectionRequest { request_id: Uuid::new_v4().to_string() };
    let answer = channel.unary(&path(service, "ReplayProjection"), Request::new(request)).await?;
    let pb::ReplayProjectionResponse { producer, .. } = answer.into_inner();
    let position = newest(channel, &producer).await?;
    let mut reached = String::new();
    let mut since = tokio::time::Instant::now();
    while let Some(now) = still_behind(channel, service, &producer, position).await? {
        if now != reached {
            since = tokio::time::Instant::now();
            reached = now;
        } else if since.elapsed() > PATIENCE {
            let name = service.as_str();
            return Err(Failure::refused(format!(
                "{name} stays at fact {reached} of {producer} and goes on by itself when it can"
            )));
        }
    }
    let name = service.as_str();
    print(&format!("{name} has followed {producer} again up to fact {position}\n"))
}

async fn republish(channel: &Channel, service: Telling, after: i64) -> Result<(), Failure> {
    let path = format!("/arrs.{}.v1.FactService/RepublishFacts", service.as_str());
    let request = pb::RepublishFactsRequest { after, request_id: Uuid::new_v4().to_string() };
    let answer = channel.unary(&path, Request::new(request)).await?;
    let pb::RepublishFactsResponse { fact_count } = answer.into_inner();
    print(&format!(
        "{fact_count} facts of {} will be published again; they keep their ids, so the broker drops \
         those that it had within its duplicate window\n",
        service.as_str()
    ))
}

/// The position of the newest fact of a service.
async fn newest(channel: &Channel, producer: &str) -> Result<i64, Failure> {
    let path = format!("/arrs.{producer}.v1.FactService/StreamFacts");
    let request = StreamFactsRequest { after: 0, follow: false };
    let mut stream = channel.server_streaming::<_, StreamFactsResponse>(&path, request).await?;
    match stream.message().await?.and_then(|message| message.part) {
        Some(Part::Header(header)) => Ok(header.position),
        Some(_) | None => Err(Failure::refused(format!("{producer} does not say how far it is"))),
    }
}

/// How far a service has come, until it has reached `position`.
async fn still_behind(
    channel: &Channel,
    service: Following,
    producer: &str,
    position: i64,
) -> Result<Option<String>, Failure> {
    let mut request = Request::new(pb::ListParkedFactsRequest::default());
    let after = AsciiMetadataValue::try_from(format!("{producer}={position}"))
        .map_err(|_| Failure::refused("the service named itself oddly"))?;
    request.metadata_mut().insert(AFTER, after);
    let answer: Result<tonic::Response<pb::ListParkedFactsResponse>, Status> =
        channel.unary(&path(service, "ListParkedFacts"), request).await;
    match answer {
        Ok(_) => Ok(None),
        Err(status) if kit::error::reason_of(&status) == Some(ErrorReason::ProjectionBehind) => {
            let info = status.get_details_error_info();
            let reached = info.and_then(|info| info.metadata.get("reached").cloned());
            Ok(Some(reached.unwrap_or_default()))
        }
        Err(status) => Err(status.into()),
    }
}
