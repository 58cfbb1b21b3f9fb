//! Organisations and lists, as known at an instant.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use terms::{
    Date, Instant, LondonArea, Month, OdsCode, OrganisationKind, Period, Population, Relation,
};

use super::table::{list_size, london_area, organisation, organisation_relation};
use super::{from_column, to_column};
use crate::db;
use crate::error::Error;
use crate::statement::known_at;

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// An organisation as known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its code.
    pub code: OdsCode,
    /// Its name.
    pub display_name: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// Its first day, if known.
    pub valid_from: Option<Date>,
    /// The day after its last one, if it was closed.
    pub valid_until: Option<Date>,
}

/// One organisation belongs to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What belongs.
    pub code: OdsCode,
    /// How.
    pub relation: Relation,
    /// To what.
    pub related: OdsCode,
    /// On which days.
    pub period: Period,
    /// Whether the end was only seen in a later snapshot.
    pub seen: bool,
}

/// The list of patients of an organisation on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// The day.
    pub date: Date,
    /// Registered patients.
    pub registered: i64,
    /// Weighted patients, if known.
    pub weighted: Option<Population>,
    /// Adjusted patients, if known.
    pub adjusted: Option<Population>,
}

fn stored<T>(column: &str, parsed: Result<T, terms::ParseError>) -> Result<T, Error> {
    parsed.map_err(|error| Error::internal(format!("a stored {column} {error}")))
}

fn to_organisation(row: organisation::Model) -> Result<Organisation, Error> {
    Ok(Organisation {
        code: stored("code", row.code.parse())?,
        display_name: row.display_name,
        kind: stored("kind", row.kind.parse())?,
        valid_from: row.valid_from.map(from_column),
        valid_until: row.valid_until.map(from_column),
    })
}

fn to_related(row: organisation_relation::Model) -> Result<Related, Error> {
    let period = Period::new(from_column(row.valid_from), row.valid_until.map(from_column));
    Ok(Related {
        code: stored("code", row.code.parse())?,
        relation: stored("relation", row.relation.parse())?,
        related: stored("related_code", row.related_code.parse())?,
        period: period.ok_or_else(|| Error::internal("a stored relation has no days"))?,
        seen: row.seen,
    })
}

/// One organisation. Organisations are published, so there is no scope to ask for.
pub async fn organisation(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    at: Instant,
) -> Result<Option<Organisation>, Error> {
    let row = organisation::Entity::find()
        .filter(organisation::Column::Code.eq(code.as_str()))
        .filter(known_at::<organisation::Model>(at))
        .one(db)
        .await
        .map_err(db::sort)?;
    row.map(to_organisation).transpose()
}

/// One page of organisations, in the order of codes, from just past `after`.
pub async fn organisations(
    db: &impl ConnectionTrait,
    kind: Option<OrganisationKind>,
    codes: Option<&BTreeSet<OdsCode>>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Organisation>, Error> {
    let mut query =
        organisation::Entity::find().filter(known_at::<organisation::Model>(crate::cut::NOW));
    if let Some(kind) = kind {
        query = query.filter(organisation::Column::Kind.eq(kind.as_str()));
    }
    if let Some(codes) = codes {
        let codes = codes.iter().map(OdsCode::as_str);
        query = query.filter(organisation::Column::Code.is_in(codes));
    }
    if let Some(after) = after {
        query = query.filter(organisation::Column::Code.gt(after));
    }
    let rows = query
        .order_by_asc(organisation::Column::Code)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter().map(to_organisation).collect()
}

/// The organisations among `codes` that are known, by code.
pub async fn organisations_by_code(
    db: &impl ConnectionTrait,
    codes: &BTreeSet<OdsCode>,
    at: Instant,
) -> Result<BTreeMap<OdsCode, Organisation>, Error> {
    let codes: Vec<&str> = codes.iter().map(OdsCode::as_str).collect();
    let mut found = BTreeMap::new();
    for chunk in codes.chunks(KEYS) {
        let rows = organisation::Entity::find()
            .filter(organisation::Column::Code.is_in(chunk.iter().copied()))
            .filter(known_at::<organisation::Model>(at))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            let organisation = to_organisation(row)?;
            found.insert(organisation.code.clone(), organisation);
        }
    }
    Ok(found)
}

/// The kinds of every organisation known now, by code.
pub async fn kinds(
    db: &impl ConnectionTrait,
    at: Instant,
) -> Result<BTreeMap<OdsCode, OrganisationKind>, Error> {
    let rows: Vec<(String, String)> = organisation::Entity::find()
        .select_only()
        .columns([organisation::Column::Code, organisation::Column::Kind])
        .filter(known_at::<organisation::Model>(at))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter()
        .map(|(code, kind)| Ok((stored("code", code.parse())?, stored("kind", kind.parse())?)))
        .collect()
}

/// Whether an organisation of this kind is known and not closed on a day.
pub async fn is_open(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    kind: OrganisationKind,
    day: Date,
) -> Result<bool, Error> {
    let found = organisation(db, code, crate::cut::NOW).await?;
    Ok(found.is_some_and(|found| {
        found.kind == kind && found.valid_until.is_none_or(|until| day < until)
    }))
}

/// What an organisation belongs to, oldest first.
pub async fn relations(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    at: Instant,
) -> Result<Vec<Related>, Error> {
    related_rows(db, organisation_relation::Column::Code.eq(code.as_str()), at).await
}

/// What belongs to an organisation, oldest first.
pub async fn children(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    at: Instant,
) -> Result<Vec<Related>, Error> {
    related_rows(db, organisation_relation::Column::RelatedCode.eq(code.as_str()), at).await
}

async fn related_rows(
    db: &impl ConnectionTrait,
    of: impl sea_orm::sea_query::IntoCondition,
    at: Instant,
) -> Result<Vec<Related>, Error> {
    let rows = organisation_relation::Entity::find()
        .filter(of.into_condition())
        .filter(known_at::<organisation_relation::Model>(at))
        .order_by_asc(organisation_relation::Column::ValidFrom)
        .order_by_asc(organisation_relation::Column::Code)
        .order_by_asc(organisation_relation::Column::RelatedCode)
        .all(db)
        .await
        .map_err(db::sort)?;
    // Rows whose days a correction took away say nothing.
    rows.into_iter()
        .filter(|row| row.valid_until.is_none_or(|until| row.valid_from < until))
        .map(to_related)
        .collect()
}

/// What an organisation is part of on a day, from the nearest up: sub-ICB, ICB, region.
pub async fn parents(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    day: Date,
    at: Instant,
) -> Result<Vec<OdsCode>, Error> {
    let mut found = Vec::new();
    let mut current = code.clone();
    // Practice, PCN, sub-ICB, ICB, region: five levels, and a bound against a circle.
    while found.len() < 8 {
        let above = relations(db, &current, at)
            .await?
            .into_iter()
            .find(|related| related.relation == Relation::PartOf && related.period.contains(day));
        let Some(above) = above else { break };
        found.push(above.related.clone());
        current = above.related;
    }
    Ok(found)
}

/// The region a PCN lies in on a day, if that is known.
pub async fn region_of(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    day: Date,
    at: Instant,
) -> Result<Option<OdsCode>, Error> {
    for above in parents(db, pcn, day, at).await? {
        let kind = organisation(db, &above, at).await?.map(|found| found.kind);
        if kind == Some(OrganisationKind::Region) {
            return Ok(Some(above));
        }
    }
    Ok(None)
}

/// The PCNs a federation serves, each with the days of one service.
pub async fn served_by(
    db: &impl ConnectionTrait,
    federation: &OdsCode,
    at: Instant,
) -> Result<Vec<(OdsCode, Period)>, Error> {
    let children = children(db, federation, at).await?;
    let served = children.into_iter().filter(|child| child.relation == Relation::ServedBy);
    Ok(served.map(|child| (child.code, child.period)).collect())
}

/// The PCNs that are or were part of a sub-ICB, ICB or region, with the days.
pub async fn parts_of(
    db: &impl ConnectionTrait,
    group: &OdsCode,
    at: Instant,
) -> Result<BTreeMap<OdsCode, Vec<Period>>, Error> {
    let always = Period::new(Date::MIN, None).expect("there is no end to come before");
    let mut pcns: BTreeMap<OdsCode, Vec<Period>> = BTreeMap::new();
    let mut level = vec![(group.clone(), always)];
    // Region, ICB, sub-ICB, PCN.
    for _ in 0..4 {
        let mut below = Vec::new();
        for chunk in level.chunks(KEYS) {
            let codes = chunk.iter().map(|(code, _)| code.as_str());
            let condition = Condition::all()
                .add(organisation_relation::Column::RelatedCode.is_in(codes))
                .add(organisation_relation::Column::Relation.eq(Relation::PartOf.as_str()));
            let found = related_rows(db, condition, at).await?;
            for related in found {
                let above = chunk.iter().filter(|(code, _)| *code == related.related);
                for (_, days) in above {
                    if let Some(days) = days.overlap(related.period) {
                        below.push((related.code.clone(), days));
                    }
                }
            }
        }
        let codes: BTreeSet<OdsCode> = below.iter().map(|(code, _)| code.clone()).collect();
        let known = organisations_by_code(db, &codes, at).await?;
        let mut next = Vec::new();
        for (code, days) in below {
            match known.get(&code).map(|found| found.kind) {
                Some(OrganisationKind::Pcn) => pcns.entry(code).or_default().push(days),
                Some(OrganisationKind::Practice) | None => {}
                Some(_) => next.push((code, days)),
            }
        }
        level = next;
    }
    Ok(pcns)
}

/// The PCNs of a group on the last day of a month, in the order of codes.
///
/// `England` is every PCN open on the day; a PCN is the group of itself.
pub async fn members(
    db: &impl ConnectionTrait,
    group: &OdsCode,
    month: Month,
    at: Instant,
) -> Result<BTreeSet<OdsCode>, Error> {
    let day = month.last();
    if group.as_str() == "ENGLAND" {
        let column = to_column(day);
        let codes: Vec<String> = organisation::Entity::find()
            .select_only()
            .column(organisation::Column::Code)
            .filter(organisation::Column::Kind.eq(OrganisationKind::Pcn.as_str()))
            .filter(known_at::<organisation::Model>(at))
            .filter(
                Condition::any()
                    .add(organisation::Column::ValidUntil.is_null())
                    .add(organisation::Column::ValidUntil.gt(column)),
            )
            .filter(
                Condition::any()
                    .add(organisation::Column::ValidFrom.is_null())
                    .add(organisation::Column::ValidFrom.lte(column)),
            )
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        return codes.iter().map(|code| stored("code", code.parse())).collect();
    }
    let Some(found) = organisation(db, group, at).await? else {
        return Ok(BTreeSet::new());
    };
    match found.kind {
        OrganisationKind::Pcn => Ok(BTreeSet::from([group.clone()])),
        OrganisationKind::Federation => {
            let served = served_by(db, group, at).await?;
            Ok(served
                .into_iter()
                .filter(|(_, days)| days.contains(day))
                .map(|(pcn, _)| pcn)
                .collect())
        }
        OrganisationKind::Region | OrganisationKind::Icb | OrganisationKind::SubIcb => {
            let parts = parts_of(db, group, at).await?;
            let on_day = |days: &Vec<Period>| days.iter().any(|days| days.contains(day));
            Ok(parts.into_iter().filter(|(_, days)| on_day(days)).map(|(pcn, _)| pcn).collect())
        }
        OrganisationKind::Practice | OrganisationKind::Trust | OrganisationKind::Other => {
            Ok(BTreeSet::new())
        }
    }
}

/// The London area stated for a PCN on a day; none is unknown.
pub async fn london_area(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    day: Date,
    at: Instant,
) -> Result<Option<LondonArea>, Error> {
    let areas = london_areas(db, pcn, at).await?;
    Ok(areas.into_iter().find(|(days, _)| days.contains(day)).map(|(_, area)| area))
}

/// The London areas stated for a PCN, each with its days, the latest first.
pub async fn london_areas(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    at: Instant,
) -> Result<Vec<(Period, LondonArea)>, Error> {
    let rows = london_area::Entity::find()
        .filter(london_area::Column::Code.eq(pcn.as_str()))
        .filter(known_at::<london_area::Model>(at))
        .order_by_desc(london_area::Column::ValidFrom)
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut areas = Vec::with_capacity(rows.len());
    for row in rows {
        let days = Period::new(from_column(row.valid_from), row.valid_until.map(from_column));
        if let Some(days) = days {
            areas.push((days, stored("area", row.area.parse())?));
        }
    }
    Ok(areas)
}

fn to_list(row: &list_size::Model) -> ListSize {
    ListSize {
        date: from_column(row.date),
        registered: row.registered_count,
        weighted: row.weighted_ten_thousandths.and_then(Population::from_ten_thousandths),
        adjusted: row.adjusted_ten_thousandths.and_then(Population::from_ten_thousandths),
    }
}

/// One page of the lists of an organisation, newest first, from just before `before`.
pub async fn list_sizes(
    db: &impl ConnectionTrait,
    code: &OdsCode,
    before: Option<Date>,
    limit: u64,
    at: Instant,
) -> Result<Vec<ListSize>, Error> {
    let mut query = list_size::Entity::find()
        .filter(list_size::Column::Code.eq(code.as_str()))
        .filter(known_at::<list_size::Model>(at));
    if let Some(before) = before {
        query = query.filter(list_size::Column::Date.lt(to_column(before)));
    }
    let rows = query
        .order_by_desc(list_size::Column::Date)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(rows.iter().map(to_list).collect())
}

/// The list of a PCN on a day: its own row, else the sum of its practices' rows of that day.
///
/// The weighted sum is known only if every practice's is.
pub async fn list_size(
    db: &impl ConnectionTrait,
    pcn: &OdsCode,
    day: Date,
    at: Instant,
) -> Result<Option<ListSize>, Error> {
    let own = list_rows(db, std::slice::from_ref(pcn), day, at).await?;
    if let Some(own) = own.first() {
        return Ok(Some(*own));
    }
    let practices: Vec<OdsCode> = children(db, pcn, at)
        .await?
        .into_iter()
        .filter(|child| child.relation == Relation::PartOf && child.period.contains(day))
        .map(|child| child.code)
        .collect();
    let lists = list_rows(db, &practices, day, at).await?;
    // A practice without a row makes the sum too small, so there is none.
    if practices.is_empty() || lists.len() < practices.len() {
        return Ok(None);
    }
    Ok(Some(ListSize {
        date: day,
        registered: lists.iter().map(|list| list.registered).sum(),
        weighted: lists.iter().map(|list| list.weighted).sum(),
        adjusted: lists.iter().map(|list| list.adjusted).sum(),
    }))
}

async fn list_rows(
    db: &impl ConnectionTrait,
    codes: &[OdsCode],
    day: Date,
    at: Instant,
) -> Result<Vec<ListSize>, Error> {
    let rows = list_size::Entity::find()
        .filter(list_size::Column::Code.is_in(codes.iter().map(OdsCode::as_str)))
        .filter(list_size::Column::Date.eq(to_column(day)))
        .filter(known_at::<list_size::Model>(at))
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(rows.iter().map(to_list).collect())
}
