//! Who sees whose data: one table for all methods and roles, and the ways around it.

pub(crate) mod probe;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use arrs_proto::admin::v1::{GetImportRequest, Import, ImportState};
use arrs_proto::event::v1::{AssignmentHoursSet, EngagementRecorded, OrganisationNamed};
use arrs_proto::finance::v1::Claim;
use arrs_proto::report::v1 as report;
use arrs_proto::summary::v1::{ListMembersRequest, ListMembersResponse};
use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse};
use arrs_proto::workforce::v1::{
    Engagement, GetEngagementRequest, GetPersonRequest, ListEngagementsRequest,
    ListEngagementsResponse, Organisation, Person,
};
use arrs_tests::cluster::{self, Cluster};
use kit::client::Channel;
use kit::error::reason_of;
use kit::identity::{Grant, ROLES, Role};
use kit::server::position_of;
use kit::{Clock, ErrorReason};
use prost::{Message, Name};
use tonic::Code;
use uuid::Uuid;

use crate::claims::{PREPARE, SUBMIT, asked};
use crate::demo_set::{self, OPERATOR, STAFF, collect, denied, positions};
use probe::{Answer, Target, ask, check_row, probe};

const LIST_ENGAGEMENTS: &str = "/arrs.workforce.v1.EngagementService/ListEngagements";
const LIST_SESSIONS: &str = "/arrs.supervision.v1.SessionService/ListSessions";
const GET_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/GetEngagement";
const GET_PERSON: &str = "/arrs.workforce.v1.PersonService/GetPerson";

/// A PCN, one of its federation, of its ICB, and of another ICB.
const PLACES: [&str; 4] = ["U09081", "U31970", "U60113", "DEMOPCN02"];
/// A PCN of another ICB, with one of everything.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "organisations",
        "code,name,kind,relation,related_code,valid_from,valid_to,london_area\n\
         DEMOICB02,SECOND DEMONSTRATION ICB (invented),icb,part-of,Y58,2022-07-01,,\n\
         DEMOSUB02,SECOND DEMONSTRATION SUB-ICB (invented),sub-icb,part-of,DEMOICB02,2022-07-01,,\n\
         DEMOPCN02,SECOND DEMONSTRATION PCN (invented),pcn,part-of,DEMOSUB02,2022-07-01,,outside\n\
         DEMOPRA02,SECOND DEMONSTRATION PRACTICE (invented),practice,part-of,DEMOPCN02,2022-07-01,,\n",
    ),
    ("lists", "code,date,registered,weighted\nDEMOPRA02,2025-01-01,30000,30000.00\n"),
    (
        "staff",
        "engagement_id,person_id,family_name,given_name,role,stage,band,employer_code,model,pcn_code,\
         weekly_hours,full_time_hours,start,end,registration_body,registration_number,\
         registration_expiry,leaving_reason\n\
         far-e-1,far-p-1,Demo-Far,One,CP,standard,7,DEMOPRA02,LEAD_PRACTICE,DEMOPCN02,37.5,,\
         2024-01-01,,GPhC,DEMO-901,2026-12-31,\n",
    ),
    (
        "pay",
        "engagement_id,month,salary,employer_ni,employer_pension,fees,paid_on\n\
         far-e-1,2025-07,3000.00,300.00,400.00,,2025-07-28\n",
    ),
    (
        "sessions",
        "session_id,person_id,supervisor_id,kind,date,minutes,pcn_code\n\
         far-s-1,far-p-1,far-s-9,clinical,2025-07-09,60,DEMOPCN02\n",
    ),
];

/// The demonstration set and a PCN elsewhere, each PCN's month claimed.
pub(crate) async fn two_boards() -> Cluster {
    let cluster = Cluster::one().await;
    fill(&cluster).await;
    cluster
}

async fn fill(cluster: &Cluster) {
    demo_set::bring_in(cluster).await;
    for (kind, text) in ELSEWHERE {
        demo_set::take(cluster, kind, text, Some(demo_set::RECORDED_ON)).await;
    }
    for pcn in PLACES {
        let manager = channel_of(cluster, "claimant", &[&format!("pcn-manager@pcn:{pcn}")]);
        let name = format!("pcns/{pcn}/claims/{}", demo_set::MONTH);
        let prepare = asked(PREPARE, &name, "");
        let claim: Claim = ask(&manager, PREPARE, prepare).await.unwrap();
        let submit = asked(SUBMIT, &name, &claim.etag);
        ask::<_, Claim>(&manager, SUBMIT, submit).await.unwrap();
    }
}

/// Each of the targets under a second owner, in the same PCN.
async fn match_everybody(operator: &Channel) {
    for (owner, employer, pcn, registration) in [
        ("DEMOFED01", "DEMOFED01,FEDERATION", "U09081", "GPhC,DEMO-001"),
        ("U31970", "DEMOCOM01,PCN_DIRECT", "U31970", "GPhC,DEMO-101"),
        ("QT6", "DEMOPRA01,LEAD_PRACTICE", "U60113", "NMC,DEMO-201"),
        ("DEMOICB02", "DEMOPRA02,LEAD_PRACTICE", "DEMOPCN02", "GPhC,DEMO-901"),
    ] {
        let text = format!(
            "{}\nsame-e,same-p,Demo-Same,One,CP,standard,7,{employer},{pcn},10,,2025-01-06,,\
             {registration},,,\n",
            STAFF.lines().next().unwrap()
        );
        let mut header = cluster::header("staff", text.as_bytes(), None);
        header.owner = format!("organisations/{owner}");
        let import = cluster::upload(operator, header, text.as_bytes()).await.unwrap();
        let (import, position) = (import.get_ref(), position_of(import.metadata()));
        assert_eq!(import.state(), ImportState::Done, "{import:?}");
        demo_set::settle(operator, position.unwrap()).await;
    }
}

/// A channel of somebody who is nobody else.
pub(crate) fn channel_of(cluster: &Cluster, subject: &str, grants: &[&str]) -> Channel {
    let grants: Vec<Grant> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    let token = cluster.issuer(Clock::system()).token(subject, &grants, 60);
    cluster.channel_to("gateway", &token)
}

async fn engagements(channel: &Channel, pcn: &str) -> Vec<Engagement> {
    let request = ListEngagementsRequest {
        parent: format!("pcns/{pcn}"),
        page_size: 1_000,
        ..Default::default()
    };
    let page: ListEngagementsResponse = ask(channel, LIST_ENGAGEMENTS, request).await.unwrap();
    page.engagements
}

pub(crate) async fn target(
    operator: &Channel,
    pcn: &str,
    engagement: &str,
    person: &str,
) -> Target {
    let all = engagements(operator, pcn).await;
    let found = all.iter().find(|it| it.reference == engagement).cloned().unwrap();
    // Hours may be withdrawn by who may change all of their days: here, the newest.
    let first = |it: &Engagement| it.assignments[0].start_date.unwrap();
    let request = ListSessionsRequest {
        parent: format!("pcns/{pcn}"),
        page_size: 1_000,
        ..Default::default()
    };
    let held: ListSessionsResponse = ask(operator, LIST_SESSIONS, request).await.unwrap();
    let session = held.sessions.into_iter().find(|it| it.person == found.person).unwrap();
    let kept = all.iter().filter(|it| it.owner == found.owner);
    let newest = kept.max_by_key(|it| (first(it).year, first(it).month)).unwrap();
    Target {
        pcn: pcn.to_owned(),
        engagement_reference: engagement.to_owned(),
        newest: (newest.name.clone(), first(newest)),
        engagement: found.name,
        person_reference: person.to_owned(),
        session: session.name,
        person: found.person,
        imports: Default::default(),
    }
}

/// Something in each of [`PLACES`].
pub(crate) async fn targets(operator: &Channel) -> [Target; 4] {
    [
        target(operator, PLACES[0], "demo-e-001", "demo-p-001").await,
        target(operator, PLACES[1], "demo-e-101", "demo-p-101").await,
        target(operator, PLACES[2], "demo-e-201", "demo-p-201").await,
        target(operator, PLACES[3], "far-e-1", "far-p-1").await,
    ]
}

fn absent() -> Target {
    Target {
        pcn: "U99999".to_owned(),
        engagement_reference: "no-such-e".to_owned(),
        engagement: format!("engagements/{}", Uuid::new_v4()),
        newest: (format!("engagements/{}", Uuid::new_v4()), kit::wire::date(demo_set::RECORDED_ON)),
        person_reference: "no-such-p".to_owned(),
        person: format!("people/{}", Uuid::new_v4()),
        session: format!("sessions/{}", Uuid::new_v4()),
        imports: std::array::from_fn(|_| format!("imports/{}", Uuid::new_v4())),
    }
}

/// The scope in which a role is given, in the table.
pub(crate) fn grant(role: Role) -> String {
    let scope = match role {
        Role::PcnManager | Role::PcnViewer => "pcn:U09081",
        Role::FederationManager => "federation:DEMOFED01",
        Role::IcbFinance | Role::IcbFinanceApprover | Role::IcbWorkforce | Role::TrainingHub => {
            "icb:QT6"
        }
        Role::Supervisor => "supervisor:demo-s-01",
        Role::Auditor | Role::Operator | Role::Service => "england",
    };
    format!("{role}@{scope}")
}

/// An import of `channel` in each service, where it may make one.
async fn imports_of(channel: &Channel, role: Role, own: &Target) -> [String; 3] {
    let mut names: [String; 3] = Default::default();
    for (name, service) in names.iter_mut().zip(demo_set::PRODUCERS) {
        if !role.permits(&format!("{service}.imports.create")) {
            continue;
        }
        let path = format!("/arrs.{service}.v1.ImportService/CreateImport");
        let (kind, file) = match service {
            "workforce" => ("staff", STAFF),
            "finance" => ("pay", demo_set::PAY),
            _ => ("sessions", demo_set::SESSIONS),
        };
        // A row that is refused makes an import as well as one that is right.
        let row = format!("refused {}", own.pcn);
        *name = check_row(channel, &path, kind, file, &row).await.unwrap().name;
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reach_of_every_role_in_every_method_is_written_down() {
    let cluster = two_boards().await;
    let operator = channel_of(&cluster, "somebody-else", &[OPERATOR]);
    match_everybody(&operator).await;
    let before = positions(&operator).await;
    let places = targets(&operator).await;
    let others = imports_of(&operator, Role::Operator, &places[0]).await;
    let absent = absent();
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();

    for &role in ROLES {
        let channel = channel_of(&cluster, role.as_str(), &[&grant(role)]);
        let own_imports = imports_of(&channel, role, &places[0]).await;
        for (path, rule) in kit::rules::methods().unwrap() {
            let mut answers = Vec::new();
            for (index, place) in places.iter().enumerate() {
                // An import is one's own or another's; it has no PCN.
                let own = index == 0 && own_imports.iter().all(|name| !name.is_empty());
                let imports = if own { own_imports.clone() } else { others.clone() };
                let place = Target { imports, ..place.clone() };
                answers.push(probe(&channel, &path, &place).await);
            }
            let nothing = probe(&channel, &path, &absent).await;
            let cell = if rule.reference || rule.mending {
                let permitted = role.permits(&rule.permission);
                assert_eq!(answers[0] == Answer::Reached, permitted, "{role} {path}");
                match (permitted, rule.mending) {
                    (false, _) => "-",
                    (true, false) => "reference",
                    (true, true) => "england",
                }
            } else {
                let cell = reach(&answers, role.permits(&rule.permission));
                let refused = answers.iter().filter(|answer| **answer != Answer::Reached);
                for answer in refused.filter(|_| role.permits(&rule.permission)) {
                    if *answer != nothing {
                        wrong.push(format!("{role} {path}:\n    {answer:?}\n    {nothing:?}"));
                    }
                }
                // A chain is walked whole: nobody's data are in its answer.
                let whole = path.ends_with("/VerifyAuditTrail");
                if nothing == Answer::Reached && !whole {
                    wrong.push(format!("{role} {path} reaches what is not there"));
                }
                cell.unwrap_or_else(|| {
                    wrong.push(format!("{role} {path} reaches an odd set: {answers:#?}"));
                    "odd"
                })
            };
            table.entry(path).or_default().push(cell.to_owned());
        }
    }

    assert!(wrong.is_empty(), "refused and absent must read the same:\n{}", wrong.join("\n"));
    assert_eq!(positions(&operator).await, before, "nothing was written");
    compare(&render(&table));
}

/// How far a row of answers reaches; none for a set that is no scope.
fn reach(answers: &[Answer], permitted: bool) -> Option<&'static str> {
    let reached: Vec<bool> = answers.iter().map(|answer| *answer == Answer::Reached).collect();
    match (permitted, reached.as_slice()) {
        (false, [false, false, false, false]) => Some("-"),
        (true, [false, false, false, false]) => Some("none"),
        (true, [true, false, false, false]) => Some("own"),
        (true, [true, true, false, false]) => Some("federation"),
        (true, [true, true, true, false]) => Some("icb"),
        (true, [true, true, true, true]) => Some("england"),
        (true, [true, false, true, false]) => Some("icb-kept"),
        (true, [false, true, false, false]) => Some("kept"),
        (_, _) => None,
    }
}

fn render(table: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = "\
How far each role reaches with each method, written by the test of tests/suite/tenancy.rs
(ARRS_WRITE=1 writes it anew; look at the difference). Each role is given in the scope of the
second line. Cells: - not permitted; none permitted, but nobody's data; own PCN or import;
federation, icb, england: the PCNs of it; icb-kept: of the ICB's PCNs, but not what a federation
keeps for them; kept: only records it keeps itself; reference: published data, the same for
everybody.

"
    .to_owned();
    let width = table.keys().map(String::len).max().unwrap_or_default();
    let columns: Vec<(String, String)> = ROLES
        .iter()
        .map(|role| {
            let grant = grant(*role);
            let (role, scope) = grant.split_once('@').unwrap();
            (role.to_owned(), scope.to_owned())
        })
        .collect();
    let mut line = |first: &str, cells: Vec<&str>| {
        let mut row = format!("{first:width$}");
        for (cell, (role, scope)) in cells.iter().zip(&columns) {
            let width = role.len().max(scope.len()).max("federation".len());
            write!(row, "  {cell:width$}").unwrap();
        }
        text.push_str(row.trim_end());
        text.push('\n');
    };
    line("", columns.iter().map(|(role, _)| role.as_str()).collect());
    line("", columns.iter().map(|(_, scope)| scope.as_str()).collect());
    for (path, cells) in table {
        line(path, cells.iter().map(String::as_str).collect());
    }
    text
}

/// Compares with the file that people review, or writes it.
#[allow(clippy::disallowed_methods, reason = "a switch of the test, not a setting of the suite")]
fn compare(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite/access.txt");
    if std::env::var("ARRS_WRITE").as_deref() == Ok("1") {
        std::fs::write(path, text).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(known == text, "{} is no longer true; now it is:\n{text}", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_cannot_reach_another_pcns_records_by_any_name() {
    let cluster = two_boards().await;
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U31970"]);
    let neighbour = channel_of(&cluster, "neighbour", &["pcn-manager@pcn:U09081"]);
    let target = target(&neighbour, "U09081", "demo-e-001", "demo-p-001").await;
    let path = "/arrs.workforce.v1.ImportService/CreateImport";
    let import = check_row(&neighbour, path, "staff", STAFF, "refused").await.unwrap().name;
    let page = ListEngagementsRequest {
        parent: "pcns/U09081".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let first: ListEngagementsResponse =
        ask(&neighbour, LIST_ENGAGEMENTS, page.clone()).await.unwrap();
    let next = ListEngagementsRequest { page_token: first.next_page_token.clone(), ..page };
    assert!(!next.page_token.is_empty());

    let request = GetEngagementRequest { name: target.engagement, known_at_date: None };
    denied(ask::<_, Engagement>(&manager, GET_ENGAGEMENT, request).await);
    denied(ask::<_, Person>(&manager, GET_PERSON, GetPersonRequest { name: target.person }).await);
    let get_import = "/arrs.workforce.v1.ImportService/GetImport";
    denied(ask::<_, Import>(&manager, get_import, GetImportRequest { name: import }).await);
    // The page of another, of one's own list, and of a colleague with the same grants.
    let colleague = channel_of(&cluster, "colleague", &["pcn-manager@pcn:U09081"]);
    let own = ListEngagementsRequest { parent: "pcns/U31970".to_owned(), ..next.clone() };
    for (channel, request) in
        [(&manager, next.clone()), (&manager, own), (&colleague, next.clone())]
    {
        let answer = ask::<_, ListEngagementsResponse>(channel, LIST_ENGAGEMENTS, request).await;
        let reason = reason_of(&answer.unwrap_err());
        let refusals = [Some(ErrorReason::PageTokenInvalid), Some(ErrorReason::NotPermitted)];
        assert!(refusals.contains(&reason), "{reason:?}");
    }
    let second: ListEngagementsResponse = ask(&neighbour, LIST_ENGAGEMENTS, next).await.unwrap();
    assert_eq!(second.engagements.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_shared_engagement_each_pcn_sees_its_hours_and_one_number() {
    let cluster = two_boards().await;

    for (pcn, own, elsewhere) in [("U09081", 22 * 60 + 30, 15 * 60), ("U31970", 900, 1_350)] {
        let manager = channel_of(&cluster, pcn, &[&format!("pcn-manager@pcn:{pcn}")]);
        let list = engagements(&manager, pcn).await;
        let shared = list.into_iter().find(|it| it.reference == "demo-e-007").unwrap();
        let request = GetEngagementRequest { name: shared.name.clone(), known_at_date: None };
        let got: Engagement = ask(&manager, GET_ENGAGEMENT, request).await.unwrap();
        assert_eq!(got, shared);
        let hours: Vec<(&str, i32)> =
            got.assignments.iter().map(|it| (it.pcn.as_str(), it.weekly_minutes)).collect();
        assert_eq!(hours, [(format!("pcns/{pcn}").as_str(), own)]);
        assert_eq!(got.elsewhere_minutes, elsewhere, "{pcn}");
    }
    let federation = channel_of(&cluster, "f", &["federation-manager@federation:DEMOFED01"]);
    let list = engagements(&federation, "U09081").await;
    let shared = list.into_iter().find(|it| it.reference == "demo-e-007").unwrap();
    assert_eq!((shared.assignments.len(), shared.elsewhere_minutes), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_nothing_of_another_pcn() {
    let cluster = two_boards().await;

    for pcn in PLACES {
        let manager = channel_of(&cluster, pcn, &[&format!("pcn-manager@pcn:{pcn}")]);
        let name = format!("pcns/{pcn}");
        let list = engagements(&manager, pcn).await;
        assert!(!list.is_empty());
        for engagement in list {
            let elsewhere = engagement.assignments.iter().find(|it| it.pcn != name);
            assert_eq!(elsewhere, None, "{pcn}");
            assert!(!engagement.assignments.is_empty(), "{engagement:?}");
        }
        let path = "/arrs.supervision.v1.SessionService/ListSessions";
        let request =
            ListSessionsRequest { parent: name.clone(), page_size: 1_000, ..Default::default() };
        let page: ListSessionsResponse = ask(&manager, path, request).await.unwrap();
        assert!(!page.sessions.is_empty());
        assert!(page.sessions.iter().all(|session| session.pcn == name), "{pcn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_cut_with_the_scope_and_what_is_cut_is_counted() {
    let cluster = two_boards().await;

    // Who asks, for what, and the members seen and hidden.
    let both = ["pcns/U09081", "pcns/U31970"];
    let all = ["pcns/U09081", "pcns/U31970", "pcns/U60113", "pcns/U62043"];
    let cases: &[(&str, &str, &[&str], i32)] = &[
        ("federation-manager@federation:DEMOFED01", "DEMOFED01", &both, 0),
        ("federation-manager@federation:DEMOFED01", "QT6", &both, 2),
        ("federation-manager@federation:DEMOFED01", "Y58", &both, 3),
        ("pcn-manager@pcn:U31970", "QT6", &both[1..], 3),
        ("pcn-viewer@pcn:U09081", "DEMOFED01", &both[..1], 1),
        ("icb-finance@icb:QT6", "QT6", &all, 0),
        ("icb-finance@sub-icb:11N", "11N", &all, 0),
        ("icb-finance@icb:QT6", "ENGLAND", &all, 1),
        ("icb-finance@region:Y58", "QT6", &all, 0),
        ("auditor@england", "QT6", &all, 0),
    ];
    for (grant, group, seen, hidden) in cases {
        let channel = channel_of(&cluster, grant, &[grant]);
        let what = format!("{grant} asks for {group}");
        for service in
            ["workforce.v1.Workforce", "finance.v1.Finance", "supervision.v1.Supervision"]
        {
            let request = ListMembersRequest {
                parent: format!("organisations/{group}"),
                month: demo_set::MONTH.to_owned(),
                known_at_date: None,
            };
            let path = format!("/arrs.{service}SummaryService/ListMembers");
            let members: ListMembersResponse = ask(&channel, &path, request).await.expect(&what);
            assert_eq!(members.names, *seen, "{what} of {service}");
            assert_eq!(members.hidden_count, *hidden, "{what} of {service}");
        }
        let parts = stream_reports(&channel, group).await.expect(&what);
        assert_eq!(parts.0, *seen, "{what}");
        assert_eq!(parts.1, *hidden, "{what}");
    }
    // Of a group of which nothing is seen, not even that it exists is told.
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U09081"]);
    let mut told = BTreeSet::new();
    for group in ["DEMOICB02", "DEMOPCN02", "U60113", "NOSUCH"] {
        let status = denied(stream_reports(&manager, group).await);
        told.insert(status.message().replace(group, "{group}"));
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// The PCNs whose reports come, and how many are hidden.
async fn stream_reports(
    channel: &Channel,
    group: &str,
) -> Result<(Vec<String>, i32), tonic::Status> {
    use report::stream_pcn_reports_response::Part;

    let request = report::StreamPcnReportsRequest {
        parent: format!("organisations/{group}"),
        month: demo_set::MONTH.to_owned(),
        ..Default::default()
    };
    let path = "/arrs.report.v1.ReportService/StreamPcnReports";
    let parts =
        collect(channel, path, request, |it: report::StreamPcnReportsResponse| it.part).await?;
    let Some(Part::Header(header)) = parts.first() else { panic!("{parts:?}") };
    let names = parts.iter().filter_map(|part| match part {
        Part::Report(report) => Some(report.name.clone()),
        Part::Header(_) | Part::Trailer(_) => None,
    });
    let names: Vec<String> = names.collect();
    assert!(matches!(parts.last(), Some(Part::Trailer(_))), "the stream is whole");
    assert_eq!(usize::try_from(header.member_count).unwrap(), names.len());
    Ok((names, header.hidden_count))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_writes_for_its_own_pcn_only_and_reference_data_not_at_all() {
    let cluster = two_boards().await;
    let operator = cluster.channel(&[OPERATOR]);
    let before = positions(&operator).await;
    let manager = channel_of(&cluster, "manager", &["pcn-manager@pcn:U09081"]);
    let header = STAFF.lines().next().unwrap();
    let row = |id: &str, pcn: &str| {
        format!(
            "{id},{id}-p,Demo-New,{id},CP,standard,7,DEMOCOM01,PCN_DIRECT,{pcn},10,,2025-07-01,,,,,,"
        )
    };

    // Own rows beside one of another PCN, of one that is not there, and of another ICB.
    for other in ["U31970", "U60113", "DEMOPCN02", "U99999"] {
        let text = format!("{header}\n{}\n{}\n", row("new-1", "U09081"), row("new-2", other));
        let import = cluster::import(&manager, "staff", text.as_bytes(), None).await;
        let import = import.unwrap().into_inner();
        assert_eq!(import.state(), ImportState::Refused, "{other}: {import:?}");
        let errors = demo_set::errors_of(&manager, "workforce", &import.name).await;
        let places: Vec<(i32, &str)> =
            errors.iter().map(|error| (error.line, error.column.as_str())).collect();
        assert_eq!(places, [(3, "pcn_code")], "{other}: {errors:?}");
    }
    // Pay and sessions of people elsewhere.
    for (service, kind, file, row) in [
        ("finance", "pay", demo_set::PAY, "demo-e-101,2025-07,1.00,,,,2025-07-29"),
        ("finance", "pay", demo_set::PAY, "demo-e-201,2025-07,1.00,,,,2025-07-29"),
        (
            "supervision",
            "sessions",
            demo_set::SESSIONS,
            "new-s,demo-p-201,demo-s-01,clinical,2025-07-09,30,U60113",
        ),
        (
            "supervision",
            "sessions",
            demo_set::SESSIONS,
            "new-s,demo-p-001,demo-s-01,clinical,2025-07-09,30,U60113",
        ),
    ] {
        let text = format!("{}\n{row}\n", file.lines().next().unwrap());
        let import = cluster::import(&manager, kind, text.as_bytes(), None).await;
        let import = import.unwrap().into_inner();
        assert_eq!(import.state(), ImportState::Refused, "{row}");
        assert!(!demo_set::errors_of(&manager, service, &import.name).await.is_empty(), "{row}");
    }
    // For an owner that is not the manager's.
    let own = format!("{header}\n{}\n", row("new-1", "U09081"));
    for owner in ["organisations/U31970", "organisations/DEMOFED01", "organisations/U99999"] {
        let mut header = cluster::header("staff", own.as_bytes(), None);
        header.owner = owner.to_owned();
        denied(cluster::upload(&manager, header, own.as_bytes()).await);
    }
    // Reference data is an operator's, over all of England.
    let local = channel_of(&cluster, "local", &["operator@icb:QT6", "operator@pcn:U09081"]);
    for channel in [&manager, &local] {
        for (kind, text) in demo_set::FILES
            .iter()
            .filter(|(kind, _)| ["organisations", "lists", "pcn-workforce"].contains(kind))
        {
            denied(cluster::import(channel, kind, text.as_bytes(), None).await);
        }
        for kind in ["ods-pcns", "ods-partners", "practice-lists"] {
            denied(cluster::import(channel, kind, b"x\n", None).await);
        }
    }
    assert_eq!(positions(&operator).await, before, "nothing was written");

    let done = cluster::import(&manager, "staff", own.as_bytes(), None).await.unwrap();
    assert_eq!(done.into_inner().state(), ImportState::Done);
    assert!(positions(&operator).await[0] > before[0], "what is one's own can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_facts_holds_what_the_scope_does_and_public_facts() {
    let cluster = two_boards().await;
    let all = cluster.channel(&["auditor@england"]);
    let one = cluster.channel(&["auditor@pcn:U09081"]);

    for producer in demo_set::PRODUCERS {
        let everything = demo_set::facts(&all, producer, 0).await;
        let scoped = demo_set::facts(&one, producer, 0).await;
        assert_eq!(everything.producer, producer);
        assert!(scoped.facts.len() < everything.facts.len(), "{producer}");
        assert!(!scoped.facts.is_empty(), "{producer}");
        assert_eq!(scoped.trailer.position, everything.trailer.position, "{producer}");
        // Each is one that the other has too, at the same position.
        for fact in &scoped.facts {
            let index = usize::try_from(fact.position - 1).unwrap();
            assert_eq!(*fact, everything.facts[index], "positions have no gaps for all England");
        }
    }

    let scoped = demo_set::facts(&one, "workforce", 0).await.facts;
    let mut owned = 0;
    for fact in &scoped {
        if fact.r#type == AssignmentHoursSet::full_name() {
            let hours = AssignmentHoursSet::decode(&fact.body[..]).unwrap();
            assert_eq!(hours.pcn, "organisations/U09081");
            owned += 1;
        }
        if fact.r#type == EngagementRecorded::full_name() {
            let engagement = EngagementRecorded::decode(&fact.body[..]).unwrap();
            assert!(!engagement.reference.starts_with("demo-e-2"), "{engagement:?}");
            assert!(!engagement.reference.starts_with("far-"), "{engagement:?}");
        }
    }
    assert!(owned > 10, "{owned}");
    let named = scoped.iter().filter(|fact| fact.r#type == OrganisationNamed::full_name());
    let named: Vec<String> = named.map(|fact| fact.subject.clone()).collect();
    assert!(named.contains(&"organisations/U60113".to_owned()), "organisations are public");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_is_not_there_is_not_found_since_all_may_list_them() {
    let cluster = two_boards().await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let path = "/arrs.workforce.v1.OrganisationService/GetOrganisation";
    let ask_for = async |code: &str| {
        let name = format!("organisations/{code}");
        let request = arrs_proto::workforce::v1::GetOrganisationRequest { name };
        ask::<_, Organisation>(&viewer, path, request).await
    };

    assert_eq!(ask_for("DEMOPCN02").await.unwrap().name, "organisations/DEMOPCN02");
    let answer = ask_for("U99999").await;
    demo_set::refused(answer, Code::NotFound, ErrorReason::ResourceNotFound);
}
