//! Facts: the outbox of a service, the stream of it, and how another service follows.
//!
//! Facts leave only through rows written in the transaction of their cause, numbered without
//! gaps in the order of commit. A follower's cursor moves in the transaction of the effect.

mod cursor;
mod follow;
mod outbox;
mod stream;

pub(crate) use outbox::append;

pub use cursor::{cursor, cursor_at, forget_cursor};
pub use follow::{Progress, follow};
pub use outbox::{NewFact, position, position_at};
pub use stream::stream;

/// Facts read from the outbox, and applied by a follower, at a time.
const BATCH: u64 = 500;
