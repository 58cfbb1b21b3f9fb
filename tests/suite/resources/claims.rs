//! Claims with their lines and events, and the transfers of a PCN.

use arrs_proto::finance::v1 as finance;
use arrs_tests::cluster::Cluster;

use super::{MANAGER, Paged};
use crate::claims::{
    CHECK, LIST, LIST_EVENTS, LIST_LINES, LIST_TRANSFERS, PREPARE, SUBMIT, unprepared, walk,
};
use crate::demo_set::{OPERATOR, PCN, bring_in};

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_what_belongs_to_them_are_listed_in_pages() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let (manager, operator) = (cluster.channel(&[MANAGER]), cluster.channel(&[OPERATOR]));
    for month in ["2025-07", "2025-06", "2025-04"] {
        walk(&cluster, unprepared(month), &[PREPARE, SUBMIT, CHECK]).await;
    }
    let claims = Paged {
        channel: &manager,
        path: LIST,
        request: |page_size, page_token| finance::ListClaimsRequest {
            parent: PCN.to_owned(),
            page_size,
            page_token,
            ..Default::default()
        },
        other: |page_token| finance::ListClaimsRequest {
            parent: PCN.to_owned(),
            page_size: 1,
            page_token,
            year: "2025-26".to_owned(),
            ..Default::default()
        },
        page: |page: finance::ListClaimsResponse| {
            let names = page.claims.into_iter().map(|claim| claim.name);
            (names.collect(), page.next_page_token)
        },
    };
    let lines = Paged {
        channel: &manager,
        path: LIST_LINES,
        request: |page_size, page_token| finance::ListClaimLinesRequest {
            parent: unprepared("2025-07").name,
            page_size,
            page_token,
            known_at_date: None,
        },
        other: |page_token| finance::ListClaimLinesRequest {
            parent: unprepared("2025-06").name,
            page_size: 1,
            page_token,
            known_at_date: None,
        },
        page: |page: finance::ListClaimLinesResponse| {
            assert!(page.lines.iter().all(|line| line.steps.is_empty()), "{page:?}");
            (page.lines.into_iter().map(|line| line.name).collect(), page.next_page_token)
        },
    };
    let events = Paged {
        channel: &manager,
        path: LIST_EVENTS,
        request: |page_size, page_token| finance::ListClaimEventsRequest {
            parent: unprepared("2025-07").name,
            page_size,
            page_token,
        },
        other: |page_token| finance::ListClaimEventsRequest {
            parent: unprepared("2025-06").name,
            page_size: 1,
            page_token,
        },
        page: |page: finance::ListClaimEventsResponse| {
            (page.events.into_iter().map(|event| event.action).collect(), page.next_page_token)
        },
    };
    let transfers = Paged {
        channel: &manager,
        path: LIST_TRANSFERS,
        request: |page_size, page_token| finance::ListTransfersRequest {
            parent: PCN.to_owned(),
            page_size,
            page_token,
            year: String::new(),
        },
        other: |page_token| finance::ListTransfersRequest {
            parent: PCN.to_owned(),
            page_size: 1,
            page_token,
            year: "2025-26".to_owned(),
        },
        page: |page: finance::ListTransfersResponse| {
            let numbers = page.transfers.iter().map(|transfer| transfer.number.to_string());
            (numbers.collect(), page.next_page_token)
        },
    };

    let claims = claims.check(&operator).await;
    let lines = lines.check(&operator).await;
    let events = events.check(&operator).await;
    let transfers = transfers.check(&operator).await;

    assert_eq!(claims, ["2025-04", "2025-06", "2025-07"].map(|month| unprepared(month).name));
    let numbered = (1..=lines.len()).map(|number| format!("{}/lines/{number}", claims[2]));
    assert_eq!(lines, numbered.collect::<Vec<_>>());
    assert_eq!(events, ["PREPARE", "SUBMIT", "CHECK"]);
    let numbers = (1..=transfers.len()).map(|number| number.to_string());
    assert_eq!(transfers, numbers.collect::<Vec<_>>());
}
