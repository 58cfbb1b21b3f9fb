//! Facts that could not be recorded: parked by position with their subject, so that others flow.
//!
//! Later facts of the same subject park behind, in their order, until all are tried again.

use std::collections::BTreeSet;

use arrs_proto::event::v1::Fact;
use prost::Message;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use terms::Instant;

use crate::db;
use crate::error::Error;

/// How many positions of parked facts an answer names.
const NAMED: u64 = 10;
/// The longest reason that is kept, in characters.
const REASON: usize = 1_000;
/// What is written at a time: eight bound values a row stay below the limits of both engines.
const ROWS: usize = 1_000;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "parked_fact")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub subject: String,
        pub fact: Vec<u8>,
        pub reason: String,
        pub parked_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A fact that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    /// The fact as it was told.
    pub fact: Fact,
    /// Why it could not be recorded; empty while it only waits behind one of its subject.
    pub reason: String,
    /// Since when it waits.
    pub since: Instant,
}

/// The subjects of which facts of `producer` are parked.
pub(super) async fn subjects(
    db: &impl ConnectionTrait,
    producer: &str,
) -> Result<BTreeSet<String>, Error> {
    let subjects: Vec<String> = row::Entity::find()
        .select_only()
        .column(row::Column::Subject)
        .distinct()
        .filter(row::Column::Producer.eq(producer))
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)?;
    Ok(subjects.into_iter().collect())
}

/// Parks facts.
pub(super) async fn park(
    db: &impl ConnectionTrait,
    producer: &str,
    facts: &[Fact],
    reason: &str,
    now: Instant,
) -> Result<(), Error> {
    let rows = facts.iter().map(|fact| row::ActiveModel {
        producer: Set(producer.to_owned()),
        position: Set(fact.position),
        subject: Set(fact.subject.clone()),
        fact: Set(fact.encode_to_vec()),
        reason: Set(kept(reason)),
        parked_at: Set(now.0),
    });
    let rows: Vec<_> = rows.collect();
    for chunk in rows.chunks(ROWS) {
        row::Entity::insert_many(chunk.iter().cloned())
            .exec_without_returning(db)
            .await
            .map_err(db::sort)?;
    }
    Ok(())
}

/// A reason as it is kept: no engine takes a NUL in a text.
fn kept(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(REASON).collect()
}

/// The oldest parked fact of a subject.
pub(super) async fn first(
    db: &impl ConnectionTrait,
    producer: &str,
    subject: &str,
) -> Result<Option<Fact>, Error> {
    let row = row::Entity::find()
        .filter(row::Column::Producer.eq(producer))
        .filter(row::Column::Subject.eq(subject))
        .order_by_asc(row::Column::Position)
        .one(db)
        .await
        .map_err(db::sort)?;
    row.map(|row| decode(&row)).transpose()
}

/// Notes why a parked fact still cannot be recorded.
pub(super) async fn blame(
    db: &impl ConnectionTrait,
    producer: &str,
    position: i64,
    reason: &str,
) -> Result<(), Error> {
    let row = row::ActiveModel {
        producer: Set(producer.to_owned()),
        position: Set(position),
        reason: Set(kept(reason)),
        ..Default::default()
    };
    row::Entity::update(row).exec(db).await.map(drop).map_err(db::sort)
}

/// Takes a fact out, because it has been recorded.
pub(super) async fn release(
    db: &impl ConnectionTrait,
    producer: &str,
    position: i64,
) -> Result<(), Error> {
    let key = (producer.to_owned(), position);
    row::Entity::delete_by_id(key).exec(db).await.map(drop).map_err(db::sort)
}

/// Takes all facts of a producer out, because they will be told again.
pub(super) async fn clear(db: &impl ConnectionTrait, producer: &str) -> Result<(), Error> {
    row::Entity::delete_many()
        .filter(row::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map(drop)
        .map_err(db::sort)
}

/// How many facts of a producer are parked.
pub(super) async fn count(db: &impl ConnectionTrait, producer: &str) -> Result<u64, Error> {
    row::Entity::find().filter(row::Column::Producer.eq(producer)).count(db).await.map_err(db::sort)
}

/// The first positions of parked facts, up to a position.
pub(super) async fn up_to(
    db: &impl ConnectionTrait,
    producer: &str,
    position: i64,
) -> Result<Vec<i64>, Error> {
    row::Entity::find()
        .select_only()
        .column(row::Column::Position)
        .filter(row::Column::Producer.eq(producer))
        .filter(row::Column::Position.lte(position))
        .order_by_asc(row::Column::Position)
        .limit(NAMED)
        .into_tuple()
        .all(db)
        .await
        .map_err(db::sort)
}

/// The parked facts of a producer after a position, in order, at most `limit`.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    producer: &str,
    after: i64,
    limit: u64,
) -> Result<Vec<Parked>, Error> {
    let rows = row::Entity::find()
        .filter(row::Column::Producer.eq(producer))
        .filter(row::Column::Position.gt(after))
        .order_by_asc(row::Column::Position)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    let parked = |row: row::Model| {
        let fact = decode(&row)?;
        Ok(Parked { fact, reason: row.reason, since: Instant(row.parked_at) })
    };
    rows.into_iter().map(parked).collect()
}

fn decode(row: &row::Model) -> Result<Fact, Error> {
    Fact::decode(&row.fact[..]).map_err(Error::internal)
}
