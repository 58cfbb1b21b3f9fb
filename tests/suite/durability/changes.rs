//! Changes of one engagement at a time, of its pay and of who was supervised: each leaves something
//! in the facts that no other does.

use arrs_proto::finance::v1::{Pay, RecordPayRequest, WithdrawPayRequest};
use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::supervision::v1::{RecordSessionRequest, Session, WithdrawSessionRequest};
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
use crate::mutations::{
    END_ENGAGEMENT, RECORD_PAY, RECORD_SESSION, SET_ASSIGNMENT, WITHDRAW_ASSIGNMENT, WITHDRAW_PAY,
    WITHDRAW_SESSION,
};

/// What the engagements are called of which changes are made.
const OURS: &str = "dur-change-";
/// The first and the last day of the hours that they have from the start.
pub(super) const HOURS: (Date, Date) = (Date::constant(2025, 7, 1), Date::constant(2025, 7, 31));

/// The month of the pay that is recorded and withdrawn.
const MONTH: &str = "2025-07";
/// Whose sessions are: somebody who was there long before, on days that no file of ours names.
const SUPERVISED: (&str, Date) = ("demo-e-002", Date::constant(2020, 11, 2));
/// How many such days there are.
const DAYS: i64 = 1_000;

/// An engagement with its pay, and a session, as the last changes left them.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    number: usize,
    name: String,
    reference: String,
    person: String,
    etag: String,
    pay_etag: String,
    session: Session,
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
    let all = found::engagements(channel, PCN).await;
    let supervised = all.iter().find(|engagement| engagement.reference == SUPERVISED.0);
    let person = supervised.expect("the set has them").person.clone();
    let ours = all.into_iter().filter(|engagement| engagement.reference.starts_with(OURS));
    let subject = |(number, Engagement { name, reference, etag, .. })| Subject {
        number,
        name,
        reference,
        person: person.clone(),
        etag,
        pay_etag: String::new(),
        session: Session::default(),
    };
    ours.enumerate().map(subject).collect()
}

impl Subject {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What is asked for after so many changes: hours from a day on that no other change names,
    /// their end, and that they never were; the same of a payment and of a session.
    pub(super) fn change(&self, number: usize) -> Intent {
        const KINDS: usize = 7;
        let round = i64::try_from(number / KINDS).expect("a test is short");
        let first = after(HOURS.1, 1 + round);
        match number % KINDS {
            0 => self.set(first, after(first, 4)),
            1 => self.end(first, after(first, 1), &format!("round {round}")),
            2 => self.withdraw(first),
            3 => self.record_pay(first, round),
            4 => self.withdraw_pay(first),
            5 => self.record_session(round),
            _ => self.withdraw_session(),
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

    /// That it was paid on a day, an amount that tells it from all other payments.
    fn record_pay(&self, paid: Date, round: i64) -> Intent {
        const LEAST_PENCE: i64 = 50_000_000;
        let request_id = Uuid::new_v4();
        let number = i64::try_from(self.number).expect("a test is small");
        let pence = LEAST_PENCE + 1_000_000 * number + round;
        let request = RecordPayRequest {
            name: self.pay(),
            salary_pence: Some(pence),
            employer_ni_pence: Some(0),
            employer_pension_pence: Some(0),
            fees_pence: 0,
            paid_date: wire(paid),
            etag: self.pay_etag.clone(),
            request_id: request_id.to_string(),
            validate_only: false,
        };
        intent(request_id, RECORD_PAY, &request, vec![found::pay(MONTH, pence)])
    }

    /// That it was never paid on a day.
    fn withdraw_pay(&self, paid: Date) -> Intent {
        let request_id = Uuid::new_v4();
        let request = WithdrawPayRequest {
            name: self.pay(),
            paid_date: wire(paid),
            etag: self.pay_etag.clone(),
            request_id: request_id.to_string(),
            validate_only: false,
        };
        intent(request_id, WITHDRAW_PAY, &request, vec![found::no_pay(&self.name, paid)])
    }

    fn pay(&self) -> String {
        format!("{}/pay/{MONTH}", self.name)
    }

    /// That somebody was supervised, on a day and for a time that tell it from all other sessions.
    fn record_session(&self, round: i64) -> Intent {
        let request_id = Uuid::new_v4();
        let date = after(SUPERVISED.1, round % DAYS);
        let number = self.number + 100 * usize::try_from(round / DAYS).expect("rounds are counted");
        let minutes = 1 + i32::try_from(number).expect("a test is small");
        let request = RecordSessionRequest {
            parent: PCN.to_owned(),
            reference: format!("change-{}-{round}", self.number),
            person: self.person.clone(),
            supervisor_reference: "demo-s-01".to_owned(),
            kind: "clinical".to_owned(),
            date: wire(date),
            session_minutes: minutes,
            request_id: request_id.to_string(),
            ..Default::default()
        };
        let effects = vec![found::session(wire(date).as_ref(), minutes)];
        intent(request_id, RECORD_SESSION, &request, effects)
    }

    /// That its last session was never held.
    fn withdraw_session(&self) -> Intent {
        let request_id = Uuid::new_v4();
        let request = WithdrawSessionRequest {
            name: self.session.name.clone(),
            etag: self.session.etag.clone(),
            request_id: request_id.to_string(),
            validate_only: false,
        };
        let effects = vec![found::no_session(&self.session.name)];
        intent(request_id, WITHDRAW_SESSION, &request, effects)
    }

    /// Reads the answer of its last change.
    pub(super) fn changed(&mut self, call: &Call, answer: &[u8]) {
        let Call::Change { path, .. } = call else { return };
        match path.as_str() {
            SET_ASSIGNMENT => {
                let answer = SetAssignmentResponse::decode(answer).unwrap();
                self.etag = answer.engagement.unwrap().etag;
            }
            RECORD_PAY | WITHDRAW_PAY => self.pay_etag = Pay::decode(answer).unwrap().etag,
            RECORD_SESSION | WITHDRAW_SESSION => self.session = Session::decode(answer).unwrap(),
            _ => self.etag = Engagement::decode(answer).unwrap().etag,
        }
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
        RECORD_PAY => unary::<RecordPayRequest, Pay>(channel, path, request).await,
        WITHDRAW_PAY => unary::<WithdrawPayRequest, Pay>(channel, path, request).await,
        RECORD_SESSION => unary::<RecordSessionRequest, Session>(channel, path, request).await,
        WITHDRAW_SESSION => unary::<WithdrawSessionRequest, Session>(channel, path, request).await,
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

fn after(day: Date, days: i64) -> Date {
    day.checked_add(jiff::Span::new().days(days)).expect("a test is short")
}

fn wire(day: Date) -> Option<WireDate> {
    Some(wire::date(day))
}
