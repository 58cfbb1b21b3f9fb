//! The supervision service: what is asked of whom, what was held, and what is overdue.

pub mod domain;
pub mod store;
