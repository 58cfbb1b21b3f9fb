//! PostgreSQL for tests: one instance a run, a database of its own for each test.
//!
//! `tests/run` starts the instance and says where it is; a test run by itself starts one with its
//! first database. `tests/postgres` is what starts, stops and removes it, also when the test dies.
//! Nothing here knows a service: which tables there are is for the services' migrations to say.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

/// Where the instance of the whole run is, as whoever governs it.
const SHARED: &str = "ARRS_TEST_POSTGRES";

/// A running instance.
#[derive(Clone, Debug)]
pub struct Postgres {
    url: Arc<str>,
    keeper: Option<Arc<Mutex<Keeper>>>,
}

/// The process that looks after an instance, for as long as this one lives.
#[derive(Debug)]
struct Keeper {
    process: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

/// A database of one test, removed with it.
#[derive(Debug)]
pub struct Database {
    postgres: Postgres,
    tag: String,
}

/// How a service reaches its schema.
#[derive(Clone, Debug)]
pub struct Urls {
    /// As the application: it owns nothing, and row-level security holds for it.
    pub url: String,
    /// As the owner of the schema, which runs the migrations.
    pub migrate_url: String,
}

impl Postgres {
    /// The instance of the run; without one, an instance of this process.
    pub fn shared() -> Postgres {
        static OWN: OnceLock<Postgres> = OnceLock::new();

        #[allow(
            clippy::disallowed_methods,
            reason = "it is the run's, and no setting of a service"
        )]
        let shared = std::env::var(SHARED);
        if let Ok(url) = shared {
            return Postgres { url: url.into(), keeper: None };
        }
        OWN.get_or_init(Postgres::start).clone()
    }

    /// An instance of the test's own, to be killed and started again.
    pub fn start() -> Postgres {
        let mut process = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An instance of the process outlasts its test by a moment, and holds nothing of it.
            .stderr(Stdio::null())
            .spawn()
            .expect("the script is part of the repository");
        let words = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it was piped"));
        let mut keeper = Keeper { process, words, answers, log: PathBuf::new() };
        let hello = keeper.answer();
        let (url, log) = hello.split_once(' ').expect("it says where it is, and its log");
        keeper.log = log.into();
        Postgres { url: url.into(), keeper: Some(Arc::new(Mutex::new(keeper))) }
    }

    /// Kills all its processes, as a power cut would.
    pub fn kill(&self) {
        self.tell("kill");
    }

    /// Stops it in order.
    pub fn stop(&self) {
        self.tell("stop");
    }

    /// Starts it again where it was, after it was killed or stopped.
    pub fn restart(&self) {
        self.tell("start");
    }

    /// Lets none of its processes run. Connections stay open, and nobody answers them.
    pub fn pause(&self) {
        self.tell("pause");
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.tell("resume");
    }

    /// The address as whoever governs the instance.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The log of an instance of the test's own.
    pub fn log(&self) -> PathBuf {
        let keeper = self.keeper.as_ref().expect("the log of the run is the run's");
        keeper.lock().unwrap_or_else(PoisonError::into_inner).log.clone()
    }

    /// The port it listens on, such as for a proxy in front of it.
    pub fn port(&self) -> u16 {
        let (_, rest) = self.url.rsplit_once(':').expect("the address has a port");
        let (port, _) = rest.split_once('/').expect("the address has a database");
        port.parse().expect("a port is a number")
    }

    /// A new database, which nobody but the roles made for it may enter.
    pub async fn database(&self) -> Database {
        let tag = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let database = Database { postgres: self.clone(), tag };
        let name = database.name();
        let new = format!("CREATE DATABASE {name}");
        let shut = format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC");
        execute(&self.url, &[new, shut]).await;
        database
    }

    fn tell(&self, word: &str) {
        let keeper = self.keeper.as_ref().expect("only an instance of the test's own is disturbed");
        let mut keeper = keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.tell(word);
    }
}

impl Database {
    /// The roles of a service, made as an operator would: the owner makes the schema and says what
    /// the application may do in it, the application may only connect.
    pub async fn service(&self, service: &str) -> Urls {
        let Database { tag, .. } = self;
        let (owner, application) = (format!("{service}_owner_{tag}"), format!("{service}_{tag}"));
        let role = |role: &str| {
            format!(
                "CREATE ROLE {role} LOGIN PASSWORD '{tag}' \
                 NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
            )
        };
        let statements = [
            role(&owner),
            role(&application),
            format!("GRANT CONNECT, CREATE ON DATABASE {} TO {owner}", self.name()),
            format!("GRANT CONNECT ON DATABASE {} TO {application}", self.name()),
        ];
        execute(&self.url(), &statements).await;
        Urls { url: self.url_of(&application), migrate_url: self.url_of(&owner) }
    }

    /// The name of the database.
    pub fn name(&self) -> String {
        format!("arrs_{}", self.tag)
    }

    /// The address as whoever governs the instance, to look at what nobody else may.
    pub fn url(&self) -> String {
        let (server, _) = self.postgres.url.rsplit_once('/').expect("the address has a database");
        format!("{server}/{}", self.name())
    }

    fn url_of(&self, role: &str) -> String {
        let (port, name) = (self.postgres.port(), self.name());
        format!("postgres://{role}:{}@127.0.0.1:{port}/{name}", self.tag)
    }

    /// Removes the database and its roles.
    async fn remove(url: &str, tag: &str) -> sqlx::Result<()> {
        let mut connection = PgConnection::connect(url).await?;
        let drop = format!("DROP DATABASE IF EXISTS arrs_{tag} WITH (FORCE)");
        connection.execute(AssertSqlSafe(drop)).await?;
        let roles = "SELECT rolname::text FROM pg_roles WHERE rolname LIKE $1";
        let roles: Vec<String> =
            sqlx::query_scalar(roles).bind(format!("%_{tag}")).fetch_all(&mut connection).await?;
        for role in roles {
            connection.execute(AssertSqlSafe(format!("DROP ROLE {role}"))).await?;
        }
        connection.close().await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.postgres.keeper.is_some() {
            // It goes with the instance, which may be down or paused by now.
            return;
        }
        let (url, tag) = (self.postgres.url.clone(), self.tag.clone());
        // A runtime of its own: that of the test may be the one that is dropping this.
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(Database::remove(&url, &tag)).map_err(std::io::Error::other)
        });
        if let Ok(Err(error)) = removed.join() {
            eprintln!("the database {} was not removed: {error}", self.name());
        }
    }
}

impl Keeper {
    fn tell(&mut self, word: &str) {
        let words = self.words.as_mut().expect("open until it is dropped");
        writeln!(words, "{word}").expect("it listens for as long as we do");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("what it says is text");
        assert!(!line.is_empty(), "PostgreSQL does not start: what does tests/postgres say?");
        line.trim_end().to_owned()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("PostgreSQL said:\n{log}");
        }
        // The end of its input is the end of it.
        self.words = None;
        self.process.wait().ok();
    }
}

/// Runs statements one by one, as whoever governs the instance.
pub async fn execute(url: &str, statements: &[String]) {
    let mut connection = PgConnection::connect(url).await.expect("PostgreSQL runs");
    for statement in statements {
        let done = connection.execute(AssertSqlSafe(statement.clone())).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    connection.close().await.expect("PostgreSQL runs");
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(url: &str, question: &'static str) -> sqlx::Result<i64> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query_scalar(question).fetch_one(&mut connection).await
    }

    #[tokio::test]
    async fn an_application_owns_nothing_and_row_level_security_holds_for_it() {
        let database = Postgres::shared().database().await;
        let Urls { url, migrate_url } = database.service("workforce").await;

        let make = "CREATE SCHEMA workforce; CREATE TABLE workforce.things (id bigint); \
                    GRANT USAGE ON SCHEMA workforce TO PUBLIC; GRANT SELECT ON workforce.things TO PUBLIC; \
                    ALTER TABLE workforce.things ENABLE ROW LEVEL SECURITY; \
                    ALTER TABLE workforce.things FORCE ROW LEVEL SECURITY; \
                    INSERT INTO workforce.things VALUES (1)";
        let mut owner = PgConnection::connect(&migrate_url).await.unwrap();
        let refused = owner.execute(make).await.unwrap_err();
        assert!(refused.to_string().contains("row-level security"), "{refused}");
        let make = make.rsplit_once(';').unwrap().0;
        owner.execute(make).await.unwrap();
        execute(&database.url(), &["INSERT INTO workforce.things VALUES (1)".to_owned()]).await;

        assert_eq!(ask(&url, "SELECT count(*) FROM workforce.things").await.unwrap(), 0);
        let all = ask(&database.url(), "SELECT count(*) FROM workforce.things").await;
        assert_eq!(all.unwrap(), 1, "whoever governs sees it");
        let mut application = PgConnection::connect(&url).await.unwrap();
        assert!(application.execute("CREATE TABLE workforce.mine (id bigint)").await.is_err());
    }

    #[tokio::test]
    async fn a_password_is_needed_and_a_database_is_closed_to_others() {
        let postgres = Postgres::shared();
        let (one, other) = (postgres.database().await, postgres.database().await);
        let (one, other) = (one.service("finance").await, other.service("finance").await);
        let (role, _) = one.url.split_once('@').unwrap();
        let (_, place) = other.url.split_once('@').unwrap();

        let elsewhere = ask(&format!("{role}@{place}"), "SELECT 1::bigint").await.unwrap_err();
        let (name, _) = role.rsplit_once(':').unwrap();
        let (_, own) = one.url.split_once('@').unwrap();
        let wrong = ask(&format!("{name}:wrong@{own}"), "SELECT 1::bigint").await.unwrap_err();

        assert!(elsewhere.to_string().contains("permission denied"), "{elsewhere}");
        assert!(wrong.to_string().contains("password authentication failed"), "{wrong}");
    }

    #[tokio::test]
    async fn what_was_committed_survives_a_kill() {
        let postgres = Postgres::start();
        let database = postgres.database().await;
        let make = ["CREATE TABLE kept (id bigint)", "INSERT INTO kept VALUES (7)"];
        execute(&database.url(), &make.map(str::to_owned)).await;

        postgres.kill();
        let down = ask(&database.url(), "SELECT id FROM kept").await;
        postgres.restart();
        let up = ask(&database.url(), "SELECT id FROM kept").await;

        assert!(down.is_err());
        assert_eq!(up.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_paused_instance_keeps_its_connections() {
        let postgres = Postgres::start();
        let mut connection = PgConnection::connect(postgres.url()).await.unwrap();

        postgres.pause();
        let answer = connection.fetch_one("SELECT 1");
        let limit = std::time::Duration::from_millis(200);
        let early = tokio::time::timeout(limit, answer).await;
        postgres.resume();

        assert!(early.is_err(), "nobody answers meanwhile");
        let late = ask(postgres.url(), "SELECT 2::bigint").await;
        assert_eq!(late.unwrap(), 2);
    }
}
