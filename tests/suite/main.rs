//! The suite from end to end: real processes, one module an area.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audit;
mod backups;
mod certificates;
mod claim_walk;
mod claims;
mod command_line;
mod degradation;
mod demo_set;
mod demonstration;
mod drain;
mod durability;
mod facts;
mod identity;
mod imports;
mod limits;
mod mutations;
mod outages;
mod parked;
mod peers;
mod postgres;
mod published;
mod reports;
mod resources;
mod server;
mod spawned;
mod tenancy;
