//! What the scheme pays for, and why: values and decisions without input, output or a clock.
//!
//! Deliberately absent: baselines and caps (steps 7 and 8 are written down as not examined),
//! tests of eligibility, and the submission of claims; a line here is prepared, not submitted.

pub mod allocation;
pub mod comparison;
pub mod cost;
pub mod evaluation;
pub mod figure;
pub mod holding;
pub mod inspection;
pub mod line;
pub mod maximum;
pub mod on_cost;
pub mod pay;
pub mod policy;
pub mod projection;
pub mod rulebook;
pub mod step;
pub mod summary;
