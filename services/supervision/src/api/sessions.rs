//! The log of sessions.

mod wire;

use arrs_proto::supervision::v1 as pb;
use arrs_proto::supervision::v1::session_service_server::SessionService;
use kit::names::Fields;
use kit::{Cut, Error};
use tonic::{Request, Response, Status};

use crate::NAME;
use crate::api::Api;
use crate::app::sessions::{List, SessionId};

#[tonic::async_trait]
impl SessionService for Api {
    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListSessionsRequest { parent, page_size, page_token, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let clock = self.app.database().clock();
        let cut = Cut::parse(None, known_at_date, clock, &mut fields)?;
        let arguments = format!("{} {parent} {:?}", caller.fingerprint(), cut.known_at);
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok()).map(SessionId);

        let list = List { pcn, after, limit: page.size + 1, cut };
        let mut rows = self.app.sessions(&caller, &list).await?;
        let next_page_token =
            page.next(&mut rows, &self.key, |seen| seen.recorded.id.0.to_string());
        let sessions = rows.into_iter().map(wire::session).collect();
        Ok(Response::new(pb::ListSessionsResponse { sessions, next_page_token }))
    }

    async fn record_session(
        &self,
        request: Request<pb::RecordSessionRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let caller = kit::server::caller(&request)?;
        let (command, asked) = wire::record_session(request.into_inner())?;
        let answer = self.app.record_session(&caller, command, asked).await?;
        Ok(kit::server::answered(answer, NAME)?)
    }

    async fn withdraw_session(
        &self,
        request: Request<pb::WithdrawSessionRequest>,
    ) -> Result<Response<pb::Session>, Status> {
        let caller = kit::server::caller(&request)?;
        let (command, asked) = wire::withdraw_session(request.into_inner())?;
        let answer = self.app.withdraw_session(&caller, &command, asked).await?;
        Ok(kit::server::answered(answer, NAME)?)
    }
}
