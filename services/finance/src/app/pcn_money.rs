//! The money of one PCN and month, prepared from what is known at a cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kit::db::Read;
use kit::roster::{self, Engaged};
use kit::summary::{self, Query};
use kit::{Caller, Error, Scope, imports};
use sea_orm::DatabaseTransaction;
use terms::{Assignment, Date, EngagementId, Instant, Month, OdsCode, Pence, Period};
use uuid::Uuid;

use super::{App, Positions};
use crate::domain::cost::{UnplacedPay, month_in_post};
use crate::domain::evaluation::{Evaluation, PcnRecords, Question, evaluate};
use crate::domain::line::{EngagementRecords, Line, WrittenAgreement};
use crate::domain::pay::Pay;
use crate::domain::rulebook::LondonRegion;
use crate::domain::step::{NumberName, NumberValue};
use crate::store::baselines;
use crate::store::pay::{KnownPay, PaySource, of_engagements, without_hours};
use crate::store::places::{areas, lists};

/// How much of an engagement's cost a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of it: the caller keeps the record, or sees every PCN that bears a part.
    Whole,
    /// What this PCN bears: another PCN that the caller does not see bears the rest.
    OwnShare,
}

/// What belongs to a line beside its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRecord {
    /// The engagement with all its hours.
    pub engaged: Engaged,
    /// How much of its cost the caller may see.
    pub shown: Shown,
    /// Whether the caller may see every month of the year so far.
    pub year_shown: bool,
    /// The name of the file, the import and the line of each row of pay that counts in the month.
    /// They are the owner's: none for others.
    pub pay_sources: Vec<(String, PaySource)>,
}

/// The money of one PCN and month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcnMoney {
    /// Every line from April, and their sums.
    pub evaluation: Evaluation,
    /// The engagements of the lines of the month.
    pub records: BTreeMap<EngagementId, LineRecord>,
    /// Whether the caller may see every month of the year so far. What the year comes to would
    /// tell of the others.
    pub year_shown: bool,
    /// Pay that counts in no month, of months that the caller may see.
    pub unplaced: Vec<Unplaced>,
}

/// Pay that counts in no month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// What the owner's files call the engagement.
    pub reference: String,
    /// The month it is recorded for.
    pub month: Month,
    /// All of it; none for callers who do not keep the record.
    pub amount: Option<Pence>,
}

/// What a PCN's lines of a contract year up to a month are prepared from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// For the evaluation.
    pub pcn: PcnRecords,
    /// The engagements, whole.
    engaged: BTreeMap<EngagementId, Engaged>,
    /// Pay, with where it is from.
    pay: Vec<KnownPay>,
    /// Pay of engagements that the PCN keeps and that have no hours.
    without_hours: Vec<Unplaced>,
}

impl App {
    /// The money of a PCN and month, with the positions it rests on.
    pub async fn pcn_money(
        &self,
        caller: &Caller,
        query: &Query,
    ) -> Result<(PcnMoney, Positions), Error> {
        let read = self.database.read().await?;
        let scope = caller.scope(&*read, self.clock()).await?;
        summary::admit(&read, caller, &scope, query).await?;
        let money = self.pcn_money_of(&read, &scope, query).await?;
        Ok((money, self.positions(&read, query.cut.at).await?))
    }

    /// The money of a PCN and month that the scope was found to hold.
    pub async fn pcn_money_of(
        &self,
        read: &Read,
        scope: &Scope,
        query: &Query,
    ) -> Result<PcnMoney, Error> {
        let records = records_of(read, self.rules.london(), scope, query).await?;
        let evaluation = self.evaluate(query, query.cut.rules_known_on, &records);
        let lines: Vec<&Line> = evaluation.month_lines().collect();
        let unplaced = unplaced(scope, query, &records, &evaluation);
        let records = line_records(read, scope, query, &records, &lines).await?;
        Ok(PcnMoney { evaluation, records, year_shown: year_shown(scope, query), unplaced })
    }

    /// Evaluates records under the figures known on a day. Cost must be paid by the day as of
    /// which the question is asked.
    pub(super) fn evaluate(
        &self,
        query: &Query,
        rules_known_on: Date,
        records: &Records,
    ) -> Evaluation {
        let question = Question {
            pcn: query.pcn.clone(),
            month: query.month,
            rules_known_on,
            claim_date: query.cut.as_of,
        };
        evaluate(self.rules(), &question, &records.pcn)
    }
}

/// Everything known at the cut that lines from April to the month may need.
pub(super) async fn records_of(
    read: &Read,
    london: &LondonRegion,
    scope: &Scope,
    query: &Query,
) -> Result<Records, Error> {
    let first = query.month.contract_year().first_month();
    records(read, london, scope, &query.pcn, first..=query.month, query.cut.at).await
}

/// Everything known at an instant that lines of a run of months of one contract year may need.
pub(super) async fn records(
    db: &DatabaseTransaction,
    london: &LondonRegion,
    scope: &Scope,
    pcn: &OdsCode,
    months: RangeInclusive<Month>,
    at: Instant,
) -> Result<Records, Error> {
    let (first, last) = (*months.start(), *months.end());
    let engaged = roster::engaged_in_month(db, scope, pcn, first, last, at).await?;
    let pay = of_engagements(db, scope, &engaged, at).await?;
    let without_hours = without_hours(db, scope, pcn, months, at).await?;
    let days = Period::new(first.first(), last.period().until());
    let days = days.expect("a run of months begins before it ends");
    let areas = areas(db, london, pcn, days, at).await?;
    let lists = lists(db, pcn, last.contract_year(), at).await?;
    let baselines = baselines::of_pcn(db, scope, pcn, at).await?;

    let mut rows: BTreeMap<EngagementId, Vec<Pay>> = BTreeMap::new();
    for known in &pay {
        rows.entry(known.pay.engagement).or_default().push(known.pay.clone());
    }
    let engagements = engaged
        .iter()
        .map(|engaged| EngagementRecords {
            engagement: engaged.engagement.clone(),
            assignments: engaged.assignments.clone(),
            pay: rows.remove(&engaged.engagement.id).unwrap_or_default(),
            // Nothing records agreements yet, so the half that is certain is paid.
            agreement: WrittenAgreement::NotRecorded,
        })
        .collect();
    Ok(Records {
        pcn: PcnRecords { areas, lists, engagements, baselines },
        engaged: engaged.into_iter().map(|engaged| (engaged.engagement.id, engaged)).collect(),
        pay,
        without_hours: without_hours
            .into_iter()
            .map(|(reference, pay)| {
                let amount = Some(pay.amounts.total());
                Unplaced { reference, month: pay.month, amount }
            })
            .collect(),
    })
}

impl Records {
    /// Without pay that counts in other months.
    pub(super) fn with_pay_of(mut self, months: RangeInclusive<Month>) -> Records {
        let counts = |month: Month, assignments: &[Assignment]| {
            month_in_post(month, assignments).is_some_and(|month| months.contains(&month))
        };
        for EngagementRecords { assignments, pay, .. } in &mut self.pcn.engagements {
            pay.retain(|row| counts(row.month, assignments));
        }
        let engaged = &self.engaged;
        self.pay.retain(|known| {
            let of = engaged.get(&known.pay.engagement);
            of.is_some_and(|of| counts(known.pay.month, &of.assignments))
        });
        self
    }

    /// Where pay is from, in its order by engagement.
    pub(super) fn sources(&self) -> BTreeMap<EngagementId, Vec<Option<PaySource>>> {
        let mut sources: BTreeMap<EngagementId, Vec<Option<PaySource>>> = BTreeMap::new();
        for known in &self.pay {
            sources.entry(known.pay.engagement).or_default().push(known.source);
        }
        sources
    }
}

/// What belongs to lines of the month beside their price.
pub(super) async fn line_records(
    read: &Read,
    scope: &Scope,
    query: &Query,
    records: &Records,
    lines: &[&Line],
) -> Result<BTreeMap<EngagementId, LineRecord>, Error> {
    let mut sources: BTreeMap<EngagementId, Vec<PaySource>> = BTreeMap::new();
    let mut imports: BTreeSet<Uuid> = BTreeSet::new();
    let owned = |engagement: EngagementId| {
        let engaged = records.engaged.get(&engagement);
        engaged.is_some_and(|engaged| scope.owns(&engaged.engagement.owner))
    };
    for line in lines.iter().filter(|line| owned(line.engagement)) {
        let months = months_of_pay(line);
        let of_line = records.pay.iter().filter(|known| {
            known.pay.engagement == line.engagement && months.contains(&known.pay.month)
        });
        let found: Vec<PaySource> = of_line.filter_map(|known| known.source).collect();
        imports.extend(found.iter().map(|source| source.import));
        sources.insert(line.engagement, found);
    }
    let names = imports::file_names(&**read, &imports).await?;
    let named = |source: PaySource| {
        let name = names.get(&source.import).cloned().unwrap_or_default();
        (name, source)
    };
    let mut found = BTreeMap::new();
    for line in lines {
        let Some(engaged) = records.engaged.get(&line.engagement) else { continue };
        let pay_sources = sources.remove(&line.engagement).unwrap_or_default();
        let record = LineRecord {
            engaged: engaged.clone(),
            shown: shown(scope, &query.pcn, line.month, engaged),
            year_shown: year_shown(scope, query),
            pay_sources: pay_sources.into_iter().map(named).collect(),
        };
        found.insert(line.engagement, record);
    }
    Ok(found)
}

/// The month of a line, and the later ones whose pay counts in it.
pub(super) fn months_of_pay(line: &Line) -> BTreeSet<Month> {
    let late = line.steps.iter().filter_map(|step| match step.number(NumberName::LateMonth) {
        Some(NumberValue::Month(month)) => Some(month),
        Some(_) | None => None,
    });
    late.chain([line.month]).collect()
}

fn year_shown(scope: &Scope, query: &Query) -> bool {
    let mut months = query.month.contract_year().months_to(query.month);
    months.all(|month| scope.sees(&query.pcn, month))
}

fn unplaced(
    scope: &Scope,
    query: &Query,
    records: &Records,
    evaluation: &Evaluation,
) -> Vec<Unplaced> {
    let told = |pay: &UnplacedPay| {
        let engagement = &records.engaged.get(&pay.engagement)?.engagement;
        let owned = scope.owns(&engagement.owner);
        (owned || scope.sees(&query.pcn, pay.month)).then(|| Unplaced {
            reference: engagement.reference.clone(),
            month: pay.month,
            amount: owned.then_some(pay.amount),
        })
    };
    let mut unplaced: Vec<Unplaced> = evaluation.unplaced.iter().filter_map(told).collect();
    unplaced.extend(records.without_hours.iter().cloned());
    unplaced.sort_by(|a, b| (&a.reference, a.month).cmp(&(&b.reference, b.month)));
    unplaced
}

pub(super) fn shown(scope: &Scope, pcn: &OdsCode, month: Month, engaged: &Engaged) -> Shown {
    let mut others = engaged
        .assignments
        .iter()
        .filter(|held| held.pcn != *pcn && held.period.overlap(month.period()).is_some());
    if scope.owns(&engaged.engagement.owner) || others.all(|held| scope.sees(&held.pcn, month)) {
        Shown::Whole
    } else {
        Shown::OwnShare
    }
}
