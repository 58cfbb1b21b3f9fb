//! What is there after the clients went: in the facts of each service, and in what it lists.

use std::collections::{BTreeMap, BTreeSet};

use arrs_proto::event::v1::{
    AssignmentHoursSet, AssignmentWithdrawn, EngagementRecorded, Fact, PayRecorded, PayWithdrawn,
    SessionRecorded, SessionWithdrawn,
};
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::report::v1::{GetPcnReportRequest, SectionState};
use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse, Session};
use arrs_proto::workforce::v1::{
    Assignment, Engagement, ListEngagementsRequest, ListEngagementsResponse,
};
use arrs_tests::journal::{Call, Intent};
use kit::client::Channel;
use kit::wire;
use prost::{Message, Name};
use terms::Date;

use super::changes::HOURS;
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
        return Some(match recorded.leaving_reason.as_str() {
            "" => format!("engagement {}", recorded.reference),
            why => left(&recorded.reference, why),
        });
    }
    if let Some(set) = body::<AssignmentHoursSet>(fact) {
        let days = wire::period(set.valid_from_date.as_ref(), set.valid_until_date.as_ref())?;
        return Some(hours(references.get(&set.engagement)?, days.from(), days.last()));
    }
    if let Some(never) = body::<AssignmentWithdrawn>(fact) {
        let first = day(never.valid_from_date.as_ref())?;
        return Some(withdrawn(references.get(&never.engagement)?, first));
    }
    if let Some(paid) = body::<PayRecorded>(fact) {
        return Some(pay(&paid.month, paid.salary_pence));
    }
    if let Some(never) = body::<PayWithdrawn>(fact) {
        return Some(no_pay(&never.engagement, day(never.paid_date.as_ref())?));
    }
    if let Some(never) = body::<SessionWithdrawn>(fact) {
        return Some(no_session(&never.session));
    }
    let held = body::<SessionRecorded>(fact)?;
    Some(session(held.date.as_ref(), held.session_minutes))
}

fn body<M: Message + Name + Default>(fact: &Fact) -> Option<M> {
    (fact.r#type == M::full_name()).then(|| M::decode(fact.body.as_slice()).unwrap())
}

/// The effect that an engagement has hours in a run of days.
pub(super) fn hours(reference: &str, first: Date, last: Option<Date>) -> String {
    let last = last.map_or_else(String::new, |last| last.to_string());
    format!("hours {reference} {first}..{last}")
}

/// The effect that hours never were.
pub(super) fn withdrawn(reference: &str, first: Date) -> String {
    format!("withdrawn {reference} {first}")
}

/// The effect that an engagement has ended.
pub(super) fn left(reference: &str, why: &str) -> String {
    format!("left {reference} {why}")
}

/// The effect that an engagement was paid.
pub(super) fn pay(month: &str, pence: i64) -> String {
    format!("pay {month} {pence}")
}

/// The effect that an engagement was never paid on a day.
pub(super) fn no_pay(engagement: &str, paid: Date) -> String {
    format!("no pay {engagement} {paid}")
}

/// The effect that a session was never held.
pub(super) fn no_session(session: &str) -> String {
    format!("no session {session}")
}

fn day(date: Option<&WireDate>) -> Option<Date> {
    wire::parse_date(date?)
}

/// The effect that a session was held.
pub(super) fn session(date: Option<&WireDate>, minutes: i32) -> String {
    let WireDate { year, month, day } = date.unwrap();
    format!("session {year}-{month:02}-{day:02} {minutes}")
}

/// Whether the effects of a request can be listed. What a change leaves may be changed by the next.
pub(super) fn is_listed(intent: &Intent) -> bool {
    matches!(&intent.call, Call::Import { kind, .. } if kind != "pay")
}

/// The effects of files that show in what services list.
pub(super) async fn rows(channel: &Channel) -> Vec<String> {
    let mut effects = Vec::new();
    for pcn in PCNS {
        for Engagement { reference, assignments, .. } in engagements(channel, pcn).await {
            if reference.starts_with(OURS) {
                effects.push(format!("engagement {reference}"));
                let days = |hours: &Assignment| {
                    (day(hours.start_date.as_ref()).unwrap(), day(hours.end_date.as_ref()))
                };
                let of_file = assignments.iter().map(days).filter(|(first, _)| *first == HOURS.0);
                effects.extend(of_file.map(|(first, last)| self::hours(&reference, first, last)));
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

/// Asserts that engagements have the hours that facts tell of, no more and no less.
pub(super) async fn hours_agree(channel: &Channel) {
    let mut told = BTreeMap::<_, BTreeMap<_, _>>::new();
    for fact in demo_set::facts(channel, "workforce", 0).await.facts {
        if let Some(set) = body::<AssignmentHoursSet>(&fact) {
            let (from, until) = (set.valid_from_date.as_ref(), set.valid_until_date.as_ref());
            let days = wire::period(from, until).unwrap();
            let key = (code(&set.pcn), days.from());
            told.entry(set.engagement).or_default().insert(key, (days.last(), set.weekly_minutes));
        } else if let Some(never) = body::<AssignmentWithdrawn>(&fact) {
            let key = (code(&never.pcn), day(never.valid_from_date.as_ref()).unwrap());
            told.entry(never.engagement).or_default().remove(&key);
        }
    }
    told.retain(|_, hours| !hours.is_empty());
    let mut listed = BTreeMap::new();
    for pcn in PCNS {
        for engagement in engagements(channel, pcn).await {
            let hours = engagement.assignments.into_iter().map(|hours| {
                let key = (code(&hours.pcn), day(hours.start_date.as_ref()).unwrap());
                (key, (day(hours.end_date.as_ref()), hours.weekly_minutes))
            });
            listed.insert(engagement.name, hours.collect::<BTreeMap<_, _>>());
        }
    }
    assert_eq!(listed, told);
}

/// The code in a name such as `pcns/U09081`.
fn code(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
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

pub(super) async fn engagements(channel: &Channel, pcn: &str) -> Vec<Engagement> {
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
