//! Allocations on the wire.

use arrs_proto::finance::v1 as pb;
use kit::wire::date;
use terms::{ContractYear, OdsCode, Pence, Population};

use crate::api::rule_books::figure;
use crate::domain::allocation::{Allocation, Basis};
use crate::domain::figure::Pot;

/// The pots of a PCN and year, without a cut.
pub(in crate::api) fn allocation(
    pcn: &OdsCode,
    year: ContractYear,
    pots: &[Allocation],
) -> pb::Allocation {
    pb::Allocation { name: super::name(pcn, year), pots: pots.iter().map(pot).collect(), cut: None }
}

/// The word for a pot on the wire.
pub(in crate::api) const fn word(pot: Pot) -> &'static str {
    match pot {
        Pot::Main => "main",
        Pot::GpRingfence => "gp",
        Pot::Pharmacists => "cp",
        Pot::LinkWorkers => "splw",
    }
}

/// A pot, with why it is unknown if it is.
pub(in crate::api) fn pot(allocation: &Allocation) -> pb::AllocationPot {
    let (weighted, registered) = match allocation.basis {
        Basis::Weighted(list) => (list, None),
        Basis::Registered(list) => (None, list),
    };
    pb::AllocationPot {
        pot: word(allocation.pot).to_owned(),
        amount_pence: allocation.amount.ok().map(|Pence(pence)| pence),
        weighted_ten_thousandths: weighted.map(Population::ten_thousandths),
        list_date: Some(date(allocation.year.list_date())),
        rate: allocation.figure.as_deref().map(figure),
        missing: allocation.missing().unwrap_or_default(),
        registered_count: registered.map(|list| list.ten_thousandths() / 10_000),
    }
}
