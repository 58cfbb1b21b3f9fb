//! Every move of a claim, repeated.

use arrs_proto::admin::v1::{AuditOutcome, ListAuditEventsRequest, ListAuditEventsResponse};
use arrs_proto::finance::v1::Claim;
use prost_reflect::Value;

use super::*;
use crate::claims::{
    AMEND, APPROVE, CHECK, PAY, PREPARE, QUERY, REJECT, REMARK, REPLY, SUBMIT, WITHDRAW, asked, by,
    events, get, unprepared, walk,
};

const LIST_AUDIT: &str = "/arrs.finance.v1.AuditService/ListAuditEvents";

/// IDM-1, IDM-2, IDM-3 of every move of a claim.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_2_3_a_claim_is_moved_once_for_one_caller() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let (viewer, auditor) = (cluster.channel(&[VIEWER]), cluster.channel(&["auditor@england"]));
    // Moves that lead where others begin, and those that are repeated from there.
    let ways: [(&str, &[&str], &[&str]); 3] = [
        ("2025-07", &[], &[PREPARE, AMEND, SUBMIT, QUERY, REPLY, CHECK, APPROVE, PAY, REMARK]),
        ("2025-06", &[PREPARE, SUBMIT], &[REJECT]),
        ("2025-05", &[PREPARE], &[WITHDRAW]),
    ];
    let mut repeated = BTreeSet::new();

    for (month, begin, moves) in ways {
        let mut claim = walk(&cluster, unprepared(month), begin).await;
        for &path in moves {
            let message = asked(path, &claim.name, &claim.etag);
            let mut other = message.clone();
            other.set_field_by_name("etag", Value::String("\"99\"".to_owned()));
            let moved = Repeated { path, by: by(path), message, other };
            moved.check::<Claim>(&cluster).await;
            claim = get(&viewer, &claim.name).await.unwrap();
            repeated.insert(path);
        }
        // Each left one event and one entry of the trail.
        let all: Vec<&str> = begin.iter().chain(moves).copied().collect();
        let events = events(&viewer, &claim.name).await;
        assert_eq!(events.len(), all.len(), "{events:#?}");
        for (event, path) in events.iter().zip(&all) {
            let method = path.rsplit('/').next().unwrap().to_uppercase();
            assert!(method.starts_with(&event.action), "{path} left {event:?}");
        }
        let request = ListAuditEventsRequest {
            resource: claim.name,
            outcome: AuditOutcome::Done.into(),
            ..Default::default()
        };
        let page: ListAuditEventsResponse =
            call(&auditor, LIST_AUDIT, request).await.unwrap().into_inner();
        let methods = page.events.iter().rev().map(|entry| format!("/{}", entry.method));
        assert_eq!(methods.collect::<Vec<String>>(), all);
    }

    assert_eq!(repeated, BTreeSet::from(MOVES));
}
