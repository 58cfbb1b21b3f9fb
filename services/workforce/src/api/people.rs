//! People, with their personal particulars.

mod wire;

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::person_service_server::PersonService;
use kit::{Error, names};
use tonic::{Request, Response, Status};

use crate::api::Api;

#[tonic::async_trait]
impl PersonService for Api {
    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Result<Response<pb::Person>, Status> {
        let caller = kit::server::caller(&request)?;
        let id = names::parse_person(&request.into_inner().name);
        let id = id.ok_or_else(|| {
            Error::invalid("name", "must be a person such as people/0198c2a4-...")
        })?;
        let (person, particulars, registrations) = self.app.person(&caller, id).await?;
        Ok(Response::new(wire::person(person, particulars, registrations)))
    }
}
