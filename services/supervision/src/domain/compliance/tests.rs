//! Cases as lines of data, and what must hold for all of them.

use std::num::NonZeroU32;

use proptest::prelude::*;
use terms::{Confidence, DeploymentModel, EngagementId, FULL_TIME, Minutes};
use uuid::Uuid;

use super::*;
use crate::domain::requirement::StageRule;
use crate::domain::requirement::tests::{day, monthly};

const PCN: &str = "U00070";
const ELSEWHERE: &str = "U00001";

fn ann() -> PersonId {
    PersonId(Uuid::from_u128(1))
}

fn pcn(code: &str) -> OdsCode {
    code.parse().expect("a code")
}

fn post(
    person: Option<PersonId>,
    role: &str,
    posts: &[(&str, Stage, &str, Option<&str>)],
) -> (Engagement, Vec<Assignment>) {
    let engagement = Engagement {
        id: EngagementId(Uuid::nil()),
        owner: pcn(PCN),
        reference: "E1".to_owned(),
        person,
        role: role.parse().expect("a role"),
        employer: pcn(PCN),
        model: DeploymentModel::PcnDirect,
        full_time: FULL_TIME,
        leaving_reason: None,
    };
    let assignments = posts
        .iter()
        .map(|(place, stage, first, last)| Assignment {
            engagement: engagement.id,
            pcn: pcn(place),
            period: Period::inclusive(day(first), last.map(day)).expect("days"),
            weekly: FULL_TIME,
            contract: None,
            stage: *stage,
            band: None,
        })
        .collect();
    (engagement, assignments)
}

fn session(place: &str, kind: Kind, date: Date) -> Session {
    Session {
        reference: format!("S-{date}"),
        person: ann(),
        supervisor: "P2".to_owned(),
        kind,
        date,
        minutes: Minutes::new(30),
        pcn: pcn(place),
    }
}

fn asked(month: &str, today: &str) -> Asked {
    let today = day(today);
    Asked { month: month.parse().expect("a month"), today, rules_known_on: today, seen_from: None }
}

fn rule(per: PerPeriod, sessions: u32) -> Requirement {
    Requirement {
        per_period: Some(per),
        min_sessions: NonZeroU32::new(sessions),
        ..monthly("CP-X", "CP")
    }
}

/// `first..last` in post, the sessions, the month and today, and what comes out of it: the status
/// and `due_by`, or nothing.
#[track_caller]
fn check(
    rule: &Requirement,
    first: &str,
    last: Option<&str>,
    held: &[&str],
    (month, today): (&str, &str),
    expected: Option<(Status, Option<&str>)>,
) {
    let roster = [post(Some(ann()), "CP", &[(PCN, Stage::Standard, first, last)])];
    let sessions: Vec<Session> =
        held.iter().map(|date| session(PCN, Kind::Clinical, day(date))).collect();
    let requirements = Requirements { rows: vec![rule.clone()] };

    let asked = asked(month, today);
    let standings = of_person(ann(), &pcn(PCN), asked, &roster, &sessions, &requirements);

    let found = standings.first().map(|standing| (standing.status, standing.due_by));
    assert_eq!(found, expected.map(|(status, due_by)| (status, due_by.map(day))));
}

const AFTER: (&str, &str) = ("2025-07", "2025-08-10");
const DURING: (&str, &str) = ("2025-07", "2025-07-31");

#[test]
fn a_monthly_minimum_is_met_due_late_or_never() {
    let rule = rule(PerPeriod::Month, 1);
    let start = "2024-01-08";
    let met = Some((Status::Met, Some("2025-08-31")));
    check(&rule, start, None, &["2025-07-31"], AFTER, met);
    check(&rule, start, None, &["2025-07-31"], DURING, met);
    check(&rule, start, None, &["2025-06-30"], DURING, Some((Status::Due, Some("2025-07-31"))));
    check(&rule, start, None, &[], DURING, Some((Status::Due, Some("2025-07-31"))));
    check(&rule, start, None, &["2025-06-30"], AFTER, Some((Status::Late, Some("2025-07-31"))));
    check(&rule, start, None, &[], AFTER, Some((Status::Never, Some("2025-07-31"))));
    // What comes after the month, or was before the start, is nothing for it.
    check(&rule, start, None, &["2025-08-01"], AFTER, Some((Status::Never, Some("2025-07-31"))));
    check(&rule, start, None, &["2024-01-07"], AFTER, Some((Status::Never, Some("2025-07-31"))));
}

#[test]
fn two_a_month_are_two() {
    let rule = rule(PerPeriod::Month, 2);
    let start = "2024-01-08";
    check(&rule, start, None, &["2025-07-01"], AFTER, Some((Status::Late, Some("2025-07-31"))));
    let met = Some((Status::Met, Some("2025-08-31")));
    check(&rule, start, None, &["2025-07-01", "2025-07-01"], AFTER, met);
}

#[test]
fn part_periods_of_starters_and_leavers_do_not_count() {
    let rule = rule(PerPeriod::Month, 1);
    // The starter's first whole month is August; a session before it is not lost.
    check(&rule, "2025-07-02", None, &[], AFTER, Some((Status::Due, Some("2025-08-31"))));
    check(
        &rule,
        "2025-07-02",
        None,
        &["2025-07-20"],
        AFTER,
        Some((Status::Met, Some("2025-08-31"))),
    );
    check(&rule, "2025-07-01", None, &[], AFTER, Some((Status::Never, Some("2025-07-31"))));
    // The leaver's last whole month was June.
    check(&rule, "2024-01-08", Some("2025-07-30"), &[], AFTER, None);
    check(
        &rule,
        "2024-01-08",
        Some("2025-07-31"),
        &[],
        AFTER,
        Some((Status::Never, Some("2025-07-31"))),
    );
    // Not there in the month.
    check(&rule, "2024-01-08", Some("2025-06-30"), &[], AFTER, None);
    check(&rule, "2025-08-01", None, &[], AFTER, None);
}

#[test]
fn a_quarter_that_runs_on_is_met_already_or_due_at_its_end() {
    let rule = rule(PerPeriod::Quarter, 1);
    let start = "2024-01-08";
    check(&rule, start, None, &[], AFTER, Some((Status::Due, Some("2025-09-30"))));
    check(&rule, start, None, &["2025-07-09"], AFTER, Some((Status::Met, Some("2025-12-31"))));
    check(&rule, start, None, &["2025-06-30"], AFTER, Some((Status::Due, Some("2025-09-30"))));
    let september = ("2025-09", "2025-10-01");
    check(&rule, start, None, &["2025-07-09"], september, Some((Status::Met, Some("2025-12-31"))));
    check(&rule, start, None, &["2025-06-30"], september, Some((Status::Late, Some("2025-09-30"))));
    check(
        &rule,
        start,
        None,
        &[],
        ("2025-09", "2025-09-30"),
        Some((Status::Due, Some("2025-09-30"))),
    );
    // Who leaves before it ends is asked nothing.
    check(&rule, start, Some("2025-09-29"), &[], AFTER, None);
    check(&rule, start, Some("2025-09-30"), &[], AFTER, Some((Status::Due, Some("2025-09-30"))));
}

#[test]
fn days_count_from_monday_to_friday_while_in_post() {
    let rule = rule(PerPeriod::Day, 1);
    // Thursday 31 July is the only day in post of the month; the weekend asks nothing.
    let first = "2025-07-31";
    check(&rule, first, None, &[first], AFTER, Some((Status::Met, Some("2025-08-01"))));
    check(&rule, first, None, &[], AFTER, Some((Status::Never, Some(first))));
    check(&rule, first, None, &[], DURING, Some((Status::Due, Some(first))));
    // From Friday 25 to Tuesday 29 July.
    let (first, last) = ("2025-07-25", Some("2025-07-29"));
    check(
        &rule,
        first,
        last,
        &["2025-07-25", "2025-07-28", "2025-07-29"],
        AFTER,
        Some((Status::Met, None)),
    );
    let missed = Some((Status::Late, Some("2025-07-28")));
    check(&rule, first, last, &["2025-07-25", "2025-07-27", "2025-07-29"], AFTER, missed);
    // Only a weekend.
    check(&rule, "2025-07-26", Some("2025-07-27"), &[], AFTER, None);
}

#[test]
fn a_week_is_judged_on_its_friday_and_its_weekend_counts_for_it() {
    let rule = rule(PerPeriod::Week, 1);
    // The weeks whose Friday lies in July 2025 end on 4, 11, 18 and 25 July.
    let start = "2024-01-08";
    let met = Some((Status::Met, Some("2025-08-01")));
    check(
        &rule,
        start,
        None,
        &["2025-06-30", "2025-07-07", "2025-07-20", "2025-07-21"],
        AFTER,
        met,
    );
    let missed = Some((Status::Late, Some("2025-07-11")));
    check(&rule, start, None, &["2025-07-04", "2025-07-14", "2025-07-21"], AFTER, missed);
    // From Tuesday on the week is not whole.
    let met = Some((Status::Met, Some("2025-08-01")));
    check(&rule, "2025-07-15", None, &["2025-07-22"], AFTER, met);
    let due = Some((Status::Due, Some("2025-08-01")));
    check(&rule, "2025-07-22", None, &[], AFTER, due);
}

#[test]
fn once_is_met_or_due_without_a_day_and_binds_only_newcomers() {
    let applies = Period::new(day("2023-06-01"), None);
    let rule = Requirement { applies, ..rule(PerPeriod::Once, 1) };
    check(&rule, "2024-01-08", None, &[], AFTER, Some((Status::Due, None)));
    check(&rule, "2024-01-08", None, &["2024-01-09"], AFTER, Some((Status::Met, None)));
    check(&rule, "2023-05-31", None, &[], AFTER, None);
    check(&rule, "2023-06-01", None, &[], AFTER, Some((Status::Due, None)));
}

#[test]
fn a_requirement_asks_nothing_before_it_applies_or_after() {
    let ends = Period::inclusive(day("2019-07-01"), Some(day("2025-07-30")));
    let begins = Period::inclusive(day("2025-07-02"), None);
    let start = "2024-01-08";
    check(
        &Requirement { applies: ends, ..rule(PerPeriod::Month, 1) },
        start,
        None,
        &[],
        AFTER,
        None,
    );
    let due = Some((Status::Due, Some("2025-08-31")));
    let rule = Requirement { applies: begins, ..rule(PerPeriod::Month, 1) };
    check(&rule, start, None, &[], AFTER, due);
}

#[test]
fn a_change_of_hours_is_no_break_and_a_change_of_stage_is_one() {
    let same = (PCN, Stage::Standard, "2025-07-10", None);
    let senior = (PCN, Stage::Senior, "2025-07-10", None);
    let before = (PCN, Stage::Standard, "2024-01-08", Some("2025-07-09"));
    let standard =
        Requirement { stage: StageRule::Only(Stage::Standard), ..rule(PerPeriod::Month, 1) };
    let requirements = Requirements { rows: vec![standard] };
    let status = |posts: &[_]| {
        let roster = [post(Some(ann()), "CP", posts)];
        let asked = asked("2025-07", "2025-08-10");
        let standings = of_person(ann(), &pcn(PCN), asked, &roster, &[], &requirements);
        standings.first().map(|standing| standing.status)
    };

    assert_eq!(status(&[before, same]), Some(Status::Never));
    assert_eq!(status(&[before, senior]), None);
}

#[test]
fn a_session_counts_for_the_pcn_it_was_in() {
    let both = [
        (PCN, Stage::Standard, "2024-01-08", None),
        (ELSEWHERE, Stage::Standard, "2024-01-08", None),
    ];
    let roster = [post(Some(ann()), "CP", &both)];
    let sessions = [session(ELSEWHERE, Kind::Clinical, day("2025-07-09"))];
    let requirements = Requirements { rows: vec![rule(PerPeriod::Month, 1)] };
    let asked = asked("2025-07", "2025-08-10");

    let status = |place: &str| {
        of_person(ann(), &pcn(place), asked, &roster, &sessions, &requirements)[0].status
    };

    assert_eq!(status(PCN), Status::Never);
    assert_eq!(status(ELSEWHERE), Status::Met);
}

#[test]
fn a_summary_puts_the_overdue_first_and_keeps_forces_apart() {
    let (bob, cay) = (PersonId(Uuid::from_u128(2)), PersonId(Uuid::from_u128(3)));
    let days = [(PCN, Stage::Standard, "2024-01-08", None)];
    let gone = [(PCN, Stage::Standard, "2024-01-08", Some("2025-06-30"))];
    let roster = [
        post(Some(bob), "CP", &days),
        post(Some(ann()), "CP", &days),
        post(Some(cay), "DTL", &days),
        post(Some(PersonId(Uuid::from_u128(4))), "CP", &gone),
        post(None, "FCP", &days),
    ];
    let sessions = [Session { person: bob, ..session(PCN, Kind::Clinical, day("2025-07-09")) }];
    let unread = Requirement { confidence: Confidence::FromMemory, ..monthly("CP-Y", "CP") };
    let guidance =
        Requirement { force: Force::Guidance, kind: Kind::Peer, ..monthly("CP-Z", "CP") };
    let rows = vec![rule(PerPeriod::Month, 1), unread, guidance, monthly("NA-X", "NA")];
    let requirements = Requirements { rows };

    let asked = asked("2025-07", "2025-08-10");
    let summary = of_pcn(&pcn(PCN), asked, &roster, &sessions, &requirements);

    let people: Vec<PersonId> = summary.people.iter().map(|one| one.person).collect();
    assert_eq!(people, [ann(), bob, cay]);
    assert_eq!(summary.people[2].standings, []);
    assert_eq!(summary.services_without_person, 1);
    assert_eq!(summary.sessions_in_month, 1);
    let contract = Counts { met: 1, never: 1, ..Counts::default() };
    let guidance = Counts { never: 2, ..Counts::default() };
    let counts = BTreeMap::from([(Force::Contract, contract), (Force::Guidance, guidance)]);
    assert_eq!(summary.counts, counts);
    let not_examined: Vec<(&str, NotExamined)> =
        summary.not_examined.iter().map(|(rule, reason)| (rule.code.as_str(), *reason)).collect();
    let confidence = Confidence::FromMemory;
    assert_eq!(not_examined, [("CP-Y", NotExamined::NotSureEnough { confidence })]);
}

fn days() -> impl Strategy<Value = Date> {
    (0_i32..400).prop_map(|offset| {
        let mut day = day("2024-09-01");
        for _ in 0..offset {
            day = day.tomorrow().expect("within the calendar");
        }
        day
    })
}

proptest! {
    #[test]
    fn one_more_session_never_makes_it_worse(
        per in proptest::sample::select(PerPeriod::ALL),
        minimum in 1_u32..3,
        start in days(),
        length in proptest::option::of(days()),
        today in days(),
        held in proptest::collection::vec(days(), 0..30),
        more in days(),
    ) {
        let last = length.map(|last| last.max(start));
        let period = Period::inclusive(start, last).expect("the last day is not before the first");
        let posts = [(PCN, Stage::Standard, "2025-01-01", None)];
        let mut roster = vec![post(Some(ann()), "CP", &posts)];
        roster[0].1[0].period = period;
        let requirements = Requirements { rows: vec![rule(per, minimum)] };
        let mut sessions: Vec<Session> =
            held.iter().map(|date| session(PCN, Kind::Clinical, *date)).collect();
        let month = "2025-07".parse().expect("a month");
        let asked = Asked { month, today, rules_known_on: day("2025-08-31"), seen_from: None };

        let before = of_pcn(&pcn(PCN), asked, &roster, &sessions, &requirements);
        sessions.push(session(PCN, Kind::Clinical, more));
        let after = of_pcn(&pcn(PCN), asked, &roster, &sessions, &requirements);

        prop_assert_eq!(before.people.len(), after.people.len());
        for (before, after) in before.people.iter().zip(&after.people) {
            prop_assert_eq!(before.standings.len(), after.standings.len());
            for (before, after) in before.standings.iter().zip(&after.standings) {
                prop_assert!(after.status <= before.status);
                prop_assert!(before.periods_met <= before.periods_ended);
                prop_assert!(before.periods_met <= after.periods_met);
                let enough = minimum <= before.sessions_decided;
                prop_assert_eq!(enough, before.status == Status::Met);
            }
        }
        // The statuses partition what is asked.
        let asked_of: usize = before.people.iter().map(|one| one.standings.len()).sum();
        let counted: u32 = before.counts.values().map(|counts| counts.total()).sum();
        prop_assert_eq!(u32::try_from(asked_of).expect("few"), counted);
    }

    #[test]
    fn runs_cover_the_same_days_without_touching(
        periods in proptest::collection::vec((days(), 0_usize..40), 0..6),
        probe in days(),
    ) {
        let periods: Vec<Period> = periods
            .into_iter()
            .map(|(first, length)| {
                let last = (0..length).fold(first, |day, _| day.tomorrow().expect("a day"));
                Period::inclusive(first, Some(last)).expect("days")
            })
            .collect();

        let joined = runs(periods.iter().copied());

        let covered = periods.iter().any(|period| period.contains(probe));
        prop_assert_eq!(joined.iter().any(|run| run.contains(probe)), covered);
        prop_assert!(joined.windows(2).all(|pair| pair[0].until() < Some(pair[1].from())));
    }
}

#[test]
fn days_that_may_not_be_looked_at_decide_nothing() {
    let standings = |per: PerPeriod, first: &str, held: &[&str]| {
        let roster = [post(Some(ann()), "CP", &[(PCN, Stage::Standard, first, None)])];
        let sessions: Vec<Session> =
            held.iter().map(|date| session(PCN, Kind::Clinical, day(date))).collect();
        let requirements = Requirements { rows: vec![rule(per, 1)] };
        let asked = Asked { seen_from: Some(day("2025-06-16")), ..asked(AFTER.0, "2025-10-10") };
        let found = of_person(ann(), &pcn(PCN), asked, &roster, &sessions, &requirements);
        found.first().map(|one| one.status)
    };
    // In post already on the first day that may be seen: what was held before is not known.
    let unseen = "2025-06-16";
    assert_eq!(standings(PerPeriod::Month, unseen, &[]), Some(Status::Late));
    assert_eq!(standings(PerPeriod::Month, unseen, &["2025-07-01"]), Some(Status::Met));
    assert_eq!(standings(PerPeriod::Once, unseen, &["2025-07-01"]), None);
    // Who started later is known from the start.
    let seen = "2025-06-17";
    assert_eq!(standings(PerPeriod::Month, seen, &[]), Some(Status::Never));
    assert_eq!(standings(PerPeriod::Once, seen, &["2025-07-01"]), Some(Status::Met));
    // A year begun before is asked of nobody.
    let of_year = |month: &str| {
        let roster =
            [post(Some(ann()), "CP", &[(PCN, Stage::Standard, unseen, Some("2026-06-30"))])];
        let requirements = Requirements { rows: vec![rule(PerPeriod::Year, 1)] };
        let asked = Asked { seen_from: Some(day(unseen)), ..asked(month, "2026-02-01") };
        of_person(ann(), &pcn(PCN), asked, &roster, &[], &requirements).len()
    };
    assert_eq!(of_year("2025-12"), 0);
}
