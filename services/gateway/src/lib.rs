//! The gateway: assembles reports from the three services and passes every other call on.
//!
//! It has no store. What it does not know it asks for, each time, on behalf of the caller: the
//! caller's own token goes with every call, and each service decides for itself.

pub mod api;
mod clients;
pub mod config;
pub mod domain;
mod forward;

pub use clients::Clients;
pub use config::{Config, DEFAULTS};

use arrs_proto::report::v1::report_service_server::ReportServiceServer;
use kit::Service;
use kit::server::{MESSAGE_IN, MESSAGE_OUT};
use tonic::service::Routes;

/// The name of the service.
pub const NAME: &str = "gateway";

/// Puts the gateway together.
pub fn start(clients: Clients) -> Service {
    let reports = ReportServiceServer::new(api::ReportApi::new(clients.clone()))
        .max_decoding_message_size(MESSAGE_IN)
        .max_encoding_message_size(MESSAGE_OUT);
    let refusals = Some(forward::rest(Routes::default(), clients.clone()));
    let routes = forward::rest(Routes::new(reports), clients);
    let (progress, tasks) = (Vec::new(), Vec::new());
    Service { name: NAME, routes, progress, tasks, database: None, refusals }
}
