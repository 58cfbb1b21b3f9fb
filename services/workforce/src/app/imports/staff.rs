//! The kind `staff`: people, engagements, hours and registrations.
//!
//! Everything is checked across the rows and against what is known; a PCN that does not exist and
//! one that the caller may not see read the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{self, Applied, Context};
use kit::roster::table::{assignment, engagement};
use kit::roster::{self, Engaged, Line, Organisation, from_column, to_column};
use kit::statement::Outcome;
use kit::table::{Problem, Problems};
use kit::{Error, Scope};
use terms::{
    Band, Date, DeploymentModel, EngagementId, Minutes, OdsCode, OrganisationKind, Period,
    PersonId, RoleCode, Stage,
};
use uuid::Uuid;

use super::places::day_after;
use super::{Sheet, record, repeated};
use crate::domain::role::Roles;
use crate::domain::roster_check::{self, Finding, Registration as Number, Severity};
use crate::events;
use crate::store::people::{self, Particulars, Person, Registration, Stored};

/// The text for a PCN that does not exist and for one outside the scope.
const NO_PCN: &str = "unknown PCN or one you may not see; import organisations first if it is new";
/// How many lines a note names.
const NAMED: usize = 10;

/// One row: hours of an engagement in a PCN over a run of days.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins.
    pub line: u32,
    /// What the owner calls the engagement.
    pub engagement: String,
    /// What the owner calls the person; none for a contracted service.
    pub person: Option<String>,
    /// Name and number; what is not given stays as it is known.
    pub particulars: Particulars,
    /// The last day of the registration.
    pub expiry: Option<Date>,
    /// The role.
    pub role: RoleCode,
    /// How far the person is in it.
    pub stage: Stage,
    /// The pay band.
    pub band: Option<Band>,
    /// Who employs.
    pub employer: OdsCode,
    /// How the employer deploys.
    pub model: DeploymentModel,
    /// Where.
    pub pcn: OdsCode,
    /// Minutes a week there.
    pub weekly: Minutes,
    /// The employer's full time.
    pub full_time: Minutes,
    /// All hours of the engagement, where some are outside PCNs.
    pub contract: Option<Minutes>,
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Option<Date>,
    /// Why the engagement ended.
    pub leaving_reason: Option<String>,
    /// How many of its hours were not whole minutes.
    pub rounded: u32,
}

// Never printed whole: it names a person.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "staff::Row(line {})", self.line)
    }
}

/// The rows of one engagement, with who keeps it.
struct Group<'a> {
    rows: Vec<&'a Row>,
    owner: OdsCode,
    id: EngagementId,
    person: Option<PersonId>,
}

/// Checks and writes a file.
pub async fn import(
    write: &mut Write,
    sheet: Sheet<Row>,
    roles: &Roles,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count: records } = sheet;
    let at = context.provenance.known_from;
    let scope = &context.scope;
    check_owner(write, context).await?;
    keys(&rows, &mut problems);
    engagements_agree(&rows, &mut problems);
    people_agree(&rows, &mut problems);
    let known = organisations(write, &rows).await?;
    // Rows in PCNs that may not be seen are told, and nothing more is looked up for them.
    let mut refused = check_pcns(&rows, &known, context, &mut problems);
    alone(rows.iter().filter(|row| refused.contains(&row.line)), roles, &mut problems);

    let mut by_reference: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !refused.contains(&row.line)) {
        by_reference.entry(&row.engagement).or_default().push(row);
    }
    let names: Vec<String> = by_reference.keys().map(|name| (*name).to_owned()).collect();
    let named = roster::engagements_by_reference(&**write, scope, &names, NOW).await?;
    let references = by_reference.keys().copied().collect();
    let ids = people::engagement_ids(&**write, scope, &references).await?;
    let references = rows.iter().filter_map(|row| row.person.as_deref()).collect();
    let mut persons = people::person_ids(&**write, scope, &references).await?;
    let mut new_people = Vec::new();
    let mut groups = Vec::new();
    for (reference, mut lines) in by_reference {
        lines.sort_by_key(|row| (row.start, row.line));
        let known_owners = ids.get(reference);
        let kept = named.get(reference).map_or(&[][..], Vec::as_slice);
        let Some(owner) = owner(&lines, kept, &known, context, &mut problems) else {
            continue;
        };
        check_others(&lines, kept, &owner, &mut problems);
        let id = known_owners.and_then(|owners| owners.get(&owner)).copied();
        let person = lines[0].person.as_ref().map(|reference| {
            let key = (owner.clone(), reference.clone());
            *persons.entry(key).or_insert_with(|| {
                let id = PersonId(Uuid::now_v7());
                let (owner, reference) = (owner.clone(), reference.clone());
                new_people.push(Person { id, owner, reference });
                id
            })
        });
        let id = id.unwrap_or_else(|| EngagementId(Uuid::now_v7()));
        groups.push(Group { rows: lines, owner, id, person });
    }

    let involved: BTreeSet<PersonId> = groups.iter().filter_map(|group| group.person).collect();
    let mut engagements: BTreeSet<EngagementId> = groups.iter().map(|group| group.id).collect();
    engagements.extend(people::engagements_of(&**write, scope, &involved, at).await?);
    let stored = people::stored(&**write, scope, &engagements, at).await?;
    let particulars = people::particulars(&**write, scope, &involved).await?;
    let mut notes = Vec::new();
    let outside = check_days(&groups, &stored, scope, &mut problems);
    let uncovered = rows.iter().filter(|row| outside.contains(&row.line));
    alone(uncovered, roles, &mut problems);
    refused.extend(outside);
    let roster = Roster { groups: &groups, stored: &stored, refused: &refused, scope };
    check_roster(&roster, &particulars, roles, &mut problems, &mut notes);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }

    remark(&rows, &known, &mut notes);
    remark_ends(&groups, &stored, scope, &mut notes);
    let lines = lines(&groups, &stored, context);
    people::add(&**write, scope, &new_people).await?;
    let mut applied = record(write, lines, records, notes).await?;
    let changed = changed_particulars(&groups, &particulars);
    for (_, row, _) in changed.iter().filter(|(person, ..)| particulars.contains_key(person)) {
        applied.corrected += 1;
        let named = row.person.as_deref().unwrap_or_default();
        applied.notes.push(format!("line {}: the particulars of person {named} changed", row.line));
    }
    let changed = changed.into_iter().map(|(person, _, merged)| (person, merged)).collect();
    people::set_particulars(&**write, scope, changed).await?;
    registrations(write, &groups, context, &mut applied).await?;
    Ok(Ok(applied))
}

/// Refuses an owner that was named and keeps no records: one that is not known, closed or of
/// another kind.
async fn check_owner(write: &Write, context: &Context) -> Result<(), Error> {
    use OrganisationKind::{Federation, Icb, Pcn};

    let Some(owner) = &context.owner else { return Ok(()) };
    for kind in [Pcn, Federation, Icb] {
        if roster::is_open(&**write, owner, kind, context.recorded_on).await? {
            return Ok(());
        }
    }
    let reason =
        format!("must be a known PCN, federation or ICB that is open on {}", context.recorded_on);
    Err(Error::invalid("header.owner", reason))
}

fn keys(rows: &[Row], problems: &mut Problems) {
    let mut keys: BTreeMap<_, u32> = BTreeMap::new();
    for row in rows {
        if let Some(first) = keys.insert((&row.engagement, &row.pcn, row.start), row.line) {
            let what = "engagement_id, pcn_code and start";
            repeated(problems, [first, row.line], "engagement_id", &row.engagement, what);
        }
    }
}

/// Notes on both lines that rows of one thing differ in a column; values of people are not shown.
fn differ(problems: &mut Problems, lines: [u32; 2], column: &str, values: [&str; 2], what: &str) {
    let [first, second] = lines;
    for (line, value, other) in [(first, values[0], second), (second, values[1], first)] {
        let reason = format!("differs from line {other}; all rows of {what} must agree");
        problems.push(Problem::new(line, column, value, reason));
    }
}

fn engagements_agree(rows: &[Row], problems: &mut Problems) {
    let mut firsts: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        let first = *firsts.entry(&row.engagement).or_insert(row);
        let text = |row: &Row| {
            [
                ("person_id", row.person.clone().unwrap_or_default()),
                ("role", row.role.to_string()),
                ("employer_code", row.employer.to_string()),
                ("model", row.model.to_string()),
                ("full_time_hours", hours(row.full_time)),
            ]
        };
        let what = format!("engagement {}", row.engagement);
        for ((column, before), (_, here)) in text(first).iter().zip(text(row)) {
            if *before != here {
                differ(problems, [first.line, row.line], column, [before, &here], &what);
            }
        }
        // Not given says nothing.
        if let (Some(before), Some(here)) = (&first.leaving_reason, &row.leaving_reason)
            && before != here
        {
            let lines = [first.line, row.line];
            differ(problems, lines, "leaving_reason", [before, here], &what);
        }
    }
}

fn people_agree(rows: &[Row], problems: &mut Problems) {
    let mut firsts: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let Some(person) = row.person.as_deref() else { continue };
        let what = format!("person {person}");
        let cells = |row: &Row| {
            let Particulars { family_name, given_name, registration_body, registration_number } =
                row.particulars.clone();
            [
                ("family_name", family_name),
                ("given_name", given_name),
                ("registration_body", registration_body),
                ("registration_number", registration_number),
                ("registration_expiry", row.expiry.map(|day| day.to_string())),
            ]
        };
        let earlier = firsts.entry(person).or_default();
        let mut told = BTreeSet::new();
        for first in earlier.iter() {
            for ((column, before), (_, here)) in cells(first).into_iter().zip(cells(row)) {
                let (Some(before), Some(here)) = (before, here) else { continue };
                if before != here && told.insert(column) {
                    differ(problems, [first.line, row.line], column, ["", ""], &what);
                }
            }
        }
        // One row stands for all that say the same.
        if earlier.iter().all(|first| cells(first) != cells(row)) {
            earlier.push(row);
        }
    }
}

async fn organisations(
    write: &Write,
    rows: &[Row],
) -> Result<BTreeMap<OdsCode, Organisation>, Error> {
    let named = rows.iter().flat_map(|row| [row.pcn.clone(), row.employer.clone()]);
    roster::organisations_by_code(&**write, &named.collect(), NOW).await
}

/// Tells of rows whose PCN is not known or has none of its days in the scope; gives their lines.
fn check_pcns(
    rows: &[Row],
    known: &BTreeMap<OdsCode, Organisation>,
    context: &Context,
    problems: &mut Problems,
) -> BTreeSet<u32> {
    let mut refused = BTreeSet::new();
    for row in rows {
        let is_pcn = known.get(&row.pcn).is_some_and(|found| found.kind == OrganisationKind::Pcn);
        if !is_pcn || !days(row).is_some_and(|days| context.scope.sees_days(&row.pcn, days)) {
            problems.push(Problem::new(row.line, "pcn_code", row.pcn.as_str(), NO_PCN));
            refused.insert(row.line);
        }
    }
    refused
}

/// The days of a row; of one that ends before it starts the first day, to look for the PCN.
fn days(row: &Row) -> Option<Period> {
    Period::inclusive(row.start, row.end).or_else(|| Period::inclusive(row.start, Some(row.start)))
}

/// Tells of rows that would change days of their PCN outside the scope, whether those that they
/// state or those known under the same key; gives their lines. A row that changes nothing may
/// stand in the file.
fn check_days(
    groups: &[Group<'_>],
    stored: &HashMap<EngagementId, Stored>,
    scope: &Scope,
    problems: &mut Problems,
) -> BTreeSet<u32> {
    let mut refused = BTreeSet::new();
    for group in groups {
        let before = stored.get(&group.id);
        for row in &group.rows {
            let known = before.and_then(|before| same_key(before, row));
            if known.is_some_and(|known| says_the_same(known, row)) {
                continue;
            }
            let stated = match (row.end, known) {
                (None, Some(known)) => period_of(known),
                (_, _) => days(row),
            };
            let touched = [stated, known.and_then(period_of)];
            if touched.into_iter().flatten().all(|days| scope.covers(&row.pcn, days)) {
                continue;
            }
            let reason = "has days outside those of the PCN that you may change";
            problems.push(Problem::new(row.line, "start", &row.start.to_string(), reason));
            refused.insert(row.line);
        }
    }
    refused
}

fn period_of(hours: &assignment::Model) -> Option<Period> {
    Period::new(from_column(hours.valid_from), hours.valid_until.map(from_column))
}

fn says_the_same(known: &assignment::Model, row: &Row) -> bool {
    let until = day_after(row.end).map(to_column);
    until.is_none_or(|until| known.valid_until == Some(until))
        && minutes(known.weekly_minutes) == Some(row.weekly)
        && row
            .contract
            .is_none_or(|contract| known.contract_minutes.and_then(minutes) == Some(contract))
        && known.stage == row.stage.as_str()
        && row.band.is_none_or(|band| known.band.as_deref() == Some(band.as_str()))
}

/// Who keeps an engagement: who is named, else who keeps it already, else the employer if it is a
/// federation, else the PCN of the earliest row.
///
/// An owner keeps it already that has hours of it in a PCN of the rows: another that merely uses
/// the same reference keeps something else, and stands in nobody's way.
fn owner(
    rows: &[&Row],
    kept: &[Engaged],
    known: &BTreeMap<OdsCode, Organisation>,
    context: &Context,
    problems: &mut Problems,
) -> Option<OdsCode> {
    let first = rows[0];
    let scope = &context.scope;
    let employer = known
        .get(&first.employer)
        .filter(|found| found.kind == OrganisationKind::Federation)
        .map(|found| &found.code);
    let has_hours = |engaged: &&Engaged, row: &Row| {
        engaged.assignments.iter().any(|hours| hours.pcn == row.pcn)
    };
    let ours: Vec<&Engaged> =
        kept.iter().filter(|engaged| scope.owns(&engaged.engagement.owner)).collect();
    let keeper = || {
        let mut found = rows
            .iter()
            .filter_map(|row| ours.iter().copied().find(|engaged| has_hours(engaged, row)));
        found.next().map(|engaged| &engaged.engagement.owner)
    };
    let named = imports::owner_of(context);
    let owner = match (&named, ours.len()) {
        (Some(owner), _) => owner,
        (None, 0 | 1) => keeper().or(employer).unwrap_or(&first.pcn),
        (None, _) => employer.or_else(keeper).unwrap_or(&first.pcn),
    };
    if !scope.owns(owner) {
        let reason = "would keep the record, and you may not write for it; say who does with \
                      --owner";
        let (column, value) = match *owner == first.employer {
            true => ("employer_code", &first.employer),
            false => ("pcn_code", &first.pcn),
        };
        let reason = match *owner == first.employer || *owner == first.pcn {
            true => reason.to_owned(),
            false => format!("{owner} {reason}"),
        };
        problems.push(Problem::new(first.line, column, value.as_str(), reason));
        return None;
    }
    Some(owner.clone())
}

/// Tells of rows that state hours which another owner keeps under the same reference: one
/// engagement has one owner. Only hours that the caller may see are compared.
fn check_others(rows: &[&Row], kept: &[Engaged], owner: &OdsCode, problems: &mut Problems) {
    for row in rows {
        let Some(days) = Period::inclusive(row.start, row.end) else { continue };
        let same = |hours: &terms::Assignment| {
            hours.pcn == row.pcn && hours.period.overlap(days).is_some()
        };
        let mut others = kept.iter().filter(|engaged| engaged.engagement.owner != *owner);
        let Some(other) = others.find(|engaged| engaged.assignments.iter().any(same)) else {
            continue;
        };
        let reason = format!(
            "is kept by another owner, {}, with hours in {} on the same days",
            other.engagement.owner, row.pcn
        );
        problems.push(Problem::new(row.line, "engagement_id", &row.engagement, reason));
    }
}

/// Where a line of the check comes from.
enum Origin<'a> {
    File(&'a Row),
    /// Hours known from this day, which the caller may see.
    Stored(Date),
    /// Hours known outside the scope: nothing of them is told but that they are there.
    Elsewhere,
}

/// What a file makes of the engagements that it names.
struct Roster<'a> {
    groups: &'a [Group<'a>],
    stored: &'a HashMap<EngagementId, Stored>,
    /// Lines that were refused before, which are compared with nothing.
    refused: &'a BTreeSet<u32>,
    scope: &'a Scope,
}

/// Tells what is wrong with rows that are not compared with any others.
fn alone<'a>(rows: impl Iterator<Item = &'a Row>, roles: &Roles, problems: &mut Problems) {
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

fn check_roster(
    roster: &Roster<'_>,
    particulars: &HashMap<PersonId, Particulars>,
    roles: &Roles,
    problems: &mut Problems,
    notes: &mut Vec<String>,
) {
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
            let known = before.and_then(|before| same_key(before, row));
            lines.push(roster_check::Line {
                engagement: group.id.to_string(),
                person: group.person.map(|person| person.to_string()),
                pcn: row.pcn.clone(),
                role: row.role.clone(),
                start: row.start,
                end: row.end.or_else(|| last_of(known?)),
                weekly: row.weekly,
                contract: row.contract.or_else(|| minutes(known?.contract_minutes?)),
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
    for finding in roster_check::check(&lines, roles) {
        let found = tell(&finding, &lines, &origins, roles);
        match (found, finding.severity()) {
            (Some(problem), Severity::Refusal) => problems.push(problem),
            (Some(problem), Severity::Warning) => {
                let Problem { line, column, reason, .. } = problem;
                notes.push(format!("line {line}: {column}: {reason}"));
            }
            (None, _) => {}
        }
    }
}

fn is_same(hours: &assignment::Model, row: &Row) -> bool {
    hours.pcn_code == row.pcn.as_str() && hours.valid_from == to_column(row.start)
}

fn same_key<'a>(stored: &'a Stored, row: &Row) -> Option<&'a assignment::Model> {
    stored.assignments.iter().find(|hours| is_same(hours, row))
}

fn last_of(hours: &assignment::Model) -> Option<Date> {
    from_column(hours.valid_until?).yesterday().ok()
}

fn minutes(value: i32) -> Option<Minutes> {
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
fn hours(minutes: Minutes) -> String {
    let hundredths = (u64::from(minutes.get()) * 100 + 30) / 60;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Notes ends that are known and not given: they stay.
fn remark_ends(
    groups: &[Group<'_>],
    stored: &HashMap<EngagementId, Stored>,
    scope: &Scope,
    notes: &mut Vec<String>,
) {
    let mut kept = BTreeMap::new();
    for group in groups {
        let Some(before) = stored.get(&group.id) else { continue };
        for row in group.rows.iter().filter(|row| row.end.is_none()) {
            let known = same_key(before, row);
            let seen = known.and_then(period_of).is_some_and(|days| scope.covers(&row.pcn, days));
            if let Some(end) = known.and_then(last_of).filter(|_| seen) {
                kept.insert(row.line, end);
            }
        }
    }
    notes.extend(kept.into_iter().map(|(line, end)| {
        format!("line {line}: end {end} is known and stays; an empty cell clears nothing")
    }));
}

/// What a careful reader should know of a file that is taken.
fn remark(rows: &[Row], known: &BTreeMap<OdsCode, Organisation>, notes: &mut Vec<String>) {
    let rounded: u32 = rows.iter().map(|row| row.rounded).sum();
    if rounded > 0 {
        notes.push(format!("{rounded} hours were not whole minutes and were rounded half up"));
    }
    let mut unknown: BTreeMap<&OdsCode, u32> = BTreeMap::new();
    for row in rows.iter().filter(|row| !known.contains_key(&row.employer)) {
        unknown.entry(&row.employer).or_insert(row.line);
    }
    for (employer, line) in unknown {
        notes.push(format!("line {line}: employer {employer} is not among the organisations"));
    }
    // A GP has none.
    let bare: Vec<String> = rows
        .iter()
        .filter(|row| row.band.is_none() && row.role.as_str() != "GP")
        .map(|row| row.line.to_string())
        .collect();
    if !bare.is_empty() {
        let more = if bare.len() > NAMED { " and more" } else { "" };
        let named = bare.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        notes.push(format!("{} rows have no band: lines {named}{more}", bare.len()));
    }
}

fn lines(
    groups: &[Group<'_>],
    stored: &HashMap<EngagementId, Stored>,
    context: &Context,
) -> Vec<Line> {
    let column = |minutes: Minutes| i32::try_from(minutes.get()).expect("a week is short");
    let provenance = &context.provenance;
    let mut lines = Vec::new();
    for group in groups {
        let first = group.rows[0];
        let before = stored.get(&group.id);
        let reason = group.rows.iter().find_map(|row| row.leaving_reason.clone());
        let known = before.and_then(|before| before.engagement.as_ref());
        lines.push(Line::Engagement(engagement::Model::new(
            provenance,
            Some(group.rows.iter().map(|row| row.line).min().unwrap_or(first.line)),
            group.id.0,
            group.owner.to_string(),
            first.engagement.clone(),
            group.person.map(|person| person.0),
            first.person.clone(),
            first.role.to_string(),
            first.employer.to_string(),
            first.model.to_string(),
            column(first.full_time),
            reason.or_else(|| known?.leaving_reason.clone()),
        )));
        for row in &group.rows {
            // What is not given stays as it is known.
            let known = before.and_then(|before| same_key(before, row));
            lines.push(Line::Assignment(assignment::Model::new(
                provenance,
                Some(row.line),
                group.id.0,
                row.pcn.to_string(),
                to_column(row.start),
                day_after(row.end).map(to_column).or_else(|| known?.valid_until),
                column(row.weekly),
                row.contract.map(column).or_else(|| known?.contract_minutes),
                row.stage.to_string(),
                row.band.map(|band| band.to_string()).or_else(|| known?.band.clone()),
            )));
        }
    }
    lines
}

/// The particulars that the file changes, each whole, with a row that does: what is not given
/// stays.
fn changed_particulars<'a>(
    groups: &[Group<'a>],
    known: &HashMap<PersonId, Particulars>,
) -> Vec<(PersonId, &'a Row, Particulars)> {
    let mut all: BTreeMap<PersonId, (&'a Row, Particulars)> = BTreeMap::new();
    for group in groups {
        let Some(person) = group.person else { continue };
        let before = || known.get(&person).cloned().unwrap_or_default();
        let (changing, merged) = all.entry(person).or_insert_with(|| (group.rows[0], before()));
        for row in group.rows.iter().copied() {
            let old = merged.clone();
            let given = row.particulars.clone();
            let fields = [
                (&mut merged.family_name, given.family_name),
                (&mut merged.given_name, given.given_name),
                (&mut merged.registration_body, given.registration_body),
                (&mut merged.registration_number, given.registration_number),
            ];
            for (field, value) in fields {
                if value.is_some() {
                    *field = value;
                }
            }
            if *merged != old {
                *changing = row;
            }
        }
    }
    all.into_iter()
        .filter(|(person, (_, merged))| known.get(person) != Some(merged))
        .map(|(person, (row, merged))| (person, row, merged))
        .collect()
}

async fn registrations(
    write: &mut Write,
    groups: &[Group<'_>],
    context: &Context,
    applied: &mut Applied,
) -> Result<(), Error> {
    let mut stated: BTreeMap<(PersonId, String), (&Row, &OdsCode, Option<Date>)> = BTreeMap::new();
    for group in groups {
        let Some(person) = group.person else { continue };
        for row in &group.rows {
            let Some(body) = row.particulars.registration_body.clone() else { continue };
            let entry = stated.entry((person, body));
            let (_, _, expiry) = entry.or_insert((row, &group.owner, None));
            *expiry = expiry.or(row.expiry);
        }
    }
    let (scope, provenance) = (&context.scope, &context.provenance);
    let involved = stated.keys().map(|(person, _)| *person).collect();
    let known = people::registrations(&**write, scope, &involved, provenance.known_from).await?;
    let known: HashMap<_, _> =
        known.into_iter().map(|row| ((row.person, row.body), row.expiry)).collect();
    let rows: Vec<(u32, Registration)> = stated
        .iter()
        .map(|((person, body), (row, _, expiry))| {
            let before = known.get(&(*person, body.clone())).copied().flatten();
            let expiry = expiry.or(before);
            (row.line, Registration { person: *person, body: body.clone(), expiry })
        })
        .collect();
    let outcomes = people::record_registrations(&**write, scope, provenance, &rows).await?;
    let sources = stated.values().map(|(source, owner, _)| (*source, *owner));
    for (((_, row), (source, owner)), outcome) in rows.iter().zip(sources).zip(outcomes) {
        match outcome {
            Outcome::Unchanged => {
                applied.unchanged += 1;
                continue;
            }
            Outcome::Added => applied.added += 1,
            Outcome::Corrected(_) => {
                applied.corrected += 1;
                let named = source.person.as_deref().unwrap_or_default();
                applied.notes.push(format!(
                    "line {}: the registration of person {named} with {} changed",
                    source.line, row.body
                ));
            }
        }
        let Registration { person, body, expiry } = row;
        let known_from = provenance.known_from;
        write.tell(events::registration_recorded(owner, *person, body, *expiry, known_from));
    }
    Ok(())
}
