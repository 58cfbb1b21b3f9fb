//! What is kept: rule files, sessions, and the roster as it was told.

mod entity;
pub mod migration;
pub mod requirements;
pub mod sessions;
