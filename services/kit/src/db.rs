//! The database of one service: its pools, its transactions, and what its errors mean.
//!
//! SQLite is the embedded default. Every write is an explicit transaction on the one writing
//! connection; reads run on connections of their own and see one snapshot a call.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqliteTransactionMode,
    SqlxSqliteConnector, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::watch;

use crate::Clock;
use crate::config::ConfigError;
use crate::error::Error;
use crate::facts::{self, NewFact};

/// How long a statement waits for another process's write before it gives up.
const BUSY: Duration = Duration::from_secs(5);
/// How long a call waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// The database of one service.
#[derive(Clone, Debug)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    clock: Clock,
    position: Arc<watch::Sender<i64>>,
}

/// One transaction that reads; all queries of a call see the same state.
#[derive(Debug)]
pub struct Read(DatabaseTransaction);

/// One transaction that writes, with the facts that leave by the outbox if it commits.
#[derive(Debug)]
pub struct Write {
    txn: DatabaseTransaction,
    facts: Vec<NewFact>,
    clock: Clock,
    position: Arc<watch::Sender<i64>>,
}

impl Database {
    /// Opens the database of `service`: at `url`, or embedded in `directory` when that is empty.
    pub async fn open(
        settings: &crate::config::Database,
        service: &str,
        directory: &Path,
        clock: Clock,
    ) -> Result<Database, Error> {
        let options = connect_options(settings.url.expose(), service, directory)?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged write survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .create_if_missing(true);
        // One writer: SQLite has one anyway, and a queue is fairer than busy retries.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE)
            .connect_with(options.clone())
            .await
            .map_err(|error| {
                Error::Unavailable(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
            })?;
        let reader = SqlitePoolOptions::new()
            .max_connections(settings.readers.max(1))
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Ok(Database {
            reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
            writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
            clock,
            position: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Brings the tables up to what this version needs. Forward only.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<(), Error> {
        M::up(&self.writer, None).await.map_err(sort)?;
        let newest = facts::position(&self.writer).await?;
        self.position.send_replace(newest);
        Ok(())
    }

    /// How many migrations have not been applied.
    pub async fn pending<M: MigratorTrait>(&self) -> Result<usize, Error> {
        let pending = M::get_pending_migrations(&self.writer).await.map_err(sort)?;
        Ok(pending.len())
    }

    /// Begins a reading transaction.
    pub async fn read(&self) -> Result<Read, Error> {
        Ok(Read(self.reader.begin().await.map_err(sort)?))
    }

    /// Begins a writing transaction. Nothing but the database is awaited until it commits.
    pub async fn write(&self) -> Result<Write, Error> {
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            // A transaction that reads first and writes later would fail to upgrade.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let txn = self.writer.begin_with_options(options).await.map_err(sort)?;
        Ok(Write {
            txn,
            facts: Vec::new(),
            clock: self.clock.clone(),
            position: Arc::clone(&self.position),
        })
    }

    /// The newest position of the outbox; changes with every commit that tells facts.
    pub fn positions(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// The clock that stamps what is written.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether a query is answered.
    pub async fn answers(&self) -> bool {
        self.reader.ping().await.is_ok()
    }
}

fn connect_options(
    url: &str,
    service: &str,
    directory: &Path,
) -> Result<SqliteConnectOptions, Error> {
    if url.is_empty() {
        std::fs::create_dir_all(directory).map_err(Error::internal)?;
        return Ok(SqliteConnectOptions::new().filename(directory.join(format!("{service}.db"))));
    }
    if !url.starts_with("sqlite:") {
        let problem = "must begin with sqlite: (other engines are not served by this version)";
        return Err(Error::internal(ConfigError::at(format!("{service}.database.url"), problem)));
    }
    url.parse().map_err(Error::internal)
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

    /// Commits, and answers the outbox position of the last fact told; none told, none moved.
    ///
    /// Numbering the facts is the last thing before the commit, so that positions have no gaps
    /// and follow the order of commits.
    pub async fn commit(self) -> Result<Option<i64>, Error> {
        let Write { txn, facts, clock, position } = self;
        if facts.is_empty() {
            txn.commit().await.map_err(sort)?;
            return Ok(None);
        }
        let newest = facts::append(&txn, facts, clock.now()).await?;
        txn.commit().await.map_err(sort)?;
        position.send_if_modified(|current| {
            let newer = newest > *current;
            *current = newest.max(*current);
            newer
        });
        Ok(Some(newest))
    }

    /// Leaves everything as it was.
    pub async fn roll_back(self) -> Result<(), Error> {
        self.txn.rollback().await.map_err(sort)
    }
}

/// What a database error means to a caller. The only place that looks inside one.
pub fn sort(error: DbErr) -> Error {
    use sea_orm::sqlx::Error as Driver;

    match &error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Error::Unavailable(error),
        DbErr::Exec(RuntimeErr::SqlxError(driver))
        | DbErr::Query(RuntimeErr::SqlxError(driver)) => {
            match driver.as_ref() {
                Driver::Io(_)
                | Driver::PoolTimedOut
                | Driver::PoolClosed
                | Driver::WorkerCrashed => Error::Unavailable(error),
                // SQLITE_BUSY: another process kept the file longer than BUSY.
                Driver::Database(inner) if inner.code().as_deref() == Some("5") => {
                    Error::Unavailable(error)
                }
                _ => Error::internal(error),
            }
        }
        _ => Error::internal(error),
    }
}
