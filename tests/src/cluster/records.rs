//! What a service keeps, looked at and changed behind its back.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::Cluster;

impl Cluster {
    /// Runs a statement that both engines understand on the database of a service, as whoever
    /// governs it.
    pub async fn execute(&self, service: &str, statement: &str) {
        let text = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        let done = match &self.database {
            None => text.execute(&mut self.embedded(service).await).await.map(drop),
            Some(_) => text.execute(&mut self.served(service).await).await.map(drop),
        };
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// How many rows a table of a service has.
    pub async fn count(&self, service: &str, table: &str) -> i64 {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let counted = match &self.database {
            None => sqlx::query_scalar(count).fetch_one(&mut self.embedded(service).await).await,
            Some(_) => sqlx::query_scalar(count).fetch_one(&mut self.served(service).await).await,
        };
        counted.expect("the service has this table")
    }

    /// Removes everything that a service kept. It must not run meanwhile.
    pub async fn forget(&self, service: &str) {
        if self.database.is_some() {
            return self.execute(service, &format!("DROP SCHEMA {service} CASCADE")).await;
        }
        let file = self.folder().join(format!("{service}.db"));
        std::fs::remove_file(&file).expect("the service has a database");
        for ending in ["db-wal", "db-shm"] {
            // Gone already after an orderly end.
            std::fs::remove_file(file.with_extension(ending)).ok();
        }
    }

    async fn embedded(&self, service: &str) -> SqliteConnection {
        let file = self.folder().join(format!("{service}.db")).display().to_string();
        SqliteConnection::connect(&file).await.expect("the service has a database")
    }

    async fn served(&self, service: &str) -> PgConnection {
        let options: PgConnectOptions = self.database().url().parse().expect("an address");
        let options = options.options([("search_path", service)]);
        PgConnection::connect_with(&options).await.expect("PostgreSQL runs")
    }
}
