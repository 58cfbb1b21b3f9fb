//! The audit trail from end to end: what leaves an entry, what is in it, and what tampering shows.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::{Duration, Instant};

use arrs_proto::admin::v1::{
    AuditEvent, AuditHead, AuditOutcome, ListAuditEventsRequest, ListAuditEventsResponse,
    VerifyAuditTrailRequest, VerifyAuditTrailResponse,
};
use arrs_proto::workforce::v1::{
    EndEngagementRequest, Engagement, GetPersonRequest, Person, SetAssignmentRequest,
    SetAssignmentResponse, WithdrawAssignmentRequest,
};
use arrs_tests::cluster::Cluster;
use kit::client::Channel;
use kit::error::reason_of;
use kit::identity::{ROLES, Role};
use kit::{Clock, ErrorReason};
use serde_json::Value;
use terms::Date;
use tonic::{Code, Request};
use uuid::Uuid;

use crate::demo_set::{self, MONTH, OPERATOR, PRODUCERS, STAFF, call, denied, invalid, refused};
use crate::tenancy::probe::{Answer, Target, ask, check_row, probe};
use crate::tenancy::{channel_of, grant, target, targets, two_boards};

const LIST_WORKFORCE: &str = "/arrs.workforce.v1.AuditService/ListAuditEvents";
const VERIFY_WORKFORCE: &str = "/arrs.workforce.v1.AuditService/VerifyAuditTrail";
const LIST: [&str; 3] = [
    LIST_WORKFORCE,
    "/arrs.finance.v1.AuditService/ListAuditEvents",
    "/arrs.supervision.v1.AuditService/ListAuditEvents",
];
pub(crate) const VERIFY: [&str; 3] = [
    VERIFY_WORKFORCE,
    "/arrs.finance.v1.AuditService/VerifyAuditTrail",
    "/arrs.supervision.v1.AuditService/VerifyAuditTrail",
];
const GET_PERSON: &str = "/arrs.workforce.v1.PersonService/GetPerson";
/// The methods that change one record.
const CHANGES: [&str; 3] = [
    "/arrs.workforce.v1.EngagementService/SetAssignment",
    "/arrs.workforce.v1.EngagementService/EndEngagement",
    "/arrs.workforce.v1.EngagementService/WithdrawAssignment",
];
const NOT_PERMITTED: &str = "ERROR_REASON_NOT_PERMITTED";
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(25);

/// What the trail of a service says under a filter, the newest first.
async fn events(channel: &Channel, path: &str, filter: ListAuditEventsRequest) -> Vec<AuditEvent> {
    let request = ListAuditEventsRequest { page_size: 1_000, ..filter };
    let page: ListAuditEventsResponse = ask(channel, path, request).await.unwrap();
    assert_eq!(page.next_page_token, "", "a test leaves less than a page");
    page.events
}

/// What one subject left in all trails, each with its service.
async fn left_by(auditor: &Channel, subject: &str) -> Vec<(&'static str, AuditEvent)> {
    let mut left = Vec::new();
    for (service, path) in PRODUCERS.into_iter().zip(LIST) {
        let principal = format!("{} {subject}", kit::identity::LOCAL_ISSUER);
        let filter = ListAuditEventsRequest { principal, ..Default::default() };
        let found = events(auditor, path, filter).await;
        left.extend(found.into_iter().map(|event| (service, event)));
    }
    left
}

/// The service that owns a method; what nobody may of a report is recorded by workforce.
fn owner(path: &str) -> &'static str {
    PRODUCERS.into_iter().find(|service| path.contains(service)).unwrap_or("workforce")
}

fn is_report(path: &str) -> bool {
    path.starts_with("/arrs.report.")
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_1_every_call_leaves_exactly_the_entries_that_it_must() {
    let cluster = two_boards().await;
    let operator = channel_of(&cluster, "operator", &[OPERATOR]);
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    let places = targets(&operator).await;
    let manager = "pcn-manager@pcn:U09081";

    for (number, (path, rule)) in kit::rules::methods().unwrap().into_iter().enumerate() {
        let method = path.trim_start_matches('/');
        // Nobody's permission.
        if let Some(role) = ROLES.iter().find(|role| !role.permits(&rule.permission)) {
            let subject = format!("no-permission-{number}");
            let channel = channel_of(&cluster, &subject, &[&grant(*role)]);
            let answer = probe(&channel, &path, &places[0]).await;
            assert_ne!(answer, Answer::Reached, "{path}");
            let left = left_by(&auditor, &subject).await;
            let [(service, event)] = &left[..] else { panic!("{path} as {role}: {left:#?}") };
            assert_eq!((*service, &event.method[..]), (owner(&path), method));
            assert_eq!((event.outcome(), &event.reason[..]), (AuditOutcome::Denied, NOT_PERMITTED));
            assert_eq!((&event.detail, &event.resource[..]), (&rule.permission, ""));
        }
        if !Role::PcnManager.permits(&rule.permission) {
            continue;
        }
        // Somebody else's rows.
        let subject = format!("elsewhere-{number}");
        let channel = channel_of(&cluster, &subject, &[manager]);
        if let Answer::Refused(why) = probe(&channel, &path, &places[3]).await
            && why.starts_with("PermissionDenied")
        {
            let left = left_by(&auditor, &subject).await;
            assert!(!left.is_empty(), "{path}: {why}");
            assert!(left.len() == 1 || is_report(&path), "{path}: {left:#?}");
            for (_, event) in left {
                assert_eq!(event.outcome(), AuditOutcome::Denied, "{path}: {event:#?}");
                assert_eq!(event.reason, NOT_PERMITTED, "{path}");
                assert_ne!(event.resource, "", "{path}: the resource was named");
            }
        }
        // One's own.
        let subject = format!("own-{number}");
        let channel = channel_of(&cluster, &subject, &[manager]);
        let imports = imports_of(&channel).await;
        let before = left_by(&auditor, &subject).await;
        let own = Target { imports, ..places[0].clone() };
        let answer = probe(&channel, &path, &own).await;
        let mut left = left_by(&auditor, &subject).await;
        left.retain(|event| !before.iter().any(|(_, known)| known.id == event.1.id));
        let outcomes: Vec<AuditOutcome> = left.iter().map(|(_, event)| event.outcome()).collect();
        // Of changes only an import leaves something when it is checked and not made.
        let expected = match (rule.personal, path.ends_with("/CreateImport")) {
            (true, _) => vec![AuditOutcome::Read],
            (false, true) => vec![AuditOutcome::Done],
            (false, false) => vec![],
        };
        assert_eq!(outcomes, expected, "{path} answered {answer:?}: {left:#?}");
        for (service, event) in left {
            assert_eq!((service, &event.method[..]), (owner(&path), method));
            assert_eq!(event.tenant, "organisations/U09081", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_1_a_change_leaves_one_entry_and_its_repeat_none() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U09081"]);
    let operator = channel_of(&cluster, "operator", &[OPERATOR]);
    let name = target(&operator, "U09081", "demo-e-001", "demo-p-001").await.engagement;
    let pcn = demo_set::PCN.to_owned();
    let day = |month| Some(kit::wire::date(Date::constant(2026, month, 1)));
    let set = SetAssignmentRequest {
        name: name.clone(),
        pcn: pcn.clone(),
        start_date: day(1),
        weekly_minutes: Some(600),
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let withdraw = WithdrawAssignmentRequest {
        name: name.clone(),
        pcn,
        start_date: day(1),
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let end = EndEngagementRequest {
        name: name.clone(),
        last_date: day(3),
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };

    for _ in 0..2 {
        ask::<_, SetAssignmentResponse>(&manager, CHANGES[0], set.clone()).await.unwrap();
    }
    for _ in 0..2 {
        ask::<_, Engagement>(&manager, CHANGES[1], end.clone()).await.unwrap();
    }
    for _ in 0..2 {
        ask::<_, Engagement>(&manager, CHANGES[2], withdraw.clone()).await.unwrap();
    }

    let mut left = left_by(&auditor, "manager").await;
    left.reverse();
    let methods: Vec<String> = left.iter().map(|(_, it)| format!("/{}", it.method)).collect();
    assert_eq!(methods, CHANGES, "{left:#?}");
    for (service, event) in left {
        assert_eq!((service, event.outcome()), ("workforce", AuditOutcome::Done));
        assert_eq!((&event.resource, &event.tenant[..]), (&name, "organisations/U09081"));
    }
}

/// The traces of what a process logged of a method.
fn traces(cluster: &Cluster, role: &str, method: &str) -> Vec<String> {
    let log = cluster.log(role);
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_method = lines.filter(|line| line["rpc.method"] == method.trim_start_matches('/'));
    of_method.map(|line| line["trace_id"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_in_all_logs_its_entry_and_its_fact_where_nothing_collects_traces() {
    const ASKED: &str = "0af7651916cd43dd8448eb211c80319c";
    let mut cluster = Cluster::idle(&[
        ("ARRS__KIT__LOG__FILTER", "info,arrs_kit=debug"),
        ("ARRS__KIT__LOG__FORMAT", "json"),
    ])
    .await;
    cluster.start_separate().await;
    demo_set::bring_in(&cluster).await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U09081"]);
    let operator = channel_of(&cluster, "operator", &[OPERATOR]);
    let name = target(&operator, "U09081", "demo-e-001", "demo-p-001").await.engagement;
    let mut seen = BTreeSet::new();

    for (month, asked) in [(1, true), (2, false), (3, false)] {
        let mut request = Request::new(SetAssignmentRequest {
            name: name.clone(),
            pcn: demo_set::PCN.to_owned(),
            start_date: Some(kit::wire::date(Date::constant(2026, month, 1))),
            weekly_minutes: Some(600 + i32::from(month)),
            ..Default::default()
        });
        if asked {
            let parent = format!("00-{ASKED}-b7ad6b7169203331-01").parse().unwrap();
            request.metadata_mut().insert("traceparent", parent);
        }
        manager.unary::<_, SetAssignmentResponse>(CHANGES[0], request).await.unwrap();

        let trace = left_by(&auditor, "manager").await.remove(0).1.trace_id;
        assert_eq!(trace == ASKED, asked, "{trace}");
        assert_eq!(trace.len(), ASKED.len());
        let told = demo_set::facts(&operator, "workforce", 0).await.facts.pop().unwrap();
        assert_eq!(told.traceparent.split('-').nth(1), Some(&trace[..]));
        for role in ["gateway", "workforce"] {
            let logged = traces(&cluster, role, CHANGES[0]);
            assert_eq!(logged.last(), Some(&trace), "{role}: {logged:?}");
        }
        assert!(seen.insert(trace), "each call is a trace of its own: {seen:?}");
    }

    // A refusal and a read of personal data as well.
    let missing = GetPersonRequest { name: format!("people/{}", Uuid::new_v4()) };
    denied(call::<_, Person>(&manager, GET_PERSON, missing).await);
    let person = target(&operator, "U09081", "demo-e-001", "demo-p-001").await.person;
    ask::<_, Person>(&manager, GET_PERSON, GetPersonRequest { name: person }).await.unwrap();
    let logged = traces(&cluster, "gateway", GET_PERSON);
    let left = left_by(&auditor, "manager").await.into_iter().take(2);
    let left: Vec<String> = left.map(|(_, event)| event.trace_id).collect();
    assert_eq!(left.iter().rev().collect::<Vec<_>>(), logged.iter().collect::<Vec<_>>());
    assert_ne!(left[0], left[1]);
}

/// An import of one's own in each service.
async fn imports_of(channel: &Channel) -> [String; 3] {
    let mut names: [String; 3] = Default::default();
    let files = [("staff", STAFF), ("pay", demo_set::PAY), ("sessions", demo_set::SESSIONS)];
    for ((name, service), (kind, file)) in names.iter_mut().zip(PRODUCERS).zip(files) {
        let path = format!("/arrs.{service}.v1.ImportService/CreateImport");
        *name = check_row(channel, &path, kind, file, "refused").await.unwrap().name;
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn particulars_are_recorded_as_read_and_changed_and_are_in_no_entry_and_no_log() {
    const CANARY: [&str; 4] = ["Kanarienvogel", "Invented-Canary", "CANARY-4711", "Kanarienhenne"];
    let settings = [("ARRS__KIT__LOG__FILTER", "trace"), ("ARRS__KIT__LOG__FORMAT", "json")];
    let cluster = Cluster::with(&settings).await;
    demo_set::bring_in(&cluster).await;
    let header = STAFF.lines().next().unwrap();
    let row = |family: &str, hours: &str| {
        format!(
            "{header}\ncanary-e,canary-p,{family},{},CP,standard,7,DEMOPRA01,LEAD_PRACTICE,U09081,\
             {hours},,2025-07-01,,GPhC,{},2026-12-31,,\n",
            CANARY[1], CANARY[2]
        )
    };
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U09081"]);
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    for (family, hours) in [(CANARY[0], "30"), (CANARY[0], "20"), (CANARY[3], "20")] {
        let text = row(family, hours);
        let import = arrs_tests::cluster::import(&manager, "staff", text.as_bytes(), None).await;
        let import = import.unwrap().into_inner();
        let errors = demo_set::errors_of(&manager, "workforce", &import.name).await;
        assert!(errors.is_empty(), "{errors:?}");
    }
    // Broken files are told about by line; their cells go nowhere else.
    let broken = row(CANARY[0], "many");
    arrs_tests::cluster::import(&manager, "staff", broken.as_bytes(), None).await.unwrap();

    let changes: Vec<AuditEvent> = left_by(&auditor, "manager")
        .await
        .into_iter()
        .map(|(_, event)| event)
        .filter(|event| event.resource.starts_with("people/"))
        .collect();
    let told: Vec<(&str, &str)> =
        changes.iter().map(|event| (&event.detail[..], &event.tenant[..])).collect();
    let of = "organisations/U09081";
    assert_eq!(
        told,
        [("personal particulars changed", of), ("personal particulars recorded", of)],
        "the hours alone are no change of particulars"
    );
    let name = changes[0].resource.clone();
    let person: Person =
        ask(&manager, GET_PERSON, GetPersonRequest { name: name.clone() }).await.unwrap();
    assert_eq!(person.family_name, CANARY[3]);
    assert_eq!(person.registrations[0].number, CANARY[2]);
    let filter = ListAuditEventsRequest { resource: name.clone(), ..Default::default() };
    let about = events(&auditor, LIST_WORKFORCE, filter).await;
    let outcomes: Vec<AuditOutcome> = about.iter().map(AuditEvent::outcome).collect();
    assert_eq!(outcomes, [AuditOutcome::Read, AuditOutcome::Done, AuditOutcome::Done]);
    // The answer says it, and so would a search of everything that was kept of the calls.
    let mut all = Vec::new();
    for path in LIST {
        all.extend(events(&auditor, path, ListAuditEventsRequest::default()).await);
    }
    assert!(all.len() > 10);
    let trail = format!("{all:?}");
    let log = cluster.log("all");
    assert!(log.contains("GetPerson"), "the log tells of the calls");
    for canary in CANARY {
        assert!(!trail.contains(canary), "{canary} is in the trail");
        let line = log.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} is in the log: {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_listed_by_filter_and_page_and_to_whom_they_concern() {
    let cluster = two_boards().await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    let icb = channel_of(&cluster, "icb-auditor", &["auditor@icb:QT6"]);
    let prowler = channel_of(&cluster, "prowler", &["pcn-manager@pcn:DEMOPCN02"]);
    let report = |pcn: &str| arrs_proto::report::v1::GetPcnReportRequest {
        name: format!("pcns/{pcn}"),
        month: MONTH.to_owned(),
        ..Default::default()
    };
    denied(
        call::<_, arrs_proto::report::v1::PcnReport>(
            &prowler,
            demo_set::GET_REPORT,
            report("U09081"),
        )
        .await,
    );
    let missing = GetPersonRequest { name: format!("people/{}", Uuid::new_v4()) };
    denied(call::<_, Person>(&prowler, GET_PERSON, missing).await);

    // The auditor of the ICB sees who looked at its PCN, and nothing of others or of nobody.
    for (path, service) in LIST.into_iter().zip(PRODUCERS) {
        let seen = events(&icb, path, ListAuditEventsRequest::default()).await;
        let looked = seen.iter().filter(|event| event.outcome() == AuditOutcome::Denied);
        let resources: Vec<&str> = looked.map(|event| &event.resource[..]).collect();
        assert_eq!(resources, ["pcns/U09081"], "{service}");
        let others: Vec<_> = seen
            .iter()
            .filter(|event| event.tenant.is_empty() || event.tenant.contains("DEMOPCN02"))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
    }
    let all = events(&auditor, LIST_WORKFORCE, ListAuditEventsRequest::default()).await;
    assert!(all.iter().any(|event| event.tenant == "organisations/DEMOPCN02"));
    assert!(all.iter().any(|event| event.tenant.is_empty()));

    let one = all[all.len() / 2].clone();
    let mut wider = one.time.unwrap();
    wider.seconds += 3_600;
    for (filter, holds) in [
        (
            ListAuditEventsRequest { method: one.method.clone(), ..Default::default() },
            Box::new(|event: &AuditEvent| event.method == one.method)
                as Box<dyn Fn(&AuditEvent) -> bool + '_>,
        ),
        (
            ListAuditEventsRequest { tenant: one.tenant.clone(), ..Default::default() },
            Box::new(|event: &AuditEvent| event.tenant == one.tenant),
        ),
        (
            ListAuditEventsRequest { outcome: AuditOutcome::Denied.into(), ..Default::default() },
            Box::new(|event: &AuditEvent| event.outcome() == AuditOutcome::Denied),
        ),
        (
            ListAuditEventsRequest { from_time: Some(wider), ..Default::default() },
            Box::new(|_: &AuditEvent| false),
        ),
        (
            ListAuditEventsRequest {
                from_time: one.time,
                until_time: Some(wider),
                principal: one.principal.clone(),
                ..Default::default()
            },
            Box::new(|event: &AuditEvent| {
                let time = |event: &AuditEvent| event.time.map(|it| (it.seconds, it.nanos));
                event.principal == one.principal && time(event) >= time(&one)
            }),
        ),
    ] {
        let found = events(&auditor, LIST_WORKFORCE, filter.clone()).await;
        let ids = |events: Vec<&AuditEvent>| -> Vec<String> {
            events.into_iter().map(|event| event.id.clone()).collect()
        };
        let expected = ids(all.iter().filter(|event| holds(event)).collect());
        assert_eq!(ids(found.iter().collect()), expected, "{filter:?}");
    }
    let wrong = ListAuditEventsRequest {
        tenant: "U09081".to_owned(),
        principal: "x".repeat(513),
        outcome: 99,
        from_time: Some(wider),
        until_time: one.time,
        ..Default::default()
    };
    let wrong = call::<_, ListAuditEventsResponse>(&auditor, LIST_WORKFORCE, wrong).await;
    invalid(wrong, &["until_time", "principal", "tenant", "outcome"]);

    let page = |size, page_token| ListAuditEventsRequest {
        page_size: size,
        page_token,
        ..Default::default()
    };
    let first: ListAuditEventsResponse =
        ask(&auditor, LIST_WORKFORCE, page(4, String::new())).await.unwrap();
    let second: ListAuditEventsResponse =
        ask(&auditor, LIST_WORKFORCE, page(4, first.next_page_token.clone())).await.unwrap();
    let ids: Vec<&String> = first.events.iter().chain(&second.events).map(|it| &it.id).collect();
    assert_eq!(ids, all[..8].iter().map(|event| &event.id).collect::<Vec<_>>());
    let stolen =
        call::<_, ListAuditEventsResponse>(&icb, LIST_WORKFORCE, page(4, first.next_page_token));
    refused(stolen.await, Code::InvalidArgument, ErrorReason::PageTokenInvalid);
}

async fn ask_head(channel: &Channel) -> Result<VerifyAuditTrailResponse, tonic::Status> {
    ask(channel, VERIFY_WORKFORCE, VerifyAuditTrailRequest::default()).await
}

/// Waits until nothing waits for its seal, and answers the whole chain.
pub(crate) async fn sealed(channel: &Channel, path: &str) -> VerifyAuditTrailResponse {
    let started = Instant::now();
    loop {
        let request = VerifyAuditTrailRequest::default();
        let found: VerifyAuditTrailResponse = ask(channel, path, request).await.unwrap();
        assert_eq!(found.broken, None);
        if found.unsealed_count == 0 && found.sealed_count > 0 {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "nothing is sealed: {found:?}");
        tokio::time::sleep(LOOK).await;
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn audit(cluster: &Cluster, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<&str> = ["audit"].into_iter().chain(arguments.iter().copied()).collect();
    let Output { status, stdout, stderr } = cluster.run(&arguments);
    (status.code(), text(&stdout) + &text(&stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_4_what_is_changed_in_the_database_of_a_service_is_found_by_the_command() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    for path in VERIFY {
        sealed(&auditor, path).await;
    }
    let (code, said) = audit(&cluster, &["verify"]);
    assert_eq!(code, Some(0), "{said}");
    for service in PRODUCERS {
        assert!(said.contains(&format!("{service}: whole, ")), "{said}");
    }
    let head = said.lines().find(|line| line.starts_with("workforce")).unwrap();
    let head = head.split_whitespace().last().unwrap().to_owned();
    let (sequence, hash) = head.split_once(':').unwrap();
    let (code, said) = audit(&cluster, &["verify", "workforce", "--head", &head]);
    assert_eq!(code, Some(0), "{said}");
    for (head, why) in [
        (format!("{sequence}:{}", hash.chars().rev().collect::<String>()), "written anew"),
        (format!("9999:{hash}"), "cut off"),
    ] {
        let (code, said) = audit(&cluster, &["verify", "workforce", "--head", &head]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let (code, said) = audit(&cluster, &["verify", "workforce", "--head", "7:beef"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = audit(&cluster, &["list", "workforce", "--outcome", "done", "--limit", "3"]);
    assert_eq!((code, said.lines().count()), (Some(0), 3), "{said}");
    assert!(said.contains("arrs.workforce.v1.ImportService/CreateImport"), "{said}");

    let filter =
        ListAuditEventsRequest { outcome: AuditOutcome::Done.into(), ..Default::default() };
    let all = events(&auditor, LIST_WORKFORCE, filter).await;
    let victim = all.iter().find(|event| event.detail == "personal particulars recorded").unwrap();
    assert!(victim.sequence > 1, "{victim:?}");
    let tamper = format!(
        "UPDATE audit_entry SET detail = upper(detail) \
         WHERE id = (SELECT entry_id FROM audit_seal WHERE sequence = {})",
        victim.sequence
    );
    cluster.execute("workforce", &tamper).await;

    let (code, said) = audit(&cluster, &["verify"]);
    assert_eq!(code, Some(1), "{said}");
    let told = format!("workforce: the audit trail is broken at {}: the event", victim.sequence);
    assert!(said.contains(&told), "{told}\n{said}");
    for service in ["finance", "supervision"] {
        assert!(said.contains(&format!("{service}: whole, ")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_walked_in_pages_by_those_who_may_see_all_of_it() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    let whole = sealed(&auditor, VERIFY_WORKFORCE).await;
    assert_eq!((whole.checked_count, whole.finished), (whole.sealed_count, true));

    let (mut after, mut checked) = (None, 0);
    loop {
        let request = VerifyAuditTrailRequest { after, known: whole.last.clone(), page_size: 5 };
        let page: VerifyAuditTrailResponse =
            ask(&auditor, VERIFY_WORKFORCE, request).await.unwrap();
        assert_eq!(page.broken, None);
        checked += page.checked_count;
        if page.finished {
            break;
        }
        assert_eq!(page.checked_count, 5);
        after = page.last;
    }
    assert!(checked >= whole.checked_count);

    let wrong = VerifyAuditTrailRequest {
        after: Some(AuditHead { sequence: -1, hash: String::new() }),
        known: Some(AuditHead { sequence: 1, hash: "beef".to_owned() }),
        page_size: -1,
    };
    let wrong = call::<_, VerifyAuditTrailResponse>(&auditor, VERIFY_WORKFORCE, wrong).await;
    invalid(wrong, &["after.sequence", "known.hash", "page_size"]);
    let icb = channel_of(&cluster, "icb-auditor", &["auditor@icb:QT6"]);
    let ask = VerifyAuditTrailRequest::default();
    denied(call::<_, VerifyAuditTrailResponse>(&icb, VERIFY_WORKFORCE, ask).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_2_a_report_that_nobody_may_see_is_not_even_refused_while_nobody_can_record_it() {
    let mut cluster = Cluster::separate().await;
    let stranger = channel_of(&cluster, "stranger", &["service@england"]);
    let ask = || arrs_proto::report::v1::GetPcnReportRequest {
        name: "pcns/U09081".to_owned(),
        month: MONTH.to_owned(),
        ..Default::default()
    };
    let report =
        || call::<_, arrs_proto::report::v1::PcnReport>(&stranger, demo_set::GET_REPORT, ask());
    denied(report().await);

    assert!(cluster.terminate("workforce").await.success());
    let status = report().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason_of(&status), Some(ErrorReason::ServiceUnreachable));

    cluster.start("workforce").await;
    let auditor = channel_of(&cluster, "auditor", &["auditor@england"]);
    // The gateway leaves a peer alone for a moment that was not there.
    let started = Instant::now();
    while ask_head(&auditor).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "workforce does not come back");
        tokio::time::sleep(LOOK).await;
    }
    let left = left_by(&auditor, "stranger").await;
    let [(service, event)] = &left[..] else { panic!("{left:#?}") };
    assert_eq!((*service, event.method.as_str()), ("workforce", &demo_set::GET_REPORT[1..]));
    assert_eq!(
        Clock::system().today(),
        Clock::system().day(kit::wire::instant(event.time.as_ref().unwrap()).unwrap())
    );
}
