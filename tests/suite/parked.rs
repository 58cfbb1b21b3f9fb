//! Facts that a service cannot record: told, listed, and tried again.

use std::time::Duration;

use arrs_proto::admin::v1::{
    ListParkedFactsRequest, ListParkedFactsResponse, RedriveParkedFactsRequest,
    RedriveParkedFactsResponse, ReplayProjectionRequest, ReplayProjectionResponse,
};
use arrs_proto::report::v1::SectionState;
use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse};
use arrs_tests::cluster::Cluster;
use kit::client::Channel;
use kit::error::ErrorReason;
use prost::Message;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::demo_set::{
    self, OPERATOR, RECORDED_ON, bring_in, denied, invalid, positions, refused, report,
    report_request, settle, states, take,
};

/// Each with its service.
const LIST: [&str; 2] = [
    "/arrs.finance.v1.ProjectionService/ListParkedFacts",
    "/arrs.supervision.v1.ProjectionService/ListParkedFacts",
];
const REDRIVE: [&str; 2] = [
    "/arrs.finance.v1.ProjectionService/RedriveParkedFacts",
    "/arrs.supervision.v1.ProjectionService/RedriveParkedFacts",
];
const REPLAY: [&str; 2] = [
    "/arrs.finance.v1.ProjectionService/ReplayProjection",
    "/arrs.supervision.v1.ProjectionService/ReplayProjection",
];

async fn ask<Q, A>(channel: &Channel, path: &str, request: Q) -> Result<A, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    channel.unary(path, Request::new(request)).await.map(tonic::Response::into_inner)
}

async fn list(channel: &Channel, request: ListParkedFactsRequest) -> ListParkedFactsResponse {
    ask(channel, LIST[1], request).await.unwrap()
}

fn named(code: &str, name: &str) -> String {
    let header = demo_set::FILES[0].1.lines().next().unwrap();
    format!("{header}\n{code},{name},other,,,2025-01-01,,\n")
}

/// EVT-6, of real processes.
#[tokio::test(flavor = "multi_thread")]
async fn evt_6_a_fact_that_cannot_be_recorded_waits_and_one_command_brings_it_back() {
    let cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    // A second organisation of the same name is what supervision cannot record.
    let sick = "CREATE UNIQUE INDEX sick ON organisation (display_name)";
    cluster.execute("supervision", sick).await;

    take(&cluster, "organisations", &named("DEMOSICK", "TRURO PCN"), None).await;
    let sick = positions(&channel).await[0];
    take(&cluster, "organisations", &named("DEMOWELL", "Well"), None).await;
    take(&cluster, "organisations", &named("DEMOSICK", "Second"), None).await;
    let behind = positions(&channel).await[0];

    let parked = list(&channel, ListParkedFactsRequest::default()).await.parked_facts;
    let told: Vec<(i64, &str)> =
        parked.iter().map(|fact| (fact.position, fact.subject.as_str())).collect();
    let subject = "organisations/DEMOSICK";
    assert_eq!(told, [(sick, subject), (behind, subject)]);
    let reason = parked[0].reason.to_lowercase();
    assert!(reason.contains("unique constraint"), "{reason}");
    assert_eq!(parked[1].reason, "");
    let one = ListParkedFactsRequest { page_size: 1, ..Default::default() };
    let first = list(&channel, one.clone()).await;
    let page_token = first.next_page_token.clone();
    let second = list(&channel, ListParkedFactsRequest { page_token, ..one }).await;
    assert_eq!([first.parked_facts, second.parked_facts].concat(), parked);
    assert_eq!(second.next_page_token, "");

    // What was told of others arrived, and who looks is told what is missing.
    let found = report(&channel, report_request(), None).await;
    let expected = [SectionState::Fresh, SectionState::Fresh, SectionState::Behind];
    let found_states: Vec<SectionState> =
        states(&found.sections).into_iter().map(|(_, state)| state).collect();
    assert_eq!(found_states, expected);
    assert_eq!(found.sections[2].parked_positions, [sick, behind]);
    assert_eq!(found.sections[2].behind_fact_count, 0);
    assert!(cluster.log("supervision").contains("cannot be recorded and is parked"));
    let text = cluster.run(&["report", "pcn", "U09081", "--month", "2025-07"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("could not be recorded yet"));

    let listed = cluster.run(&["facts", "parked"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("waits behind an earlier one"), "{listed}");
    let redrive = ["facts", "redrive", "supervision", "--subject", subject];
    let in_vain = cluster.run(&redrive);
    assert_eq!(in_vain.status.code(), Some(1));
    cluster.execute("supervision", "DROP INDEX sick").await;
    let redriven = cluster.run(&redrive);
    let told = String::from_utf8_lossy(&redriven.stdout).into_owned();
    assert_eq!(told, "2 parked facts are recorded, 0 are left\n");

    let again =
        RedriveParkedFactsRequest { request_id: Uuid::new_v4().to_string(), ..Default::default() };
    let told: RedriveParkedFactsResponse = ask(&channel, REDRIVE[1], again.clone()).await.unwrap();
    assert_eq!((told.recorded_count, told.parked_count), (0, 0));
    let repeat: RedriveParkedFactsResponse =
        ask(&channel, REDRIVE[1], again.clone()).await.unwrap();
    assert_eq!(repeat, told);
    let other = RedriveParkedFactsRequest { subject: subject.to_owned(), ..again };
    let reused = ask::<_, RedriveParkedFactsResponse>(&channel, REDRIVE[1], other).await;
    refused(reused, Code::InvalidArgument, ErrorReason::RequestIdReused);
    let mended = report(&channel, report_request(), None).await;
    assert!(states(&mended.sections).iter().all(|(_, state)| *state == SectionState::Fresh));
    let none = cluster.run(&["facts", "parked", "supervision"]);
    assert_eq!(String::from_utf8_lossy(&none.stdout), "no fact is parked\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_while_the_service_runs_changes_nothing_and_can_be_repeated() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let then = Some(kit::wire::date(RECORDED_ON));
    let request = arrs_proto::report::v1::GetPcnReportRequest {
        rules_known_on_date: then,
        known_at_date: then,
        ..report_request()
    };
    let before = report(&channel, request.clone(), None).await.encode_to_vec();
    let newest = positions(&channel).await[0];

    for path in REPLAY {
        for _ in 0..2 {
            let request = ReplayProjectionRequest { request_id: Uuid::new_v4().to_string() };
            let answer: ReplayProjectionResponse =
                ask(&channel, path, request.clone()).await.unwrap();
            assert_eq!((answer.producer.as_str(), answer.position), ("workforce", newest));
            // A replay that is under way has not come as far yet.
            let repeat: ReplayProjectionResponse = ask(&channel, path, request).await.unwrap();
            assert_eq!(repeat, answer);
            settle(&channel, &format!("workforce={newest}")).await;
        }
    }
    let told = cluster.run(&["facts", "replay", "finance"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();

    assert_eq!(told, format!("finance has followed workforce again up to fact {newest}\n"));
    let after = report(&channel, request, None).await.encode_to_vec();
    assert_eq!(after, before);
}

/// Who may see what is among the things that are rebuilt: a part of them must not decide it.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_projection_is_rebuilt_nothing_that_rests_on_it_is_answered() {
    let cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&["pcn-manager@pcn:U09081"]);
    let sessions = || ListSessionsRequest {
        parent: "pcns/U09081".to_owned(),
        page_size: 1,
        ..ListSessionsRequest::default()
    };
    let path = "/arrs.supervision.v1.SessionService/ListSessions";
    ask::<_, ListSessionsResponse>(&manager, path, sessions()).await.unwrap();
    let operator = cluster.channel(&[OPERATOR]);
    let newest = positions(&operator).await[0];
    cluster.pause("workforce");

    let request = ReplayProjectionRequest { request_id: Uuid::new_v4().to_string() };
    ask::<_, ReplayProjectionResponse>(&operator, REPLAY[1], request).await.unwrap();

    let mut soon = Request::new(sessions());
    soon.set_timeout(Duration::from_secs(2));
    let refused = manager.unary::<_, ListSessionsResponse>(path, soon).await.unwrap_err();
    assert_eq!(kit::error::reason_of(&refused), Some(ErrorReason::ProjectionBehind), "{refused}");
    cluster.resume("workforce");
    settle(&operator, &format!("workforce={newest}")).await;
    ask::<_, ListSessionsResponse>(&manager, path, sessions()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_of_all_england_mends_and_a_wrong_request_changes_nothing() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let newest = positions(&cluster.channel(&[OPERATOR])).await;

    for grant in ["pcn-manager@pcn:U09081", "operator@icb:QT6", "auditor@icb:QT6"] {
        let channel = cluster.channel(&[grant]);
        for service in 0..2 {
            let request = ListParkedFactsRequest::default();
            denied(ask::<_, ListParkedFactsResponse>(&channel, LIST[service], request).await);
            let request = RedriveParkedFactsRequest::default();
            denied(ask::<_, RedriveParkedFactsResponse>(&channel, REDRIVE[service], request).await);
            let request = ReplayProjectionRequest::default();
            denied(ask::<_, ReplayProjectionResponse>(&channel, REPLAY[service], request).await);
        }
    }
    let operator = cluster.channel(&[OPERATOR]);
    for service in 0..2 {
        let request = ListParkedFactsRequest { page_size: -1, ..Default::default() };
        let answer = ask::<_, ListParkedFactsResponse>(&operator, LIST[service], request).await;
        invalid(answer, &["page_size"]);
        let request = RedriveParkedFactsRequest {
            subject: "x".repeat(256),
            request_id: "no UUID".to_owned(),
        };
        let answer = ask::<_, RedriveParkedFactsResponse>(&operator, REDRIVE[service], request);
        invalid(answer.await, &["subject", "request_id"]);
        let request = ReplayProjectionRequest { request_id: "no UUID".to_owned() };
        let answer = ask::<_, ReplayProjectionResponse>(&operator, REPLAY[service], request).await;
        invalid(answer, &["request_id"]);
    }
    assert_eq!(positions(&operator).await, newest);
}
