//! Payments one at a time: raced, and repeated when nobody remembers them.

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::pay_service_server::PayService;
use futures::future::join_all;
use kit::ErrorReason;
use kit::error::reason_of;
use terms::Instant;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use super::fixture::{Finance, called, engagement_id};
use crate::api::pay::PayApi;

const MANAGER: &str = "pcn-manager@pcn:U09081";
const RECORD: &str = "finance.pay.record";
const WEEK: i64 = 7 * 24 * 60 * 60 * 1_000_000;

fn payment(month: &str, pence: i64) -> pb::RecordPayRequest {
    pb::RecordPayRequest {
        name: format!("engagements/{}/pay/{month}", engagement_id("demo-e-005")),
        salary_pence: Some(pence),
        employer_ni_pence: Some(0),
        employer_pension_pence: Some(0),
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    }
}

async fn record(
    finance: &Finance,
    message: &pb::RecordPayRequest,
) -> Result<Response<pb::Pay>, Status> {
    let api = PayApi { app: finance.app.clone() };
    api.record_pay(called(message.clone(), MANAGER, RECORD)).await
}

/// IDM-5: after seven days an answer is gone; the engagement and month still take the payment once.
#[tokio::test(flavor = "multi_thread")]
async fn idm_5_after_seven_days_a_payment_is_still_taken_once() {
    let finance = Finance::with_roster().await;
    let clock = finance.app.clock();
    let start = clock.now();
    let message = payment("2025-07", 300_000);
    let first = record(&finance, &message).await.unwrap();
    let written = finance.written().await;

    clock.move_to(Instant(start.0 + WEEK - 1));
    let repeat = record(&finance, &message).await.unwrap();
    assert_eq!(repeat.get_ref(), first.get_ref());
    clock.move_to(Instant(start.0 + WEEK));
    let late = record(&finance, &message).await.unwrap_err();

    assert_eq!(late.code(), Code::InvalidArgument);
    assert!(late.message().contains("etag"), "{late:?}");
    assert_eq!(finance.written().await, written);
}

/// OCC-1 of money: of 50 who read the same version one wins, and the month has one payment.
#[tokio::test(flavor = "multi_thread")]
async fn occ_1_of_payments_with_one_etag_one_is_recorded() {
    let finance = Finance::with_roster().await;
    let first = record(&finance, &payment("2025-07", 300_000)).await.unwrap().into_inner();
    let (rows, facts) = finance.written().await;
    let calls = (0..50).map(|pence| {
        let etag = first.etag.clone();
        let message = pb::RecordPayRequest { etag, ..payment("2025-07", pence) };
        let api = PayApi { app: finance.app.clone() };
        let request = called(message, MANAGER, RECORD);
        tokio::spawn(async move { api.record_pay(request).await })
    });

    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();

    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let [Ok(winner)] = &won[..] else { panic!("{} won", won.len()) };
    assert_eq!(winner.get_ref().payments.len(), 1);
    for status in lost.into_iter().map(Result::unwrap_err) {
        assert_eq!(reason_of(&status), Some(ErrorReason::EtagMismatch), "{status:?}");
    }
    assert_eq!(finance.written().await, (rows + 1, facts + 1));
}
