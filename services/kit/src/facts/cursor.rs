//! How far a service has followed each producer, and how far it had at the end of each day.

use std::collections::BTreeMap;

use arrs_proto::event::v1::Fact;
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::Instant;

use super::{outbox, parked};
use crate::cut::Place;
use crate::db;
use crate::error::Error;

mod reached {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "projection_cursor")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        pub position: i64,
        pub fact_id: String,
        /// From which position on what was followed is whole: before it, a later fact that takes
        /// back an earlier one may be missing.
        pub whole_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How far a producer had come at the end of each day, by what was followed of it.
mod day {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "projection_day")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub producer: String,
        /// The last instant of the day, in London.
        #[sea_orm(primary_key, auto_increment = false)]
        pub until: i64,
        pub position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) use reached::Model as Reached;

/// Where a projection is whole while its producer has not said yet how far it has come.
pub(super) const UNKNOWN: i64 = i64::MAX;

/// How far `producer` has been followed at an instant.
pub async fn followed(
    db: &impl ConnectionTrait,
    producer: &'static str,
    at: Instant,
) -> Result<Place, Error> {
    let position = cursor_at(db, producer, at).await?;
    let parked = parked::up_to(db, producer, position).await?;
    Ok(Place { producer, position, parked })
}

/// How far a service itself had told facts at an instant.
pub async fn told(
    db: &impl ConnectionTrait,
    producer: &'static str,
    at: Instant,
) -> Result<Place, Error> {
    let position = outbox::position_at(db, at).await?;
    Ok(Place { producer, position, parked: Vec::new() })
}

/// How far a projection has followed `producer`; 0 before its first fact.
pub async fn cursor(db: &impl ConnectionTrait, producer: &str) -> Result<i64, Error> {
    Ok(row(db, producer).await?.map_or(0, |row| row.position))
}

/// How far `producer` had come at the end of a day, of what has been followed by now; at
/// [`NOW`](crate::cut::NOW), how far it has been followed.
async fn cursor_at(db: &impl ConnectionTrait, producer: &str, at: Instant) -> Result<i64, Error> {
    if at == crate::cut::NOW {
        return cursor(db, producer).await;
    }
    let newest: Option<i64> = day::Entity::find()
        .select_only()
        .column(day::Column::Position)
        .filter(day::Column::Producer.eq(producer))
        .filter(day::Column::Until.lte(at.0))
        .order_by_desc(day::Column::Until)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
        .map_err(db::sort)?;
    Ok(newest.unwrap_or(0))
}

/// Notes the last position of each day of a batch, whose facts come in the order of their times.
pub(super) async fn mark_days(
    db: &impl ConnectionTrait,
    producer: &str,
    days: BTreeMap<i64, i64>,
) -> Result<(), Error> {
    let rows = days.into_iter().map(|(until, position)| day::ActiveModel {
        producer: Set(producer.to_owned()),
        until: Set(until),
        position: Set(position),
    });
    let on_conflict = OnConflict::columns([day::Column::Producer, day::Column::Until])
        .update_column(day::Column::Position)
        .to_owned();
    day::Entity::insert_many(rows)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

pub(super) async fn row(
    db: &impl ConnectionTrait,
    producer: &str,
) -> Result<Option<Reached>, Error> {
    reached::Entity::find_by_id(producer).one(db).await.map_err(db::sort)
}

/// The cursor of a producer, made at its beginning where there is none yet.
pub(super) async fn begin(db: &impl ConnectionTrait, producer: &str) -> Result<Reached, Error> {
    let beginning = reached::ActiveModel {
        producer: Set(producer.to_owned()),
        position: Set(0),
        fact_id: Set(String::new()),
        // Of nothing nothing can be missing.
        whole_at: Set(0),
    };
    let there = OnConflict::column(reached::Column::Producer).do_nothing().to_owned();
    reached::Entity::insert(beginning)
        .on_conflict(there)
        .exec_without_returning(db)
        .await
        .map_err(db::sort)?;
    row(db, producer).await?.ok_or_else(|| Error::internal("a cursor vanished"))
}

/// Moves the cursor on to a fact, and says whether it stood where it was thought to be: of two
/// followers one moves it. Whoever did keeps the other waiting until the transaction ends.
pub(super) async fn advance(
    db: &impl ConnectionTrait,
    producer: &str,
    from: i64,
    to: &Fact,
) -> Result<bool, Error> {
    let moved = reached::Entity::update_many()
        .col_expr(reached::Column::Position, Expr::value(to.position))
        .col_expr(reached::Column::FactId, Expr::value(to.id.clone()))
        .filter(reached::Column::Producer.eq(producer))
        .filter(reached::Column::Position.eq(from))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(moved.rows_affected == 1)
}

/// Notes how far the producer had come when a projection began to follow it; answers from which
/// position on it is whole.
pub(super) async fn begun(
    db: &impl ConnectionTrait,
    producer: &str,
    head: i64,
) -> Result<i64, Error> {
    reached::Entity::update_many()
        .col_expr(reached::Column::WholeAt, Expr::value(head))
        .filter(reached::Column::Producer.eq(producer))
        .filter(
            Condition::any()
                .add(reached::Column::WholeAt.eq(UNKNOWN))
                .add(reached::Column::Position.eq(0)),
        )
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(row(db, producer).await?.map_or(UNKNOWN, |row| row.whole_at))
}

/// Keeps the cursor where it is until the transaction ends.
pub(super) async fn hold(db: &impl ConnectionTrait, producer: &str) -> Result<(), Error> {
    reached::Entity::update_many()
        .col_expr(reached::Column::Position, Expr::col(reached::Column::Position))
        .filter(reached::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Puts the cursor back to the beginning, so that the projection follows from the first fact again.
pub(super) async fn rewind(db: &impl ConnectionTrait, producer: &str) -> Result<(), Error> {
    reached::Entity::update_many()
        .col_expr(reached::Column::Position, Expr::value(0_i64))
        .col_expr(reached::Column::FactId, Expr::value(""))
        .col_expr(reached::Column::WholeAt, Expr::value(UNKNOWN))
        .filter(reached::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map_err(db::sort)?;
    day::Entity::delete_many()
        .filter(day::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}
