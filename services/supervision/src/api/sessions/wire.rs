//! Sessions for the wire, and changes of them from it.

use arrs_proto::supervision::v1 as pb;
use kit::answers::{Asked, Effect};
use kit::names::{self, Fields};
use kit::{Error, wire};
use prost::Message;
use uuid::Uuid;

use crate::api::imports::sessions::{kind, minutes, reference};
use crate::app::session_changes::{RecordSession, WithdrawSession};
use crate::app::sessions::{Recorded, Seen, SessionId};

pub(super) fn session(seen: Seen) -> pb::Session {
    let Seen { recorded: Recorded { id, owner: _, person_reference, session }, revision } = seen;
    pb::Session {
        name: id.to_string(),
        reference: session.reference,
        person: session.person.to_string(),
        person_reference,
        supervisor_reference: session.supervisor,
        kind: session.kind.as_str().to_owned(),
        date: Some(wire::date(session.date)),
        session_minutes: i32::try_from(session.minutes.get()).unwrap_or(i32::MAX),
        pcn: names::pcn(&session.pcn),
        etag: revision.map(|revision| revision.to_string()).unwrap_or_default(),
    }
}

fn encode(seen: Seen) -> Vec<u8> {
    session(seen).encode_to_vec()
}

pub(super) fn record_session(
    request: pb::RecordSessionRequest,
) -> Result<(RecordSession, Asked<Seen>), Error> {
    let words = pb::RecordSessionRequest { request_id: String::new(), ..request.clone() };
    let pb::RecordSessionRequest {
        parent,
        reference: called,
        person,
        supervisor_reference,
        kind: of_kind,
        date,
        session_minutes,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let pcn = fields.pcn("parent", &parent);
    let called = fields.keep("reference", reference(&called));
    let person_id = names::parse_person(&person);
    if person_id.is_none() {
        fields.violation("person", "must be a person such as people/0198c2a4-...");
    }
    let supervisor = fields.keep("supervisor_reference", reference(&supervisor_reference));
    let of_kind = fields.keep("kind", kind(&of_kind));
    let day = fields.date("date", date);
    let length = fields.keep("session_minutes", minutes(&session_minutes.to_string()));
    let etag = fields.etag(&etag);
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let command = RecordSession {
        pcn: pcn.ok_or_else(unchecked)?,
        reference: called.ok_or_else(unchecked)?,
        person: person_id.ok_or_else(unchecked)?,
        supervisor: supervisor.ok_or_else(unchecked)?,
        kind: of_kind.ok_or_else(unchecked)?,
        date: day.ok_or_else(unchecked)?,
        minutes: length.ok_or_else(unchecked)?,
        etag,
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}

pub(super) fn withdraw_session(
    request: pb::WithdrawSessionRequest,
) -> Result<(WithdrawSession, Asked<Seen>), Error> {
    let words = pb::WithdrawSessionRequest { request_id: String::new(), ..request.clone() };
    let pb::WithdrawSessionRequest { name, etag, request_id, validate_only } = request;
    let mut fields = Fields::new();
    let id = name.strip_prefix("sessions/").and_then(|id| Uuid::try_parse(id).ok());
    if id.is_none() {
        fields.violation("name", "must be a session such as sessions/0198c2a4-...");
    }
    let etag = fields.etag(&etag);
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let id = id.map(SessionId).ok_or_else(|| Error::internal("a field was not checked"))?;
    let command = WithdrawSession { session: id, etag };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}
