//! .

pub mod england;
