//! Organisations and lists.

mod wire;

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::organisation_service_server::OrganisationService;
use kit::Error;
use kit::names::Fields;
use terms::Date;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::app::organisations::List;

pub(super) use wire::list_size;

#[tonic::async_trait]
impl OrganisationService for Api {
    async fn get_organisation(
        &self,
        request: Request<pb::GetOrganisationRequest>,
    ) -> Result<Response<pb::Organisation>, Status> {
        kit::server::caller(&request)?;
        let mut fields = Fields::new();
        let code = fields.organisation("name", &request.into_inner().name);
        fields.finish()?;
        let code = code.ok_or_else(|| Error::internal("a field was not checked"))?;
        let (organisation, relations) = self.app.organisation(&code).await?;
        Ok(Response::new(wire::organisation(organisation, relations)))
    }

    async fn list_organisations(
        &self,
        request: Request<pb::ListOrganisationsRequest>,
    ) -> Result<Response<pb::ListOrganisationsResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListOrganisationsRequest { page_size, page_token, kind, related } =
            request.into_inner();
        let mut fields = Fields::new();
        let of_kind = match pb::OrganisationKind::try_from(kind) {
            Ok(kind) => wire::to_kind(kind),
            Err(_) => {
                fields.violation("kind", "must be a kind of organisation");
                None
            }
        };
        let of = match related.as_str() {
            "" => None,
            name => fields.organisation("related", name),
        };
        let arguments = format!("{} {kind} {related}", caller.fingerprint());
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let after = page.after.clone();
        let list = List { kind: of_kind, related: of, after, limit: page.size + 1 };
        let mut rows = self.app.organisations(&list).await?;
        let next_page_token = page.next(&mut rows, &self.key, |(row, _)| row.code.to_string());
        let organisations =
            rows.into_iter().map(|(row, relations)| wire::organisation(row, relations)).collect();
        Ok(Response::new(pb::ListOrganisationsResponse { organisations, next_page_token }))
    }

    async fn list_list_sizes(
        &self,
        request: Request<pb::ListListSizesRequest>,
    ) -> Result<Response<pb::ListListSizesResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListListSizesRequest { parent, page_size, page_token } = request.into_inner();
        let mut fields = Fields::new();
        let code = fields.organisation("parent", &parent);
        let arguments = format!("{} {parent}", caller.fingerprint());
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let code = code.ok_or_else(|| Error::internal("a field was not checked"))?;
        let before: Option<Date> = page.after.as_deref().and_then(|after| after.parse().ok());
        let mut rows = self.app.list_sizes(&caller, &code, before).await?;
        let next_page_token = page.next(&mut rows, &self.key, |row| row.date.to_string());
        let list_sizes = rows.iter().map(list_size).collect();
        Ok(Response::new(pb::ListListSizesResponse { list_sizes, next_page_token }))
    }
}
