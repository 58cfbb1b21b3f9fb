//! Engagements and assignments, as known at an instant, inside a scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::sea_query::{Expr, ExprTrait, Query, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Value,
};
use terms::{
    Assignment, Engagement, EngagementId, Instant, Minutes, Month, OdsCode, Period, PersonId,
};
use uuid::Uuid;

use super::table::{assignment, engagement};
use super::{from_column, to_column};
use crate::db;
use crate::error::Error;
use crate::identity::Scope;
use crate::revision::Revision;
use crate::statement::{self, known_at};

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// An engagement with all its assignments, wherever they are.
///
/// What is outside a caller's scope is never sent: only sums of it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engaged {
    /// The engagement.
    pub engagement: Engagement,
    /// What the owner's files call the person; none for a contracted service.
    pub person_reference: Option<String>,
    /// All hours in PCNs, in the order of PCNs and days.
    pub assignments: Vec<Assignment>,
}

fn stored<T>(column: &str, parsed: Result<T, terms::ParseError>) -> Result<T, Error> {
    parsed.map_err(|error| Error::internal(format!("a stored {column} {error}")))
}

fn minutes(column: &str, value: i32) -> Result<Minutes, Error> {
    let minutes = u32::try_from(value)
        .map_err(|_| Error::internal(format!("a stored {column} is negative")))?;
    Ok(Minutes::new(minutes))
}

fn to_engaged(row: engagement::Model, assignments: Vec<Assignment>) -> Result<Engaged, Error> {
    Ok(Engaged {
        engagement: Engagement {
            id: EngagementId(row.engagement_id),
            owner: stored("owner_code", row.owner_code.parse())?,
            reference: row.reference,
            person: row.person_id.map(PersonId),
            role: stored("role", row.role.parse())?,
            employer: stored("employer_code", row.employer_code.parse())?,
            model: stored("model", row.model.parse())?,
            full_time: minutes("full_time_minutes", row.full_time_minutes)?,
            leaving_reason: row.leaving_reason,
        },
        person_reference: row.person_reference,
        assignments,
    })
}

fn to_assignment(row: &assignment::Model) -> Result<Assignment, Error> {
    let period = Period::new(from_column(row.valid_from), row.valid_until.map(from_column));
    Ok(Assignment {
        engagement: EngagementId(row.engagement_id),
        pcn: stored("pcn_code", row.pcn_code.parse())?,
        period: period.ok_or_else(|| Error::internal("a stored assignment has no days"))?,
        weekly: minutes("weekly_minutes", row.weekly_minutes)?,
        contract: row
            .contract_minutes
            .map(|value| minutes("contract_minutes", value))
            .transpose()?,
        stage: stored("stage", row.stage.parse())?,
        band: row.band.as_deref().map(|band| stored("band", band.parse())).transpose()?,
    })
}

/// The engagements with hours in a PCN between two months, both included, by identifier.
///
/// Empty where the scope does not reach: callers check and refuse before they ask.
pub async fn engaged_in_month(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    first: Month,
    last: Month,
    at: Instant,
) -> Result<Vec<Engaged>, Error> {
    if !scope.sees(pcn, last) {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = assignment::Entity::find()
        .select_only()
        .column(assignment::Column::EngagementId)
        .distinct()
        .filter(assignment::Column::PcnCode.eq(pcn.as_str()))
        .filter(assignment::Column::ValidFrom.lte(to_column(last.last())))
        .filter(
            Condition::any()
                .add(assignment::Column::ValidUntil.is_null())
                .add(assignment::Column::ValidUntil.gt(to_column(first.first()))),
        )
        .filter(known_at::<assignment::Model>(at))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    whole(db, &ids, at).await
}

/// One page of the engagements that ever had hours in a PCN, in the order of identifiers.
pub async fn engagements_of_pcn(
    db: &impl ConnectionTrait,
    scope: &Scope,
    pcn: &OdsCode,
    after: Option<Uuid>,
    limit: u64,
    at: Instant,
) -> Result<Vec<Engaged>, Error> {
    let mut query = assignment::Entity::find()
        .select_only()
        .column(assignment::Column::EngagementId)
        .distinct()
        .filter(scope.days_within(
            assignment::Column::PcnCode,
            assignment::Column::ValidFrom,
            assignment::Column::ValidUntil,
        ))
        .filter(assignment::Column::PcnCode.eq(pcn.as_str()))
        .filter(known_at::<assignment::Model>(at));
    if let Some(after) = after {
        query = query.filter(assignment::Column::EngagementId.gt(after));
    }
    let ids: Vec<Uuid> = query
        .order_by_asc(assignment::Column::EngagementId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    whole(db, &ids, at).await
}

/// One engagement, if its owner or the PCN of one of its assignments is in the scope.
pub async fn engagement_by_id(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: EngagementId,
    at: Instant,
) -> Result<Option<Engaged>, Error> {
    let found = whole(db, &[id.0], at).await?.into_iter().next();
    Ok(found.filter(|engaged| visible(scope, engaged)))
}

fn visible(scope: &Scope, engaged: &Engaged) -> bool {
    scope.owns(&engaged.engagement.owner)
        || engaged
            .assignments
            .iter()
            .any(|assignment| scope.sees_days(&assignment.pcn, assignment.period))
}

/// The same as a condition of a query.
fn visible_at(scope: &Scope, at: Instant) -> Condition {
    if scope.is_england() {
        return Condition::all();
    }
    let hours = Query::select()
        .column(assignment::Column::Id)
        .from(assignment::Entity)
        .and_where(
            Expr::col((assignment::Entity, assignment::Column::EngagementId))
                .equals((engagement::Entity, engagement::Column::EngagementId)),
        )
        .cond_where(scope.days_within(
            assignment::Column::PcnCode,
            assignment::Column::ValidFrom,
            assignment::Column::ValidUntil,
        ))
        .cond_where(known_at::<assignment::Model>(at))
        .take();
    Condition::any().add(scope.owner_within(engagement::Column::OwnerCode)).add(Expr::exists(hours))
}

/// The engagements in the scope that owners' files call one of `references`, by reference.
///
/// A reference that two owners use comes back with both.
pub async fn engagements_by_reference(
    db: &impl ConnectionTrait,
    scope: &Scope,
    references: &[String],
    at: Instant,
) -> Result<BTreeMap<String, Vec<Engaged>>, Error> {
    let ids = ids_where(db, scope, engagement::Column::Reference, references, at).await?;
    let mut found: BTreeMap<String, Vec<Engaged>> = BTreeMap::new();
    for engaged in whole(db, &ids, at).await? {
        found.entry(engaged.engagement.reference.clone()).or_default().push(engaged);
    }
    Ok(found)
}

/// The engagements in the scope of the people that owners' files call one of `references`.
pub async fn people_by_reference(
    db: &impl ConnectionTrait,
    scope: &Scope,
    references: &[String],
    at: Instant,
) -> Result<BTreeMap<String, Vec<Engaged>>, Error> {
    let ids = ids_where(db, scope, engagement::Column::PersonReference, references, at).await?;
    let mut found: BTreeMap<String, Vec<Engaged>> = BTreeMap::new();
    for engaged in whole(db, &ids, at).await? {
        if let Some(reference) = engaged.person_reference.clone() {
            found.entry(reference).or_default().push(engaged);
        }
    }
    Ok(found)
}

/// The engagements in the scope of some people, whoever keeps them, in the order of identifiers.
pub async fn engagements_of_people(
    db: &impl ConnectionTrait,
    scope: &Scope,
    people: &BTreeSet<PersonId>,
    at: Instant,
) -> Result<Vec<Engaged>, Error> {
    let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let ids = ids_where(db, scope, engagement::Column::PersonId, &people, at).await?;
    whole(db, &ids, at).await
}

/// The engagements with one of these values that may be seen. What is hidden is not looked up
/// further: it takes no longer than what is not there.
async fn ids_where<T: Clone + Into<Value>>(
    db: &impl ConnectionTrait,
    scope: &Scope,
    column: engagement::Column,
    values: &[T],
    at: Instant,
) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::new();
    for chunk in values.chunks(KEYS) {
        let found: Vec<Uuid> = engagement::Entity::find()
            .select_only()
            .column(engagement::Column::EngagementId)
            .distinct()
            .filter(column.is_in(chunk.iter().cloned()))
            .filter(known_at::<engagement::Model>(at))
            .filter(visible_at(scope, at))
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        ids.extend(found);
    }
    Ok(ids)
}

/// How often the records of engagements have changed: themselves, and their hours wherever they
/// are.
pub async fn revisions(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Revision>, Error> {
    let (itself, hours) = (engagement::Column::EngagementId, assignment::Column::EngagementId);
    let mut found = HashMap::new();
    for chunk in ids.chunks(KEYS) {
        let both = statement::counted::<engagement::Model>(itself, chunk)
            .union(UnionType::All, statement::counted::<assignment::Model>(hours, chunk))
            .take();
        found.extend(statement::revisions_of(db, &both).await?);
    }
    Ok(found)
}

/// How often the record of one engagement has changed.
pub async fn revision(db: &impl ConnectionTrait, id: EngagementId) -> Result<Revision, Error> {
    Ok(revisions(db, &[id.0]).await?.remove(&id.0).unwrap_or_default())
}

/// Engagements by their identifiers, whole, in the order of identifiers.
async fn whole(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
    at: Instant,
) -> Result<Vec<Engaged>, Error> {
    let mut assignments: HashMap<Uuid, Vec<Assignment>> = HashMap::new();
    let mut engaged = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(KEYS) {
        let rows = assignment::Entity::find()
            .filter(assignment::Column::EngagementId.is_in(db::padded(chunk)))
            .filter(known_at::<assignment::Model>(at))
            .order_by_asc(assignment::Column::PcnCode)
            .order_by_asc(assignment::Column::ValidFrom)
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in &rows {
            assignments.entry(row.engagement_id).or_default().push(to_assignment(row)?);
        }
        let rows = engagement::Entity::find()
            .filter(engagement::Column::EngagementId.is_in(db::padded(chunk)))
            .filter(known_at::<engagement::Model>(at))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            let hours = assignments.remove(&row.engagement_id).unwrap_or_default();
            engaged.push(to_engaged(row, hours)?);
        }
    }
    engaged.sort_by_key(|engaged| engaged.engagement.id);
    Ok(engaged)
}
