//! Files that are brought in: checked across their rows and against what is known, and written.

pub mod lists;
pub mod organisations;
pub mod pcn_workforce;
pub(crate) mod places;
pub mod snapshots;
pub mod staff;

use kit::Error;
use kit::db::Write;
use kit::imports::Applied;
use kit::roster::{self, Line, from_column};
use kit::table::{Problem, Problems};

/// A file whose rows were read each on its own, with what is wrong with them so far.
#[derive(Clone, Debug, Default)]
pub struct Sheet<T> {
    /// The rows that could be read.
    pub rows: Vec<T>,
    /// What is wrong with the others.
    pub problems: Problems,
    /// How many records the file has.
    pub count: u32,
}

/// Records lines of the roster and tells what changed, with a note for each correction.
async fn record(
    write: &mut Write,
    lines: Vec<Line>,
    rows: u32,
    notes: Vec<String>,
) -> Result<Applied, Error> {
    let told = roster::record(&**write, lines).await?;
    for line in &told.changed {
        write.tell(roster::tell(line));
    }
    let mut applied = Applied {
        rows,
        added: told.added,
        corrected: count(told.corrected.len()),
        unchanged: told.unchanged,
        notes,
        touched: Vec::new(),
    };
    applied.notes.extend(told.corrected.iter().map(|(new, old)| correction(new, old)));
    applied.notes.extend(told.again.iter().filter_map(again));
    applied.note_later(told.later);
    Ok(applied)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Notes that two lines of a file state the same key.
fn repeated(problems: &mut Problems, lines: [u32; 2], column: &str, value: &str, what: &str) {
    let [first, second] = lines;
    for (line, other) in [(first, second), (second, first)] {
        let reason = format!("the same {what} is in line {other}; each may be in a file once");
        problems.push(Problem::new(line, column, value, reason));
    }
}

/// That a line counts again. Hours alone are withdrawn.
fn again(line: &Line) -> Option<String> {
    let Line::Assignment(row) = line else { return None };
    let place = row.import_line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let (pcn, first) = (&row.pcn_code, row.valid_from);
    Some(format!("{place}hours in {pcn} from {first} were withdrawn before and count again"))
}

/// What a correction changed: old and new values, and never a name of a person.
fn correction(new: &Line, old: &Line) -> String {
    let (line, what, before, after) = match (new, old) {
        (Line::Organisation(new), Line::Organisation(old)) => {
            let told = |row: &roster::table::organisation::Model| {
                format!(
                    "{:?}, {}, {} to {}",
                    row.display_name,
                    row.kind,
                    day(row.valid_from, "unknown"),
                    last(row.valid_until),
                )
            };
            (new.import_line, new.code.clone(), told(old), told(new))
        }
        (Line::Relation(new), Line::Relation(old)) => {
            let told = |row: &roster::table::organisation_relation::Model| {
                let seen = if row.seen { " (seen)" } else { "" };
                if row.valid_until.is_some_and(|until| until <= row.valid_from) {
                    return "no day".to_owned();
                }
                format!("to {}{seen}", last(row.valid_until))
            };
            let what = format!(
                "{} {} {} from {}",
                new.code, new.relation, new.related_code, new.valid_from
            );
            (new.import_line, what, told(old), told(new))
        }
        (Line::LondonArea(new), Line::LondonArea(old)) => {
            let told = |row: &roster::table::london_area::Model| {
                format!("{} to {}", row.area, last(row.valid_until))
            };
            let what = format!("London area of {} from {}", new.code, new.valid_from);
            (new.import_line, what, told(old), told(new))
        }
        (Line::ListSize(new), Line::ListSize(old)) => {
            let told = |row: &roster::table::list_size::Model| {
                format!(
                    "{} registered, {} weighted, {} adjusted",
                    row.registered_count,
                    patients(row.weighted_ten_thousandths),
                    patients(row.adjusted_ten_thousandths),
                )
            };
            let what = format!("list of {} on {}", new.code, new.date);
            (new.import_line, what, told(old), told(new))
        }
        (Line::Engagement(new), Line::Engagement(old)) => {
            let told = |row: &roster::table::engagement::Model| {
                format!(
                    "person {}, role {}, employer {}, model {}, {} full-time minutes, leaving \
                     reason {:?}",
                    row.person_reference.as_deref().unwrap_or("none"),
                    row.role,
                    row.employer_code,
                    row.model,
                    row.full_time_minutes,
                    row.leaving_reason.as_deref().unwrap_or(""),
                )
            };
            let what = format!("engagement {} of {}", new.reference, new.owner_code);
            (new.import_line, what, told(old), told(new))
        }
        (Line::Assignment(new), Line::Assignment(old)) => {
            let told = |row: &roster::table::assignment::Model| {
                let contract = row.contract_minutes;
                format!(
                    "to {}, {} minutes a week, contract {}, {}, band {}",
                    last(row.valid_until),
                    row.weekly_minutes,
                    contract.map_or("not given".to_owned(), |minutes| minutes.to_string()),
                    row.stage,
                    row.band.as_deref().unwrap_or("none"),
                )
            };
            let what = format!("hours in {} from {}", new.pcn_code, new.valid_from);
            (new.import_line, what, told(old), told(new))
        }
        (
            Line::Organisation(_)
            | Line::Relation(_)
            | Line::LondonArea(_)
            | Line::ListSize(_)
            | Line::Engagement(_)
            | Line::Assignment(_)
            | Line::NoAssignment(_),
            _,
        ) => unreachable!("a line of a file takes the place of one of its own table"),
    };
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{place}{what}: {before} -> {after}")
}

fn day(value: Option<chrono::NaiveDate>, none: &str) -> String {
    value.map_or(none.to_owned(), |day| from_column(day).to_string())
}

fn last(until: Option<chrono::NaiveDate>) -> String {
    day(until.and_then(|until| until.pred_opt()), "open")
}

fn patients(ten_thousandths: Option<i64>) -> String {
    ten_thousandths
        .and_then(terms::Population::from_ten_thousandths)
        .map_or("not given".to_owned(), |list| list.to_string())
}
