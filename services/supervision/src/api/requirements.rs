//! The requirement table.

mod wire;

use arrs_proto::supervision::v1 as pb;
use arrs_proto::supervision::v1::requirement_service_server::RequirementService;
use kit::names::Fields;
use terms::RoleCode;
use tonic::{Request, Response, Status};

use crate::api::Api;

#[tonic::async_trait]
impl RequirementService for Api {
    async fn list_requirements(
        &self,
        request: Request<pb::ListRequirementsRequest>,
    ) -> Result<Response<pb::ListRequirementsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListRequirementsRequest { page_size, page_token, role } = request.into_inner();
        let mut fields = Fields::new();
        let known: Option<RoleCode> =
            if role.is_empty() { None } else { fields.parse("role", &role) };
        let arguments = format!("{} {role}", caller.fingerprint());
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;

        let limit = usize::try_from(page.size).expect("at most a thousand") + 1;
        let mut rows: Vec<_> = self.app.requirements(known.as_ref());
        rows.retain(|row| page.after.as_deref().is_none_or(|after| after < row.code.as_str()));
        rows.truncate(limit);
        let next_page_token = page.next(&mut rows, &self.key, |row| row.code.clone());
        let requirements = rows.into_iter().map(wire::requirement).collect();
        Ok(Response::new(pb::ListRequirementsResponse { requirements, next_page_token }))
    }
}
