//! Where the money of the sums stands, and what is owed.

mod owed;

use std::sync::Arc;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::ledger_service_server::LedgerService;
use kit::names::{self, Fields};
use kit::pages::Key;
use kit::server::caller;
use kit::{Cut, Error, wire};
use terms::{ContractYear, OdsCode};
use tonic::{Request, Response, Status};

use super::allocations;
use crate::app::App;
use crate::app::ledger::Posted;
use crate::domain::claim::ClaimName;
use crate::domain::figure::Pot;
use crate::domain::ledger::{Account, Balance};

/// Answers `LedgerService`.
#[derive(Clone, Debug)]
pub struct LedgerApi {
    pub(crate) app: App,
    pub(crate) pages: Arc<Key>,
}

#[tonic::async_trait]
impl LedgerService for LedgerApi {
    async fn list_balances(
        &self,
        request: Request<pb::ListBalancesRequest>,
    ) -> Result<Response<pb::ListBalancesResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListBalancesRequest { parent, known_at_date } = request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let balances = self.app.balances(&caller, &pcn, &cut).await?;
        let balances = balances.iter().map(|((year, pot), now)| balance(&pcn, *year, *pot, now));
        Ok(Response::new(pb::ListBalancesResponse { balances: balances.collect() }))
    }

    async fn list_transfers(
        &self,
        request: Request<pb::ListTransfersRequest>,
    ) -> Result<Response<pb::ListTransfersResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListTransfersRequest { parent, page_size, page_token, year } = request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("parent", &parent);
        let arguments = format!("{} {parent} {year}", caller.fingerprint());
        let year = match &year[..] {
            "" => None,
            year => fields.parse("year", year),
        };
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let after = page.after.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut rows = self.app.transfers(&caller, &pcn, year, after, page.size + 1).await?;
        let next_page_token = page.next(&mut rows, &self.pages, |posted| posted.number.to_string());
        let transfers = rows.iter().map(transfer).collect();
        Ok(Response::new(pb::ListTransfersResponse { transfers, next_page_token }))
    }

    async fn get_money_owed(
        &self,
        request: Request<pb::GetMoneyOwedRequest>,
    ) -> Result<Response<pb::MoneyOwed>, Status> {
        let caller = caller(&request)?;
        let pb::GetMoneyOwedRequest { name, rules_known_on_date, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let pcn = fields.pcn("name", &name);
        let clock = self.app.clock();
        let cut = Cut::parse(rules_known_on_date, known_at_date, clock, &mut fields)?;
        fields.finish()?;
        let pcn = pcn.ok_or_else(|| Error::internal("a field was not checked"))?;
        let (owed, gaps, positions) = self.app.money_owed(&caller, &pcn, &cut).await?;
        let answer = owed::of_pcn(&pcn, &owed, &gaps, cut.as_of);
        let cut = super::cut(&cut, self.app.rules(), positions);
        Ok(Response::new(pb::MoneyOwed { cut: Some(cut), ..answer }))
    }

    async fn list_money_owed(
        &self,
        request: Request<pb::ListMoneyOwedRequest>,
    ) -> Result<Response<pb::ListMoneyOwedResponse>, Status> {
        let caller = caller(&request)?;
        let pb::ListMoneyOwedRequest { page_size, page_token, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let cut = Cut::parse(None, known_at_date, self.app.clock(), &mut fields)?;
        let arguments = format!("{} {:?}", caller.fingerprint(), cut.known_at);
        let page = self.pages.open(page_size, &page_token, &arguments, &mut fields)?;
        fields.finish()?;
        let after = page.after.as_deref().and_then(|code| code.parse().ok());
        let mut rows = self.app.money_owed_by_pcn(&caller, after, page.size + 1, &cut).await?;
        let next_page_token = page.next(&mut rows, &self.pages, |(pcn, _)| pcn.to_string());
        let pcns = rows.iter().map(|(pcn, owed)| owed::row(pcn, owed)).collect();
        Ok(Response::new(pb::ListMoneyOwedResponse { pcns, next_page_token }))
    }
}

/// `pcns/{ods}/balances/{year}-{pot}`.
fn name(pcn: &OdsCode, year: ContractYear, pot: Pot) -> String {
    format!("{}/balances/{year}-{}", names::pcn(pcn), allocations::word(pot))
}

/// Where the money of a pot stands.
pub(super) fn balance(pcn: &OdsCode, year: ContractYear, pot: Pot, now: &Balance) -> pb::Balance {
    pb::Balance {
        name: name(pcn, year, pot),
        year: year.to_string(),
        pot: allocations::word(pot).to_owned(),
        allocation_pence: now.allocation().0,
        room_pence: now.on(Account::Room).0,
        claimed_pence: now.on(Account::Claimed).0,
        committed_pence: now.on(Account::Committed).0,
        approved_pence: now.on(Account::Approved).0,
        paid_pence: now.on(Account::Paid).0,
    }
}

fn transfer(posted: &Posted) -> pb::Transfer {
    let Posted { number, sum, transfer, posting } = posted;
    let claim = posting.claim.map(|(month, number)| {
        let pcn = sum.pcn.clone();
        ClaimName { pcn, month, number }
    });
    pb::Transfer {
        number: *number,
        time: Some(wire::timestamp(posting.at)),
        balance: name(&sum.pcn, sum.year, sum.pot),
        kind: transfer.kind().as_str().to_uppercase(),
        from_account: transfer.from().to_string(),
        to_account: transfer.to().to_string(),
        amount_pence: transfer.amount().0,
        claim: claim.map(|claim| claim.to_string()).unwrap_or_default(),
        principal: posting.by.clone(),
    }
}
