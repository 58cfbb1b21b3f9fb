//! Whether the supervision asked of people in a PCN was held, month by month.
//!
//! How a status comes about, for one person, one PCN and one requirement:
//!
//! * A requirement binds on the days somebody is in post in the PCN, in a role and stage it
//!   concerns, while it applies. Adjoining assignments are one run of days.
//! * Sessions are counted in calendar periods. Only whole ones count: a period partly before the
//!   start, after the leaving day, in another stage or before the requirement applied asks
//!   nothing. A day is a day from Monday to Friday; a week is whole from Monday to Friday and is
//!   judged on its Friday, and a session of its weekend counts for it.
//! * A session counts for the PCN it was held in and for no other, from the day the person
//!   started there up to the end of the month asked, or today if that is earlier.
//! * Of the whole periods that end in the month: all with enough sessions is MET; one that is over
//!   without is LATE, or NEVER if no session of that kind was held since the start; else DUE. A
//!   period is over when its last day has passed.
//! * If no whole period ends in the month (a quarter that runs on, somebody new), the period of
//!   the last bound day of the month decides: enough sessions in it already is MET, else DUE, by
//!   the end of the first whole period to come. If none is to come, nothing is asked and the
//!   requirement is not listed: somebody leaves before the quarter ends.
//! * `once` binds those who start while it applies: MET from the first sessions on, DUE before,
//!   without a day, because the sources name none. It is never LATE.
//!
//! * Where only the days from some day on may be looked at, they are judged by themselves: a period
//!   partly before that day asks nothing, as for a starter. Of somebody in post on that day nobody
//!   here knows the start or what was held before, so `once` is not listed, and a period that is
//!   over without is LATE, never NEVER.
//!
//! Deliberately absent: absence, working patterns and bank holidays, which nobody tells us yet, and
//! whether the supervisor was the right one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use terms::{Assignment, Date, Engagement, Month, OdsCode, Period, PersonId, RoleCode, Stage};

use crate::domain::requirement::{
    Force, Kind, Minimum, NotExamined, PerPeriod, Requirement, Requirements, Subject,
};
use crate::domain::session::Session;

/// How a requirement stands for somebody. The order is from best to worst, and one more session
/// never makes it worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Enough sessions in every period.
    Met,
    /// Not enough yet, and the period is not over.
    Due,
    /// A period is over without enough; some session was held since the start.
    Late,
    /// A period is over without enough, and none was held since the start.
    Never,
}

impl Status {
    /// The word of the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Met => "MET",
            Status::Due => "DUE",
            Status::Late => "LATE",
            Status::Never => "NEVER",
        }
    }
}

/// What is asked of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The month.
    pub month: Month,
    /// The day of asking, or the day as of which the records are known.
    pub today: Date,
    /// Which editions of the requirements count.
    pub rules_known_on: Date,
    /// The first day that may be looked at; none if all may. Posts and sessions of earlier days
    /// are left out by whoever asks.
    pub seen_from: Option<Date>,
}

/// How one requirement stands for one person in one PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// How it stands.
    pub status: Status,
    /// The last session of that kind, since the start and up to the end of the month.
    pub last_session: Option<Date>,
    /// The last day of the period the status is about: for LATE and NEVER of the first one missed
    /// in the month, for DUE and MET of the next one that lacks sessions. None if none is to come.
    pub due_by: Option<Date>,
    /// Whole periods that ended in the month and are over.
    pub periods_ended: u32,
    /// How many of those had enough sessions.
    pub periods_met: u32,
    /// Sessions of that kind in the month.
    pub sessions_in_month: u32,
    /// The last day of the period that decided the status: for MET the last one met, else the one
    /// of `due_by`. None where nothing is counted by the calendar.
    pub decided_by: Option<Date>,
    /// Sessions that count in that period; enough of them if, and only if, the status is MET.
    pub sessions_decided: u32,
}

/// How everything asked of one person in one PCN stands, worst first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStandings<'a> {
    /// The person.
    pub person: PersonId,
    /// The roles and stages they held in the PCN in the month.
    pub roles: Vec<(RoleCode, Stage)>,
    /// What is asked of them, the worst first; empty if nothing that can be examined is.
    pub standings: Vec<Standing<'a>>,
}

/// How many requirements stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// MET.
    pub met: u32,
    /// DUE.
    pub due: u32,
    /// LATE.
    pub late: u32,
    /// NEVER.
    pub never: u32,
}

impl Counts {
    fn add(&mut self, status: Status) {
        let count = match status {
            Status::Met => &mut self.met,
            Status::Due => &mut self.due,
            Status::Late => &mut self.late,
            Status::Never => &mut self.never,
        };
        *count += 1;
    }

    /// All of them.
    pub const fn total(self) -> u32 {
        self.met + self.due + self.late + self.never
    }
}

/// Supervision in one PCN and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary<'a> {
    /// Statuses by what stands behind the requirement; forces are never added up.
    pub counts: BTreeMap<Force, Counts>,
    /// Everybody in post in the month, the worst first.
    pub people: Vec<PersonStandings<'a>>,
    /// Requirements of the roles in post, and of supervisors, that nobody examined, and why.
    pub not_examined: Vec<(&'a Requirement, NotExamined)>,
    /// Contracted services without a person: nobody there to supervise.
    pub services_without_person: u32,
    /// Sessions of every kind held in the PCN in the month.
    pub sessions_in_month: u32,
}

/// How supervision stands in a PCN and month, from all engagements that touch it and the sessions
/// known of their people.
pub fn of_pcn<'a>(
    pcn: &OdsCode,
    asked: Asked,
    roster: &[(Engagement, Vec<Assignment>)],
    sessions: &[Session],
    requirements: &'a Requirements,
) -> Summary<'a> {
    let rules = requirements.known_on(asked.rules_known_on);
    let month = asked.month.period();
    let mut services_without_person = 0;
    let mut people: BTreeMap<PersonId, Vec<Post>> = BTreeMap::new();
    for (engagement, assignments) in roster {
        let posts = posts(pcn, engagement, assignments);
        match engagement.person {
            Some(person) => people.entry(person).or_default().extend(posts),
            None if posts.iter().any(|post| post.days.overlap(month).is_some()) => {
                services_without_person += 1;
            }
            None => {}
        }
    }
    people.retain(|_, posts| posts.iter().any(|post| post.days.overlap(month).is_some()));

    let mut held: BTreeMap<PersonId, Held> = BTreeMap::new();
    let mut sessions_in_month = 0;
    let until = asked.month.last().min(asked.today);
    for session in sessions.iter().filter(|session| session.pcn == *pcn && session.date <= until) {
        held.entry(session.person).or_default().entry(session.kind).or_default().push(session.date);
        if month.contains(session.date) {
            sessions_in_month += 1;
        }
    }

    let not_examined = not_examined(&rules, people.values().flatten(), month);
    let nothing = Held::new();
    let mut people: Vec<PersonStandings<'_>> = people
        .into_iter()
        .map(|(person, posts)| PersonStandings {
            person,
            standings: standings(&posts, held.get(&person).unwrap_or(&nothing), &rules, asked),
            roles: roles(&posts, month),
        })
        .collect();
    // Somebody of whom nothing is asked comes last.
    people.sort_by_key(|one| {
        let worst = one.standings.first().map(urgency);
        (worst.is_none(), worst, one.person)
    });

    let mut counts: BTreeMap<Force, Counts> = BTreeMap::new();
    for standing in people.iter().flat_map(|one| &one.standings) {
        counts.entry(standing.requirement.force).or_default().add(standing.status);
    }
    Summary { counts, people, not_examined, services_without_person, sessions_in_month }
}

/// How everything asked of one person in one PCN stands, worst first.
///
/// `roster` may hold other people's engagements and other PCNs: they are passed over.
pub fn of_person<'a>(
    person: PersonId,
    pcn: &OdsCode,
    asked: Asked,
    roster: &[(Engagement, Vec<Assignment>)],
    sessions: &[Session],
    requirements: &'a Requirements,
) -> Vec<Standing<'a>> {
    let posts: Vec<Post> = roster
        .iter()
        .filter(|(engagement, _)| engagement.person == Some(person))
        .flat_map(|(engagement, assignments)| posts(pcn, engagement, assignments))
        .collect();
    let until = asked.month.last().min(asked.today);
    let mut held = Held::new();
    for session in sessions {
        if session.person == person && session.pcn == *pcn && session.date <= until {
            held.entry(session.kind).or_default().push(session.date);
        }
    }
    standings(&posts, &held, &requirements.known_on(asked.rules_known_on), asked)
}

/// Days of sessions by kind.
type Held = BTreeMap<Kind, Vec<Date>>;

/// A run of days of one person in one role and stage in the PCN.
struct Post {
    role: RoleCode,
    stage: Stage,
    days: Period,
}

fn posts(pcn: &OdsCode, engagement: &Engagement, assignments: &[Assignment]) -> Vec<Post> {
    assignments
        .iter()
        .filter(|assignment| assignment.pcn == *pcn)
        .map(|assignment| Post {
            role: engagement.role.clone(),
            stage: assignment.stage,
            days: assignment.period,
        })
        .collect()
}

fn roles(posts: &[Post], month: Period) -> Vec<(RoleCode, Stage)> {
    let mut roles: Vec<(RoleCode, Stage)> = posts
        .iter()
        .filter(|post| post.days.overlap(month).is_some())
        .map(|post| (post.role.clone(), post.stage))
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

fn not_examined<'a, 'p>(
    rules: &[&'a Requirement],
    posts: impl Iterator<Item = &'p Post> + Clone,
    month: Period,
) -> Vec<(&'a Requirement, NotExamined)> {
    let concerns_somebody = |rule: &Requirement| {
        rule.subject == Subject::Supervisors
            || posts.clone().any(|post| {
                post.days.overlap(month).is_some() && rule.concerns(&post.role, post.stage)
            })
    };
    rules
        .iter()
        .filter(|rule| rule.applies.is_none_or(|applies| applies.overlap(month).is_some()))
        .filter(|rule| concerns_somebody(rule))
        .filter_map(|rule| rule.minimum().err().map(|reason| (*rule, reason)))
        .collect()
}

fn standings<'a>(
    posts: &[Post],
    held: &Held,
    rules: &[&'a Requirement],
    asked: Asked,
) -> Vec<Standing<'a>> {
    let Some(start) = posts.iter().map(|post| post.days.from()).min() else {
        return Vec::new();
    };
    let mut standings: Vec<Standing<'_>> = rules
        .iter()
        .filter_map(|rule| {
            let minimum = rule.minimum().ok()?;
            let dates = held.get(&rule.kind).map_or(&[][..], Vec::as_slice);
            let dates: Vec<Date> = dates.iter().copied().filter(|date| start <= *date).collect();
            let concerned = posts.iter().filter(|post| rule.concerns(&post.role, post.stage));
            let spans = runs(concerned.map(|post| post.days));
            standing(rule, minimum, start, &spans, &dates, asked)
        })
        .collect();
    standings.sort_by(|a, b| {
        urgency(a).cmp(&urgency(b)).then(a.requirement.code.cmp(&b.requirement.code))
    });
    standings
}

/// What comes first in a list: the worst status, then the strongest force, then the earliest day.
fn urgency(standing: &Standing<'_>) -> (Reverse<Status>, Force, bool, Option<Date>) {
    let due_by = standing.due_by;
    (Reverse(standing.status), standing.requirement.force, due_by.is_none(), due_by)
}

fn standing<'a>(
    rule: &'a Requirement,
    minimum: Minimum,
    start: Date,
    in_post: &[Period],
    dates: &[Date],
    asked: Asked,
) -> Option<Standing<'a>> {
    let month = asked.month.period();
    // Somebody who left before the month, or comes after it, is asked nothing in it.
    in_post.iter().find(|span| span.overlap(month).is_some())?;
    let sessions_in_month = count(dates.iter().filter(|date| month.contains(**date)).count());
    let last_session = dates.iter().copied().max();
    let enough = |slot: Slot| slot.sessions(dates) >= minimum.sessions.get();
    let stands = |status, decided: Option<Slot>, due_by, periods_ended, periods_met| {
        let requirement = rule;
        Some(Standing {
            requirement,
            status,
            last_session,
            due_by,
            periods_ended,
            periods_met,
            sessions_in_month,
            decided_by: decided.map(|slot| slot.last),
            sessions_decided: decided.map_or(count(dates.len()), |slot| slot.sessions(dates)),
        })
    };

    let is_start_unseen = asked.seen_from.is_some_and(|first| start <= first);
    if minimum.per == PerPeriod::Once {
        if is_start_unseen || !minimum.applies.contains(start) {
            return None;
        }
        let met = count(dates.len()) >= minimum.sessions.get();
        return stands(if met { Status::Met } else { Status::Due }, None, None, 0, 0);
    }

    let bound = runs(in_post.iter().filter_map(|span| span.overlap(minimum.applies)));
    let last_bound = bound.iter().filter_map(|span| span.overlap(month)?.last()).max()?;
    let whole = |slot: &Slot| bound.iter().any(|span| slot.is_within(*span));
    let ended: Vec<Slot> = slots(minimum.per, asked.month.first())
        .take_while(|slot| slot.last <= asked.month.last())
        .filter(whole)
        .collect();
    let is_over = |slot: Slot| slot.last < asked.today;
    let over = || ended.iter().copied().filter(|slot| is_over(*slot));
    let (periods_ended, periods_met) =
        (count(over().count()), count(over().filter(|slot| enough(*slot)).count()));

    if let Some(missed) = over().find(|slot| !enough(*slot)) {
        let none = dates.is_empty() && !is_start_unseen;
        let status = if none { Status::Never } else { Status::Late };
        return stands(status, Some(missed), Some(missed.last), periods_ended, periods_met);
    }
    if let Some(open) = ended.iter().find(|slot| !enough(**slot)) {
        let decided = Some(*open);
        return stands(Status::Due, decided, Some(open.last), periods_ended, periods_met);
    }
    let next = next_lacking(minimum, &bound, asked.month, &whole, &enough);
    let due_by = next.map(|slot| slot.last);
    if let Some(met) = ended.last() {
        return stands(Status::Met, Some(*met), due_by, periods_ended, periods_met);
    }
    // Whether anything is asked must not hang on the sessions held.
    next_lacking(minimum, &bound, asked.month, &whole, &|_| false)?;
    let running = slots(minimum.per, last_bound).next();
    match running.filter(|slot| enough(*slot)) {
        Some(met) => stands(Status::Met, Some(met), due_by, periods_ended, periods_met),
        None => stands(Status::Due, next, due_by, periods_ended, periods_met),
    }
}

/// The first whole period that ends after the month and lacks sessions.
fn next_lacking(
    minimum: Minimum,
    bound: &[Period],
    month: Month,
    whole: &impl Fn(&Slot) -> bool,
    enough: &impl Fn(Slot) -> bool,
) -> Option<Slot> {
    let latest = bound.last()?;
    slots(minimum.per, month.next().first())
        .take_while(|slot| latest.until().is_none_or(|until| slot.first < until))
        .find(|slot| whole(slot) && !enough(*slot))
}

/// A calendar period in which sessions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    first: Date,
    last: Date,
    /// The last day whose sessions count for it: after `last` for a week.
    counts_until: Date,
}

impl Slot {
    fn sessions(self, dates: &[Date]) -> u32 {
        let days = self.first..=self.counts_until;
        count(dates.iter().filter(|date| days.contains(date)).count())
    }

    fn is_within(self, span: Period) -> bool {
        span.contains(self.first) && span.contains(self.last)
    }
}

/// The calendar periods in order, from the first one that ends on or after `day`.
fn slots(per: PerPeriod, day: Date) -> impl Iterator<Item = Slot> {
    std::iter::successors(slot_ending_from(per, day), move |slot| {
        slot_ending_from(per, slot.last.tomorrow().ok()?)
    })
}

/// The calendar period with the earliest end on or after `day`; none at the end of the calendar,
/// and none for what has no calendar.
fn slot_ending_from(per: PerPeriod, day: Date) -> Option<Slot> {
    const FRIDAY: i8 = 4;
    let months_to = |divisor: i8| {
        let first_month = (day.month() - 1) / divisor * divisor + 1;
        let first = Date::new(day.year(), first_month, 1).ok()?;
        let last = Date::new(day.year(), first_month + divisor - 1, 1).ok()?.last_of_month();
        Some(Slot { first, last, counts_until: last })
    };
    match per {
        PerPeriod::Day => {
            let mut day = day;
            while day.weekday().to_monday_zero_offset() > FRIDAY {
                day = day.tomorrow().ok()?;
            }
            Some(Slot { first: day, last: day, counts_until: day })
        }
        PerPeriod::Week => {
            let mut last = day;
            while last.weekday().to_monday_zero_offset() != FRIDAY {
                last = last.tomorrow().ok()?;
            }
            let mut first = last;
            while first.weekday().to_monday_zero_offset() != 0 {
                first = first.yesterday().ok()?;
            }
            Some(Slot { first, last, counts_until: last.tomorrow().ok()?.tomorrow().ok()? })
        }
        PerPeriod::Month => months_to(1),
        PerPeriod::Quarter => months_to(3),
        PerPeriod::Year => months_to(12),
        PerPeriod::Once => None,
    }
}

/// The same days as runs without a gap, in order.
fn runs(periods: impl Iterator<Item = Period>) -> Vec<Period> {
    let mut periods: Vec<Period> = periods.collect();
    periods.sort_by_key(|period| period.from());
    let mut runs: Vec<Period> = Vec::with_capacity(periods.len());
    for period in periods {
        let joined = runs.last().copied().and_then(|run| join(run, period));
        match joined {
            Some(joined) => *runs.last_mut().expect("there is one to join") = joined,
            None => runs.push(period),
        }
    }
    runs
}

/// Both as one run if the second, which does not begin earlier, leaves no day between.
fn join(run: Period, next: Period) -> Option<Period> {
    let Some(until) = run.until() else {
        return Some(run);
    };
    if until < next.from() {
        return None;
    }
    Period::new(run.from(), next.until().map(|next| next.max(until)))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("sessions and periods of a person fit 32 bits")
}

#[cfg(test)]
mod tests;
