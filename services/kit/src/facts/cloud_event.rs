//! A fact as a CloudEvent on NATS, in binary mode: attributes as headers, the fact as the body.

use std::fmt::Write as _;

use arrs_proto::event::v1::Fact;
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;

use crate::wire;

/// The header with the position of a fact in the outbox of its service.
pub(super) const SEQUENCE: &str = "ce-sequence";
/// The header with the identifier of a fact.
pub(super) const ID: &str = "ce-id";

/// The subject of a kind of facts: `arrs.v1.workforce.assignment_hours_set`.
///
/// Nothing of whom a fact is about is in it: subjects are seen by whoever runs the broker.
pub(super) fn subject(service: &str, kind: &str) -> String {
    let mut subject = format!("arrs.v1.{service}.");
    let name = kind.rsplit('.').next().unwrap_or(kind);
    for (index, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            subject.push('_');
        }
        subject.push(letter.to_ascii_lowercase());
    }
    subject
}

/// The attributes of a fact.
pub(super) fn headers(service: &str, fact: &Fact) -> HeaderMap {
    let Fact { position, id, r#type, subject, time, traceparent, body: _ } = fact;
    let time = time.as_ref().and_then(wire::instant).unwrap_or(terms::Instant(0));
    let time = jiff::Timestamp::from_microsecond(time.0).unwrap_or_default();
    let mut headers = HeaderMap::new();
    // The broker drops what it has had with the same id, for as long as it remembers.
    headers.insert(NATS_MESSAGE_ID, id.as_str());
    let mut insert = |name: &'static str, value: &str| headers.insert(name, encoded(value));
    insert("ce-specversion", "1.0");
    insert(ID, id);
    insert("ce-source", &format!("//{service}.arrs"));
    insert("ce-type", r#type);
    insert("ce-subject", subject);
    insert("ce-time", &format!("{time:.6}"));
    insert("ce-datacontenttype", "application/protobuf");
    insert("ce-dataschema", r#type);
    insert(SEQUENCE, &position.to_string());
    insert("ce-partitionkey", subject);
    if !traceparent.is_empty() {
        insert("ce-traceparent", traceparent);
        insert("traceparent", traceparent);
    }
    headers
}

/// A header value as the binding asks: what is not printable ASCII, a space, a quote and the
/// percent sign are percent-encoded.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'"' | b'%' => write!(text, "%{byte:02X}"),
            0x21..=0x7E => write!(text, "{}", char::from(byte)),
            _ => write!(text, "%{byte:02X}"),
        }
        .expect("a text takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_made_of_the_service_and_the_name_of_the_fact() {
        for (kind, expected) in [
            ("arrs.event.v1.AssignmentHoursSet", "arrs.v1.workforce.assignment_hours_set"),
            ("arrs.event.v1.PayRecorded", "arrs.v1.workforce.pay_recorded"),
        ] {
            assert_eq!(subject("workforce", kind), expected);
        }
    }

    #[test]
    fn values_are_encoded_as_the_binding_shows() {
        for (value, expected) in [
            ("Euro \u{20AC} \u{1F600}", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("100%", "100%25"),
            ("a\"b\r\nNats-Msg-Id: forged", "a%22b%0D%0ANats-Msg-Id:%20forged"),
            ("organisations/U09081", "organisations/U09081"),
        ] {
            assert_eq!(encoded(value), expected);
        }
    }

    #[test]
    fn a_fact_carries_the_attributes_that_the_contracts_name() {
        let fact = Fact {
            position: 17,
            id: "0198c2a4-0000-7000-8000-000000000000".to_owned(),
            r#type: "arrs.event.v1.PayRecorded".to_owned(),
            subject: "engagements/1".to_owned(),
            time: Some(wire::timestamp(terms::Instant(1_700_000_000_000_001))),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            body: vec![1],
        };

        let headers = headers("finance", &fact);

        let value = |name: &str| headers.get(name).unwrap().as_str().to_owned();
        for (name, expected) in [
            ("Nats-Msg-Id", fact.id.as_str()),
            ("ce-id", fact.id.as_str()),
            ("ce-specversion", "1.0"),
            ("ce-source", "//finance.arrs"),
            ("ce-type", "arrs.event.v1.PayRecorded"),
            ("ce-subject", "engagements/1"),
            ("ce-time", "2023-11-14T22:13:20.000001Z"),
            ("ce-datacontenttype", "application/protobuf"),
            ("ce-sequence", "17"),
            ("traceparent", fact.traceparent.as_str()),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
    }
}
