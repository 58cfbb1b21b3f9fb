//! The money of one PCN and month.

pub(super) mod wire;
mod year;

use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::finance_summary_service_server::FinanceSummaryService;
use arrs_proto::finance::v1::stream_pcn_summaries_response::Part as WirePart;
use arrs_proto::summary::v1 as summary;
use kit::db::Read;
use kit::names::Fields;
use kit::server::caller;
use kit::summary::{Part, Query, StreamQuery, list_members, stream};
use kit::{Cut, Error};
use terms::ContractYear;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::app::App;

/// The most bytes of a summary in a stream. The part around it needs less than the rest of 64 KiB.
const ROW: usize = 64 * 1024 - 16;

/// Answers `FinanceSummaryService`.
#[derive(Clone, Debug)]
pub struct FinanceSummaryApi {
    pub(crate) app: App,
}

#[tonic::async_trait]
impl FinanceSummaryService for FinanceSummaryApi {
    type StreamPcnSummariesStream = ReceiverStream<Result<pb::StreamPcnSummariesResponse, Status>>;

    async fn get_pcn_summary(
        &self,
        request: Request<summary::GetPcnSummaryRequest>,
    ) -> Result<Response<pb::PcnMoney>, Status> {
        let caller = caller(&request)?;
        let query = Query::parse(request.into_inner(), self.app.clock())?;
        let (money, positions) = self.app.pcn_money(&caller, &query).await?;
        let rules = self.app.rules();
        let cut = super::cut(&query.cut, rules, positions);
        Ok(Response::new(wire::pcn_money(rules, &money, cut)))
    }

    async fn stream_pcn_summaries(
        &self,
        request: Request<summary::StreamPcnSummariesRequest>,
    ) -> Result<Response<Self::StreamPcnSummariesStream>, Status> {
        let caller = caller(&request)?;
        let query = StreamQuery::parse(request.into_inner(), self.app.clock())?;
        let (database, of_header, of_rows) =
            (self.app.database().clone(), self.app.clone(), self.app.clone());
        let cut = move |read: Arc<Read>, cut: Cut| {
            let app = of_header.clone();
            async move {
                let positions = app.positions(&read, cut.at).await?;
                Ok(super::cut(&cut, app.rules(), positions))
            }
        };
        let summarize = move |read: Arc<Read>, scope, _, query: Query| {
            let app = of_rows.clone();
            async move {
                let money = app.pcn_money_of(&read, &scope, &query).await?;
                let positions = app.positions(&read, query.cut.at).await?;
                let cut = super::cut(&query.cut, app.rules(), positions);
                Ok(wire::within(ROW, wire::pcn_money(app.rules(), &money, cut)))
            }
        };
        let stream = stream(database, caller, query, cut, summarize, part).await?;
        Ok(Response::new(stream))
    }

    async fn get_pcn_year(
        &self,
        request: Request<pb::GetPcnYearRequest>,
    ) -> Result<Response<pb::PcnYear>, Status> {
        let caller = caller(&request)?;
        let pb::GetPcnYearRequest { name, year, rules_known_on_date, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("name", &name);
        let year: Option<ContractYear> = fields.parse("year", &year);
        let clock = self.app.clock();
        let cut = Cut::parse(rules_known_on_date, known_at_date, clock, &mut fields)?;
        if year.is_some_and(|year| year.first() > cut.as_of) {
            fields.violation("year", format!("must have begun by {}", cut.as_of));
        }
        fields.finish()?;
        let (Some(pcn), Some(year)) = (pcn, year) else {
            return Err(Error::internal("a field was not checked").into());
        };
        let (money, positions) = self.app.pcn_year(&caller, &pcn, year, cut).await?;
        let cut = super::cut(&cut, self.app.rules(), positions);
        Ok(Response::new(pb::PcnYear { cut: Some(cut), ..year::pcn_year(&pcn, &money) }))
    }

    async fn list_members(
        &self,
        request: Request<summary::ListMembersRequest>,
    ) -> Result<Response<summary::ListMembersResponse>, Status> {
        let caller = caller(&request)?;
        let members = list_members(self.app.database(), &caller, request.into_inner()).await?;
        Ok(Response::new(members))
    }
}

fn part(part: Part<pb::PcnMoney>) -> pb::StreamPcnSummariesResponse {
    let part = match part {
        Part::Header(header) => WirePart::Header(header),
        Part::Summary(summary) => WirePart::Summary(*summary),
        Part::Trailer(trailer) => WirePart::Trailer(trailer),
    };
    pb::StreamPcnSummariesResponse { part: Some(part) }
}
