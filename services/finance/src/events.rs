//! What finance tells others.

use arrs_proto::event::v1::{
    BaselineAgreed, ClaimChanged, PayRecorded, PayWithdrawn, PracticeFundedRecorded,
};
use kit::facts::NewFact;
use kit::wire;
use terms::{Instant, OdsCode};

use crate::domain::baseline::{Agreed, Funded};
use crate::domain::claim::Claim;
use crate::domain::pay::{Components, Pay};

/// Pay was recorded or corrected. Told to those whose scope holds the engagement's owner.
pub fn pay_recorded(pay: &Pay, owner: &OdsCode, known_from: Instant) -> NewFact {
    let Components { salary, employer_ni, employer_pension, fees } = pay.amounts;
    let engagement = pay.engagement.to_string();
    let fact = PayRecorded {
        known_from_time: Some(wire::timestamp(known_from)),
        engagement: engagement.clone(),
        month: pay.month.to_string(),
        salary_pence: salary.0,
        employer_ni_pence: employer_ni.0,
        employer_pension_pence: employer_pension.0,
        fees_pence: fees.0,
        paid_date: pay.paid_on.map(wire::date),
    };
    NewFact::new(&fact, engagement, Some(owner.clone()))
}

/// Pay was never so. Told to the same as its record.
pub fn pay_withdrawn(pay: &Pay, owner: &OdsCode, known_from: Instant) -> NewFact {
    let engagement = pay.engagement.to_string();
    let fact = PayWithdrawn {
        known_from_time: Some(wire::timestamp(known_from)),
        engagement: engagement.clone(),
        month: pay.month.to_string(),
        paid_date: pay.paid_on.map(wire::date),
    };
    NewFact::new(&fact, engagement, Some(owner.clone()))
}

/// Something was done with a claim. Told to those whose scope holds the PCN.
pub fn claim_changed(claim: &Claim, known_from: Instant) -> NewFact {
    let name = claim.name.to_string();
    let fact = ClaimChanged {
        known_from_time: Some(wire::timestamp(known_from)),
        claim: name.clone(),
        action: claim.action.as_str().to_uppercase(),
        state: claim.state.as_str().to_uppercase(),
        payable_pence: claim.payable().0,
        line: claim.line,
        payment_date: claim.payment_date.map(wire::date),
    };
    NewFact::new(&fact, name, Some(claim.name.pcn.clone()))
}

/// The baseline of a role was agreed, amended or corrected. Told to those whose scope holds the
/// PCN.
pub fn baseline_agreed(pcn: &OdsCode, name: &str, agreed: &Agreed, known_from: Instant) -> NewFact {
    let fact = BaselineAgreed {
        known_from_time: Some(wire::timestamp(known_from)),
        baseline: name.to_owned(),
        from_date: Some(wire::date(agreed.from)),
        wte_micro: agreed.wte.micro(),
    };
    NewFact::new(&fact, name.to_owned(), Some(pcn.clone()))
}

/// What practices pay for in a role was recorded or corrected. Told to the same.
pub fn practice_funded(pcn: &OdsCode, name: &str, funded: &Funded, known_from: Instant) -> NewFact {
    let fact = PracticeFundedRecorded {
        known_from_time: Some(wire::timestamp(known_from)),
        baseline: name.to_owned(),
        from_date: Some(wire::date(funded.from)),
        wte_micro: funded.wte.micro(),
    };
    NewFact::new(&fact, name.to_owned(), Some(pcn.clone()))
}
