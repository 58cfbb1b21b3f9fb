//! People for the wire.

use arrs_proto::workforce::v1 as pb;
use kit::{names, wire};

use crate::api::engagements::wire::{engagement, minutes};
use crate::app::people::{Matched, Particulars, Person, Registration};

/// The most registrations of a person that are sent.
const REGISTRATIONS: usize = 10;
/// The most records and engagements of a matched person that are sent.
const MATCHED: usize = 20;

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

pub(super) fn matched_person(matched: Matched) -> pb::MatchedPerson {
    let Matched { people, engagements, weekly, contract, exceed } = matched;
    pb::MatchedPerson {
        people: people.iter().take(MATCHED).map(ToString::to_string).collect(),
        engagements: engagements.into_iter().take(MATCHED).map(engagement).collect(),
        weekly_minutes: minutes(weekly),
        contract_minutes: minutes(contract),
        hours_exceed_contract: exceed,
    }
}
