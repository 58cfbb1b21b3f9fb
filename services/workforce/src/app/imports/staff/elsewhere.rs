//! People of a file whom another owner keeps as well.
//!
//! Registers are public, so anybody who may bring in a file can put a colleague's number into it.
//! What it tells is therefore one bit for each owner and registration of a file, and only of a
//! file that is written, recorded and read by the ICB of both: that hours elsewhere exceed the
//! contract stated here. Not how many, not when, not where, not with whom.

use std::collections::BTreeMap;

use kit::Error;
use kit::db::Write;
use terms::{OdsCode, PersonId};

use super::{Group, Row};
use crate::domain::registration_match::{Hours, exceed_contract};
use crate::store::matches;

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
    let people: Vec<PersonId> = humans.iter().flatten().map(|record| record.person).collect();
    let known = matches::hours_across_owners(&**write, &people).await?;
    let mut told: BTreeMap<u32, String> = BTreeMap::new();
    for human in &humans {
        let records = human.iter().filter_map(|record| known.get(&record.person));
        let hours: Vec<Hours> = records.flatten().cloned().collect();
        let mut owners: BTreeMap<&OdsCode, &Row> = BTreeMap::new();
        for record in human {
            let Some(row) = rows.get(&record.person) else { continue };
            let first = owners.entry(&record.owner).or_insert(row);
            if row.line < first.line {
                *first = row;
            }
        }
        for (_, row) in owners.into_iter().filter(|(owner, _)| exceed_contract(&hours, owner)) {
            let person = row.person.as_deref().unwrap_or_default();
            told.insert(row.line, note(row.line, person));
        }
    }
    Ok(told.into_values().collect())
}

fn note(line: u32, person: &str) -> String {
    format!(
        "line {line}: weekly_hours: on some day hours elsewhere for the same registration exceed \
         the contract of person {person}, or the 40 hours of a week where none is stated"
    )
}
