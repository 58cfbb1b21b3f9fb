//! Requirements and sessions.

use arrs_proto::supervision::v1 as supervision;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use terms::Date;
use tonic::{Code, Response};

use super::{MANAGER, Paged};
use crate::demo_set::{OPERATOR, PCN, RECORDED_ON, bring_in, call, denied, invalid, refused};

const LIST_REQUIREMENTS: &str = "/arrs.supervision.v1.RequirementService/ListRequirements";
const LIST_SESSIONS: &str = "/arrs.supervision.v1.SessionService/ListSessions";

#[tokio::test(flavor = "multi_thread")]
async fn requirements_are_listed_by_code_with_their_source() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&["supervisor@supervisor:demo-s-01"]);
    let operator = cluster.channel(&[OPERATOR]);
    let list = Paged {
        channel: &channel,
        path: LIST_REQUIREMENTS,
        request: |page_size, page_token| supervision::ListRequirementsRequest {
            page_size,
            page_token,
            role: String::new(),
        },
        other: |page_token| supervision::ListRequirementsRequest {
            page_size: 1,
            page_token,
            role: "CP".to_owned(),
        },
        page: |page: supervision::ListRequirementsResponse| {
            for one in &page.requirements {
                assert!(!one.source.is_empty() && !one.confidence.is_empty(), "{one:?}");
                let counted = one.minimum_session_count > 0 && !one.period.is_empty();
                assert!(counted || !one.not_evaluated_reason.is_empty(), "{one:?}");
            }
            (page.requirements.into_iter().map(|one| one.code).collect(), page.next_page_token)
        },
    };

    let codes = list.check(&operator).await;

    assert!(codes.is_sorted());
    assert!(codes.iter().any(|code| code == "CP-CLIN-M"));
    let request = |role: &str| supervision::ListRequirementsRequest {
        page_size: 1_000,
        page_token: String::new(),
        role: role.to_owned(),
    };
    let of_role: supervision::ListRequirementsResponse =
        call(&channel, LIST_REQUIREMENTS, request("CP")).await.unwrap().into_inner();
    assert!(of_role.requirements.len() > 3 && of_role.requirements.len() < codes.len());
    assert!(of_role.requirements.iter().all(|one| one.role == "CP" || one.role == "ALL"));
    let wrong: Result<Response<supervision::ListRequirementsResponse>, _> =
        call(&channel, LIST_REQUIREMENTS, request("chiropodist")).await;
    invalid(wrong, &["role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_pcn_are_listed_to_those_who_see_it() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[MANAGER]);
    let operator = cluster.channel(&[OPERATOR]);
    let list = Paged {
        channel: &channel,
        path: LIST_SESSIONS,
        request: |page_size, page_token| supervision::ListSessionsRequest {
            parent: PCN.to_owned(),
            page_size,
            page_token,
            known_at_date: None,
        },
        other: |page_token| supervision::ListSessionsRequest {
            parent: PCN.to_owned(),
            page_size: 1,
            page_token,
            known_at_date: Some(date(RECORDED_ON)),
        },
        page: |page: supervision::ListSessionsResponse| {
            for session in &page.sessions {
                assert_eq!(session.pcn, PCN);
                assert!(session.person.starts_with("people/") && session.session_minutes > 0);
            }
            (page.sessions.into_iter().map(|one| one.name).collect(), page.next_page_token)
        },
    };

    let names = list.check(&operator).await;

    assert!(names.is_sorted());
    let ask = async |channel: &Channel, parent: &str, known_at: Option<Date>| {
        let request = supervision::ListSessionsRequest {
            parent: parent.to_owned(),
            known_at_date: known_at.map(date),
            ..Default::default()
        };
        call::<_, supervision::ListSessionsResponse>(channel, LIST_SESSIONS, request).await
    };
    let all = ask(&channel, PCN, Some(RECORDED_ON)).await.unwrap().into_inner().sessions;
    assert_eq!(all.len(), names.len());
    let met = all.iter().find(|session| session.reference == "demo-ss-037").unwrap();
    assert_eq!(
        (met.person_reference.as_str(), met.supervisor_reference.as_str()),
        ("demo-p-001", "demo-p-002")
    );
    assert_eq!((met.kind.as_str(), met.session_minutes), ("clinical", 60));
    assert_eq!(met.date, Some(date(Date::constant(2025, 7, 10))));

    let sibling = cluster.channel(&["pcn-manager@pcn:U60113"]);
    denied(ask(&sibling, PCN, None).await);
    denied(ask(&operator, "pcns/U99999", None).await);
    // May see the PCN, but not who was supervised when.
    denied(ask(&cluster.channel(&["pcn-viewer@pcn:U09081"]), PCN, None).await);
    let today = ask(&channel, PCN, Some(Clock::system().today())).await;
    refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
    invalid(ask(&channel, "U09081", None).await, &["parent"]);
}
