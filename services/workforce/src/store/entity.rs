//! The tables of the service itself; those of the roster are in the kit.

pub(super) mod match_answer;
pub(super) mod national_return_row;
pub(super) mod person;
pub(super) mod person_particulars;
pub(super) mod registration;
