//! What a staff file must not say, and what it had better not.
//!
//! Lines are as read, so that a line that cannot become an assignment can still be named. The
//! caller passes all lines of an engagement and of a person, those already stored included, and
//! finds its own line, column and wording from the numbers here.
//!
//! Deliberately absent: a rule for registrations of roles whose regulator differs by profession,
//! and any rule that full-time hours or bands would need: no source states one.

use std::collections::BTreeMap;

use terms::{Date, Minutes, OdsCode, Period, RoleCode};

use crate::domain::role::Roles;

/// The most hours a week that the claims portal takes for one person.
pub const PERSON_WEEK_MAX: Minutes = Minutes::new(40 * 60);
/// The most lines of one engagement or person: each is compared with each, and nobody in the scheme
/// has a tenth of them.
pub const LINES_MAX: usize = 500;

/// One line: hours of an engagement in a PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The owner's name of the engagement.
    pub engagement: String,
    /// The owner's name of the person; none for a contracted service.
    pub person: Option<String>,
    /// Where.
    pub pcn: OdsCode,
    /// As what.
    pub role: RoleCode,
    /// The first day.
    pub start: Date,
    /// The last day, if it is known.
    pub end: Option<Date>,
    /// Minutes a week in this PCN.
    pub weekly: Minutes,
    /// All minutes a week of the engagement, where stated.
    pub contract: Option<Minutes>,
    /// Whether a registration number was given.
    pub registration: Registration,
}

/// Whether a registration number was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It was.
    Given,
    /// It was not.
    NotGiven,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be taken.
    Refusal,
    /// The file can be taken; a note says so.
    Warning,
}

/// One thing that is wrong. Lines are named by their index in the lines passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The last day is before the first.
    EndsBeforeStart {
        /// The line.
        line: usize,
        /// Its first day.
        start: Date,
        /// Its last day.
        end: Date,
    },
    /// Two lines of one engagement and PCN cover the same day.
    Overlap {
        /// The line that starts later, or is later in the file.
        line: usize,
        /// The other one.
        other: usize,
        /// The first day in both.
        first: Date,
        /// The last day in both, if there is one.
        last: Option<Date>,
    },
    /// Two lines of one engagement state different contracts for the same day.
    ContractsDisagree {
        /// The line that starts later, or is later in the file.
        line: usize,
        /// The other one.
        other: usize,
        /// The first day of both.
        day: Date,
        /// What the line states.
        contract: Minutes,
        /// What the other states.
        other_contract: Minutes,
    },
    /// On a day the lines of an engagement have more hours than its contract.
    HoursBeyondContract {
        /// A line that starts on that day, so that the hours went beyond with it.
        line: usize,
        /// The first such day.
        day: Date,
        /// All hours of that day.
        assigned: Minutes,
        /// The contract of that day.
        contract: Minutes,
    },
    /// No role has this code.
    RoleUnknown {
        /// The line.
        line: usize,
    },
    /// The role could not be claimed on the first day.
    RoleNotInForce {
        /// The line.
        line: usize,
        /// Its first day.
        start: Date,
        /// The days on which the role can be claimed.
        claimable: Period,
    },
    /// Everybody in the role is on a register, and no number is given.
    RegistrationMissing {
        /// The line.
        line: usize,
        /// Who keeps the register.
        regulator: String,
    },
    /// Over all engagements a person has more hours than the claims portal takes.
    PersonBeyondWeek {
        /// A line that starts on that day.
        line: usize,
        /// The first such day.
        day: Date,
        /// All hours of that day.
        total: Minutes,
    },
    /// An engagement or a person has more lines than are compared with each other.
    TooManyLines {
        /// The first line too many.
        line: usize,
        /// How many there are.
        count: usize,
    },
}

impl Finding {
    /// The line it is about.
    pub const fn line(&self) -> usize {
        match self {
            Finding::EndsBeforeStart { line, .. }
            | Finding::Overlap { line, .. }
            | Finding::ContractsDisagree { line, .. }
            | Finding::HoursBeyondContract { line, .. }
            | Finding::RoleUnknown { line }
            | Finding::RoleNotInForce { line, .. }
            | Finding::RegistrationMissing { line, .. }
            | Finding::PersonBeyondWeek { line, .. }
            | Finding::TooManyLines { line, .. } => *line,
        }
    }

    /// How grave it is.
    pub const fn severity(&self) -> Severity {
        match self {
            Finding::EndsBeforeStart { .. }
            | Finding::Overlap { .. }
            | Finding::ContractsDisagree { .. }
            | Finding::HoursBeyondContract { .. }
            | Finding::RoleUnknown { .. }
            | Finding::RoleNotInForce { .. }
            | Finding::TooManyLines { .. } => Severity::Refusal,
            Finding::RegistrationMissing { .. } | Finding::PersonBeyondWeek { .. } => {
                Severity::Warning
            }
        }
    }
}

/// Everything that is wrong with the lines, in the order of lines.
pub fn check(lines: &[Line], roles: &Roles) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sound: Vec<Sound<'_>> = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        role(index, line, roles, &mut findings);
        match (Period::inclusive(line.start, line.end), line.end) {
            (Some(days), _) => sound.push(Sound { index, line, days }),
            (None, Some(end)) => {
                findings.push(Finding::EndsBeforeStart { line: index, start: line.start, end });
            }
            (None, None) => unreachable!("days without an end are never none"),
        }
    }
    // So that of two lines the later one is named.
    sound.sort_by_key(|line| (line.line.start, line.index));

    let mut engagements: BTreeMap<&str, Vec<Sound<'_>>> = BTreeMap::new();
    let mut people: BTreeMap<&str, Vec<Sound<'_>>> = BTreeMap::new();
    for line in &sound {
        engagements.entry(&line.line.engagement).or_default().push(*line);
        if let Some(person) = &line.line.person {
            people.entry(person).or_default().push(*line);
        }
    }
    for lines in engagements.values() {
        if few(lines, &mut findings) {
            pairs(lines, &mut findings);
            contract(lines, &mut findings);
        }
    }
    for lines in people.values() {
        if few(lines, &mut findings) {
            week(lines, &mut findings);
        }
    }
    findings.sort_by_key(Finding::line);
    findings
}

/// A line whose days are days.
#[derive(Clone, Copy)]
struct Sound<'a> {
    index: usize,
    line: &'a Line,
    days: Period,
}

fn role(index: usize, line: &Line, roles: &Roles, findings: &mut Vec<Finding>) {
    let Some(role) = roles.get(&line.role) else {
        findings.push(Finding::RoleUnknown { line: index });
        return;
    };
    if !role.claimable.contains(line.start) {
        let claimable = role.claimable;
        findings.push(Finding::RoleNotInForce { line: index, start: line.start, claimable });
    }
    if line.person.is_none() || line.registration == Registration::Given {
        return;
    }
    // Somebody still in post when regulation begins needs a number as well.
    let last = line.end.unwrap_or(Date::MAX);
    if let Some(regulator) = role.regulator_on(last) {
        let regulator = regulator.to_owned();
        findings.push(Finding::RegistrationMissing { line: index, regulator });
    }
}

/// Whether lines are so few that each two can be compared.
fn few(lines: &[Sound<'_>], findings: &mut Vec<Finding>) -> bool {
    let Some(beyond) = lines.get(LINES_MAX) else { return true };
    let found = Finding::TooManyLines { line: beyond.index, count: lines.len() };
    // All lines of a person may be those of one engagement.
    if !findings.contains(&found) {
        findings.push(found);
    }
    false
}

/// Compares each two lines of an engagement.
fn pairs(lines: &[Sound<'_>], findings: &mut Vec<Finding>) {
    for (position, later) in lines.iter().enumerate() {
        for earlier in &lines[..position] {
            let Some(both) = later.days.overlap(earlier.days) else {
                continue;
            };
            let (line, other) = (later.index, earlier.index);
            if later.line.pcn == earlier.line.pcn {
                let (first, last) = (both.from(), both.last());
                findings.push(Finding::Overlap { line, other, first, last });
            }
            match (later.line.contract, earlier.line.contract) {
                (Some(contract), Some(other_contract)) if contract != other_contract => {
                    let day = both.from();
                    findings.push(Finding::ContractsDisagree {
                        line,
                        other,
                        day,
                        contract,
                        other_contract,
                    });
                }
                _ => {}
            }
        }
    }
}

/// Hours grow only on a day on which a line starts, so those are the days to look at; the contract
/// of a day can also fall when the line that stated it ends, but then nothing states it.
fn contract(lines: &[Sound<'_>], findings: &mut Vec<Finding>) {
    let beyond = lines.iter().find_map(|line| {
        let day = line.line.start;
        let (assigned, contract) = day_of(lines, day);
        let contract = contract.filter(|contract| *contract < assigned)?;
        Some(Finding::HoursBeyondContract { line: line.index, day, assigned, contract })
    });
    findings.extend(beyond);
}

fn week(lines: &[Sound<'_>], findings: &mut Vec<Finding>) {
    let beyond = lines.iter().find_map(|line| {
        let day = line.line.start;
        let mut engagements: BTreeMap<&str, Vec<Sound<'_>>> = BTreeMap::new();
        for line in lines {
            engagements.entry(&line.line.engagement).or_default().push(*line);
        }
        let total: Minutes = engagements
            .values()
            .map(|lines| {
                let (assigned, contract) = day_of(lines, day);
                assigned.max(contract.unwrap_or(Minutes::ZERO))
            })
            .sum();
        (PERSON_WEEK_MAX < total).then_some(Finding::PersonBeyondWeek {
            line: line.index,
            day,
            total,
        })
    });
    findings.extend(beyond);
}

/// What an engagement's lines assign on a day, and the greatest contract they state for it.
fn day_of(lines: &[Sound<'_>], day: Date) -> (Minutes, Option<Minutes>) {
    let today = || lines.iter().filter(|line| line.days.contains(day));
    let assigned = today().map(|line| line.line.weekly).sum();
    (assigned, today().filter_map(|line| line.line.contract).max())
}

#[cfg(test)]
mod tests {
    use terms::Confidence;

    use super::*;
    use crate::domain::role::tests::day;
    use crate::domain::role::{Regulator, Role};

    fn roles() -> Roles {
        let role = |code: &str, from: &str, regulator: Option<(&str, Option<&str>)>| Role {
            code: code.parse().expect("a role"),
            name: code.to_owned(),
            regulator: regulator
                .map(|(name, since)| Regulator { name: name.to_owned(), since: since.map(day) }),
            claimable: Period::new(day(from), None).expect("days"),
            source: "a source".to_owned(),
            confidence: Confidence::Confirmed,
            note: None,
        };
        Roles::new([
            role("SPLW", "2019-07-01", None),
            role("CP", "2019-07-01", Some(("GPhC", None))),
            role("PA", "2020-04-01", Some(("GMC", Some("2024-12-13")))),
            role("HCSW", "2025-04-01", None),
        ])
    }

    fn line(engagement: &str, pcn: &str, start: &str, end: Option<&str>, weekly: u32) -> Line {
        Line {
            engagement: engagement.to_owned(),
            person: Some("P1".to_owned()),
            pcn: pcn.parse().expect("a code"),
            role: "SPLW".parse().expect("a role"),
            start: day(start),
            end: end.map(day),
            weekly: Minutes::new(weekly),
            contract: None,
            registration: Registration::NotGiven,
        }
    }

    fn with_contract(line: Line, minutes: u32) -> Line {
        Line { contract: Some(Minutes::new(minutes)), ..line }
    }

    #[track_caller]
    fn found(lines: &[Line], findings: &[Finding]) {
        assert_eq!(check(lines, &roles()), findings);
    }

    /// A line pasted again and again must not fill the memory with pairs.
    #[test]
    fn more_lines_than_anybody_has_are_refused_at_once() {
        let same = line("E1", "U1", "2025-04-01", None, 60);
        let lines = vec![same; LINES_MAX + 40];
        found(&lines, &[Finding::TooManyLines { line: LINES_MAX, count: LINES_MAX + 40 }]);
    }

    #[test]
    fn a_change_of_hours_on_the_next_day_is_right() {
        found(
            &[
                line("E1", "U1", "2025-04-01", Some("2025-06-30"), 2250),
                line("E1", "U1", "2025-07-01", None, 1125),
                line("E1", "U2", "2025-07-01", None, 1125),
            ],
            &[],
        );
    }

    #[test]
    fn an_end_before_the_start_is_refused_and_one_day_is_not() {
        found(&[line("E1", "U1", "2025-07-01", Some("2025-07-01"), 60)], &[]);
        let (start, end) = (day("2025-07-01"), day("2025-06-30"));
        found(
            &[line("E1", "U1", "2025-07-01", Some("2025-06-30"), 60)],
            &[Finding::EndsBeforeStart { line: 0, start, end }],
        );
    }

    #[test]
    fn two_lines_of_one_engagement_and_pcn_do_not_share_a_day() {
        let overlap = |last: Option<&str>| {
            [Finding::Overlap { line: 0, other: 1, first: day("2025-06-30"), last: last.map(day) }]
        };
        let late = line("E1", "U1", "2025-06-30", None, 60);
        let early = line("E1", "U1", "2025-04-01", Some("2025-06-30"), 60);
        found(&[late.clone(), early], &overlap(Some("2025-06-30")));
        let open = line("E1", "U1", "2025-04-01", None, 60);
        found(&[late.clone(), open], &overlap(None));
        // Another engagement, or another PCN, may.
        found(&[late.clone(), line("E2", "U1", "2025-04-01", None, 60)], &[]);
        found(&[late, line("E1", "U2", "2025-04-01", None, 60)], &[]);
    }

    #[test]
    fn hours_of_a_day_stay_within_the_contract_of_that_day() {
        let first = with_contract(line("E1", "U1", "2025-04-01", None, 1125), 2250);
        found(&[first.clone(), line("E1", "U2", "2025-07-01", None, 1125)], &[]);
        let (assigned, contract) = (Minutes::new(2251), Minutes::new(2250));
        found(
            &[first, line("E1", "U2", "2025-07-01", None, 1126)],
            &[Finding::HoursBeyondContract { line: 1, day: day("2025-07-01"), assigned, contract }],
        );
        let contract = Minutes::new(59);
        let assigned = Minutes::new(60);
        found(
            &[with_contract(line("E1", "U1", "2025-04-01", None, 60), 59)],
            &[Finding::HoursBeyondContract { line: 0, day: day("2025-04-01"), assigned, contract }],
        );
    }

    #[test]
    fn one_day_has_one_contract() {
        let lines = |end: &str| {
            [
                with_contract(line("E1", "U1", "2025-04-01", Some(end), 60), 2250),
                with_contract(line("E1", "U2", "2025-07-01", None, 60), 1125),
            ]
        };
        found(&lines("2025-06-30"), &[]);
        let disagree = Finding::ContractsDisagree {
            line: 1,
            other: 0,
            day: day("2025-07-01"),
            contract: Minutes::new(1125),
            other_contract: Minutes::new(2250),
        };
        found(&lines("2025-07-01"), &[disagree]);
    }

    #[test]
    fn a_role_is_in_force_on_the_first_day() {
        let role = |code: &str, start: &str| Line {
            role: code.parse().expect("a role"),
            ..line("E1", "U1", start, None, 60)
        };
        found(&[role("HCSW", "2025-04-01")], &[]);
        let claimable = Period::new(day("2025-04-01"), None).expect("days");
        found(
            &[role("HCSW", "2025-03-31")],
            &[Finding::RoleNotInForce { line: 0, start: day("2025-03-31"), claimable }],
        );
        found(&[role("NURSE", "2025-04-01")], &[Finding::RoleUnknown { line: 0 }]);
    }

    #[test]
    fn a_registration_is_missed_only_where_everybody_in_the_role_has_one() {
        let role = |code: &str, end: Option<&str>| Line {
            role: code.parse().expect("a role"),
            ..line("E1", "U1", "2024-01-08", end, 60)
        };
        let missing = |regulator: &str| {
            [Finding::RegistrationMissing { line: 0, regulator: regulator.into() }]
        };
        found(&[role("CP", None)], &missing("GPhC"));
        found(&[Line { registration: Registration::Given, ..role("CP", None) }], &[]);
        found(&[Line { person: None, ..role("CP", None) }], &[]);
        found(&[role("SPLW", None)], &[]);
        // Regulated from 13 December 2024 on.
        found(&[role("PA", Some("2024-12-12"))], &[]);
        found(&[role("PA", Some("2024-12-13"))], &missing("GMC"));
        assert_eq!(missing("GMC")[0].severity(), Severity::Warning);
    }

    #[test]
    fn a_person_beyond_forty_hours_is_a_warning_on_the_first_such_day() {
        let first = line("E1", "U1", "2025-04-01", Some("2025-07-31"), 2250);
        found(&[first.clone(), line("E2", "U2", "2025-07-01", None, 150)], &[]);
        found(&[first.clone(), line("E2", "U2", "2025-08-01", None, 2250)], &[]);
        let total = Minutes::new(2401);
        let finding = Finding::PersonBeyondWeek { line: 1, day: day("2025-07-01"), total };
        found(
            &[first.clone(), line("E2", "U2", "2025-07-01", None, 151)],
            std::slice::from_ref(&finding),
        );
        assert_eq!(finding.severity(), Severity::Warning);
        // Hours outside PCNs are hours as well.
        let outside = with_contract(line("E2", "U2", "2025-07-01", None, 60), 151);
        found(&[first, outside], &[finding]);
    }
}
