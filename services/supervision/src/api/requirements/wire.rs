//! Requirements on the wire.

use arrs_proto::supervision::v1 as pb;
use kit::wire::date;

use crate::domain::requirement::{PerPeriod, Requirement};

pub(super) fn requirement(requirement: &Requirement) -> pb::Requirement {
    let sessions = requirement.min_sessions.map_or(0, std::num::NonZeroU32::get);
    pb::Requirement {
        code: requirement.code.clone(),
        role: requirement.subject.to_string(),
        stage: requirement.stage.to_string(),
        kind: requirement.kind.as_str().to_owned(),
        force: requirement.force.as_str().to_owned(),
        minimum_session_count: i32::try_from(sessions).unwrap_or(i32::MAX),
        period: requirement.per_period.map_or("", PerPeriod::as_str).to_owned(),
        who_may_supervise: requirement.who_may_supervise.clone().unwrap_or_default(),
        applies_from_date: requirement.applies.map(|applies| date(applies.from())),
        applies_to_date: requirement.applies.and_then(terms::Period::last).map(date),
        source: requirement.source.clone(),
        confidence: requirement.confidence.to_string(),
        note: requirement.note.clone().unwrap_or_default(),
        not_evaluated_reason: requirement
            .minimum()
            .err()
            .map(|reason| reason.to_string())
            .unwrap_or_default(),
    }
}
