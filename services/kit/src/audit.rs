//! The audit trail: who did what to which rows, and what came of it.
//!
//! An entry of an effect commits with it. Entries carry references and reasons, never personal
//! values, and are never changed: what is known about them later stands in tables of its own.

mod entry;
mod migration;
mod table;

pub use entry::{Entry, Outcome, append};
pub use migration::migration;
