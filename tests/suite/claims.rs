//! Claims over the wire: who moves them, from which version, and where to.

mod contended;
mod outside;

use std::collections::{BTreeMap, BTreeSet};

use arrs_proto::finance::v1::{
    Balance, Claim, ClaimEvent, ClaimState, GetClaimRequest, ListBalancesRequest,
    ListBalancesResponse, ListClaimEventsRequest, ListClaimEventsResponse, ListTransfersRequest,
    ListTransfersResponse, Transfer,
};
use arrs_tests::cluster::Cluster;
use kit::client::Channel;
use kit::{Clock, ErrorReason, rules, wire};
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::demo_set::{OPERATOR, PCN, bring_in, invalid, metadata, positions, refused};
use crate::tenancy::channel_of;
use crate::tenancy::probe::ask;

pub(crate) const PREPARE: &str = "/arrs.finance.v1.ClaimService/PrepareClaim";
pub(crate) const AMEND: &str = "/arrs.finance.v1.ClaimService/AmendClaim";
pub(crate) const SUBMIT: &str = "/arrs.finance.v1.ClaimService/SubmitClaim";
pub(crate) const QUERY: &str = "/arrs.finance.v1.ClaimService/QueryClaim";
pub(crate) const REPLY: &str = "/arrs.finance.v1.ClaimService/ReplyToClaim";
pub(crate) const CHECK: &str = "/arrs.finance.v1.ClaimService/CheckClaim";
pub(crate) const APPROVE: &str = "/arrs.finance.v1.ClaimService/ApproveClaim";
pub(crate) const REJECT: &str = "/arrs.finance.v1.ClaimService/RejectClaim";
pub(crate) const WITHDRAW: &str = "/arrs.finance.v1.ClaimService/WithdrawClaim";
pub(crate) const PAY: &str = "/arrs.finance.v1.ClaimService/PayClaim";
pub(crate) const REMARK: &str = "/arrs.finance.v1.ClaimService/RemarkOnClaim";
/// Everything that changes a claim.
pub(crate) const MOVES: [&str; 11] =
    [PREPARE, AMEND, SUBMIT, QUERY, REPLY, CHECK, APPROVE, REJECT, WITHDRAW, PAY, REMARK];

pub(crate) const GET: &str = "/arrs.finance.v1.ClaimService/GetClaim";
pub(crate) const LIST: &str = "/arrs.finance.v1.ClaimService/ListClaims";
pub(crate) const LIST_LINES: &str = "/arrs.finance.v1.ClaimService/ListClaimLines";
pub(crate) const EXPLAIN_LINE: &str = "/arrs.finance.v1.ClaimService/ExplainClaimLine";
pub(crate) const LIST_EVENTS: &str = "/arrs.finance.v1.ClaimService/ListClaimEvents";
pub(crate) const VERIFY: &str = "/arrs.finance.v1.ClaimService/VerifyClaim";
pub(crate) const LIST_ARREARS: &str = "/arrs.finance.v1.ClaimService/ListArrears";
pub(crate) const LIST_BALANCES: &str = "/arrs.finance.v1.LedgerService/ListBalances";
pub(crate) const LIST_TRANSFERS: &str = "/arrs.finance.v1.LedgerService/ListTransfers";

/// Roles of one PCN and of its ICB.
const MANAGER: &str = "pcn-manager@pcn:U09081";
const FIRST: &str = "icb-finance@icb:QT6";
const SECOND: &str = "icb-finance-approver@icb:QT6";

/// Somebody with a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    pub(crate) subject: &'static str,
    pub(crate) grants: &'static [&'static str],
}

impl Person {
    /// A channel to the gateway.
    pub(crate) fn channel(&self, cluster: &Cluster) -> Channel {
        channel_of(cluster, self.subject, self.grants)
    }
}

/// Whose a move is: each approval is somebody's of its own.
pub(crate) fn by(path: &str) -> Person {
    match path {
        PREPARE | AMEND | SUBMIT | REPLY | WITHDRAW | REMARK => {
            Person { subject: "maker", grants: &[MANAGER] }
        }
        QUERY | CHECK | REJECT | PAY => Person { subject: "checker", grants: &[FIRST] },
        APPROVE => Person { subject: "approver", grants: &[SECOND] },
        _ => panic!("{path} moves no claim"),
    }
}

/// The claim of the PCN of the set for a month, before anybody prepared it.
pub(crate) fn unprepared(month: &str) -> Claim {
    Claim { name: format!("{PCN}/claims/{month}"), ..Default::default() }
}

/// A move as it is asked for, under a new identifier and with all that it needs.
pub(crate) fn asked(path: &str, name: &str, etag: &str) -> DynamicMessage {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = rules::descriptors().get_service_by_name(service).unwrap();
    let method = service.methods().find(|found| found.name() == method).unwrap();
    let mut request = DynamicMessage::new(method.input());
    for (field, text) in [
        ("name", name),
        ("etag", etag),
        ("request_id", &Uuid::new_v4().to_string()),
        ("note", "two posts are shared"),
        ("text", "which payroll run is it?"),
        ("payment_reference", "BACS 4711"),
    ] {
        if method.input().get_field_by_name(field).is_some() {
            request.set_field_by_name(field, Value::String(text.to_owned()));
        }
    }
    if let Some(field) = method.input().get_field_by_name("payment_date") {
        let mut date = DynamicMessage::new(field.kind().as_message().unwrap().clone());
        date.transcode_from(&wire::date(Clock::system().today())).unwrap();
        request.set_field(&field, Value::Message(date));
    }
    request
}

/// The same without a field.
fn without(field: &str, request: &DynamicMessage) -> DynamicMessage {
    let mut request = request.clone();
    request.clear_field_by_name(field);
    request
}

/// Moves a claim from hand to hand, and answers it as it is then.
pub(crate) async fn walk(cluster: &Cluster, claim: Claim, moves: &[&str]) -> Claim {
    let mut claim = claim;
    for path in moves {
        let channel = by(path).channel(cluster);
        let answer = moved(&channel, path, asked(path, &claim.name, &claim.etag)).await;
        claim = answer.unwrap_or_else(|status| panic!("{path}: {status:?}"));
    }
    claim
}

async fn moved(channel: &Channel, path: &str, request: DynamicMessage) -> Result<Claim, Status> {
    ask(channel, path, request).await
}

pub(crate) async fn get(channel: &Channel, name: &str) -> Result<Claim, Status> {
    let request = GetClaimRequest { name: name.to_owned(), known_at_date: None };
    ask(channel, GET, request).await
}

/// What was done with a claim.
pub(crate) async fn events(channel: &Channel, name: &str) -> Vec<ClaimEvent> {
    let request =
        ListClaimEventsRequest { parent: name.to_owned(), page_size: 1_000, ..Default::default() };
    let page: ListClaimEventsResponse = ask(channel, LIST_EVENTS, request).await.unwrap();
    page.events
}

async fn balances(channel: &Channel, pcn: &str) -> Vec<Balance> {
    let request = ListBalancesRequest { parent: pcn.to_owned(), known_at_date: None };
    ask::<_, ListBalancesResponse>(channel, LIST_BALANCES, request).await.unwrap().balances
}

async fn transfers(channel: &Channel, pcn: &str) -> Vec<Transfer> {
    let request =
        ListTransfersRequest { parent: pcn.to_owned(), page_size: 1_000, ..Default::default() };
    ask::<_, ListTransfersResponse>(channel, LIST_TRANSFERS, request).await.unwrap().transfers
}

/// OCC-2: a claim is moved by who has read it only, and each move says which it is.
#[tokio::test(flavor = "multi_thread")]
async fn occ_2_a_claim_is_not_moved_without_an_etag_and_a_request_id() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let ways: [(&str, &[&str]); 3] = [
        ("2025-07", &[PREPARE, PREPARE, AMEND, SUBMIT, QUERY, REPLY, CHECK, APPROVE, PAY, REMARK]),
        ("2025-06", &[PREPARE, SUBMIT, REJECT]),
        ("2025-05", &[PREPARE, WITHDRAW]),
    ];

    for (month, moves) in ways {
        let mut claim = unprepared(month);
        for &path in moves {
            let channel = by(path).channel(&cluster);
            let right = asked(path, &claim.name, &claim.etag);
            let before = state(&operator, &claim.name).await;

            let stale = moved(&channel, path, asked(path, &claim.name, "\"99\"")).await;
            refused(stale, Code::Aborted, ErrorReason::EtagMismatch);
            let garbled = moved(&channel, path, asked(path, &claim.name, "99")).await;
            invalid(garbled, &["etag"]);
            invalid(moved(&channel, path, without("request_id", &right)).await, &["request_id"]);
            if !claim.etag.is_empty() {
                invalid(moved(&channel, path, without("etag", &right)).await, &["etag"]);
            }
            let empty = moved(&channel, path, DynamicMessage::new(right.descriptor())).await;
            invalid(empty, needed(path));
            assert_eq!(state(&operator, &claim.name).await, before, "{path}");

            claim = moved(&channel, path, right).await.unwrap();
            assert_ne!(state(&operator, &claim.name).await, before, "{path}");
        }
    }
}

/// The fields of a move that must be given, in their order.
fn needed(path: &str) -> &'static [&'static str] {
    match path {
        PREPARE => &["name", "request_id"],
        QUERY | REPLY | REJECT | REMARK => &["name", "etag", "request_id", "text"],
        PAY => &["name", "etag", "request_id", "payment_date", "payment_reference"],
        _ => &["name", "etag", "request_id"],
    }
}

/// A claim, its money and how much was told, as anybody finds them.
async fn state(
    operator: &Channel,
    name: &str,
) -> (Option<Claim>, Vec<Balance>, Vec<Transfer>, [i64; 3]) {
    let claim = get(operator, name).await.ok();
    let money = (balances(operator, PCN).await, transfers(operator, PCN).await);
    (claim, money.0, money.1, positions(operator).await)
}

/// The rows of the table in the contract: a move, the states it begins in, and where it leads.
fn table() -> BTreeMap<String, (String, String)> {
    let contract = include_str!("../../proto/arrs/finance/v1/claim_service.proto");
    let rows = contract.lines().filter_map(|line| line.strip_prefix("// | `"));
    let row = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), (cells[2].to_owned(), cells[3].to_owned()))
    };
    rows.map(row).collect()
}

/// In every state, each move is possible or refused as the contract says; one that is only checked
/// moves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_moves_as_the_contract_says() {
    // One way through all states.
    const WAY: [&str; 14] = [
        PREPARE, SUBMIT, QUERY, REPLY, CHECK, REJECT, PREPARE, SUBMIT, WITHDRAW, PREPARE, SUBMIT,
        CHECK, APPROVE, PAY,
    ];
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let table = table();
    let mut claim = unprepared("2025-07");
    let (mut states, mut possible) = (BTreeSet::new(), 0);

    for path in WAY {
        claim = walk(&cluster, claim, &[path]).await;
        let now = word(&claim);
        if !states.insert(now) {
            continue;
        }
        let before = state(&operator, &claim.name).await;
        for path in MOVES {
            let channel = by(path).channel(&cluster);
            let mut request = asked(path, &claim.name, &claim.etag);
            request.set_field_by_name("validate_only", Value::Bool(true));
            let answer = moved(&channel, path, request).await;
            let action = table.keys().find(|action| path.contains(&format!("/{action}"))).unwrap();
            let (from, to) = &table[action];
            if from == "any" || from.split(", ").any(|from| from == now) {
                let after = answer.unwrap_or_else(|status| panic!("{path} {now}: {status:?}"));
                let to = if to == "the same" { now } else { to };
                assert_eq!(word(&after), to, "{path} {now}");
                possible += 1;
            } else {
                let reason = ErrorReason::ClaimStateWrong;
                let status = refused(answer, Code::FailedPrecondition, reason);
                assert_eq!(metadata(&status, "state").as_deref(), Some(now), "{path}");
            }
        }
        assert_eq!(state(&operator, &claim.name).await, before, "{now}");
    }

    let cells = table.values().map(|(from, _)| match from.as_str() {
        "any" => states.len(),
        from => from.split(", ").filter(|from| *from != "nothing").count(),
    });
    assert_eq!((states.len(), possible), (8, cells.sum()));
}

/// The state of a claim as the table of the contract has it.
fn word(claim: &Claim) -> &'static str {
    claim.state().as_str_name().strip_prefix("CLAIM_STATE_").unwrap()
}

/// MON-7: nobody approves what they made, nor twice, by a token of that role or of all of them.
#[tokio::test(flavor = "multi_thread")]
async fn mon_7_each_approval_is_of_somebody_else() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let name = unprepared("2025-07").name;
    let step = async |subject: &str, grants: &[&str], path: &str| {
        let channel = channel_of(&cluster, subject, grants);
        let etag = get(&operator, &name).await.map(|claim| claim.etag).unwrap_or_default();
        moved(&channel, path, asked(path, &name, &etag)).await
    };
    let does =
        async |subject: &str, path: &str| step(subject, by(path).grants, path).await.unwrap();
    let not_of = async |subject: &str, path: &str, did: &str| {
        let before = state(&operator, &name).await;
        for grants in [by(path).grants, &[MANAGER, FIRST, SECOND]] {
            let answer = step(subject, grants, path).await;
            let reason = ErrorReason::SecondPersonNeeded;
            let status = refused(answer, Code::FailedPrecondition, reason);
            assert_eq!(metadata(&status, "action").as_deref(), Some(did), "{subject} {path}");
        }
        assert_eq!(state(&operator, &name).await, before, "{subject} {path}");
    };

    for (subject, path) in [("preparer", PREPARE), ("amender", AMEND), ("submitter", SUBMIT)] {
        does(subject, path).await;
    }
    for (subject, did) in [("preparer", "PREPARE"), ("amender", "AMEND"), ("submitter", "SUBMIT")] {
        not_of(subject, CHECK, did).await;
    }
    does("checker", CHECK).await;
    for (subject, did) in [
        ("preparer", "PREPARE"),
        ("amender", "AMEND"),
        ("submitter", "SUBMIT"),
        ("checker", "CHECK"),
    ] {
        not_of(subject, APPROVE, did).await;
    }
    // A question takes the first approval back: both are needed anew, and the reply is a hand in it.
    does("checker", QUERY).await;
    does("replier", REPLY).await;
    not_of("replier", CHECK, "REPLY").await;
    does("another checker", CHECK).await;
    for (subject, did) in [("replier", "REPLY"), ("another checker", "CHECK")] {
        not_of(subject, APPROVE, did).await;
    }
    let approved = does("approver", APPROVE).await;

    assert_eq!(approved.state(), ClaimState::Approved);
    let hands: Vec<String> =
        events(&operator, &name).await.into_iter().map(|event| event.principal).collect();
    let subjects: Vec<&str> =
        hands.iter().map(|hand| hand.strip_prefix("arrs-local ").unwrap()).collect();
    let expected = [
        "preparer",
        "amender",
        "submitter",
        "checker",
        "checker",
        "replier",
        "another checker",
        "approver",
    ];
    assert_eq!(subjects, expected);
}

/// Nobody can be told to look again at what was never there.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_of_a_month_that_nobody_prepared_is_not_found() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let name = unprepared("2025-07").name;

    for path in MOVES.into_iter().filter(|path| *path != PREPARE) {
        let answer = moved(&by(path).channel(&cluster), path, asked(path, &name, "\"1\"")).await;
        refused(answer, Code::NotFound, ErrorReason::ResourceNotFound);
    }
}
