//! The tables of finance, in the order in which they came.

use kit::db::{Tenancy, Tenant, append_only, row_security};
use kit::migration::TENANTS as SHELL;
use kit::roster::{OF_ENGAGEMENT, TENANTS as ROSTER};
use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, date, date_null, integer, text, text_null, uuid,
};

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
            Box::new(Claims),
            row_security("m0016_claims_row_security", CLAIMS),
            append_only("m0017_claims_append_only", &["claim_build", "claim_line", "posting"]),
            Box::new(Baselines),
            row_security("m0019_baselines_row_security", BASELINES),
        ]
    }
}

/// How the rows of the service's own tables belong to tenants.
const TENANTS: [Tenancy; 1] = [("pay", &[Tenant::Column("owner_code"), OF_ENGAGEMENT])];

/// The same of claims and the ledger, which came later.
const CLAIMS: [Tenancy; 5] = [
    ("claim", OF_PCN),
    ("claim_build", OF_PCN),
    ("claim_line", OF_PCN),
    ("posting", OF_PCN),
    ("balance", OF_PCN),
];
/// The same of baselines.
const BASELINES: [Tenancy; 2] = [("baseline", OF_PCN), ("practice_funded", OF_PCN)];
const OF_PCN: &[Tenant] = &[Tenant::Column("pcn_code")];

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

struct Claims;

impl MigrationName for Claims {
    fn name(&self) -> &str {
        "m0015_claims"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Claims {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [claim(), claim_build(), claim_line(), posting(), balance()] {
            manager.create_table(table).await?;
        }
        let mut history = Index::create();
        history.table("claim").name("claim_history").col("claim_id").col("step");
        // The second claim of a PCN and month is refused, whoever writes it.
        let mut month = Index::create();
        month.table("claim").name("claim_month").unique();
        for column in ["pcn_code", "month", "number", "step"] {
            month.col(column);
        }
        let mut hours = Index::create();
        hours.table("claim_line").name("claim_line_engagement").col("engagement_id").col("month");
        for index in [history, month, hours] {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn claim() -> TableCreateStatement {
    let mut claim = Table::create();
    claim
        .table("claim")
        .col(uuid("claim_id"))
        .col(text("pcn_code"))
        .col(date("month"))
        .col(integer("number"))
        .col(integer("step"))
        .col(text("action"))
        .col(text("state"))
        .col(integer("line"))
        .col(text("said"))
        .col(uuid("build_id"))
        .col(integer("line_count"))
        .col(integer("unpriced_count"))
        .col(big_integer("own_cost_pence"))
        .col(big_integer("payable_pence"))
        .col(text("pots"))
        .col(text_null("weakest_confidence"))
        .col(text("note"))
        .col(text("evidence"))
        .col(date_null("payment_date"))
        .col(text("payment_reference"))
        .col(big_integer_null("submitted_at"));
    kit::statement::columns(&mut claim).to_owned()
}

fn claim_build() -> TableCreateStatement {
    Table::create()
        .table("claim_build")
        .col(uuid("id").primary_key())
        .col(text("pcn_code"))
        .col(date("month"))
        .col(big_integer("known_at"))
        .col(date("rules_known_on"))
        .col(date("claim_date"))
        .col(text("rule_digest"))
        .col(integer("mechanism"))
        .col(text("ground"))
        .col(text("ground_digest"))
        .col(text("result_digest"))
        .to_owned()
}

fn claim_line() -> TableCreateStatement {
    Table::create()
        .table("claim_line")
        .col(uuid("build_id"))
        .col(integer("line"))
        .col(text("pcn_code"))
        .col(date("month"))
        .col(uuid("engagement_id"))
        .col(big_integer("minute_days"))
        .col(big_integer("own_cost_pence"))
        .col(big_integer_null("maximum_pence"))
        .col(big_integer_null("priced_pence"))
        .col(big_integer_null("payable_pence"))
        .primary_key(Index::create().col("build_id").col("line"))
        .to_owned()
}

fn posting() -> TableCreateStatement {
    Table::create()
        .table("posting")
        .col(text("pcn_code"))
        .col(big_integer("number"))
        .col(text("account"))
        .col(text("year"))
        .col(text("pot"))
        .col(big_integer("amount_pence"))
        .col(date_null("claim_month"))
        .col(integer("claim_number"))
        .col(big_integer("posted_at"))
        .col(text("posted_by"))
        .primary_key(Index::create().col("pcn_code").col("number").col("account"))
        .to_owned()
}

/// The accounts of a sum, and what the database itself never lets them become.
fn balance() -> TableCreateStatement {
    let accounts = ["room", "claimed", "committed", "approved", "paid"];
    let mut balance = Table::create();
    balance
        .table("balance")
        .col(text("pcn_code"))
        .col(text("year"))
        .col(text("pot"))
        .col(big_integer("allocation_pence"));
    let mut all = Expr::col("allocation_pence");
    for account in accounts {
        let column = format!("{account}_pence");
        balance.col(big_integer(column.clone()));
        balance.check(Expr::col(column.clone()).gte(0));
        all = all.add(Expr::col(column));
    }
    balance
        .check(all.eq(0))
        .primary_key(Index::create().col("pcn_code").col("year").col("pot"))
        .to_owned()
}

struct Baselines;

impl MigrationName for Baselines {
    fn name(&self) -> &str {
        "m0018_baselines"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Baselines {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["baseline", "practice_funded"] {
            let mut table = Table::create();
            table
                .table(name)
                .col(text("pcn_code"))
                .col(text("role"))
                .col(date("valid_from"))
                .col(big_integer("wte_micro"));
            if name == "baseline" {
                table.col(text("agreed_by")).col(text("reference"));
            }
            manager.create_table(kit::statement::columns(&mut table).to_owned()).await?;
            let mut index = Index::create();
            index.table(name).name(format!("{name}_pcn")).col("pcn_code").col("role");
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
        // Tables that no version before knows are made, and closed to others, in several steps.
        let together = [
            "m0016_claims_row_security",
            "m0017_claims_append_only",
            "m0019_baselines_row_security",
        ];
        schema::grows_by_additions::<Migrator>(crate::NAME, &together).await;
    }
}
