//! Facts of this service beyond the roster, which the kit tells.

use arrs_proto::event::v1 as pb;
use kit::facts::NewFact;
use kit::wire;
use terms::{Date, Instant, OdsCode, PersonId};

/// A person is registered with a regulator. The number stays with the particulars.
pub fn registration_recorded(
    owner: &OdsCode,
    person: PersonId,
    body: &str,
    expiry: Option<Date>,
    known_from: Instant,
) -> NewFact {
    let subject = person.to_string();
    let fact = pb::RegistrationRecorded {
        known_from_time: Some(wire::timestamp(known_from)),
        person: subject.clone(),
        body: body.to_owned(),
        expire_date: expiry.map(wire::date),
    };
    NewFact::new(&fact, subject, Some(owner.clone()))
}
