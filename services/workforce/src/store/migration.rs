//! The tables, in the order in which versions made them.

mod match_answer;
mod registration_match;

use kit::db::{Tenancy, Tenant, row_security};
use kit::migration::TENANTS as SHELL;
use kit::roster::TENANTS as ROSTER;
use kit::statement::columns;
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, boolean, date_null, integer, text, text_null, uuid};

/// Brings the database of the service up to date.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            kit::migration::migration(),
            kit::roster::migration(),
            Box::new(People),
            kit::audit::migration(),
            Box::new(registration_match::RegistrationMatch),
            kit::facts::migration::relay_and_parked(),
            kit::answers::migration(),
            kit::roster::tenants(),
            row_security("m0009_row_security", TENANTS.into_iter().chain(SHELL).chain(ROSTER)),
            // Once more, where it was said in a way that made large reads slow.
            row_security("m0013_row_security", TENANTS.into_iter().chain(SHELL).chain(ROSTER)),
            kit::facts::migration::whole_projections(),
            Box::new(match_answer::MatchAnswer),
            row_security("m0016_match_answer_security", MATCHES),
        ]
    }
}

/// How the rows of the service's own tables belong to tenants.
const TENANTS: [Tenancy; 4] = [
    ("person", &[Tenant::Column("owner_code"), ENGAGED]),
    ("person_particulars", &[Tenant::Column("owner_code"), OF_PERSON]),
    ("registration", &[Tenant::Column("owner_code"), OF_PERSON]),
    ("national_return_row", &[Tenant::Column("pcn_code")]),
];

/// The same of tables that came later.
const MATCHES: [Tenancy; 1] = [("match_answer", &[Tenant::Column("owner_code")])];

/// Somebody with an engagement that may be seen.
const ENGAGED: Tenant = Tenant::Through { column: "id", table: "engagement", other: "person_id" };
/// Of somebody who may be seen.
const OF_PERSON: Tenant = Tenant::Through { column: "person_id", table: "person", other: "id" };

struct People;

impl MigrationName for People {
    fn name(&self) -> &str {
        "m0003_people"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for People {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let person = Table::create()
            .table("person")
            .col(uuid("id").primary_key())
            .col(text("owner_code"))
            .col(text("reference"))
            .to_owned();
        let particulars = Table::create()
            .table("person_particulars")
            .col(uuid("person_id").primary_key())
            .col(text_null("family_name"))
            .col(text_null("given_name"))
            .col(text_null("registration_body"))
            .col(text_null("registration_number"))
            .to_owned();
        let mut registration = Table::create();
        registration
            .table("registration")
            .col(uuid("person_id"))
            .col(text("body"))
            .col(date_null("expiry"));
        let mut row = Table::create();
        row.table("national_return_row")
            .col(text("census"))
            .col(text("pcn_code"))
            .col(text("digest"))
            .col(integer("repetition"))
            .col(boolean("withdrawn"))
            .col(text("data_source"))
            .col(text("pcn_name"))
            .col(text("sub_icb_code"))
            .col(text("sub_icb_name"))
            .col(text("icb_code"))
            .col(text("icb_name"))
            .col(text("region_code"))
            .col(text("region_name"))
            .col(text("staff_group"))
            .col(text("staff_role"))
            .col(text("detailed_staff_role"))
            .col(big_integer("fte_billionths"))
            .col(text_null("unique_identifier"));
        manager.create_table(person).await?;
        manager.create_table(particulars).await?;
        for table in [&mut registration, &mut row] {
            manager.create_table(columns(table).to_owned()).await?;
        }
        let mut unique = Index::create();
        unique.table("person").name("person_owner").col("owner_code").col("reference").unique();
        manager.create_index(unique).await?;
        for (table, name, index) in [
            ("person", "person_reference", &["reference"][..]),
            ("registration", "registration_person", &["person_id", "body"]),
            ("national_return_row", "national_return_row_pcn", &["census", "pcn_code"]),
        ] {
            let mut create = Index::create();
            create.table(table).name(name);
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
        let together = ["m0016_match_answer_security"];
        schema::grows_by_additions::<Migrator>(crate::NAME, &together).await;
    }
}
