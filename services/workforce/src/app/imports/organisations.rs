//! The kind `organisations`: names, kinds, relations and London areas.

use std::collections::{BTreeMap, BTreeSet};

use kit::Error;
use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::table::london_area;
use kit::roster::{self, Line, to_column};
use kit::table::{Problem, Problems};
use terms::{Date, LondonArea, OdsCode, OrganisationKind, Period, Relation};

use super::places::{Link, Met, Places, Stated, UNALLOCATED, day_after};
use super::{Sheet, record, repeated};

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins.
    pub line: u32,
    /// What it is about.
    pub code: OdsCode,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// What it belongs to, if the row says.
    pub related: Option<(Relation, OdsCode)>,
    /// The first day of the relation, or of the organisation in a row without one.
    pub valid_from: Option<Date>,
    /// The last day.
    pub valid_to: Option<Date>,
    /// Where the PCN lies on these days.
    pub london_area: Option<LondonArea>,
}

/// What an organisation of a kind is part of.
const fn above(kind: OrganisationKind) -> Option<OrganisationKind> {
    match kind {
        OrganisationKind::Practice => Some(OrganisationKind::Pcn),
        OrganisationKind::Pcn => Some(OrganisationKind::SubIcb),
        OrganisationKind::SubIcb => Some(OrganisationKind::Icb),
        OrganisationKind::Icb => Some(OrganisationKind::Region),
        OrganisationKind::Region
        | OrganisationKind::Federation
        | OrganisationKind::Trust
        | OrganisationKind::Other => None,
    }
}

/// Checks and writes a file.
pub async fn import(
    write: &mut Write,
    sheet: Sheet<Row>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let Sheet { rows, mut problems, count } = sheet;
    let mut places = Places::default();
    let mut keys: BTreeMap<_, u32> = BTreeMap::new();
    let mut areas: BTreeMap<(&OdsCode, Date), (&Row, LondonArea)> = BTreeMap::new();
    for row in &rows {
        let key = (&row.code, &row.related, row.valid_from.filter(|_| row.related.is_some()));
        if let Some(first) = keys.insert(key, row.line) {
            let what = "code, relation, related_code and valid_from";
            repeated(&mut problems, [first, row.line], "code", row.code.as_str(), what);
        }
        check(row, &mut problems);
        state(row, &mut places, &mut problems);
        relate(row, &mut places, &mut problems);
        if let (Some(area), Some(from)) = (row.london_area, row.valid_from) {
            match areas.get(&(&row.code, from)) {
                Some((first, other)) if *other != area || first.valid_to != row.valid_to => {
                    let what = "london_area of other days or value";
                    repeated(
                        &mut problems,
                        [first.line, row.line],
                        "london_area",
                        area.as_str(),
                        what,
                    );
                }
                Some(_) => {}
                None => {
                    areas.insert((&row.code, from), (row, area));
                }
            }
        }
    }
    let mut notes = Vec::new();
    let mut lines = places.lines(write, context, &mut problems, &mut notes).await?;
    check_areas(write, &areas, context, &mut problems).await?;
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    lines.extend(areas.into_values().filter_map(|(row, area)| {
        Some(Line::LondonArea(london_area::Model::new(
            &context.provenance,
            Some(row.line),
            row.code.to_string(),
            to_column(row.valid_from?),
            area.to_string(),
            day_after(row.valid_to).map(to_column),
        )))
    }));
    record(write, lines, count, notes).await.map(Ok)
}

/// Tells of days on which a PCN would have two areas, by two rows or by a row and what is known.
async fn check_areas(
    write: &Write,
    areas: &BTreeMap<(&OdsCode, Date), (&Row, LondonArea)>,
    context: &Context,
    problems: &mut Problems,
) -> Result<(), Error> {
    let days = |row: &Row| Period::inclusive(row.valid_from?, row.valid_to);
    let mut told = BTreeSet::new();
    let mut wrong = |row: &Row, area: LondonArea, other: String| {
        if told.insert(row.line) {
            let reason = format!("{other} on some of these days; a PCN has one area a day");
            problems.push(Problem::new(row.line, "london_area", area.as_str(), reason));
        }
    };
    for ((code, _), (row, area)) in areas {
        let Some(here) = days(row) else { continue };
        let all = areas.range((*code, Date::MIN)..=(*code, Date::MAX));
        for (_, (other, others)) in all {
            if area != others && days(other).is_some_and(|days| days.overlap(here).is_some()) {
                wrong(row, *area, format!("line {} says {others} of {code}", other.line));
            }
        }
        for at in [context.provenance.known_from, NOW] {
            for (known, others) in roster::london_areas(&**write, code, at).await? {
                // A row under the same key takes the place of what is known.
                let replaced = areas.contains_key(&(*code, known.from()));
                if !replaced && *area != others && known.overlap(here).is_some() {
                    let from = known.from();
                    wrong(row, *area, format!("{code} is known as {others} from {from}"));
                }
            }
        }
    }
    Ok(())
}

fn check(row: &Row, problems: &mut Problems) {
    let mut wrong = |column: &str, value: &str, reason: String| {
        problems.push(Problem::new(row.line, column, value, reason));
    };
    for (column, code) in [
        ("code", Some(&row.code)),
        ("related_code", row.related.as_ref().map(|(_, related)| related)),
    ] {
        if let Some(code) = code
            && code.as_str() == UNALLOCATED
        {
            let reason =
                "is no organisation: it means part of no PCN; leave the row out".to_owned();
            wrong(column, code.as_str(), reason);
        }
    }
    if let (Some(from), Some(to)) = (row.valid_from, row.valid_to)
        && to < from
    {
        let reason = format!("is before valid_from {from}; it is the last day");
        wrong("valid_to", &to.to_string(), reason);
    }
    if row.valid_from.is_none() && (row.related.is_some() || row.london_area.is_some()) {
        wrong("valid_from", "", "must be given where a relation or london_area is".to_owned());
    }
    if let Some(area) = row.london_area
        && row.kind != OrganisationKind::Pcn
    {
        let reason = format!("must be empty for a {}: it is an attribute of PCNs", row.kind);
        wrong("london_area", area.as_str(), reason);
    }
    if let Some((_, related)) = &row.related
        && *related == row.code
    {
        wrong("related_code", related.as_str(), "must be another organisation".to_owned());
    }
}

fn state(row: &Row, places: &mut Places, problems: &mut Problems) {
    let own = row.related.is_none();
    let stated = Stated {
        line: row.line,
        name: row.name.clone(),
        kind: row.kind,
        valid_from: row.valid_from.filter(|_| own),
        valid_until: day_after(row.valid_to).filter(|_| own),
    };
    let Some(first) = places.stated.get_mut(&row.code) else {
        places.stated.insert(row.code.clone(), stated);
        return;
    };
    let columns = [
        ("name", first.name.clone(), stated.name),
        ("kind", first.kind.to_string(), stated.kind.to_string()),
    ];
    for (column, before, here) in columns {
        if before == here {
            continue;
        }
        for (line, value, other, others) in
            [(first.line, &before, row.line, &here), (row.line, &here, first.line, &before)]
        {
            let reason = format!("line {other} says {others:?} of {}; all must agree", row.code);
            problems.push(Problem::new(line, column, value, reason));
        }
    }
    first.valid_from = first.valid_from.or(stated.valid_from);
    first.valid_until = first.valid_until.or(stated.valid_until);
}

fn relate(row: &Row, places: &mut Places, problems: &mut Problems) {
    let (Some((relation, related)), Some(from)) = (&row.related, row.valid_from) else { return };
    let kind = match relation {
        Relation::ServedBy => Some(OrganisationKind::Federation),
        Relation::PartOf => above(row.kind),
    };
    let Some(kind) = kind else {
        let reason = format!("must be empty for a {}: it is part of nothing here", row.kind);
        problems.push(Problem::new(row.line, "relation", relation.as_str(), reason));
        return;
    };
    let met = Met { line: row.line, column: "related_code", name: None, kind, since: None };
    places.meet(related, met);
    places.links.push(Link {
        line: row.line,
        code: row.code.clone(),
        relation: *relation,
        related: related.clone(),
        from,
        until: day_after(row.valid_to),
        open_is_said: false,
    });
}
