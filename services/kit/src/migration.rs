//! The tables that every service has: outbox, cursors, imports, audit, keys.

use aws_lc_rs::rand;
use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, binary, boolean, date_null, integer, text, text_null, uuid,
};

use crate::db::{Tenancy, Tenant};

/// How the rows of the shell belong to tenants: a fact without one is for everybody.
pub const TENANTS: [Tenancy; 2] = [
    ("outbox", &[Tenant::Column("tenant_code"), Tenant::Public("tenant_code")]),
    ("stored_answer", &[Tenant::Column("tenant_code")]),
];

/// Makes the tables of the shell.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(Shell)
}

struct Shell;

impl MigrationName for Shell {
    fn name(&self) -> &str {
        "m0001_shell"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Shell {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            Table::create()
                .table("outbox_head")
                .col(integer("id").primary_key())
                .col(big_integer("position"))
                .to_owned(),
            Table::create()
                .table("outbox")
                .col(big_integer("position").primary_key())
                .col(uuid("id"))
                .col(text("kind"))
                .col(text("subject"))
                .col(text_null("tenant_code"))
                .col(big_integer("time"))
                .col(text_null("traceparent"))
                .col(binary("body"))
                .to_owned(),
            Table::create()
                .table("projection_cursor")
                .col(text("producer").primary_key())
                .col(big_integer("position"))
                .col(text("fact_id"))
                .to_owned(),
            Table::create()
                .table("projection_day")
                .col(text("producer"))
                .col(big_integer("until"))
                .col(big_integer("position"))
                .primary_key(Index::create().col("producer").col("until"))
                .to_owned(),
            Table::create()
                .table("audit_entry")
                .col(uuid("id").primary_key())
                .col(big_integer("time"))
                .col(text("principal"))
                .col(text("method"))
                .col(text("resource"))
                .col(text("outcome"))
                .col(text("detail"))
                .col(text_null("trace"))
                .to_owned(),
            Table::create()
                .table("import")
                .col(uuid("id").primary_key())
                .col(text("principal"))
                .col(uuid("request_id"))
                .col(text("kind"))
                .col(text_null("owner_code"))
                .col(text("file_name"))
                .col(big_integer("size_bytes"))
                .col(text("sha256"))
                .col(date_null("recorded_on"))
                .col(boolean("validate_only"))
                .col(text("state"))
                .col(big_integer("created_at"))
                .col(integer("row_count"))
                .col(integer("added_count"))
                .col(integer("corrected_count"))
                .col(integer("unchanged_count"))
                .col(integer("error_count"))
                .col(text("notes"))
                .to_owned(),
            Table::create()
                .table("import_error")
                .col(uuid("import_id"))
                .col(integer("number"))
                .col(integer("line"))
                .col(text("column_name"))
                .col(text("value"))
                .col(text("reason"))
                .primary_key(Index::create().col("import_id").col("number"))
                .to_owned(),
            Table::create()
                .table("page_key")
                .col(integer("id").primary_key())
                .col(binary("secret"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        let once = Index::create()
            .table("import")
            .name("import_request")
            .col("principal")
            .col("request_id")
            .unique()
            .to_owned();
        manager.create_index(once).await?;

        let db = manager.get_connection();
        let head = Query::insert()
            .into_table("outbox_head")
            .columns(["id", "position"])
            .values_panic([1.into(), 0_i64.into()])
            .to_owned();
        db.execute(&head).await?;
        let mut secret = [0; 32];
        rand::fill(&mut secret).expect("the machine has randomness");
        let key = Query::insert()
            .into_table("page_key")
            .columns(["id", "secret"])
            .values_panic([1.into(), secret.to_vec().into()])
            .to_owned();
        db.execute(&key).await?;
        Ok(())
    }
}
