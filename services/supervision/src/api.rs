//! The methods of the service: parse, call, answer.

mod audit;
mod facts;
mod imports;
mod projections;
mod requirements;
mod sessions;
mod summaries;

use std::path::PathBuf;
use std::sync::Arc;

use arrs_proto::supervision::v1::audit_service_server::AuditServiceServer;
use arrs_proto::supervision::v1::fact_service_server::FactServiceServer;
use arrs_proto::supervision::v1::import_service_server::ImportServiceServer;
use arrs_proto::supervision::v1::projection_service_server::ProjectionServiceServer;
use arrs_proto::supervision::v1::requirement_service_server::RequirementServiceServer;
use arrs_proto::supervision::v1::session_service_server::SessionServiceServer;
use arrs_proto::supervision::v1::supervision_summary_service_server as summary_server;
use kit::Error;
use kit::facts::{Follower, Relay};
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
    follower: Follower,
    relay: Relay,
}

impl Api {
    /// The methods over an application; files are received in `spool`.
    pub async fn new(
        app: App,
        spool: PathBuf,
        follower: Follower,
        relay: Relay,
    ) -> Result<Api, Error> {
        let read = app.database().read().await?;
        let key = Arc::new(Key::load(&*read).await?);
        drop(read);
        Ok(Api { app, key, spool, follower, relay })
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
            ProjectionServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            RequirementServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            SessionServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
        .add_service(
            summary_server::SupervisionSummaryServiceServer::new(self.clone())
                .max_decoding_message_size(MESSAGE_IN)
                .max_encoding_message_size(MESSAGE_OUT),
        )
    }
}
