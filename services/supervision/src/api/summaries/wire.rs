//! Summaries on the wire.

use arrs_proto::summary::v1 as summary;
use arrs_proto::supervision::v1 as pb;
use arrs_proto::supervision::v1::stream_pcn_summaries_response::Part as WirePart;
use kit::Cut;
use kit::summary::{Part, Query};

use crate::app::summaries::{Positions, Row, Standing, Summary};
use crate::domain::compliance::{Counts, Status};
use crate::domain::requirement::Force;

/// The bounds that the contract names.
const PEOPLE_MAX: usize = 2_000;
const REQUIREMENTS_MAX: usize = 50;
const NOT_EVALUATED_MAX: usize = 200;
const FORCES_MAX: usize = 10;

pub(super) fn supervision(query: &Query, found: Summary, digest: &str) -> pb::PcnSupervision {
    let Summary { rows, counts, not_examined, positions } = found;
    let sum = |of: fn(&Counts) -> u32| number(counts.values().map(of).sum());
    let (met_count, due_count) = (sum(|counts| counts.met), sum(|counts| counts.due));
    let (late_count, never_count) = (sum(|counts| counts.late), sum(|counts| counts.never));
    pb::PcnSupervision {
        name: kit::names::pcn(&query.pcn),
        month: query.month.to_string(),
        people: rows.into_iter().take(PEOPLE_MAX).map(person).collect(),
        met_count,
        due_count,
        late_count,
        never_count,
        not_evaluated: not_examined
            .into_iter()
            .take(NOT_EVALUATED_MAX)
            .map(|(code, reason)| format!("{code}: {reason}"))
            .collect(),
        cut: Some(cut(&query.cut, digest, positions)),
        forces: counts.iter().take(FORCES_MAX).map(force).collect(),
    }
}

pub(super) fn cut(cut: &Cut, digest: &str, positions: Positions) -> summary::Cut {
    cut.wire(digest, positions)
}

pub(super) fn part(part: Part<pb::PcnSupervision>) -> pb::StreamPcnSummariesResponse {
    let part = match part {
        Part::Header(header) => WirePart::Header(header),
        Part::Summary(summary) => WirePart::Summary(*summary),
        Part::Trailer(trailer) => WirePart::Trailer(trailer),
    };
    pb::StreamPcnSummariesResponse { part: Some(part) }
}

fn force((force, counts): (&Force, &Counts)) -> pb::ForceSupervision {
    pb::ForceSupervision {
        force: force.as_str().to_owned(),
        met_count: number(counts.met),
        due_count: number(counts.due),
        late_count: number(counts.late),
        never_count: number(counts.never),
    }
}

fn person(row: Row) -> pb::PersonSupervision {
    pb::PersonSupervision {
        person: row.person.to_string(),
        person_reference: row.person_reference,
        engagement: row.engagement.to_string(),
        role: row.role.to_string(),
        stage: row.stage.to_string(),
        requirements: row.standings.into_iter().take(REQUIREMENTS_MAX).map(standing).collect(),
    }
}

fn standing(standing: Standing) -> pb::RequirementStatus {
    pb::RequirementStatus {
        code: standing.code,
        kind: standing.kind.as_str().to_owned(),
        force: standing.force.as_str().to_owned(),
        status: status(standing.status).into(),
        session_count: number(standing.sessions),
        minimum_session_count: number(standing.minimum),
        last_session_date: standing.last_session.map(kit::wire::date),
        due_date: standing.due.map(kit::wire::date),
        confidence: standing.confidence.to_string(),
    }
}

fn status(status: Status) -> pb::SupervisionStatus {
    match status {
        Status::Met => pb::SupervisionStatus::Met,
        Status::Due => pb::SupervisionStatus::Due,
        Status::Late => pb::SupervisionStatus::Late,
        Status::Never => pb::SupervisionStatus::Never,
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
