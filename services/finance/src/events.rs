//! What finance tells others.

use arrs_proto::event::v1::{PayRecorded, PayWithdrawn};
use kit::facts::NewFact;
use kit::wire;
use terms::{Instant, OdsCode};

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
