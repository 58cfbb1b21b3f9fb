//! Giving entries their place in the chain.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::chain::{Head, VERSION};
use super::table::{audit_entry, audit_seal, audit_unsealed};
use crate::db::{self, Database};
use crate::error::Error;
use crate::lease::{self, Held};

/// The lease of the one process that seals.
const LEASE: &str = "audit-seal";
/// How long it lasts: so long at most nothing is sealed after a process was killed.
const TTL: Duration = Duration::from_secs(6);
/// How often entries are sealed: twice in the second within which they must be.
const EVERY: Duration = Duration::from_millis(500);
/// How many are sealed in one transaction: writers wait for a few milliseconds.
const BATCH: u64 = 500;
/// How often the head is logged, to be compared with later from outside the database.
const TOLD: Duration = Duration::from_secs(60 * 60);

/// Seals the entries of a service for as long as it runs, and logs the head of its chain.
pub async fn keep_sealed(database: Database, service: &'static str) {
    let told: Arc<Mutex<Option<Instant>>> = Arc::default();
    let body = {
        let database = database.clone();
        move |held| work(database.clone(), service, held, Arc::clone(&told))
    };
    lease::hold(database, LEASE, TTL, body).await;
}

async fn work(
    database: Database,
    service: &'static str,
    held: Held,
    told: Arc<Mutex<Option<Instant>>>,
) -> Result<(), Error> {
    while !held.is_lost() {
        while seal(&database, Some(&held)).await? == BATCH {}
        let due = {
            let told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.is_none_or(|told| told.elapsed() >= TOLD)
        };
        if due {
            let read = database.read().await?;
            let head = head(&*read).await?;
            if head.sequence > 0 {
                tracing::info!(service, audit.head = %head, "the audit chain of {service} is at {head}");
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
        }
        tokio::select! {
            () = held.lost() => {}
            () = sleep(EVERY) => {}
        }
    }
    Ok(())
}

/// Seals the entries that wait, a batch at most; answers how many.
pub(super) async fn seal(database: &Database, held: Option<&Held>) -> Result<u64, Error> {
    let read = database.read().await?;
    let nothing = audit_unsealed::Entity::find().one(&*read).await.map_err(db::sort)?.is_none();
    drop(read);
    if nothing {
        return Ok(0);
    }
    let write = database.write().await?;
    if let Some(held) = held {
        held.fence(&*write).await?;
    }
    let waiting = audit_unsealed::Entity::find()
        .order_by_asc(audit_unsealed::Column::EntryId)
        .limit(BATCH)
        .all(&*write)
        .await
        .map_err(db::sort)?;
    let waiting: Vec<Uuid> = waiting.into_iter().map(|row| row.entry_id).collect();
    // One whose entry was removed is left in the queue, where the verification finds it.
    let entries = audit_entry::Entity::find()
        .filter(audit_entry::Column::Id.is_in(waiting))
        .order_by_asc(audit_entry::Column::Id)
        .all(&*write)
        .await
        .map_err(db::sort)?;
    if entries.is_empty() {
        write.roll_back().await?;
        return Ok(0);
    }
    let mut head = head(&*write).await?;
    let sealed_at = database.clock().now().0;
    let mut seals = Vec::with_capacity(entries.len());
    for entry in &entries {
        head = head.next(VERSION, sealed_at, entry).expect("this version knows its own encoding");
        seals.push(audit_seal::ActiveModel::from(audit_seal::Model {
            sequence: head.sequence,
            entry_id: entry.id,
            version: VERSION,
            sealed_at,
            hash: head.hash.to_vec(),
        }));
    }
    audit_seal::Entity::insert_many(seals)
        .exec_without_returning(&*write)
        .await
        .map_err(db::sort)?;
    let sealed = entries.iter().map(|entry| entry.id);
    audit_unsealed::Entity::delete_many()
        .filter(audit_unsealed::Column::EntryId.is_in(sealed))
        .exec(&*write)
        .await
        .map_err(db::sort)?;
    write.commit().await?;
    Ok(u64::try_from(entries.len()).expect("a batch is small"))
}

/// The end of the chain.
pub(super) async fn head(db: &impl ConnectionTrait) -> Result<Head, Error> {
    let newest = audit_seal::Entity::find()
        .order_by_desc(audit_seal::Column::Sequence)
        .one(db)
        .await
        .map_err(db::sort)?;
    newest.map_or(Ok(Head::START), |seal| at(&seal).ok_or_else(damaged))
}

/// The place of a seal in the chain; none if its hash is none.
pub(super) fn at(seal: &audit_seal::Model) -> Option<Head> {
    let hash = seal.hash.as_slice().try_into().ok()?;
    Some(Head { sequence: seal.sequence, hash })
}

fn damaged() -> Error {
    Error::internal("the newest seal of the audit trail is damaged: run `arrs audit verify`")
}
