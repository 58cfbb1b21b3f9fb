//! The harness of the tests: a cluster of real processes, and data of any size.

pub mod cluster;
pub mod england;
