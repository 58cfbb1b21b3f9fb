//! What claims were built from, frozen. Rows are added and never changed.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim_build")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub pcn_code: String,
    pub month: chrono::NaiveDate,
    pub known_at: i64,
    pub rules_known_on: chrono::NaiveDate,
    pub claim_date: chrono::NaiveDate,
    pub rule_digest: String,
    pub mechanism: i32,
    /// The ground of the evaluation, as JSON.
    pub ground: String,
    pub ground_digest: String,
    pub result_digest: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
