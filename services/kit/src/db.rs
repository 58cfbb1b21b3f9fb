//! The database of one service: its pools, its transactions, and what its errors mean.
//!
//! SQLite is the embedded default, PostgreSQL serves production. Every write is an explicit
//! transaction, and writers of a service take turns; reads run on connections of their own and see
//! one state a call.

mod append_only;
mod claim;
mod migrations;
mod postgres;
mod row_security;
mod sqlite;

use std::fs::DirBuilder;
use std::ops::Deref;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;

pub use append_only::append_only;
pub use claim::Claim;
pub(crate) use row_security::enter;
pub use row_security::{Tenancy, Tenant, across_tenants, row_security};

use crate::Clock;
use crate::answers::{self, NewAnswer};
use crate::error::{Error, ErrorReason};
use crate::facts::{self, NewFact};
use claim::Claimed;
use postgres::Server;
use sqlite::DatabaseFile;

/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a database may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(1);
/// How long work may take before the database is asked whether it is there at all: with its answer
/// less than the time that callers allow.
const DOUBT: Duration = Duration::from_millis(300);
/// How often a process looks for facts that another process of the same service wrote.
const LOOK: Duration = Duration::from_millis(200);

/// Streams that may read at once: one that is read slowly keeps its connection for long.
const STREAMS: u32 = 16;

/// The database of one service.
#[derive(Clone, Debug)]
pub struct Database {
    pools: Pools,
    clock: Clock,
    position: Arc<watch::Sender<i64>>,
    claimed: Claimed,
    engine: Engine,
}

/// Connections by what they are for.
#[derive(Clone, Debug)]
struct Pools {
    reader: DatabaseConnection,
    streams: DatabaseConnection,
    writer: DatabaseConnection,
    /// For what needs no turn; the same as `writer` where there is one writer.
    beside: DatabaseConnection,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Arc<DatabaseFile>),
    Postgres(Arc<Server>),
}

/// One transaction that reads; all queries of a call see the same state.
#[derive(Debug)]
pub struct Read(DatabaseTransaction);

/// One transaction that writes, with the facts that leave by the outbox and the answer that is
/// kept if it commits.
#[derive(Debug)]
pub struct Write {
    txn: DatabaseTransaction,
    facts: Vec<NewFact>,
    answer: Option<NewAnswer>,
    clock: Clock,
    position: Arc<watch::Sender<i64>>,
    engine: Engine,
}

impl Database {
    /// Opens the database of `service`: at the address of the settings, or embedded in
    /// `directory` when that is empty.
    pub async fn open(
        settings: &crate::config::Database,
        service: &str,
        directory: &Path,
        clock: Clock,
    ) -> Result<Database, Error> {
        let url = settings.url.expose();
        let (pools, engine) = if url.is_empty() || url.starts_with("sqlite:") {
            let (pools, file) = sqlite::open(url, settings.readers, service, directory).await?;
            (pools, Engine::Sqlite(Arc::new(file)))
        } else {
            let (pools, server) = postgres::open(settings, service).await?;
            (pools, Engine::Postgres(Arc::new(server)))
        };
        let position = Arc::new(watch::Sender::new(0));
        Ok(Database { pools, clock, position, claimed: Claimed::default(), engine })
    }

    /// Brings the tables up to what this version needs. Forward only.
    ///
    /// The process serves the database from then on: an embedded one alone, on a server beside
    /// others.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(file) => {
                file.take()?;
                migrations::up::<M>(&file.place(), &self.pools.writer).await?;
            }
            Engine::Postgres(server) => server.migrate::<M>().await?,
        }
        let newest = facts::position(&self.pools.reader).await?;
        self.position.send_replace(newest);
        if let Engine::Postgres(_) = &self.engine {
            let watch = look(self.pools.reader.clone(), Arc::downgrade(&self.position));
            tokio::spawn(watch);
        }
        Ok(())
    }

    /// How many migrations have not been applied.
    pub async fn pending<M: MigratorTrait>(&self) -> Result<usize, Error> {
        match &self.engine {
            Engine::Sqlite(_) => {
                let pending = M::get_pending_migrations(&self.pools.writer).await.map_err(sort)?;
                Ok(pending.len())
            }
            Engine::Postgres(server) => server.pending::<M>().await,
        }
    }

    /// Begins a reading transaction.
    pub async fn read(&self) -> Result<Read, Error> {
        self.begin_read(&self.pools.reader).await
    }

    /// Begins a reading transaction for a stream, which may take as long as its reader does; it
    /// keeps nobody else waiting.
    pub async fn read_for_stream(&self) -> Result<Read, Error> {
        self.begin_read(&self.pools.streams).await
    }

    async fn begin_read(&self, pool: &DatabaseConnection) -> Result<Read, Error> {
        let begin = async { pool.begin().await.map_err(sort) };
        Ok(Read(self.unless_away(begin).await?))
    }

    /// Begins a writing transaction. Nothing but the database is awaited until it commits, and no
    /// other writer of the service comes between.
    pub async fn write(&self) -> Result<Write, Error> {
        self.begin_write(&self.pools.writer, true).await
    }

    /// Begins a transaction that adds rows which no command reads. On a server it waits for no
    /// other writer, however long a large import takes.
    pub(crate) async fn write_beside(&self) -> Result<Write, Error> {
        self.begin_write(&self.pools.beside, false).await
    }

    async fn begin_write(&self, pool: &DatabaseConnection, turn: bool) -> Result<Write, Error> {
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            // A transaction that reads first and writes later would fail to upgrade.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let begin = async {
            let txn = pool.begin_with_options(options).await.map_err(sort)?;
            match &self.engine {
                Engine::Postgres(server) if turn => server.take_turn(&txn).await?,
                Engine::Postgres(_) | Engine::Sqlite(_) => {}
            }
            Ok(txn)
        };
        Ok(Write {
            txn: self.unless_away(begin).await?,
            facts: Vec::new(),
            answer: None,
            clock: self.clock.clone(),
            position: Arc::clone(&self.position),
            engine: self.engine.clone(),
        })
    }

    /// Does to the tables what only their owner may, for tests; everybody may use what comes of
    /// it.
    ///
    /// # Panics
    ///
    /// If it cannot be done.
    #[cfg(any(test, feature = "testing"))]
    pub async fn execute_as_owner(&self, statements: &str) {
        use sea_orm::ConnectionTrait;

        match &self.engine {
            Engine::Sqlite(_) => {
                let write = self.write().await.expect("a test has a database");
                write.execute_unprepared(statements).await.expect("the test wrote statements");
                write.commit().await.expect("a test has a database");
            }
            Engine::Postgres(server) => server.execute_as_owner(statements).await,
        }
    }

    /// Closes the connections, which brings everything into the one file of an embedded database.
    pub async fn close(self) {
        let Pools { reader, streams, writer, beside } = self.pools;
        for connection in [reader, streams, writer, beside] {
            if let Err(error) = connection.close().await {
                tracing::warn!("a database did not close: {error}");
            }
        }
    }

    /// The newest position of the outbox; changes with every commit that tells facts.
    pub fn positions(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// The clock that stamps what is written.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether a query is answered in time, from the database that is served.
    pub async fn answers(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(file) => {
                let ping = tokio::time::timeout(ANSWER, self.pools.reader.ping());
                file.check().is_ok() && ping.await.is_ok_and(|answered| answered.is_ok())
            }
            Engine::Postgres(server) => server.answers().await,
        }
    }

    /// Waits until the database does not answer, and says so; one that is embedded is always there.
    pub(crate) async fn away(&self) -> Error {
        match &self.engine {
            Engine::Sqlite(_) => std::future::pending().await,
            Engine::Postgres(server) => server.away().await,
        }
        let words = "it does not say that it is there".to_owned();
        Error::Unavailable(DbErr::Conn(RuntimeErr::Internal(words)))
    }

    /// Waits for work no longer than the database is there: a pool tries for longer to connect than
    /// callers have time.
    async fn unless_away<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            error = self.away() => Err(error),
        }
    }
}

/// Keeps the newest position current while another process of the service may write, for as long
/// as anybody holds the database.
async fn look(reader: DatabaseConnection, position: Weak<watch::Sender<i64>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let newest = facts::position(&reader).await;
        let Some(position) = position.upgrade() else { return };
        // A database that is away is told of by the health of the process.
        if let Ok(newest) = newest {
            raise(&position, newest);
        }
    }
}

fn raise(position: &watch::Sender<i64>, newest: i64) {
    position.send_if_modified(|current| {
        let newer = newest > *current;
        *current = newest.max(*current);
        newer
    });
}

/// Makes a folder that only its owner may look into, if there is none: it will hold names, pay
/// and keys.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Deref for Read {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.0
    }
}

impl Deref for Write {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &DatabaseTransaction {
        &self.txn
    }
}

impl Write {
    /// Tells a fact, if the transaction commits.
    pub fn tell(&mut self, fact: NewFact) {
        self.facts.push(fact);
    }

    /// Keeps the answer, if the transaction commits, for those who repeat the call.
    pub(crate) fn answer(&mut self, answer: NewAnswer) {
        self.answer = Some(answer);
    }

    /// The clock that stamps what is written.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Commits, and answers the outbox position of the last fact told; none told, none moved.
    ///
    /// Numbering the facts is the last thing before the commit, so that positions have no gaps
    /// and follow the order of commits; only the answer, which says the position, comes after.
    pub async fn commit(self) -> Result<Option<i64>, Error> {
        let Write { txn, facts, answer, clock, position, engine } = self;
        if let Engine::Sqlite(file) = &engine {
            file.check()?;
        }
        let newest = match facts.is_empty() {
            true => None,
            false => Some(facts::append(&txn, facts, clock.now()).await?),
        };
        if let Some(answer) = answer {
            answers::keep(&txn, answer, newest, clock.now()).await?;
        }
        txn.commit().await.map_err(sort)?;
        if let Some(newest) = newest {
            raise(&position, newest);
        }
        Ok(newest)
    }

    /// Leaves everything as it was.
    pub async fn roll_back(self) -> Result<(), Error> {
        self.txn.rollback().await.map_err(sort)
    }
}

/// Keys to look rows up by, the last one repeated until there are a power of two: lists of every
/// length would be as many statements, each to be parsed and kept.
pub fn padded<K: Copy>(keys: &[K]) -> Vec<K> {
    let mut padded = keys.to_vec();
    if let Some(last) = keys.last() {
        padded.resize(keys.len().next_power_of_two(), *last);
    }
    padded
}

/// A driver's error as the storage library wraps it.
fn driver(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// What a database error means to a caller. The only place that looks inside one.
pub fn sort(error: DbErr) -> Error {
    use sea_orm::sqlx::Error as Driver;

    let driver = match &error {
        DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver))
        | DbErr::Conn(RuntimeErr::SqlxError(driver)) => driver,
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return Error::Unavailable(error),
        _ => return Error::internal(error),
    };
    match driver.as_ref() {
        Driver::Io(_)
        | Driver::Tls(_)
        | Driver::Protocol(_)
        | Driver::PoolTimedOut
        | Driver::PoolClosed
        | Driver::WorkerCrashed => Error::Unavailable(error),
        Driver::Database(inner) => match Sorted::of(inner.code().as_deref()) {
            Sorted::Unavailable => Error::Unavailable(error),
            Sorted::Conflict => Error::refused(
                ErrorReason::WriteConflict,
                "another write came between; nothing was changed: try again",
                [],
            ),
            Sorted::Rest => Error::internal(error),
        },
        _ => Error::internal(error),
    }
}

/// The codes of SQLite for a file that cannot be used at the moment.
const SQLITE_AWAY: [u32; 6] = [5, 6, 8, 10, 13, 14];

/// What an engine's code says of an error.
enum Sorted {
    /// The database is away, busy or shutting down.
    Unavailable,
    /// Two writers wanted the same.
    Conflict,
    /// Anything else is our mistake.
    Rest,
}

impl Sorted {
    fn of(code: Option<&str>) -> Sorted {
        match code {
            // SQLite, of whose code the lowest byte says BUSY (another process kept the file longer
            // than its time-out), LOCKED, READONLY, IOERR, FULL or CANTOPEN.
            Some(code) if primary(code).is_some_and(|code| SQLITE_AWAY.contains(&code)) => {
                Sorted::Unavailable
            }
            // Serialisation, deadlock.
            Some("40001" | "40P01") => Sorted::Conflict,
            // Connection lost, resources short, cancelled by a time-out, shutting down, starting.
            Some(code) if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
                Sorted::Unavailable
            }
            // A lock or an idle transaction that took too long.
            Some("55P03" | "25P03") => Sorted::Unavailable,
            Some(_) | None => Sorted::Rest,
        }
    }
}

/// What SQLite says in the lowest byte of its codes, of which an SQLSTATE, always of five
/// characters, is none.
fn primary(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff)
}

/// Whether a database refused the values rather than failed: they break a constraint, or are too
/// large or of another type than the column. Written again they are refused again.
pub(crate) fn lies_in_values(error: &DbErr) -> bool {
    use sea_orm::sqlx::Error as Driver;

    let (DbErr::Exec(RuntimeErr::SqlxError(driver)) | DbErr::Query(RuntimeErr::SqlxError(driver))) =
        error
    else {
        return false;
    };
    let Driver::Database(inner) = driver.as_ref() else {
        return matches!(driver.as_ref(), Driver::Encode(_));
    };
    let code = inner.code().unwrap_or_default();
    match primary(&code) {
        // TOOBIG, CONSTRAINT or MISMATCH.
        Some(code) => matches!(code, 18..=20),
        // 22 data exceptions, 23 broken constraints.
        None => code.starts_with("22") || code.starts_with("23"),
    }
}
