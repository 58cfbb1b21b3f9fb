//! Engagements for the wire.

use arrs_proto::workforce::v1 as pb;
use kit::roster::Engaged;
use kit::{names, wire};
use terms::{Assignment, Engagement, Minutes};

use crate::app::engagements::Seen;

/// The most assignments of an engagement that are sent.
const ASSIGNMENTS: usize = 500;

pub(in crate::api) fn engagement(seen: Seen) -> pb::Engagement {
    let Seen { engaged: Engaged { engagement, assignments, .. }, elsewhere } = seen;
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
