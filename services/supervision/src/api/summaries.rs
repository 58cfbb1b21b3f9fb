//! Summaries, from which the gateway assembles reports.

mod wire;

use std::sync::Arc;

use arrs_proto::summary::v1 as summary;
use arrs_proto::supervision::v1 as pb;
use arrs_proto::supervision::v1::supervision_summary_service_server::SupervisionSummaryService;
use kit::Cut;
use kit::db::Read;
use kit::summary::{Query, StreamQuery};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::app;

#[tonic::async_trait]
impl SupervisionSummaryService for Api {
    type StreamPcnSummariesStream = ReceiverStream<Result<pb::StreamPcnSummariesResponse, Status>>;

    async fn get_pcn_summary(
        &self,
        request: Request<summary::GetPcnSummaryRequest>,
    ) -> Result<Response<pb::PcnSupervision>, Status> {
        let caller = kit::server::caller(&request)?;
        let query = Query::parse(request.into_inner(), self.app.database().clock())?;
        let found = self.app.summary(&caller, &query).await?;
        Ok(Response::new(wire::supervision(&query, found, self.app.rule_digest())))
    }

    async fn stream_pcn_summaries(
        &self,
        request: Request<summary::StreamPcnSummariesRequest>,
    ) -> Result<Response<Self::StreamPcnSummariesStream>, Status> {
        let caller = kit::server::caller(&request)?;
        let database = self.app.database();
        let query = StreamQuery::parse(request.into_inner(), database.clock())?;
        let (of_cut, of_row) = (self.app.clone(), self.app.clone());
        let cut = move |read: Arc<Read>, cut: Cut| {
            let app = of_cut.clone();
            async move {
                let positions = app::summaries::positions(&read, cut.at).await?;
                Ok(wire::cut(&cut, app.rule_digest(), positions))
            }
        };
        let summarize = move |read: Arc<Read>, scope: kit::Scope, _, query: Query| {
            let app = of_row.clone();
            async move {
                let found = app.summarize(&read, &scope, &query).await?;
                Ok(wire::supervision(&query, found, app.rule_digest()))
            }
        };
        let database = database.clone();
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
