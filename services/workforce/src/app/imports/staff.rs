//! The kind `staff`: people, engagements, hours and registrations.
//!
//! Everything is checked across the rows and against what is known; a PCN that does not exist and
//! one that the caller may not see read the same.

mod agreement;
mod check;
mod elsewhere;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{self, Applied, Context, Touched};
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

use self::agreement::{engagements_agree, keys, people_agree};
pub(in crate::app) use self::check::alone;
use self::check::{Roster, check_roster, last_of, minutes, same_key};
use super::places::day_after;
use super::{Sheet, record};
use crate::domain::role::Roles;
use crate::events;
use crate::store::people::{self, Particulars, Person, Registration, Stored};

/// The text for a PCN that does not exist and for one outside the scope.
const NO_PCN: &str = "unknown PCN or one you may not see; import organisations first if it is new";
/// What the audit trail says of somebody's particulars: that they changed, not to what.
const RECORDED: &str = "personal particulars recorded";
const CHANGED: &str = "personal particulars changed";
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
pub(in crate::app) struct Group<'a> {
    /// In the order of their first days.
    pub(in crate::app) rows: Vec<&'a Row>,
    pub(in crate::app) owner: OdsCode,
    pub(in crate::app) id: EngagementId,
    pub(in crate::app) person: Option<PersonId>,
    pub(in crate::app) unsaid: Unsaid,
}

/// What becomes of an end, a contract or a band that is known and that a row does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Unsaid {
    /// It stays: an empty cell of a file clears nothing.
    Stays,
    /// It is no longer so: a call says all of it.
    Clears,
}

/// What a row states, with what stays of what is known under its key.
struct Stated {
    end: Option<Date>,
    contract: Option<Minutes>,
    band: Option<Band>,
}

impl Group<'_> {
    fn stated(&self, row: &Row, before: Option<&Stored>) -> Stated {
        let Row { end, contract, band, .. } = *row;
        let known = match self.unsaid {
            Unsaid::Stays => before.and_then(|before| same_key(before, row)),
            Unsaid::Clears => None,
        };
        let Some(known) = known else { return Stated { end, contract, band } };
        Stated {
            end: end.or_else(|| last_of(known)),
            contract: contract.or_else(|| known.contract_minutes.and_then(minutes)),
            band: band.or_else(|| known.band.as_deref()?.parse().ok()),
        }
    }
}

/// Checks and writes a file.
pub async fn import(
    write: &mut Write,
    sheet: Sheet<Row>,
    roles: &Roles,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count: records } = sheet;
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
        groups.push(Group { rows: lines, owner, id, person, unsaid: Unsaid::Stays });
    }

    let Known { stored, particulars, warnings } =
        examine(write, &groups, HashMap::new(), &mut refused, roles, context, &mut problems)
            .await?;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }

    let mut notes = warnings.iter().map(note).collect();
    remark(&rows, &known, &mut notes);
    remark_ends(&groups, &stored, scope, &mut notes);
    let mut lines = Vec::new();
    for group in &groups {
        let before = stored.get(&group.id);
        lines.push(engagement_line(group, before, context));
        lines.extend(assignment_lines(group, before, context));
    }
    people::add(&**write, scope, &new_people).await?;
    let mut applied = record(write, lines, records, notes).await?;
    let changed = changed_particulars(&groups, &particulars);
    for change in changed.iter().filter(|change| particulars.contains_key(&change.person)) {
        let row = change.row;
        applied.corrected += 1;
        let named = row.person.as_deref().unwrap_or_default();
        applied.notes.push(format!("line {}: the particulars of person {named} changed", row.line));
    }
    applied.touched.extend(changed.iter().map(|Changed { person, owner, .. }| Touched {
        resource: person.to_string(),
        owner: (*owner).clone(),
        what: if particulars.contains_key(person) { CHANGED } else { RECORDED },
    }));
    let changed = changed
        .into_iter()
        .map(|Changed { person, owner, particulars, .. }| (person, owner.clone(), particulars));
    people::set_particulars(&**write, scope, changed.collect()).await?;
    registrations(write, &groups, context, &mut applied).await?;
    // A check that writes nothing tells nothing of others: it could be repeated without a trace in
    // the records.
    if !context.validate_only {
        let mut notes = elsewhere::remark(write, &groups).await?;
        notes.append(&mut applied.notes);
        applied.notes = notes;
    }
    Ok(Ok(applied))
}

/// What is known of the engagements that rows name and of their people, and what had better not
/// be so with the rows.
pub(in crate::app) struct Known {
    pub(in crate::app) stored: HashMap<EngagementId, Stored>,
    particulars: HashMap<PersonId, Particulars>,
    pub(in crate::app) warnings: Vec<Problem>,
}

/// Compares rows with what is known of their engagements and of all others of the same people.
///
/// What was read in the same transaction is `stored`, and not read again. Rows that are `refused`
/// already are left out; those refused here are added.
pub(in crate::app) async fn examine(
    write: &Write,
    groups: &[Group<'_>],
    mut stored: HashMap<EngagementId, Stored>,
    refused: &mut BTreeSet<u32>,
    roles: &Roles,
    context: &Context,
    problems: &mut Problems,
) -> Result<Known, Error> {
    let (scope, at) = (&context.scope, context.provenance.known_from);
    let involved: BTreeSet<PersonId> = groups.iter().filter_map(|group| group.person).collect();
    let mut engagements: BTreeSet<EngagementId> = groups.iter().map(|group| group.id).collect();
    engagements.extend(people::engagements_of(&**write, scope, &involved, at).await?);
    engagements.retain(|id| !stored.contains_key(id));
    stored.extend(people::stored(&**write, scope, &engagements, at).await?);
    let particulars = people::particulars(&**write, scope, &involved).await?;
    let outside = check_days(groups, &stored, scope, problems);
    let rows = groups.iter().flat_map(|group| group.rows.iter().copied());
    alone(rows.filter(|row| outside.contains(&row.line)), roles, problems);
    refused.extend(outside);
    let roster = Roster { groups, stored: &stored, refused, scope };
    let warnings = check_roster(&roster, &particulars, roles, problems);
    Ok(Known { stored, particulars, warnings })
}

fn note(warning: &Problem) -> String {
    let Problem { line, column, reason, .. } = warning;
    format!("line {line}: {column}: {reason}")
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

pub(in crate::app) async fn organisations(
    write: &Write,
    rows: &[Row],
) -> Result<BTreeMap<OdsCode, Organisation>, Error> {
    let named = rows.iter().flat_map(|row| [row.pcn.clone(), row.employer.clone()]);
    roster::organisations_by_code(&**write, &named.collect(), NOW).await
}

/// Tells of rows whose PCN is not known or has none of its days in the scope; gives their lines.
pub(in crate::app) fn check_pcns(
    rows: &[Row],
    known: &BTreeMap<OdsCode, Organisation>,
    context: &Context,
    problems: &mut Problems,
) -> BTreeSet<u32> {
    let mut refused = BTreeSet::new();
    for row in rows {
        let is_pcn = known.get(&row.pcn).is_some_and(|found| found.kind == OrganisationKind::Pcn);
        let days = days(row.start, row.end);
        if !is_pcn || !days.is_some_and(|days| context.scope.sees_days(&row.pcn, days)) {
            problems.push(Problem::new(row.line, "pcn_code", row.pcn.as_str(), NO_PCN));
            refused.insert(row.line);
        }
    }
    refused
}

/// The days of a row; of one that ends before it starts the first day, to look for the PCN.
fn days(start: Date, end: Option<Date>) -> Option<Period> {
    Period::inclusive(start, end).or_else(|| Period::inclusive(start, Some(start)))
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
            let stated = group.stated(row, before);
            if known.is_some_and(|known| says_the_same(known, row, &stated)) {
                continue;
            }
            if touched(known, row, &stated).all(|days| scope.covers(&row.pcn, days)) {
                continue;
            }
            let reason = "has days outside those of the PCN that you may change";
            problems.push(Problem::new(row.line, "start", &row.start.to_string(), reason));
            refused.insert(row.line);
        }
    }
    refused
}

pub(in crate::app) fn period_of(hours: &assignment::Model) -> Option<Period> {
    Period::new(from_column(hours.valid_from), hours.valid_until.map(from_column))
}

/// The days on which something else is so than was known: those between the two ends if only the
/// end differs, else all that were known and all that are stated.
fn touched(
    known: Option<&assignment::Model>,
    row: &Row,
    stated: &Stated,
) -> impl Iterator<Item = Period> {
    let all = [days(row.start, stated.end), known.and_then(period_of)];
    let Some(known) = known.filter(|known| same_but_the_end(known, row, stated)) else {
        return all.into_iter().flatten();
    };
    let ends = [known.valid_until.map(from_column), day_after(stated.end)];
    let first = ends.into_iter().flatten().min().map(|first| first.max(row.start));
    let last = if ends.contains(&None) { None } else { ends.into_iter().flatten().max() };
    [first.and_then(|first| Period::new(first, last)), None].into_iter().flatten()
}

fn says_the_same(known: &assignment::Model, row: &Row, stated: &Stated) -> bool {
    known.valid_until == day_after(stated.end).map(to_column)
        && same_but_the_end(known, row, stated)
}

fn same_but_the_end(known: &assignment::Model, row: &Row, stated: &Stated) -> bool {
    minutes(known.weekly_minutes) == Some(row.weekly)
        && known.contract_minutes.and_then(minutes) == stated.contract
        && known.stage == row.stage.as_str()
        && known.band.as_deref() == stated.band.map(|band| band.as_str())
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

fn column(minutes: Minutes) -> i32 {
    i32::try_from(minutes.get()).expect("a week is short")
}

/// What the rows say of the engagement itself.
pub(in crate::app) fn engagement_line(
    group: &Group<'_>,
    before: Option<&Stored>,
    context: &Context,
) -> Line {
    let first = group.rows[0];
    let reason = group.rows.iter().find_map(|row| row.leaving_reason.clone());
    let known = before.and_then(|before| before.engagement.as_ref());
    Line::Engagement(engagement::Model::new(
        &context.provenance,
        context.provenance.import.and_then(|_| group.rows.iter().map(|row| row.line).min()),
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
    ))
}

/// The hours that the rows of an engagement state.
pub(in crate::app) fn assignment_lines(
    group: &Group<'_>,
    before: Option<&Stored>,
    context: &Context,
) -> Vec<Line> {
    let line = |row: &&Row| {
        let stated = group.stated(row, before);
        Line::Assignment(assignment::Model::new(
            &context.provenance,
            context.provenance.import.map(|_| row.line),
            group.id.0,
            row.pcn.to_string(),
            to_column(row.start),
            day_after(stated.end).map(to_column),
            column(row.weekly),
            stated.contract.map(column),
            row.stage.to_string(),
            stated.band.map(|band| band.to_string()),
        ))
    };
    group.rows.iter().map(line).collect()
}

/// The particulars of somebody as a file changes them.
struct Changed<'a> {
    person: PersonId,
    owner: &'a OdsCode,
    /// A row that changes them.
    row: &'a Row,
    /// Whole: what is not given stays.
    particulars: Particulars,
}

fn changed_particulars<'a>(
    groups: &'a [Group<'a>],
    known: &HashMap<PersonId, Particulars>,
) -> Vec<Changed<'a>> {
    let mut all: BTreeMap<PersonId, Changed<'a>> = BTreeMap::new();
    for group in groups {
        let Some(person) = group.person else { continue };
        let change = all.entry(person).or_insert_with(|| Changed {
            person,
            owner: &group.owner,
            row: group.rows[0],
            particulars: known.get(&person).cloned().unwrap_or_default(),
        });
        let merged = &mut change.particulars;
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
                change.row = row;
            }
        }
    }
    all.into_values()
        .filter(|change| known.get(&change.person) != Some(&change.particulars))
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
        .map(|((person, body), (row, owner, expiry))| {
            let before = known.get(&(*person, body.clone())).copied().flatten();
            let (owner, expiry) = ((*owner).clone(), expiry.or(before));
            (row.line, Registration { person: *person, owner, body: body.clone(), expiry })
        })
        .collect();
    let outcomes = people::record_registrations(&**write, scope, provenance, &rows).await?;
    let sources = stated.values().map(|(source, ..)| *source);
    for (((_, row), source), outcome) in rows.iter().zip(sources).zip(outcomes) {
        match outcome {
            Outcome::Unchanged => {
                applied.unchanged += 1;
                continue;
            }
            Outcome::Added(_) => applied.added += 1,
            Outcome::Corrected(_) => {
                applied.corrected += 1;
                let named = source.person.as_deref().unwrap_or_default();
                applied.notes.push(format!(
                    "line {}: the registration of person {named} with {} changed",
                    source.line, row.body
                ));
            }
        }
        let Registration { person, owner, body, expiry } = row;
        let known_from = provenance.known_from;
        write.tell(events::registration_recorded(owner, *person, body, *expiry, known_from));
    }
    Ok(())
}
