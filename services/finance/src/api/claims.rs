//! Claims: moved from hand to hand, shown and explained.

mod wire;

pub(super) use wire::wire_state;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::claim_service_server::ClaimService;
use kit::names::Fields;
use kit::pages::Key;
use kit::server::{answered, caller};
use kit::{Cut, Error};
use tonic::{Request, Response, Status};

use super::comparisons;
use crate::NAME;
use crate::app::App;
use crate::app::claim_moves::{Doing, MoveClaim};
use crate::app::claims::Wanted;

/// Answers `ClaimService`.
#[derive(Clone, Debug)]
pub struct ClaimApi {
    pub(crate) app: App,
    pub(crate) pages: Arc<Key>,
}

/// A move of a claim: what every one of them says, the version by `etag` or `known_etag`, and what
/// it does beside.
macro_rules! moves {
    ($api:ident, $request:ident, $etag:ident, |$message:ident, $fields:ident| $doing:expr) => {{
        let caller = caller(&$request)?;
        let $message = $request.into_inner();
        let mut $fields = Fields::new();
        let words = {
            let mut words = $message.clone();
            words.request_id.clear();
            words
        };
        let name = $fields.parse("name", &$message.name);
        let etag = $fields.$etag(&$message.etag);
        let request_id = $fields.uuid("request_id", &$message.request_id);
        let asked = wire::asked(request_id, &words, $message.validate_only);
        let doing: Option<Doing> = $doing;
        $fields.finish()?;
        let (Some(name), Some(doing)) = (name, doing) else {
            return Err(Error::internal("a field was not checked").into());
        };
        let command = MoveClaim { name, etag, doing };
        Ok(answered($api.app.move_claim(&caller, command, asked).await?, NAME)?)
    }};
}

#[tonic::async_trait]
impl ClaimService for ClaimApi {
    async fn prepare_claim(
        &self,
        request: Request<pb::PrepareClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, etag, |message, fields| Some(Doing::Prepare))
    }

    async fn amend_claim(
        &self,
        request: Request<pb::AmendClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::amend(
            message.note,
            message.evidence,
            &mut fields
        ))
    }

    async fn submit_claim(
        &self,
        request: Request<pb::SubmitClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| Some(Doing::Submit))
    }

    async fn query_claim(
        &self,
        request: Request<pb::QueryClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::words(
            message.text,
            message.line,
            &mut fields
        )
        .map(Doing::Query))
    }

    async fn reply_to_claim(
        &self,
        request: Request<pb::ReplyToClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::words(
            message.text,
            message.line,
            &mut fields
        )
        .map(Doing::Reply))
    }

    async fn check_claim(
        &self,
        request: Request<pb::CheckClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| Some(Doing::Check))
    }

    async fn approve_claim(
        &self,
        request: Request<pb::ApproveClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| Some(Doing::Approve))
    }

    async fn reject_claim(
        &self,
        request: Request<pb::RejectClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::words(
            message.text,
            0,
            &mut fields
        )
        .map(Doing::Reject))
    }

    async fn withdraw_claim(
        &self,
        request: Request<pb::WithdrawClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| Some(Doing::Withdraw))
    }

    async fn pay_claim(
        &self,
        request: Request<pb::PayClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::payment(
            message.payment_date,
            message.payment_reference,
            &mut fields
        ))
    }

    async fn remark_on_claim(
        &self,
        request: Request<pb::RemarkOnClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        moves!(self, request, known_etag, |message, fields| wire::words(
            message.text,
            message.line,
            &mut fields
        )
        .map(Doing::Remark))
    }

    async fn get_claim(
        &self,
        request: Request<pb::GetClaimRequest>,
    ) -> Result<Response<pb::Claim>, Status> {
        let caller = caller(&request)?;
        let pb::GetClaimRequest { name, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let name = fields.parse("name", &name);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let name = name.ok_or_else(unchecked)?;
        Ok(Response::new(wire::claim(self.app.claim(&caller, &name, &cut).await?)))
    }

    async fn list_claims(
        &self,
        request: Request<pb::ListClaimsRequest>,
    ) -> Result<Response<pb::ListClaimsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::new();
        let pcn = match &request.parent[..] {
            "pcns/-" => None,
            parent => fields.pcn("parent", parent),
        };
        let states: BTreeSet<_> =
            request.states.iter().filter_map(|state| wire::state(*state, &mut fields)).collect();
        let year = match &request.year[..] {
            "" => None,
            year => fields.parse("year", year),
        };
        let cut = Cut::parse(None, request.known_at_date, self.app.clock(), &mut fields)?;
        let arguments = format!(
            "{} {} {:?} {} {:?}",
            caller.fingerprint(),
            request.parent,
            states,
            request.year,
            cut.known_at
        );
        let page =
            self.pages.open(request.page_size, &request.page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let limit = page.size + 1;
        let wanted = Wanted { pcn, states, year, after, limit, at: cut.at };
        let mut rows = self.app.claims(&caller, &wanted, &cut).await?;
        let next_page_token = page.next(&mut rows, &self.pages, |seen| seen.claim.name.to_string());
        let claims = rows.into_iter().map(wire::claim).collect();
        Ok(Response::new(pb::ListClaimsResponse { claims, next_page_token }))
    }

    async fn list_claim_lines(
        &self,
        request: Request<pb::ListClaimLinesRequest>,
    ) -> Result<Response<pb::ListClaimLinesResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListClaimLinesRequest { parent, page_size, page_token, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let name = fields.parse("parent", &parent);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        let arguments = format!("{} {parent} {:?}", caller.fingerprint(), cut.known_at);
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let name = name.ok_or_else(unchecked)?;
        let after: i32 = page.after.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut rows = self.app.claim_lines(&caller, &name, &cut).await?;
        rows.retain(|line| line.number > after);
        let next_page_token = page.next(&mut rows, &self.pages, |line| line.number.to_string());
        let line = |line| {
            let whole = wire::line(self.app.rules(), &name, &line);
            pb::ClaimLine { steps: Vec::new(), ..whole }
        };
        let lines = rows.into_iter().map(line).collect();
        Ok(Response::new(pb::ListClaimLinesResponse { lines, next_page_token }))
    }

    async fn explain_claim_line(
        &self,
        request: Request<pb::ExplainClaimLineRequest>,
    ) -> Result<Response<pb::ExplainClaimLineResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ExplainClaimLineRequest { name, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let line = wire::line_name(&name, &mut fields);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let (name, number) = line.ok_or_else(unchecked)?;
        let explained = self.app.explain_claim_line(&caller, &name, number, &cut).await?;
        Ok(Response::new(pb::ExplainClaimLineResponse {
            line: Some(wire::line(self.app.rules(), &name, &explained.line)),
            basis: Some(wire::basis(explained.basis)),
            remarks: explained.remarks.iter().map(wire::event).collect(),
        }))
    }

    async fn list_claim_events(
        &self,
        request: Request<pb::ListClaimEventsRequest>,
    ) -> Result<Response<pb::ListClaimEventsResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListClaimEventsRequest { parent, page_size, page_token } = request.into_inner();
        let mut fields = Fields::new();
        let name = fields.parse("parent", &parent);
        let arguments = format!("{} {parent}", caller.fingerprint());
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let name = name.ok_or_else(unchecked)?;
        let after: i32 = page.after.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut rows = self.app.claim_events(&caller, &name, after, page.size + 1).await?;
        let next_page_token =
            page.next(&mut rows, &self.pages, |moved| moved.claim.step.to_string());
        let events = rows.iter().map(wire::event).collect();
        Ok(Response::new(pb::ListClaimEventsResponse { events, next_page_token }))
    }

    async fn list_arrears(
        &self,
        request: Request<pb::ListArrearsRequest>,
    ) -> Result<Response<pb::ListArrearsResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListArrearsRequest { parent, year, page_size, page_token } = request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let arguments = format!("{} {parent} {year}", caller.fingerprint());
        let year = fields.parse("year", &year);
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let (Some(pcn), Some(year)) = (pcn, year) else { return Err(unchecked().into()) };
        let after: usize = page.after.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let all = self.app.arrears(&caller, &pcn, year).await?;
        let mut rows: Vec<_> = all.into_iter().enumerate().skip(after).collect();
        let next_page_token =
            page.next(&mut rows, &self.pages, |(index, _)| (index + 1).to_string());
        let arrears = rows.iter().map(|(_, changed)| wire::arrears(changed)).collect();
        Ok(Response::new(pb::ListArrearsResponse { arrears, next_page_token }))
    }

    async fn verify_claim(
        &self,
        request: Request<pb::VerifyClaimRequest>,
    ) -> Result<Response<pb::VerifyClaimResponse>, Status> {
        let caller = caller(&request)?;
        let pb::VerifyClaimRequest { name } = request.into_inner();
        let mut fields = Fields::new();
        let name = fields.parse("name", &name);
        fields.finish()?;
        let name = name.ok_or_else(unchecked)?;
        Ok(Response::new(wire::verified(self.app.verify_claim(&caller, &name).await?)))
    }

    async fn compare_claim_line(
        &self,
        request: Request<pb::CompareClaimLineRequest>,
    ) -> Result<Response<pb::CompareClaimLineResponse>, Status> {
        let caller = caller(&request)?;
        let compared = comparisons::compare(&self.app, &caller, request.into_inner()).await?;
        Ok(Response::new(compared))
    }
}

fn unchecked() -> Error {
    Error::internal("a field was not checked")
}
