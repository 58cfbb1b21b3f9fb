//! Sessions on the wire.

use arrs_proto::supervision::v1 as pb;

use crate::app::sessions::Recorded;

pub(super) fn session(recorded: Recorded) -> pb::Session {
    let Recorded { id, owner: _, person_reference, session } = recorded;
    pb::Session {
        name: id.to_string(),
        reference: session.reference,
        person: session.person.to_string(),
        person_reference,
        supervisor_reference: session.supervisor,
        kind: session.kind.as_str().to_owned(),
        date: Some(kit::wire::date(session.date)),
        session_minutes: i32::try_from(session.minutes.get()).unwrap_or(i32::MAX),
        pcn: kit::names::pcn(&session.pcn),
    }
}
