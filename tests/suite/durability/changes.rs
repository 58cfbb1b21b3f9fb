//! Changes of one engagement at a time: each leaves something in the facts that no other does.

use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::workforce::v1::{
    EndEngagementRequest, Engagement, SetAssignmentRequest, SetAssignmentResponse,
    WithdrawAssignmentRequest,
};
use arrs_tests::journal::{Call, Intent};
use kit::client::Channel;
use kit::wire;
use prost::Message;
use terms::Date;
use tonic::Status;
use uuid::Uuid;

use super::{clients, found};
use crate::demo_set::{PCN, call};
use crate::mutations::{END_ENGAGEMENT, SET_ASSIGNMENT, WITHDRAW_ASSIGNMENT};

/// What the engagements are called of which changes are made.
const OURS: &str = "dur-change-";
/// The first and the last day of the hours that they have from the start.
pub(super) const HOURS: (Date, Date) = (Date::constant(2025, 7, 1), Date::constant(2025, 7, 31));

/// An engagement, as the last change left it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    name: String,
    reference: String,
    etag: String,
}

/// The request for engagements to change.
pub(super) fn engagements(count: usize) -> Intent {
    let (first, last) = HOURS;
    let references: Vec<String> = (0..count).map(|number| format!("{OURS}{number}")).collect();
    let hours = |reference: &String| found::hours(reference, first, Some(last));
    let effects = references.iter().flat_map(|one| [format!("engagement {one}"), hours(one)]);
    let effects = effects.collect();
    let days = format!("{first},{last}");
    let lines: Vec<String> = references
        .iter()
        .map(|reference| clients::staff_line(reference, "U09081", &days))
        .collect();
    clients::staff_file(&lines, effects)
}

/// The engagements to change.
pub(super) async fn subjects(channel: &Channel) -> Vec<Subject> {
    let all = found::engagements(channel, PCN).await.into_iter();
    let ours = all.filter(|engagement| engagement.reference.starts_with(OURS));
    let subject = |Engagement { name, reference, etag, .. }| Subject { name, reference, etag };
    ours.map(subject).collect()
}

impl Subject {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is asked for after so many changes: hours from a day on that no other change names,
    /// their end, and that they never were.
    pub(super) fn change(&self, number: usize) -> Intent {
        const KINDS: usize = 3;
        let round = i64::try_from(number / KINDS).expect("a test is short");
        let after = |days: i64| {
            let day = HOURS.1.checked_add(jiff::Span::new().days(days));
            day.expect("a test is short")
        };
        let first = after(1 + round);
        match number % KINDS {
            0 => self.set(first, after(5 + round)),
            1 => self.end(first, after(2 + round), &format!("round {round}")),
            _ => self.withdraw(first),
        }
    }

    /// That it has hours in this run of days.
    pub(super) fn set(&self, first: Date, last: Date) -> Intent {
        let request_id = Uuid::new_v4();
        let request = SetAssignmentRequest {
            name: self.name.clone(),
            pcn: PCN.to_owned(),
            start_date: wire(first),
            end_date: wire(last),
            weekly_minutes: Some(600),
            band: "4".to_owned(),
            etag: self.etag.clone(),
            request_id: request_id.to_string(),
            ..Default::default()
        };
        let effects = vec![found::hours(&self.reference, first, Some(last))];
        intent(request_id, SET_ASSIGNMENT, &request, effects)
    }

    /// That it ends, with hours that began on a day.
    pub(super) fn end(&self, first: Date, last: Date, why: &str) -> Intent {
        let request_id = Uuid::new_v4();
        let request = EndEngagementRequest {
            name: self.name.clone(),
            last_date: wire(last),
            leaving_reason: why.to_owned(),
            etag: self.etag.clone(),
            request_id: request_id.to_string(),
            validate_only: false,
        };
        let hours = found::hours(&self.reference, first, Some(last));
        let effects = vec![found::left(&self.reference, why), hours];
        intent(request_id, END_ENGAGEMENT, &request, effects)
    }

    /// That hours never were which began on a day.
    pub(super) fn withdraw(&self, first: Date) -> Intent {
        let request_id = Uuid::new_v4();
        let request = WithdrawAssignmentRequest {
            name: self.name.clone(),
            pcn: PCN.to_owned(),
            start_date: wire(first),
            etag: self.etag.clone(),
            request_id: request_id.to_string(),
            validate_only: false,
        };
        let effects = vec![found::withdrawn(&self.reference, first)];
        intent(request_id, WITHDRAW_ASSIGNMENT, &request, effects)
    }

    /// Reads the answer of its last change.
    pub(super) fn changed(&mut self, call: &Call, answer: &[u8]) {
        let Call::Change { path, .. } = call else { return };
        let engagement = match path.as_str() {
            SET_ASSIGNMENT => SetAssignmentResponse::decode(answer).unwrap().engagement.unwrap(),
            _ => Engagement::decode(answer).unwrap(),
        };
        self.etag = engagement.etag;
    }
}

/// Sends a change as it was written down, and answers what came back.
pub(super) async fn send(channel: &Channel, path: &str, request: &[u8]) -> Result<Vec<u8>, Status> {
    match path {
        SET_ASSIGNMENT => {
            unary::<SetAssignmentRequest, SetAssignmentResponse>(channel, path, request).await
        }
        END_ENGAGEMENT => unary::<EndEngagementRequest, Engagement>(channel, path, request).await,
        WITHDRAW_ASSIGNMENT => {
            unary::<WithdrawAssignmentRequest, Engagement>(channel, path, request).await
        }
        _ => panic!("{path} is none of ours"),
    }
}

async fn unary<Q, A>(channel: &Channel, path: &str, request: &[u8]) -> Result<Vec<u8>, Status>
where
    Q: Message + Default + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    let request = Q::decode(request).expect("we wrote it");
    let answer = call::<Q, A>(channel, path, request).await?;
    Ok(answer.into_inner().encode_to_vec())
}

fn intent(request_id: Uuid, path: &str, request: &impl Message, effects: Vec<String>) -> Intent {
    let call = Call::Change { path: path.to_owned(), request: request.encode_to_vec() };
    Intent { request_id, call, effects }
}

fn wire(day: Date) -> Option<WireDate> {
    Some(wire::date(day))
}
