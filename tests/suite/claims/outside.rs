//! What somebody learns of the claims of a PCN that is not theirs: nothing.

use std::fmt::Debug;

use arrs_proto::finance::v1::{
    ExplainClaimLineRequest, ExplainClaimLineResponse, ListArrearsRequest, ListArrearsResponse,
    ListClaimLinesRequest, ListClaimLinesResponse, ListClaimsRequest, ListClaimsResponse,
    VerifyClaimRequest, VerifyClaimResponse,
};
use kit::error::reason_of;
use tonic_types::StatusExt;

use super::*;
use crate::tenancy::probe::CLAIMED;
use crate::tenancy::two_boards;

/// Everything that was said to a call, but for the PCN and month that it named.
fn said<A: Debug>(answer: Result<A, Status>, pcn: &str, month: &str) -> String {
    let status = match answer {
        Ok(answer) => return format!("{answer:?}"),
        Err(status) => status,
    };
    let mut facts: Vec<(String, String)> =
        status.get_error_details().error_info().unwrap().metadata.clone().into_iter().collect();
    facts.sort();
    let text =
        format!("{:?} {:?} {} {facts:?}", status.code(), reason_of(&status), status.message());
    text.replace(pcn, "{pcn}").replace(month, "{month}")
}

/// What all methods about a claim and its money say of a PCN and month.
async fn everything(channel: &Channel, pcn: &str, month: &str) -> Vec<(&'static str, String)> {
    let (parent, name) = (format!("pcns/{pcn}"), format!("pcns/{pcn}/claims/{month}"));
    let mut all = Vec::new();
    for path in MOVES {
        // With the right version, a wrong one, and the one of what was never prepared.
        for etag in [CLAIMED, "\"99\"", "\"0\""] {
            let answer = moved(channel, path, asked(path, &name, etag)).await;
            all.push((path, said(answer, pcn, month)));
        }
    }
    let first = moved(channel, PREPARE, asked(PREPARE, &name, "")).await;
    all.push((PREPARE, said(first, pcn, month)));
    all.push((GET, said(get(channel, &name).await, pcn, month)));
    let request = ListClaimsRequest { parent: parent.clone(), ..Default::default() };
    let answer = ask::<_, ListClaimsResponse>(channel, LIST, request).await;
    all.push((LIST, said(answer, pcn, month)));
    let request = ListClaimLinesRequest { parent: name.clone(), ..Default::default() };
    let answer = ask::<_, ListClaimLinesResponse>(channel, LIST_LINES, request).await;
    all.push((LIST_LINES, said(answer, pcn, month)));
    let request = ExplainClaimLineRequest { name: format!("{name}/lines/1"), known_at_date: None };
    let answer = ask::<_, ExplainClaimLineResponse>(channel, EXPLAIN_LINE, request).await;
    all.push((EXPLAIN_LINE, said(answer, pcn, month)));
    let request = ListClaimEventsRequest { parent: name.clone(), ..Default::default() };
    let answer = ask::<_, ListClaimEventsResponse>(channel, LIST_EVENTS, request).await;
    all.push((LIST_EVENTS, said(answer, pcn, month)));
    let answer = ask::<_, VerifyClaimResponse>(channel, VERIFY, VerifyClaimRequest { name }).await;
    all.push((VERIFY, said(answer, pcn, month)));
    let year = "2025-26".to_owned();
    let request = ListArrearsRequest { parent: parent.clone(), year, ..Default::default() };
    let answer = ask::<_, ListArrearsResponse>(channel, LIST_ARREARS, request).await;
    all.push((LIST_ARREARS, said(answer, pcn, month)));
    let request = ListBalancesRequest { parent: parent.clone(), known_at_date: None };
    let answer = ask::<_, ListBalancesResponse>(channel, LIST_BALANCES, request).await;
    all.push((LIST_BALANCES, said(answer, pcn, month)));
    let request = ListTransfersRequest { parent, ..Default::default() };
    let answer = ask::<_, ListTransfersResponse>(channel, LIST_TRANSFERS, request).await;
    all.push((LIST_TRANSFERS, said(answer, pcn, month)));
    all
}

/// TEN-1, for claims: July is claimed, June is not, and one of the PCNs is not there.
#[tokio::test(flavor = "multi_thread")]
async fn ten_1_a_claimed_month_looks_like_any_other_to_who_may_not_see_it() {
    let cluster = two_boards().await;
    let operator = cluster.channel(&[OPERATOR]);
    assert_eq!(get(&operator, &unprepared("2025-07").name).await.unwrap().etag, CLAIMED);
    let before = positions(&operator).await;

    for grant in [
        "pcn-manager@pcn:U31970",
        "pcn-viewer@pcn:DEMOPCN02",
        "icb-finance@icb:DEMOICB02",
        "icb-finance-approver@icb:DEMOICB02",
        "icb-workforce@icb:QT6",
        "supervisor@supervisor:demo-s-01",
    ] {
        let channel = channel_of(&cluster, grant, &[grant]);
        let nothing = everything(&channel, "U99999", "2025-07").await;
        for (path, said) in &nothing {
            assert!(said.starts_with("PermissionDenied"), "{grant} {path}: {said}");
        }
        for month in ["2025-07", "2025-06"] {
            assert_eq!(everything(&channel, "U09081", month).await, nothing, "{grant} {month}");
        }
        // A list of everything has the own claim, or none.
        let request = ListClaimsRequest { parent: "pcns/-".to_owned(), ..Default::default() };
        if let Ok(page) = ask::<_, ListClaimsResponse>(&channel, LIST, request).await {
            assert!(page.claims.iter().all(|claim| !claim.name.contains("U09081")), "{page:?}");
        }
    }
    assert_eq!(positions(&operator).await, before, "nothing was written");
    // The test of the test: who may see the months is told them apart.
    let manager = channel_of(&cluster, "manager", &[MANAGER]);
    assert_ne!(
        everything(&manager, "U09081", "2025-07").await,
        everything(&manager, "U09081", "2025-06").await
    );
}

/// Months before a federation served a PCN are not its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_federation_learns_nothing_of_months_before_its_service() {
    let cluster = two_boards().await;
    let federation =
        channel_of(&cluster, "federation", &["federation-manager@federation:DEMOFED01"]);
    walk(&cluster, unprepared("2024-03"), &[PREPARE]).await;
    let of_month = async |pcn: &str, month: &str| {
        let mut all = everything(&federation, pcn, month).await;
        // These are about all months.
        let of_all = [LIST, LIST_ARREARS, LIST_BALANCES, LIST_TRANSFERS];
        all.retain(|(path, _)| !of_all.contains(path));
        all
    };

    let nothing = of_month("U99999", "2024-03").await;

    for (path, said) in &nothing {
        assert!(said.starts_with("PermissionDenied"), "{path}: {said}");
    }
    assert_eq!(of_month("U09081", "2024-03").await, nothing, "prepared");
    assert_eq!(of_month("U09081", "2024-02").await, nothing, "not prepared");
    let request = ListClaimsRequest { parent: PCN.to_owned(), ..Default::default() };
    let page: ListClaimsResponse = ask(&federation, LIST, request).await.unwrap();
    let listed: Vec<&str> = page.claims.iter().map(|claim| &claim.name[..]).collect();
    assert_eq!(listed, [unprepared("2025-07").name]);
}

/// Of somebody whom two PCNs share, neither claim says whose the other hours are.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_does_not_say_which_other_pcn_shares_somebody() {
    let cluster = two_boards().await;

    for (pcn, other) in [("U09081", "U31970"), ("U31970", "U09081")] {
        let manager = channel_of(&cluster, pcn, &[&format!("pcn-manager@pcn:{pcn}")]);
        let parent = format!("pcns/{pcn}/claims/2025-07");
        let request = ListClaimLinesRequest { parent, ..Default::default() };
        let page: ListClaimLinesResponse = ask(&manager, LIST_LINES, request).await.unwrap();
        let shared = page.lines.iter().find(|line| line.reference == "demo-e-007").unwrap();
        let name = shared.name.clone();
        let request = ExplainClaimLineRequest { name, known_at_date: None };
        let explained: ExplainClaimLineResponse =
            ask(&manager, EXPLAIN_LINE, request).await.unwrap();
        let said = format!("{page:?} {explained:?}");
        assert!(said.contains(pcn) && !said.contains(other), "{said}");
    }
}
