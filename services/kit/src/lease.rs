//! Leases: what one process at a time may do, of all that share a database.
//!
//! A lease is a row that its holder renews. Another takes it when it has seen the row unchanged for
//! as long as a lease lasts, by its own stopwatch, so that clocks which differ do no harm. Whoever
//! was held up and does not know yet that it lost is stopped by the fence in its transaction.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::db::{self, Database};
use crate::error::Error;

/// This process, in the row of every lease that it holds.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);
/// How often a lease is renewed while it lasts: two renewals may fail before it is lost.
const RENEWALS: u32 = 3;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lease")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub holder: Uuid,
        /// For people who look; who may take it is decided by `Seen`.
        pub until: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A lease that is held, as the work done under it sees it.
#[derive(Clone)]
pub struct Held {
    lease: Arc<Lease>,
    lost: watch::Receiver<bool>,
}

struct Lease {
    database: Database,
    name: &'static str,
    holder: Uuid,
    ttl: Duration,
}

/// The row of somebody else, and since when it has been seen unchanged.
struct Seen {
    row: row::Model,
    since: Instant,
}

/// Runs `body` while this process holds the lease `name`, again after each time it ends; never
/// returns.
///
/// A body ends by itself soon after `Held::lost`, and passes `Held::fence` in every transaction
/// that must be written by one process only. One that fails is logged and tried again.
pub async fn hold<B, F>(database: Database, name: &'static str, ttl: Duration, body: B)
where
    B: Fn(Held) -> F + Send,
    F: Future<Output = Result<(), Error>> + Send,
{
    hold_as(*PROCESS, database, name, ttl, body).await;
}

async fn hold_as<B, F>(holder: Uuid, database: Database, name: &'static str, ttl: Duration, body: B)
where
    B: Fn(Held) -> F + Send,
    F: Future<Output = Result<(), Error>> + Send,
{
    let lease = Arc::new(Lease { database, name, holder, ttl });
    let mut seen = None;
    loop {
        let asked = Instant::now();
        match lease.take(&mut seen).await {
            Ok(true) => {
                tracing::debug!(lease = name, "this process holds the lease {name}");
                if let Err(error) = lease.run(asked, &body).await {
                    let why = crate::error::chain(&error);
                    tracing::warn!(lease = name, "the work under the lease {name} ended: {why}");
                }
            }
            Ok(false) => {}
            Err(error) => {
                let why = crate::error::chain(&error);
                tracing::warn!(lease = name, "the lease {name} cannot be asked for: {why}");
            }
        }
        sleep(ttl / RENEWALS).await;
    }
}

/// Gives up every lease that this process holds, so that another need not wait for them.
pub async fn release(database: &Database) -> Result<(), Error> {
    let write = database.write().await?;
    let mine = row::Entity::delete_many().filter(row::Column::Holder.eq(*PROCESS));
    mine.exec(&*write).await.map_err(db::sort)?;
    write.commit().await?;
    Ok(())
}

impl Lease {
    /// Takes the lease if it is free, or its holder has not renewed it for as long as it lasts.
    async fn take(&self, seen: &mut Option<Seen>) -> Result<bool, Error> {
        let read = self.database.read().await?;
        let known = row::Entity::find_by_id(self.name).one(&*read).await.map_err(db::sort)?;
        drop(read);
        if let Some(row) = known.as_ref().filter(|row| row.holder != self.holder) {
            let unchanged = seen.as_ref().filter(|seen| seen.row == *row);
            let since = unchanged.map_or_else(Instant::now, |seen| seen.since);
            *seen = Some(Seen { row: row.clone(), since });
            if since.elapsed() < self.ttl {
                return Ok(false);
            }
        }
        let write = self.database.write().await?;
        let until = self.until(known.as_ref());
        let changed = match known {
            None => {
                let row = row::Model { name: self.name.to_owned(), holder: self.holder, until };
                row::Entity::insert(row::ActiveModel::from(row))
                    .on_conflict(OnConflict::column(row::Column::Name).do_nothing().to_owned())
                    .exec_without_returning(&*write)
                    .await
            }
            Some(known) => row::Entity::update_many()
                .set(row::ActiveModel {
                    holder: Set(self.holder),
                    until: Set(until),
                    ..Default::default()
                })
                .filter(row::Column::Name.eq(self.name))
                .filter(row::Column::Holder.eq(known.holder))
                .filter(row::Column::Until.eq(known.until))
                .exec(&*write)
                .await
                .map(|result| result.rows_affected),
        };
        let taken = changed.map_err(db::sort)? == 1;
        write.commit().await?;
        Ok(taken)
    }

    /// Runs the body once, and renews the lease beside it until it ends or the lease is lost.
    async fn run<B, F>(self: &Arc<Self>, asked: Instant, body: &B) -> Result<(), Error>
    where
        B: Fn(Held) -> F,
        F: Future<Output = Result<(), Error>>,
    {
        let (lose, lost) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let work = body(Held { lease: Arc::clone(self), lost });
        let work = async {
            let outcome = work.await;
            end.send_replace(true);
            outcome
        };
        // Beside each other: the renewal may wait for a connection that the body has.
        let (outcome, ()) = tokio::join!(work, self.keep(asked, lose, ended));
        outcome
    }

    /// Renews until the body has ended, or says that the lease is lost.
    async fn keep(&self, taken: Instant, lose: watch::Sender<bool>, ended: watch::Receiver<bool>) {
        let mut renewed = taken;
        let mut over = ended.clone();
        while !*ended.borrow() {
            tokio::select! {
                _ = over.wait_for(|ended| *ended) => return,
                () = sleep(self.ttl / RENEWALS) => {}
            }
            // From before it is asked: nobody else may count from an earlier moment.
            let asked = Instant::now();
            match timeout_at(renewed + self.ttl, self.renew()).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Err(error)) if renewed.elapsed() < self.ttl => {
                    tracing::debug!(lease = self.name, "not renewed yet: {error}");
                }
                Ok(Ok(false) | Err(_)) | Err(_) => {
                    tracing::debug!(lease = self.name, "the lease {} is lost", self.name);
                    lose.send_replace(true);
                    return;
                }
            }
        }
    }

    async fn renew(&self) -> Result<bool, Error> {
        let write = self.database.write().await?;
        let kept = self.extend(&*write).await?;
        write.commit().await?;
        Ok(kept)
    }

    /// Moves the end of the lease, if it is still ours.
    async fn extend(&self, txn: &impl ConnectionTrait) -> Result<bool, Error> {
        let until = self.until(None);
        let renewed = row::Entity::update_many()
            .set(row::ActiveModel { until: Set(until), ..Default::default() })
            .filter(row::Column::Name.eq(self.name))
            .filter(row::Column::Holder.eq(self.holder))
            .exec(txn)
            .await
            .map_err(db::sort)?;
        Ok(renewed.rows_affected == 1)
    }

    /// When the lease ends if nobody renews it; never what it was, so that a renewal shows.
    fn until(&self, known: Option<&row::Model>) -> i64 {
        let ttl = i64::try_from(self.ttl.as_micros()).unwrap_or(i64::MAX);
        let until = self.database.clock().now().0.saturating_add(ttl);
        known.map_or(until, |known| until.max(known.until + 1))
    }
}

impl Held {
    /// Waits until the lease is lost.
    pub async fn lost(&self) {
        // An error means that nobody renews it any more.
        self.lost.clone().wait_for(|lost| *lost).await.map_or_else(drop, drop);
    }

    /// Whether it is lost, as far as this process knows.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Renews the lease inside a transaction, which then commits only what its holder wrote; an
    /// error if another process has taken it.
    pub async fn fence(&self, txn: &impl ConnectionTrait) -> Result<(), Error> {
        if self.lease.extend(txn).await? {
            return Ok(());
        }
        Err(Error::internal(format!("the lease {} was taken by another process", self.lease.name)))
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", self.lease.name)
    }
}

#[cfg(test)]
mod tests;
