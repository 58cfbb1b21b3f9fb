//! Allocations on the wire.

use arrs_proto::finance::v1 as pb;
use kit::wire::date;
use terms::{ContractYear, OdsCode, Pence, Population};

use crate::api::rule_books::figure;
use crate::domain::allocation::{Allocation, AllocationGap};
use crate::domain::figure::Pot;

/// The pots of a PCN and year, without a cut.
pub(in crate::api) fn allocation(
    pcn: &OdsCode,
    year: ContractYear,
    pots: &[Allocation],
) -> pb::Allocation {
    pb::Allocation { name: super::name(pcn, year), pots: pots.iter().map(pot).collect(), cut: None }
}

fn pot(allocation: &Allocation) -> pb::AllocationPot {
    let name = match allocation.pot {
        Pot::Main => "main",
        Pot::GpRingfence => "gp",
    };
    let missing = match allocation.amount {
        Ok(_) => String::new(),
        Err(AllocationGap::ListMissing { date }) => format!("weighted list of {date} not known"),
        Err(AllocationGap::RateMissing) => format!("rate of {} not known", allocation.year),
    };
    pb::AllocationPot {
        pot: name.to_owned(),
        amount_pence: allocation.amount.ok().map(|Pence(pence)| pence),
        weighted_ten_thousandths: allocation.list.map(Population::ten_thousandths),
        list_date: Some(date(allocation.year.list_date())),
        rate: allocation.rate.as_deref().map(figure),
        missing,
    }
}
