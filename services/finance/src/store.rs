//! What finance keeps and reads.

pub(crate) mod entity;
pub mod migration;
pub mod pay;
pub mod places;
pub mod rulebook;
