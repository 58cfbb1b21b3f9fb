//! What finance keeps and reads.

pub mod rulebook;
