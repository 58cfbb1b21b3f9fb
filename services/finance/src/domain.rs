//! What the scheme pays for, and why: values and decisions without input, output or a clock.
//!
//! Deliberately absent: tests of eligibility.

pub mod adjustment;
pub mod allocation;
pub mod baseline;
pub mod cap;
pub mod claim;
pub mod comparison;
pub mod cost;
pub mod evaluation;
pub mod figure;
pub mod holding;
pub mod income;
pub mod inspection;
pub mod ledger;
pub mod line;
pub mod maximum;
pub mod on_cost;
pub mod owed;
pub mod pay;
pub mod policy;
pub mod projection;
pub mod role_year;
pub mod rulebook;
pub mod step;
pub mod summary;
