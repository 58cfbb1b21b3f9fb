//! The table of first answers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, text, uuid};

/// Makes the table of first answers.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(StoredAnswers)
}

struct StoredAnswers;

impl MigrationName for StoredAnswers {
    fn name(&self) -> &str {
        "m0005_stored_answers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for StoredAnswers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("stored_answer")
            .col(text("tenant_code"))
            .col(text("principal"))
            .col(text("method"))
            .col(uuid("request_id"))
            .col(binary("digest"))
            .col(binary("body"))
            .col(big_integer_null("position"))
            .col(big_integer("stored_at"))
            .primary_key(
                Index::create().col("tenant_code").col("principal").col("method").col("request_id"),
            )
            .to_owned();
        manager.create_table(table).await?;
        let age = Index::create()
            .table("stored_answer")
            .name("stored_answer_age")
            .col("stored_at")
            .to_owned();
        manager.create_index(age).await
    }
}
