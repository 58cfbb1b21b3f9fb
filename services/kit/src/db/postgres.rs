//! PostgreSQL: one schema a service, a role that owns nothing, and sessions that end by themselves.
//!
//! Two roles: the owner of the schema migrates, and the role that serves may read and write rows
//! and nothing else, so that row-level security binds it.

use std::time::Duration;

use futures::FutureExt;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, Executor, PgConnection, Row};
use sea_orm::{ConnectionTrait, DbBackend, SqlxPostgresConnector, Statement};
use sea_orm_migration::MigratorTrait;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{ACQUIRE, ANSWER, DOUBT, Pools, STREAMS, driver, migrations, sort};
use crate::config::{self, ConfigError};
use crate::error::Error;

/// The oldest server that is served, as it numbers itself.
const OLDEST: i32 = 150_000;
/// How long a server that does not answer yet is waited for when a process starts.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Tables that are written once: not even the role that serves may change or remove their rows.
const APPEND_ONLY: &[&str] =
    &["audit_entry", "audit_seal", "claim_build", "claim_line", "outbox", "posting"];

/// What sessions have in common. Each ends a transaction that its client forgot, by itself.
const SESSION: &[(&str, &str)] = &[
    ("application_name", "arrs"),
    ("timezone", "UTC"),
    // Remarks, such as on a policy that was not there to drop, are for nobody.
    ("client_min_messages", "error"),
    // Row-level security looks dear to the planner, and compiling takes longer than what it saves.
    ("jit", "off"),
    // Whoever waited for the turn must see what its predecessor wrote.
    ("default_transaction_isolation", "read committed"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("lock_timeout", "10s"),
    ("statement_timeout", "60s"),
];
/// What sessions that read have besides: each transaction sees one state, and changes none.
const READING: &[(&str, &str)] = &[
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "repeatable read"),
    ("statement_timeout", "30s"),
];
/// A stream is read as fast as its reader does.
const STREAMING: &[(&str, &str)] = &[("idle_in_transaction_session_timeout", "10min")];
/// The owner sees every row that a migration moves, and may take its time.
const OWNING: &[(&str, &str)] = &[
    ("app.england", "on"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "1min"),
];

/// A schema on a server.
#[derive(Debug)]
pub(super) struct Server {
    service: String,
    serving: PgConnectOptions,
    owner: Option<PgConnectOptions>,
    presence: Mutex<Presence>,
    /// Holds what this process claims.
    claims: Mutex<Option<PgConnection>>,
}

/// What was heard of a server last.
#[derive(Debug, Default)]
struct Presence {
    /// For questions alone: the connections of a pool may all be busy.
    connection: Option<PgConnection>,
    answered: Option<(Instant, bool)>,
}

/// Opens the schema of `service` on the server of the settings, and refuses a server or a role
/// that cannot keep what it is asked to.
pub(super) async fn open(
    settings: &config::Database,
    service: &str,
) -> Result<(Pools, Server), Error> {
    let parse = |url: &config::DatabaseUrl, key: &str| {
        let parsed = url.expose().parse::<PgConnectOptions>();
        // The driver's own words could quote the address.
        parsed.map_err(|_| wrong(service, key, "is no address of a PostgreSQL database"))
    };
    let serving = parse(&settings.url, "url")?
        .options([("search_path", service)])
        .options(SESSION.iter().copied());
    let owner = match settings.migrate_url.is_embedded() {
        true => None,
        false => Some(
            parse(&settings.migrate_url, "migrate_url")?
                .options([("search_path", service)])
                .options(SESSION.iter().chain(OWNING).copied()),
        ),
    };
    let (presence, claims) = (Mutex::default(), Mutex::default());
    let server = Server { service: service.to_owned(), serving, owner, presence, claims };
    let mut connection = server.connect(&server.serving, "url").await?;
    server.check_server(&mut connection).await?;
    connection.close().await.ok();

    let reading = server.serving.clone().options(READING.iter().copied());
    let streaming = reading.clone().options(STREAMING.iter().copied());
    let pools = Pools {
        reader: pool(reading, settings.readers.max(1)),
        streams: pool(streaming, STREAMS),
        writer: pool(server.serving.clone(), settings.writers.max(1)),
        beside: pool(server.serving.clone(), 1),
    };
    Ok((pools, server))
}

fn pool(options: PgConnectOptions, connections: u32) -> sea_orm::DatabaseConnection {
    let pool: PgPool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A call that was cancelled while it began leaves its connection inside a transaction:
        // whoever came next would write into it, be told it is done, and lose it. The rollback
        // tells besides whether the connection still answers.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            async move {
                // Begun first, because a server warns in its log of each ROLLBACK of nothing.
                sqlx::raw_sql("BEGIN; ROLLBACK").execute(connection).await?;
                Ok(true)
            }
            .boxed()
        })
        .connect_lazy_with(options);
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

impl Server {
    /// Brings the schema up to date if an owner is configured, else says what is missing; then
    /// makes sure that the role that serves is bound by row-level security.
    pub(super) async fn migrate<M: MigratorTrait>(&self) -> Result<(), Error> {
        match &self.owner {
            Some(owner) => self.bring_up::<M>(owner).await?,
            None => {
                let missing = self.pending::<M>().await?;
                if missing > 0 {
                    let problem = format!(
                        "{missing} migrations have not been applied: run `arrs migrate` with \
                         {}.database.migrate_url set to the owner of the schema",
                        self.service
                    );
                    return Err(Error::internal(ConfigError::at(
                        format!("{}.database.url", self.service),
                        problem,
                    )));
                }
            }
        }
        self.check_role().await
    }

    /// How many migrations have not been applied.
    pub(super) async fn pending<M: MigratorTrait>(&self) -> Result<usize, Error> {
        let mut connection = self.connect(&self.serving, "url").await?;
        let applied = sqlx::query("SELECT version FROM seaql_migrations");
        let applied: Vec<String> = match applied.fetch_all(&mut connection).await {
            Ok(rows) => rows
                .iter()
                .map(|row| row.try_get(0))
                .collect::<Result<_, _>>()
                .map_err(Error::internal)?,
            // No such table or schema: nothing was applied.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P01" | "3F000" | "42501")) =>
            {
                Vec::new()
            }
            Err(error) => return Err(sort(driver(error))),
        };
        // Another process may have been updated before this one; what it added stands beside.
        let unknown = migrations::unknown::<M>(&applied);
        if !unknown.is_empty() {
            tracing::warn!("{}: {}", self.service, migrations::newer(&unknown));
        }
        let names = M::migrations().into_iter().map(|migration| migration.name().to_owned());
        Ok(names.filter(|name| !applied.contains(name)).count())
    }

    async fn bring_up<M: MigratorTrait>(&self, owner: &PgConnectOptions) -> Result<(), Error> {
        let mut connection = self.connect(owner, "migrate_url").await?;
        let mut serving = self.connect(&self.serving, "url").await?;
        let role: String = sqlx::query_scalar("SELECT current_user")
            .fetch_one(&mut serving)
            .await
            .map_err(refused)?;
        serving.close().await.ok();
        // Two processes that migrate take turns; the lock ends with the connection.
        sqlx::query("SELECT pg_advisory_lock(hashtext($1))")
            .bind(format!("arrs migrate {}", self.service))
            .execute(&mut connection)
            .await
            .map_err(refused)?;
        let schema = quoted(&self.service);
        execute(&mut connection, format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;

        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(owner.clone());
        let migrating = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        let place = format!("{}.database.migrate_url", self.service);
        let done = migrations::up::<M>(&place, &migrating).await;
        migrating.close().await.map_err(sort)?;
        done?;

        let role = quoted(&role);
        execute(&mut connection, format!("GRANT USAGE ON SCHEMA {schema} TO {role}")).await?;
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
                .bind(&self.service)
                .fetch_all(&mut connection)
                .await
                .map_err(refused)?;
        for table in &tables {
            let (rights, table) = (rights(table), quoted(table));
            execute(&mut connection, format!("GRANT {rights} ON {schema}.{table} TO {role}"))
                .await?;
        }
        connection.close().await.ok();
        Ok(())
    }

    /// Whether the server answers in time. It is asked once for all who want to know.
    pub(super) async fn answers(&self) -> bool {
        let mut presence = self.presence.lock().await;
        if let Some((at, answered)) = presence.answered
            && at.elapsed() < DOUBT
        {
            return answered;
        }
        let kept = presence.connection.take();
        let asked = tokio::time::timeout(ANSWER, self.alive(kept)).await;
        presence.connection = asked.ok().and_then(Result::ok);
        let answered = presence.connection.is_some();
        presence.answered = Some((Instant::now(), answered));
        answered
    }

    /// The connection that was kept if it still answers, or a new one.
    async fn alive(&self, kept: Option<PgConnection>) -> sqlx::Result<PgConnection> {
        if let Some(mut kept) = kept
            && kept.ping().await.is_ok()
        {
            return Ok(kept);
        }
        PgConnection::connect_with(&self.serving).await
    }

    /// Waits until the server does not answer.
    pub(super) async fn away(&self) {
        loop {
            tokio::time::sleep(DOUBT).await;
            if !self.answers().await {
                return;
            }
        }
    }

    /// Connects, waiting a while for a server that is starting.
    async fn connect(&self, options: &PgConnectOptions, key: &str) -> Result<PgConnection, Error> {
        let started = tokio::time::Instant::now();
        let mut told = false;
        loop {
            let problem =
                match tokio::time::timeout(ACQUIRE, PgConnection::connect_with(options)).await {
                    Ok(Ok(connection)) => return Ok(connection),
                    Ok(Err(sqlx::Error::Database(error))) if is_wrong(error.code().as_deref()) => {
                        let problem = format!("was refused by the server: {}", error.message());
                        return Err(wrong(&self.service, key, problem));
                    }
                    Ok(Err(error)) => error,
                    Err(_) => sqlx::Error::PoolTimedOut,
                };
            if started.elapsed() > PATIENCE {
                return Err(Error::Unavailable(driver(problem)));
            }
            if !told {
                let service = &self.service;
                tracing::warn!("the database of {service} does not answer yet: {problem}");
                told = true;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Refuses a server that could lose what it acknowledged, or that sorts texts otherwise than
    /// the embedded engine does.
    async fn check_server(&self, connection: &mut PgConnection) -> Result<(), Error> {
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::int, current_setting('fsync'), \
             current_setting('full_page_writes'), current_setting('synchronous_commit'), \
             (SELECT CASE datlocprovider WHEN 'c' THEN datcollate::text WHEN 'b' THEN 'C' \
             ELSE 'ICU' END FROM pg_database WHERE datname = current_database()), \
             current_setting('server_encoding')",
        )
        .fetch_one(connection)
        .await
        .map_err(refused)?;
        let text = |column: usize| row.try_get::<String, _>(column).map_err(Error::internal);
        let version: i32 = row.try_get(0).map_err(Error::internal)?;
        let mut problems = Vec::new();
        if version < OLDEST {
            problems.push(format!("the server must be PostgreSQL 15 or newer, not {version}"));
        }
        for (column, setting) in [(1, "fsync"), (2, "full_page_writes")] {
            if text(column)? != "on" {
                problems.push(format!("{setting} must be on"));
            }
        }
        if text(3)? == "off" {
            problems.push("synchronous_commit must not be off".to_owned());
        }
        // The built-in locales of newer servers all compare bytes.
        let collation = text(4)?;
        if !matches!(collation.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8") {
            problems.push(format!(
                "the database must compare texts as bytes, not by {collation}: make it with \
                 TEMPLATE template0 LOCALE 'C.UTF-8'"
            ));
        }
        if text(5)? != "UTF8" {
            problems.push("the database must be encoded in UTF8".to_owned());
        }
        if problems.is_empty() {
            tracing::info!(
                "the database of {} is PostgreSQL {}, synchronous_commit {}",
                self.service,
                version / 10_000,
                text(3)?
            );
            return Ok(());
        }
        Err(wrong(&self.service, "url", problems.join("; ")))
    }

    /// Refuses a role that row-level security does not bind.
    async fn check_role(&self) -> Result<(), Error> {
        let mut connection = self.connect(&self.serving, "url").await?;
        let row = sqlx::query(
            "SELECT rolsuper OR rolbypassrls, (SELECT count(*) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relkind = 'r' \
             AND pg_has_role(current_user, c.relowner, 'MEMBER')), \
             (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relname = ANY($2) \
             AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')) \
             FROM pg_roles WHERE rolname = current_user",
        )
        .bind(&self.service)
        .bind(APPEND_ONLY)
        .fetch_one(&mut connection)
        .await
        .map_err(refused)?;
        connection.close().await.ok();
        let free: bool = row.try_get(0).map_err(Error::internal)?;
        let owned: i64 = row.try_get(1).map_err(Error::internal)?;
        if free || owned > 0 {
            let problem = "names a role that row-level security does not bind: it must be neither \
                           superuser nor BYPASSRLS nor the owner of the tables; the owner belongs \
                           into migrate_url";
            return Err(wrong(&self.service, "url", problem));
        }
        let changeable: i64 = row.try_get(2).map_err(Error::internal)?;
        if changeable > 0 {
            let problem = format!(
                "names a role that may change what is only added to: take UPDATE, DELETE and \
                 TRUNCATE on {} from it",
                APPEND_ONLY.join(", ")
            );
            return Err(wrong(&self.service, "url", problem));
        }
        Ok(())
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) async fn execute_as_owner(&self, statements: &str) {
        let owner = self.owner.as_ref().expect("a test has an owner");
        let mut connection = self.connect(owner, "migrate_url").await.expect("it was there");
        let grant =
            format!("GRANT ALL ON ALL TABLES IN SCHEMA {} TO PUBLIC", quoted(&self.service));
        for statement in [statements.to_owned(), grant] {
            let done = connection.execute(AssertSqlSafe(statement)).await;
            done.expect("the test wrote statements");
        }
    }

    /// Makes writers of the service take turns until they commit, as the embedded engine does:
    /// what a command read stays true until it has written.
    pub(super) async fn take_turn(&self, txn: &impl ConnectionTrait) -> Result<(), Error> {
        let lock = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_advisory_xact_lock(hashtext($1))",
            [format!("arrs write {}", self.service).into()],
        );
        txn.execute_raw(lock).await.map_err(sort)?;
        Ok(())
    }

    /// Claims work for this process; whether no other has.
    pub(super) async fn claim(&self, work: &str) -> Result<bool, Error> {
        self.ask("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", work).await
    }

    /// Gives back what was claimed.
    pub(super) async fn release(&self, work: &str) -> Result<bool, Error> {
        self.ask("SELECT pg_advisory_unlock(hashtextextended($1, 0))", work).await
    }

    /// Asks the one session that holds all claims, so that they end with the process and do not
    /// take a connection each.
    async fn ask(&self, question: &'static str, work: &str) -> Result<bool, Error> {
        let mut session = self.claims.lock().await;
        let asked = async {
            // Back in its place only after an answer: one that hangs or broke is not used again.
            let mut connection = self.alive(session.take()).await?;
            let work = format!("arrs claim {} {work}", self.service);
            let answer = sqlx::query_scalar(question).bind(work).fetch_one(&mut connection).await?;
            *session = Some(connection);
            Ok(answer)
        };
        let asked = tokio::time::timeout(ACQUIRE, asked).await;
        asked.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(refused)
    }
}

/// What a server says to a wrong role, password or database, rather than to a bad moment.
fn is_wrong(code: Option<&str>) -> bool {
    matches!(code, Some("28P01" | "28000" | "3D000" | "42501" | "42704"))
}

fn wrong(service: &str, key: &str, problem: impl Into<String>) -> Error {
    Error::internal(ConfigError::at(format!("{service}.database.{key}"), problem))
}

fn refused(error: sqlx::Error) -> Error {
    sort(driver(error))
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), Error> {
    connection.execute(AssertSqlSafe(statement)).await.map_err(refused)?;
    Ok(())
}

/// What the serving role may do with a table.
fn rights(table: &str) -> &'static str {
    match table {
        "seaql_migrations" => "SELECT",
        table if APPEND_ONLY.contains(&table) => "SELECT, INSERT",
        _ => "SELECT, INSERT, UPDATE, DELETE",
    }
}

/// An identifier as it stands in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
