//! The money of the scheme: its rules as data, pay, allocations and prepared claim lines.

pub mod domain;
pub mod store;
