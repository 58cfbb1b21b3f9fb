//! Recording a file of pay: everything across its rows and against what is known, then all of it
//! or nothing.

use std::collections::{BTreeMap, BTreeSet};

use kit::cut::NOW;
use kit::db::Write;
use kit::imports::{Applied, Context};
use kit::roster::{self, Engaged};
use kit::statement::Beside;
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
    /// The amounts as they stand in the file, in the order of [`AMOUNTS`].
    pub written: [String; 4],
}

/// The columns of amounts.
pub const AMOUNTS: [&str; 4] = ["salary", "employer_ni", "employer_pension", "fees"];

/// A file of pay as far as it could be read.
#[derive(Clone, Debug, Default)]
pub struct PayFile {
    /// The rows whose cells are good.
    pub rows: Vec<PayRow>,
    /// What is wrong with cells of the others.
    pub problems: Problems,
}

impl PayRow {
    fn amounts(&self, fees: Pence) -> Components {
        let (salary, employer_ni) = (self.salary, self.employer_ni);
        Components { salary, employer_ni, employer_pension: self.employer_pension, fees }
    }

    /// The amounts in the order of [`AMOUNTS`].
    fn parts(&self) -> [Pence; 4] {
        self.amounts(self.fees.unwrap_or_default()).parts()
    }

    /// What is wrong with one of the amounts, which is shown as it stands in the file.
    fn problem(&self, part: usize, reason: impl Into<String>) -> Problem {
        Problem::new(self.line, AMOUNTS[part], &self.written[part], reason)
    }
}

/// Records the rows of a file, or says everything that is wrong with it.
///
/// What months add up to is looked at last, when every row of the file is known.
pub async fn record(
    write: &mut Write,
    file: PayFile,
    context: &Context,
) -> Result<Result<Applied, Problems>, Error> {
    let PayFile { rows, mut problems } = file;
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
    let mut standing = Vec::new();
    for at in BTreeSet::from([provenance.known_from, NOW]) {
        standing = store::of_engagements(&**write, scope, &engaged, at).await?;
        check_sums(&rows, &new, &standing, &mut problems);
        if !problems.is_empty() {
            return Ok(Err(problems));
        }
    }
    let others = others(&new, &standing);

    let mut applied = Applied { rows: count(rows.len()), ..Applied::default() };
    let mut later = 0;
    for ((row, _, month), (new, recorded)) in matched.iter().zip(new.iter().zip(&recorded)) {
        match recorded {
            Recorded::Unchanged => applied.unchanged += 1,
            Recorded::Added(beside) => {
                applied.added += 1;
                match beside {
                    Beside::Nothing => {}
                    Beside::Later => later += 1,
                    Beside::Withdrawn => applied.notes.push(format!(
                        "line {}: this pay of {} for {} was withdrawn before and counts again",
                        row.line, row.reference, row.month
                    )),
                }
                applied.notes.extend(both_count(row, new, &others));
            }
            Recorded::Corrected(old) => {
                applied.corrected += 1;
                applied.notes.push(correction(row, *old, new.pay.amounts));
                if old.total() == Pence::ZERO {
                    applied.notes.extend(both_count(row, new, &others));
                }
            }
        }
        if *recorded != Recorded::Unchanged {
            write.tell(events::pay_recorded(&new.pay, &new.owner, provenance.known_from));
            applied.notes.extend(late(row, *month));
        }
    }
    applied.note_later(later);
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
                    let part = row.parts().into_iter().position(|one| one == amount);
                    let reason = "must be at most 10 million pounds";
                    problems.push(row.problem(part.unwrap_or_default(), reason));
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
        [one] if owned(&context.scope, one) => Ok(one),
        // One that is kept by others reads like one that is not there.
        [] | [_] => Err(NOT_KEPT),
        [_, ..] => Err("is what two owners call an engagement: name one with --owner"),
    }
}

/// Said of an engagement whose pay the caller may not record, whether it exists or not.
const NOT_KEPT: &str = "must be an engagement that is known here and whose record you keep: \
                        import staff first, or ask who keeps it";

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
        let below = total.parts().into_iter().enumerate();
        for (part, total) in below.filter(|(_, total)| *total < Pence::ZERO) {
            let (column, amount) = (AMOUNTS[part], |row: &PayRow| row.parts()[part]);
            let any = of_month().any(|row| amount(row) < Pence::ZERO);
            for row in of_month().filter(|row| !any || amount(row) < Pence::ZERO) {
                let reason =
                    format!("makes the {column} for {month} add up to {total}, below zero");
                problems.push(row.problem(part, reason));
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

/// Pay by engagement and month.
type PayByMonth<'a> = BTreeMap<(EngagementId, Month), Vec<&'a Pay>>;

/// Pay beside that of the file: rows of its engagements that it does not name, unless they are
/// of nothing.
fn others<'a>(new: &[NewPay], standing: &'a [KnownPay]) -> PayByMonth<'a> {
    let key = |pay: &Pay| (pay.engagement, pay.month, pay.paid_on);
    let named: BTreeSet<_> = new.iter().map(|new| key(&new.pay)).collect();
    let mut others = PayByMonth::new();
    for KnownPay { pay, source: _ } in standing {
        if !named.contains(&key(pay)) && pay.amounts != Components::default() {
            others.entry((pay.engagement, pay.month)).or_default().push(pay);
        }
    }
    others
}

/// A row with another day of payment does not take the place of one that is known: both count.
fn both_count(row: &PayRow, new: &NewPay, others: &PayByMonth<'_>) -> Option<String> {
    if new.pay.amounts == Components::default() {
        return None;
    }
    let found = others.get(&(new.pay.engagement, new.pay.month))?;
    let told = found.iter().map(|pay| {
        let total = pay.amounts.total();
        match pay.paid_on {
            Some(day) => format!("{total} paid {day}"),
            None => format!("{total} without paid_on"),
        }
    });
    let (count, that) = match found.as_slice() {
        [_] => ("both count", "that row"),
        [..] => ("all of them count", "those rows"),
    };
    Some(format!(
        "line {}: {} {} also has {}; {count}. Send {that} with zeros if this one replaces {}",
        row.line,
        row.reference,
        row.month,
        told.collect::<Vec<_>>().join(", "),
        if found.len() == 1 { "it" } else { "them" }
    ))
}
