//! People at work as numbers: roles, figures by role, the national return, checks of a roster.
//!
//! Pure: nothing here reads a file, a clock or a store.

pub mod national_return;
pub mod registration_match;
pub mod role;
pub mod roster_check;
pub mod statistics;
