//! The same human in the records of several owners, by the registration with a regulator.
//!
//! This is the one place that reads past a caller's scope, which is what finding the same human
//! under two owners takes: one of the records is another owner's by definition. What is found is
//! safe inside the service only. A registration never leaves this module, and who asks must not
//! pass on a row that the caller may not see: the staff import answers one bit of it, the list of
//! matched people cuts each human with the scope first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kit::cut::NOW;
use kit::roster::from_column;
use kit::roster::table::{assignment, engagement};
use kit::statement::known_at;
use kit::{Error, db};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::{EngagementId, Instant, Minutes, OdsCode, Period, PersonId};
use uuid::Uuid;

use super::entity::{match_answer, person_particulars};
use super::people::stored_code;
use crate::domain::registration_match::Hours;

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// A person as one owner keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Our identifier.
    pub person: PersonId,
    /// Who keeps the record.
    pub owner: OdsCode,
}

/// A human whom several owners keep.
#[derive(Clone, PartialEq, Eq)]
pub struct Human {
    registration_key: String,
    /// All records, in the order of identifiers.
    pub records: Vec<Record>,
}

// The registration is never printed.
impl std::fmt::Debug for Human {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Human").field("records", &self.records).finish_non_exhaustive()
    }
}

/// What an owner was answered of the hours of a human.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whether they exceeded the contract.
    pub exceed: bool,
    /// When it was found.
    pub at: Instant,
}

/// Some people whose registration another owner has as well, whoever keeps them, in the order of
/// identifiers.
pub async fn people_across_owners(
    db: &impl ConnectionTrait,
    after: Option<PersonId>,
    limit: u64,
) -> Result<Vec<PersonId>, Error> {
    let found = async {
        let (here, other) = ("person_particulars", "other");
        let elsewhere = Query::select()
            .expr(Expr::val(1))
            .from_as(here, other)
            .and_where(Expr::col((other, "registration_key")).equals((here, "registration_key")))
            .and_where(Expr::col((other, "owner_code")).not_equals((here, "owner_code")))
            .to_owned();
        let mut query = person_particulars::Entity::find()
            .select_only()
            .column(person_particulars::Column::PersonId)
            .filter(person_particulars::Column::RegistrationKey.is_not_null())
            .filter(Expr::exists(elsewhere));
        if let Some(after) = after {
            query = query.filter(person_particulars::Column::PersonId.gt(after.0));
        }
        let ids: Vec<Uuid> = query
            .order_by_asc(person_particulars::Column::PersonId)
            .limit(limit)
            .into_tuple()
            .all(db)
            .await
            .map_err(db::sort)?;
        Ok(ids.into_iter().map(PersonId).collect())
    };
    db::across_tenants(db, found).await
}

/// Of the humans behind some people those whom several owners keep.
pub async fn records_across_owners(
    db: &impl ConnectionTrait,
    people: &[PersonId],
) -> Result<Vec<Human>, Error> {
    let found = async {
        let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
        let mut keys: BTreeSet<String> = BTreeSet::new();
        for chunk in people.chunks(KEYS) {
            let found: Vec<String> = person_particulars::Entity::find()
                .select_only()
                .column(person_particulars::Column::RegistrationKey)
                .filter(person_particulars::Column::PersonId.is_in(chunk.iter().copied()))
                .filter(person_particulars::Column::RegistrationKey.is_not_null())
                .into_tuple()
                .all(db)
                .await
                .map_err(db::sort)?;
            keys.extend(found);
        }
        let keys: Vec<String> = keys.into_iter().collect();
        let mut humans: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for chunk in keys.chunks(KEYS) {
            let rows: Vec<(String, Uuid, String)> = person_particulars::Entity::find()
                .select_only()
                .columns([
                    person_particulars::Column::RegistrationKey,
                    person_particulars::Column::PersonId,
                    person_particulars::Column::OwnerCode,
                ])
                .filter(person_particulars::Column::RegistrationKey.is_in(chunk.iter().cloned()))
                .order_by_asc(person_particulars::Column::PersonId)
                .into_tuple()
                .all(db)
                .await
                .map_err(db::sort)?;
            for (key, person, owner) in rows {
                let record = Record { person: PersonId(person), owner: stored_code(&owner)? };
                humans.entry(key).or_default().push(record);
            }
        }
        let several =
            |records: &[Record]| records.iter().any(|record| record.owner != records[0].owner);
        let humans = humans.into_iter().filter(|(_, records)| several(records));
        let human = |(registration_key, records)| Human { registration_key, records };
        Ok(humans.map(human).collect())
    };
    db::across_tenants(db, found).await
}

/// What an owner was answered of a human last, if ever.
pub async fn answered(
    db: &impl ConnectionTrait,
    human: &Human,
    owner: &OdsCode,
) -> Result<Option<Answered>, Error> {
    let key = (owner.to_string(), human.registration_key.clone());
    let row = match_answer::Entity::find_by_id(key).one(db).await.map_err(db::sort)?;
    Ok(row.map(|row| Answered { exceed: row.exceed, at: Instant(row.answered_at) }))
}

/// Keeps what an owner is answered of a human.
pub async fn keep_answer(
    db: &impl ConnectionTrait,
    human: &Human,
    owner: &OdsCode,
    answered: Answered,
) -> Result<(), Error> {
    use match_answer::Column;

    let row = match_answer::ActiveModel {
        owner_code: Set(owner.to_string()),
        registration_key: Set(human.registration_key.clone()),
        exceed: Set(answered.exceed),
        answered_at: Set(answered.at.0),
    };
    let again = OnConflict::columns([Column::OwnerCode, Column::RegistrationKey])
        .update_columns([Column::Exceed, Column::AnsweredAt])
        .to_owned();
    let kept = match_answer::Entity::insert(row).on_conflict(again);
    kept.exec_without_returning(db).await.map_err(db::sort)?;
    Ok(())
}

/// All hours of some people, whoever keeps them and wherever they are, as known now.
pub async fn hours_across_owners(
    db: &impl ConnectionTrait,
    people: &[PersonId],
) -> Result<HashMap<PersonId, Vec<Hours>>, Error> {
    let found = async {
        let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
        let mut found: HashMap<PersonId, Vec<Hours>> = HashMap::new();
        for chunk in people.chunks(KEYS) {
            let rows: Vec<(Uuid, String, Option<Uuid>)> = engagement::Entity::find()
                .select_only()
                .columns([
                    engagement::Column::EngagementId,
                    engagement::Column::OwnerCode,
                    engagement::Column::PersonId,
                ])
                .filter(engagement::Column::PersonId.is_in(chunk.iter().copied()))
                .filter(known_at::<engagement::Model>(NOW))
                .into_tuple()
                .all(db)
                .await
                .map_err(db::sort)?;
            let mut engagements: HashMap<Uuid, (PersonId, OdsCode)> = HashMap::new();
            for (engagement, owner, person) in rows {
                let Some(person) = person else { continue };
                engagements.insert(engagement, (PersonId(person), stored_code(&owner)?));
            }
            let ids: Vec<Uuid> = engagements.keys().copied().collect();
            for chunk in ids.chunks(KEYS) {
                let rows = assignment::Entity::find()
                    .filter(assignment::Column::EngagementId.is_in(chunk.iter().copied()))
                    .filter(known_at::<assignment::Model>(NOW))
                    .all(db)
                    .await
                    .map_err(db::sort)?;
                for row in rows {
                    let Some((person, owner)) = engagements.get(&row.engagement_id) else {
                        continue;
                    };
                    found.entry(*person).or_default().push(hours(owner, &row)?);
                }
            }
        }
        Ok(found)
    };
    db::across_tenants(db, found).await
}

fn hours(owner: &OdsCode, row: &assignment::Model) -> Result<Hours, Error> {
    let days = Period::new(from_column(row.valid_from), row.valid_until.map(from_column));
    let minutes = |value: i32| {
        let value = u32::try_from(value).map_err(|_| Error::internal("stored minutes below zero"));
        value.map(Minutes::new)
    };
    Ok(Hours {
        owner: owner.clone(),
        engagement: EngagementId(row.engagement_id),
        days: days.ok_or_else(|| Error::internal("a stored assignment has no days"))?,
        weekly: minutes(row.weekly_minutes)?,
        contract: row.contract_minutes.map(minutes).transpose()?,
    })
}
