//! The outbox of finance as a stream.

use arrs_proto::admin::v1::{RepublishFactsRequest, RepublishFactsResponse};
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1::fact_service_server::FactService;
use kit::facts::Relay;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::app::App;

/// Answers `FactService`.
#[derive(Clone, Debug)]
pub struct FactApi {
    pub(crate) app: App,
    pub(crate) relay: Relay,
}

#[tonic::async_trait]
impl FactService for FactApi {
    type StreamFactsStream = ReceiverStream<Result<StreamFactsResponse, Status>>;

    async fn stream_facts(
        &self,
        request: Request<StreamFactsRequest>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        let caller = kit::server::caller(&request)?;
        let database = self.app.database().clone();
        let stream = kit::facts::stream(database, NAME, caller, request.into_inner()).await?;
        Ok(Response::new(stream))
    }

    async fn republish_facts(
        &self,
        request: Request<RepublishFactsRequest>,
    ) -> Result<Response<RepublishFactsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let answer = self.relay.republish(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }
}
