//! What a report is made of. Pure.

pub mod report;
