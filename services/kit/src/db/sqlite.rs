//! The embedded engine: one SQLite file in write-ahead mode, one process that serves it.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, Connection, Row};
use sea_orm::{DbErr, SqlxSqliteConnector};

use super::{ACQUIRE, Pools, STREAMS, driver};
use crate::config::ConfigError;
use crate::error::Error;

/// How long a statement waits for another process's write before it gives up.
const BUSY: Duration = Duration::from_secs(5);

/// The file of an embedded database, and the lock of the one process that serves it.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    lock: Mutex<Option<File>>,
    identity: OnceLock<(u64, u64)>,
}

/// Opens the file at `url`, or of `service` in `directory` when that is empty.
pub(super) async fn open(
    url: &str,
    readers: u32,
    service: &str,
    directory: &Path,
) -> Result<(Pools, DatabaseFile), Error> {
    let options = connect_options(url, service, directory)?
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged write survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // There may be no other place that can be written to.
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY)
        .create_if_missing(true);
    // One writer: SQLite has one anyway, and a queue is fairer than busy retries.
    let path = options.get_filename().to_owned();
    let writer = pool(1).connect_with(options.clone()).await.map_err(|error| {
        let problem = format!("the file of {service} cannot be opened: {error}");
        Error::internal(ConfigError::at(path.display().to_string(), problem))
    })?;
    check_settings(&writer).await?;
    let lazy = |connections: u32| {
        let pool = pool(connections).connect_lazy_with(options.clone());
        SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
    };
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    let pools = Pools {
        reader: lazy(readers.max(1)),
        streams: lazy(STREAMS),
        beside: writer.clone(),
        writer,
    };
    let file = DatabaseFile { path, lock: Mutex::new(None), identity: OnceLock::new() };
    Ok((pools, file))
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // SQLite rolls back by itself when the disk is full or fails. The driver does not notice
        // and takes what comes next for a part of the transaction that is gone: it would be told
        // it is done, and be lost. So would it in a transaction that a cancelled call left open.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            async move {
                let left_open = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.is_ok();
                Ok(!left_open && !connection.is_in_transaction())
            }
            .boxed()
        })
}

/// Refuses a file that would acknowledge what a power cut can take back.
async fn check_settings(pool: &SqlitePool) -> Result<(), Error> {
    for (pragma, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let statement = sea_orm::sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
        let row = sea_orm::sqlx::query(statement).fetch_one(pool).await;
        let row = row.map_err(|error| Error::Unavailable(driver(error)))?;
        let found = row
            .try_get::<String, _>(0)
            .or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
            .map_err(Error::internal)?;
        if found != wanted {
            let problem = format!("SQLite runs with {pragma} = {found}, and {wanted} is needed");
            return Err(Error::internal(problem));
        }
    }
    Ok(())
}

impl DatabaseFile {
    /// Takes the lock that says who serves the file, and remembers which file it is.
    pub(super) fn take(&self) -> Result<(), Error> {
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

    /// Where the file is, for messages.
    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether what is written still lands in the file at the path: a file that was removed or
    /// replaced would take every write and lose it.
    pub(super) fn check(&self) -> Result<(), Error> {
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

fn connect_options(
    url: &str,
    service: &str,
    directory: &Path,
) -> Result<SqliteConnectOptions, Error> {
    if url.is_empty() {
        super::private_folder(directory).map_err(Error::internal)?;
        return Ok(SqliteConnectOptions::new().filename(directory.join(format!("{service}.db"))));
    }
    url.parse().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// How many writes are in the file: of one in a transaction that SQLite ends by itself, as it
    /// does when the disk is full, one that is refused after it, and one that is acknowledged then.
    async fn kept(pool: SqlitePoolOptions) -> i64 {
        let folder = TempDir::new().unwrap();
        let options = connect_options("", "kept", folder.path()).unwrap();
        let options = options.journal_mode(SqliteJournalMode::Wal).create_if_missing(true);
        let writer = pool.connect_with(options.clone()).await.unwrap();
        sqlx::raw_sql("CREATE TABLE word (word TEXT)").execute(&writer).await.unwrap();

        let mut lost = writer.begin().await.unwrap();
        sqlx::raw_sql("INSERT INTO word VALUES ('lost'); ROLLBACK")
            .execute(&mut *lost)
            .await
            .unwrap();
        lost.commit().await.unwrap_err();
        let mut refused = writer.begin().await.unwrap();
        sqlx::raw_sql("INSERT INTO word VALUES ('refused')").execute(&mut *refused).await.unwrap();
        refused.rollback().await.unwrap();
        let mut told = writer.begin().await.unwrap();
        sqlx::raw_sql("INSERT INTO word VALUES ('told')").execute(&mut *told).await.unwrap();
        told.commit().await.unwrap();

        let other = SqlitePool::connect_with(options).await.unwrap();
        sqlx::query_scalar("SELECT count(*) FROM word").fetch_one(&other).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_acknowledged_after_sqlite_ended_a_transaction_is_in_the_file() {
        assert_eq!(kept(pool(1)).await, 1);
    }

    /// The test of the test: the pool as it comes acknowledges, and loses.
    #[tokio::test]
    async fn a_pool_without_the_check_loses_what_it_acknowledges() {
        assert_eq!(kept(SqlitePoolOptions::new().max_connections(1)).await, 0);
    }
}
