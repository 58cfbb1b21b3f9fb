//! What owners were answered of hours elsewhere.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, text};

pub(super) struct MatchAnswer;

impl MigrationName for MatchAnswer {
    fn name(&self) -> &str {
        "m0015_match_answer"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MatchAnswer {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("match_answer")
            .col(text("owner_code"))
            .col(text("registration_key"))
            .col(boolean("exceed"))
            .col(big_integer("answered_at"))
            .primary_key(Index::create().col("owner_code").col("registration_key"))
            .to_owned();
        manager.create_table(table).await
    }
}
