//! How far a service has followed each producer, and how far it had at the end of each day.

use std::collections::BTreeMap;

use arrs_proto::event::v1::Fact;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use terms::Instant;

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

/// How far a projection has followed `producer`; 0 before its first fact.
pub async fn cursor(db: &impl ConnectionTrait, producer: &str) -> Result<i64, Error> {
    Ok(row(db, producer).await?.map_or(0, |row| row.position))
}

/// How far `producer` had come at the end of a day, of what has been followed by now; at
/// [`NOW`](crate::cut::NOW), how far it has been followed.
pub async fn cursor_at(
    db: &impl ConnectionTrait,
    producer: &str,
    at: Instant,
) -> Result<i64, Error> {
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

pub(super) async fn advance(
    db: &impl ConnectionTrait,
    producer: &str,
    to: &Fact,
) -> Result<(), Error> {
    let row = reached::ActiveModel {
        producer: Set(producer.to_owned()),
        position: Set(to.position),
        fact_id: Set(to.id.clone()),
    };
    let on_conflict = OnConflict::column(reached::Column::Producer)
        .update_columns([reached::Column::Position, reached::Column::FactId])
        .to_owned();
    reached::Entity::insert(row)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}

/// Forgets how far a projection has come, so that it follows from the first fact again.
pub async fn forget_cursor(db: &impl ConnectionTrait, producer: &str) -> Result<(), Error> {
    reached::Entity::delete_by_id(producer).exec(db).await.map_err(db::sort)?;
    day::Entity::delete_many()
        .filter(day::Column::Producer.eq(producer))
        .exec(db)
        .await
        .map_err(db::sort)?;
    Ok(())
}
