//! What operators mend of the roster that is followed.

use std::sync::Arc;

use arrs_proto::admin::v1 as pb;
use arrs_proto::finance::v1::projection_service_server::ProjectionService;
use kit::facts::{Follower, mending};
use kit::pages::Key;
use kit::server::caller;
use tonic::{Request, Response, Status};

/// Answers `ProjectionService`.
#[derive(Clone, Debug)]
pub struct ProjectionApi {
    pub(crate) follower: Follower,
    pub(crate) pages: Arc<Key>,
}

#[tonic::async_trait]
impl ProjectionService for ProjectionApi {
    async fn list_parked_facts(
        &self,
        request: Request<pb::ListParkedFactsRequest>,
    ) -> Result<Response<pb::ListParkedFactsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let facts = mending::list_parked(&self.follower, &self.pages, &caller, request).await?;
        Ok(Response::new(facts))
    }

    async fn redrive_parked_facts(
        &self,
        request: Request<pb::RedriveParkedFactsRequest>,
    ) -> Result<Response<pb::RedriveParkedFactsResponse>, Status> {
        let caller = caller(&request)?;
        let redriven = mending::redrive(&self.follower, &caller, request.into_inner()).await?;
        Ok(Response::new(redriven))
    }

    async fn replay_projection(
        &self,
        request: Request<pb::ReplayProjectionRequest>,
    ) -> Result<Response<pb::ReplayProjectionResponse>, Status> {
        let caller = caller(&request)?;
        let replayed = mending::replay(&self.follower, &caller, request.into_inner()).await?;
        Ok(Response::new(replayed))
    }
}
