//! The tables of finance, in the order in which they came.

use kit::db::{Tenancy, Tenant, row_security};
use kit::migration::TENANTS as SHELL;
use kit::roster::{OF_ENGAGEMENT, TENANTS as ROSTER};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, date, text, uuid};

/// Makes and changes the tables.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            kit::migration::migration(),
            kit::roster::migration(),
            Box::new(Pay),
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
const TENANTS: [Tenancy; 1] = [("pay", &[Tenant::Column("owner_code"), OF_ENGAGEMENT])];

struct Pay;

impl MigrationName for Pay {
    fn name(&self) -> &str {
        "m0003_pay"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Pay {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut pay = Table::create();
        pay.table("pay")
            .col(uuid("engagement_id"))
            .col(date("month"))
            .col(text("paid_on"))
            .col(big_integer("salary_pence"))
            .col(big_integer("employer_ni_pence"))
            .col(big_integer("employer_pension_pence"))
            .col(big_integer("fees_pence"))
            .col(text("reference"))
            .col(text("owner_code"));
        manager.create_table(kit::statement::columns(&mut pay).to_owned()).await?;
        for (name, columns) in [
            ("pay_engagement", ["engagement_id", "month", "known_from"]),
            ("pay_owner", ["owner_code", "month", "engagement_id"]),
        ] {
            let mut index = Index::create();
            index.table("pay").name(name);
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
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
