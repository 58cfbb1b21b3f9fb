//! The one writer of entries that no effect commits with: refusals, and reads of personal data.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::entry::{Entry, append};
use crate::db::Database;
use crate::error::{Error, ErrorReason};

/// How long a commit waits after the one before it, for more entries to come.
const EVERY: Duration = Duration::from_millis(20);
/// How many calls may wait: more than a process works on at once.
const QUEUE: usize = 4_096;
/// How many calls are written in one transaction.
const BATCH: usize = 500;

/// Takes entries, and answers when they are written.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    database: Arc<Database>,
}

#[derive(Debug)]
struct Waiting {
    entries: Vec<Entry>,
    written: oneshot::Sender<()>,
}

impl Writer {
    /// A writer to a database, and the task that writes for as long as there is a writer.
    pub fn new(database: Database) -> (Writer, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Writer { queue, database: Arc::new(database.clone()) }, write(database, waiting))
    }

    /// Waits until the database does not answer, and says so.
    pub(crate) async fn away(&self) -> Error {
        self.database.away().await
    }

    /// Waits until `entries` are written. Refused if they cannot be: then nothing may be answered
    /// that they tell of.
    pub async fn record(&self, entries: Vec<Entry>) -> Result<(), Error> {
        let (written, done) = oneshot::channel();
        let queued = self.queue.try_send(Waiting { entries, written });
        queued.map_err(|_| unwritten())?;
        done.await.map_err(|_| unwritten())
    }
}

fn unwritten() -> Error {
    Error::refused(
        ErrorReason::AuditUnavailable,
        "the call could not be recorded in the audit trail, so it is not answered; try again",
        [],
    )
}

async fn write(database: Database, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    let mut next = Instant::now();
    while let Some(first) = waiting.recv().await {
        // Whoever comes alone is written at once.
        sleep_until(next).await;
        next = Instant::now() + EVERY;
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(more) = waiting.try_recv()
        {
            batch.push(more);
        }
        let (entries, written): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|Waiting { entries, written }| (entries, written)).unzip();
        match commit(&database, entries.into_iter().flatten()).await {
            Ok(()) => {
                for written in written {
                    // One who does not wait any more need not know.
                    written.send(()).ok();
                }
            }
            // Dropping them says that nothing was written.
            Err(error) => {
                let why = crate::error::chain(&error);
                let calls = written.len();
                tracing::error!(calls, "{calls} calls were refused, not being recorded: {why}");
            }
        }
    }
}

async fn commit(
    database: &Database,
    entries: impl IntoIterator<Item = Entry>,
) -> Result<(), Error> {
    let write = database.write_beside().await?;
    append(&*write, database.clock(), entries).await?;
    write.commit().await?;
    Ok(())
}
