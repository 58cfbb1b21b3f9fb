//! Figures and policies on the wire.

use arrs_proto::finance::v1 as pb;
use kit::wire::date;
use terms::{ContractYear, Pence, RoleCode};

use crate::domain::figure::{Cell, Figure, Value};
use crate::domain::on_cost::BasisPoints;
use crate::domain::policy::Policy;
use crate::domain::rulebook::RuleBook;

/// Millionths in one WTE.
const MICRO: i64 = 1_000_000;

pub(super) fn rule_book(year: ContractYear, rules: &RuleBook, figures: usize) -> pb::RuleBook {
    pb::RuleBook {
        name: format!("ruleBooks/{year}"),
        digest: rules.digest().to_string(),
        figure_count: i32::try_from(figures).unwrap_or(i32::MAX),
        policies: rules.policies().iter().map(policy).collect(),
    }
}

fn policy(policy: &Policy) -> pb::Policy {
    pb::Policy {
        name: policy.name().to_string(),
        value: policy.value().to_owned(),
        alternatives: policy.alternatives.clone(),
        basis: policy.basis.clone(),
    }
}

/// A figure with where it comes from.
pub(in crate::api) fn figure(figure: &Figure) -> pb::Figure {
    let (value, unit) = value(figure.value);
    let kind = match &figure.cell {
        Cell::Maximum { .. } => "maximum",
        Cell::Rate { .. } => "allocation-rate",
        Cell::Sum { .. } => "allocation-sum",
        Cell::Share { .. } => "share",
        Cell::Cap { .. } => "cap",
        Cell::Fee { .. } => "fee",
        Cell::OnCost(_) => "on-cost",
        Cell::PaymentDelay { .. } => "payment-delay",
        Cell::Income { .. } => "income",
    };
    pb::Figure {
        name: figure.id.clone(),
        kind: kind.to_owned(),
        role: figure.role().map(RoleCode::to_string).unwrap_or_default(),
        value,
        unit: unit.to_owned(),
        applies_from_date: Some(date(figure.validity.applies_from)),
        applies_to_date: figure.validity.applies_to.map(date),
        known_from_date: Some(date(figure.validity.known_from)),
        source: figure.source.clone(),
        confidence: figure.confidence.to_string(),
        note: figure.note.clone().unwrap_or_default(),
    }
}

/// The number of a figure and its unit.
pub(in crate::api) fn value(value: Value) -> (i64, &'static str) {
    match value {
        Value::AYear(Pence(pence)) => (pence, "pence_per_year"),
        Value::AMonth(Pence(pence)) => (pence, "pence_per_month"),
        Value::PerWeightedPatient(rate) => {
            (rate.ten_thousandths(), "ten_thousandths_of_a_pound_per_weighted_patient")
        }
        Value::Fixed(Pence(pence)) => (pence, "pence"),
        Value::Share(share) => (i64::from(share.percent()), "percent"),
        Value::Percent(BasisPoints(points)) => (points.into(), "basis_points"),
        Value::Wte(wte) => (i64::from(wte) * MICRO, "wte_micro"),
        Value::Months(months) => (months.into(), "months"),
        Value::Each(each) => (each.rate.ten_thousandths(), "ten_thousandths_of_a_pound_for_each"),
        Value::NotPrinted => (0, "not_printed"),
        Value::Unlimited => (0, "unlimited"),
    }
}
