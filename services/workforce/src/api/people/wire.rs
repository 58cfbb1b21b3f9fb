//! People for the wire.

use arrs_proto::workforce::v1 as pb;
use kit::{names, wire};

use crate::app::people::{Particulars, Person, Registration};

/// The most registrations of a person that are sent.
const REGISTRATIONS: usize = 10;

pub(super) fn person(
    person: Person,
    particulars: Particulars,
    registrations: Vec<Registration>,
) -> pb::Person {
    let Particulars { family_name, given_name, registration_body, registration_number } =
        particulars;
    let number = |body: &str| match registration_body.as_deref() == Some(body) {
        true => registration_number.clone().unwrap_or_default(),
        false => String::new(),
    };
    pb::Person {
        name: person.id.to_string(),
        owner: names::organisation(&person.owner),
        reference: person.reference,
        family_name: family_name.unwrap_or_default(),
        given_name: given_name.unwrap_or_default(),
        registrations: registrations
            .into_iter()
            .take(REGISTRATIONS)
            .map(|registration| pb::Registration {
                number: number(&registration.body),
                body: registration.body,
                expire_date: registration.expiry.map(wire::date),
            })
            .collect(),
    }
}
