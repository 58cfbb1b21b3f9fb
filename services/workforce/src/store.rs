//! What is kept: rule files.

pub mod roles;
