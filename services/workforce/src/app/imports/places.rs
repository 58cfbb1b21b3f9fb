//! What every file about organisations has in common: who is named, met and linked.
//!
//! Rows are collected first; everything they refer to is looked up after the whole file is read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::Context;
use kit::roster::table::{organisation, organisation_relation};
use kit::roster::{self, Line, Organisation, to_column};
use kit::table::{Problem, Problems};
use kit::{Error, statement};
use terms::{Date, Instant, OdsCode, OrganisationKind, Relation};

use crate::store::places;

/// The code that the published files give practices that are part of no PCN.
pub(crate) const UNALLOCATED: &str = "U";

/// An organisation that a row is about.
#[derive(Clone, Debug)]
pub(crate) struct Stated {
    pub(crate) line: u32,
    pub(crate) name: String,
    pub(crate) kind: OrganisationKind,
    /// Not given: what is known stays.
    pub(crate) valid_from: Option<Date>,
    pub(crate) valid_until: Option<Date>,
}

/// An organisation that a row only refers to.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) line: u32,
    pub(crate) column: &'static str,
    pub(crate) name: Option<String>,
    pub(crate) kind: OrganisationKind,
    /// The first day that may be given to it, if it is new.
    pub(crate) since: Option<Date>,
}

/// One organisation belongs to another, as a row says.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) line: u32,
    pub(crate) code: OdsCode,
    pub(crate) relation: Relation,
    pub(crate) related: OdsCode,
    pub(crate) from: Date,
    pub(crate) until: Option<Date>,
    /// Whether a missing end says that there is none, as in a published layout, or nothing.
    pub(crate) open_is_said: bool,
}

/// What a snapshot says: on its day an organisation is part of another, or of none.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) line: u32,
    pub(crate) code: OdsCode,
    pub(crate) related: Option<OdsCode>,
}

/// Everything a file says of organisations.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) stated: BTreeMap<OdsCode, Stated>,
    pub(crate) met: BTreeMap<(OdsCode, OrganisationKind), Met>,
    pub(crate) links: Vec<Link>,
    pub(crate) sightings: Vec<Sighting>,
    /// The day of the snapshot whose sightings they are.
    pub(crate) day: Option<Date>,
}

/// Who is known of those that a file names.
pub(crate) struct Known {
    at: BTreeMap<OdsCode, Organisation>,
    now: BTreeMap<OdsCode, Organisation>,
}

impl Known {
    pub(crate) fn get(&self, code: &OdsCode) -> Option<&Organisation> {
        self.now.get(code).or_else(|| self.at.get(code))
    }
}

type Row = organisation_relation::Model;

impl Places {
    /// Notes that a row refers to an organisation.
    pub(crate) fn meet(&mut self, code: &OdsCode, met: Met) {
        self.met.entry((code.clone(), met.kind)).or_insert(met);
    }

    /// Checks everything against what is known, and makes the lines to be recorded.
    pub(crate) async fn lines(
        self,
        write: &Write,
        context: &Context,
        problems: &mut Problems,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Line>, Error> {
        let at = context.provenance.known_from;
        let met = self.met.keys().map(|(code, _)| code);
        let codes: BTreeSet<OdsCode> = self.stated.keys().chain(met).cloned().collect();
        let known = Known {
            at: roster::organisations_by_code(&**write, &codes, at).await?,
            now: roster::organisations_by_code(&**write, &codes, NOW).await?,
        };
        let mut lines = Vec::new();
        self.organisations(&known, context, problems, notes, &mut lines);

        let linked = self.links.iter().map(|link| &link.code);
        let seen = self.sightings.iter().map(|sighting| &sighting.code);
        let codes: BTreeSet<OdsCode> = linked.chain(seen).cloned().collect();
        let mut versions = places::relation_versions(&**write, &codes).await?;
        let mut timelines: BTreeMap<OdsCode, Timeline> = codes
            .into_iter()
            .map(|code| {
                let versions = versions.remove(code.as_str()).unwrap_or_default();
                (code, Timeline::new(versions, at))
            })
            .collect();
        for link in &self.links {
            let timeline = timelines.get_mut(&link.code).expect("every code has a timeline");
            timeline.link(link, context);
        }
        if let Some(day) = self.day {
            for sighting in &self.sightings {
                let timeline = timelines.get_mut(&sighting.code).expect("every code has one");
                timeline.see(sighting, day, context, notes);
            }
        }
        for (_, timeline) in timelines {
            lines.extend(timeline.settle(context, notes).into_iter().map(Line::Relation));
        }
        Ok(lines)
    }

    fn organisations(
        &self,
        known: &Known,
        context: &Context,
        problems: &mut Problems,
        notes: &mut Vec<String>,
        lines: &mut Vec<Line>,
    ) {
        let new = |line: u32,
                   code: &OdsCode,
                   name: &str,
                   kind: OrganisationKind,
                   days: [Option<Date>; 2]| {
            let [from, until] = days.map(|day| day.map(to_column));
            Line::Organisation(organisation::Model::new(
                &context.provenance,
                Some(line),
                code.to_string(),
                name.to_owned(),
                kind.to_string(),
                from,
                until,
            ))
        };
        for (code, stated) in &self.stated {
            let before = known.at.get(code).or_else(|| known.now.get(code));
            let from = stated.valid_from.or_else(|| before?.valid_from);
            let until = stated.valid_until.or_else(|| before?.valid_until);
            lines.push(new(stated.line, code, &stated.name, stated.kind, [from, until]));
        }
        let mut first_seen: BTreeMap<&OdsCode, OrganisationKind> = BTreeMap::new();
        let mut met: Vec<_> = self.met.iter().collect();
        met.sort_by_key(|(_, met)| met.line);
        for ((code, _), met) in met {
            let kind = self.stated.get(code).map(|stated| stated.kind);
            let kind = kind.or_else(|| known.get(code).map(|known| known.kind));
            let kind = kind.or_else(|| first_seen.get(code).copied());
            if let Some(kind) = kind
                && kind != met.kind
            {
                let reason = format!("is a {kind}, and here it should be a {}", met.kind);
                problems.push(Problem::new(met.line, met.column, code.as_str(), reason));
                continue;
            }
            if self.stated.contains_key(code) || known.at.contains_key(code) {
                continue;
            }
            if let Some(later) = known.now.get(code) {
                let days = [later.valid_from, later.valid_until];
                lines.push(new(met.line, code, &later.display_name, later.kind, days));
                continue;
            }
            first_seen.insert(code, met.kind);
            let name = met.name.as_deref().unwrap_or(code.as_str());
            lines.push(new(met.line, code, name, met.kind, [met.since, None]));
            notes.push(format!(
                "line {}: {} {code} is first seen here, on {}",
                met.line, met.kind, context.recorded_on
            ));
        }
    }
}

/// The links of one organisation as believed at the instant of the file, with what it changes of
/// them.
struct Timeline {
    versions: Vec<Row>,
    at: Instant,
    entries: Vec<Entry>,
}

struct Entry {
    row: Row,
    /// Whether the file says it; else it is recorded only if it changes.
    said: bool,
    changed: bool,
}

impl Entry {
    fn of(row: Row) -> Entry {
        Entry { row, said: false, changed: false }
    }
}

fn in_force(row: &Row, at: Instant) -> bool {
    if at == NOW {
        return row.known_until.is_none();
    }
    row.known_from <= at.0 && row.known_until.is_none_or(|until| at.0 < until)
}

impl Timeline {
    fn new(versions: Vec<Row>, at: Instant) -> Timeline {
        let entries = versions
            .iter()
            .filter(|row| in_force(row, at))
            .map(|row| Entry::of(row.clone()))
            .collect();
        Timeline { versions, at, entries }
    }

    fn link(&mut self, link: &Link, context: &Context) {
        use statement::Statement;

        let mut row = Row::new(
            &context.provenance,
            Some(link.line),
            link.code.to_string(),
            link.relation.to_string(),
            link.related.to_string(),
            to_column(link.from),
            link.until.map(to_column),
            false,
        );
        let key = row.key();
        let before =
            self.versions.iter().find(|version| version.key() == key && in_force(version, self.at));
        if let Some(before) = before
            && link.until.is_none()
            && (before.seen || !link.open_is_said)
        {
            // An end that was seen is newer than a file that shows none.
            row.valid_until = before.valid_until;
            row.seen = before.seen;
        }
        self.entries.retain(|entry| entry.row.key() != key);
        self.entries.push(Entry { row, said: true, changed: false });
    }

    /// What a snapshot shows ends an open link to something else the day before.
    fn see(&mut self, sighting: &Sighting, day: Date, context: &Context, notes: &mut Vec<String>) {
        let column = to_column(day);
        let current = self.entries.iter_mut().find(|entry| {
            entry.row.relation == Relation::PartOf.as_str()
                && entry.row.valid_from <= column
                && entry.row.valid_until.is_none_or(|until| column < until)
        });
        let related = sighting.related.as_ref().map(OdsCode::as_str);
        if let Some(current) = current {
            if related == Some(current.row.related_code.as_str()) {
                current.said = true;
                return;
            }
            current.row.valid_until = Some(column);
            current.row.seen = true;
            current.row.import_line = i32::try_from(sighting.line).ok();
            current.changed = true;
            notes.push(format!(
                "line {}: {} was part of {} and is part of {} on {day}; the link ends the day \
                 before, seen: the real day is not known",
                sighting.line,
                sighting.code,
                current.row.related_code,
                related.unwrap_or("no other"),
            ));
        }
        let Some(related) = related else { return };
        let row = Row::new(
            &context.provenance,
            Some(sighting.line),
            sighting.code.to_string(),
            Relation::PartOf.to_string(),
            related.to_owned(),
            column,
            None,
            false,
        );
        self.entries.retain(|entry| {
            entry.row.relation != row.relation
                || entry.row.related_code != row.related_code
                || entry.row.valid_from != row.valid_from
        });
        self.entries.push(Entry { row, said: true, changed: false });
    }

    /// The statements to be recorded, without an overlap: neither as known at the instant of the
    /// file nor, where more became known after it, as known now.
    fn settle(mut self, context: &Context, notes: &mut Vec<String>) -> Vec<Row> {
        use statement::Statement;

        part(&mut self.entries, notes);
        let kept = |entry: &&Entry| entry.said || entry.changed;
        let restate = |entry: &Entry| restated(entry.row.clone(), context);
        let mut rows: Vec<Row> = self.entries.iter().filter(kept).map(restate).collect();
        let later: Vec<Row> = self
            .versions
            .into_iter()
            .filter(|row| in_force(row, NOW) && row.known_from > self.at.0)
            .collect();
        if !later.is_empty() {
            let superseded: HashSet<_> = later.iter().map(Statement::key).collect();
            let mut now: Vec<Entry> = later.into_iter().map(Entry::of).collect();
            let still = self.entries.into_iter().map(|entry| Entry::of(entry.row));
            now.extend(still.filter(|entry| !superseded.contains(&entry.row.key())));
            part(&mut now, notes);
            rows.extend(now.iter().filter(kept).map(restate));
        }
        rows
    }
}

/// Of two overlapping links the later start wins and the earlier ends the day before; that is
/// known as soon as both are.
fn part(entries: &mut [Entry], notes: &mut Vec<String>) {
    let far = chrono::NaiveDate::MAX;
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| (entry.row.valid_from, entry.row.valid_until.unwrap_or(far));
        key(a).cmp(&key(b)).then_with(|| a.row.related_code.cmp(&b.row.related_code))
    });
    let mut next: Option<(chrono::NaiveDate, String, i64)> = None;
    for entry in entries.iter_mut().rev() {
        let row = &mut entry.row;
        let empty = row.valid_until.is_some_and(|until| until <= row.valid_from);
        if row.relation != Relation::PartOf.as_str() || empty {
            continue;
        }
        let from = row.valid_from;
        let known_from = row.known_from;
        if let Some((start, other, since)) = &next
            && row.valid_until.is_none_or(|until| *start < until)
        {
            notes.push(format!(
                "{}{} part of {} from {from} overlaps part of {other} from {start}; it ends the \
                 day before",
                row.import_line.map(|line| format!("line {line}: ")).unwrap_or_default(),
                row.code,
                row.related_code,
            ));
            row.valid_until = Some(*start);
            row.seen = false;
            row.known_from = known_from.max(*since);
            entry.changed = true;
        }
        next = Some((from, row.related_code.clone(), known_from));
    }
}

/// The row as a statement of this import, known no earlier than what it changes.
fn restated(mut row: Row, context: &Context) -> Row {
    let provenance = &context.provenance;
    row.id = uuid::Uuid::now_v7();
    row.known_from = row.known_from.max(provenance.known_from.0);
    row.known_until = None;
    row.recorded_at = provenance.recorded_at.0;
    row.recorded_by = provenance.recorded_by.clone();
    row.import_id = provenance.import;
    row
}

/// The day on which a period ends, for a row whose days are given.
pub(crate) fn day_after(last: Option<Date>) -> Option<Date> {
    last.map(|last| last.tomorrow().expect("cells hold no day after 2200"))
}
