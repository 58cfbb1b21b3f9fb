//! Organisations, their lists, engagements and people.

use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use terms::Date;
use tonic::{Code, Response};
use uuid::Uuid;

use super::{MANAGER, Paged};
use crate::demo_set::{OPERATOR, PCN, RECORDED_ON, bring_in, call, denied, invalid, refused};

const GET_ORGANISATION: &str = "/arrs.workforce.v1.OrganisationService/GetOrganisation";
const LIST_ORGANISATIONS: &str = "/arrs.workforce.v1.OrganisationService/ListOrganisations";
const LIST_LIST_SIZES: &str = "/arrs.workforce.v1.OrganisationService/ListListSizes";
const GET_PERSON: &str = "/arrs.workforce.v1.PersonService/GetPerson";
const GET_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/GetEngagement";
const LIST_ENGAGEMENTS: &str = "/arrs.workforce.v1.EngagementService/ListEngagements";

#[tokio::test(flavor = "multi_thread")]
async fn organisations_are_read_by_anybody_who_may_and_listed_by_code() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let viewer = cluster.channel(&["pcn-viewer@pcn:U62043"]);
    let get = |name: &str| workforce::GetOrganisationRequest { name: name.to_owned() };

    // Published: outside the caller's scope as well.
    let pcn: Response<workforce::Organisation> =
        call(&viewer, GET_ORGANISATION, get("organisations/U09081")).await.unwrap();
    let pcn = pcn.into_inner();
    assert_eq!(pcn.display_name, "FALMOUTH AND PENRYN PCN");
    assert_eq!(pcn.kind(), workforce::OrganisationKind::Pcn);
    let relations: Vec<_> = pcn
        .relations
        .iter()
        .map(|one| (one.relation.as_str(), one.related.as_str(), one.start_date, one.end_date))
        .collect();
    let from = |year, month| Some(date(Date::constant(year, month, 1)));
    assert_eq!(
        relations,
        [
            ("part-of", "organisations/11N", from(2019, 10), None),
            ("served-by", "organisations/DEMOFED01", from(2024, 4), None),
        ]
    );
    let unknown: Result<Response<workforce::Organisation>, _> =
        call(&viewer, GET_ORGANISATION, get("organisations/U99999")).await;
    refused(unknown, Code::NotFound, ErrorReason::ResourceNotFound);
    for name in ["", "U09081", "pcns/U09081", "organisations/u09081", "organisations/"] {
        let answer: Result<Response<workforce::Organisation>, _> =
            call(&viewer, GET_ORGANISATION, get(name)).await;
        invalid(answer, &["name"]);
    }
    let supervisor = cluster.channel(&["supervisor@supervisor:demo-s-01"]);
    let answer: Result<Response<workforce::Organisation>, _> =
        call(&supervisor, GET_ORGANISATION, get("organisations/U09081")).await;
    denied(answer);

    let list = Paged {
        channel: &channel,
        path: LIST_ORGANISATIONS,
        request: |page_size, page_token| workforce::ListOrganisationsRequest {
            page_size,
            page_token,
            ..Default::default()
        },
        other: |page_token| workforce::ListOrganisationsRequest {
            page_size: 1,
            page_token,
            kind: workforce::OrganisationKind::Pcn.into(),
            ..Default::default()
        },
        page: |page: workforce::ListOrganisationsResponse| {
            let names = page.organisations.into_iter().map(|one| one.name);
            (names.collect(), page.next_page_token)
        },
    };
    let names = list.check(&viewer).await;
    assert_eq!(names.len(), 28);
    assert!(names.is_sorted());
    for (kind, related, expected) in [
        (workforce::OrganisationKind::Pcn, "", 4),
        (workforce::OrganisationKind::Practice, "organisations/U09081", 4),
        (workforce::OrganisationKind::Unspecified, "organisations/DEMOFED01", 2),
        (workforce::OrganisationKind::Region, "", 1),
        (workforce::OrganisationKind::Unspecified, "organisations/U99999", 0),
    ] {
        let request = workforce::ListOrganisationsRequest {
            kind: kind.into(),
            related: related.to_owned(),
            ..Default::default()
        };
        let page: workforce::ListOrganisationsResponse =
            call(&viewer, LIST_ORGANISATIONS, request).await.unwrap().into_inner();
        assert_eq!(page.organisations.len(), expected, "{kind:?} {related}");
    }
    let wrong = workforce::ListOrganisationsRequest {
        page_size: -1,
        related: "11N".to_owned(),
        ..Default::default()
    };
    let answer: Result<Response<workforce::ListOrganisationsResponse>, _> =
        call(&viewer, LIST_ORGANISATIONS, wrong).await;
    let status = refused(answer, Code::InvalidArgument, ErrorReason::FieldInvalid);
    for field in ["page_size", "related"] {
        assert!(status.message().contains(field), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_sizes_are_of_the_callers_scope_newest_first() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[MANAGER]);
    let operator = cluster.channel(&[OPERATOR]);
    let list = Paged {
        channel: &channel,
        path: LIST_LIST_SIZES,
        request: |page_size, page_token| workforce::ListListSizesRequest {
            parent: "organisations/L82006".to_owned(),
            page_size,
            page_token,
        },
        other: |page_token| workforce::ListListSizesRequest {
            parent: "organisations/L82049".to_owned(),
            page_size: 1,
            page_token,
        },
        page: |page: workforce::ListListSizesResponse| {
            let text = |list: workforce::ListSize| {
                let day = list.date.unwrap();
                format!(
                    "{}-{:02} {} {:?} {:?}",
                    day.year,
                    day.month,
                    list.registered_count,
                    list.weighted_ten_thousandths,
                    list.adjusted_ten_thousandths
                )
            };
            (page.list_sizes.into_iter().map(text).collect(), page.next_page_token)
        },
    };

    let practice = list.check(&operator).await;

    assert_eq!(
        practice,
        [
            "2026-07 20089 None None",
            "2026-01 20089 Some(208752800) Some(206332500)",
            "2025-01 20089 Some(207921200) Some(205510500)",
        ]
    );
    let ask = async |channel: &Channel, name: &str| {
        let request =
            workforce::ListListSizesRequest { parent: name.to_owned(), ..Default::default() };
        call::<_, workforce::ListListSizesResponse>(channel, LIST_LIST_SIZES, request).await
    };
    // A PCN without lists of its own is the sum of its practices.
    let pcn = ask(&channel, "organisations/U09081").await.unwrap().into_inner().list_sizes;
    let registered: Vec<i64> = pcn.iter().map(|list| list.registered_count).collect();
    assert_eq!(registered, [48_287, 48_287, 48_287]);
    assert_eq!(pcn[2].weighted_ten_thousandths, Some(496_424_200));
    for name in ["organisations/U31970", "organisations/L82001", "organisations/U99999"] {
        denied(ask(&channel, name).await);
    }
    denied(ask(&operator, "organisations/U99999").await);
    invalid(ask(&channel, "pcns/U09081").await, &["parent"]);
}

/// The engagements of a PCN as a caller sees them.
async fn engagements(channel: &Channel, pcn: &str) -> Vec<workforce::Engagement> {
    let request =
        workforce::ListEngagementsRequest { parent: pcn.to_owned(), ..Default::default() };
    let page: workforce::ListEngagementsResponse =
        call(channel, LIST_ENGAGEMENTS, request).await.unwrap().into_inner();
    page.engagements
}

fn called<'a>(
    engagements: &'a [workforce::Engagement],
    reference: &str,
) -> &'a workforce::Engagement {
    engagements.iter().find(|one| one.reference == reference).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn engagements_show_the_hours_in_scope_and_one_number_for_the_rest() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let manager = cluster.channel(&[MANAGER]);
    let sibling = cluster.channel(&["pcn-manager@pcn:U60113"]);
    let list = Paged {
        channel: &manager,
        path: LIST_ENGAGEMENTS,
        request: |page_size, page_token| workforce::ListEngagementsRequest {
            parent: PCN.to_owned(),
            page_size,
            page_token,
            known_at_date: None,
        },
        other: |page_token| workforce::ListEngagementsRequest {
            parent: PCN.to_owned(),
            page_size: 1,
            page_token,
            known_at_date: Some(date(RECORDED_ON)),
        },
        page: |page: workforce::ListEngagementsResponse| {
            let names = page.engagements.into_iter().map(|one| one.name);
            (names.collect(), page.next_page_token)
        },
    };

    let names = list.check(&operator).await;

    assert_eq!(names.len(), 15);
    assert!(names.is_sorted());
    let all = engagements(&manager, PCN).await;
    let shared = called(&all, "demo-e-007");
    assert_eq!((shared.assignments.len(), shared.elsewhere_minutes), (1, 900));
    assert_eq!(
        (shared.assignments[0].pcn.as_str(), shared.assignments[0].weekly_minutes),
        (PCN, 1_350)
    );
    let outside = called(&all, "demo-e-012");
    assert_eq!(outside.assignments[0].contract_minutes, Some(2_250));
    assert_eq!(outside.elsewhere_minutes, 1_125);
    let changed = called(&all, "demo-e-013");
    let minutes: Vec<i32> = changed.assignments.iter().map(|one| one.weekly_minutes).collect();
    assert_eq!(minutes, [1_800, 2_250]);
    assert_eq!(changed.assignments[0].end_date, Some(date(Date::constant(2025, 7, 15))));
    assert_eq!(called(&all, "demo-e-010").person, "");
    assert_eq!(called(&all, "demo-e-011").leaving_reason, "moved to another employer");
    assert_eq!(called(&all, "demo-e-006").full_time_minutes, 2_100);
    let federation = cluster.channel(&["federation-manager@federation:DEMOFED01"]);
    let whole = engagements(&federation, PCN).await;
    let whole = called(&whole, "demo-e-007");
    assert_eq!((whole.assignments.len(), whole.elsewhere_minutes), (2, 0));

    let get = async |channel: &Channel, name: &str| {
        let request =
            workforce::GetEngagementRequest { name: name.to_owned(), known_at_date: None };
        call::<_, workforce::Engagement>(channel, GET_ENGAGEMENT, request).await
    };
    for engagement in &all {
        assert_eq!(get(&manager, &engagement.name).await.unwrap().get_ref(), engagement);
    }
    let unknown = format!("engagements/{}", Uuid::now_v7());
    let hidden = denied(get(&sibling, &shared.name).await);
    let absent = denied(get(&sibling, &unknown).await);
    assert_eq!(hidden.message().replace(&shared.name, &unknown), absent.message());
    denied(get(&operator, &unknown).await);
    for name in ["", "engagements/7", "people/0198c2a4-0000-7000-8000-000000000000"] {
        invalid(get(&manager, name).await, &["name"]);
    }
    let before = |channel: Channel, day: Date| async move {
        let request = workforce::ListEngagementsRequest {
            parent: PCN.to_owned(),
            known_at_date: Some(date(day)),
            ..Default::default()
        };
        call::<_, workforce::ListEngagementsResponse>(&channel, LIST_ENGAGEMENTS, request).await
    };
    // Nothing was known of the PCN then, nor is today over.
    denied(before(manager.clone(), RECORDED_ON.yesterday().unwrap()).await);
    let today = before(manager.clone(), Clock::system().today()).await;
    refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
    for (channel, parent) in [(&sibling, PCN), (&operator, "pcns/U99999"), (&operator, "pcns/QT6")]
    {
        let request =
            workforce::ListEngagementsRequest { parent: parent.to_owned(), ..Default::default() };
        let answer: Result<Response<workforce::ListEngagementsResponse>, _> =
            call(channel, LIST_ENGAGEMENTS, request).await;
        denied(answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_shown_to_those_who_keep_or_employ_them() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&[MANAGER]);
    let all = engagements(&manager, PCN).await;
    let name = called(&all, "demo-e-001").person.clone();
    let get = async |channel: &Channel, name: &str| {
        let request = workforce::GetPersonRequest { name: name.to_owned() };
        call::<_, workforce::Person>(channel, GET_PERSON, request).await
    };

    let person = get(&manager, &name).await.unwrap().into_inner();

    assert_eq!((person.name.as_str(), person.reference.as_str()), (name.as_str(), "demo-p-001"));
    assert_eq!(
        (person.family_name.as_str(), person.given_name.as_str()),
        ("Demo-Pharmacist", "One")
    );
    assert_eq!(person.owner, "organisations/U09081");
    let [registration] = person.registrations.as_slice() else { panic!("one registration") };
    assert_eq!((registration.body.as_str(), registration.number.as_str()), ("GPhC", "DEMO-001"));
    assert_eq!(registration.expire_date, Some(date(Date::constant(2025, 12, 31))));
    assert_eq!(format!("{person:?}"), "Person { .. }");

    let shared = called(&all, "demo-e-007").person.clone();
    for grant in ["pcn-manager@pcn:U31970", "federation-manager@federation:DEMOFED01"] {
        let there = get(&cluster.channel(&[grant]), &shared).await.unwrap().into_inner();
        assert_eq!(there.family_name, "Demo-Paramedic", "{grant}");
    }
    let unknown = format!("people/{}", Uuid::now_v7());
    let sibling = cluster.channel(&["pcn-manager@pcn:U60113"]);
    let hidden = denied(get(&sibling, &name).await);
    let absent = denied(get(&sibling, &unknown).await);
    assert_eq!(hidden.message().replace(&name, &unknown), absent.message());
    // Running the suite or checking it takes no names.
    for grant in [OPERATOR, "auditor@england", "pcn-viewer@pcn:U09081", "icb-finance@icb:QT6"] {
        denied(get(&cluster.channel(&[grant]), &name).await);
    }
    for wrong in ["", "people/", "people/demo-p-001", "engagements/7"] {
        invalid(get(&manager, wrong).await, &["name"]);
    }
}
