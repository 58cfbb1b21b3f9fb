//! What finance does for a caller: one transaction each.

use std::sync::Arc;

use kit::cut::Place;
use kit::db::{Database, Read};
use kit::{Clock, Error, facts};
use terms::Instant;

use crate::domain::rulebook::RuleBook;
use crate::{NAME, WORKFORCE};

pub mod allocations;
pub mod arrears;
pub mod baselines;
mod claim_builds;
pub mod claim_moves;
pub mod claims;
pub mod comparisons;
pub mod ledger;
pub mod owed;
pub mod pay;
pub mod payments;
pub mod pcn_money;
pub mod pcn_year;
pub mod rule_books;

/// The service behind its methods.
#[derive(Clone, Debug)]
pub struct App {
    database: Database,
    rules: Arc<RuleBook>,
}

/// How far the outbox of each producer had been followed.
pub type Positions = [Place; 2];

impl App {
    /// Over a database and the rules that every answer uses.
    pub fn new(database: Database, rules: Arc<RuleBook>) -> App {
        App { database, rules }
    }

    /// The database, for what kit does with it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The rules in use.
    pub fn rules(&self) -> &RuleBook {
        &self.rules
    }

    /// The clock that stamps what is written.
    pub fn clock(&self) -> &Clock {
        self.database.clock()
    }

    /// How far the facts were known at an instant: finance's own, and those of workforce as
    /// followed.
    pub async fn positions(&self, read: &Read, at: Instant) -> Result<Positions, Error> {
        let own = facts::told(&**read, NAME, at).await?;
        let workforce = facts::followed(&**read, WORKFORCE, at).await?;
        Ok([own, workforce])
    }
}
