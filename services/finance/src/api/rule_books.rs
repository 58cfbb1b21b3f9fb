//! The scheme's figures by contract year.

mod projections;
mod wire;

use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::rule_book_service_server::RuleBookService;
use kit::Error;
use kit::names::Fields;
use kit::pages::Key;
use kit::server::caller;
use terms::ContractYear;
use tonic::{Request, Response, Status};

use crate::app::App;
pub(super) use wire::{figure, value};

/// Answers `RuleBookService`.
#[derive(Clone, Debug)]
pub struct RuleBookApi {
    pub(crate) app: App,
    pub(crate) pages: Arc<Key>,
}

#[tonic::async_trait]
impl RuleBookService for RuleBookApi {
    async fn get_rule_book(
        &self,
        request: Request<pb::GetRuleBookRequest>,
    ) -> Result<Response<pb::RuleBook>, Status> {
        let mut fields = Fields::new();
        let year = year("name", &request.into_inner().name, &mut fields);
        fields.finish()?;
        let year = year.ok_or_else(unchecked)?;
        let figures = self.app.figures(year)?;
        Ok(Response::new(wire::rule_book(year, self.app.rules(), figures.len())))
    }

    async fn list_figures(
        &self,
        request: Request<pb::ListFiguresRequest>,
    ) -> Result<Response<pb::ListFiguresResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListFiguresRequest { parent, page_size, page_token, role, rules_known_on_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let arguments = format!("{} {parent} {role} {rules_known_on_date:?}", caller.fingerprint());
        let year = year("parent", &parent, &mut fields);
        let role = match role.as_str() {
            "" => None,
            role => fields.parse("role", role),
        };
        let field = "rules_known_on_date";
        let known_on = kit::wire::optional_date(rules_known_on_date, field, &mut fields);
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let year = year.ok_or_else(unchecked)?;

        let after = page.after.as_deref();
        let limit = usize::try_from(page.size).map_err(Error::internal)? + 1;
        let mut figures = self.app.figures_page(year, role.as_ref(), known_on, after, limit)?;
        let next_page_token = page.next(&mut figures, &self.pages, |figure| figure.id.clone());
        let figures = figures.iter().map(|one| wire::figure(one)).collect();
        Ok(Response::new(pb::ListFiguresResponse { figures, next_page_token }))
    }

    async fn project_maximum(
        &self,
        request: Request<pb::ProjectMaximumRequest>,
    ) -> Result<Response<pb::ProjectMaximumResponse>, Status> {
        let (rules, today) = (self.app.rules(), self.app.clock().today());
        let question = projections::question(request.into_inner(), rules, today)?;
        Ok(Response::new(projections::answer(rules, &question)))
    }
}

fn year(field: &str, name: &str, fields: &mut Fields) -> Option<ContractYear> {
    let year = name.strip_prefix("ruleBooks/").and_then(|year| year.parse().ok());
    if year.is_none() {
        fields.violation(field, "must be a rule book such as ruleBooks/2025-26");
    }
    year
}

fn unchecked() -> Error {
    Error::internal("a field was not checked")
}
