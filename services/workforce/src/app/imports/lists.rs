//! The kind `lists`: patients of practices and PCNs.

use std::collections::{BTreeMap, BTreeSet};

use kit::Error;
use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::table::list_size;
use kit::roster::{self, Line, to_column};
use kit::table::{Problem, Problems};
use terms::{Date, OdsCode, OrganisationKind, Population};

use super::places::{Met, Places, UNALLOCATED};
use super::{Sheet, record, repeated};
use crate::store::places;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins.
    pub line: u32,
    /// The practice or PCN.
    pub code: OdsCode,
    /// The day.
    pub date: Date,
    /// Registered patients.
    pub registered: u32,
    /// Weighted patients; not given keeps what is known.
    pub weighted: Option<Population>,
    /// Patients by the commissioner's formula; not given keeps what is known.
    pub adjusted: Option<Population>,
}

/// Checks and writes a file.
pub async fn import(
    write: &mut Write,
    sheet: Sheet<Row>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count } = sheet;
    let codes: BTreeSet<OdsCode> = rows.iter().map(|row| row.code.clone()).collect();
    let known = roster::organisations_by_code(&**write, &codes, NOW).await?;
    let mut organisations = Places::default();
    let mut keys: BTreeMap<_, u32> = BTreeMap::new();
    for row in &rows {
        if let Some(first) = keys.insert((&row.code, row.date), row.line) {
            let lines = [first, row.line];
            repeated(&mut problems, lines, "code", row.code.as_str(), "code and date");
        }
        if row.code.as_str() == UNALLOCATED {
            let reason = "is no organisation: it means part of no PCN; leave the row out";
            problems.push(Problem::new(row.line, "code", row.code.as_str(), reason));
            continue;
        }
        let kind = known.get(&row.code).map_or_else(|| guess(&row.code), |known| known.kind);
        match kind {
            OrganisationKind::Pcn | OrganisationKind::Practice => {
                let met = Met { line: row.line, column: "code", name: None, kind, since: None };
                organisations.meet(&row.code, met);
            }
            OrganisationKind::Region
            | OrganisationKind::Icb
            | OrganisationKind::SubIcb
            | OrganisationKind::Federation
            | OrganisationKind::Trust
            | OrganisationKind::Other => {
                let reason = format!("is a {kind}; lists are of practices and PCNs");
                problems.push(Problem::new(row.line, "code", row.code.as_str(), reason));
            }
        }
    }
    let mut notes = Vec::new();
    let mut lines = organisations.lines(write, context, &mut problems, &mut notes).await?;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let (scope, at) = (&context.scope, context.provenance.known_from);
    let stored = places::lists_of(&**write, scope, &codes, at).await?;
    lines.extend(rows.iter().map(|row| {
        let before = stored.get(&(row.code.to_string(), row.date));
        let kept = |value: Option<Population>, before: Option<Population>| {
            value.or(before).map(Population::ten_thousandths)
        };
        Line::ListSize(list_size::Model::new(
            &context.provenance,
            Some(row.line),
            row.code.to_string(),
            to_column(row.date),
            i64::from(row.registered),
            kept(row.weighted, before.and_then(|before| before.weighted)),
            kept(row.adjusted, before.and_then(|before| before.adjusted)),
        ))
    }));
    record(write, lines, count, notes).await.map(Ok)
}

/// A code of the shape of a PCN's is one; any other in a list is a practice.
fn guess(code: &OdsCode) -> OrganisationKind {
    let digits = code.as_str().strip_prefix('U');
    let shaped =
        digits.is_some_and(|rest| rest.len() == 5 && rest.bytes().all(|b| b.is_ascii_digit()));
    if shaped { OrganisationKind::Pcn } else { OrganisationKind::Practice }
}
