//! Relations and lists in bulk. Organisations are published: what is here asks for no scope, except
//! for lists, which belong to a PCN.

use std::collections::{BTreeMap, BTreeSet};

use kit::roster::table::{list_size, organisation_relation};
use kit::roster::{self, ListSize, from_column, to_column};
use kit::statement::known_at;
use kit::{Error, Scope, db};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use terms::{Date, Instant, OdsCode, Population, Relation};

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// Every version of what some organisations belong to, whenever it was believed, by code.
///
/// Published, so there is no scope to ask for.
pub async fn relation_versions(
    db: &impl ConnectionTrait,
    codes: &BTreeSet<OdsCode>,
) -> Result<BTreeMap<String, Vec<organisation_relation::Model>>, Error> {
    let codes: Vec<&str> = codes.iter().map(OdsCode::as_str).collect();
    let mut found: BTreeMap<String, Vec<organisation_relation::Model>> = BTreeMap::new();
    for chunk in codes.chunks(KEYS) {
        let rows = organisation_relation::Entity::find()
            .filter(organisation_relation::Column::Code.is_in(chunk.iter().copied()))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            found.entry(row.code.clone()).or_default().push(row);
        }
    }
    Ok(found)
}

/// The lists of some organisations as known at an instant, for an import of England's lists.
pub async fn lists_of(
    db: &impl ConnectionTrait,
    scope: &Scope,
    codes: &BTreeSet<OdsCode>,
    at: Instant,
) -> Result<BTreeMap<(String, Date), ListSize>, Error> {
    let codes: Vec<&str> = codes.iter().map(OdsCode::as_str).collect();
    let mut found = BTreeMap::new();
    for chunk in codes.chunks(KEYS) {
        let rows = list_size::Entity::find()
            .filter(scope.england_only())
            .filter(list_size::Column::Code.is_in(chunk.iter().copied()))
            .filter(known_at::<list_size::Model>(at))
            .all(db)
            .await
            .map_err(db::sort)?;
        found.extend(
            rows.iter().map(|row| ((row.code.clone(), from_column(row.date)), to_list(row))),
        );
    }
    Ok(found)
}

fn to_list(row: &list_size::Model) -> ListSize {
    ListSize {
        date: from_column(row.date),
        registered: row.registered_count,
        weighted: row.weighted_ten_thousandths.and_then(Population::from_ten_thousandths),
        adjusted: row.adjusted_ten_thousandths.and_then(Population::from_ten_thousandths),
    }
}

/// The lists of a PCN or practice up to a day, by date; none where the scope does not reach.
///
/// On a date without a row of its own a PCN has the sum of the rows of its practices of that day.
/// A practice without a row is left out: closed practices stay linked until somebody says that
/// they left. Nothing is paid by these sums.
pub async fn lists_to(
    db: &impl ConnectionTrait,
    scope: &Scope,
    code: &OdsCode,
    day: Option<Date>,
    at: Instant,
) -> Result<BTreeMap<Date, ListSize>, Error> {
    let children: Vec<_> = roster::children(db, code, at)
        .await?
        .into_iter()
        .filter(|child| child.relation == Relation::PartOf)
        .collect();
    if !scope.sees_ever(code) && !sees_parent(db, scope, code, at).await? {
        return Ok(BTreeMap::new());
    }
    let mut codes: BTreeSet<&str> = children.iter().map(|child| child.code.as_str()).collect();
    codes.insert(code.as_str());
    let mut query = list_size::Entity::find()
        .filter(list_size::Column::Code.is_in(codes))
        .filter(known_at::<list_size::Model>(at));
    if let Some(day) = day {
        query = query.filter(list_size::Column::Date.lte(to_column(day)));
    }
    let rows = query.all(db).await.map_err(db::sort)?;
    let mut own = BTreeMap::new();
    let mut sums: BTreeMap<Date, ListSize> = BTreeMap::new();
    for row in &rows {
        let list = to_list(row);
        if row.code == code.as_str() {
            own.insert(list.date, list);
            continue;
        }
        let linked = children
            .iter()
            .any(|child| child.code.as_str() == row.code && child.period.contains(list.date));
        if !linked {
            continue;
        }
        sums.entry(list.date)
            .and_modify(|sum| {
                sum.registered += list.registered;
                sum.weighted = [sum.weighted, list.weighted].into_iter().sum();
                sum.adjusted = [sum.adjusted, list.adjusted].into_iter().sum();
            })
            .or_insert(list);
    }
    // A row of its own wins over the sum.
    sums.extend(own);
    Ok(sums)
}

/// Whether a practice is or was part of a PCN in the scope.
async fn sees_parent(
    db: &impl ConnectionTrait,
    scope: &Scope,
    code: &OdsCode,
    at: Instant,
) -> Result<bool, Error> {
    let above = roster::relations(db, code, at).await?;
    Ok(above.iter().any(|above| {
        above.relation == Relation::PartOf && scope.sees_days(&above.related, above.period)
    }))
}
