//! Who must be supervised, how often, and whether they were.
//!
//! Pure: the day is an argument, and what is known is what the caller passes.

pub mod compliance;
pub mod requirement;
pub mod session;
