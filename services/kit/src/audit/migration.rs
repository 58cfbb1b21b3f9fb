//! The tables of leases and of the chain.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, integer, text, text_null, uuid};

/// Adds leases, the reason and tenant of entries, and the seals.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(AuditChain)
}

struct AuditChain;

impl MigrationName for AuditChain {
    fn name(&self) -> &str {
        "m0004_audit_chain"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for AuditChain {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            Table::create()
                .table("lease")
                .col(text("name").primary_key())
                .col(uuid("holder"))
                .col(big_integer("until"))
                .to_owned(),
            // Entries that wait for their seal. A queue: what is sealed leaves it.
            Table::create().table("audit_unsealed").col(uuid("entry_id").primary_key()).to_owned(),
            // Written once: entry and seal are never changed afterwards.
            Table::create()
                .table("audit_seal")
                .col(big_integer("sequence").primary_key())
                .col(uuid("entry_id"))
                .col(integer("version"))
                .col(big_integer("sealed_at"))
                .col(binary("hash"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        // One at a time, as SQLite wants it.
        for mut column in [text_null("reason"), text_null("tenant_code")] {
            let add = Table::alter().table("audit_entry").add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        let mut once = Index::create();
        once.table("audit_seal").name("audit_seal_entry").col("entry_id").unique();
        manager.create_index(once).await?;
        for (name, column) in [
            ("audit_entry_time", None),
            ("audit_entry_resource", Some("resource")),
            ("audit_entry_principal", Some("principal")),
            ("audit_entry_tenant", Some("tenant_code")),
        ] {
            let mut index = Index::create();
            index.table("audit_entry").name(name);
            if let Some(column) = column {
                index.col(column);
            }
            manager.create_index(index.col("time").col("id").to_owned()).await?;
        }
        let all = Query::select().column("id").from("audit_entry").to_owned();
        let wait = Query::insert()
            .into_table("audit_unsealed")
            .columns(["entry_id"])
            .select_from(all)
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .to_owned();
        manager.get_connection().execute(&wait).await?;
        Ok(())
    }
}
