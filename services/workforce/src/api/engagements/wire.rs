//! Engagements for the wire, and changes of them from it.

use arrs_proto::workforce::v1 as pb;
use kit::answers::{Asked, Effect};
use kit::names::{self, Fields};
use kit::roster::Engaged;
use kit::{Error, wire};
use prost::Message;
use terms::{Assignment, Engagement, EngagementId, Minutes, Stage};

use crate::api::imports::cells;
use crate::app::assignments::{Changed, EndEngagement, SetAssignment, WithdrawAssignment};
use crate::app::engagements::Seen;

/// The most assignments of an engagement that are sent.
const ASSIGNMENTS: usize = 500;

pub(in crate::api) fn engagement(seen: Seen) -> pb::Engagement {
    let Seen { engaged: Engaged { engagement, assignments, .. }, elsewhere, revision } = seen;
    let Engagement {
        id,
        owner,
        reference,
        person,
        role,
        employer,
        model,
        full_time,
        leaving_reason,
    } = engagement;
    pb::Engagement {
        name: id.to_string(),
        owner: names::organisation(&owner),
        reference,
        person: person.map(|person| person.to_string()).unwrap_or_default(),
        role: role.to_string(),
        employer: names::organisation(&employer),
        model: model.to_string(),
        full_time_minutes: minutes(full_time),
        leaving_reason: leaving_reason.unwrap_or_default(),
        assignments: assignments.iter().take(ASSIGNMENTS).map(assignment).collect(),
        elsewhere_minutes: minutes(elsewhere),
        etag: revision.map(|revision| revision.to_string()).unwrap_or_default(),
    }
}

fn assignment(assignment: &Assignment) -> pb::Assignment {
    pb::Assignment {
        pcn: names::pcn(&assignment.pcn),
        start_date: Some(wire::date(assignment.period.from())),
        end_date: assignment.period.last().map(wire::date),
        weekly_minutes: minutes(assignment.weekly),
        contract_minutes: assignment.contract.map(minutes),
        stage: assignment.stage.to_string(),
        band: assignment.band.map(|band| band.to_string()).unwrap_or_default(),
    }
}

pub(in crate::api) fn minutes(minutes: Minutes) -> i32 {
    i32::try_from(minutes.get()).unwrap_or(i32::MAX)
}

/// The minutes of a week.
const WEEK: u32 = 7 * 24 * 60;

pub(super) fn name(text: &str, fields: &mut Fields) -> Option<EngagementId> {
    let id = names::parse_engagement(text);
    if id.is_none() {
        fields.violation("name", "must be an engagement such as engagements/0198c2a4-...");
    }
    id
}

pub(super) fn set_assignment(
    request: pb::SetAssignmentRequest,
) -> Result<(SetAssignment, Asked<Changed>), Error> {
    let words = pb::SetAssignmentRequest { request_id: String::new(), ..request.clone() };
    let pb::SetAssignmentRequest {
        name: engagement,
        pcn,
        start_date,
        end_date,
        weekly_minutes,
        contract_minutes,
        stage,
        band,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let engagement = name(&engagement, &mut fields);
    let pcn = fields.pcn("pcn", &pcn);
    let start = fields.date("start_date", start_date);
    let end = wire::optional_date(end_date, "end_date", &mut fields);
    let weekly = weekly_minutes.and_then(|value| within(value, 0));
    if weekly.is_none() {
        fields.violation("weekly_minutes", "must be given, from 0 to 10,080");
    }
    let contract = contract_minutes.map(|value| within(value, 1));
    if contract == Some(None) {
        fields.violation("contract_minutes", "must be from 1 to 10,080");
    }
    let stage = match stage.is_empty() {
        true => Some(Stage::Standard),
        false => fields.parse("stage", &stage),
    };
    let band = if band.is_empty() { None } else { fields.parse("band", &band) };
    let etag = fields.etag(&etag);
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let command = SetAssignment {
        engagement: engagement.ok_or_else(unchecked)?,
        pcn: pcn.ok_or_else(unchecked)?,
        start: start.ok_or_else(unchecked)?,
        end,
        weekly: weekly.ok_or_else(unchecked)?,
        contract: contract.flatten(),
        stage: stage.ok_or_else(unchecked)?,
        band,
        etag,
    };
    let encode = |changed: Changed| {
        let Changed { seen, notes } = changed;
        let engagement = Some(self::engagement(seen));
        pb::SetAssignmentResponse { engagement, notes }.encode_to_vec()
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}

pub(super) fn end_engagement(
    request: pb::EndEngagementRequest,
) -> Result<(EndEngagement, Asked<Changed>), Error> {
    let words = pb::EndEngagementRequest { request_id: String::new(), ..request.clone() };
    let pb::EndEngagementRequest {
        name: engagement,
        last_date,
        leaving_reason,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let engagement = name(&engagement, &mut fields);
    let last = fields.date("last_date", last_date);
    let leaving_reason = match leaving_reason.is_empty() {
        true => None,
        false => fields.keep("leaving_reason", cells::text(&leaving_reason)),
    };
    let etag = fields.etag(&etag);
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let command = EndEngagement {
        engagement: engagement.ok_or_else(unchecked)?,
        last: last.ok_or_else(unchecked)?,
        leaving_reason,
        etag,
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), changed)))
}

pub(super) fn withdraw_assignment(
    request: pb::WithdrawAssignmentRequest,
) -> Result<(WithdrawAssignment, Asked<Changed>), Error> {
    let words = pb::WithdrawAssignmentRequest { request_id: String::new(), ..request.clone() };
    let pb::WithdrawAssignmentRequest {
        name: engagement,
        pcn,
        start_date,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let engagement = name(&engagement, &mut fields);
    let pcn = fields.pcn("pcn", &pcn);
    let start = fields.date("start_date", start_date);
    let etag = fields.etag(&etag);
    let request_id = fields.request_id(&request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let command = WithdrawAssignment {
        engagement: engagement.ok_or_else(unchecked)?,
        pcn: pcn.ok_or_else(unchecked)?,
        start: start.ok_or_else(unchecked)?,
        etag,
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), changed)))
}

fn changed(changed: Changed) -> Vec<u8> {
    engagement(changed.seen).encode_to_vec()
}

/// Minutes a week, from `least` to all of it.
fn within(value: i32, least: u32) -> Option<Minutes> {
    let value = u32::try_from(value).ok()?;
    (least..=WEEK).contains(&value).then_some(Minutes::new(value))
}
