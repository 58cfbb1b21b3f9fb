//! What is owed: claimed and not paid, to one PCN and to each of many.

use arrs_proto::finance::v1 as finance;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use terms::Date;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use super::{MANAGER, Paged};
use crate::demo_set::{MONTH, OPERATOR, PCN, bring_in, call, denied, invalid, refused};

const GET_MONEY_OWED: &str = "/arrs.finance.v1.LedgerService/GetMoneyOwed";
const LIST_MONEY_OWED: &str = "/arrs.finance.v1.LedgerService/ListMoneyOwed";
const PREPARE: &str = "/arrs.finance.v1.ClaimService/PrepareClaim";
const SUBMIT: &str = "/arrs.finance.v1.ClaimService/SubmitClaim";

/// Claims the month of the set for a PCN; answers what is asked for.
pub(super) async fn claim(cluster: &Cluster, pcn: &str) -> i64 {
    let channel = cluster.channel(&[&format!("pcn-manager@pcn:{pcn}")]);
    let name = format!("pcns/{pcn}/claims/{MONTH}");
    let prepare = finance::PrepareClaimRequest {
        name: name.clone(),
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let prepared: finance::Claim = call(&channel, PREPARE, prepare).await.unwrap().into_inner();
    let submit = finance::SubmitClaimRequest {
        name,
        etag: prepared.etag,
        request_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let claim: finance::Claim = call(&channel, SUBMIT, submit).await.unwrap().into_inner();
    claim.payable_pence
}

async fn owed(
    channel: &Channel,
    name: &str,
    known_at: Option<Date>,
) -> Result<Response<finance::MoneyOwed>, Status> {
    let request = finance::GetMoneyOwedRequest {
        name: name.to_owned(),
        rules_known_on_date: known_at.map(date),
        known_at_date: known_at.map(date),
    };
    call(channel, GET_MONEY_OWED, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_is_told_by_age_claim_and_month() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let nothing = owed(&viewer, PCN, None).await.unwrap().into_inner();
    assert_eq!((nothing.owed_pence, nothing.claims.len(), nothing.cash_gaps.len()), (0, 0, 0));
    let asked_for = claim(&cluster, "U09081").await;

    let answer = owed(&viewer, PCN, None).await.unwrap().into_inner();

    assert_eq!((answer.name.as_str(), answer.owed_pence), (PCN, asked_for));
    assert_eq!(answer.as_of_date, Some(date(Clock::system().today())));
    let ages: Vec<_> = answer
        .ages
        .iter()
        .map(|age| (age.days_min, age.days_max, age.claim_count, age.owed_pence))
        .collect();
    let all = (0, Some(30), 1, asked_for);
    assert_eq!(ages, [all, (31, Some(60), 0, 0), (61, Some(90), 0, 0), (91, None, 0, 0)]);
    let [one] = answer.claims.as_slice() else { panic!("{answer:?}") };
    assert_eq!(one.claim, format!("{PCN}/claims/{MONTH}"));
    assert_eq!(one.state(), finance::ClaimState::Submitted);
    assert_eq!((one.owed_pence, one.age_days, one.days_in_state), (asked_for, 0, 0));
    assert!(one.in_principle_month < one.usual_earliest_month, "{one:?}");
    assert!(one.usual_earliest_month < one.usual_latest_month, "{one:?}");
    let readings: [i64; 3] = answer.expected_payments.iter().fold([0; 3], |sums, month| {
        let finance::ExpectedPayment { month: _, in_principle_pence, .. } = month;
        let row = [*in_principle_pence, month.usual_earliest_pence, month.usual_latest_pence];
        std::array::from_fn(|reading| sums[reading] + row[reading])
    });
    assert_eq!(readings, [asked_for; 3]);
    let delays = answer.payment_delays.iter().map(|delay| {
        assert!(!delay.source.is_empty());
        (delay.value, delay.confidence.as_str())
    });
    let one_source = |months| (months, "ONE SOURCE");
    assert_eq!(delays.collect::<Vec<_>>(), [1, 2, 3].map(one_source));
    let first = &answer.cash_gaps[0];
    assert_eq!((first.month.as_str(), first.repaid_pence), (MONTH, 0));
    assert!(answer.cash_gaps.iter().all(|gap| gap.gap_pence == first.cost_pence));

    // Before it was asked for, nothing was owed; and that stays so.
    let yesterday = Clock::system().today().yesterday().unwrap();
    let then = owed(&viewer, PCN, Some(yesterday)).await.unwrap().into_inner();
    assert_eq!((then.owed_pence, then.as_of_date), (0, Some(date(yesterday))));
    assert_eq!(then, owed(&viewer, PCN, Some(yesterday)).await.unwrap().into_inner());
    let today = Some(Clock::system().today());
    let today = owed(&viewer, PCN, today).await;
    refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);

    let hidden = denied(owed(&viewer, "pcns/U31970", None).await);
    let absent = denied(owed(&viewer, "pcns/U99999", None).await);
    assert_eq!(hidden.message().replace("U31970", "U99999"), absent.message());
    invalid(owed(&viewer, "U09081", None).await, &["name"]);
    denied(owed(&cluster.channel(&["icb-workforce@icb:QT6"]), PCN, None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_to_many_is_listed_by_pcn() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let mut asked_for = Vec::new();
    for pcn in ["U09081", "U31970", "U60113"] {
        asked_for.push((format!("pcns/{pcn}"), claim(&cluster, pcn).await));
    }
    let icb = cluster.channel(&["icb-finance@icb:QT6"]);
    let list = Paged {
        channel: &icb,
        path: LIST_MONEY_OWED,
        request: |page_size, page_token| finance::ListMoneyOwedRequest {
            page_size,
            page_token,
            known_at_date: None,
        },
        other: |page_token| finance::ListMoneyOwedRequest {
            page_token,
            known_at_date: Some(date(Date::constant(2025, 7, 31))),
            ..Default::default()
        },
        page: |page: finance::ListMoneyOwedResponse| {
            let rows = page.pcns.iter().map(|row| format!("{} {}", row.name, row.owed_pence));
            (rows.collect(), page.next_page_token)
        },
    };

    let rows = list.check(&cluster.channel(&[OPERATOR])).await;

    let wanted: Vec<String> =
        asked_for.iter().map(|(pcn, pence)| format!("{pcn} {pence}")).collect();
    assert_eq!(rows, wanted);
    let ask = async |channel: &Channel, known_at_date| {
        let request = finance::ListMoneyOwedRequest { known_at_date, ..Default::default() };
        call::<_, finance::ListMoneyOwedResponse>(channel, LIST_MONEY_OWED, request).await
    };
    let manager = cluster.channel(&[MANAGER]);
    let own = ask(&manager, None).await.unwrap().into_inner().pcns;
    assert_eq!(own.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), [PCN]);
    let then = ask(&icb, Some(date(Date::constant(2025, 7, 31)))).await.unwrap().into_inner();
    assert!(then.pcns.is_empty());
    denied(ask(&cluster.channel(&["icb-workforce@icb:QT6"]), None).await);
}
