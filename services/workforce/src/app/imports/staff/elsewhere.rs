//! People of a file whom another owner keeps as well.
//!
//! Registers are public, so anybody who may bring in a file can put a colleague's number into it.
//! What it tells is therefore one bit for each owner and registration, and only of a file that is
//! written, recorded and read by the ICB of both: that hours elsewhere exceed the contract stated
//! here. Not how many, not when, not where, not with whom. The bit stands for four weeks, whatever
//! is stated meanwhile: with contracts and days chosen one after the other, each with an answer of
//! its own, anybody could close in on hours that are none of theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use kit::Error;
use kit::db::Write;
use terms::{Date, OdsCode, PersonId};

use super::{Group, Row};
use crate::domain::registration_match::{Hours, exceed_contract};
use crate::store::matches::{self, Answered, Human};

/// How long an answer stands.
const STANDS: Duration = Duration::from_hours(28 * 24);

/// Notes, at the first line of a person, that hours elsewhere exceed the contract. Asked after the
/// file is written, so that its own hours are among those known.
pub(super) async fn remark(write: &Write, groups: &[Group<'_>]) -> Result<Vec<String>, Error> {
    let mut rows: BTreeMap<PersonId, &Row> = BTreeMap::new();
    for (person, row) in groups.iter().filter_map(|group| {
        let first = group.rows.iter().copied().min_by_key(|row| row.line)?;
        Some((group.person?, first))
    }) {
        let first = rows.entry(person).or_insert(row);
        if row.line < first.line {
            *first = row;
        }
    }
    let people: Vec<PersonId> = rows.keys().copied().collect();
    let humans = matches::records_across_owners(&**write, &people).await?;
    let records = humans.iter().flat_map(|human| &human.records);
    let people: Vec<PersonId> = records.map(|record| record.person).collect();
    let known = matches::hours_across_owners(&**write, &people).await?;
    let mut told: BTreeMap<u32, String> = BTreeMap::new();
    for human in &humans {
        let records = human.records.iter().filter_map(|record| known.get(&record.person));
        let hours: Vec<Hours> = records.flatten().cloned().collect();
        let mut owners: BTreeMap<&OdsCode, &Row> = BTreeMap::new();
        for record in &human.records {
            let Some(row) = rows.get(&record.person) else { continue };
            let first = owners.entry(&record.owner).or_insert(row);
            if row.line < first.line {
                *first = row;
            }
        }
        for (owner, row) in owners {
            let answered = answer(write, human, owner, &hours).await?;
            if answered.exceed {
                told.insert(row.line, note(row, write.clock().day(answered.at)));
            }
        }
    }
    Ok(told.into_values().collect())
}

/// What an owner is answered of the hours of a human: what it was last, as long as that stands.
async fn answer(
    write: &Write,
    human: &Human,
    owner: &OdsCode,
    hours: &[Hours],
) -> Result<Answered, Error> {
    let now = write.clock().now();
    let stands = i64::try_from(STANDS.as_micros()).expect("four weeks are short");
    match matches::answered(&**write, human, owner).await? {
        Some(answered) if now.0 < answered.at.0.saturating_add(stands) => Ok(answered),
        Some(_) | None => {
            let answered = Answered { exceed: exceed_contract(hours, owner), at: now };
            matches::keep_answer(&**write, human, owner, answered).await?;
            Ok(answered)
        }
    }
}

fn note(row: &Row, found_on: Date) -> String {
    let (line, person) = (row.line, row.person.as_deref().unwrap_or_default());
    format!(
        "line {line}: weekly_hours: on some day hours elsewhere for the same registration exceed \
         the contract of person {person}, or the 40 hours of a week where none is stated; found \
         on {found_on}, looked for again after 4 weeks"
    )
}
