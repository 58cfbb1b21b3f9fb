//! The shell every service wears: configuration, telemetry, server, identity, errors, names and
//! pages, database, facts, answers, imports, how rule files are read, and the roster that all of them know.
//!
//! Nothing of the scheme is here: no rule, no amount, no requirement.

pub mod answers;
pub mod audit;
pub mod client;
pub mod clock;
pub mod config;
pub mod cut;
pub mod db;
pub mod error;
pub mod facts;
pub mod identity;
pub mod imports;
pub mod lease;
pub mod migration;
pub mod names;
pub mod pages;
pub mod revision;
pub mod roster;
pub mod rulefile;
pub mod rules;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod statement;
pub mod summary;
pub mod table;
pub mod telemetry;
pub mod tls;
pub mod wire;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use clock::Clock;
pub use cut::Cut;
pub use error::{Error, ErrorReason};
pub use identity::{Caller, Scope};
pub use revision::{Etag, Revision};
pub use service::Service;

/// The domain of every error reason, until the product owns a name.
pub const DOMAIN: &str = "arrs.example";
