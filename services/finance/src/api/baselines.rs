//! Baselines of roles, and what practices pay for.

mod wire;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::baseline_service_server::BaselineService;
use kit::names::Fields;
use kit::server::{answered, caller};
use kit::{Cut, Error};
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::app::App;

/// Answers `BaselineService`.
#[derive(Clone, Debug)]
pub struct BaselineApi {
    pub(crate) app: App,
}

#[tonic::async_trait]
impl BaselineService for BaselineApi {
    async fn get_baseline(
        &self,
        request: Request<pb::GetBaselineRequest>,
    ) -> Result<Response<pb::Baseline>, Status> {
        let caller = caller(&request)?;
        let pb::GetBaselineRequest { name, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let name = wire::name(&name, &mut fields);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let name = name.ok_or_else(|| Error::internal("a field was not checked"))?;
        let seen = self.app.baseline(&caller, &name, &cut).await?;
        Ok(Response::new(wire::baseline(seen)))
    }

    async fn list_baselines(
        &self,
        request: Request<pb::ListBaselinesRequest>,
    ) -> Result<Response<pb::ListBaselinesResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListBaselinesRequest { parent, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let all = self.app.baselines(&caller, &pcn, &cut).await?;
        let baselines = all.into_iter().map(wire::baseline).collect();
        Ok(Response::new(pb::ListBaselinesResponse { baselines }))
    }

    async fn set_baseline(
        &self,
        request: Request<pb::SetBaselineRequest>,
    ) -> Result<Response<pb::Baseline>, Status> {
        let caller = caller(&request)?;
        let (command, asked) = wire::set_baseline(request.into_inner())?;
        Ok(answered(self.app.change_baseline(&caller, &command, asked).await?, NAME)?)
    }

    async fn set_practice_funded(
        &self,
        request: Request<pb::SetPracticeFundedRequest>,
    ) -> Result<Response<pb::Baseline>, Status> {
        let caller = caller(&request)?;
        let (command, asked) = wire::set_practice_funded(request.into_inner())?;
        Ok(answered(self.app.change_baseline(&caller, &command, asked).await?, NAME)?)
    }
}
