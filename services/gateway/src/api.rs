//! The methods of the gateway itself.

mod reports;
mod streams;
mod wire;

pub use reports::ReportApi;
