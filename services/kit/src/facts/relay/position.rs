//! How far the facts of a service have been published.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::db;
use crate::error::Error;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "relay")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub position: i64,
        pub again_after: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What has been published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Published {
    /// The last fact that the broker acknowledged.
    pub(super) position: i64,
    /// The facts after this one are to be published again.
    pub(super) again_after: Option<i64>,
}

pub(super) async fn get(db: &impl ConnectionTrait) -> Result<Published, Error> {
    let row = row::Entity::find_by_id(1).one(db).await.map_err(db::sort)?;
    let row = row.ok_or_else(|| Error::internal("the relay has no position"))?;
    Ok(Published { position: row.position, again_after: row.again_after })
}

pub(super) async fn set(db: &impl ConnectionTrait, published: Published) -> Result<(), Error> {
    row::Entity::update_many()
        .col_expr(row::Column::Position, Expr::value(published.position))
        .col_expr(row::Column::AgainAfter, Expr::value(published.again_after))
        .filter(row::Column::Id.eq(1))
        .exec(db)
        .await
        .map(drop)
        .map_err(db::sort)
}

/// Notes what was acknowledged. What somebody asked for meanwhile stands.
pub(super) async fn reach(
    db: &impl ConnectionTrait,
    position: i64,
    asked: Option<i64>,
    again_after: Option<i64>,
) -> Result<(), Error> {
    let known = get(db).await?;
    let again_after = if known.again_after == asked { again_after } else { known.again_after };
    set(db, Published { position, again_after }).await
}
