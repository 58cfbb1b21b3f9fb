//! Walking the chain: whether the entries are those that were sealed, all of them, in their order.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Query, SubQueryStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::chain::Head;
use super::seal;
use super::table::{audit_entry, audit_seal};
use crate::db::{self, Database};
use crate::error::Error;

/// How many entries are in memory at once.
const BATCH: u64 = 1_000;
/// An entry is sealed within a second; one sealed so much later was written while nothing was
/// sealed, or slipped in with a time of its own.
const LATE: i64 = 60 * 60 * 1_000_000;

/// What is wrong, at which place of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The place; 0 for what has none.
    pub sequence: i64,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no seal with this number, though later ones are there.
    SealMissing,
    /// The entry that was sealed is gone.
    EntryMissing,
    /// The entry, its seal or an earlier one is not what was sealed.
    HashDiffers,
    /// The chain has another hash here than was noted.
    HeadDiffers,
    /// The chain ends before a place that was noted.
    HeadMissing,
    /// There are entries that neither are sealed nor wait for it, or some that waited are gone.
    EntriesUnaccounted,
}

/// How far a chain was walked, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The last place that was found whole.
    pub last: Head,
    /// How many entries were walked.
    pub checked: i64,
    /// How many of them were sealed more than an hour after their time.
    pub late: i64,
    /// Whether the end was reached.
    pub finished: bool,
    /// How many entries are sealed.
    pub sealed: i64,
    /// How many wait for their seal.
    pub unsealed: i64,
    /// What is wrong first.
    pub broken: Option<Broken>,
}

#[derive(FromQueryResult)]
struct Counts {
    entries: i64,
    sealed: i64,
    unsealed: i64,
}

/// Walks at most `limit` entries of the chain from just past `after`, where the hash is taken as
/// given or, with none, as it is stored. `known` is a place that was noted before.
pub async fn verify(
    database: &Database,
    after: (i64, Option<[u8; 32]>),
    known: Option<Head>,
    limit: u64,
) -> Result<Verified, Error> {
    let read = database.read().await?;
    let counts = counts(&*read).await?;
    let mut verified = Verified {
        last: Head::START,
        checked: 0,
        late: 0,
        finished: false,
        sealed: counts.sealed,
        unsealed: counts.unsealed,
        broken: None,
    };
    let broken = |sequence, why| Some(Broken { sequence, why });
    match stored(&*read, after).await? {
        Ok(head) => verified.last = head,
        Err(why) => {
            verified.broken = broken(after.0, why);
            return Ok(verified);
        }
    }
    // The walk does not come by a place behind the one where it begins.
    if let Some(known) = known.filter(|known| known.sequence <= verified.last.sequence)
        && let Err(why) = stored(&*read, (known.sequence, Some(known.hash))).await?
    {
        verified.broken = broken(known.sequence, why);
        return Ok(verified);
    }
    let differs =
        |head: &Head| known.is_some_and(|known| known.sequence == head.sequence && known != *head);
    let mut left = limit;
    while left > 0 {
        let batch = batch(&*read, verified.last.sequence, left.min(BATCH)).await?;
        let count = u64::try_from(batch.len()).expect("a batch is small");
        for (seal, entry) in batch {
            let sequence = verified.last.sequence + 1;
            let next = match (entry, seal.sequence == sequence) {
                (_, false) => Err(Why::SealMissing),
                (None, true) => Err(Why::EntryMissing),
                (Some(entry), true) => {
                    verified.late += i64::from(seal.sealed_at.saturating_sub(entry.time) > LATE);
                    let next = verified.last.next(seal.version, seal.sealed_at, &entry);
                    match next.filter(|next| seal::at(&seal) == Some(*next)) {
                        None => Err(Why::HashDiffers),
                        Some(next) if differs(&next) => Err(Why::HeadDiffers),
                        Some(next) => Ok(next),
                    }
                }
            };
            match next {
                Ok(next) => verified.last = next,
                Err(why) => {
                    verified.broken = broken(sequence, why);
                    return Ok(verified);
                }
            }
            verified.checked += 1;
        }
        if count < left.min(BATCH) {
            verified.finished = true;
            break;
        }
        left -= count;
    }
    if verified.finished {
        let beyond = known.filter(|known| known.sequence > verified.last.sequence);
        let accounted = counts.entries == counts.sealed + counts.unsealed;
        verified.broken = match beyond {
            Some(known) => broken(known.sequence, Why::HeadMissing),
            None if !accounted => broken(0, Why::EntriesUnaccounted),
            None => None,
        };
    }
    Ok(verified)
}

/// A place as it is stored; it must have the hash, if one is given.
async fn stored(
    db: &impl ConnectionTrait,
    (sequence, hash): (i64, Option<[u8; 32]>),
) -> Result<Result<Head, Why>, Error> {
    if sequence == 0 {
        return Ok(Ok(Head::START));
    }
    let seal = audit_seal::Entity::find_by_id(sequence).one(db).await.map_err(db::sort)?;
    let Some(seal) = seal else { return Ok(Err(Why::HeadMissing)) };
    let stored = seal::at(&seal);
    Ok(match (stored, hash) {
        (Some(stored), None) => Ok(stored),
        (Some(stored), Some(hash)) if stored.hash == hash => Ok(stored),
        (Some(_), Some(_)) => Err(Why::HeadDiffers),
        (None, _) => Err(Why::HashDiffers),
    })
}

/// The next seals, each with its entry if that is there.
async fn batch(
    db: &impl ConnectionTrait,
    after: i64,
    limit: u64,
) -> Result<Vec<(audit_seal::Model, Option<audit_entry::Model>)>, Error> {
    let seals = audit_seal::Entity::find()
        .filter(audit_seal::Column::Sequence.gt(after))
        .order_by_asc(audit_seal::Column::Sequence)
        .limit(limit)
        .all(db)
        .await
        .map_err(db::sort)?;
    let sealed = seals.iter().map(|seal| seal.entry_id);
    let entries = audit_entry::Entity::find()
        .filter(audit_entry::Column::Id.is_in(sealed))
        .all(db)
        .await
        .map_err(db::sort)?;
    let mut entries: HashMap<Uuid, audit_entry::Model> =
        entries.into_iter().map(|entry| (entry.id, entry)).collect();
    Ok(seals
        .into_iter()
        .map(|seal| {
            let entry = entries.remove(&seal.entry_id);
            (seal, entry)
        })
        .collect())
}

/// All three at once: between two statements entries would come in and be sealed.
async fn counts(db: &impl ConnectionTrait) -> Result<Counts, Error> {
    let count = |table: &'static str| {
        let rows = Query::select().expr(Expr::cust("count(*)")).from(table).to_owned();
        Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(rows)))
    };
    let all = Query::select()
        .expr_as(count("audit_entry"), "entries")
        .expr_as(count("audit_seal"), "sealed")
        .expr_as(count("audit_unsealed"), "unsealed")
        .to_owned();
    let row = db.query_one(&all).await.map_err(db::sort)?;
    let row = row.ok_or_else(|| Error::internal("counting answered no row"))?;
    Counts::from_query_result(&row, "").map_err(db::sort)
}
