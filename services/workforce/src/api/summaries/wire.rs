//! Summaries for the wire.

use arrs_proto::summary::v1 as summary;
use arrs_proto::workforce::v1 as pb;
use arrs_proto::workforce::v1::stream_pcn_summaries_response::Part as WirePart;
use kit::cut::Place;
use kit::summary::{Part, Query};
use kit::{Cut, names};
use terms::RoleCode;

use crate::api::organisations::list_size;
use crate::app::summaries::{NationalReturn, PcnWorkforce};
use crate::domain::national_return::Figures as Published;
use crate::domain::statistics::Figures;

pub(super) fn cut(cut: &Cut, place: Place) -> summary::Cut {
    cut.wire("", [place])
}

pub(super) fn part(part: Part<pb::PcnWorkforce>) -> pb::StreamPcnSummariesResponse {
    let part = match part {
        Part::Header(header) => WirePart::Header(header),
        Part::Summary(summary) => WirePart::Summary(*summary),
        Part::Trailer(trailer) => WirePart::Trailer(trailer),
    };
    pb::StreamPcnSummariesResponse { part: Some(part) }
}

pub(super) fn workforce(query: &Query, found: PcnWorkforce) -> pb::PcnWorkforce {
    let PcnWorkforce {
        organisation,
        parents,
        list_size: list,
        statistics,
        national_return: published,
        place,
    } = found;
    pb::PcnWorkforce {
        name: names::pcn(&query.pcn),
        month: query.month.to_string(),
        display_name: organisation.display_name,
        parents: parents.iter().map(names::organisation).collect(),
        list_size: list.as_ref().map(list_size),
        roles: statistics.roles.iter().map(|(code, row)| role(Some(code), row)).collect(),
        total: Some(role(None, &statistics.total)),
        national_return: published.map(national_return),
        cut: Some(cut(&query.cut, place)),
    }
}

fn role(code: Option<&RoleCode>, figures: &Figures) -> pb::RoleWorkforce {
    pb::RoleWorkforce {
        role: code.map(RoleCode::to_string).unwrap_or_default(),
        staff_fte_month_end_micro: figures.staff.month_end.micro(),
        contracted_fte_month_end_micro: figures.services.month_end.micro(),
        staff_fte_average_micro: figures.staff.average.micro(),
        contracted_fte_average_micro: figures.services.average.micro(),
        headcount: heads(figures.headcount_month_end),
        joiner_count: heads(figures.joiners),
        leaver_count: heads(figures.leavers),
    }
}

fn national_return(published: NationalReturn) -> pb::NationalReturn {
    let NationalReturn { roles, outside_scheme } = published;
    let mut rows: Vec<_> = roles.iter().map(|(code, row)| returned(Some(code), row)).collect();
    rows.extend(outside_scheme.iter().map(|row| returned(None, row)));
    pb::NationalReturn { roles: rows }
}

fn returned(code: Option<&RoleCode>, figures: &Published) -> pb::NationalReturnRole {
    pb::NationalReturnRole {
        role: code.map(RoleCode::to_string).unwrap_or_default(),
        staff_fte_micro: figures.staff.micro(),
        contracted_fte_micro: figures.contracted.micro(),
        headcount: heads(figures.headcount),
    }
}

fn heads(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
