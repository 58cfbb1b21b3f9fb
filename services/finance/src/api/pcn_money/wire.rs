//! The money of a PCN, and its lines, on the wire.

use arrs_proto::finance::v1 as pb;
use arrs_proto::summary::v1 as summary;
use kit::names;
use kit::wire::date;
use terms::{Confidence, Fraction, Pence};

use crate::api::allocations::allocation;
use crate::api::rule_books::value;
use crate::api::steps::{self, Explained};
use crate::app::pcn_money::{LineRecord, PcnMoney};
use crate::domain::figure::Pot;
use crate::domain::line::{Line, Outcome};
use crate::domain::policy::PolicyUse;
use crate::domain::rulebook::RuleBook;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

/// The money of a PCN and month. Room is that of the main pot.
pub(super) fn pcn_money(rules: &RuleBook, money: &PcnMoney, cut: summary::Cut) -> pb::PcnMoney {
    let PcnMoney { evaluation, records } = money;
    let (question, sums) = (&evaluation.question, &evaluation.summary);
    let pots: Vec<_> = sums.pots.iter().map(|pot| pot.allocation.clone()).collect();
    let main = sums.pots.iter().find(|pot| pot.pot == Pot::Main);
    let mut lines: Vec<pb::ClaimLine> = evaluation
        .month_lines()
        .filter_map(|one| Some(line(rules, one, records.get(&one.engagement)?)))
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
        year_payable_pence: sums.year_to_date.payable.0,
        room_pence: main.and_then(|pot| pot.room).map(|Pence(pence)| pence),
        weakest_confidence: totals.confidence.map(Confidence::as_str).unwrap_or("").to_owned(),
        cut: Some(cut),
    }
}

/// A line with its steps explained.
pub(in crate::api) fn line(rules: &RuleBook, line: &Line, record: &LineRecord) -> pb::ClaimLine {
    let engagement = &record.engaged.engagement;
    let explained = Explained { rules, line, shown: record.shown };
    pb::ClaimLine {
        engagement: line.engagement.to_string(),
        reference: engagement.reference.clone(),
        role: line.role.to_string(),
        band: band(line),
        model: engagement.model.to_string(),
        wte_micro: line.wte.map_or(0, Fraction::micro),
        state: state(line).into(),
        actual_cost_pence: line.own_cost.0,
        maximum_pence: line.maximum.map(|Pence(pence)| pence),
        payable_pence: line.payable().map(|Pence(pence)| pence),
        steps: line.steps.iter().map(|one| step(&explained, one)).collect(),
        pay_source: pay_source(record),
    }
}

/// The band of the last run of days.
fn band(line: &Line) -> String {
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
