//! The harness of the tests: a cluster of real processes, the servers beside it, faults between
//! them, and data of any size.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on has failed"))]

pub mod cluster;
pub mod england;
pub mod fault_proxy;
pub mod issuer;
pub mod journal;
pub mod nats;
pub mod postgres;
pub mod source;
