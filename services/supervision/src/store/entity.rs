//! The tables of the service itself; those of the roster are in the kit.

pub(super) mod session;
