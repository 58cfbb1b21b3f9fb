//! Changes of who works where: repeated, raced, refused, and what is known of them when.

use std::collections::BTreeSet;

use arrs_proto::event::v1::StreamFactsRequest;
use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::engagement_service_server::EngagementService;
use arrs_proto::workforce::v1::fact_service_server::FactService;
use futures::StreamExt;
use futures::future::join_all;
use kit::error::reason_of;
use kit::facts::Projection;
use kit::server::position_of;
use kit::{ErrorReason, Scope};
use prost::Message;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query as Select};
use terms::Month;
use tonic::{Code, Request, Response, Status};

use super::*;

const MANAGER: &str = "pcn-manager@pcn:U09081";
const SIBLING: &str = "pcn-manager@pcn:U31970";
const FEDERATION: &str = "federation-manager@federation:DEMOFED01";
const READ: &str = "workforce.engagements.read";
const CHANGE: &str = "workforce.engagements.change";
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

fn as_caller<T>(grant: &str, permission: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller::for_test(&[grant], permission));
    request
}

fn day(year: i32, month: i32, day: i32) -> Option<WireDate> {
    Some(WireDate { year, month, day })
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}

impl World {
    /// The engagement that the files call `reference`, as the grant sees it.
    async fn engagement(&self, grant: &str, pcn: &str, reference: &str) -> pb::Engagement {
        let message = pb::ListEngagementsRequest {
            parent: format!("pcns/{pcn}"),
            page_size: 1_000,
            ..Default::default()
        };
        let page = self.api.list_engagements(as_caller(grant, READ, message)).await.unwrap();
        let mut all = page.into_inner().engagements.into_iter();
        all.find(|engagement| engagement.reference == reference).unwrap()
    }

    async fn set(
        &self,
        grant: &str,
        message: pb::SetAssignmentRequest,
    ) -> Result<Response<pb::SetAssignmentResponse>, Status> {
        self.api.set_assignment(as_caller(grant, CHANGE, message)).await
    }

    async fn end(
        &self,
        grant: &str,
        message: pb::EndEngagementRequest,
    ) -> Result<Response<pb::Engagement>, Status> {
        self.api.end_engagement(as_caller(grant, CHANGE, message)).await
    }

    async fn withdraw(
        &self,
        grant: &str,
        message: pb::WithdrawAssignmentRequest,
    ) -> Result<Response<pb::Engagement>, Status> {
        self.api.withdraw_assignment(as_caller(grant, CHANGE, message)).await
    }

    /// How many rows a table has.
    async fn rows(&self, table: &'static str) -> i64 {
        let read = self.database().read().await.unwrap();
        Scope::england().enter(&*read).await.unwrap();
        let mut count = Select::select();
        count.expr(Expr::col("id").count()).from(table);
        let row = read.query_one(&count).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

/// Twenty hours a week in Falmouth from August on, for somebody full time until now.
fn part_time(name: &str) -> pb::SetAssignmentRequest {
    pb::SetAssignmentRequest {
        name: name.to_owned(),
        pcn: "pcns/U09081".to_owned(),
        start_date: day(2026, 8, 1),
        weekly_minutes: Some(1_200),
        band: "4".to_owned(),
        ..Default::default()
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: ErrorReason) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason_of(&status)), (code, Some(reason)), "{status:?}");
}

/// An answer as it went over the wire, with the position beside it.
fn whole<M: Message>(answer: &Response<M>) -> (Vec<u8>, Option<String>) {
    let position = position_of(answer.metadata()).map(str::to_owned);
    (answer.get_ref().encode_to_vec(), position)
}

/// Sends the same call many times at once.
async fn at_once(
    world: &World,
    count: usize,
    message: &pb::SetAssignmentRequest,
) -> Vec<Result<Response<pb::SetAssignmentResponse>, Status>> {
    let calls = (0..count).map(|_| {
        let (api, request) = (world.api.clone(), as_caller(MANAGER, CHANGE, message.clone()));
        tokio::spawn(async move { api.set_assignment(request).await })
    });
    join_all(calls).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_hours_ends_the_hours_before_it_and_stays_a_change() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let position = world.position().await;

    let message = pb::SetAssignmentRequest { etag: before.etag, ..part_time(&before.name) };
    let answer = world.set(MANAGER, message).await.unwrap();

    assert_eq!(position_of(answer.metadata()), Some(&*format!("workforce={}", position + 2)));
    let after = answer.into_inner().engagement.unwrap();
    let told: Vec<_> = after
        .assignments
        .iter()
        .map(|it| (it.start_date, it.end_date, it.weekly_minutes))
        .collect();
    assert_eq!(told, [(day(2024, 2, 5), day(2026, 7, 31), 2_250), (day(2026, 8, 1), None, 1_200)]);
    assert_eq!(world.engagement(MANAGER, "U09081", "demo-e-005").await, after);
    let fte = async |month: &str, known_at| {
        let summary = world.summary(MANAGER, "U09081", month, known_at).await.unwrap();
        micro(&summary.statistics.total)[0]
    };
    let august = fte("2026-08", None).await;
    assert_eq!(fte("2026-07", None).await - august, 466_667, "20 of 37.5 hours stay");
    let yesterday = Date::constant(2026, 11, 19);
    assert_eq!(fte("2026-08", Some(yesterday)).await, fte("2026-07", None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engagement_ends_with_its_hours_and_later_ones_never_begin() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let later = world.set(MANAGER, part_time(&before.name)).await.unwrap();
    let etag = later.into_inner().engagement.unwrap().etag;
    let end = |last_date, etag: &str| pb::EndEngagementRequest {
        name: before.name.clone(),
        last_date,
        leaving_reason: "moved away".to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    refused(
        world.end(MANAGER, end(day(2024, 2, 4), &etag)).await,
        Code::InvalidArgument,
        ErrorReason::FieldInvalid,
    );
    let read = &before.etag;
    refused(
        world.end(MANAGER, end(day(2026, 6, 30), read)).await,
        Code::Aborted,
        ErrorReason::EtagMismatch,
    );

    let ended = world.end(MANAGER, end(day(2026, 6, 30), &etag)).await.unwrap().into_inner();

    assert_eq!(ended.leaving_reason, "moved away");
    let [only] = &ended.assignments[..] else { panic!("{ended:?}") };
    assert_eq!((only.start_date, only.end_date), (day(2024, 2, 5), day(2026, 6, 30)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_start_is_withdrawn_and_projections_forget_it_too() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let clock = world.database().clock();
    world.set(MANAGER, part_time(&before.name)).await.unwrap();
    clock.move_to(Instant(NOW.0 + DAY));
    let withdraw = |start_date| pb::WithdrawAssignmentRequest {
        name: before.name.clone(),
        pcn: "pcns/U09081".to_owned(),
        start_date,
        ..Default::default()
    };
    for wrong in [day(2026, 8, 2), day(2024, 2, 4)] {
        let answer = world.withdraw(MANAGER, withdraw(wrong)).await;
        refused(answer, Code::InvalidArgument, ErrorReason::FieldInvalid);
    }

    let after = world.withdraw(MANAGER, withdraw(day(2026, 8, 1))).await.unwrap().into_inner();
    let [only] = &after.assignments[..] else { panic!("{after:?}") };
    assert_eq!(only.end_date, day(2026, 7, 31));
    // What ended for it is stated again as it was.
    let again = pb::SetAssignmentRequest {
        start_date: day(2024, 2, 5),
        weekly_minutes: Some(2_250),
        etag: after.etag,
        ..part_time(&before.name)
    };
    let again = world.set(MANAGER, again).await.unwrap().into_inner().engagement.unwrap();
    assert_eq!(again.assignments, before.assignments);

    let all = StreamFactsRequest { after: 0, follow: false };
    let stream = world.api.stream_facts(as_caller("service@england", "workforce.facts.read", all));
    let facts = stream.await.unwrap().into_inner().filter_map(async |message| {
        match message.unwrap().part {
            Some(Part::Fact(fact)) => Some(fact),
            _ => None,
        }
    });
    let facts = facts.collect::<Vec<_>>().await;
    let other = World::new().await;
    other.database().clock().move_to(Instant(NOW.0 + 2 * DAY));
    clock.move_to(Instant(NOW.0 + 2 * DAY));
    // One batch and many give the same.
    for facts in facts.chunks(7) {
        let write = other.database().write().await.unwrap();
        Scope::england().enter(&*write).await.unwrap();
        kit::roster::Followed.apply(&write, facts).await.unwrap();
        write.commit().await.unwrap();
    }
    let yesterday = Date::constant(2026, 11, 20);
    for (month, known_at) in [("2026-08", None), ("2026-08", Some(yesterday)), ("2026-07", None)] {
        let told = other.summary(OPERATOR, "U09081", month, known_at).await.unwrap();
        let kept = world.summary(OPERATOR, "U09081", month, known_at).await.unwrap();
        assert_eq!(told.statistics, kept.statistics, "{month} {known_at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_change_is_told_at_once_and_nothing_is_written() {
    let world = World::demonstration().await;
    let other = world.engagement(MANAGER, "U09081", "demo-e-013").await;
    let position = world.position().await;
    let wrong = async |message: pb::SetAssignmentRequest| -> BTreeSet<String> {
        let status = world.set(MANAGER, message).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let details = tonic_types::StatusExt::get_error_details(&status);
        let violations = &details.bad_request().unwrap().field_violations;
        violations.iter().map(|violation| violation.field.clone()).collect()
    };
    let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();

    let everything = pb::SetAssignmentRequest {
        name: "engagements/x".to_owned(),
        pcn: "U09081".to_owned(),
        start_date: None,
        end_date: day(2026, 2, 30),
        weekly_minutes: Some(10_081),
        contract_minutes: Some(0),
        stage: "novice".to_owned(),
        band: "1".to_owned(),
        etag: "7".to_owned(),
        request_id: "7".to_owned(),
        validate_only: false,
    };
    let all = [
        "name",
        "pcn",
        "start_date",
        "end_date",
        "weekly_minutes",
        "contract_minutes",
        "stage",
        "band",
        "etag",
        "request_id",
    ];
    assert_eq!(wrong(everything).await, fields(&all));
    // As a file of it: an end before the start, another's PCN, hours that are there already,
    // more hours than the contract.
    let message = part_time(&other.name);
    let early = pb::SetAssignmentRequest { end_date: day(2026, 7, 1), ..message.clone() };
    assert_eq!(wrong(early).await, fields(&["end_date"]));
    for code in ["U31970", "U99999", "L82006"] {
        let elsewhere = pb::SetAssignmentRequest { pcn: format!("pcns/{code}"), ..message.clone() };
        assert_eq!(wrong(elsewhere).await, fields(&["pcn"]), "{code}");
    }
    let overlap = pb::SetAssignmentRequest { start_date: day(2024, 1, 1), ..message.clone() };
    assert_eq!(wrong(overlap).await, fields(&["start_date"]));
    let beyond = pb::SetAssignmentRequest { contract_minutes: Some(1_199), ..message.clone() };
    assert_eq!(wrong(beyond).await, fields(&["weekly_minutes"]));

    assert_eq!(world.position().await, position);
    assert_eq!(world.engagement(MANAGER, "U09081", "demo-e-013").await, other);
    // A refusal takes no request_id: it may be sent again, set right.
    let request_id = new_id();
    let bad = pb::SetAssignmentRequest {
        request_id: request_id.clone(),
        contract_minutes: Some(1_199),
        ..message.clone()
    };
    assert_eq!(wrong(bad).await, fields(&["weekly_minutes"]));
    world.set(MANAGER, pb::SetAssignmentRequest { request_id, ..message }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_checked_is_answered_and_not_written() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let position = world.position().await;
    let message = pb::SetAssignmentRequest {
        validate_only: true,
        request_id: new_id(),
        ..part_time(&before.name)
    };

    let answer = world.set(MANAGER, message.clone()).await.unwrap();

    assert_eq!(position_of(answer.metadata()), None);
    assert_eq!(answer.into_inner().engagement.unwrap().assignments.len(), 2);
    assert_eq!(world.position().await, position);
    assert_eq!(world.engagement(MANAGER, "U09081", "demo-e-005").await, before);
    // Then it may be done under the same name.
    let message = pb::SetAssignmentRequest { validate_only: false, ..message };
    world.set(MANAGER, message).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_keeps_a_record_may_change_it_and_reads_its_etag() {
    let world = World::demonstration().await;
    let paramedic = world.engagement(FEDERATION, "U09081", "demo-e-007").await;
    assert!(!paramedic.etag.is_empty());
    // Seen by the PCN, kept by the federation: the etag counts hours that the PCN cannot see.
    assert_eq!(world.engagement(MANAGER, "U09081", "demo-e-007").await.etag, "");
    let absent = format!("engagements/{}", Uuid::new_v4());
    let mut told = BTreeSet::new();
    for (grant, name) in
        [(MANAGER, &paramedic.name), (SIBLING, &paramedic.name), (MANAGER, &absent)]
    {
        for etag in ["", "\"1\"", &paramedic.etag] {
            let message = pb::SetAssignmentRequest { etag: etag.to_owned(), ..part_time(name) };
            let status = world.set(grant, message).await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied);
            told.insert(status.message().replace(name.as_str(), "it"));
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let message = pb::SetAssignmentRequest { etag: paramedic.etag, ..part_time(&paramedic.name) };
    world.set(FEDERATION, message).await.unwrap();
    // As known on a day that is over there is nothing to change.
    let known_at_date = day(2026, 11, 19);
    let get = pb::GetEngagementRequest { name: paramedic.name, known_at_date };
    let then = world.api.get_engagement(as_caller(FEDERATION, READ, get)).await.unwrap();
    assert_eq!(then.into_inner().etag, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_that_began_before_a_federation_served_the_pcn_end_in_its_own_days_only() {
    let world = World::demonstration().await;
    // Kept by the federation, in post since June 2023; it serves the PCN since April 2024.
    let before = world.engagement(FEDERATION, "U31970", "demo-e-101").await;
    let end = |last_date| pb::EndEngagementRequest {
        name: before.name.clone(),
        last_date,
        ..Default::default()
    };
    refused(
        world.end(FEDERATION, end(day(2024, 3, 30))).await,
        Code::InvalidArgument,
        ErrorReason::FieldInvalid,
    );
    let from_april = pb::SetAssignmentRequest {
        pcn: "pcns/U31970".to_owned(),
        start_date: day(2024, 4, 1),
        ..part_time(&before.name)
    };
    let early = pb::SetAssignmentRequest { start_date: day(2024, 3, 31), ..from_april.clone() };
    refused(world.set(FEDERATION, early).await, Code::InvalidArgument, ErrorReason::FieldInvalid);
    world.set(FEDERATION, from_april).await.unwrap();

    let ended = world.end(FEDERATION, end(day(2024, 4, 1))).await.unwrap().into_inner();

    let operator = world.engagement(OPERATOR, "U31970", "demo-e-101").await;
    let told = |engagement: &pb::Engagement| -> Vec<_> {
        let days = engagement.assignments.iter().map(|it| (it.start_date, it.end_date));
        days.collect()
    };
    let all = [(day(2023, 6, 5), day(2024, 3, 31)), (day(2024, 4, 1), day(2024, 4, 1))];
    assert_eq!(told(&operator), all);
    assert_eq!(told(&ended), all[1..]);
}

/// IDM-1: of 32 identical calls at once one has an effect, and all get its answer.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_identical_calls_at_once_have_one_effect_and_one_answer() {
    let world = World::demonstration().await;
    let name = world.engagement(MANAGER, "U09081", "demo-e-005").await.name;
    for round in 0..20 {
        let (position, audited) = (world.position().await, world.rows("audit_entry").await);
        let message = pb::SetAssignmentRequest {
            request_id: new_id(),
            weekly_minutes: Some(1_200 + round),
            ..part_time(&name)
        };

        let answers = at_once(&world, 32, &message).await;

        let mut given = BTreeSet::new();
        for answer in &answers {
            match answer {
                Ok(answer) => {
                    given.insert(whole(answer));
                }
                Err(status) => {
                    assert_eq!(reason_of(status), Some(ErrorReason::RequestInProgress));
                    let details = tonic_types::StatusExt::get_error_details(status);
                    assert!(details.retry_info().is_some());
                }
            }
        }
        assert_eq!(given.len(), 1, "{answers:?}");
        let facts = if round == 0 { 2 } else { 1 };
        assert_eq!(world.position().await, position + facts);
        assert_eq!(world.rows("audit_entry").await, audited + 1);
    }
}

/// The test of IDM-1 has teeth: without a `request_id` each of the calls is a change of its own.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_calls_that_cannot_be_told_apart_from_new_ones_happen_each() {
    let world = World::demonstration().await;
    let name = world.engagement(MANAGER, "U09081", "demo-e-005").await.name;
    let audited = world.rows("audit_entry").await;

    let answers = at_once(&world, 32, &part_time(&name)).await;

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.rows("audit_entry").await, audited + 32);
}

/// IDM-2: one identifier is one request.
#[tokio::test(flavor = "multi_thread")]
async fn idm_2_a_request_id_with_another_body_is_refused() {
    let world = World::demonstration().await;
    let name = world.engagement(MANAGER, "U09081", "demo-e-005").await.name;
    let message = pb::SetAssignmentRequest { request_id: new_id(), ..part_time(&name) };
    let first = world.set(MANAGER, message.clone()).await.unwrap();
    let position = world.position().await;

    for changed in [
        pb::SetAssignmentRequest { weekly_minutes: Some(1_201), ..message.clone() },
        pb::SetAssignmentRequest { end_date: day(2026, 9, 1), ..message.clone() },
        pb::SetAssignmentRequest { etag: "\"3\"".to_owned(), ..message.clone() },
    ] {
        let answer = world.set(MANAGER, changed).await;
        refused(answer, Code::InvalidArgument, ErrorReason::RequestIdReused);
    }

    assert_eq!(world.position().await, position);
    // The same words again, with the identifier in other letters, get the first answer.
    let upper = message.request_id.to_uppercase();
    let repeat = pb::SetAssignmentRequest { request_id: upper, ..message };
    assert_eq!(whole(&world.set(MANAGER, repeat).await.unwrap()), whole(&first));
}

/// IDM-3: an answer is given to nobody but who got it first, and only while they may.
#[tokio::test(flavor = "multi_thread")]
async fn idm_3_nobody_else_gets_a_stored_answer() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let message = pb::SetAssignmentRequest { request_id: new_id(), ..part_time(&before.name) };
    let first = world.set(MANAGER, message.clone()).await.unwrap();

    // The same person with grants that do not reach it (any more) is refused as ever.
    for grant in [SIBLING, FEDERATION, "pcn-manager@pcn:U62043"] {
        let answer = world.set(grant, message.clone()).await;
        refused(answer, Code::PermissionDenied, ErrorReason::NotPermitted);
    }
    // Another person's call under the same identifier is a call of its own: it finds what the
    // first one changed, so the etag that it read does not fit any more.
    let theirs = pb::SetAssignmentRequest { etag: before.etag.clone(), ..message.clone() };
    let mut request = Request::new(theirs);
    let somebody = Caller::for_test(&[MANAGER], CHANGE).named("somebody else");
    request.extensions_mut().insert(somebody);
    let answer = world.api.set_assignment(request).await;
    refused(answer, Code::Aborted, ErrorReason::EtagMismatch);
    // And the same person's under it about another owner's record is no repeat.
    let paramedic = world.engagement(FEDERATION, "U09081", "demo-e-007").await;
    let other = pb::SetAssignmentRequest { name: paramedic.name.clone(), ..message.clone() };
    let other = world.set(FEDERATION, other).await.unwrap().into_inner();
    assert_eq!(other.engagement.unwrap().name, paramedic.name);
    assert_eq!(whole(&world.set(MANAGER, message).await.unwrap()), whole(&first));
}

/// IDM-5: after seven days an answer is gone, and the same words still change nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn idm_5_after_seven_days_the_key_of_the_hours_still_allows_them_once() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let clock = world.database().clock();
    let message = pb::SetAssignmentRequest {
        request_id: new_id(),
        etag: before.etag,
        ..part_time(&before.name)
    };
    let first = world.set(MANAGER, message.clone()).await.unwrap();
    let position = world.position().await;

    clock.move_to(Instant(NOW.0 + 7 * DAY - 1));
    assert_eq!(kit::answers::purge(world.database()).await.unwrap(), 0);
    assert_eq!(whole(&world.set(MANAGER, message.clone()).await.unwrap()), whole(&first));
    clock.move_to(Instant(NOW.0 + 7 * DAY));
    // Too old to be given, purged or not.
    let late = world.set(MANAGER, message.clone()).await;
    refused(late, Code::Aborted, ErrorReason::EtagMismatch);
    assert_eq!(kit::answers::purge(world.database()).await.unwrap(), 1);
    let again = pb::SetAssignmentRequest { etag: String::new(), ..message };
    let again = world.set(MANAGER, again).await.unwrap();

    assert_eq!(position_of(again.metadata()), None, "it was known already");
    assert_eq!(again.into_inner(), first.into_inner());
    assert_eq!(world.position().await, position);
}

/// OCC-1: of 200 writers who read the same version one wins, and nobody's words are lost.
#[tokio::test(flavor = "multi_thread")]
async fn occ_1_of_writers_with_one_etag_one_wins() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let rows = world.rows("assignment").await;
    let calls = (0..200).map(|minutes| {
        let message = pb::SetAssignmentRequest {
            etag: before.etag.clone(),
            start_date: day(2024, 2, 5),
            weekly_minutes: Some(minutes),
            ..part_time(&before.name)
        };
        let (api, request) = (world.api.clone(), as_caller(MANAGER, CHANGE, message));
        tokio::spawn(async move { api.set_assignment(request).await })
    });

    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let [Ok(winner)] = &won[..] else { panic!("{} won", won.len()) };
    for answer in lost {
        refused(answer, Code::Aborted, ErrorReason::EtagMismatch);
    }
    let after = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    assert_eq!(Some(&after), winner.get_ref().engagement.as_ref());
    assert_eq!(world.rows("assignment").await, rows + 1);
}

/// The test of OCC-1 has teeth: writers without an etag overwrite each other.
#[tokio::test(flavor = "multi_thread")]
async fn occ_1_writers_without_an_etag_all_win() {
    let world = World::demonstration().await;
    let name = world.engagement(MANAGER, "U09081", "demo-e-005").await.name;
    let rows = world.rows("assignment").await;
    for minutes in 0..20 {
        let start_date = day(2024, 2, 5);
        let weekly_minutes = Some(minutes);
        let message = pb::SetAssignmentRequest { start_date, weekly_minutes, ..part_time(&name) };
        world.set(MANAGER, message).await.unwrap();
    }
    assert_eq!(world.rows("assignment").await, rows + 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_moves_the_etag_as_well() {
    let world = World::demonstration().await;
    let before = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let file = STAFF.replace("2024-02-05,,", "2024-02-05,2026-12-31,");
    world.bring(OPERATOR, "staff", file, None).await.unwrap();
    let message = pb::SetAssignmentRequest { etag: before.etag, ..part_time(&before.name) };

    refused(world.set(MANAGER, message).await, Code::Aborted, ErrorReason::EtagMismatch);

    let month: Month = "2026-12".parse().unwrap();
    let after = world.engagement(MANAGER, "U09081", "demo-e-005").await;
    let last = month.last().day();
    assert_eq!(after.assignments[0].end_date, day(2026, 12, last.into()));
}
