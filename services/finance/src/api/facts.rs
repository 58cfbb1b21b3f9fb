//! The outbox of finance as a stream.

use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1::fact_service_server::FactService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::app::App;

/// Answers `FactService`.
#[derive(Clone, Debug)]
pub struct FactApi {
    pub(crate) app: App,
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
}
