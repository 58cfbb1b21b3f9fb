//! Pay as recorded: rows of payrolls, each with the file and line it came from.

use std::ops::RangeInclusive;

use kit::db;
use kit::roster::table::assignment;
use kit::roster::{Engaged, from_column, to_column};
use kit::statement::{self, Beside, Outcome, Provenance, Said, known_at};
use kit::{Error, Revision, Scope};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use terms::{Date, EngagementId, Instant, Month, OdsCode, Pence, parse_date};
use uuid::Uuid;

use super::entity::pay::{Column, Entity, Model};
use crate::domain::pay::{Components, Pay};

/// Keys looked up in one statement.
const KEYS: usize = 5_000;

/// A row of pay to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPay {
    /// What is said.
    pub pay: Pay,
    /// What the owner's files call the engagement.
    pub reference: String,
    /// Who keeps the engagement's record.
    pub owner: OdsCode,
    /// The line of the file.
    pub line: u32,
}

/// A row of pay as known, with where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPay {
    /// What is said.
    pub pay: Pay,
    /// The file and its line, if it came from a file.
    pub source: Option<PaySource>,
}

/// The line of a file that a row of pay was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaySource {
    /// The import.
    pub import: Uuid,
    /// The line.
    pub line: i32,
}

/// What recording a row changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was not in force.
    Added(Beside),
    /// It took the place of these amounts.
    Corrected(Components),
    /// It was known already.
    Unchanged,
}

/// Records rows whose owners are all in the scope; answers for each what it changed.
///
/// # Panics
///
/// If an owner is outside the scope: callers refuse such rows first.
pub async fn record(
    db: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    rows: &[NewPay],
) -> Result<Vec<Recorded>, Error> {
    assert!(rows.iter().all(|row| scope.owns(&row.owner)), "rows of other owners were refused");
    let models = rows.iter().map(|row| to_model(row, provenance)).collect();
    let outcomes = statement::record(db, models).await?;
    let recorded = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Added(beside) => Recorded::Added(beside),
        Outcome::Corrected(old) => Recorded::Corrected(amounts(&old)),
        Outcome::Unchanged => Recorded::Unchanged,
    });
    Ok(recorded.collect())
}

/// All pay of engagements as known at an instant, by month and day of payment.
///
/// Only of engagements that the scope holds: by their owner, or by a PCN with some of the hours.
pub async fn of_engagements(
    db: &impl ConnectionTrait,
    scope: &Scope,
    engaged: &[Engaged],
    at: Instant,
) -> Result<Vec<KnownPay>, Error> {
    let visible = |engaged: &&Engaged| {
        scope.owns(&engaged.engagement.owner)
            || engaged.assignments.iter().any(|held| scope.sees_days(&held.pcn, held.period))
    };
    let ids: Vec<Uuid> = engaged.iter().filter(visible).map(|one| one.engagement.id.0).collect();
    let mut found = Vec::new();
    for chunk in ids.chunks(KEYS) {
        let rows = Entity::find()
            .filter(Column::EngagementId.is_in(db::padded(chunk)))
            .filter(known_at::<Model>(at))
            .order_by_asc(Column::EngagementId)
            .order_by_asc(Column::Month)
            .order_by_asc(Column::PaidOn)
            .all(db)
            .await
            .map_err(db::sort)?;
        for row in rows {
            found.push(to_known(&row)?);
        }
    }
    Ok(found)
}

/// Pay of a run of months whose engagements, kept by `owner`, have no hours anywhere: they were
/// withdrawn. By what the owner's files call them, and month.
pub async fn without_hours(
    db: &impl ConnectionTrait,
    scope: &Scope,
    owner: &OdsCode,
    months: RangeInclusive<Month>,
    at: Instant,
) -> Result<Vec<(String, Pay)>, Error> {
    if !scope.owns(owner) {
        return Ok(Vec::new());
    }
    let hours = Query::select()
        .column(assignment::Column::Id)
        .from(assignment::Entity)
        .and_where(
            Expr::col((assignment::Entity, assignment::Column::EngagementId))
                .equals((Entity, Column::EngagementId)),
        )
        .cond_where(known_at::<assignment::Model>(at))
        .take();
    let (first, last) = (to_column(months.start().first()), to_column(months.end().first()));
    let rows = Entity::find()
        .filter(Column::OwnerCode.eq(owner.as_str()))
        .filter(Column::Month.between(first, last))
        .filter(known_at::<Model>(at))
        .filter(Expr::exists(hours).not())
        .order_by_asc(Column::Reference)
        .order_by_asc(Column::Month)
        .order_by_asc(Column::PaidOn)
        .all(db)
        .await
        .map_err(db::sort)?;
    rows.into_iter().map(|row| Ok((row.reference.clone(), to_known(&row)?.pay))).collect()
}

/// The pay of one engagement for a month, by day of payment.
pub async fn of_month(
    db: &impl ConnectionTrait,
    scope: &Scope,
    engaged: &Engaged,
    month: Month,
    at: Instant,
) -> Result<Vec<Pay>, Error> {
    let all = of_engagements(db, scope, std::slice::from_ref(engaged), at).await?;
    Ok(all.into_iter().map(|known| known.pay).filter(|pay| pay.month == month).collect())
}

/// Withdraws a row whose owner is in the scope.
pub async fn withdraw(
    db: &impl ConnectionTrait,
    scope: &Scope,
    provenance: &Provenance,
    pay: &Pay,
    owner: &OdsCode,
) -> Result<(), Error> {
    assert!(scope.owns(owner), "rows of other owners were refused");
    let (month, paid_on) = (to_column(pay.month.first()), to_text(pay.paid_on));
    let never = Model::never(provenance, pay.engagement.0, month, paid_on);
    statement::record_said(db, vec![Said::Withdrawn(never)]).await?;
    Ok(())
}

/// How often the pay of an engagement for a month has changed. The engagement was found inside the
/// scope before.
pub async fn revision(
    db: &impl ConnectionTrait,
    _: &Scope,
    engagement: EngagementId,
    month: Month,
) -> Result<Revision, Error> {
    let of_month = Condition::all().add(Column::Month.eq(to_column(month.first())));
    let (id, column) = (engagement.0, Column::EngagementId);
    let mut found = statement::revisions::<Model>(db, column, &[id], &of_month).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

fn to_text(paid_on: Option<Date>) -> String {
    paid_on.map(|day| day.to_string()).unwrap_or_default()
}

fn to_model(row: &NewPay, provenance: &Provenance) -> Model {
    let Components { salary, employer_ni, employer_pension, fees } = row.pay.amounts;
    Model::new(
        provenance,
        provenance.import.map(|_| row.line),
        row.pay.engagement.0,
        to_column(row.pay.month.first()),
        to_text(row.pay.paid_on),
        salary.0,
        employer_ni.0,
        employer_pension.0,
        fees.0,
        row.reference.clone(),
        row.owner.to_string(),
    )
}

fn to_known(row: &Model) -> Result<KnownPay, Error> {
    let source = match (row.import_id, row.import_line) {
        (Some(import), Some(line)) => Some(PaySource { import, line }),
        (Some(_) | None, Some(_) | None) => None,
    };
    Ok(KnownPay {
        pay: Pay {
            engagement: EngagementId(row.engagement_id),
            month: Month::of(from_column(row.month)),
            amounts: amounts(row),
            paid_on: paid_on(&row.paid_on)?,
        },
        source,
    })
}

fn amounts(row: &Model) -> Components {
    Components {
        salary: Pence(row.salary_pence),
        employer_ni: Pence(row.employer_ni_pence),
        employer_pension: Pence(row.employer_pension_pence),
        fees: Pence(row.fees_pence),
    }
}

fn paid_on(text: &str) -> Result<Option<Date>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    parse_date(text).map(Some).map_err(|error| Error::internal(format!("a stored paid_on {error}")))
}
