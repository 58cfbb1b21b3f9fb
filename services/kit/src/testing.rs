//! Databases for tests: the same tests run on both engines.
//!
//! A test's database is embedded in a folder, or, where `ARRS_TEST_ENGINE` is `postgres`, one of
//! its own on the server of `ARRS_TEST_POSTGRES`, the address of a superuser, with an owner who
//! migrates and a role that serves.

#![allow(clippy::disallowed_methods, reason = "tests take no configuration but their engine")]

pub mod schema;

use std::path::Path;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use uuid::Uuid;

use crate::Clock;
use crate::config;
use crate::db::{Database, Tenancy, row_security};

/// Which engine tests use.
const ENGINE: &str = "ARRS_TEST_ENGINE";
/// The superuser's address of the server that tests share.
const SERVER: &str = "ARRS_TEST_POSTGRES";
/// The roles of every test database; the server trusts whom it is told.
const ROLES: [&str; 2] = ["arrs_test_owner", "arrs_test_serving"];

/// Whether tests run on PostgreSQL.
pub fn on_postgres() -> bool {
    std::env::var(ENGINE).is_ok_and(|engine| engine == "postgres")
}

/// The settings of a database that nobody else uses.
///
/// # Panics
///
/// If the server that was promised is not there.
pub async fn settings(service: &str) -> config::Database {
    let parse = |url: String| url.parse().expect("an address was put together");
    let (url, migrate_url) = match on_postgres() {
        false => (String::new(), String::new()),
        true => {
            let name = fresh(service).await;
            let server = std::env::var(SERVER).expect("fresh asked for it");
            let of = |role: &str| address(&server, role, &name);
            (of(ROLES[1]), of(ROLES[0]))
        }
    };
    config::Database { url: parse(url), migrate_url: parse(migrate_url), readers: 4, writers: 4 }
}

/// Makes a database, owned by nobody who serves it.
async fn fresh(service: &str) -> String {
    let server = std::env::var(SERVER)
        .unwrap_or_else(|_| panic!("{ENGINE}=postgres needs {SERVER}, a superuser's address"));
    let options: PgConnectOptions = server.parse().expect("the address of a server");
    let mut admin = PgConnection::connect_with(&options).await.expect("the server is there");
    let name = format!("arrs_test_{service}_{}", Uuid::now_v7().simple());
    for role in ROLES {
        // Tests start at once, and roles are the server's.
        let make = format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD 'test'; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        admin.execute(AssertSqlSafe(make)).await.expect("a superuser may make roles");
    }
    let make = format!("CREATE DATABASE {name} OWNER {}", ROLES[0]);
    admin.execute(AssertSqlSafe(make)).await.expect("a superuser may make databases");
    name
}

/// The address of the server of `admin`, with another role and database.
fn address(admin: &str, role: &str, database: &str) -> String {
    let (scheme, rest) = admin.split_once("://").expect("an address has a scheme");
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let host = rest.split(['/', '?']).next().unwrap_or(rest);
    format!("{scheme}://{role}:test@{host}/{database}")
}

/// The tables that every service has.
#[derive(Debug)]
pub struct Shell;

#[async_trait::async_trait]
impl MigratorTrait for Shell {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let tenants = crate::migration::TENANTS.into_iter().chain(crate::roster::TENANTS);
        let tenants: Vec<Tenancy> = tenants.collect();
        vec![
            crate::migration::migration(),
            crate::roster::migration(),
            crate::audit::migration(),
            crate::facts::migration::relay_and_parked(),
            crate::answers::migration(),
            crate::roster::tenants(),
            row_security("m0009_row_security", tenants),
            crate::facts::migration::whole_projections(),
        ]
    }
}

/// A database with the tables of the shell, embedded in a folder where it is embedded.
///
/// # Panics
///
/// If it cannot be made.
pub async fn database(folder: &Path) -> Database {
    let settings = settings("kit").await;
    let database = Database::open(&settings, "kit", folder, Clock::system()).await;
    let database = database.expect("a test has a database");
    database.migrate::<Shell>().await.expect("an empty database can be brought up to date");
    database
}
