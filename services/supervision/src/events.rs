//! The facts of the service. They carry names, codes and numbers, and nothing personal.

use arrs_proto::event::v1 as pb;
use kit::facts::NewFact;
use kit::{names, wire};
use terms::{Instant, OdsCode};

use crate::domain::session::Session;

/// A session was recorded or corrected; for those whose scope holds its PCN.
pub fn session_recorded(name: String, session: &Session, known_from: Instant) -> NewFact {
    let minutes = i32::try_from(session.minutes.get()).expect("a session is shorter than a day");
    let fact = pb::SessionRecorded {
        known_from_time: Some(wire::timestamp(known_from)),
        session: name.clone(),
        person: session.person.to_string(),
        kind: session.kind.as_str().to_owned(),
        date: Some(wire::date(session.date)),
        session_minutes: minutes,
        pcn: names::organisation(&session.pcn),
    };
    NewFact::new(&fact, name, Some(session.pcn.clone()))
}

/// A session was never held. Told to the same as its record.
pub fn session_withdrawn(name: String, pcn: &OdsCode, known_from: Instant) -> NewFact {
    let fact = pb::SessionWithdrawn {
        known_from_time: Some(wire::timestamp(known_from)),
        session: name.clone(),
    };
    NewFact::new(&fact, name, Some(pcn.clone()))
}
