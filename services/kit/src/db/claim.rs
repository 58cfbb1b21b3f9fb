//! Work that one call at a time is at, of all processes that share a database.
//!
//! A claim ends with its call, and at the latest with its process: nobody renews it. One that was
//! lost with the session that held it shows when its work is written, as the row of the work says
//! who is at it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Database, Engine};
use crate::error::Error;

/// What the calls of this process claim.
#[derive(Clone, Debug, Default)]
pub(super) struct Claimed(Arc<Mutex<BTreeSet<String>>>);

impl Claimed {
    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work that nobody else takes up before it is released.
#[derive(Debug)]
pub struct Claim {
    name: String,
    claimed: Claimed,
    engine: Engine,
}

impl Database {
    /// Claims a piece of work by its name; none if somebody is at it, here or in another process.
    pub async fn claim(&self, name: String) -> Result<Option<Claim>, Error> {
        if !self.claimed.names().insert(name.clone()) {
            return Ok(None);
        }
        let claim = Claim { name, claimed: self.claimed.clone(), engine: self.engine.clone() };
        let granted = match &self.engine {
            // It is served by one process.
            Engine::Sqlite(_) => true,
            Engine::Postgres(server) => server.claim(&claim.name).await?,
        };
        Ok(granted.then_some(claim))
    }
}

impl Claim {
    /// Lets others take it up.
    pub async fn release(self) {
        if let Engine::Postgres(server) = &self.engine
            && let Err(error) = server.release(&self.name).await
        {
            // The session is gone, and what it held with it.
            tracing::debug!("a claim was lost before it was released: {error}");
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claimed.names().remove(&self.name);
    }
}
