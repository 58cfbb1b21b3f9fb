//! The database of one service: its pools, its transactions, and what its errors mean.
//!
//! SQLite is the embedded default. Every write is an explicit transaction on the one writing
//! connection; reads run on connections of their own and see one snapshot a call.

use std::fs::{DirBuilder, File};
use std::ops::Deref;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

/// Streams that may read at once: one that is read slowly keeps its connection for long.
const STREAMS: u32 = 16;

/// The database of one service.
#[derive(Clone, Debug)]
pub struct Database {
    reader: DatabaseConnection,
    streams: DatabaseConnection,
    writer: DatabaseConnection,
    clock: Clock,
    position: Arc<watch::Sender<i64>>,
    file: Arc<DatabaseFile>,
}

/// The file of an embedded database, and the lock of the one process that serves it.
#[derive(Debug)]
struct DatabaseFile {
    path: PathBuf,
    lock: Mutex<Option<File>>,
    identity: OnceLock<(u64, u64)>,
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
    file: Arc<DatabaseFile>,
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
            // There may be no other place that can be written to.
            .pragma("temp_store", "MEMORY")
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
        let readers = |connections: u32| {
            let pool = SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE)
                .connect_lazy_with(options.clone());
            SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
        };
        let file = DatabaseFile {
            path: options.get_filename().to_owned(),
            lock: Mutex::new(None),
            identity: OnceLock::new(),
        };
        Ok(Database {
            reader: readers(settings.readers.max(1)),
            streams: readers(STREAMS),
            file: Arc::new(file),
            writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
            clock,
            position: Arc::new(watch::Sender::new(0)),
        })
    }

    /// Brings the tables up to what this version needs, for the one process that serves the
    /// database from then on. Forward only.
    pub async fn migrate<M: MigratorTrait>(&self) -> Result<(), Error> {
        self.file.take()?;
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

    /// Begins a reading transaction for a stream, which may take as long as its reader does; it
    /// keeps nobody else waiting.
    pub async fn read_for_stream(&self) -> Result<Read, Error> {
        Ok(Read(self.streams.begin().await.map_err(sort)?))
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
            file: Arc::clone(&self.file),
        })
    }

    /// Closes the connections, which brings everything into the one file of an embedded database.
    pub async fn close(self) {
        let Database { reader, streams, writer, .. } = self;
        for connection in [reader, streams, writer] {
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

    /// Whether a query is answered, from the file that is served.
    pub async fn answers(&self) -> bool {
        self.file.check().is_ok() && self.reader.ping().await.is_ok()
    }
}

impl DatabaseFile {
    /// Takes the lock that says who serves the file, and remembers which file it is.
    fn take(&self) -> Result<(), Error> {
        let mut held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let path = self.path.with_extension("lock");
            let told = |problem: String| {
                Error::internal(ConfigError::at(self.path.display().to_string(), problem))
            };
            let lock = File::options().create(true).append(true).open(path);
            let lock = lock.map_err(|error| told(format!("cannot be locked: {error}")))?;
            lock.try_lock().map_err(|_| told("is served by another process already".to_owned()))?;
            *held = Some(lock);
        }
        if let Some(identity) = identity(&self.path) {
            self.identity.get_or_init(|| identity);
        }
        Ok(())
    }

    /// Whether what is written still lands in the file at the path: a file that was removed or
    /// replaced would take every write and lose it.
    fn check(&self) -> Result<(), Error> {
        match self.identity.get() {
            Some(known) if identity(&self.path).as_ref() != Some(known) => {
                let path = self.path.display();
                let problem = format!("{path} was removed or replaced while it was served");
                Err(Error::Unavailable(DbErr::Custom(problem)))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Device and inode.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Makes a folder that only its owner may look into, if there is none: it will hold names, pay
/// and keys.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn connect_options(
    url: &str,
    service: &str,
    directory: &Path,
) -> Result<SqliteConnectOptions, Error> {
    if url.is_empty() {
        private_folder(directory).map_err(Error::internal)?;
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
        let Write { txn, facts, clock, position, file } = self;
        file.check()?;
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
    match code.parse::<u32>() {
        // SQLSTATE is five characters: 22 data exceptions, 23 broken constraints.
        _ if code.len() == 5 => code.starts_with("22") || code.starts_with("23"),
        // SQLite, of whose code the lowest byte says TOOBIG, CONSTRAINT or MISMATCH.
        Ok(code) => matches!(code & 0xff, 18..=20),
        Err(_) => false,
    }
}
