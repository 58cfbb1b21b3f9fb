//! Organisations and lists for the wire.

use arrs_proto::workforce::v1 as pb;
use kit::roster::{ListSize, Organisation, Related};
use kit::{names, wire};
use terms::{OrganisationKind, Population};

/// The most relations of an organisation that are sent.
const RELATIONS: usize = 200;

pub(super) fn organisation(
    organisation: Organisation,
    relations: Vec<Related>,
) -> pb::Organisation {
    let Organisation { code, display_name, kind, valid_from, valid_until } = organisation;
    let last = valid_until.and_then(|until| until.yesterday().ok());
    pb::Organisation {
        name: names::organisation(&code),
        display_name,
        kind: from_kind(kind).into(),
        open_date: valid_from.map(wire::date),
        close_date: last.map(wire::date),
        relations: relations.iter().take(RELATIONS).map(relation).collect(),
    }
}

fn relation(related: &Related) -> pb::OrganisationRelation {
    pb::OrganisationRelation {
        relation: related.relation.to_string(),
        related: names::organisation(&related.related),
        start_date: Some(wire::date(related.period.from())),
        end_date: related.period.last().map(wire::date),
        seen: related.seen,
    }
}

pub(crate) fn list_size(list: &ListSize) -> pb::ListSize {
    pb::ListSize {
        date: Some(wire::date(list.date)),
        registered_count: list.registered,
        weighted_ten_thousandths: list.weighted.map(Population::ten_thousandths),
        adjusted_ten_thousandths: list.adjusted.map(Population::ten_thousandths),
    }
}

fn from_kind(kind: OrganisationKind) -> pb::OrganisationKind {
    match kind {
        OrganisationKind::Region => pb::OrganisationKind::Region,
        OrganisationKind::Icb => pb::OrganisationKind::Icb,
        OrganisationKind::SubIcb => pb::OrganisationKind::SubIcb,
        OrganisationKind::Pcn => pb::OrganisationKind::Pcn,
        OrganisationKind::Practice => pb::OrganisationKind::Practice,
        OrganisationKind::Federation => pb::OrganisationKind::Federation,
        OrganisationKind::Trust => pb::OrganisationKind::Trust,
        OrganisationKind::Other => pb::OrganisationKind::Other,
    }
}

/// The kind asked for; none means every kind.
pub(super) fn to_kind(kind: pb::OrganisationKind) -> Option<OrganisationKind> {
    match kind {
        pb::OrganisationKind::Unspecified => None,
        pb::OrganisationKind::Region => Some(OrganisationKind::Region),
        pb::OrganisationKind::Icb => Some(OrganisationKind::Icb),
        pb::OrganisationKind::SubIcb => Some(OrganisationKind::SubIcb),
        pb::OrganisationKind::Pcn => Some(OrganisationKind::Pcn),
        pb::OrganisationKind::Practice => Some(OrganisationKind::Practice),
        pb::OrganisationKind::Federation => Some(OrganisationKind::Federation),
        pb::OrganisationKind::Trust => Some(OrganisationKind::Trust),
        pb::OrganisationKind::Other => Some(OrganisationKind::Other),
    }
}
