//! Every method that reads one resource or lists many: what it gives, what it refuses, its pages.

use std::fmt::Debug;

use arrs_proto::admin::v1::{
    GetImportRequest, Import, ImportState, ListImportErrorsRequest, ListImportErrorsResponse,
};
use arrs_proto::finance::v1 as finance;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::summary::v1::{
    GetPcnSummaryRequest, ListMembersRequest, ListMembersResponse, StreamHeader,
    StreamPcnSummariesRequest, StreamTrailer,
};
use arrs_proto::supervision::v1 as supervision;
use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster::{Cluster, header, service_of, upload};
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use prost::Message;
use terms::Date;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::demo_set::{
    MONTH, OPERATOR, PCN, RECORDED_ON, bring_in, call, collect, denied, errors_of, invalid,
    metadata, refused,
};

const GET_ORGANISATION: &str = "/arrs.workforce.v1.OrganisationService/GetOrganisation";
const LIST_ORGANISATIONS: &str = "/arrs.workforce.v1.OrganisationService/ListOrganisations";
const LIST_LIST_SIZES: &str = "/arrs.workforce.v1.OrganisationService/ListListSizes";
const GET_PERSON: &str = "/arrs.workforce.v1.PersonService/GetPerson";
const GET_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/GetEngagement";
const LIST_ENGAGEMENTS: &str = "/arrs.workforce.v1.EngagementService/ListEngagements";
const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
const LIST_FIGURES: &str = "/arrs.finance.v1.RuleBookService/ListFigures";
const GET_ALLOCATION: &str = "/arrs.finance.v1.AllocationService/GetAllocation";
const COMPARE_CLAIM_LINE: &str = "/arrs.finance.v1.ClaimService/CompareClaimLine";
const LIST_REQUIREMENTS: &str = "/arrs.supervision.v1.RequirementService/ListRequirements";
const LIST_SESSIONS: &str = "/arrs.supervision.v1.SessionService/ListSessions";
const GET_IMPORT: [&str; 3] = [
    "/arrs.workforce.v1.ImportService/GetImport",
    "/arrs.finance.v1.ImportService/GetImport",
    "/arrs.supervision.v1.ImportService/GetImport",
];
const LIST_IMPORT_ERRORS: [&str; 3] = [
    "/arrs.workforce.v1.ImportService/ListImportErrors",
    "/arrs.finance.v1.ImportService/ListImportErrors",
    "/arrs.supervision.v1.ImportService/ListImportErrors",
];
const WORKFORCE_SUMMARY: &str = "/arrs.workforce.v1.WorkforceSummaryService/GetPcnSummary";
const FINANCE_SUMMARY: &str = "/arrs.finance.v1.FinanceSummaryService/GetPcnSummary";
const SUPERVISION_SUMMARY: &str = "/arrs.supervision.v1.SupervisionSummaryService/GetPcnSummary";
const WORKFORCE_STREAM: &str = "/arrs.workforce.v1.WorkforceSummaryService/StreamPcnSummaries";
const FINANCE_STREAM: &str = "/arrs.finance.v1.FinanceSummaryService/StreamPcnSummaries";
const SUPERVISION_STREAM: &str =
    "/arrs.supervision.v1.SupervisionSummaryService/StreamPcnSummaries";
const LIST_MEMBERS: [&str; 3] = [
    "/arrs.workforce.v1.WorkforceSummaryService/ListMembers",
    "/arrs.finance.v1.FinanceSummaryService/ListMembers",
    "/arrs.supervision.v1.SupervisionSummaryService/ListMembers",
];

const MANAGER: &str = "pcn-manager@pcn:U09081";

/// A list as a caller pages through it.
struct Paged<'a, Q, A> {
    channel: &'a Channel,
    path: &'static str,
    /// The request for a page of this size after this token.
    request: fn(i32, String) -> Q,
    /// A request for something else with this token.
    other: fn(String) -> Q,
    /// What is in a page, as text, and the token of the next.
    page: fn(A) -> (Vec<String>, String),
}

impl<Q, A> Paged<'_, Q, A>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Debug + Send + Sync + 'static,
{
    async fn ask(&self, channel: &Channel, request: Q) -> Result<Response<A>, Status> {
        call(channel, self.path, request).await
    }

    /// All rows in pages of a size.
    async fn walk(&self, size: i32) -> Vec<String> {
        let (mut rows, mut token) = (Vec::new(), String::new());
        loop {
            let request = (self.request)(size, token);
            let answer = self.ask(self.channel, request).await.unwrap().into_inner();
            let (page, next) = (self.page)(answer);
            let most = if size == 0 { 50 } else { usize::try_from(size).unwrap().min(1_000) };
            assert!(page.len() <= most, "{} rows of {size}", page.len());
            assert!(next.is_empty() || page.len() == most, "a page in between is full");
            rows.extend(page);
            token = next;
            if token.is_empty() {
                return rows;
            }
        }
    }

    /// Pages of every size give the same rows, and a token only fits the request that made it.
    /// Answers the rows. `theirs` is another caller who may list.
    async fn check(&self, theirs: &Channel) -> Vec<String> {
        let rows = self.walk(1).await;
        assert!(rows.len() > 2, "{}: {rows:?}", self.path);
        let mut unique = rows.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), rows.len(), "{}: a row comes once", self.path);
        for size in [0, 2, 1_000, 1_001, i32::MAX] {
            assert_eq!(self.walk(size).await, rows, "{} in pages of {size}", self.path);
        }
        for size in [-1, i32::MIN] {
            let answer = self.ask(self.channel, (self.request)(size, String::new())).await;
            invalid(answer, &["page_size"]);
        }

        let first = self.ask(self.channel, (self.request)(1, String::new())).await.unwrap();
        let (_, token) = (self.page)(first.into_inner());
        let mut changed = token.clone().into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        for (channel, request) in [
            (self.channel, (self.request)(1, "nonsense".to_owned())),
            (self.channel, (self.request)(1, String::from_utf8(changed).unwrap())),
            (self.channel, (self.request)(1, token[..token.len() - 1].to_owned())),
            (self.channel, (self.other)(token.clone())),
            (theirs, (self.request)(1, token.clone())),
        ] {
            let answer = self.ask(channel, request).await;
            refused(answer, Code::InvalidArgument, ErrorReason::PageTokenInvalid);
        }
        rows
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_year_come_with_their_source_and_their_day() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let get = async |name: &str| {
        let request = finance::GetRuleBookRequest { name: name.to_owned() };
        call::<_, finance::RuleBook>(&channel, GET_RULE_BOOK, request).await
    };
    let list = Paged {
        channel: &channel,
        path: LIST_FIGURES,
        request: |page_size, page_token| finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size,
            page_token,
            role: String::new(),
            rules_known_on_date: None,
        },
        other: |page_token| finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size: 1,
            page_token,
            role: "CP".to_owned(),
            rules_known_on_date: None,
        },
        page: |page: finance::ListFiguresResponse| {
            for figure in &page.figures {
                assert!(!figure.source.is_empty() && !figure.confidence.is_empty(), "{figure:?}");
                assert!(figure.applies_from_date.is_some() && figure.known_from_date.is_some());
            }
            (page.figures.into_iter().map(|one| one.name).collect(), page.next_page_token)
        },
    };

    let names = list.check(&operator).await;

    assert!(names.is_sorted());
    let digests = ["ruleBooks/2024-25", "ruleBooks/2025-26", "ruleBooks/2026-27"];
    let mut books = Vec::new();
    for name in digests {
        let book = get(name).await.unwrap().into_inner();
        assert_eq!((book.name.as_str(), book.digest.len()), (name, 64));
        assert!(!book.policies.is_empty() && book.figure_count > 0);
        books.push(book);
    }
    assert!(books.iter().all(|book| book.digest == books[0].digest));
    assert_eq!(usize::try_from(books[1].figure_count).unwrap(), names.len());
    let figures = async |role: &str, day: Option<Date>| {
        let request = finance::ListFiguresRequest {
            parent: "ruleBooks/2025-26".to_owned(),
            page_size: 1_000,
            page_token: String::new(),
            role: role.to_owned(),
            rules_known_on_date: day.map(date),
        };
        call::<_, finance::ListFiguresResponse>(&channel, LIST_FIGURES, request).await
    };
    let today = figures("CP", None).await.unwrap().into_inner().figures;
    let then = figures("CP", Some(RECORDED_ON)).await.unwrap().into_inner().figures;
    assert!(!then.is_empty() && then.len() < today.len());
    assert!(today.iter().chain(&then).all(|figure| figure.role == "CP"));
    let maximum = |figures: &[finance::Figure], value: i64| {
        figures.iter().any(|figure| figure.value == value && figure.unit == "pence_per_year")
    };
    assert!(maximum(&then, 6_697_200) && !maximum(&then, 6_941_000));
    assert!(maximum(&today, 6_697_200) && maximum(&today, 6_941_000));
    invalid(figures("cp", None).await, &["role"]);

    refused(get("ruleBooks/2031-32").await, Code::NotFound, ErrorReason::ResourceNotFound);
    for name in ["", "2025-26", "ruleBooks/2025", "ruleBooks/2025-27"] {
        invalid(get(name).await, &["name"]);
    }
    for (parent, code, reason) in [
        ("ruleBooks/2031-32", Code::NotFound, ErrorReason::ResourceNotFound),
        ("ruleBooks/x", Code::InvalidArgument, ErrorReason::FieldInvalid),
    ] {
        let request =
            finance::ListFiguresRequest { parent: parent.to_owned(), ..Default::default() };
        let answer: Result<Response<finance::ListFiguresResponse>, _> =
            call(&channel, LIST_FIGURES, request).await;
        refused(answer, code, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allocation_is_the_rate_times_the_weighted_list() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let get = async |channel: &Channel, name: &str| {
        let request = finance::GetAllocationRequest { name: name.to_owned(), ..Default::default() };
        call::<_, finance::Allocation>(channel, GET_ALLOCATION, request).await
    };

    let allocation = get(&viewer, "pcns/U09081/allocations/2025-26").await.unwrap().into_inner();

    assert_eq!(allocation.name, "pcns/U09081/allocations/2025-26");
    let [pot] = allocation.pots.as_slice() else { panic!("one pot: {allocation:?}") };
    assert_eq!((pot.pot.as_str(), pot.amount_pence), ("main", Some(132_202_729)));
    assert_eq!(pot.weighted_ten_thousandths, Some(496_424_200));
    assert_eq!(pot.list_date, Some(date(Date::constant(2025, 1, 1))));
    let rate = pot.rate.as_ref().unwrap();
    assert_eq!(rate.value, 266_310);
    assert_eq!(rate.unit, "ten_thousandths_of_a_pound_per_weighted_patient");
    assert!(pot.missing.is_empty());
    assert_eq!(allocation.cut.unwrap().rule_digest.len(), 64);

    // Two pots in the year before, whose list of 1 January 2024 nobody brought in.
    let before = get(&viewer, "pcns/U09081/allocations/2024-25").await.unwrap().into_inner();
    let pots: Vec<_> = before
        .pots
        .iter()
        .map(|pot| (pot.pot.as_str(), pot.amount_pence, pot.missing.is_empty()))
        .collect();
    assert_eq!(pots, [("main", None, false), ("gp", None, false)]);
    let hidden = denied(get(&viewer, "pcns/U31970/allocations/2025-26").await);
    let absent = denied(get(&viewer, "pcns/U99999/allocations/2025-26").await);
    assert_eq!(hidden.message().replace("U31970", "U99999"), absent.message());
    denied(get(&operator, "pcns/U99999/allocations/2025-26").await);
    for name in ["", "pcns/U09081", "pcns/U09081/allocations/2025", "allocations/2025-26"] {
        invalid(get(&viewer, name).await, &["name"]);
    }
    let wrong = finance::GetAllocationRequest {
        name: "pcns/U09081/allocations/x".to_owned(),
        rules_known_on_date: Some(WireDate { year: 2025, month: 13, day: 1 }),
        known_at_date: None,
    };
    let answer: Result<Response<finance::Allocation>, _> =
        call(&viewer, GET_ALLOCATION, wrong).await;
    invalid(answer, &["name", "rules_known_on_date"]);
    let today = finance::GetAllocationRequest {
        name: "pcns/U09081/allocations/2025-26".to_owned(),
        rules_known_on_date: None,
        known_at_date: Some(date(Clock::system().today())),
    };
    let answer: Result<Response<finance::Allocation>, _> =
        call(&viewer, GET_ALLOCATION, today).await;
    refused(answer, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_compared_with_itself_under_other_figures() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let operator = cluster.channel(&[OPERATOR]);
    let request = |parent: &str, reference: &str| finance::CompareClaimLineRequest {
        parent: parent.to_owned(),
        month: MONTH.to_owned(),
        reference: reference.to_owned(),
        from_rules_known_on_date: Some(date(RECORDED_ON)),
        to_rules_known_on_date: None,
        known_at_date: None,
    };
    let compare = async |channel: &Channel, request: finance::CompareClaimLineRequest| {
        call::<_, finance::CompareClaimLineResponse>(channel, COMPARE_CLAIM_LINE, request).await
    };

    let compared = compare(&viewer, request(PCN, "demo-e-002")).await.unwrap().into_inner();
    let same = compare(&viewer, request(PCN, "demo-e-003")).await.unwrap().into_inner();
    let nothing = finance::CompareClaimLineRequest {
        to_rules_known_on_date: Some(date(RECORDED_ON)),
        ..request(PCN, "demo-e-002")
    };
    let nothing = compare(&viewer, nothing).await.unwrap().into_inner();

    let payable = |line: Option<finance::ClaimLine>| line.unwrap().payable_pence;
    let told = compared.differences.join("\n");
    assert!(told.contains("66,972") && told.contains("69,410"), "{told}");
    assert_eq!([payable(compared.from), payable(compared.to)], [Some(558_100), Some(578_417)]);
    assert_eq!([payable(same.from), payable(same.to)], [Some(282_652), Some(282_652)]);
    assert_eq!((nothing.differences.len(), nothing.from), (0, nothing.to));

    let absent = compare(&viewer, request(PCN, "demo-e-999")).await;
    refused(absent, Code::NotFound, ErrorReason::ResourceNotFound);
    // An engagement of another PCN has no hours here.
    let other = compare(&viewer, request(PCN, "demo-e-101")).await;
    refused(other, Code::NotFound, ErrorReason::ResourceNotFound);
    denied(compare(&viewer, request("pcns/U31970", "demo-e-101")).await);
    denied(compare(&operator, request("pcns/U99999", "demo-e-101")).await);
    let wrong = finance::CompareClaimLineRequest {
        parent: "U09081".to_owned(),
        month: "July".to_owned(),
        ..Default::default()
    };
    let all = ["parent", "month", "reference", "from_rules_known_on_date"];
    invalid(compare(&viewer, wrong).await, &all);
}

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

/// A file of each service with at least three faults.
const FAULTY: [(&str, &str); 3] = [
    ("lists", "code,date,registered,weighted\nL82006,2025-01-32,x,y\nL82049,2025,1,1\n"),
    (
        "pay",
        "engagement_id,month,salary,employer_ni,employer_pension\n\
         demo-e-001,2025-13,x,1.00,1.00\ndemo-e-002,2025-07,1.000,1.00,1.00\n",
    ),
    (
        "sessions",
        "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n\
         s-1,demo-p-001,s,chat,2025-07-01,x,U09081\ns-2,demo-p-001,s,clinical,x,30,U09081\n",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_its_errors_are_shown_to_who_sent_it_and_who_may_read_all() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let another = |grant: &str| {
        let token = cluster.issuer(Clock::system()).token("another", &[grant.parse().unwrap()], 5);
        cluster.channel_to("gateway", &token)
    };
    let auditor = another("auditor@england");
    let manager = another(MANAGER);

    for (index, (kind, text)) in FAULTY.into_iter().enumerate() {
        let sent = upload(&operator, header(kind, text.as_bytes(), None), text.as_bytes()).await;
        let import = sent.unwrap().into_inner();
        assert_eq!(import.state(), ImportState::Refused, "{kind}");
        assert_eq!(import.file_name, format!("{kind}.csv"));
        let get = async |channel: &Channel, name: &str| {
            let request = GetImportRequest { name: name.to_owned() };
            call::<_, Import>(channel, GET_IMPORT[index], request).await
        };
        let list = async |channel: &Channel, parent: &str, page_size, page_token: &str| {
            let request = ListImportErrorsRequest {
                parent: parent.to_owned(),
                page_size,
                page_token: page_token.to_owned(),
            };
            let path = LIST_IMPORT_ERRORS[index];
            call::<_, ListImportErrorsResponse>(channel, path, request).await
        };

        for channel in [&operator, &auditor] {
            assert_eq!(get(channel, &import.name).await.unwrap().get_ref(), &import);
        }
        let unknown = format!("imports/{}", Uuid::now_v7());
        let hidden = denied(get(&manager, &import.name).await);
        let absent = denied(get(&manager, &unknown).await);
        assert_eq!(hidden.message().replace(&import.name, &unknown), absent.message());
        denied(get(&operator, &unknown).await);
        denied(list(&manager, &import.name, 0, "").await);
        denied(list(&operator, &unknown, 0, "").await);
        invalid(get(&operator, "imports/7").await, &["name"]);
        invalid(list(&operator, "imports/7", 0, "").await, &["parent"]);
        invalid(list(&operator, &import.name, -1, "").await, &["page_size"]);

        let all = errors_of(&operator, service_of(kind), &import.name).await;
        assert!(all.len() >= 3, "{kind}: {all:?}");
        assert!(all.is_sorted_by_key(|error| error.line), "{kind}: {all:?}");
        for size in [0, 1_000, 1_001] {
            let page = list(&auditor, &import.name, size, "").await.unwrap().into_inner();
            assert_eq!((page.errors.as_slice(), page.next_page_token.as_str()), (&all[..], ""));
        }
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(&operator, &import.name, 1, &token).await.unwrap().into_inner();
            assert_eq!(page.errors.len(), 1);
            walked.extend(page.errors);
            if page.next_page_token.is_empty() {
                break;
            }
            token = page.next_page_token;
        }
        assert_eq!(walked, all);
        let again = upload(&operator, header(kind, text.as_bytes(), None), text.as_bytes()).await;
        let second = again.unwrap().into_inner();
        for (channel, parent, token) in [
            (&operator, &second.name, token.as_str()),
            (&auditor, &import.name, token.as_str()),
            (&operator, &import.name, "nonsense"),
        ] {
            let answer = list(channel, parent, 1, token).await;
            refused(answer, Code::InvalidArgument, ErrorReason::PageTokenInvalid);
        }
        // An import is known to the service that took it, and to no other.
        let elsewhere = GET_IMPORT[(index + 1) % 3];
        let request = GetImportRequest { name: import.name.clone() };
        denied(call::<_, Import>(&operator, elsewhere, request).await);
        let viewer = list(&cluster.channel(&["pcn-viewer@pcn:U09081"]), &import.name, 0, "").await;
        let permission = metadata(&denied(viewer), "permission");
        assert_eq!(permission, Some(format!("{}.imports.read", service_of(kind))));
    }
}

fn summary(name: &str) -> GetPcnSummaryRequest {
    GetPcnSummaryRequest {
        name: name.to_owned(),
        month: MONTH.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    }
}

/// What the three summaries share, checked alike.
struct Summaries<'a, S, M> {
    cluster: &'a Cluster,
    get: &'static str,
    stream: &'static str,
    name: fn(&S) -> &str,
    part: fn(M) -> SummaryPart<S>,
}

enum SummaryPart<S> {
    Header(StreamHeader),
    Summary(S),
    Trailer(StreamTrailer),
}

impl<S, M> Summaries<'_, S, M>
where
    S: Message + Default + Debug + PartialEq + Send + Sync + 'static,
    M: Message + Default + Send + Sync + 'static,
{
    async fn check(&self) {
        let operator = self.cluster.channel(&[OPERATOR]);
        let manager = self.cluster.channel(&[MANAGER]);
        let here: S = call(&operator, self.get, summary(PCN)).await.unwrap().into_inner();
        let other: S =
            call(&operator, self.get, summary("pcns/U62043")).await.unwrap().into_inner();
        assert_eq!(((self.name)(&here), (self.name)(&other)), (PCN, "pcns/U62043"));
        let mine: Result<Response<S>, _> = call(&manager, self.get, summary(PCN)).await;
        assert_eq!((self.name)(mine.unwrap().get_ref()), PCN);
        let hidden = denied(self.ask(&manager, summary("pcns/U62043")).await);
        let absent = denied(self.ask(&manager, summary("pcns/U99999")).await);
        assert_eq!(hidden.message().replace("U62043", "U99999"), absent.message());
        denied(self.ask(&operator, summary("pcns/U99999")).await);
        denied(self.ask(&operator, summary("pcns/QT6")).await);
        let wrong = GetPcnSummaryRequest {
            name: "U09081".to_owned(),
            month: "2025-00".to_owned(),
            rules_known_on_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
            known_at_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
        };
        let all = ["name", "month", "rules_known_on_date", "known_at_date"];
        invalid(self.ask(&operator, wrong).await, &all);
        let today = date(Clock::system().today());
        let today = GetPcnSummaryRequest { known_at_date: Some(today), ..summary(PCN) };
        let today = self.ask(&operator, today).await;
        refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);

        // Twice asked, out of order, with strangers among them.
        let names = ["pcns/U62043", "pcns/U99999", PCN, "pcns/U62043", "pcns/QT6"];
        let (header, rows, trailer) = self.streamed(&operator, &names).await.unwrap();
        assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (2, 2, 2));
        assert!(!header.cut.unwrap().positions.is_empty());
        assert_eq!(rows, [here, other]);
        let (header, rows, trailer) = self.streamed(&manager, &names).await.unwrap();
        assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (1, 1, 3));
        assert_eq!(rows.iter().map(self.name).collect::<Vec<_>>(), [PCN]);
        let wrong = self.streamed(&operator, &["pcns/U09081", "U1", "organisations/U1"]).await;
        invalid(wrong, &["names[1]", "names[2]"]);
        invalid(self.streamed(&operator, &[]).await, &["names"]);
        let many = vec![PCN; 2_001];
        invalid(self.streamed(&operator, &many).await, &["names"]);
    }

    async fn ask(
        &self,
        channel: &Channel,
        request: GetPcnSummaryRequest,
    ) -> Result<Response<S>, Status> {
        call(channel, self.get, request).await
    }

    async fn streamed(
        &self,
        channel: &Channel,
        names: &[&str],
    ) -> Result<(StreamHeader, Vec<S>, StreamTrailer), Status> {
        let request = StreamPcnSummariesRequest {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            month: MONTH.to_owned(),
            rules_known_on_date: None,
            known_at_date: None,
        };
        let part = |message: M| Some((self.part)(message));
        let mut parts = collect(channel, self.stream, request, part).await?;
        let Some(SummaryPart::Trailer(trailer)) = parts.pop() else { panic!("it was cut") };
        let mut parts = parts.into_iter();
        let Some(SummaryPart::Header(header)) = parts.next() else { panic!("a header is first") };
        let rows = parts.map(|part| match part {
            SummaryPart::Summary(summary) => summary,
            SummaryPart::Header(_) | SummaryPart::Trailer(_) => panic!("rows are in between"),
        });
        Ok((header, rows.collect(), trailer))
    }
}

macro_rules! part_of {
    ($area:ident) => {
        |message: $area::StreamPcnSummariesResponse| {
            use $area::stream_pcn_summaries_response::Part;
            match message.part.expect("a message of a stream has a part") {
                Part::Header(header) => SummaryPart::Header(header),
                Part::Summary(summary) => SummaryPart::Summary(summary),
                Part::Trailer(trailer) => SummaryPart::Trailer(trailer),
            }
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_sums_up_a_pcn_and_streams_many() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;

    let of_workforce = Summaries {
        cluster: &cluster,
        get: WORKFORCE_SUMMARY,
        stream: WORKFORCE_STREAM,
        name: |summary: &workforce::PcnWorkforce| &summary.name,
        part: part_of!(workforce),
    };
    of_workforce.check().await;
    let of_finance = Summaries {
        cluster: &cluster,
        get: FINANCE_SUMMARY,
        stream: FINANCE_STREAM,
        name: |summary: &finance::PcnMoney| &summary.name,
        part: part_of!(finance),
    };
    of_finance.check().await;
    let of_supervision = Summaries {
        cluster: &cluster,
        get: SUPERVISION_SUMMARY,
        stream: SUPERVISION_STREAM,
        name: |summary: &supervision::PcnSupervision| &summary.name,
        part: part_of!(supervision),
    };
    of_supervision.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_tells_the_members_of_a_group() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let icb = cluster.channel(&["auditor@icb:QT6"]);
    let federation = cluster.channel(&["federation-manager@federation:DEMOFED01"]);
    let all = ["pcns/U09081", "pcns/U31970", "pcns/U60113", "pcns/U62043"];

    for path in LIST_MEMBERS {
        let ask = async |channel: &Channel, parent: &str, month: &str| {
            let request = ListMembersRequest {
                parent: format!("organisations/{parent}"),
                month: month.to_owned(),
                known_at_date: None,
            };
            call::<_, ListMembersResponse>(channel, path, request).await
        };
        for (channel, parent, month, members, hidden) in [
            (&operator, "ENGLAND", MONTH, &all[..], 0),
            (&icb, "QT6", MONTH, &all[..], 0),
            (&icb, "11N", MONTH, &all[..], 0),
            (&icb, "DEMOFED01", MONTH, &all[..2], 0),
            (&icb, "U60113", MONTH, &all[2..3], 0),
            (&federation, "QT6", MONTH, &all[..2], 2),
            (&operator, "DEMOFED01", "2024-04", &all[..2], 0),
        ] {
            let answer = ask(channel, parent, month).await.unwrap().into_inner();
            assert_eq!(answer.names, members, "{path} {parent} {month}");
            assert_eq!(answer.hidden_count, hidden, "{path} {parent} {month}");
        }
        // Members are those of the month's last day.
        denied(ask(&operator, "DEMOFED01", "2024-03").await);
        denied(ask(&federation, "U62043", MONTH).await);
        denied(ask(&operator, "U99999", MONTH).await);
        invalid(ask(&operator, "u", "2025").await, &["parent", "month"]);
    }
}
