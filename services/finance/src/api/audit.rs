//! The audit trail, as those who look after it read it.

use std::sync::Arc;

use arrs_proto::admin::v1 as pb;
use arrs_proto::finance::v1::audit_service_server::AuditService;
use kit::audit;
use kit::pages::Key;
use tonic::{Request, Response, Status};

use crate::app::App;

/// Answers `AuditService`.
#[derive(Clone, Debug)]
pub struct AuditApi {
    pub(crate) app: App,
    pub(crate) pages: Arc<Key>,
}

#[tonic::async_trait]
impl AuditService for AuditApi {
    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Result<Response<pb::ListAuditEventsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let (database, key) = (self.app.database(), &self.pages);
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
