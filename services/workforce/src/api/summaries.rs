//! Summaries, from which the gateway assembles reports.

mod wire;

use std::sync::Arc;

use arrs_proto::summary::v1 as summary;
use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::workforce_summary_service_server::WorkforceSummaryService;
use kit::Cut;
use kit::db::Read;
use kit::roster::Organisation;
use kit::summary::{Query, StreamQuery};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::api::Api;

#[tonic::async_trait]
impl WorkforceSummaryService for Api {
    type StreamPcnSummariesStream = ReceiverStream<Result<pb::StreamPcnSummariesResponse, Status>>;

    async fn get_pcn_summary(
        &self,
        request: Request<summary::GetPcnSummaryRequest>,
    ) -> Result<Response<pb::PcnWorkforce>, Status> {
        let caller = kit::server::caller(&request)?;
        let query = Query::parse(request.into_inner(), self.app.database().clock())?;
        let found = self.app.summary(&caller, &query).await?;
        Ok(Response::new(wire::workforce(&query, found)))
    }

    async fn stream_pcn_summaries(
        &self,
        request: Request<summary::StreamPcnSummariesRequest>,
    ) -> Result<Response<Self::StreamPcnSummariesStream>, Status> {
        let caller = kit::server::caller(&request)?;
        let database = self.app.database().clone();
        let query = StreamQuery::parse(request.into_inner(), database.clock())?;
        let app = self.app.clone();
        let cut = |read: Arc<Read>, cut: Cut| async move {
            Ok(wire::cut(&cut, kit::facts::told(&**read, NAME, cut.at).await?))
        };
        let summarize =
            move |read: Arc<Read>, scope: kit::Scope, organisation: Organisation, query: Query| {
                let app = app.clone();
                async move {
                    let found = app.summarize(&read, &scope, organisation, &query).await?;
                    Ok(wire::workforce(&query, found))
                }
            };
        let stream =
            kit::summary::stream(database, caller, query, cut, summarize, wire::part).await?;
        Ok(Response::new(stream))
    }

    async fn list_members(
        &self,
        request: Request<summary::ListMembersRequest>,
    ) -> Result<Response<summary::ListMembersResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let database = self.app.database();
        let members = kit::summary::list_members(database, &caller, request.into_inner()).await?;
        Ok(Response::new(members))
    }
}
