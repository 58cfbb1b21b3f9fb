//! Facts: the outbox of a service, the stream of it, and how another service follows.
//!
//! Facts leave only through rows written in the transaction of their cause, numbered without
//! gaps in the order of commit. A follower's cursor moves in the transaction of the effect.

mod cloud_event;
mod cursor;
mod follow;
pub mod mending;
pub mod migration;
mod outbox;
mod parked;
mod progress;
mod relay;
mod stream;

pub(crate) use outbox::append;

pub use cursor::{cursor, followed, told};
pub use follow::{Follower, Projection};
pub use outbox::{NewFact, position};
pub use parked::Parked;
pub use progress::Progress;
pub use relay::Relay;
pub use stream::stream;

/// Facts read from the outbox, and applied by a follower, at a time.
const BATCH: u64 = 500;

#[cfg(test)]
mod tests;
