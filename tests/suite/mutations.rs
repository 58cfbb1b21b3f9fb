//! Every method that changes something: repeated, raced, dropped and read back.

mod baselines;
mod claims;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use arrs_proto::finance::v1 as finance;
use arrs_proto::google::r#type::Date;
use arrs_proto::report::v1::GetPcnReportRequest;
use arrs_proto::supervision::v1 as supervision;
use arrs_proto::workforce::v1 as workforce;
use arrs_tests::cluster::Cluster;
use futures::future::join_all;
use kit::client::Channel;
use kit::error::{ErrorReason, reason_of};
use kit::rules;
use kit::server::position_of;
use prost::Message;
use prost_reflect::{MessageDescriptor, MethodDescriptor, Value};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::claims::{MOVES, Person};
use crate::demo_set::{
    OPERATOR, PCN, bring_in, call, denied, invalid, positions, refused, report, report_request,
};

const MANAGER: &str = "pcn-manager@pcn:U09081";
/// Whose changes they are, unless another's are meant.
const KEEPER: Person = Person { subject: "test", grants: &[MANAGER] };
const VIEWER: &str = "pcn-viewer@pcn:U09081";
const LIST_ENGAGEMENTS: &str = "/arrs.workforce.v1.EngagementService/ListEngagements";
pub(crate) const SET_ASSIGNMENT: &str = "/arrs.workforce.v1.EngagementService/SetAssignment";
pub(crate) const END_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/EndEngagement";
pub(crate) const WITHDRAW_ASSIGNMENT: &str =
    "/arrs.workforce.v1.EngagementService/WithdrawAssignment";

const GET_PAY: &str = "/arrs.finance.v1.PayService/GetPay";
pub(crate) const RECORD_PAY: &str = "/arrs.finance.v1.PayService/RecordPay";
pub(crate) const WITHDRAW_PAY: &str = "/arrs.finance.v1.PayService/WithdrawPay";
const LIST_SESSIONS: &str = "/arrs.supervision.v1.SessionService/ListSessions";
pub(crate) const RECORD_SESSION: &str = "/arrs.supervision.v1.SessionService/RecordSession";
pub(crate) const WITHDRAW_SESSION: &str = "/arrs.supervision.v1.SessionService/WithdrawSession";

/// Methods that change one thing, beside the moves of claims; each is repeated below in every way.
const UNARY: [&str; 9] = [
    SET_ASSIGNMENT,
    END_ENGAGEMENT,
    WITHDRAW_ASSIGNMENT,
    RECORD_PAY,
    WITHDRAW_PAY,
    baselines::SET,
    baselines::SET_PRACTICE_FUNDED,
    RECORD_SESSION,
    WITHDRAW_SESSION,
];
/// Uploads; repeated in `imports.rs`.
const UPLOADS: [&str; 3] = [
    "/arrs.finance.v1.ImportService/CreateImport",
    "/arrs.supervision.v1.ImportService/CreateImport",
    "/arrs.workforce.v1.ImportService/CreateImport",
];
/// Repairs of an operator, which change no record; repeated in `parked.rs` and `published.rs`.
const REPAIRS: [&str; 7] = [
    "/arrs.finance.v1.FactService/RepublishFacts",
    "/arrs.supervision.v1.FactService/RepublishFacts",
    "/arrs.workforce.v1.FactService/RepublishFacts",
    "/arrs.finance.v1.ProjectionService/RedriveParkedFacts",
    "/arrs.finance.v1.ProjectionService/ReplayProjection",
    "/arrs.supervision.v1.ProjectionService/RedriveParkedFacts",
    "/arrs.supervision.v1.ProjectionService/ReplayProjection",
];
/// How the names of methods begin that change nothing.
const READING: [&str; 7] = ["Get", "List", "Project", "Stream", "Compare", "Verify", "Explain"];

fn day(year: i32, month: i32, day: i32) -> Option<Date> {
    Some(Date { year, month, day })
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// An engagement of the PCN of the set.
pub(crate) async fn engagement(channel: &Channel, reference: &str) -> workforce::Engagement {
    let request = workforce::ListEngagementsRequest {
        parent: PCN.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let page: workforce::ListEngagementsResponse =
        call(channel, LIST_ENGAGEMENTS, request).await.unwrap().into_inner();
    page.engagements.into_iter().find(|one| one.reference == reference).unwrap()
}

fn hours(name: &str, start_date: Option<Date>, minutes: i32) -> workforce::SetAssignmentRequest {
    workforce::SetAssignmentRequest {
        name: name.to_owned(),
        pcn: PCN.to_owned(),
        start_date,
        weekly_minutes: Some(minutes),
        band: "4".to_owned(),
        ..Default::default()
    }
}

/// All fields of a message and of those in it.
fn fields(message: &MessageDescriptor, found: &mut BTreeSet<String>, personal: &mut Vec<String>) {
    if !found.insert(message.full_name().to_owned()) {
        return;
    }
    let pool = message.parent_pool();
    let class = pool.get_extension_by_name("arrs.access.v1.data").unwrap();
    for field in message.fields() {
        let options = field.options();
        if matches!(options.get_extension(&class).as_ref(), Value::EnumNumber(3 | 4)) {
            personal.push(field.full_name().to_owned());
        }
        if let Some(inner) = field.kind().as_message() {
            fields(inner, found, personal);
        }
    }
}

/// IDM-6: whatever changes something can be repeated, and is repeated here.
#[test]
fn idm_6_every_mutation_takes_a_request_id_and_is_repeated_by_a_test() {
    let services = rules::descriptors().services();
    let ours = services.filter(|service| service.full_name().starts_with("arrs."));
    let methods: Vec<MethodDescriptor> =
        ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let mut mutations = BTreeSet::new();
    for method in &methods {
        if READING.iter().any(|begin| method.name().starts_with(begin)) {
            continue;
        }
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let request = method.input();
        let header = request.get_field_by_name("header");
        let asked = header.and_then(|header| header.kind().as_message().cloned());
        let asked = asked.unwrap_or(request);
        let needed = ["request_id", "validate_only"];
        let needed = if REPAIRS.contains(&&*path) { &needed[..1] } else { &needed };
        for field in needed {
            assert!(asked.get_field_by_name(field).is_some(), "{path} lacks {field}");
        }
        // Answers are kept for a week, and nobody forgets them with a person.
        let mut personal = Vec::new();
        fields(&method.output(), &mut BTreeSet::new(), &mut personal);
        assert!(personal.is_empty(), "{path} answers {personal:?}");
        mutations.insert(path);
    }
    let repeated = UNARY.into_iter().chain(MOVES).chain(UPLOADS).chain(REPAIRS);
    assert_eq!(mutations, repeated.map(str::to_owned).collect());
}

/// An answer as it went over the wire, with the position beside it.
fn whole<A: Message>(answer: &Response<A>) -> (Vec<u8>, Option<String>) {
    (answer.get_ref().encode_to_vec(), position_of(answer.metadata()).map(str::to_owned))
}

/// The answer of a call that is repeated for as long as its twin is running.
async fn settled<Q, A>(channel: &Channel, path: &str, message: &Q) -> (Vec<u8>, Option<String>)
where
    Q: Message + Clone + Send + Sync + 'static,
    A: Message + Default + Debug + Send + Sync + 'static,
{
    loop {
        let answer: Result<Response<A>, Status> = call(channel, path, message.clone()).await;
        match answer {
            Ok(answer) => return whole(&answer),
            Err(status) => {
                let reason = reason_of(&status);
                assert_eq!(reason, Some(ErrorReason::RequestInProgress), "{status:?}");
            }
        }
    }
}

/// A mutation with a `request_id`, and another one under the same.
struct Repeated<Q> {
    path: &'static str,
    by: Person,
    message: Q,
    other: Q,
}

impl<Q: Message + Clone + Send + Sync + 'static> Repeated<Q> {
    /// Sends it 32 times at once and then again: one effect, one answer, for one caller.
    async fn check<A>(self, cluster: &Cluster)
    where
        A: Message + Default + Debug + Send + Sync + 'static,
    {
        let Repeated { path, by, message, other } = self;
        let (operator, caller) = (cluster.channel(&[OPERATOR]), by.channel(cluster));
        let before: i64 = positions(&operator).await.into_iter().sum();
        let viewer = cluster.channel(&[VIEWER]);
        denied(call::<_, A>(&viewer, path, message.clone()).await);

        let twins = (0..32).map(|_| {
            let (channel, message) = (caller.clone(), message.clone());
            tokio::spawn(async move { settled::<_, A>(&channel, path, &message).await })
        });
        let answers = join_all(twins).await.into_iter().map(Result::unwrap);
        let answers: BTreeSet<_> = answers.collect();
        assert_eq!(answers.len(), 1, "{path}: {answers:?}");
        let (body, position) = answers.into_iter().next().unwrap();

        let after: i64 = positions(&operator).await.into_iter().sum();
        let last: i64 = position.as_ref().unwrap().split_once('=').unwrap().1.parse().unwrap();
        assert!(before < after && positions(&operator).await.contains(&last), "{path}: {last}");
        let again = settled::<_, A>(&caller, path, &message).await;
        assert_eq!(again, (body, position), "{path}");
        let reused = call::<_, A>(&caller, path, other).await;
        refused(reused, Code::InvalidArgument, ErrorReason::RequestIdReused);
        // Allowed as well, and somebody else: whatever is said, it is not the answer kept.
        let somebody = Person { subject: "somebody else", ..by }.channel(cluster);
        if let Ok(theirs) = call::<_, A>(&somebody, path, message.clone()).await {
            assert_eq!(position_of(theirs.metadata()), None, "{path}");
        }
        denied(call::<_, A>(&viewer, path, message).await);
        let end: i64 = positions(&operator).await.into_iter().sum();
        assert_eq!(end, after, "{path} changed something again");
    }
}

/// IDM-1, IDM-2, IDM-3 through the gateway, of every method in [`UNARY`].
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_2_3_every_mutation_happens_once_for_one_caller() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&[MANAGER]);
    let request_id = new_id();

    let name = engagement(&manager, "demo-e-005").await.name;
    let message = workforce::SetAssignmentRequest {
        request_id: request_id.clone(),
        ..hours(&name, day(2026, 8, 1), 1_200)
    };
    let other = workforce::SetAssignmentRequest { weekly_minutes: Some(1_201), ..message.clone() };
    let set = Repeated { path: SET_ASSIGNMENT, by: KEEPER, message, other };
    set.check::<workforce::SetAssignmentResponse>(&cluster).await;

    // One identifier may stand for one call of each method.
    let message = workforce::WithdrawAssignmentRequest {
        name: name.clone(),
        pcn: PCN.to_owned(),
        start_date: day(2026, 8, 1),
        request_id: request_id.clone(),
        ..Default::default()
    };
    let other =
        workforce::WithdrawAssignmentRequest { start_date: day(2024, 2, 5), ..message.clone() };
    let withdraw = Repeated { path: WITHDRAW_ASSIGNMENT, by: KEEPER, message, other };
    withdraw.check::<workforce::Engagement>(&cluster).await;

    let message = workforce::EndEngagementRequest {
        name,
        last_date: day(2026, 6, 30),
        leaving_reason: "end of contract".to_owned(),
        request_id,
        ..Default::default()
    };
    let other = workforce::EndEngagementRequest { last_date: day(2026, 7, 1), ..message.clone() };
    let end = Repeated { path: END_ENGAGEMENT, by: KEEPER, message, other };
    end.check::<workforce::Engagement>(&cluster).await;
}

/// IDM-1, IDM-2, IDM-3 for pay and sessions.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_2_3_pay_and_sessions_are_recorded_and_withdrawn_once() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&[MANAGER]);
    let request_id = new_id();
    let engagement = engagement(&manager, "demo-e-005").await;

    let message = finance::RecordPayRequest {
        request_id: request_id.clone(),
        ..payment(&format!("{}/pay/2025-08", engagement.name), 300_000)
    };
    let other = finance::RecordPayRequest { salary_pence: Some(1), ..message.clone() };
    let record = Repeated { path: RECORD_PAY, by: KEEPER, message: message.clone(), other };
    record.check::<finance::Pay>(&cluster).await;
    let message = finance::WithdrawPayRequest {
        etag: pay(&manager, &message.name, None).await.etag,
        name: message.name,
        paid_date: message.paid_date,
        request_id: request_id.clone(),
        validate_only: false,
    };
    let other = finance::WithdrawPayRequest { paid_date: None, ..message.clone() };
    let withdraw = Repeated { path: WITHDRAW_PAY, by: KEEPER, message, other };
    withdraw.check::<finance::Pay>(&cluster).await;

    let message = supervision::RecordSessionRequest {
        parent: PCN.to_owned(),
        reference: "by-hand-1".to_owned(),
        person: engagement.person,
        supervisor_reference: "demo-s-01".to_owned(),
        kind: "clinical".to_owned(),
        date: day(2025, 7, 30),
        session_minutes: 30,
        request_id: request_id.clone(),
        ..Default::default()
    };
    let other = supervision::RecordSessionRequest { session_minutes: 31, ..message.clone() };
    let record = Repeated { path: RECORD_SESSION, by: KEEPER, message: message.clone(), other };
    record.check::<supervision::Session>(&cluster).await;
    let held = session(&manager, "by-hand-1").await.unwrap();
    assert_eq!((held.session_minutes, held.person), (30, message.person));
    let message = supervision::WithdrawSessionRequest {
        name: held.name,
        etag: held.etag,
        request_id,
        validate_only: false,
    };
    let etag = "\"99\"".to_owned();
    let other = supervision::WithdrawSessionRequest { etag, ..message.clone() };
    let withdraw = Repeated { path: WITHDRAW_SESSION, by: KEEPER, message: message.clone(), other };
    withdraw.check::<supervision::Session>(&cluster).await;
    assert_eq!(session(&manager, "by-hand-1").await, None);
    let again = supervision::WithdrawSessionRequest {
        etag: String::new(),
        request_id: new_id(),
        ..message
    };
    let again = call::<_, supervision::Session>(&manager, WITHDRAW_SESSION, again).await;
    invalid(again, &["name"]);
}

fn payment(name: &str, pence: i64) -> finance::RecordPayRequest {
    finance::RecordPayRequest {
        name: name.to_owned(),
        salary_pence: Some(pence),
        employer_ni_pence: Some(0),
        employer_pension_pence: Some(0),
        paid_date: day(2025, 8, 28),
        ..Default::default()
    }
}

async fn pay(channel: &Channel, name: &str, known_at_date: Option<Date>) -> finance::Pay {
    let request = finance::GetPayRequest { name: name.to_owned(), known_at_date };
    call(channel, GET_PAY, request).await.unwrap().into_inner()
}

async fn session(channel: &Channel, reference: &str) -> Option<supervision::Session> {
    let request = supervision::ListSessionsRequest {
        parent: PCN.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let page: supervision::ListSessionsResponse =
        call(channel, LIST_SESSIONS, request).await.unwrap().into_inner();
    page.sessions.into_iter().find(|one| one.reference == reference)
}

/// OCC-2: what is paid is changed by who has read it only, and each change says who it is.
#[tokio::test(flavor = "multi_thread")]
async fn occ_2_money_is_not_changed_without_an_etag_and_a_request_id() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let (operator, manager) = (cluster.channel(&[OPERATOR]), cluster.channel(&[MANAGER]));
    let name = format!("{}/pay/2025-07", engagement(&manager, "demo-e-005").await.name);
    let before = pay(&manager, &name, None).await;
    let [paid] = before.payments[..] else { panic!("{before:?}") };
    let unchanged = positions(&operator).await;
    let record = async |message| call::<_, finance::Pay>(&manager, RECORD_PAY, message).await;
    let corrected = |etag: &str| finance::RecordPayRequest {
        paid_date: paid.paid_date,
        etag: etag.to_owned(),
        request_id: new_id(),
        ..payment(&name, paid.salary_pence + 100)
    };

    invalid(record(corrected("")).await, &["etag"]);
    // Another day would be a further payment: that is no less a change of the month.
    let further = finance::RecordPayRequest { paid_date: day(2025, 8, 1), ..corrected("") };
    invalid(record(further).await, &["etag"]);
    let nameless =
        finance::RecordPayRequest { request_id: String::new(), ..corrected(&before.etag) };
    invalid(record(nameless).await, &["request_id"]);
    refused(record(corrected("\"99\"")).await, Code::Aborted, ErrorReason::EtagMismatch);
    let empty = finance::RecordPayRequest { name: name.clone(), ..Default::default() };
    let amounts = ["salary_pence", "employer_ni_pence", "employer_pension_pence"];
    invalid(record(empty).await, &[&amounts[..], &["request_id"]].concat());
    let beyond = finance::RecordPayRequest {
        salary_pence: Some(1_000_000_001),
        name: name.replace("2025-07", "2099-07"),
        ..corrected("")
    };
    invalid(record(beyond).await, &["name", "salary_pence"]);
    let withdraw = async |etag: &str, request_id: String| {
        let (name, paid_date, etag) = (name.clone(), paid.paid_date, etag.to_owned());
        let message =
            finance::WithdrawPayRequest { name, paid_date, etag, request_id, validate_only: false };
        call::<_, finance::Pay>(&manager, WITHDRAW_PAY, message).await
    };
    invalid(withdraw("", String::new()).await, &["etag", "request_id"]);
    refused(withdraw("\"99\"", new_id()).await, Code::Aborted, ErrorReason::EtagMismatch);
    assert_eq!(positions(&operator).await, unchanged);

    let answer = record(corrected(&before.etag)).await.unwrap();

    let position = position_of(answer.metadata()).map(str::to_owned);
    assert_eq!(answer.get_ref().payments[0].salary_pence, paid.salary_pence + 100);
    let cost = async |known_at_date| {
        let request = GetPcnReportRequest { known_at_date, ..report_request() };
        let report = report(&manager, request, position.as_deref()).await;
        let lines = report.money.unwrap().lines;
        let line = lines.into_iter().find(|line| line.reference == "demo-e-005").unwrap();
        line.actual_cost_pence
    };
    // NI and pension went to 0 with it; then the payment goes, and the day before knows both.
    let then = day(2025, 8, 1);
    let (first, second) = (cost(then).await, cost(None).await);
    let parts = paid.salary_pence + paid.employer_ni_pence + paid.employer_pension_pence;
    assert_eq!((first, second), (parts + paid.fees_pence, paid.salary_pence + 100));
    let answer = withdraw(&answer.get_ref().etag, new_id()).await.unwrap();
    assert_eq!(answer.get_ref().payments, []);
    assert_eq!((cost(then).await, cost(None).await), (first, 0));
    assert_eq!(pay(&manager, &name, then).await.payments, [paid]);
}

/// IDM-4: whoever loses an answer on its way asks again, and gets it.
#[tokio::test(flavor = "multi_thread")]
async fn idm_4_a_call_whose_answer_was_lost_is_repeated_and_happened_once() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let (operator, manager) = (cluster.channel(&[OPERATOR]), cluster.channel(&[MANAGER]));
    let name = engagement(&manager, "demo-e-005").await.name;
    let mut lost = 0;
    for round in 0..40_u8 {
        let [before, ..] = positions(&operator).await;
        let message = workforce::SetAssignmentRequest {
            request_id: new_id(),
            ..hours(&name, day(2024, 2, 5), 1_000 + i32::from(round))
        };
        let sent =
            call::<_, workforce::SetAssignmentResponse>(&manager, SET_ASSIGNMENT, message.clone());
        // Dropped before it began, in the middle, or after it was done.
        let patience = Duration::from_micros(u64::from(round) * 500);
        lost += u8::from(tokio::time::timeout(patience, sent).await.is_err());

        type Set = workforce::SetAssignmentResponse;
        let first = settled::<_, Set>(&manager, SET_ASSIGNMENT, &message).await;
        assert_eq!(settled::<_, Set>(&manager, SET_ASSIGNMENT, &message).await, first);

        let [after, ..] = positions(&operator).await;
        assert_eq!(after, before + 1, "round {round}");
        assert_eq!(first.1, Some(format!("workforce={after}")));
    }
    assert!(lost > 0, "no answer was lost");
}

/// OCC-3: who reads with the position of a write sees it, in every section of a report.
#[tokio::test(flavor = "multi_thread")]
async fn occ_3_an_acknowledged_change_is_in_every_later_report() {
    let cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let manager = cluster.channel(&[MANAGER]);
    let name = engagement(&manager, "demo-e-005").await.name;
    let line = async |position: Option<&str>| {
        let report = report(&manager, report_request(), position).await;
        let lines = report.money.unwrap().lines;
        let line = lines.into_iter().find(|line| line.reference == "demo-e-005").unwrap();
        (report.workforce.unwrap().total.unwrap().staff_fte_month_end_micro, line.wte_micro)
    };
    let (fte, wte) = line(None).await;
    assert_eq!(wte, 1_000_000);
    for minutes in (1..=20).map(|tenth| 2_250 - tenth * 45) {
        let message = hours(&name, day(2024, 2, 5), minutes);
        let answer: Response<workforce::SetAssignmentResponse> =
            call(&manager, SET_ASSIGNMENT, message).await.unwrap();
        let position = position_of(answer.metadata()).unwrap();

        let (fte_now, wte_now) = line(Some(position)).await;

        let less = i64::from(2_250 - minutes) * 1_000_000 / 2_250;
        assert_eq!((fte_now, wte_now), (fte - less, wte - less), "{minutes} minutes");
    }
}
