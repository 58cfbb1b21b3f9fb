//! `AuditService`, which every service with a store answers in the same way.

use arrs_proto::admin::v1 as pb;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use terms::{Instant, OdsCode};
use uuid::Uuid;

use super::chain::Head;
use super::entry::{Outcome, TEXT};
use super::table::{audit_entry, audit_seal};
use super::verify::{Broken, Verified, Why, verify};
use crate::db::{self, Database};
use crate::error::Error;
use crate::identity::{Caller, Scope};
use crate::names::{self, Fields};
use crate::pages::{Key, Page};
use crate::wire;

/// How many entries are walked in a call that does not say: a second or two of work.
const WALK: i32 = 20_000;
/// The most that are: still within the deadline of a call.
const WALK_MOST: i32 = 100_000;

/// Which entries are asked for.
struct Filter {
    from: Option<Instant>,
    until: Option<Instant>,
    principal: Option<String>,
    method: Option<String>,
    resource: Option<String>,
    tenant: Option<OdsCode>,
    outcome: Option<Outcome>,
}

/// One page of the entries that concern the caller's scope, the newest first.
pub async fn list_events(
    database: &Database,
    caller: &Caller,
    key: &Key,
    request: pb::ListAuditEventsRequest,
) -> Result<pb::ListAuditEventsResponse, Error> {
    let (filter, page) = parse_list(request, caller, key)?;
    let read = database.read().await?;
    let scope = caller.scope(&*read, database.clock()).await?;
    let mut rows = entries(&*read, &scope, &filter, &page).await?;
    let next_page_token = page.next(&mut rows, key, |row| format!("{} {}", row.time, row.id));
    let ids = rows.iter().map(|row| row.id);
    let seals = audit_seal::Entity::find().filter(audit_seal::Column::EntryId.is_in(ids));
    let seals = seals.all(&*read).await.map_err(db::sort)?;
    let sequence = |id: Uuid| {
        let seal = seals.iter().find(|seal| seal.entry_id == id);
        seal.map_or(0, |seal| seal.sequence)
    };
    let events = rows.into_iter().map(|row| event(sequence(row.id), row)).collect();
    Ok(pb::ListAuditEventsResponse { events, next_page_token })
}

/// Walks a part of the chain.
pub async fn verify_trail(
    database: &Database,
    caller: &Caller,
    request: pb::VerifyAuditTrailRequest,
) -> Result<pb::VerifyAuditTrailResponse, Error> {
    let pb::VerifyAuditTrailRequest { after, known, page_size } = request;
    let mut fields = Fields::new();
    let after = after.and_then(|after| parse_after(after, &mut fields)).unwrap_or((0, None));
    let known = known.and_then(|known| parse_head("known", known, &mut fields));
    if page_size < 0 {
        fields.violation("page_size", "must not be negative");
    }
    fields.finish()?;
    // The chain is of all entries or of none.
    if !caller.grants().any(|grant| grant.scope == crate::identity::GrantScope::England) {
        return Err(caller.denied("auditEvents"));
    }
    let limit = if page_size == 0 { WALK } else { page_size.min(WALK_MOST) };
    let limit = u64::try_from(limit).expect("not negative");
    let verified = verify(database, after, known, limit).await?;
    let Verified { last, checked, late, finished, sealed, unsealed, broken } = verified;
    Ok(pb::VerifyAuditTrailResponse {
        last: Some(head(&last)),
        checked_count: checked,
        late_count: late,
        finished,
        sealed_count: sealed,
        unsealed_count: unsealed,
        broken: broken.map(|Broken { sequence, why }| pb::AuditBreak {
            sequence,
            reason: reason(why).into(),
        }),
    })
}

fn parse_list(
    request: pb::ListAuditEventsRequest,
    caller: &Caller,
    key: &Key,
) -> Result<(Filter, Page), Error> {
    let arguments = {
        let filters = pb::ListAuditEventsRequest {
            page_size: 0,
            page_token: String::new(),
            ..request.clone()
        };
        format!("{} {filters:?}", caller.fingerprint())
    };
    let pb::ListAuditEventsRequest {
        page_size,
        page_token,
        from_time,
        until_time,
        principal,
        method,
        resource,
        tenant,
        outcome,
    } = request;
    let mut fields = Fields::new();
    let from = from_time.and_then(|time| instant("from_time", &time, &mut fields));
    let until = until_time.and_then(|time| instant("until_time", &time, &mut fields));
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        fields.violation("until_time", "must be after from_time");
    }
    let mut text = |field: &str, text: String| {
        if text.chars().count() > TEXT {
            fields.violation(field, format!("must have at most {TEXT} characters"));
        }
        Some(text).filter(|text| !text.is_empty())
    };
    let principal = text("principal", principal);
    let method = text("method", method);
    let resource = text("resource", resource);
    let tenant = match tenant.as_str() {
        "" => None,
        name => fields.organisation("tenant", name),
    };
    let outcome = match pb::AuditOutcome::try_from(outcome) {
        Ok(outcome) => outcome_of(outcome),
        Err(_) => {
            fields.violation("outcome", "must be an outcome that this version knows");
            None
        }
    };
    let page = key.open(page_size, &page_token, &arguments, &mut fields)?;
    fields.finish()?;
    let filter = Filter { from, until, principal, method, resource, tenant, outcome };
    Ok((filter, page))
}

fn instant(field: &str, time: &prost_types::Timestamp, fields: &mut Fields) -> Option<Instant> {
    let instant = wire::instant(time);
    if instant.is_none() {
        fields.violation(field, "must be a time between the years 1 and 9999");
    }
    instant
}

async fn entries(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<audit_entry::Model>, Error> {
    use audit_entry::Column;

    let Filter { from, until, principal, method, resource, tenant, outcome } = filter;
    let mut all = Condition::all().add(scope.owner_within(Column::TenantCode));
    if let Some(from) = from {
        all = all.add(Column::Time.gte(from.0));
    }
    if let Some(until) = until {
        all = all.add(Column::Time.lt(until.0));
    }
    let texts = [
        (Column::Principal, principal.as_deref()),
        (Column::Method, method.as_deref().map(|method| method.trim_start_matches('/'))),
        (Column::Resource, resource.as_deref()),
        (Column::TenantCode, tenant.as_ref().map(OdsCode::as_str)),
        (Column::Outcome, outcome.map(Outcome::as_str)),
    ];
    for (column, text) in texts {
        all = all.add_option(text.map(|text| column.eq(text)));
    }
    if let Some((time, id)) = page.after.as_deref().and_then(place) {
        let earlier = Condition::all().add(Column::Time.eq(time)).add(Column::Id.lt(id));
        all = all.add(Condition::any().add(Column::Time.lt(time)).add(earlier));
    }
    audit_entry::Entity::find()
        .filter(all)
        .order_by_desc(Column::Time)
        .order_by_desc(Column::Id)
        .limit(page.size + 1)
        .all(db)
        .await
        .map_err(db::sort)
}

/// The time and identifier in a page token.
fn place(after: &str) -> Option<(i64, Uuid)> {
    let (time, id) = after.split_once(' ')?;
    Some((time.parse().ok()?, id.parse().ok()?))
}

fn event(sequence: i64, row: audit_entry::Model) -> pb::AuditEvent {
    let audit_entry::Model {
        id,
        time,
        principal,
        method,
        resource,
        outcome,
        detail,
        trace,
        reason,
        tenant_code,
    } = row;
    let tenant = tenant_code.and_then(|code| code.parse().ok());
    pb::AuditEvent {
        id: id.to_string(),
        time: Some(wire::timestamp(Instant(time))),
        principal,
        method,
        resource,
        tenant: tenant.as_ref().map(names::organisation).unwrap_or_default(),
        outcome: wire_outcome(&outcome).into(),
        reason: reason.unwrap_or_default(),
        detail,
        trace_id: trace.as_deref().and_then(trace_id).unwrap_or_default().to_owned(),
        sequence,
    }
}

/// The trace in `00-{trace}-{span}-{flags}`.
fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1)
}

fn outcome_of(outcome: pb::AuditOutcome) -> Option<Outcome> {
    match outcome {
        pb::AuditOutcome::Unspecified => None,
        pb::AuditOutcome::Done => Some(Outcome::Done),
        pb::AuditOutcome::Read => Some(Outcome::Read),
        pb::AuditOutcome::Denied => Some(Outcome::Denied),
        pb::AuditOutcome::Refused => Some(Outcome::Refused),
    }
}

fn wire_outcome(word: &str) -> pb::AuditOutcome {
    let all = [
        pb::AuditOutcome::Done,
        pb::AuditOutcome::Read,
        pb::AuditOutcome::Denied,
        pb::AuditOutcome::Refused,
    ];
    let named = |outcome: &pb::AuditOutcome| {
        outcome_of(*outcome).is_some_and(|outcome| outcome.as_str() == word)
    };
    all.into_iter().find(named).unwrap_or_default()
}

fn reason(why: Why) -> pb::AuditBreakReason {
    match why {
        Why::SealMissing => pb::AuditBreakReason::SealMissing,
        Why::EntryMissing => pb::AuditBreakReason::EventMissing,
        Why::HashDiffers => pb::AuditBreakReason::HashDiffers,
        Why::HeadDiffers => pb::AuditBreakReason::HeadDiffers,
        Why::HeadMissing => pb::AuditBreakReason::HeadMissing,
        Why::EntriesUnaccounted => pb::AuditBreakReason::EventsUnaccounted,
    }
}

/// A place in the chain for the wire.
fn head(head: &Head) -> pb::AuditHead {
    let text = head.to_string();
    let hash = text.split_once(':').map_or("", |(_, hash)| hash);
    pb::AuditHead { sequence: head.sequence, hash: hash.to_owned() }
}

fn parse_head(field: &str, wire: pb::AuditHead, fields: &mut Fields) -> Option<Head> {
    let pb::AuditHead { sequence, hash } = wire;
    if sequence < 0 {
        fields.violation(format!("{field}.sequence"), "must not be negative");
        return None;
    }
    let head = format!("{sequence}:{hash}").parse().ok();
    if head.is_none() {
        fields.violation(format!("{field}.hash"), "must be 64 hexadecimal digits");
    }
    head
}

fn parse_after(wire: pb::AuditHead, fields: &mut Fields) -> Option<(i64, Option<[u8; 32]>)> {
    if wire.hash.is_empty() && wire.sequence >= 0 {
        return Some((wire.sequence, None));
    }
    parse_head("after", wire, fields).map(|head| (head.sequence, Some(head.hash)))
}
