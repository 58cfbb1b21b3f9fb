//! The ledger: each transfer is two postings that add up to nothing. Rows are added and never
//! changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "posting")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub pcn_code: String,
    /// The transfer, the first one of the PCN being 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    pub year: String,
    pub pot: String,
    pub amount_pence: i64,
    pub claim_month: Option<chrono::NaiveDate>,
    pub claim_number: i32,
    pub posted_at: i64,
    pub posted_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
