//! Whose hours claims ask for, and what for. Rows are added and never changed; all else of a line
//! comes from evaluating its build again.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "claim_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub build_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i32,
    pub pcn_code: String,
    pub month: chrono::NaiveDate,
    pub engagement_id: Uuid,
    /// Minutes a week times days in this PCN, as far as they are paid for by this line and those
    /// before it of the same month.
    pub minute_days: i64,
    pub own_cost_pence: i64,
    pub maximum_pence: Option<i64>,
    /// Before it was compared with the sum; none without a price.
    pub priced_pence: Option<i64>,
    pub payable_pence: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
