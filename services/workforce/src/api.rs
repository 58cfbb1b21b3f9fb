//! The methods of the service: parse, call, answer.

mod audit;
mod engagements;
mod facts;
mod imports;
mod organisations;
mod people;
mod summaries;

use std::path::PathBuf;
use std::sync::Arc;

use arrs_proto::workforce::v1::audit_service_server::AuditServiceServer;
use arrs_proto::workforce::v1::engagement_service_server::EngagementServiceServer;
use arrs_proto::workforce::v1::fact_service_server::FactServiceServer;
use arrs_proto::workforce::v1::import_service_server::ImportServiceServer;
use arrs_proto::workforce::v1::organisation_service_server::OrganisationServiceServer;
use arrs_proto::workforce::v1::person_service_server::PersonServiceServer;
use arrs_proto::workforce::v1::workforce_summary_service_server::WorkforceSummaryServiceServer;
use kit::Error;
use kit::facts::Relay;
use kit::pages::Key;
use kit::server::{MESSAGE_IN, MESSAGE_OUT};
use tonic::service::Routes;

use crate::app::App;

/// The methods of the service.
#[derive(Clone, Debug)]
pub struct Api {
    app: App,
    key: Arc<Key>,
    spool: PathBuf,
    relay: Relay,
}

impl Api {
    /// The methods over an application; files are received in `spool`.
    pub async fn new(app: App, spool: PathBuf, relay: Relay) -> Result<Api, Error> {
        let read = app.database().read().await?;
        let key = Arc::new(Key::load(&*read).await?);
        drop(read);
        Ok(Api { app, key, spool, relay })
    }

    /// All of them, within the limits of messages.
    pub fn routes(&self) -> Routes {
        Routes::new(
            FactServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            AuditServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            ImportServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            OrganisationServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            PersonServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            EngagementServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            WorkforceSummaryServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
    }
}
