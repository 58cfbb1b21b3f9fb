//! The kind `pcn-workforce`: the published rows of the national return.
//!
//! A file is the whole of its census months: rows known for a month that it leaves out are
//! withdrawn, and the same file again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use kit::Error;
use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster;
use kit::table::Problems;
use terms::Month;

use super::Sheet;
use crate::store::national_returns;
pub use crate::store::national_returns::Printed;

/// Checks and writes a file.
pub async fn import(
    write: &mut Write,
    sheet: Sheet<Printed>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { mut rows, problems, count } = sheet;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let mut seen: BTreeMap<(Month, String), i32> = BTreeMap::new();
    let mut anonymous = 0;
    for printed in &mut rows {
        let times = seen.entry((printed.row.census, printed.digest.clone())).or_insert(0);
        printed.repetition = *times;
        *times += 1;
        anonymous += u32::from(printed.row.unique_id.is_none());
    }
    let mut months: BTreeMap<Month, Vec<&Printed>> = BTreeMap::new();
    for printed in &rows {
        months.entry(printed.row.census).or_default().push(printed);
    }
    let mut applied = Applied { rows: count, ..Applied::default() };
    let (scope, provenance) = (&context.scope, &context.provenance);
    for (month, printed) in months {
        let changes =
            national_returns::record(&**write, scope, provenance, month, &printed).await?;
        applied.added += changes.added;
        applied.corrected += changes.withdrawn;
        applied.unchanged += changes.unchanged;
        if changes.withdrawn > 0 {
            applied.notes.push(format!(
                "{} rows known for {month} are not in this file and are withdrawn",
                changes.withdrawn
            ));
        }
    }
    if anonymous > 0 {
        applied.notes.push(format!("{anonymous} rows have no identifier: hours without a head"));
    }
    let codes: BTreeSet<_> = rows.iter().map(|printed| printed.row.pcn.clone()).collect();
    let known = roster::organisations_by_code(&**write, &codes, NOW).await?;
    let unknown: Vec<&str> =
        codes.iter().filter(|code| !known.contains_key(code)).map(terms::OdsCode::as_str).collect();
    if !unknown.is_empty() {
        applied.notes.push(format!("PCNs not among the organisations: {}", unknown.join(", ")));
    }
    Ok(Ok(applied))
}
