//! The tables of the roster, as first made.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, date, date_null, integer, integer_null, text,
    text_null, uuid, uuid_null,
};

use crate::statement::columns;

/// Makes the tables of the roster.
pub fn migration() -> Box<dyn MigrationTrait> {
    Box::new(Roster)
}

struct Roster;

impl MigrationName for Roster {
    fn name(&self) -> &str {
        "m0002_roster"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Roster {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut organisation = Table::create();
        organisation
            .table("organisation")
            .col(text("code"))
            .col(text("display_name"))
            .col(text("kind"))
            .col(date_null("valid_from"))
            .col(date_null("valid_until"));
        let mut relation = Table::create();
        relation
            .table("organisation_relation")
            .col(text("code"))
            .col(text("relation"))
            .col(text("related_code"))
            .col(date("valid_from"))
            .col(date_null("valid_until"))
            .col(boolean("seen"));
        let mut london_area = Table::create();
        london_area
            .table("london_area")
            .col(text("code"))
            .col(date("valid_from"))
            .col(text("area"))
            .col(date_null("valid_until"));
        let mut list_size = Table::create();
        list_size
            .table("list_size")
            .col(text("code"))
            .col(date("date"))
            .col(big_integer("registered_count"))
            .col(big_integer_null("weighted_ten_thousandths"))
            .col(big_integer_null("adjusted_ten_thousandths"));
        let mut engagement = Table::create();
        engagement
            .table("engagement")
            .col(uuid("engagement_id"))
            .col(text("owner_code"))
            .col(text("reference"))
            .col(uuid_null("person_id"))
            .col(text_null("person_reference"))
            .col(text("role"))
            .col(text("employer_code"))
            .col(text("model"))
            .col(integer("full_time_minutes"))
            .col(text_null("leaving_reason"));
        let mut assignment = Table::create();
        assignment
            .table("assignment")
            .col(uuid("engagement_id"))
            .col(text("pcn_code"))
            .col(date("valid_from"))
            .col(date_null("valid_until"))
            .col(integer("weekly_minutes"))
            .col(integer_null("contract_minutes"))
            .col(text("stage"))
            .col(text_null("band"));
        for table in [
            &mut organisation,
            &mut relation,
            &mut london_area,
            &mut list_size,
            &mut engagement,
            &mut assignment,
        ] {
            manager.create_table(columns(table).to_owned()).await?;
        }
        for (table, name, index) in [
            ("organisation", "organisation_code", &["code", "known_from"][..]),
            ("organisation", "organisation_kind", &["kind", "code"]),
            ("organisation_relation", "organisation_relation_code", &["code", "relation"]),
            (
                "organisation_relation",
                "organisation_relation_related",
                &["related_code", "relation"],
            ),
            ("london_area", "london_area_code", &["code", "valid_from"]),
            ("list_size", "list_size_code", &["code", "date"]),
            ("engagement", "engagement_id", &["engagement_id", "known_from"]),
            ("engagement", "engagement_owner", &["owner_code", "reference"]),
            ("engagement", "engagement_reference", &["reference"]),
            ("engagement", "engagement_person", &["person_reference"]),
            ("assignment", "assignment_engagement", &["engagement_id", "known_from"]),
            ("assignment", "assignment_pcn", &["pcn_code", "valid_from"]),
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

/// Makes the table of whom engagements concern, and fills it.
pub fn tenants() -> Box<dyn MigrationTrait> {
    Box::new(Tenants)
}

struct Tenants;

impl MigrationName for Tenants {
    fn name(&self) -> &str {
        "m0008_engagement_tenant"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tenants {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("engagement_tenant")
            .col(text("tenant_code"))
            .col(uuid("engagement_id"))
            .primary_key(Index::create().col("tenant_code").col("engagement_id"))
            .to_owned();
        manager.create_table(table).await?;
        let index = Index::create()
            .table("engagement_tenant")
            .name("engagement_tenant_engagement")
            .col("engagement_id")
            .to_owned();
        manager.create_index(index).await?;
        let tenants = Query::select()
            .columns(["owner_code", "engagement_id"])
            .from("engagement")
            .union(
                UnionType::Distinct,
                Query::select()
                    .columns(["pcn_code", "engagement_id"])
                    .from("assignment")
                    .to_owned(),
            )
            .to_owned();
        let fill = Query::insert()
            .into_table("engagement_tenant")
            .columns(["tenant_code", "engagement_id"])
            .select_from(tenants)
            .map_err(|error| DbErr::Migration(error.to_string()))?
            .to_owned();
        manager.get_connection().execute(&fill).await?;
        Ok(())
    }
}
