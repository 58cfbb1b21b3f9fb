//! The log of sessions: brought in by files, and listed.

use std::collections::{BTreeMap, BTreeSet};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::{self, Engaged};
use kit::statement::Beside;
use kit::table::{Problem, Problems};
use kit::{Caller, Cut, Error, Revision, Scope, names};
use terms::{Date, Minutes, OdsCode, OrganisationKind, Period, PersonId};
use uuid::Uuid;

use crate::app::App;
use crate::domain::requirement::Kind;
use crate::domain::session::Session;
use crate::events;
use crate::store::sessions::{self, Change, Taken};
pub use crate::store::sessions::{Recorded, SessionId};

/// One row of a file, each cell checked on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins.
    pub line: u32,
    /// What the owner calls the session.
    pub reference: String,
    /// What the owner calls the person.
    pub person: String,
    /// Who supervised.
    pub supervisor: String,
    /// What it was.
    pub kind: Kind,
    /// The day.
    pub date: Date,
    /// How long it took.
    pub minutes: Minutes,
    /// Where.
    pub pcn: OdsCode,
}

/// A file whose rows were read each on its own, with what is wrong with them so far.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The rows that could be read.
    pub rows: Vec<Row>,
    /// What is wrong with the others.
    pub problems: Problems,
    /// How many records the file has.
    pub count: u32,
}

/// Which page of sessions is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The PCN.
    pub pcn: OdsCode,
    /// From just past this one.
    pub after: Option<SessionId>,
    /// The most to answer.
    pub limit: u64,
    /// As known when.
    pub cut: Cut,
}

/// A session as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The session.
    pub recorded: Recorded,
    /// The version; none in a cut of an earlier day.
    pub revision: Option<Revision>,
}

impl App {
    /// One page of the sessions in a PCN on days that the caller may see, in the order of
    /// identifiers.
    pub async fn sessions(&self, caller: &Caller, list: &List) -> Result<Vec<Seen>, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.database.clock()).await?;
        let found = roster::organisation(&*read, &list.pcn, list.cut.at).await?;
        let is_pcn = found.is_some_and(|found| found.kind == OrganisationKind::Pcn);
        if !is_pcn || !scope.sees_ever(&list.pcn) {
            return Err(caller.denied(&names::pcn(&list.pcn)));
        }
        let List { pcn, after, limit, cut } = list;
        let page = sessions::of_pcn(&*read, &scope, pcn, *after, *limit, cut.at).await?;
        let ids: Vec<Uuid> = page.iter().map(|recorded| recorded.id.0).collect();
        let revisions = sessions::revisions(&*read, &scope, &ids).await?;
        let each = |recorded: Recorded| {
            let revision = revisions.get(&recorded.id.0).copied();
            Seen { revision: revision.filter(|_| cut.known_at.is_none()), recorded }
        };
        Ok(page.into_iter().map(each).collect())
    }
}

/// Checks the rows of a file against the roster and writes all of them, or tells what is wrong.
pub async fn import(
    write: &mut Write,
    sheet: Sheet,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count: records } = sheet;
    let known = Known::load(write, &rows, context).await?;
    let persons: Vec<Option<Person<'_>>> =
        rows.iter().map(|row| known.check(row, context, &mut problems)).collect();
    repeated(&rows, &persons, &mut problems);
    let mut notes = Vec::new();
    let mut sessions = Vec::with_capacity(rows.len());
    for (row, person) in rows.iter().zip(persons) {
        let Some(person) = person else { continue };
        let named = known.taken.get(&row.reference).map_or(&[][..], Vec::as_slice);
        let taken = named.iter().find(|taken| taken.owner == *person.owner && taken.pcn == row.pcn);
        if taken.is_some_and(|taken| taken.hidden) {
            let reason = "is used already on a day outside those you may see; use another";
            problems.push(Problem::new(row.line, "session_id", &row.reference, reason));
            continue;
        }
        if taken.is_none()
            && let Some(other) = named.iter().find(|taken| !taken.hidden)
        {
            let whose = match other.owner == *person.owner {
                true => format!("in {}", other.pcn),
                false => "of another owner".to_owned(),
            };
            notes.push(format!(
                "line {}: session {} {whose} has the same session_id and stays as it is",
                row.line, row.reference
            ));
        }
        if row.supervisor == row.person {
            notes.push(format!("supervised by the same person: line {}", row.line));
        }
        let id = taken.map_or_else(|| SessionId(Uuid::now_v7()), |taken| taken.id);
        sessions.push((row.line, recorded(row, id, &person)));
    }
    if !problems.is_empty() {
        return Ok(Err(problems));
    }

    let scope = &context.scope;
    let changes = sessions::record(&**write, scope, &context.provenance, &sessions).await?;
    let mut applied = Applied { rows: records, notes, ..Applied::default() };
    let mut later = 0;
    for ((line, recorded), change) in sessions.iter().zip(changes) {
        match change {
            Change::Unchanged => {
                applied.unchanged += 1;
                continue;
            }
            Change::Added(beside) => {
                applied.added += 1;
                match beside {
                    Beside::Nothing => {}
                    Beside::Later => later += 1,
                    Beside::Withdrawn => applied.notes.push(format!(
                        "line {line}: session {} was withdrawn before and counts again",
                        recorded.session.reference
                    )),
                }
            }
            Change::Corrected(old) => {
                applied.corrected += 1;
                applied.notes.push(correction(*line, &old, recorded));
            }
        }
        let known_from = context.provenance.known_from;
        let name = recorded.id.to_string();
        write.tell(events::session_recorded(name, &recorded.session, known_from));
    }
    applied.note_later(later);
    Ok(Ok(applied))
}

fn recorded(row: &Row, id: SessionId, person: &Person<'_>) -> Recorded {
    Recorded {
        id,
        owner: person.owner.clone(),
        person_reference: row.person.clone(),
        session: Session {
            reference: row.reference.clone(),
            person: person.id,
            supervisor: row.supervisor.clone(),
            kind: row.kind,
            date: row.date,
            minutes: row.minutes,
            pcn: row.pcn.clone(),
        },
    }
}

/// What the rows of a file refer to.
struct Known {
    /// Engagements in the scope, by what owners call the person.
    engaged: BTreeMap<String, Vec<Engaged>>,
    /// The PCNs among the codes.
    pcns: BTreeSet<OdsCode>,
    /// The sessions that have one of the references.
    taken: BTreeMap<String, Vec<Taken>>,
}

/// Somebody whom a row means, with the engagements that the scope reaches.
struct Person<'a> {
    id: PersonId,
    owner: &'a OdsCode,
    engaged: Vec<&'a Engaged>,
}

impl Known {
    async fn load(write: &Write, rows: &[Row], context: &Context) -> Result<Known, Error> {
        let distinct = |text: fn(&Row) -> &String| -> Vec<String> {
            rows.iter().map(text).collect::<BTreeSet<_>>().into_iter().cloned().collect()
        };
        let people = distinct(|row| &row.person);
        let references = distinct(|row| &row.reference);
        let codes: BTreeSet<OdsCode> = rows.iter().map(|row| row.pcn.clone()).collect();
        let txn = &**write;
        let organisations = roster::organisations_by_code(txn, &codes, NOW).await?;
        Ok(Known {
            engaged: roster::people_by_reference(txn, &context.scope, &people, NOW).await?,
            pcns: organisations
                .into_iter()
                .filter(|(_, found)| found.kind == OrganisationKind::Pcn)
                .map(|(code, _)| code)
                .collect(),
            taken: sessions::taken(txn, &context.scope, &references).await?,
        })
    }

    /// The person of a row, if there is just one; everything wrong with the row goes to
    /// `problems`.
    fn check(&self, row: &Row, context: &Context, problems: &mut Problems) -> Option<Person<'_>> {
        let mut wrong = |column: &str, value: &str, reason: String| {
            problems.push(Problem::new(row.line, column, value, reason));
        };
        let date = row.date.to_string();
        let is_past = row.date <= context.recorded_on;
        if !is_past {
            wrong("date", &date, format!("must not be after {}", context.recorded_on));
        }
        // A PCN that is not there and one that is not theirs read the same.
        let day = Period::inclusive(row.date, Some(row.date));
        let is_pcn = self.pcns.contains(&row.pcn)
            && day.is_some_and(|day| context.scope.covers(&row.pcn, day));
        if !is_pcn {
            let reason = "is not a PCN whose sessions you may record (or it might not exist)";
            wrong("pcn_code", row.pcn.as_str(), reason.to_owned());
        }
        let person = match self.person(&row.person, context) {
            Ok(person) => person,
            Err(reason) => {
                wrong("person_id", &row.person, reason.to_owned());
                return None;
            }
        };
        let first = person.first_day(&context.scope);
        if first.is_none_or(|first| row.date < first) {
            wrong("date", &date, "is before the person's first day".to_owned());
        } else if is_past && is_pcn && !person.is_assigned(&row.pcn, row.date) {
            let reason = format!("is not a PCN in which the person was in post on {date}");
            wrong("pcn_code", row.pcn.as_str(), reason);
        }
        Some(person)
    }

    fn person(&self, reference: &str, context: &Context) -> Result<Person<'_>, &'static str> {
        let of_owner = |engaged: &&Engaged| {
            context.owner.as_ref().is_none_or(|owner| *owner == engaged.engagement.owner)
        };
        let engaged: Vec<&Engaged> =
            self.engaged.get(reference).into_iter().flatten().filter(of_owner).collect();
        let mut found: Option<(PersonId, &OdsCode)> = None;
        for one in &engaged {
            let Some(person) = one.engagement.person else { continue };
            let this = (person, &one.engagement.owner);
            if found.is_some_and(|found| found != this) {
                return Err("is somebody else for each of several owners; \
                            bring the file in with the owner");
            }
            found = Some(this);
        }
        let (id, owner) =
            found.ok_or("is not a person whose sessions you may record (or it might not exist)")?;
        Ok(Person { id, owner, engaged })
    }
}

impl Person<'_> {
    /// The first day in post that the scope may know of.
    fn first_day(&self, scope: &Scope) -> Option<Date> {
        let owned = scope.owns(self.owner);
        self.engaged
            .iter()
            .flat_map(|engaged| &engaged.assignments)
            .filter(|assignment| owned || scope.sees_days(&assignment.pcn, assignment.period))
            .map(|assignment| assignment.period.from())
            .min()
    }

    fn is_assigned(&self, pcn: &OdsCode, day: Date) -> bool {
        self.engaged
            .iter()
            .flat_map(|engaged| &engaged.assignments)
            .any(|assignment| assignment.pcn == *pcn && assignment.period.contains(day))
    }
}

/// A reference twice for one owner and PCN, or perhaps for one owner, is an error on each of the
/// lines.
fn repeated(rows: &[Row], persons: &[Option<Person<'_>>], problems: &mut Problems) {
    let mut lines: BTreeMap<_, Vec<(u32, Option<&OdsCode>)>> = BTreeMap::new();
    for (row, person) in rows.iter().zip(persons) {
        let owner = person.as_ref().map(|person| person.owner);
        lines.entry((row.reference.as_str(), &row.pcn)).or_default().push((row.line, owner));
    }
    for ((reference, _), lines) in lines {
        for (line, owner) in &lines {
            let other = lines.iter().find(|(other, theirs)| {
                let same = theirs.is_none() || owner.is_none() || theirs == owner;
                other != line && same
            });
            if let Some((other, _)) = other {
                let reason = format!("is also on line {other}");
                problems.push(Problem::new(*line, "session_id", reference, reason));
            }
        }
    }
}

/// What a correction changed, old and new.
fn correction(line: u32, old: &Recorded, new: &Recorded) -> String {
    let (before, after) = (&old.session, &new.session);
    let words = |recorded: &Recorded| {
        let session = &recorded.session;
        [
            ("person_id", recorded.person_reference.clone()),
            ("supervisor_id", session.supervisor.clone()),
            ("kind", session.kind.as_str().to_owned()),
            ("date", session.date.to_string()),
            ("minutes", session.minutes.get().to_string()),
        ]
    };
    let mut changed: Vec<String> = words(old)
        .into_iter()
        .zip(words(new))
        .filter(|((_, old), (_, new))| old != new)
        .map(|((column, old), (_, new))| format!("{column} {old} -> {new}"))
        .collect();
    if changed.is_empty() && before.person != after.person {
        changed.push(format!("person {} -> {}", before.person, after.person));
    }
    format!("line {line}: session {}: {}", after.reference, changed.join(", "))
}
