//! The audit trail: who did what to which rows, and what came of it.
//!
//! An entry of an effect commits with it. Refusals and reads of personal data have no effect to
//! commit with: `Writer` gathers them, and the answer waits until they are written. Within a second
//! `keep_sealed` gives each entry its place in a chain of hashes, so that `verify` finds what was
//! changed, removed, moved or slipped in later.
//!
//! Entries carry references and reasons, never personal values. Neither an entry nor a seal is ever
//! changed: those tables take new rows and nothing else.

mod chain;
mod entry;
mod migration;
mod seal;
mod service;
mod shown;
mod table;
mod verify;
mod writer;

pub use chain::Head;
pub use entry::{Entry, Outcome, append};
pub use migration::migration;
pub use seal::keep_sealed;
pub use service::{list_events, verify_trail};
pub(crate) use shown::entries;
pub use shown::{Shown, shows};
pub use verify::{Broken, Verified, Why, verify};
pub use writer::Writer;

#[cfg(test)]
mod tests;
