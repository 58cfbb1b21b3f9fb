//! Allocations on the wire.

use arrs_proto::finance::v1 as pb;
use kit::wire::date;
use terms::{ContractYear, OdsCode, Pence, Population};

use crate::api::rule_books::figure;
use crate::domain::allocation::{Allocation, AllocationGap, Basis};
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
        Pot::Pharmacists => "cp",
        Pot::LinkWorkers => "splw",
    };
    let (weighted, registered) = match allocation.basis {
        Basis::Weighted(list) => (list, None),
        Basis::Registered(list) => (None, list),
    };
    let year = allocation.year;
    let missing = match allocation.amount {
        Ok(_) => String::new(),
        Err(AllocationGap::WeightedListMissing { date }) => {
            format!("weighted list of {date} not known")
        }
        Err(AllocationGap::RegisteredListMissing { date }) => {
            format!("registered list of {date} not known")
        }
        Err(AllocationGap::RateMissing) => format!("rate of {year} not known"),
        Err(AllocationGap::SumMissing { registered }) => {
            format!("sum of {year} for {registered} registered patients not known")
        }
    };
    pb::AllocationPot {
        pot: name.to_owned(),
        amount_pence: allocation.amount.ok().map(|Pence(pence)| pence),
        weighted_ten_thousandths: weighted.map(Population::ten_thousandths),
        list_date: Some(date(year.list_date())),
        rate: allocation.figure.as_deref().map(figure),
        missing,
        registered_count: registered.map(|list| list.ten_thousandths() / 10_000),
    }
}
