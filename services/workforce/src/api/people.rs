//! People, with their personal particulars, and those whom several owners keep. Reading
//! particulars is recorded.

mod wire;

use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::person_service_server::PersonService;
use kit::audit::{self, Shown};
use kit::names::Fields;
use kit::{Error, names};
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::app::people::Matching;

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
        let shown = Shown { resource: person.id.to_string(), owner: person.owner.clone() };
        let answer = Response::new(wire::person(person, particulars, registrations));
        Ok(audit::shows(answer, [shown]))
    }

    async fn list_matched_people(
        &self,
        request: Request<pb::ListMatchedPeopleRequest>,
    ) -> Result<Response<pb::ListMatchedPeopleResponse>, Status> {
        let caller = kit::server::caller(&request)?;
        let pb::ListMatchedPeopleRequest { page_size, page_token, on_date } = request.into_inner();
        let mut fields = Fields::new();
        let on = kit::wire::optional_date(on_date, "on_date", &mut fields);
        let arguments = format!("{} {on:?}", caller.fingerprint());
        let page = self.key.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let matching = Matching {
            on: on.unwrap_or_else(|| self.app.database().clock().today()),
            after: page.after.as_deref().and_then(names::parse_person),
            limit: page.size + 1,
        };
        let mut rows = self.app.matched_people(&caller, &matching).await?;
        let next_page_token =
            page.next(&mut rows, &self.key, |matched| matched.people[0].to_string());
        let matched_people = rows.into_iter().map(wire::matched_person).collect();
        Ok(Response::new(pb::ListMatchedPeopleResponse { matched_people, next_page_token }))
    }
}
