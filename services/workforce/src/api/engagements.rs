//! Engagements and their hours.

pub(super) mod wire;

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::engagement_service_server::EngagementService;
use kit::names::Fields;
use kit::{Cut, Error};
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::api::Api;
use crate::app::engagements::List;

#[tonic::async_trait]
impl EngagementService for Api {
    async fn get_engagement(
        &self,
        request: Request<pb::GetEngagementRequest>,
    ) -> Result<Response<pb::Engagement>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::GetEngagementRequest { name, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let id = wire::name(&name, &mut fields);
        let cut = Cut::parse(None, known_at_date, self.app.database().clock(), &mut fields)?;
        fields.finish()?;
        let id = id.ok_or_else(|| Error::internal("a field was not checked"))?;
        let seen = self.app.engagement(&caller, id, &cut).await?;
        Ok(Response::new(wire::engagement(seen)))
    }

    async fn list_engagements(
        &self,
        request: Request<pb::ListEngagementsRequest>,
    ) -> Result<Response<pb::ListEngagementsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListEngagementsRequest { parent, page_size, page_token, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let cut = Cut::parse(None, known_at_date, self.app.database().clock(), &mut fields)?;
        let arguments = format!("{} {parent} {:?}", caller.fingerprint(), cut.known_at);
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let list = List { pcn, after, limit: page.size + 1, cut };
        let mut rows = self.app.engagements(&caller, &list).await?;
        let next_page_token =
            page.next(&mut rows, &self.key, |seen| seen.engaged.engagement.id.0.to_string());
        let engagements = rows.into_iter().map(wire::engagement).collect();
        Ok(Response::new(pb::ListEngagementsResponse { engagements, next_page_token }))
    }

    async fn set_assignment(
        &self,
        request: Request<pb::SetAssignmentRequest>,
    ) -> Result<Response<pb::SetAssignmentResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let (command, asked) = wire::set_assignment(request.into_inner())?;
        let answer = self.app.set_assignment(&caller, &command, asked).await?;
        Ok(kit::server::answered(answer, NAME)?)
    }

    async fn end_engagement(
        &self,
        request: Request<pb::EndEngagementRequest>,
    ) -> Result<Response<pb::Engagement>, Status> {
        let caller = kit::server::caller(&request)?;
        let (command, asked) = wire::end_engagement(request.into_inner())?;
        let answer = self.app.end_engagement(&caller, &command, asked).await?;
        Ok(kit::server::answered(answer, NAME)?)
    }

    async fn withdraw_assignment(
        &self,
        request: Request<pb::WithdrawAssignmentRequest>,
    ) -> Result<Response<pb::Engagement>, Status> {
        let caller = kit::server::caller(&request)?;
        let (command, asked) = wire::withdraw_assignment(request.into_inner())?;
        let answer = self.app.withdraw_assignment(&caller, &command, asked).await?;
        Ok(kit::server::answered(answer, NAME)?)
    }
}
