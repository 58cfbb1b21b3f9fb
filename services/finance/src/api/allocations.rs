//! The sums a PCN may claim.

mod wire;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::allocation_service_server::AllocationService;
use kit::names::{self, Fields};
use kit::server::caller;
use kit::{Cut, Error};
use terms::{ContractYear, OdsCode};
use tonic::{Request, Response, Status};

use crate::app::App;
pub(super) use wire::{allocation, pot, word};

/// Answers `AllocationService`.
#[derive(Clone, Debug)]
pub struct AllocationApi {
    pub(crate) app: App,
}

#[tonic::async_trait]
impl AllocationService for AllocationApi {
    async fn get_allocation(
        &self,
        request: Request<pb::GetAllocationRequest>,
    ) -> Result<Response<pb::Allocation>, Status> {
        let caller = caller(&request)?;
        let pb::GetAllocationRequest { name, rules_known_on_date, known_at_date } =
            request.into_inner();
        let mut fields = Fields::new();
        let parsed = parse(&name);
        if parsed.is_none() {
            let expected = "must be an allocation such as pcns/U00070/allocations/2025-26";
            fields.violation("name", expected);
        }
        let clock = self.app.clock();
        let cut = Cut::parse(rules_known_on_date, known_at_date, clock, &mut fields)?;
        fields.finish()?;
        let (pcn, year) = parsed.ok_or_else(|| Error::internal("a field was not checked"))?;

        let (pots, positions) = self.app.allocation(&caller, &pcn, year, cut).await?;
        let allocation = wire::allocation(&pcn, year, &pots);
        let cut = super::cut(&cut, self.app.rules(), positions);
        Ok(Response::new(pb::Allocation { cut: Some(cut), ..allocation }))
    }
}

/// `pcns/{ods}/allocations/{year}`.
fn parse(name: &str) -> Option<(OdsCode, ContractYear)> {
    let (pcn, year) = name.split_once("/allocations/")?;
    Some((pcn.strip_prefix("pcns/")?.parse().ok()?, year.parse().ok()?))
}

/// `pcns/{ods}/allocations/{year}`.
fn name(pcn: &OdsCode, year: ContractYear) -> String {
    format!("{}/allocations/{year}", names::pcn(pcn))
}
