//! People and the engagements that owners' files name, inside a scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::roster::table::{assignment, engagement};
use kit::roster::{from_column, to_column};
use kit::statement::{self, Outcome, Provenance, known_at};
use kit::{Error, Scope, db};
use sea_orm::sea_query::{Expr, OnConflict, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use terms::{Date, EngagementId, Instant, OdsCode, PersonId};
use uuid::Uuid;

use super::entity::{person, person_particulars, registration};
use crate::domain::registration_match::registration_key;

/// Keys looked up in one statement.
const KEYS: usize = 5_000;
/// Rows written in one statement.
const ROWS: usize = 4_000;

/// Somebody as one owner's records have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Our identifier.
    pub id: PersonId,
    /// Who keeps the record.
    pub owner: OdsCode,
    /// What the owner's files call the person.
    pub reference: String,
}

/// Who somebody is. Never printed: everything in it is personal.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The family name.
    pub family_name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// Whose register the number is of.
    pub registration_body: Option<String>,
    /// The number in the register.
    pub registration_number: Option<String>,
}

impl Particulars {
    fn registration_key(&self) -> Option<String> {
        registration_key(self.registration_body.as_deref()?, self.registration_number.as_deref()?)
    }
}

impl std::fmt::Debug for Particulars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Particulars")
    }
}

/// A registration with a regulator, without its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Who.
    pub person: PersonId,
    /// Who keeps the record.
    pub owner: OdsCode,
    /// The regulator.
    pub body: String,
    /// The last day, if known.
    pub expiry: Option<Date>,
}

/// An engagement's stored columns with its stored hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The engagement, if anything is known of it at the instant.
    pub engagement: Option<engagement::Model>,
    /// Its hours, wherever they are.
    pub assignments: Vec<assignment::Model>,
}

/// The engagements that are or ever were called one of `references` by owners in the scope.
pub async fn engagement_ids(
    db: &impl ConnectionTrait,
    scope: &Scope,
    references: &BTreeSet<&str>,
) -> Result<BTreeMap<String, BTreeMap<OdsCode, EngagementId>>, Error> {
    let references: Vec<&str> = references.iter().copied().collect();
    let mut found: BTreeMap<String, BTreeMap<OdsCode, EngagementId>> = BTreeMap::new();
    for chunk in references.chunks(KEYS) {
        let rows: Vec<(String, String, Uuid)> = engagement::Entity::find()
            .select_only()
            .columns([
                engagement::Column::Reference,
                engagement::Column::OwnerCode,
                engagement::Column::EngagementId,
            ])
            .distinct()
            .filter(scope.owner_within(engagement::Column::OwnerCode))
            .filter(engagement::Column::Reference.is_in(chunk.iter().copied()))
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        for (reference, owner, id) in rows {
            found.entry(reference).or_default().insert(stored_code(&owner)?, EngagementId(id));
        }
    }
    Ok(found)
}

/// The people that owners in the scope call one of `references`, by owner and reference.
pub async fn person_ids(
    db: &impl ConnectionTrait,
    scope: &Scope,
    references: &BTreeSet<&str>,
) -> Result<BTreeMap<(OdsCode, String), PersonId>, Error> {
    let references: Vec<&str> = references.iter().copied().collect();
    let mut found = BTreeMap::new();
    for chunk in references.chunks(KEYS) {
        let rows = person::Entity::find()
            .filter(scope.owner_within(person::Column::OwnerCode))
            .filter(person::Column::Reference.is_in(chunk.iter().copied()))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            found.insert((stored_code(&row.owner_code)?, row.reference), PersonId(row.id));
        }
    }
    Ok(found)
}

/// The engagements of some people of owners in the scope, as known at an instant.
pub async fn engagements_of(
    db: &impl ConnectionTrait,
    scope: &Scope,
    people: &BTreeSet<PersonId>,
    at: Instant,
) -> Result<BTreeSet<EngagementId>, Error> {
    let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let mut found = BTreeSet::new();
    for chunk in people.chunks(KEYS) {
        let ids: Vec<Uuid> = engagement::Entity::find()
            .select_only()
            .column(engagement::Column::EngagementId)
            .filter(scope.owner_within(engagement::Column::OwnerCode))
            .filter(engagement::Column::PersonId.is_in(chunk.iter().copied()))
            .filter(known_at::<engagement::Model>(at))
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        found.extend(ids.into_iter().map(EngagementId));
    }
    Ok(found)
}

/// What is known at an instant of engagements of owners in the scope, with hours of every PCN: an
/// owner's record is checked as a whole.
pub async fn stored(
    db: &impl ConnectionTrait,
    scope: &Scope,
    ids: &BTreeSet<EngagementId>,
    at: Instant,
) -> Result<HashMap<EngagementId, Stored>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut found: HashMap<EngagementId, Stored> = HashMap::new();
    for chunk in ids.chunks(KEYS) {
        let rows = engagement::Entity::find()
            .filter(scope.owner_within(engagement::Column::OwnerCode))
            .filter(engagement::Column::EngagementId.is_in(chunk.iter().copied()))
            .filter(known_at::<engagement::Model>(at))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            let id = EngagementId(row.engagement_id);
            found.insert(id, Stored { engagement: Some(row), assignments: Vec::new() });
        }
        let rows = assignment::Entity::find()
            .filter(assignment::Column::EngagementId.is_in(chunk.iter().copied()))
            .filter(known_at::<assignment::Model>(at))
            .order_by_asc(assignment::Column::ValidFrom)
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            if let Some(stored) = found.get_mut(&EngagementId(row.engagement_id)) {
                stored.assignments.push(row);
            }
        }
    }
    Ok(found)
}

/// Adds people whom their owner has not named before; the owners are in the scope.
pub async fn add(
    txn: &impl ConnectionTrait,
    scope: &Scope,
    people: &[Person],
) -> Result<(), Error> {
    let foreign = people.iter().any(|person| !scope.owns(&person.owner));
    if foreign {
        return Err(Error::internal("a person of an owner outside the scope was added"));
    }
    let rows: Vec<_> = people
        .iter()
        .map(|person| {
            let Person { id, owner, reference } = person;
            let owner_code = owner.to_string();
            person::Model { id: id.0, owner_code, reference: reference.clone() }.into_active_model()
        })
        .collect();
    for chunk in rows.chunks(ROWS) {
        person::Entity::insert_many(chunk.iter().cloned())
            .exec_without_returning(txn)
            .await
            .map_err(db::sort)?;
    }
    Ok(())
}

/// One person whose owner is in the scope, or who has or had hours there, as known now. One who is
/// hidden takes no longer than one who is not there.
pub async fn person(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: PersonId,
) -> Result<Option<Person>, Error> {
    let mut query = person::Entity::find_by_id(id.0);
    if !scope.is_england() {
        let seen = Condition::any()
            .add(scope.owner_within(person::Column::OwnerCode))
            .add(Expr::exists(hours_within(scope, id)));
        query = query.filter(seen);
    }
    let Some(row) = query.one(db).await.map_err(db::sort)? else {
        return Ok(None);
    };
    Ok(Some(Person { id, owner: stored_code(&row.owner_code)?, reference: row.reference }))
}

/// The hours of somebody that the scope reaches, as known now.
fn hours_within(scope: &Scope, id: PersonId) -> SelectStatement {
    let engagements = Query::select()
        .column(engagement::Column::EngagementId)
        .from(engagement::Entity)
        .and_where(engagement::Column::PersonId.eq(id.0))
        .cond_where(known_at::<engagement::Model>(kit::cut::NOW))
        .take();
    Query::select()
        .column(assignment::Column::Id)
        .from(assignment::Entity)
        .and_where(assignment::Column::EngagementId.in_subquery(engagements))
        .cond_where(scope.days_within(
            assignment::Column::PcnCode,
            assignment::Column::ValidFrom,
            assignment::Column::ValidUntil,
        ))
        .cond_where(known_at::<assignment::Model>(kit::cut::NOW))
        .take()
}

/// Who some people are. The people were found inside the scope before.
pub async fn particulars(
    db: &impl ConnectionTrait,
    _: &Scope,
    people: &BTreeSet<PersonId>,
) -> Result<HashMap<PersonId, Particulars>, Error> {
    let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let mut found = HashMap::new();
    for chunk in people.chunks(KEYS) {
        let rows = person_particulars::Entity::find()
            .filter(person_particulars::Column::PersonId.is_in(chunk.iter().copied()))
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            let person_particulars::Model {
                person_id,
                family_name,
                given_name,
                registration_body,
                registration_number,
                owner_code: _,
                registration_key: _,
            } = row;
            let particulars =
                Particulars { family_name, given_name, registration_body, registration_number };
            found.insert(PersonId(person_id), particulars);
        }
    }
    Ok(found)
}

/// Sets who some people are, each with its owner. The people were found or added inside the scope
/// before.
pub async fn set_particulars(
    txn: &impl ConnectionTrait,
    _: &Scope,
    people: Vec<(PersonId, OdsCode, Particulars)>,
) -> Result<(), Error> {
    let rows: Vec<_> = people
        .into_iter()
        .map(|(person, owner, particulars)| {
            let registration_key = particulars.registration_key();
            let Particulars { family_name, given_name, registration_body, registration_number } =
                particulars;
            person_particulars::Model {
                person_id: person.0,
                owner_code: owner.to_string(),
                family_name,
                given_name,
                registration_body,
                registration_number,
                registration_key,
            }
            .into_active_model()
        })
        .collect();
    for chunk in rows.chunks(ROWS) {
        let replace = OnConflict::column(person_particulars::Column::PersonId)
            .update_columns([
                person_particulars::Column::FamilyName,
                person_particulars::Column::GivenName,
                person_particulars::Column::RegistrationBody,
                person_particulars::Column::RegistrationNumber,
                person_particulars::Column::RegistrationKey,
            ])
            .to_owned();
        person_particulars::Entity::insert_many(chunk.iter().cloned())
            .on_conflict(replace)
            .exec_without_returning(txn)
            .await
            .map_err(db::sort)?;
    }
    Ok(())
}

/// The registrations of some people. The people were found inside the scope before.
pub async fn registrations(
    db: &impl ConnectionTrait,
    _: &Scope,
    people: &BTreeSet<PersonId>,
    at: Instant,
) -> Result<Vec<Registration>, Error> {
    let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let mut found = Vec::new();
    for chunk in people.chunks(KEYS) {
        let rows = registration::Entity::find()
            .filter(registration::Column::PersonId.is_in(chunk.iter().copied()))
            .filter(known_at::<registration::Model>(at))
            .order_by_asc(registration::Column::Body)
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            found.push(Registration {
                person: PersonId(row.person_id),
                owner: stored_code(&row.owner_code)?,
                body: row.body,
                expiry: row.expiry.map(from_column),
            });
        }
    }
    Ok(found)
}

/// Records registrations, each with its line; answers what each changed: nothing, or the row that
/// it took the place of, if there was one.
pub async fn record_registrations(
    txn: &impl ConnectionTrait,
    _: &Scope,
    provenance: &Provenance,
    rows: &[(u32, Registration)],
) -> Result<Vec<Outcome<()>>, Error> {
    let models = rows
        .iter()
        .map(|(line, registration)| {
            let Registration { person, owner, body, expiry } = registration;
            let (owner, expiry) = (owner.to_string(), expiry.map(to_column));
            registration::Model::new(provenance, Some(*line), person.0, body.clone(), owner, expiry)
        })
        .collect();
    let outcomes = statement::record(txn, models).await?;
    Ok(outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Added(beside) => Outcome::Added(beside),
            Outcome::Corrected(_) => Outcome::Corrected(Box::new(())),
            Outcome::Unchanged => Outcome::Unchanged,
        })
        .collect())
}

pub(super) fn stored_code(text: &str) -> Result<OdsCode, Error> {
    text.parse().map_err(|error| Error::internal(format!("a stored code {error}")))
}
