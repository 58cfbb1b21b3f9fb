use std::collections::BTreeMap;

use arrs_proto::summary::v1::{ListMembersRequest, StreamPcnSummariesRequest};
use arrs_proto::supervision::v1::requirement_service_client::RequirementServiceClient;
use arrs_proto::supervision::v1::stream_pcn_summaries_response::Part;
use tonic::Code;

use super::*;

/// `code status count/minimum last due` of each requirement of a person.
fn standings(summary: &pb::PcnSupervision) -> BTreeMap<String, Vec<String>> {
    let date = |date: &Option<arrs_proto::google::r#type::Date>| {
        date.as_ref().map_or_else(|| "-".to_owned(), |date| format!("{}-{}", date.month, date.day))
    };
    let standing = |one: &pb::RequirementStatus| {
        let status = one.status().as_str_name().trim_start_matches("SUPERVISION_STATUS_");
        let count = format!("{}/{}", one.session_count, one.minimum_session_count);
        let (last, due) = (date(&one.last_session_date), date(&one.due_date));
        format!("{} {status} {count} {last} {due}", one.code)
    };
    let people = summary.people.iter();
    people
        .map(|person| {
            let standings = person.requirements.iter().map(standing).collect();
            (person.person_reference.clone(), standings)
        })
        .collect()
}

fn has(standings: &BTreeMap<String, Vec<String>>, person: &str, expected: &str) {
    let found = &standings[person];
    assert!(found.iter().any(|standing| standing == expected), "{person}: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn july_of_the_demonstration_is_as_its_description_says() {
    let suite = Suite::start().await;
    suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;

    let summary = suite.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();

    let found = standings(&summary);
    // The contracted service has nobody to supervise.
    assert_eq!((summary.people.len(), found.len()), (14, 14));
    assert_eq!((summary.name.as_str(), summary.month.as_str()), ("pcns/U09081", "2025-07"));
    has(&found, "demo-p-001", "CP-CLIN-M MET 1/1 7-10 7-31");
    has(&found, "demo-p-002", "SCP-CLIN-Q DUE 0/1 5-20 9-30");
    has(&found, "demo-p-003", "ALL-INDUCT MET 1/1 7-14 -");
    has(&found, "demo-p-004", "PT-CLIN-M MET 1/1 7-31 7-31");
    has(&found, "demo-p-005", "SPLW-CLIN-M LATE 0/1 4-16 7-31");
    has(&found, "demo-p-008", "MHP_ADULT-PROV NEVER 0/1 - 7-31");
    let counted = [summary.met_count, summary.due_count, summary.late_count, summary.never_count];
    let listed: usize = found.values().map(Vec::len).sum();
    assert_eq!(usize::try_from(counted.iter().sum::<i32>()).unwrap(), listed);
    let forces: i32 = summary.forces.iter().map(|force| force.met_count).sum();
    assert_eq!(forces, summary.met_count);
    assert!(summary.not_evaluated.iter().any(|row| row.starts_with("CC-CLIN-M: ")));
    let references: Vec<&str> =
        summary.people.iter().map(|person| person.person_reference.as_str()).collect();
    assert!(references.is_sorted());
    let senior = summary.people.iter().find(|person| person.person_reference == "demo-p-002");
    assert_eq!(senior.unwrap().stage, "senior");

    let cut = summary.cut.unwrap();
    assert_eq!(cut.rule_digest.len(), 64);
    let positions: Vec<_> =
        cut.positions.iter().map(|one| (one.producer.as_str(), one.position)).collect();
    assert_eq!(positions, [("workforce", suite.told), ("supervision", 45)]);

    let june = suite.summary(OPERATOR, "U09081", "2025-06", None).await.unwrap();
    has(&standings(&june), "demo-p-002", "SCP-CLIN-Q MET 1/1 5-20 6-30");
    let other = suite.summary(OPERATOR, "U60113", "2025-07", None).await.unwrap();
    has(&standings(&other), "demo-p-201", "AP-CLIN-M LATE 0/1 6-5 7-31");
    has(&standings(&other), "demo-p-202", "PT-CLIN-M MET 1/1 7-11 7-31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_as_known_before_leaves_out_what_came_later() {
    let suite = Suite::start().await;
    let late = format!("{HEADER}s-1,demo-p-005,x,clinical,2025-07-20,30,U09081\n");
    suite.import(OPERATOR, &late, None).await;

    let now = suite.summary(OPERATOR, "U09081", "2025-07", None).await.unwrap();
    let before = suite.summary(OPERATOR, "U09081", "2025-07", Some("2025-07-31")).await.unwrap();
    let again = suite.summary(OPERATOR, "U09081", "2025-07", Some("2025-07-31")).await.unwrap();

    has(&standings(&now), "demo-p-005", "SPLW-CLIN-M MET 1/1 7-20 7-31");
    // June went by without one, but it is July that is asked: not over on its last day.
    has(&standings(&before), "demo-p-005", "SPLW-CLIN-M DUE 0/1 - 7-31");
    assert_eq!(before, again);
    let early = suite.summary(OPERATOR, "U09081", "2025-07", Some("2025-08-15")).await;
    assert_eq!(early.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_and_an_unknown_pcn_are_refused_alike() {
    let suite = Suite::start().await;
    let manager = "pcn-manager@pcn:U31970";

    let sibling = suite.summary(manager, "U09081", "2025-07", None).await.unwrap_err();
    let unknown = suite.summary(manager, "U99999", "2025-07", None).await.unwrap_err();

    assert_eq!(sibling.code(), Code::PermissionDenied);
    assert_eq!(sibling.message().replace("U09081", "U99999"), unknown.message());
    assert!(suite.summary(manager, "U31970", "2025-07", None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_a_row_for_each_pcn_in_the_scope() {
    let suite = Suite::start().await;
    suite.import(OPERATOR, SESSIONS, Some("2025-07-31")).await;
    let grant = "federation-manager@federation:DEMOFED01";
    let mut client = summary_client::SupervisionSummaryServiceClient::new(suite.channel(grant));
    let names = ["U60113", "U31970", "U09081"].map(|code| format!("pcns/{code}"));
    let request = StreamPcnSummariesRequest {
        names: names.to_vec(),
        month: "2025-07".to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    };

    let answer = client.stream_pcn_summaries(suite.after(request)).await.unwrap();

    let mut stream = answer.into_inner();
    let mut parts = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        parts.push(match message.part.unwrap() {
            Part::Header(header) => format!("{} to come", header.member_count),
            Part::Summary(summary) => summary.name,
            Part::Trailer(trailer) => format!("{}, {}", trailer.row_count, trailer.hidden_count),
        });
    }
    assert_eq!(parts, ["2 to come", "pcns/U09081", "pcns/U31970", "2, 1"]);

    let request = ListMembersRequest {
        parent: "organisations/11N".to_owned(),
        month: "2025-07".to_owned(),
        known_at_date: None,
    };
    let members = client.list_members(request).await.unwrap().into_inner();
    assert_eq!(members.names, ["pcns/U09081", "pcns/U31970"]);
    assert_eq!(members.hidden_count, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_are_listed_by_code_in_pages() {
    let suite = Suite::start().await;
    let mut client = RequirementServiceClient::new(suite.channel("pcn-viewer@pcn:U09081"));
    let mut request = pb::ListRequirementsRequest {
        page_size: 3,
        page_token: String::new(),
        role: "CP".to_owned(),
    };
    let mut found = Vec::new();
    loop {
        let page = client.list_requirements(request.clone()).await.unwrap().into_inner();
        found.extend(page.requirements);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }

    assert!(found.len() > 3);
    assert!(found.is_sorted_by(|a, b| a.code < b.code));
    assert!(found.iter().all(|row| row.role == "CP" || row.role == "ALL"));
    let monthly = found.iter().find(|row| row.code == "CP-CLIN-M").unwrap();
    assert_eq!((monthly.minimum_session_count, monthly.period.as_str()), (1, "month"));
    assert_eq!(monthly.not_evaluated_reason, "");
    let peer = found.iter().find(|row| row.code == "CP-PEER").unwrap();
    assert_ne!(peer.not_evaluated_reason, "");
    request.role = "cp".to_owned();
    let refused = client.list_requirements(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
