//! The hours of a file beside those that are known, against the rules of a roster.

use std::collections::{BTreeSet, HashMap};

use kit::Scope;
use kit::roster::table::assignment;
use kit::roster::{from_column, to_column};
use kit::table::{Problem, Problems};
use terms::{Date, EngagementId, Minutes, OdsCode, Period, PersonId, RoleCode};

use super::{Group, Row, period_of};
use crate::domain::role::Roles;
use crate::domain::roster_check::{self, Finding, Registration as Number, Severity};
use crate::store::people::{Particulars, Stored};

/// Where a line of the check comes from.
enum Origin<'a> {
    File(&'a Row),
    /// Hours known from this day, which the caller may see.
    Stored(Date),
    /// Hours known outside the scope: nothing of them is told but that they are there.
    Elsewhere,
}

/// What a file makes of the engagements that it names.
pub(super) struct Roster<'a> {
    pub(super) groups: &'a [Group<'a>],
    pub(super) stored: &'a HashMap<EngagementId, Stored>,
    /// Lines that were refused before, which are compared with nothing.
    pub(super) refused: &'a BTreeSet<u32>,
    pub(super) scope: &'a Scope,
}

/// Tells what is wrong with rows that are not compared with any others.
pub(in crate::app) fn alone<'a>(
    rows: impl Iterator<Item = &'a Row>,
    roles: &Roles,
    problems: &mut Problems,
) {
    for row in rows {
        let line = roster_check::Line {
            engagement: row.engagement.clone(),
            person: None,
            pcn: row.pcn.clone(),
            role: row.role.clone(),
            start: row.start,
            end: row.end,
            weekly: row.weekly,
            contract: row.contract,
            registration: Number::Given,
        };
        let (lines, origins) = ([line], [Origin::File(row)]);
        for finding in roster_check::check(&lines, roles) {
            if let Some(problem) = tell(&finding, &lines, &origins, roles) {
                problems.push(problem);
            }
        }
    }
}

/// Tells what is wrong with the rows; answers what had better not be so.
pub(super) fn check_roster(
    roster: &Roster<'_>,
    particulars: &HashMap<PersonId, Particulars>,
    roles: &Roles,
    problems: &mut Problems,
) -> Vec<Problem> {
    let Roster { groups, stored, refused, scope } = *roster;
    let mut lines = Vec::new();
    let mut origins = Vec::new();
    let mut covered = BTreeSet::new();
    for group in groups {
        covered.insert(group.id);
        let before = stored.get(&group.id);
        let number = |row: &Row| {
            let known = group.person.and_then(|person| particulars.get(&person));
            let known = known.is_some_and(|known| known.registration_number.is_some());
            match known || row.particulars.registration_number.is_some() {
                true => Number::Given,
                false => Number::NotGiven,
            }
        };
        for row in group.rows.iter().filter(|row| !refused.contains(&row.line)) {
            let stated = group.stated(row, before);
            lines.push(roster_check::Line {
                engagement: group.id.to_string(),
                person: group.person.map(|person| person.to_string()),
                pcn: row.pcn.clone(),
                role: row.role.clone(),
                start: row.start,
                end: stated.end,
                weekly: row.weekly,
                contract: stated.contract,
                registration: number(row),
            });
            origins.push(Origin::File(row));
        }
        let Some(before) = before else { continue };
        let replaced = |hours: &assignment::Model| group.rows.iter().any(|row| is_same(hours, row));
        for hours in before.assignments.iter().filter(|hours| !replaced(hours)) {
            let role = &group.rows[0].role;
            add_stored(hours, group.person, role, scope, &mut lines, &mut origins);
        }
    }
    // Other engagements of the same people.
    for (id, before) in stored.iter().filter(|(id, _)| !covered.contains(id)) {
        let Some(engagement) = &before.engagement else { continue };
        let Ok(role) = engagement.role.parse() else { continue };
        let person = engagement.person_id.map(PersonId);
        debug_assert_eq!(*id, EngagementId(engagement.engagement_id));
        for hours in &before.assignments {
            add_stored(hours, person, &role, scope, &mut lines, &mut origins);
        }
    }
    let mut warnings = Vec::new();
    for finding in roster_check::check(&lines, roles) {
        let found = tell(&finding, &lines, &origins, roles);
        match (found, finding.severity()) {
            (Some(problem), Severity::Refusal) => problems.push(problem),
            (Some(problem), Severity::Warning) => warnings.push(problem),
            (None, _) => {}
        }
    }
    warnings
}

pub(super) fn is_same(hours: &assignment::Model, row: &Row) -> bool {
    hours.pcn_code == row.pcn.as_str() && hours.valid_from == to_column(row.start)
}

pub(super) fn same_key<'a>(stored: &'a Stored, row: &Row) -> Option<&'a assignment::Model> {
    stored.assignments.iter().find(|hours| is_same(hours, row))
}

pub(super) fn last_of(hours: &assignment::Model) -> Option<Date> {
    from_column(hours.valid_until?).yesterday().ok()
}

pub(super) fn minutes(value: i32) -> Option<Minutes> {
    u32::try_from(value).ok().map(Minutes::new)
}

fn add_stored<'a>(
    hours: &assignment::Model,
    person: Option<PersonId>,
    role: &RoleCode,
    scope: &Scope,
    lines: &mut Vec<roster_check::Line>,
    origins: &mut Vec<Origin<'a>>,
) {
    let (Ok(pcn), Some(weekly)) = (hours.pcn_code.parse(), minutes(hours.weekly_minutes)) else {
        return;
    };
    let start = from_column(hours.valid_from);
    let pcn: OdsCode = pcn;
    let seen = period_of(hours).is_some_and(|days| scope.covers(&pcn, days));
    lines.push(roster_check::Line {
        engagement: EngagementId(hours.engagement_id).to_string(),
        person: person.map(|person| person.to_string()),
        pcn,
        role: role.clone(),
        start,
        end: last_of(hours),
        weekly,
        contract: hours.contract_minutes.and_then(minutes),
        registration: Number::Given,
    });
    origins.push(if seen { Origin::Stored(start) } else { Origin::Elsewhere });
}

/// The finding as a problem of a line of the file; none if only what is stored is concerned.
fn tell(
    finding: &Finding,
    lines: &[roster_check::Line],
    origins: &[Origin<'_>],
    roles: &Roles,
) -> Option<Problem> {
    let row_of = |index: usize| match &origins[index] {
        Origin::File(row) => Some(*row),
        Origin::Stored(_) | Origin::Elsewhere => None,
    };
    let place = |index: usize| match &origins[index] {
        Origin::File(row) => format!("line {}", row.line),
        Origin::Stored(from) => format!("the hours that began on {from}"),
        Origin::Elsewhere => "hours elsewhere".to_owned(),
    };
    let is_elsewhere = |index: usize| matches!(origins[index], Origin::Elsewhere);
    // Whether hours outside the scope are part of what is found of a day.
    let hidden = |index: usize, day: Date, same: &dyn Fn(&roster_check::Line) -> bool| {
        is_elsewhere(index)
            || lines.iter().enumerate().any(|(other, line)| {
                let days = Period::inclusive(line.start, line.end);
                is_elsewhere(other) && same(line) && days.is_some_and(|days| days.contains(day))
            })
    };
    // A finding at stored hours is the doing of a row of the same engagement or person.
    let nearest = |index: usize| {
        row_of(index).or_else(|| {
            let mut related = (0..lines.len()).filter(|other| {
                let (line, other) = (&lines[index], &lines[*other]);
                line.engagement == other.engagement
                    || (line.person.is_some() && line.person == other.person)
            });
            related.find_map(row_of)
        })
    };
    let problem = |row: &Row, column: &str, value: &str, reason: String| {
        Some(Problem::new(row.line, column, value, reason))
    };
    match finding {
        Finding::EndsBeforeStart { line, start, end } => {
            let reason = format!("is before start {start}; it is the last day");
            problem(row_of(*line)?, "end", &end.to_string(), reason)
        }
        Finding::Overlap { line, other, first, last } => {
            let (row, other) = match row_of(*line) {
                Some(row) => (row, *other),
                None => (row_of(*other)?, *line),
            };
            let last = last.map_or_else(|| "onwards".to_owned(), |last| format!("to {last}"));
            let reason = format!(
                "overlaps {}, from {first} {last}: hours of one engagement in one PCN follow \
                 each other; let the earlier end the day before",
                place(other),
            );
            problem(row, "start", &row.start.to_string(), reason)
        }
        Finding::ContractsDisagree { line, other, day, contract, other_contract } => {
            let (row, other) = match row_of(*line) {
                Some(row) => (row, *other),
                None => (row_of(*other)?, *line),
            };
            let value = row.contract.map(hours).unwrap_or_default();
            if is_elsewhere(*line) || is_elsewhere(other) {
                let reason = "hours elsewhere say otherwise: one day has one contract".to_owned();
                return problem(row, "contract_hours", &value, reason);
            }
            let reason = format!(
                "on {day} {} and {} hours are stated; {} says otherwise: one day has one contract",
                hours(*contract),
                hours(*other_contract),
                place(other),
            );
            problem(row, "contract_hours", &value, reason)
        }
        Finding::HoursBeyondContract { line, day, assigned, contract } => {
            let row = nearest(*line)?;
            if hidden(*line, *day, &|other| other.engagement == lines[*line].engagement) {
                let reason = "hours elsewhere exceed the contract".to_owned();
                return problem(row, "weekly_hours", &hours(row.weekly), reason);
            }
            let reason = format!(
                "with it {} hours are worked from {day}, beyond the contract of {}; contract_hours \
                 are all hours of the engagement",
                hours(*assigned),
                hours(*contract),
            );
            problem(row, "weekly_hours", &hours(row.weekly), reason)
        }
        Finding::RoleUnknown { line } => {
            let row = row_of(*line)?;
            let known: Vec<&str> = roles.iter().map(|role| role.code.as_str()).collect();
            let reason = format!("is no role of the scheme; known are {}", known.join(", "));
            problem(row, "role", row.role.as_str(), reason)
        }
        Finding::RoleNotInForce { line, start, claimable } => {
            let row = row_of(*line)?;
            let last = claimable.last().map(|last| format!(" to {last}")).unwrap_or_default();
            let reason = format!(
                "is not in force on {start}: it can be claimed from {}{last}",
                claimable.from()
            );
            problem(row, "role", row.role.as_str(), reason)
        }
        Finding::RegistrationMissing { line, regulator } => {
            let row = row_of(*line)?;
            let reason = format!(
                "is not given; everybody in role {} is on the register of {regulator}",
                row.role
            );
            problem(row, "registration_number", "", reason)
        }
        Finding::TooManyLines { line, count } => {
            let row = nearest(*line)?;
            let reason = format!(
                "is one of {count} lines of one engagement or person, known ones included; at \
                 most {} are taken",
                roster_check::LINES_MAX
            );
            problem(row, "engagement_id", &row.engagement, reason)
        }
        Finding::PersonBeyondWeek { line, day, total } => {
            let row = nearest(*line)?;
            if hidden(*line, *day, &|other| other.person == lines[*line].person) {
                let reason = format!(
                    "with hours elsewhere the person has more than the {} hours a week that a \
                     claim takes",
                    hours(roster_check::PERSON_WEEK_MAX),
                );
                return problem(row, "weekly_hours", &hours(row.weekly), reason);
            }
            let reason = format!(
                "the person has {} hours a week from {day}, more than the {} that a claim takes",
                hours(*total),
                hours(roster_check::PERSON_WEEK_MAX),
            );
            problem(row, "weekly_hours", &hours(row.weekly), reason)
        }
    }
}

/// Hours with up to two decimals, as files write them.
pub(super) fn hours(minutes: Minutes) -> String {
    let hundredths = (u64::from(minutes.get()) * 100 + 30) / 60;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
