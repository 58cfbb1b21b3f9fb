//! The methods as callers reach them, once past the door.

use arrs_proto::event::v1::StreamFactsRequest;
use arrs_proto::event::v1::stream_facts_response::Part as FactPart;
use arrs_proto::summary::v1 as summary;
use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::engagement_service_server::EngagementService;
use arrs_proto::workforce::v1::fact_service_server::FactService;
use arrs_proto::workforce::v1::organisation_service_server::OrganisationService;
use arrs_proto::workforce::v1::person_service_server::PersonService;
use arrs_proto::workforce::v1::stream_pcn_summaries_response::Part;
use arrs_proto::workforce::v1::workforce_summary_service_server::WorkforceSummaryService;
use futures::StreamExt;
use kit::facts::Projection;
use tonic::{Code, Request};

use super::*;

const MANAGER: &str = "pcn-manager@pcn:U09081";
const SUMMARIES: &str = "workforce.summaries.read";

fn request<T>(grant: &str, permission: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::for_test(&[grant], permission));
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_are_read_and_paged_in_the_order_of_codes() {
    let world = World::demonstration().await;
    const READ: &str = "workforce.organisations.read";
    let get =
        |name: &str| request(MANAGER, READ, pb::GetOrganisationRequest { name: name.to_owned() });
    let found = world.api.get_organisation(get("organisations/U31970")).await.unwrap();
    let found = found.into_inner();
    assert_eq!((found.kind(), &found.display_name[..]), (pb::OrganisationKind::Pcn, "TRURO PCN"));
    let related: Vec<_> = found.relations.iter().map(|row| &row.related[..]).collect();
    assert_eq!(related, ["organisations/11N", "organisations/DEMOFED01"]);
    let missing = world.api.get_organisation(get("organisations/U99999")).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let malformed = world.api.get_organisation(get("pcns/U31970")).await.unwrap_err();
    assert_eq!(malformed.code(), Code::InvalidArgument);

    let mut token = String::new();
    let mut names = Vec::new();
    loop {
        let page = pb::ListOrganisationsRequest {
            page_size: 3,
            page_token: token,
            kind: pb::OrganisationKind::Practice.into(),
            related: "organisations/U09081".to_owned(),
        };
        let page = world.api.list_organisations(request(MANAGER, READ, page)).await.unwrap();
        let page = page.into_inner();
        names.extend(page.organisations.into_iter().map(|found| found.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let expected =
        ["L82006", "L82049", "L82052", "L82622"].map(|code| format!("organisations/{code}"));
    assert_eq!(names, expected);

    let lists = |parent: &str, page_token: String| {
        let parent = parent.to_owned();
        let message = pb::ListListSizesRequest { parent, page_size: 2, page_token };
        world.api.list_list_sizes(request(MANAGER, SUMMARIES, message))
    };
    let first = lists("organisations/U09081", String::new()).await.unwrap().into_inner();
    let rest = lists("organisations/U09081", first.next_page_token).await.unwrap().into_inner();
    let years: Vec<_> = first
        .list_sizes
        .iter()
        .chain(&rest.list_sizes)
        .map(|list| (list.date.unwrap().year, list.date.unwrap().month, list.registered_count))
        .collect();
    assert_eq!(years, [(2026, 7, 48_287), (2026, 1, 48_287), (2025, 1, 48_287)]);
    assert_eq!(first.list_sizes[0].weighted_ten_thousandths, None);
    let hidden = lists("organisations/U62043", String::new()).await.unwrap_err();
    assert_eq!(hidden.code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engagement_leads_to_the_person() {
    let world = World::demonstration().await;
    const READ: &str = "workforce.engagements.read";
    let list = pb::ListEngagementsRequest {
        parent: "pcns/U09081".to_owned(),
        page_size: 1_000,
        ..pb::ListEngagementsRequest::default()
    };
    let found = world.api.list_engagements(request(MANAGER, READ, list)).await.unwrap();
    let found = found.into_inner().engagements;
    assert_eq!(found.len(), 15);
    let paramedic = found.iter().find(|row| row.reference == "demo-e-007").unwrap();
    assert_eq!((paramedic.assignments.len(), paramedic.elsewhere_minutes), (1, 900));
    let physio = found.iter().find(|row| row.reference == "demo-e-012").unwrap();
    assert_eq!(physio.assignments[0].contract_minutes, Some(2_250));
    assert_eq!(physio.elsewhere_minutes, 1_125);

    let get = pb::GetEngagementRequest { name: paramedic.name.clone(), known_at_date: None };
    let same = world.api.get_engagement(request(MANAGER, READ, get)).await.unwrap();
    assert_eq!(same.into_inner(), *paramedic);

    const PERSONAL: &str = "workforce.people.readPersonal";
    let get = pb::GetPersonRequest { name: paramedic.person.clone() };
    let person = world.api.get_person(request(MANAGER, PERSONAL, get)).await.unwrap();
    let person = person.into_inner();
    assert_eq!(&person.family_name[..], "Demo-Paramedic");
    assert_eq!(&person.registrations[0].number[..], "DEMO-007");
    assert!(!format!("{person:?}").contains("Demo-Paramedic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn summaries_are_given_one_by_one_and_as_a_stream() {
    let world = World::demonstration().await;
    let get = summary::GetPcnSummaryRequest {
        name: "pcns/U09081".to_owned(),
        month: "2025-07".to_owned(),
        ..summary::GetPcnSummaryRequest::default()
    };
    let one = world.api.get_pcn_summary(request(MANAGER, SUMMARIES, get.clone())).await.unwrap();
    let one = one.into_inner();
    let cut = one.cut.clone().unwrap();
    assert_eq!(cut.positions[0].producer, "workforce");
    assert_eq!(cut.positions[0].position, world.position().await);
    let returned = one.national_return.clone().unwrap().roles;
    assert_eq!(returned.last().map(|row| &row.role[..]), Some(""));
    let malformed = summary::GetPcnSummaryRequest { month: "2025-13".to_owned(), ..get };
    let malformed = world.api.get_pcn_summary(request(MANAGER, SUMMARIES, malformed)).await;
    assert_eq!(malformed.unwrap_err().code(), Code::InvalidArgument);

    let all = summary::StreamPcnSummariesRequest {
        names: ["U31970", "U09081", "U99999"].map(|code| format!("pcns/{code}")).to_vec(),
        month: "2025-07".to_owned(),
        ..summary::StreamPcnSummariesRequest::default()
    };
    let stream = world.api.stream_pcn_summaries(request(MANAGER, SUMMARIES, all)).await.unwrap();
    let parts: Vec<_> =
        stream.into_inner().map(|message| message.unwrap().part.unwrap()).collect().await;
    let [Part::Header(header), Part::Summary(row), Part::Trailer(trailer)] = &parts[..] else {
        panic!("{parts:?}");
    };
    assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (1, 1, 2));
    assert_eq!(*row, one);

    let members = summary::ListMembersRequest {
        parent: "organisations/DEMOFED01".to_owned(),
        month: "2025-07".to_owned(),
        known_at_date: None,
    };
    let members = world.api.list_members(request(MANAGER, SUMMARIES, members)).await.unwrap();
    let members = members.into_inner();
    assert_eq!((members.names, members.hidden_count), (vec!["pcns/U09081".to_owned()], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_carry_no_particulars_and_make_the_same_roster() {
    let world = World::demonstration().await;
    const READ: &str = "workforce.facts.read";
    let all = StreamFactsRequest { after: 0, follow: false };
    let stream = world.api.stream_facts(request("service@england", READ, all)).await.unwrap();
    let facts: Vec<_> = stream
        .into_inner()
        .filter_map(async |message| match message.unwrap().part {
            Some(FactPart::Fact(fact)) => Some(fact),
            _ => None,
        })
        .collect()
        .await;
    assert_eq!(i64::try_from(facts.len()).unwrap(), world.position().await);
    for fact in &facts {
        let body = String::from_utf8_lossy(&fact.body);
        for personal in ["Demo-Pharmacist", "Seven", "DEMO-001"] {
            assert!(!body.contains(personal), "{}", fact.r#type);
        }
    }
    let registrations =
        facts.iter().filter(|fact| fact.r#type == "arrs.event.v1.RegistrationRecorded");
    assert_eq!(registrations.count(), 14);

    // A projection that starts from nothing arrives at the same engagements.
    let other = World::new().await;
    let write = other.database().write().await.unwrap();
    kit::Scope::england().enter(&*write).await.unwrap();
    kit::roster::Followed.apply(&write, &facts).await.unwrap();
    write.commit().await.unwrap();
    let told = other.summary(OPERATOR, "U09081", "2025-07", Some(JULY)).await.unwrap();
    let kept = world.summary(OPERATOR, "U09081", "2025-07", Some(JULY)).await.unwrap();
    assert_eq!(told.statistics, kept.statistics);
    assert_eq!(told.list_size, kept.list_size);
}
