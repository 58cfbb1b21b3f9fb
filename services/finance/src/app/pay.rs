//! Recording a file of pay: everything across its rows and against what is known, then all of it
//! or nothing.

use std::collections::{BTreeMap, BTreeSet};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::{self, Engaged};
use kit::table::{Problem, Problems};
use kit::{Error, Scope};
use terms::{Date, EngagementId, Month, Pence};

use crate::domain::cost::month_in_post;
use crate::domain::pay::{Components, Pay, PayError, check};
use crate::events;
use crate::store::pay::{self as store, KnownPay, NewPay, Recorded};

/// One row of a file of pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayRow {
    /// The line on which it begins.
    pub line: u32,
    /// What the owner's files call the engagement.
    pub reference: String,
    /// The month it is for.
    pub month: Month,
    /// Gross salary.
    pub salary: Pence,
    /// The employer's National Insurance.
    pub employer_ni: Pence,
    /// The employer's pension contribution.
    pub employer_pension: Pence,
    /// A supplier's fees. None leaves what is known under the key, and is no fee under a new key.
    pub fees: Option<Pence>,
    /// The day it was paid; none if it has not been.
    pub paid_on: Option<Date>,
}

impl PayRow {
    fn amounts(&self, fees: Pence) -> Components {
        let (salary, employer_ni) = (self.salary, self.employer_ni);
        Components { salary, employer_ni, employer_pension: self.employer_pension, fees }
    }

    /// The amounts by their columns.
    fn columns(&self) -> [(&'static str, Pence); 4] {
        [
            ("salary", self.salary),
            ("employer_ni", self.employer_ni),
            ("employer_pension", self.employer_pension),
            ("fees", self.fees.unwrap_or_default()),
        ]
    }

    /// The first column with an amount that is so.
    fn column(&self, is: impl Fn(Pence) -> bool) -> Option<(&'static str, Pence)> {
        self.columns().into_iter().find(|(_, amount)| is(*amount))
    }
}

/// Records the rows of a file, or says everything that is wrong with them.
pub async fn record(
    write: &mut Write,
    rows: Vec<PayRow>,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let mut problems = Problems::new();
    check_alone(&rows, context.recorded_on, &mut problems);
    check_twice(&rows, &mut problems);
    let references: BTreeSet<&str> = rows.iter().map(|row| row.reference.as_str()).collect();
    let references: Vec<String> = references.into_iter().map(str::to_owned).collect();
    let known =
        roster::engagements_by_reference(&**write, &context.scope, &references, NOW).await?;
    let matched = matched(&rows, &known, context, &mut problems);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }

    let engaged: BTreeMap<EngagementId, Engaged> =
        matched.iter().map(|(_, engaged, _)| (engaged.engagement.id, (*engaged).clone())).collect();
    let engaged: Vec<Engaged> = engaged.into_values().collect();
    let (scope, provenance) = (&context.scope, &context.provenance);
    let before = store::of_engagements(&**write, scope, &engaged, provenance.known_from).await?;
    let new = to_record(&matched, &before);
    let recorded = store::record(&**write, scope, provenance, &new).await?;
    for at in BTreeSet::from([provenance.known_from, NOW]) {
        let after = store::of_engagements(&**write, scope, &engaged, at).await?;
        check_sums(&rows, &new, &after, &mut problems);
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
    }

    let mut applied = Applied { rows: count(rows.len()), ..Applied::default() };
    for ((row, _, month), (new, recorded)) in matched.iter().zip(new.iter().zip(&recorded)) {
        match recorded {
            Recorded::Unchanged => applied.unchanged += 1,
            Recorded::Added => {
                applied.added += 1;
                applied.notes.extend(unpaid_before(row, new, &before));
            }
            Recorded::Corrected(old) => {
                applied.corrected += 1;
                applied.notes.push(correction(row, *old, new.pay.amounts));
            }
        }
        if *recorded != Recorded::Unchanged {
            write.tell(events::pay_recorded(&new.pay, &new.owner, provenance.known_from));
            applied.notes.extend(late(row, *month));
        }
    }
    Ok(Ok(applied))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What a row shows by itself: a month to come, an amount that is none of pay.
fn check_alone(rows: &[PayRow], recorded_on: Date, problems: &mut Problems) {
    let newest = Month::of(recorded_on);
    for row in rows {
        if row.month > newest {
            problems.push(Problem::new(
                row.line,
                "month",
                &row.month.to_string(),
                format!("must not be after {newest}, the month in which it is recorded"),
            ));
        }
        let pay = Pay {
            engagement: EngagementId(uuid::Uuid::nil()),
            month: row.month,
            amounts: row.amounts(row.fees.unwrap_or_default()),
            paid_on: row.paid_on,
        };
        for error in check(std::slice::from_ref(&pay)) {
            match error {
                PayError::TooLarge { amount, .. } => {
                    let (column, _) = row.column(|one| one == amount).unwrap_or(("", amount));
                    let reason = "must be at most 10 million pounds";
                    problems.push(Problem::new(row.line, column, &plain(amount), reason));
                }
                // Other rows of the month decide that: they are looked at together.
                PayError::BelowZero { .. } => {}
            }
        }
    }
}

/// A key twice in one file is an error on both lines.
fn check_twice(rows: &[PayRow], problems: &mut Problems) {
    let mut lines: BTreeMap<(&str, Month, Option<Date>), Vec<u32>> = BTreeMap::new();
    for row in rows {
        lines.entry((&row.reference, row.month, row.paid_on)).or_default().push(row.line);
    }
    for ((reference, _, _), lines) in lines {
        if let [first, rest @ ..] = lines.as_slice()
            && let [second, ..] = rest
        {
            for line in &lines {
                let other = if line == first { second } else { first };
                let reason = format!("line {other} has the same engagement_id, month and paid_on");
                problems.push(Problem::new(*line, "engagement_id", reference, reason));
            }
        }
    }
}

/// A row with its engagement and the month in post to which its pay belongs.
type Matched<'a> = (&'a PayRow, &'a Engaged, Month);

fn matched<'a>(
    rows: &'a [PayRow],
    known: &'a BTreeMap<String, Vec<Engaged>>,
    context: &Context,
    problems: &mut Problems,
) -> Vec<Matched<'a>> {
    let mut matched = Vec::with_capacity(rows.len());
    for row in rows {
        let engaged = match find(row, known, context) {
            Ok(engaged) => engaged,
            Err(reason) => {
                problems.push(Problem::new(row.line, "engagement_id", &row.reference, reason));
                continue;
            }
        };
        match month_in_post(row.month, &engaged.assignments) {
            Some(month) => matched.push((row, engaged, month)),
            None => problems.push(Problem::new(
                row.line,
                "month",
                &row.month.to_string(),
                format!("{} has no day in post in or before this month", row.reference),
            )),
        }
    }
    matched
}

/// The engagement of a row, among those in the caller's scope. Only the owner records its pay.
fn find<'a>(
    row: &PayRow,
    known: &'a BTreeMap<String, Vec<Engaged>>,
    context: &Context,
) -> Result<&'a Engaged, &'static str> {
    let of_owner = |engaged: &&Engaged| {
        context.owner.as_ref().is_none_or(|owner| *owner == engaged.engagement.owner)
    };
    let found = known.get(&row.reference).map(Vec::as_slice).unwrap_or_default();
    let found: Vec<&Engaged> = found.iter().filter(of_owner).collect();
    match found.as_slice() {
        [] => {
            Err("must be an engagement that is known here and visible to you: import staff first")
        }
        [one] if owned(&context.scope, one) => Ok(one),
        [_] => Err("belongs to another owner, who alone may record its pay"),
        [_, ..] => Err("is what two owners call an engagement: name one with --owner"),
    }
}

fn owned(scope: &Scope, engaged: &Engaged) -> bool {
    scope.owns(&engaged.engagement.owner)
}

/// The rows as they are recorded: where no fee is given, the one known under the key stays.
fn to_record(matched: &[Matched<'_>], before: &[KnownPay]) -> Vec<NewPay> {
    let fees: BTreeMap<(EngagementId, Month, Option<Date>), Pence> = before
        .iter()
        .map(|KnownPay { pay, .. }| ((pay.engagement, pay.month, pay.paid_on), pay.amounts.fees))
        .collect();
    matched
        .iter()
        .map(|(row, engaged, _)| {
            let engagement = &engaged.engagement;
            let key = (engagement.id, row.month, row.paid_on);
            let fees = row.fees.or(fees.get(&key).copied()).unwrap_or_default();
            NewPay {
                pay: Pay {
                    engagement: engagement.id,
                    month: row.month,
                    amounts: row.amounts(fees),
                    paid_on: row.paid_on,
                },
                reference: row.reference.clone(),
                owner: engagement.owner.clone(),
                line: row.line,
            }
        })
        .collect()
}

/// No month of an engagement may be below zero with the rows of the file among those known.
fn check_sums(rows: &[PayRow], new: &[NewPay], after: &[KnownPay], problems: &mut Problems) {
    let pay: Vec<Pay> = after.iter().map(|known| known.pay.clone()).collect();
    for error in check(&pay) {
        let PayError::BelowZero { engagement, month, total } = error else { continue };
        let of_month = || {
            let both = rows.iter().zip(new);
            both.filter(|(_, new)| new.pay.engagement == engagement && new.pay.month == month)
                .map(|(row, _)| row)
        };
        let columns = of_month().next().map(PayRow::columns).unwrap_or_default();
        let below = columns.iter().zip(total.parts()).enumerate();
        for (part, ((column, _), total)) in below.filter(|(_, (_, total))| *total < Pence::ZERO) {
            let amount = |row: &PayRow| row.columns()[part].1;
            let any = of_month().any(|row| amount(row) < Pence::ZERO);
            for row in of_month().filter(|row| !any || amount(row) < Pence::ZERO) {
                let reason =
                    format!("makes the {column} for {month} add up to {total}, below zero");
                problems.push(Problem::new(row.line, column, &plain(amount(row)), reason));
            }
        }
    }
}

/// An amount as files write it.
fn plain(amount: Pence) -> String {
    let size = amount.0.unsigned_abs();
    let sign = if amount < Pence::ZERO { "-" } else { "" };
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

fn correction(row: &PayRow, old: Components, new: Components) -> String {
    let parts = [
        ("salary", old.salary, new.salary),
        ("employer_ni", old.employer_ni, new.employer_ni),
        ("employer_pension", old.employer_pension, new.employer_pension),
        ("fees", old.fees, new.fees),
    ];
    let changes: Vec<String> = parts
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(column, old, new)| format!("{column} {} -> {}", plain(old), plain(new)))
        .collect();
    let changes = match changes.as_slice() {
        [] => "its record has a new name or owner".to_owned(),
        [_, ..] => changes.join(", "),
    };
    format!("line {}: {} {}: {changes}", row.line, row.reference, row.month)
}

/// Pay after the last day in post counts towards the last month in post.
fn late(row: &PayRow, month: Month) -> Option<String> {
    (month != row.month).then(|| {
        let (line, reference) = (row.line, &row.reference);
        format!(
            "line {line}: {reference} has no day in post in {}; its pay counts towards {month}",
            row.month
        )
    })
}

/// A row with a day of payment does not take the place of one without: both count.
fn unpaid_before(row: &PayRow, new: &NewPay, before: &[KnownPay]) -> Option<String> {
    row.paid_on?;
    let unpaid = before.iter().map(|known| &known.pay).find(|known| {
        (known.engagement, known.month, known.paid_on) == (new.pay.engagement, row.month, None)
            && known.amounts.total() != Pence::ZERO
    })?;
    Some(format!(
        "line {}: {} {} has {} recorded without paid_on as well, and both count; send that row \
         with zeros if this one takes its place",
        row.line,
        row.reference,
        row.month,
        plain(unpaid.amounts.total())
    ))
}
