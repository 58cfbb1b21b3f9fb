//! The suite from end to end: real processes, one module an area.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
