//! The tables, in the order in which versions made them.

use kit::db::{Tenancy, Tenant, row_security};
use kit::migration::TENANTS as SHELL;
use kit::roster::TENANTS as ROSTER;
use kit::statement::columns;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{date, integer, text, uuid};

/// Brings the database of the service up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            kit::migration::migration(),
            kit::roster::migration(),
            Box::new(Sessions),
            kit::audit::migration(),
            kit::facts::migration::relay_and_parked(),
            kit::answers::migration(),
            kit::roster::tenants(),
            row_security("m0009_row_security", TENANTS.into_iter().chain(SHELL).chain(ROSTER)),
            // Once more, where it was said in a way that made large reads slow.
            row_security("m0013_row_security", TENANTS.into_iter().chain(SHELL).chain(ROSTER)),
            kit::facts::migration::whole_projections(),
        ]
    }
}

/// How the rows of the service's own tables belong to tenants.
const TENANTS: [Tenancy; 1] =
    [("session", &[Tenant::Column("pcn_code"), Tenant::Column("owner_code")])];

struct Sessions;

impl MigrationName for Sessions {
    fn name(&self) -> &str {
        "m0003_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sessions {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut session = Table::create();
        session
            .table("session")
            .col(text("reference"))
            .col(text("owner_code"))
            .col(uuid("session_id"))
            .col(uuid("person_id"))
            .col(text("person_reference"))
            .col(text("supervisor_reference"))
            .col(text("kind"))
            .col(date("date"))
            .col(integer("minutes"))
            .col(text("pcn_code"));
        manager.create_table(columns(&mut session).to_owned()).await?;
        for (name, index) in [
            ("session_reference", &["reference", "owner_code", "pcn_code"][..]),
            ("session_pcn_date", &["pcn_code", "date"]),
            ("session_pcn_id", &["pcn_code", "session_id"]),
        ] {
            let mut create = Index::create();
            create.table("session").name(name);
            for column in index {
                create.col(*column);
            }
            manager.create_index(create).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kit::testing::schema;

    use super::*;

    #[tokio::test]
    async fn the_schema_is_the_one_that_is_written_down() {
        schema::is_written_down::<Migrator>(crate::NAME, env!("CARGO_MANIFEST_DIR")).await;
    }

    #[tokio::test]
    async fn a_migration_is_safe_while_the_version_before_it_serves() {
        schema::grows_by_additions::<Migrator>(crate::NAME, &[]).await;
    }
}
