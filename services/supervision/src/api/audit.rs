//! The audit trail, as those who look after it read it.

use arrs_proto::admin::v1 as pb;
use arrs_proto::supervision::v1::audit_service_server::AuditService;
use kit::audit;
use tonic::{Request, Response, Status};

use crate::api::Api;

#[tonic::async_trait]
impl AuditService for Api {
    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Result<Response<pb::ListAuditEventsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let (database, key) = (self.app.database(), &self.key);
        let page = audit::list_events(database, &caller, key, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn verify_audit_trail(
        &self,
        request: Request<pb::VerifyAuditTrailRequest>,
    ) -> Result<Response<pb::VerifyAuditTrailResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let database = self.app.database();
        let verified = audit::verify_trail(database, &caller, request.into_inner()).await?;
        Ok(Response::new(verified))
    }
}
