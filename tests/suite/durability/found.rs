//! What is there after the clients went: in the facts of each service, and in what it lists.

use std::collections::{BTreeMap, BTreeSet};

use arrs_proto::event::v1::{
    AssignmentHoursSet, EngagementRecorded, Fact, PayRecorded, SessionRecorded,
};
use arrs_proto::google::r#type::Date;
use arrs_proto::report::v1::{GetPcnReportRequest, SectionState};
use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse, Session};
use arrs_proto::workforce::v1::{Engagement, ListEngagementsRequest, ListEngagementsResponse};
use arrs_tests::journal::{Call, Intent};
use kit::client::Channel;
use prost::{Message, Name};

use crate::demo_set::{self, PRODUCERS, call, report, report_request, states};

/// The PCNs of the demonstration set.
const PCNS: [&str; 4] = ["pcns/U09081", "pcns/U31970", "pcns/U60113", "pcns/U62043"];
/// What the clients call theirs.
const OURS: &str = "dur-";

/// The effects that facts tell of, since these positions.
pub(super) async fn facts(channel: &Channel, after: [i64; 3]) -> Vec<String> {
    let mut effects = Vec::new();
    let mut references = BTreeMap::new();
    for (producer, after) in PRODUCERS.into_iter().zip(after) {
        // Those that a restored database numbers anew are all new.
        for fact in demo_set::facts(channel, producer, after).await.facts {
            effects.extend(effect(&fact, &mut references));
        }
    }
    effects
}

fn effect(fact: &Fact, references: &mut BTreeMap<String, String>) -> Option<String> {
    if let Some(recorded) = body::<EngagementRecorded>(fact) {
        references.insert(recorded.engagement, recorded.reference.clone());
        return Some(format!("engagement {}", recorded.reference));
    }
    if let Some(set) = body::<AssignmentHoursSet>(fact) {
        return Some(format!("hours {}", references.get(&set.engagement)?));
    }
    if let Some(paid) = body::<PayRecorded>(fact) {
        return Some(format!("pay {} {}", paid.month, paid.salary_pence));
    }
    let held = body::<SessionRecorded>(fact)?;
    Some(session(held.date.as_ref(), held.session_minutes))
}

fn body<M: Message + Name + Default>(fact: &Fact) -> Option<M> {
    (fact.r#type == M::full_name()).then(|| M::decode(fact.body.as_slice()).unwrap())
}

fn session(date: Option<&Date>, minutes: i32) -> String {
    let Date { year, month, day } = date.unwrap();
    format!("session {year}-{month:02}-{day:02} {minutes}")
}

/// Whether the effects of a request can be listed.
pub(super) fn is_listed(intent: &Intent) -> bool {
    let Call::Import { kind, .. } = &intent.call;
    kind != "pay"
}

/// The effects that show in what services list.
pub(super) async fn rows(channel: &Channel) -> Vec<String> {
    let mut effects = Vec::new();
    for pcn in PCNS {
        for Engagement { reference, assignments, .. } in engagements(channel, pcn).await {
            if reference.starts_with(OURS) {
                effects.push(format!("engagement {reference}"));
                effects.extend(assignments.iter().map(|_| format!("hours {reference}")));
            }
        }
        for Session { reference, date, session_minutes, .. } in sessions(channel, pcn).await {
            if reference.starts_with(OURS) {
                effects.push(session(date.as_ref(), session_minutes));
            }
        }
    }
    effects
}

/// Asserts that finance prices the people whom workforce has, and that every section is fresh.
pub(super) async fn projections_agree(channel: &Channel) {
    for pcn in PCNS {
        let request = GetPcnReportRequest { name: pcn.to_owned(), ..report_request() };
        let report = report(channel, request, None).await;
        let states = states(&report.sections);
        assert!(states.iter().all(|(_, state)| *state == SectionState::Fresh), "{states:?}");
        let ours = |reference: &String| reference.starts_with(OURS);
        let lines = report.money.unwrap().lines;
        let priced: BTreeSet<String> =
            lines.into_iter().map(|line| line.reference).filter(ours).collect();
        let engaged = engagements(channel, pcn).await;
        let engaged: BTreeSet<String> =
            engaged.into_iter().map(|engagement| engagement.reference).filter(ours).collect();
        assert_eq!(priced, engaged, "{pcn}");
    }
}

async fn engagements(channel: &Channel, pcn: &str) -> Vec<Engagement> {
    let path = "/arrs.workforce.v1.EngagementService/ListEngagements";
    let mut request =
        ListEngagementsRequest { parent: pcn.to_owned(), page_size: 1_000, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page: ListEngagementsResponse =
            call(channel, path, request.clone()).await.unwrap().into_inner();
        all.extend(page.engagements);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}

async fn sessions(channel: &Channel, pcn: &str) -> Vec<Session> {
    let path = "/arrs.supervision.v1.SessionService/ListSessions";
    let mut request =
        ListSessionsRequest { parent: pcn.to_owned(), page_size: 1_000, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page: ListSessionsResponse =
            call(channel, path, request.clone()).await.unwrap().into_inner();
        all.extend(page.sessions);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return all;
        }
    }
}
