//! Baselines for the wire, and changes of them from it.

use arrs_proto::finance::v1 as pb;
use kit::answers::{Asked, Effect};
use kit::names::Fields;
use kit::{Error, wire};
use prost::Message;

use crate::app::baselines::{BaselineName, ChangeBaseline, Said, Seen};
use crate::domain::baseline::{Agreed, Funded, Wte};

/// The longest name of who agreed, and reference.
const TEXT: usize = 200;

pub(super) fn baseline(seen: Seen) -> pb::Baseline {
    let Seen { baseline, revision } = seen;
    let name = BaselineName { pcn: baseline.pcn, role: baseline.role };
    let agreed = baseline.agreed.into_iter().map(|agreed| pb::AgreedBaseline {
        from_date: Some(wire::date(agreed.from)),
        wte_micro: agreed.wte.micro(),
        agreed_by: agreed.by,
        reference: agreed.reference,
    });
    let funded = baseline.funded.into_iter().map(|funded| pb::PracticeFunded {
        from_date: Some(wire::date(funded.from)),
        wte_micro: funded.wte.micro(),
    });
    pb::Baseline {
        name: name.to_string(),
        role: name.role.to_string(),
        agreed: agreed.collect(),
        practice_funded: funded.collect(),
        etag: revision.map(|revision| revision.to_string()).unwrap_or_default(),
    }
}

fn encode(seen: Seen) -> Vec<u8> {
    baseline(seen).encode_to_vec()
}

pub(super) fn name(text: &str, fields: &mut Fields) -> Option<BaselineName> {
    let parsed = text.strip_prefix("pcns/").and_then(|rest| rest.split_once("/baselines/"));
    let parsed = parsed.and_then(|(pcn, role)| {
        Some(BaselineName { pcn: pcn.parse().ok()?, role: role.parse().ok()? })
    });
    if parsed.is_none() {
        fields.violation("name", "must be such as pcns/U00070/baselines/CP");
    }
    parsed
}

fn whole_time(micro: Option<i64>, fields: &mut Fields) -> Option<Wte> {
    let wte = micro.and_then(Wte::from_micro);
    if wte.is_none() {
        fields.violation("wte_micro", "must be from 0 to 1000000000, which is 1,000 WTE");
    }
    wte
}

fn text(field: &str, text: String, fields: &mut Fields) -> String {
    if text.trim().is_empty() || text.chars().count() > TEXT {
        fields.violation(field, format!("must be given, of at most {TEXT} characters"));
    }
    text
}

pub(super) fn set_baseline(
    request: pb::SetBaselineRequest,
) -> Result<(ChangeBaseline, Asked<Seen>), Error> {
    let words = pb::SetBaselineRequest { request_id: String::new(), ..request.clone() };
    let pb::SetBaselineRequest {
        name: of,
        wte_micro,
        from_date,
        agreed_by,
        reference,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let of = name(&of, &mut fields);
    let wte = whole_time(wte_micro, &mut fields);
    let from = fields.date("from_date", from_date);
    let by = text("agreed_by", agreed_by, &mut fields);
    let reference = text("reference", reference, &mut fields);
    let etag = fields.parse("etag", &etag);
    let request_id = fields.uuid("request_id", &request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let (from, wte) = (from.ok_or_else(unchecked)?, wte.ok_or_else(unchecked)?);
    let command = ChangeBaseline {
        name: of.ok_or_else(unchecked)?,
        etag: etag.ok_or_else(unchecked)?,
        said: Said::Agreed(Agreed { from, wte, by, reference }),
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}

pub(super) fn set_practice_funded(
    request: pb::SetPracticeFundedRequest,
) -> Result<(ChangeBaseline, Asked<Seen>), Error> {
    let words = pb::SetPracticeFundedRequest { request_id: String::new(), ..request.clone() };
    let pb::SetPracticeFundedRequest {
        name: of,
        wte_micro,
        from_date,
        etag,
        request_id,
        validate_only,
    } = request;
    let mut fields = Fields::new();
    let of = name(&of, &mut fields);
    let wte = whole_time(wte_micro, &mut fields);
    let from = fields.date("from_date", from_date);
    let etag = fields.parse("etag", &etag);
    let request_id = fields.uuid("request_id", &request_id);
    fields.finish()?;
    let unchecked = || Error::internal("a field was not checked");
    let (from, wte) = (from.ok_or_else(unchecked)?, wte.ok_or_else(unchecked)?);
    let command = ChangeBaseline {
        name: of.ok_or_else(unchecked)?,
        etag: etag.ok_or_else(unchecked)?,
        said: Said::Funded(Funded { from, wte }),
    };
    Ok((command, Asked::new(request_id, &words, Effect::of(validate_only), encode)))
}
