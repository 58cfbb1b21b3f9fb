//! Keeps the tree as the floor plan says. Links no service: it reads sources and descriptors.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contracts;
mod imports;
mod schemas;
mod tree;
