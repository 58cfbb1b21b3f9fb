//! What the postings of a sum add up to. The database refuses a row that does not add up or has an
//! account below nothing.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "balance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub pcn_code: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub year: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub pot: String,
    /// Below zero, as what all others add up to with the opposite sign.
    pub allocation_pence: i64,
    pub room_pence: i64,
    pub claimed_pence: i64,
    pub committed_pence: i64,
    pub approved_pence: i64,
    pub paid_pence: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
