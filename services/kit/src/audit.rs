//! The audit trail: who did what to which rows, committed with the effect.
//!
//! Entries carry no personal values. Sealing them into a chain is not done here yet.

use sea_orm::{ConnectionTrait, EntityTrait, Set};
use uuid::Uuid;

use crate::error::Error;
use crate::identity::Caller;
use crate::{Clock, db};

mod audit_entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_entry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub time: i64,
        pub principal: String,
        pub method: String,
        pub resource: String,
        pub outcome: String,
        pub detail: String,
        pub trace: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Records that `caller` did something to `resource`; `outcome` is a word such as `done`.
pub async fn append(
    db: &impl ConnectionTrait,
    clock: &Clock,
    caller: &Caller,
    resource: &str,
    outcome: &str,
    detail: String,
) -> Result<(), Error> {
    let row = audit_entry::ActiveModel {
        id: Set(Uuid::now_v7()),
        time: Set(clock.now().0),
        principal: Set(caller.principal().to_owned()),
        method: Set(caller.method().to_owned()),
        resource: Set(resource.to_owned()),
        outcome: Set(outcome.to_owned()),
        detail: Set(detail),
        trace: Set(crate::telemetry::traceparent()),
    };
    audit_entry::Entity::insert(row).exec_without_returning(db).await.map_err(db::sort)?;
    Ok(())
}
