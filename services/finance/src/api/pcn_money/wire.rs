//! The money of a PCN, and its lines, on the wire.

use arrs_proto::finance::v1 as pb;
use arrs_proto::summary::v1 as summary;
use kit::names;
use kit::wire::date;
use prost::Message;
use terms::{Confidence, Fraction, OdsCode, Pence};

use crate::api::allocations::allocation;
use crate::api::rule_books::value;
use crate::api::steps::{self, Explained};
use crate::app::pcn_money::{LineRecord, PcnMoney, Unplaced};
use crate::domain::figure::Pot;
use crate::domain::line::{Line, Outcome};
use crate::domain::policy::PolicyUse;
use crate::domain::rulebook::RuleBook;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

/// The most sentences on pay that counts in no month.
const UNPLACED: usize = 200;

/// The money of a PCN and month. Room is that of the main pot.
pub(super) fn pcn_money(rules: &RuleBook, money: &PcnMoney, cut: summary::Cut) -> pb::PcnMoney {
    let PcnMoney { evaluation, records, year_shown, unplaced } = money;
    let (question, sums) = (&evaluation.question, &evaluation.summary);
    let pots: Vec<_> = sums.pots.iter().map(|pot| pot.allocation.clone()).collect();
    let main = sums.pots.iter().find(|pot| pot.pot == Pot::Main);
    let mut lines: Vec<pb::ClaimLine> = evaluation
        .month_lines()
        .filter_map(|one| Some(line(rules, &question.pcn, one, records.get(&one.engagement)?)))
        .collect();
    lines.sort_by(|a, b| (&a.reference, &a.engagement).cmp(&(&b.reference, &b.engagement)));
    let totals = &sums.totals;
    pb::PcnMoney {
        name: names::pcn(&question.pcn),
        month: question.month.to_string(),
        allocation: Some(allocation(&question.pcn, question.month.contract_year(), &pots)),
        lines,
        actual_cost_pence: totals.own_cost.0,
        payable_pence: totals.payable.0,
        cut_pence: totals.cut.0,
        unpriced_count: i32::try_from(totals.unpriced).unwrap_or(i32::MAX),
        year_payable_pence: year_shown.then_some(sums.year_to_date.payable.0),
        room_pence: main.and_then(|pot| pot.room).filter(|_| *year_shown).map(|Pence(pence)| pence),
        weakest_confidence: totals.confidence.map(Confidence::as_str).unwrap_or("").to_owned(),
        cut: Some(cut),
        unplaced: unplaced_sentences(unplaced),
    }
}

/// The same, without the steps of its lines if it has more than `most` bytes with them.
pub(super) fn within(most: usize, mut money: pb::PcnMoney) -> pb::PcnMoney {
    if money.encoded_len() > most {
        for line in &mut money.lines {
            line.steps.clear();
        }
    }
    money
}

/// Pay that counts in no month, as many sentences as the contract allows.
fn unplaced_sentences(unplaced: &[Unplaced]) -> Vec<String> {
    let sentence = |one: &Unplaced| {
        let Unplaced { reference, month, amount } = one;
        let pay = match amount {
            Some(amount) => format!("{amount} of pay"),
            None => "Pay".to_owned(),
        };
        format!(
            "{pay} of {reference} for {month} counts in no month: the engagement has no day in \
             post in or before it."
        )
    };
    if unplaced.len() <= UNPLACED {
        return unplaced.iter().map(sentence).collect();
    }
    let mut sentences: Vec<String> = unplaced.iter().take(UNPLACED - 1).map(sentence).collect();
    let rest = unplaced.len() - sentences.len();
    sentences.push(format!("Pay of {rest} more months counts in no month."));
    sentences
}

/// A line with its steps explained.
pub(in crate::api) fn line(
    rules: &RuleBook,
    pcn: &OdsCode,
    line: &Line,
    record: &LineRecord,
) -> pb::ClaimLine {
    let engagement = &record.engaged.engagement;
    let explained = Explained { rules, line, shown: record.shown, year_shown: record.year_shown };
    pb::ClaimLine {
        engagement: line.engagement.to_string(),
        reference: engagement.reference.clone(),
        role: line.role.to_string(),
        band: band(pcn, line, record),
        model: engagement.model.to_string(),
        wte_micro: line.wte.map_or(0, Fraction::micro),
        state: state(line).into(),
        actual_cost_pence: line.own_cost.0,
        maximum_pence: line.maximum.map(|Pence(pence)| pence),
        payable_pence: line.payable().map(|Pence(pence)| pence),
        steps: line.steps.iter().map(|one| step(&explained, one)).collect(),
        pay_source: pay_source(record),
        name: String::new(),
        month: line.month.to_string(),
    }
}

/// The band recorded for the last days in this PCN, also where it has no maximum. Without one,
/// that of the row that was read.
fn band(pcn: &OdsCode, line: &Line, record: &LineRecord) -> String {
    let month = line.month.period();
    let held = record.engaged.assignments.iter().filter(|held| held.pcn == *pcn);
    let in_month = held.filter(|held| held.period.overlap(month).is_some());
    let last = in_month.max_by_key(|held| held.period.from());
    if let Some(band) = last.and_then(|held| held.band) {
        return band.to_string();
    }
    let mut bands = line.steps.iter().filter_map(|step| match step.number(NumberName::Band) {
        Some(NumberValue::Band(band)) => Some(band.to_string()),
        Some(_) | None => None,
    });
    bands.next_back().unwrap_or_default()
}

fn state(line: &Line) -> pb::ClaimLineState {
    match line.outcome {
        Outcome::Unpriced(_) => pb::ClaimLineState::Unpriced,
        Outcome::Payable(_) if rows_of_pay(line) == 0 => pb::ClaimLineState::Waiting,
        Outcome::Payable(_) if line.own_cost == Pence::ZERO && line.waiting != Pence::ZERO => {
            pb::ClaimLineState::Waiting
        }
        Outcome::Payable(_) => pb::ClaimLineState::Prepared,
    }
}

fn rows_of_pay(line: &Line) -> i64 {
    let cost = line.steps.iter().find(|step| step.code == StepCode::Cost);
    match cost.and_then(|step| step.number(NumberName::PayRows)) {
        Some(NumberValue::Count(rows)) => rows,
        Some(_) | None => 0,
    }
}

fn step(explained: &Explained<'_>, step: &Step) -> pb::ClaimStep {
    let (before, after) = explained.amounts(step);
    let figure = step.figure.as_deref();
    let policy = |PolicyUse { name, value }: PolicyUse| format!("{name} = {value}");
    pb::ClaimStep {
        code: steps::code(explained.line, step).to_owned(),
        before_pence: before.0,
        after_pence: after.0,
        text: explained.text(step),
        figure: figure.map(|figure| figure.id.clone()).unwrap_or_default(),
        figure_value: figure.map(|figure| value(figure.value).0),
        confidence: figure.map(|figure| figure.confidence.to_string()).unwrap_or_default(),
        source: figure.map(|figure| figure.source.clone()).unwrap_or_default(),
        known_from_date: figure.map(|figure| date(figure.validity.known_from)),
        policies: step.policy.map(policy).into_iter().collect(),
    }
}

/// `pay.csv line 5 (imports/0198...)`, one for each row of pay of the month.
fn pay_source(record: &LineRecord) -> String {
    let sources = record.pay_sources.iter().map(|(file, source)| {
        let import = terms::ImportId(source.import);
        match file.as_str() {
            "" => format!("{import} line {}", source.line),
            file => format!("{file} line {} ({import})", source.line),
        }
    });
    sources.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_too_large_leaves_out_the_steps_and_keeps_the_amounts() {
        let step = pb::ClaimStep { text: "x".repeat(100), ..Default::default() };
        let line =
            pb::ClaimLine { payable_pence: Some(5), steps: vec![step; 10], ..Default::default() };
        let money = pb::PcnMoney { lines: vec![line; 3], ..Default::default() };
        let size = money.encoded_len();

        assert_eq!(within(size, money.clone()), money);
        let cut = within(size - 1, money.clone());

        assert!(cut.encoded_len() < size / 10);
        assert!(cut.lines.iter().all(|line| line.steps.is_empty()));
        assert!(cut.lines.iter().all(|line| line.payable_pence == Some(5)));
    }
}
