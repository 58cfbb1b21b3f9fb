//! The tables of following and publishing, beside those that every service began with.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, binary, integer, text};

/// Makes the table of facts that could not be recorded, and of how far facts were published.
pub fn relay_and_parked() -> Box<dyn MigrationTrait> {
    Box::new(RelayAndParked)
}

struct RelayAndParked;

impl MigrationName for RelayAndParked {
    fn name(&self) -> &str {
        "m0007_relay_and_parked"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for RelayAndParked {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let parked = Table::create()
            .table("parked_fact")
            .col(text("producer"))
            .col(big_integer("position"))
            .col(text("subject"))
            .col(binary("fact"))
            .col(text("reason"))
            .col(big_integer("parked_at"))
            .primary_key(Index::create().col("producer").col("position"))
            .to_owned();
        let relay = Table::create()
            .table("relay")
            .col(integer("id").primary_key())
            .col(big_integer("position"))
            .col(big_integer_null("again_after"))
            .to_owned();
        for table in [parked, relay] {
            manager.create_table(table).await?;
        }
        let subject = Index::create()
            .table("parked_fact")
            .name("parked_fact_subject")
            .col("producer")
            .col("subject")
            .col("position")
            .to_owned();
        manager.create_index(subject).await?;
        let published = Query::insert()
            .into_table("relay")
            .columns(["id", "position"])
            .values_panic([1.into(), 0_i64.into()])
            .to_owned();
        manager.get_connection().execute(&published).await.map(drop)
    }
}

/// Makes the column that says from which position a projection is whole.
pub fn whole_projections() -> Box<dyn MigrationTrait> {
    Box::new(WholeProjections)
}

struct WholeProjections;

impl MigrationName for WholeProjections {
    fn name(&self) -> &str {
        "m0014_whole_projections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for WholeProjections {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let whole_at = Table::alter()
            .table("projection_cursor")
            // What has been followed by now is whole.
            .add_column(big_integer("whole_at").default(0))
            .to_owned();
        manager.alter_table(whole_at).await
    }
}
