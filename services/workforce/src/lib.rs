//! The workforce service: organisations, people, who works where, and how many there are.

pub mod domain;
pub mod store;
