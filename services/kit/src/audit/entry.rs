//! What is recorded of a call.

use sea_orm::{ConnectionTrait, EntityTrait};
use terms::OdsCode;
use uuid::Uuid;

use super::table::{audit_entry, audit_unsealed};
use crate::error::{Error, ErrorReason};
use crate::identity::Caller;
use crate::{Clock, db};

/// The longest text that is kept of a caller's making; issuers and subjects are far shorter.
pub(super) const TEXT: usize = 512;
/// Rows inserted in one statement: ten columns stay far below what both engines take.
const ROWS: usize = 500;

/// What came of what somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Personal data were shown.
    Read,
    /// The caller may not: no grant holds the permission, or none reaches the rows.
    Denied,
    /// What was asked for is wrong in itself, and nothing changed.
    Refused,
}

impl Outcome {
    /// The word in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Read => "read",
            Outcome::Denied => "denied",
            Outcome::Refused => "refused",
        }
    }
}

/// One entry: who did what to one resource, and what came of it.
///
/// A call that touches several leaves an entry for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    principal: String,
    method: String,
    outcome: Outcome,
    reason: Option<ErrorReason>,
    resource: String,
    tenant: Option<String>,
    detail: String,
    trace: Option<String>,
}

impl Entry {
    /// What `caller` did to `resource`, such as `people/0198c2a4-...`, in the call that runs now.
    ///
    /// A resource of a PCN or an organisation concerns it.
    pub fn new(caller: &Caller, outcome: Outcome, resource: &str) -> Entry {
        Entry::of(caller.principal(), caller.method(), outcome, resource)
    }

    pub(crate) fn of(principal: &str, method: &str, outcome: Outcome, resource: &str) -> Entry {
        Entry {
            principal: shortened(principal),
            method: shortened(method.trim_start_matches('/')),
            outcome,
            reason: None,
            tenant: tenant(resource),
            resource: named(resource),
            detail: String::new(),
            trace: crate::telemetry::traceparent(),
        }
    }

    /// The entry concerns the records of a PCN, federation or ICB.
    pub fn of_tenant(mut self, code: &OdsCode) -> Entry {
        self.tenant = Some(code.as_str().to_owned());
        self
    }

    /// Why it was denied or refused.
    pub fn because(mut self, reason: ErrorReason) -> Entry {
        self.reason = Some(reason);
        self
    }

    /// What more there is to say, for people. Never a personal value.
    pub fn saying(mut self, detail: impl AsRef<str>) -> Entry {
        self.detail = shortened(detail.as_ref());
        self
    }

    fn into_row(self, clock: &Clock) -> audit_entry::Model {
        let Entry { principal, method, outcome, reason, resource, tenant, detail, trace } = self;
        audit_entry::Model {
            id: Uuid::now_v7(),
            time: clock.now().0,
            principal,
            method,
            resource,
            outcome: outcome.as_str().to_owned(),
            detail,
            trace,
            reason: reason.map(|reason| reason.as_str_name().to_owned()),
            tenant_code: tenant,
        }
    }
}

/// Records entries in the transaction of what they tell of.
pub async fn append(
    txn: &impl ConnectionTrait,
    clock: &Clock,
    entries: impl IntoIterator<Item = Entry>,
) -> Result<(), Error> {
    let rows: Vec<_> = entries.into_iter().map(|entry| entry.into_row(clock)).collect();
    for rows in rows.chunks(ROWS) {
        let waiting = rows.iter().map(|row| audit_unsealed::Model { entry_id: row.id });
        let waiting = waiting.map(audit_unsealed::ActiveModel::from);
        let inserted = audit_unsealed::Entity::insert_many(waiting).exec_without_returning(txn);
        inserted.await.map_err(db::sort)?;
        let rows = rows.iter().map(|row| audit_entry::ActiveModel::from(row.clone()));
        let inserted = audit_entry::Entity::insert_many(rows).exec_without_returning(txn).await;
        inserted.map_err(db::sort)?;
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

/// The name of a resource, if it is made as ours are: a caller's own words are not kept.
fn named(resource: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    if resource.len() <= TEXT && resource.chars().all(plain) {
        return resource.to_owned();
    }
    "unnamed".to_owned()
}

/// The PCN or organisation that a resource belongs to, where its name says so.
fn tenant(resource: &str) -> Option<String> {
    let mut parts = resource.split('/');
    let (Some("pcns" | "organisations"), Some(code)) = (parts.next(), parts.next()) else {
        return None;
    };
    code.parse::<OdsCode>().ok().map(|code| code.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whom_it_concerns_and_carries_no_words_of_the_caller() {
        for (resource, kept, concerns) in [
            ("pcns/U09081", "pcns/U09081", Some("U09081")),
            ("organisations/QT6", "organisations/QT6", Some("QT6")),
            ("pcns/U09081/allocations/2025-26", "pcns/U09081/allocations/2025-26", Some("U09081")),
            ("imports", "imports", None),
            ("people/0198c2a4-0000-7000-8000-000000000000", "", None),
            ("people/Jane Invented", "unnamed", None),
            ("", "", None),
        ] {
            let entry = Entry::of("me", "/method", Outcome::Denied, resource);
            let kept = if kept.is_empty() { resource } else { kept };
            assert_eq!((&entry.resource[..], entry.tenant.as_deref()), (kept, concerns));
        }
    }
}
