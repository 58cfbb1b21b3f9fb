//! What finance keeps and reads.

pub mod baselines;
pub mod claim_ground;
pub mod claims;
pub(crate) mod entity;
pub mod ledger;
pub mod migration;
pub mod pay;
pub mod places;
pub mod rulebook;
