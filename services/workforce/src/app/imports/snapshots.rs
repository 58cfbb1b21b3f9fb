//! The kinds `ods-pcns`, `ods-partners` and `practice-lists`: published files as they stand.
//!
//! Their disorder is settled here: overlapping links, codes that nobody introduced, practices that
//! are part of no PCN.

use std::collections::{BTreeMap, BTreeSet};

use kit::Error;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::table::list_size;
use kit::roster::{Line, to_column};
use kit::table::{Problem, Problems};
use terms::{Date, Month, OdsCode, OrganisationKind, Relation};

use super::places::{Link, Met, Places, Sighting, Stated, UNALLOCATED, day_after};
use super::{Sheet, record, repeated};
use crate::store::places;

/// A PCN of the published details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcn {
    /// The line on which it begins.
    pub line: u32,
    /// The PCN.
    pub code: OdsCode,
    /// Its name.
    pub name: String,
    /// What it is part of.
    pub sub_icb: OdsCode,
    /// The name of that.
    pub sub_icb_name: Option<String>,
    /// The first day.
    pub open: Date,
    /// The last day, if it was closed.
    pub close: Option<Date>,
}

/// A link of a practice to a PCN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The line on which it begins.
    pub line: u32,
    /// The practice.
    pub practice: OdsCode,
    /// Its name.
    pub name: String,
    /// The PCN.
    pub pcn: OdsCode,
    /// What the PCN is part of.
    pub pcn_sub_icb: Option<OdsCode>,
    /// The first day.
    pub start: Date,
    /// The last day, if it ended.
    pub end: Option<Date>,
}

/// A practice with its patients and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// The line on which it begins.
    pub line: u32,
    /// The practice.
    pub code: OdsCode,
    /// Its name.
    pub name: String,
    /// The PCN, or `U` for none.
    pub pcn: OdsCode,
    /// Where the practice lies.
    pub sub_icb: OdsCode,
    /// The ICB of that.
    pub icb: OdsCode,
    /// Registered patients.
    pub registered: u32,
}

/// Checks and writes the details of PCNs.
pub async fn import_pcns(
    write: &mut Write,
    sheet: Sheet<Pcn>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count } = sheet;
    let mut places = Places::default();
    for row in rows {
        let Pcn { line, code, name, sub_icb, sub_icb_name, open, close } = row;
        allocated(&mut problems, line, "PCN_CODE", &code);
        if let Some(close) = close
            && close < open
        {
            let reason = format!("is before OPEN_DATE {open}; it is the last day");
            problems.push(Problem::new(line, "CLOSE_DATE", &close.to_string(), reason));
            continue;
        }
        let until = day_after(close);
        let kind = OrganisationKind::SubIcb;
        let met = Met { line, column: "SUB_ICB_CODE", name: sub_icb_name, kind, since: None };
        places.meet(&sub_icb, met);
        places.links.push(Link {
            line,
            code: code.clone(),
            relation: Relation::PartOf,
            related: sub_icb,
            from: open,
            until,
            open_is_said: true,
        });
        let kind = OrganisationKind::Pcn;
        let stated = Stated { line, name, kind, valid_from: Some(open), valid_until: until };
        if let Some(first) = places.stated.insert(code.clone(), stated) {
            repeated(&mut problems, [first.line, line], "PCN_CODE", code.as_str(), "PCN");
        }
    }
    finish(write, places, Vec::new(), count, problems, Vec::new(), context).await
}

/// Checks and writes the links of practices to PCNs.
pub async fn import_partners(
    write: &mut Write,
    sheet: Sheet<Partner>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count } = sheet;
    let mut places = Places::default();
    let mut keys: BTreeMap<_, u32> = BTreeMap::new();
    let mut parents: BTreeMap<OdsCode, (u32, OdsCode)> = BTreeMap::new();
    for row in rows {
        let Partner { line, practice, name, pcn, pcn_sub_icb, start, end } = row;
        allocated(&mut problems, line, "PRACTICE_CODE", &practice);
        if let Some(end) = end
            && end < start
        {
            let reason = format!("is before START_DATE {start}; it is the last day");
            problems.push(Problem::new(line, "END_DATE", &end.to_string(), reason));
            continue;
        }
        let key = (practice.clone(), pcn.clone(), start);
        if let Some(first) = keys.insert(key, line) {
            let what = "PRACTICE_CODE, PCN_CODE and START_DATE";
            repeated(&mut problems, [first, line], "PRACTICE_CODE", practice.as_str(), what);
        }
        let kind = OrganisationKind::Practice;
        let stated = Stated { line, name, kind, valid_from: None, valid_until: None };
        places.stated.entry(practice.clone()).or_insert(stated);
        if pcn.as_str() == UNALLOCATED {
            continue;
        }
        let kind = OrganisationKind::Pcn;
        places.meet(&pcn, Met { line, column: "PCN_CODE", name: None, kind, since: None });
        if let Some(above) = pcn_sub_icb {
            parents.entry(pcn.clone()).or_insert((line, above));
        }
        places.links.push(Link {
            line,
            code: practice,
            relation: Relation::PartOf,
            related: pcn,
            from: start,
            until: day_after(end),
            open_is_said: true,
        });
    }
    // Only of PCNs that nobody introduced: the details say it of the others.
    let codes: BTreeSet<OdsCode> = parents.keys().cloned().collect();
    let known = places::relation_versions(&**write, &codes).await?;
    for (pcn, (line, above)) in parents {
        if known.contains_key(pcn.as_str()) {
            continue;
        }
        let kind = OrganisationKind::SubIcb;
        places
            .meet(&above, Met { line, column: "PCN_SUB_ICB_CODE", name: None, kind, since: None });
        places.links.push(Link {
            line,
            code: pcn,
            relation: Relation::PartOf,
            related: above,
            from: context.recorded_on,
            until: None,
            open_is_said: false,
        });
    }
    finish(write, places, Vec::new(), count, problems, Vec::new(), context).await
}

/// Checks and writes the lists of practices, and where they belong on that day.
///
/// The file does not say its day: its lists are those of the first day of a month, and it counts
/// for the month of the day as of which it is recorded.
pub async fn import_practices(
    write: &mut Write,
    sheet: Sheet<Practice>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count } = sheet;
    let day = Month::of(context.recorded_on).first();
    let notes = vec![format!(
        "the lists and links are those of {day}, the first of the month of the day as of which \
         the file is recorded"
    )];
    let mut places = Places { day: Some(day), ..Places::default() };
    let mut lists = Vec::with_capacity(rows.len());
    let mut keys: BTreeMap<OdsCode, u32> = BTreeMap::new();
    let mut icbs: BTreeMap<OdsCode, (u32, OdsCode)> = BTreeMap::new();
    let mut sub_icbs: BTreeMap<OdsCode, (u32, BTreeMap<OdsCode, u32>)> = BTreeMap::new();
    for row in rows {
        let Practice { line, code, name, pcn, sub_icb, icb, registered } = row;
        allocated(&mut problems, line, "PRACTICE_CODE", &code);
        if let Some(first) = keys.insert(code.clone(), line) {
            repeated(&mut problems, [first, line], "PRACTICE_CODE", code.as_str(), "practice");
        }
        match icbs.get(&sub_icb) {
            Some((first, other)) if *other != icb => {
                let reason = format!("line {first} puts {sub_icb} into {other}; it is in one ICB");
                problems.push(Problem::new(line, "ICB_CODE", icb.as_str(), reason));
            }
            Some(_) => {}
            None => {
                let kind = OrganisationKind::Icb;
                let met = Met { line, column: "ICB_CODE", name: None, kind, since: None };
                places.meet(&icb, met);
                let kind = OrganisationKind::SubIcb;
                let met = Met { line, column: "SUB_ICB_CODE", name: None, kind, since: None };
                places.meet(&sub_icb, met);
                icbs.insert(sub_icb.clone(), (line, icb));
            }
        }
        let kind = OrganisationKind::Practice;
        let met = Met { line, column: "PRACTICE_CODE", name: Some(name), kind, since: Some(day) };
        places.meet(&code, met);
        let related = (pcn.as_str() != UNALLOCATED).then_some(pcn);
        if let Some(pcn) = &related {
            let kind = OrganisationKind::Pcn;
            let met = Met { line, column: "PCN_CODE", name: None, kind, since: Some(day) };
            places.meet(pcn, met);
            let (_, votes) = sub_icbs.entry(pcn.clone()).or_insert((line, BTreeMap::new()));
            *votes.entry(sub_icb).or_default() += 1;
        }
        places.sightings.push(Sighting { line, code: code.clone(), related });
        lists.push(Line::ListSize(list_size::Model::new(
            &context.provenance,
            Some(line),
            code.to_string(),
            to_column(day),
            i64::from(registered),
            None,
            None,
        )));
    }
    for (sub_icb, (line, icb)) in icbs {
        places.sightings.push(Sighting { line, code: sub_icb, related: Some(icb) });
    }
    let codes: BTreeSet<OdsCode> = sub_icbs.keys().cloned().collect();
    let known = places::relation_versions(&**write, &codes).await?;
    for (pcn, (line, votes)) in sub_icbs {
        // A PCN across a boundary stays where it is known to be, if practices of it are there.
        let stays = known.get(pcn.as_str()).into_iter().flatten().any(|row| {
            row.known_until.is_none()
                && row.relation == Relation::PartOf.as_str()
                && row.valid_from <= to_column(day)
                && row.valid_until.is_none_or(|until| to_column(day) < until)
                && votes.keys().any(|sub_icb| sub_icb.as_str() == row.related_code)
        });
        // Of equally many practices the lower code.
        let most = votes.iter().rev().max_by_key(|(_, votes)| **votes).map(|(code, _)| code);
        if let Some(most) = most.filter(|_| !stays) {
            places.sightings.push(Sighting { line, code: pcn, related: Some(most.clone()) });
        }
    }
    // The weighted figures of the day may have come by another file.
    let codes = keys.into_keys().collect();
    let (scope, at) = (&context.scope, context.provenance.known_from);
    let stored = places::lists_of(&**write, scope, &codes, at).await?;
    for line in &mut lists {
        if let Line::ListSize(list) = line
            && let Some(before) = stored.get(&(list.code.clone(), day))
        {
            list.weighted_ten_thousandths = before.weighted.map(terms::Population::ten_thousandths);
            list.adjusted_ten_thousandths = before.adjusted.map(terms::Population::ten_thousandths);
        }
    }
    finish(write, places, lists, count, problems, notes, context).await
}

async fn finish(
    write: &mut Write,
    places: Places,
    more: Vec<Line>,
    rows: u32,
    mut problems: Problems,
    mut notes: Vec<String>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let mut lines = places.lines(write, context, &mut problems, &mut notes).await?;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    lines.extend(more);
    record(write, lines, rows, notes).await.map(Ok)
}

fn allocated(problems: &mut Problems, line: u32, column: &str, code: &OdsCode) {
    if code.as_str() == UNALLOCATED {
        let reason = "is no organisation: it means part of no PCN";
        problems.push(Problem::new(line, column, code.as_str(), reason));
    }
}
