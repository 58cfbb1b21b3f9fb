//! The methods of the gateway itself.

mod answers;
mod reports;
mod streams;
mod wire;

pub use reports::ReportApi;
