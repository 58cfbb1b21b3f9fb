//! Who is first: many who move one claim at once, and two PCNs that claim the same hours.

use arrs_proto::finance::v1::{ListClaimsRequest, ListClaimsResponse};
use arrs_proto::workforce::v1::{Engagement, SetAssignmentRequest, SetAssignmentResponse};
use futures::future::join_all;
use kit::server::position_of;
use terms::Date;

use super::*;
use crate::demo_set::{call, settle};
use crate::mutations::{SET_ASSIGNMENT, engagement};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_approve_at_once_one_does() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let checked = walk(&cluster, unprepared("2025-07"), &[PREPARE, SUBMIT, CHECK]).await;
    let before = transfers(&operator, PCN).await;

    let approvals = (0..64).map(|number| {
        let channel = channel_of(&cluster, &format!("approver {number}"), &[SECOND]);
        let request = asked(APPROVE, &checked.name, &checked.etag);
        tokio::spawn(async move { moved(&channel, APPROVE, request).await })
    });
    let answers = join_all(approvals).await.into_iter().map(Result::unwrap);
    let (won, lost): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);

    let [Ok(won)] = &won[..] else { panic!("{won:#?}") };
    assert_eq!(won.state(), ClaimState::Approved);
    assert_eq!(lost.len(), 63);
    for status in lost {
        refused(status, Code::Aborted, ErrorReason::EtagMismatch);
    }
    assert_eq!(get(&operator, &checked.name).await.unwrap(), *won);
    // Its money moved once, from each of its sums, and all that was committed is approved.
    let transfers = transfers(&operator, PCN).await;
    let moved: BTreeMap<&str, i64> = transfers[before.len()..]
        .iter()
        .map(|one| {
            let accounts = (one.kind.as_str(), one.from_account.as_str(), one.to_account.as_str());
            assert_eq!(accounts, ("APPROVED", "committed", "approved"));
            assert_eq!(one.claim, checked.name);
            (one.balance.rsplit('-').next().unwrap(), one.amount_pence)
        })
        .collect();
    let pots: BTreeMap<&str, i64> =
        won.pots.iter().map(|pot| (pot.pot.as_str(), pot.payable_pence)).collect();
    assert_eq!(moved, pots);
    assert_eq!(transfers.len(), before.len() + pots.len());
    for balance in balances(&operator, PCN).await {
        let pence = pots.get(balance.pot.as_str()).copied().unwrap_or_default();
        assert_eq!((balance.committed_pence, balance.approved_pence), (0, pence));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_managers_who_prepare_a_month_at_once_one_does() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let months: Vec<String> = (4..=12).map(|month| format!("2025-{month:02}")).collect();

    for month in &months {
        let name = unprepared(month).name;
        let managers = ["one", "another"].map(|subject| {
            let channel = channel_of(&cluster, subject, &[MANAGER]);
            let request = asked(PREPARE, &name, "");
            tokio::spawn(async move { moved(&channel, PREPARE, request).await })
        });
        let answers = join_all(managers).await.into_iter().map(Result::unwrap);
        let (won, lost): (Vec<_>, Vec<_>) = answers.partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1), "{month}: {lost:?}");
        for status in lost {
            invalid(status, &["etag"]);
        }
        assert_eq!(events(&operator, &name).await.len(), 1);
    }

    let request = ListClaimsRequest { parent: PCN.to_owned(), ..Default::default() };
    let page: ListClaimsResponse = ask(&operator, LIST, request).await.unwrap();
    let listed: Vec<&str> = page.claims.iter().map(|claim| &claim.name[..]).collect();
    let expected: Vec<String> = months.iter().map(|month| unprepared(month).name).collect();
    assert_eq!(listed, expected);
}

/// Hours of somebody that one PCN claimed, and that were another's all the time.
#[tokio::test(flavor = "multi_thread")]
async fn hours_that_another_pcn_claimed_are_not_claimed_again() {
    const TRURO: &str = "pcns/U31970";
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let truro = channel_of(&cluster, "truro", &["pcn-manager@pcn:U31970"]);
    let first = walk(&cluster, unprepared("2025-07"), &[PREPARE, SUBMIT]).await;
    let july = Date::constant(2025, 7, 1);
    let last = july.yesterday().unwrap();
    let engagement = engagement(&operator, "demo-e-005").await;
    set_hours(&operator, &engagement, PCN, Date::constant(2024, 2, 5), Some(last)).await;
    set_hours(&operator, &engagement, TRURO, july, None).await;
    let name = format!("{TRURO}/claims/2025-07");
    let prepared = moved(&truro, PREPARE, asked(PREPARE, &name, "")).await.unwrap();
    let before = positions(&operator).await;

    let answer = moved(&truro, SUBMIT, asked(SUBMIT, &name, &prepared.etag)).await;

    let reason = ErrorReason::HoursClaimedElsewhere;
    let status = refused(answer, Code::FailedPrecondition, reason);
    assert_eq!(metadata(&status, "references").as_deref(), Some("demo-e-005"));
    let told = format!("{status:?}");
    assert!(!told.contains("U09081") && !told.contains("FALMOUTH"), "{told}");
    assert_eq!(get(&truro, &name).await.unwrap(), prepared);
    assert_eq!(balances(&truro, TRURO).await, []);
    assert_eq!(positions(&operator).await, before);
    // Whose the hours were gives them back.
    walk(&cluster, first, &[WITHDRAW]).await;
    let submitted = moved(&truro, SUBMIT, asked(SUBMIT, &name, &prepared.etag)).await.unwrap();
    assert_eq!(submitted.state(), ClaimState::Submitted);
}

/// Sets the hours of a full post, and waits until finance knows.
async fn set_hours(
    operator: &Channel,
    engagement: &Engagement,
    pcn: &str,
    first: Date,
    last: Option<Date>,
) {
    let request = SetAssignmentRequest {
        name: engagement.name.clone(),
        pcn: pcn.to_owned(),
        start_date: Some(wire::date(first)),
        end_date: last.map(wire::date),
        weekly_minutes: Some(2_250),
        band: "4".to_owned(),
        ..Default::default()
    };
    let answer = call::<_, SetAssignmentResponse>(operator, SET_ASSIGNMENT, request).await.unwrap();
    settle(operator, position_of(answer.metadata()).unwrap()).await;
}
