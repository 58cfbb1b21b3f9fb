//! The outbox, as others follow it.

use arrs_proto::admin::v1::{RepublishFactsRequest, RepublishFactsResponse};
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::supervision::v1::fact_service_server::FactService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::api::Api;

#[tonic::async_trait]
impl FactService for Api {
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
