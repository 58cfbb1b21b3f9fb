//! The published rows of the national return.

use kit::statement::{self, Outcome, Provenance, known_at};
use kit::{Error, Scope, db};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use terms::{Instant, Month, OdsCode};

use super::entity::national_return_row;
use crate::domain::national_return::{PublishedFte, Row, Source};
use crate::domain::role::Leaf;

/// A published row with everything that is printed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// The line of the file.
    pub line: u32,
    /// What it says of a PCN and role.
    pub row: Row,
    /// How the file names the source.
    pub data_source: String,
    /// The name of the PCN.
    pub pcn_name: String,
    /// Code and name of the sub-ICB.
    pub sub_icb: (String, String),
    /// Code and name of the ICB.
    pub icb: (String, String),
    /// Code and name of the region.
    pub region: (String, String),
    /// The digest of all cells.
    pub digest: String,
    /// How many rows above it in the file are the same.
    pub repetition: i32,
}

/// What recording one file changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that are new.
    pub added: u32,
    /// Rows of the same month that the file leaves out, and are withdrawn.
    pub withdrawn: u32,
    /// Rows that were known.
    pub unchanged: u32,
}

/// Records the rows of a census month as the whole of it: others known for it are withdrawn.
///
/// Only for who may touch all of England: a release has every PCN.
pub async fn record(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    census: Month,
    rows: &[&Printed],
) -> Result<Changes, Error> {
    let known = national_return_row::Entity::find()
        .filter(scope.england_only())
        .filter(national_return_row::Column::Census.eq(census.to_string()))
        .filter(national_return_row::Column::Withdrawn.eq(false))
        .filter(known_at::<national_return_row::Model>(provenance.known_from))
        .all(txn)
        .await
        .map_err(db::sort)?;
    let mut stated: Vec<_> = rows.iter().map(|printed| to_model(printed, provenance)).collect();
    let keys: std::collections::HashSet<_> =
        stated.iter().map(|row| (row.digest.clone(), row.repetition)).collect();
    let mut changes = Changes::default();
    for mut row in known {
        if !keys.contains(&(row.digest.clone(), row.repetition)) {
            row.id = uuid::Uuid::now_v7();
            row.withdrawn = true;
            row.known_from = provenance.known_from.0;
            row.known_until = None;
            row.recorded_at = provenance.recorded_at.0;
            row.recorded_by = provenance.recorded_by.clone();
            row.import_id = provenance.import;
            row.import_line = None;
            stated.push(row);
        }
    }
    let withdrawn: Vec<bool> = stated.iter().map(|row| row.withdrawn).collect();
    let outcomes = statement::record(txn, stated).await?;
    for (outcome, withdrawn) in outcomes.iter().zip(withdrawn) {
        match (outcome, withdrawn) {
            (Outcome::Unchanged, _) => changes.unchanged += 1,
            (Outcome::Added(_) | Outcome::Corrected(_), true) => changes.withdrawn += 1,
            (Outcome::Added(_) | Outcome::Corrected(_), false) => changes.added += 1,
        }
    }
    Ok(changes)
}

fn to_model(printed: &Printed, provenance: &Provenance) -> national_return_row::Model {
    let Printed { line, row, data_source, pcn_name, sub_icb, icb, region, digest, repetition } =
        printed;
    national_return_row::Model::new(
        provenance,
        Some(*line),
        row.census.to_string(),
        row.pcn.to_string(),
        digest.clone(),
        *repetition,
        false,
        data_source.clone(),
        pcn_name.clone(),
        sub_icb.0.clone(),
        sub_icb.1.clone(),
        icb.0.clone(),
        icb.1.clone(),
        region.0.clone(),
        region.1.clone(),
        row.leaf.staff_group.clone(),
        row.leaf.staff_role.clone(),
        row.leaf.detailed_role.clone(),
        row.fte.billionths(),
        row.unique_id.clone(),
    )
}

/// The rows of a PCN and census month; none where the scope does not reach.
pub async fn of_pcn(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    census: Month,
    at: Instant,
) -> Result<Vec<Row>, Error> {
    if !scope.sees(pcn, census) {
        return Ok(Vec::new());
    }
    let rows = national_return_row::Entity::find()
        .filter(national_return_row::Column::Census.eq(census.to_string()))
        .filter(national_return_row::Column::PcnCode.eq(pcn.as_str()))
        .filter(national_return_row::Column::Withdrawn.eq(false))
        .filter(known_at::<national_return_row::Model>(at))
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter().map(to_row).collect()
}

fn to_row(row: national_return_row::Model) -> Result<Row, Error> {
    let stored = |column: &str| Error::internal(format!("a stored {column} cannot be read"));
    Ok(Row {
        census: row.census.parse().map_err(|_| stored("census"))?,
        pcn: row.pcn_code.parse().map_err(|_| stored("pcn_code"))?,
        source: row.data_source.parse::<Source>().map_err(|_| stored("data_source"))?,
        leaf: Leaf::new(row.staff_group, row.staff_role, row.detailed_staff_role),
        fte: PublishedFte::from_billionths(row.fte_billionths)
            .ok_or_else(|| stored("fte_billionths"))?,
        unique_id: row.unique_identifier,
    })
}
