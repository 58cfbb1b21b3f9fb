//! Pay one payment at a time: read, recorded and withdrawn by who keeps the engagement.
//!
//! A payment is checked as a file of that one row would be.

use std::ops::ControlFlow;

use kit::answers::{Answer, Asked};
use kit::audit::{self, Entry, Outcome};
use kit::cut::NOW;
use kit::db::Write;
use kit::error::FieldViolation;
use kit::imports::Context;
use kit::roster::{self, Engaged};
use kit::table::Problems;
use kit::{Caller, Cut, Error, Etag, Revision, Scope};
use terms::{Date, EngagementId, Month, Pence};

use super::App;
use super::pay::{AMOUNTS, PayFile, PayRow, record};
use crate::domain::pay::{Components, Pay, PayError, check};
use crate::events;
use crate::store::pay as store;

/// Which month of which engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayName {
    /// The engagement.
    pub engagement: EngagementId,
    /// The month.
    pub month: Month,
}

impl std::fmt::Display for PayName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/pay/{}", self.engagement, self.month)
    }
}

/// A payment to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPay {
    /// Of which engagement and month.
    pub name: PayName,
    /// The amounts.
    pub amounts: Components,
    /// The day it was paid; none if it has not been.
    pub paid_on: Option<Date>,
    /// The version of the month that the caller has read.
    pub etag: Option<Etag>,
}

/// A payment that was never so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawPay {
    /// Of which engagement and month.
    pub name: PayName,
    /// The day it was said to be paid.
    pub paid_on: Option<Date>,
    /// The version of the month that the caller has read.
    pub etag: Etag,
}

/// The payments of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthPaid {
    /// Of which engagement and month.
    pub name: PayName,
    /// What the owner's files call the engagement.
    pub reference: String,
    /// All of them, by day.
    pub payments: Vec<Pay>,
    /// The version; none in a cut of an earlier day.
    pub revision: Option<Revision>,
}

impl App {
    /// The pay of a month, for who keeps the engagement.
    pub async fn month_paid(
        &self,
        caller: &Caller,
        name: PayName,
        cut: &Cut,
    ) -> Result<MonthPaid, Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        let found = roster::engagement_by_id(&*read, &scope, name.engagement, cut.at).await?;
        let engaged = kept(caller, &scope, found, name)?;
        let payments = store::of_month(&*read, &scope, &engaged, name.month, cut.at).await?;
        let revision = match cut.known_at {
            None => Some(store::revision(&*read, &scope, name.engagement, name.month).await?),
            Some(_) => None,
        };
        Ok(MonthPaid { name, reference: engaged.engagement.reference, payments, revision })
    }

    /// Records a payment.
    pub async fn record_pay(
        &self,
        caller: &Caller,
        command: &RecordPay,
        asked: Asked<MonthPaid>,
    ) -> Result<Answer, Error> {
        let RecordPay { name, amounts, paid_on, etag } = *command;
        let mut change = match self.open(caller, name, etag, &asked).await? {
            ControlFlow::Continue(change) => change,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        if !change.before.is_empty() && etag.is_none() {
            let reason = "must be given to change a month for which pay is recorded";
            return Err(Error::invalid("etag", reason));
        }
        let Components { salary, employer_ni, employer_pension, fees } = amounts;
        let row = PayRow {
            line: 1,
            reference: change.engaged.engagement.reference.clone(),
            month: name.month,
            salary,
            employer_ni,
            employer_pension,
            fees: Some(fees),
            paid_on,
            written: amounts.parts().map(|amount| amount.to_string()),
        };
        let file = PayFile { rows: vec![row], problems: Problems::new() };
        if let Err(problems) = record(&mut change.write, file, &change.context).await? {
            return Err(invalid(problems));
        }
        change.close(caller, format!("payment {}", day(paid_on)), asked).await
    }

    /// Withdraws a payment that was never so.
    pub async fn withdraw_pay(
        &self,
        caller: &Caller,
        command: &WithdrawPay,
        asked: Asked<MonthPaid>,
    ) -> Result<Answer, Error> {
        let WithdrawPay { name, paid_on, etag } = *command;
        let mut change = match self.open(caller, name, Some(etag), &asked).await? {
            ControlFlow::Continue(change) => change,
            ControlFlow::Break(answer) => return Ok(answer),
        };
        let (gone, left): (Vec<Pay>, Vec<Pay>) =
            change.before.iter().cloned().partition(|pay| pay.paid_on == paid_on);
        let Some(gone) = gone.into_iter().next() else {
            let reason = "must be the day of a payment of the month, absent for one not paid yet";
            return Err(Error::invalid("paid_date", reason));
        };
        for error in check(&left) {
            let PayError::BelowZero { total, .. } = error else { continue };
            let below = total.parts().into_iter().zip(AMOUNTS);
            let below = below.filter(|(total, _)| *total < Pence::ZERO);
            let below: Vec<String> = below.map(|(total, part)| format!("{part} {total}")).collect();
            let reason = format!("would leave less than nothing: {}", below.join(", "));
            return Err(Error::invalid("paid_date", reason));
        }
        let Change { write, context, engaged, .. } = &mut change;
        let owner = &engaged.engagement.owner;
        store::withdraw(&**write, &context.scope, &context.provenance, &gone, owner).await?;
        write.tell(events::pay_withdrawn(&gone, owner, context.provenance.known_from));
        change.close(caller, format!("payment {} was never so", day(paid_on)), asked).await
    }

    /// Begins a change of a month whose engagement the caller keeps, from the version that it has
    /// read; or answers what a call answered that this one repeats.
    async fn open(
        &self,
        caller: &Caller,
        name: PayName,
        etag: Option<Etag>,
        asked: &Asked<MonthPaid>,
    ) -> Result<ControlFlow<Answer, Change>, Error> {
        let write = self.database.write().await?;
        let clock = self.clock();
        let scope = caller.scope(&*write, clock).await?;
        let found = roster::engagement_by_id(&*write, &scope, name.engagement, NOW).await?;
        let engaged = kept(caller, &scope, found, name)?;
        let owner = engaged.engagement.owner.clone();
        if let Some(answer) = asked.before(&write, caller, &owner).await? {
            return Ok(ControlFlow::Break(answer));
        }
        let revision = store::revision(&*write, &scope, name.engagement, name.month).await?;
        revision.check(etag, &name.to_string())?;
        let before = store::of_month(&*write, &scope, &engaged, name.month, NOW).await?;
        let effect = asked.effect();
        let context = Context::of_change(caller, scope, clock, "pay", &owner, revision, effect);
        Ok(ControlFlow::Continue(Change { write, context, name, engaged, before }))
    }
}

/// A change of a month under way.
struct Change {
    write: Write,
    context: Context,
    name: PayName,
    engaged: Engaged,
    before: Vec<Pay>,
}

impl Change {
    async fn close(
        self,
        caller: &Caller,
        detail: String,
        asked: Asked<MonthPaid>,
    ) -> Result<Answer, Error> {
        let Change { write, context, name, engaged, .. } = self;
        let (owner, scope) = (engaged.engagement.owner.clone(), &context.scope);
        let entry = Entry::new(caller, Outcome::Done, &name.to_string());
        audit::append(&*write, write.clock(), [entry.of_tenant(&owner).saying(detail)]).await?;
        let payments = store::of_month(&*write, scope, &engaged, name.month, NOW).await?;
        let revision = store::revision(&*write, scope, name.engagement, name.month).await?;
        let reference = engaged.engagement.reference;
        let paid = MonthPaid { name, reference, payments, revision: Some(revision) };
        asked.finish(write, caller, &owner, paid).await
    }
}

/// The engagement, if the caller keeps it: to see its hours is not enough for its pay.
fn kept(
    caller: &Caller,
    scope: &Scope,
    found: Option<Engaged>,
    name: PayName,
) -> Result<Engaged, Error> {
    let kept = found.filter(|engaged| scope.owns(&engaged.engagement.owner));
    kept.ok_or_else(|| caller.denied(&name.to_string()))
}

fn day(paid_on: Option<Date>) -> String {
    paid_on.map_or("not paid yet".to_owned(), |day| format!("of {day}"))
}

/// What is wrong with the row of a payment, as fields of its request.
fn invalid(problems: Problems) -> Error {
    let violation = |problem: kit::table::Problem| {
        let field = match problem.column.as_str() {
            "salary" => "salary_pence",
            "employer_ni" => "employer_ni_pence",
            "employer_pension" => "employer_pension_pence",
            "fees" => "fees_pence",
            "paid_on" => "paid_date",
            // The engagement or the month.
            _ => "name",
        };
        FieldViolation { field: field.to_owned(), description: problem.reason }
    };
    Error::Invalid(problems.into_vec().into_iter().map(violation).collect())
}
