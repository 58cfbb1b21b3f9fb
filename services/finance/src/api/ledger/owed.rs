//! What is owed, on the wire.

use std::collections::BTreeMap;

use arrs_proto::finance::v1 as pb;
use kit::names;
use kit::wire::date;
use terms::{Date, Month, OdsCode, Pence};

use crate::api::claims::wire_state;
use crate::api::rule_books::figure;
use crate::domain::owed::{AGES, AgeTotal, CashGap, Owed, OwedClaim, PaymentTerm};

/// What is owed to a PCN, without a cut.
pub(super) fn of_pcn(pcn: &OdsCode, owed: &Owed, gaps: &[CashGap], as_of: Date) -> pb::MoneyOwed {
    pb::MoneyOwed {
        name: names::pcn(pcn),
        as_of_date: Some(date(as_of)),
        owed_pence: owed.amount.0,
        ages: ages(owed),
        claims: owed.claims.iter().map(claim).collect(),
        expected_payments: owed.expected.iter().map(expected).collect(),
        cash_gaps: gaps.iter().map(gap).collect(),
        payment_delays: owed.delays.iter().map(|delay| figure(delay)).collect(),
        cut: None,
    }
}

/// What is owed to one of many.
pub(super) fn row(pcn: &OdsCode, owed: &Owed) -> pb::PcnMoneyOwed {
    pb::PcnMoneyOwed {
        name: names::pcn(pcn),
        owed_pence: owed.amount.0,
        ages: ages(owed),
        age_days_max: count(owed.claims.iter().map(|claim| claim.age_days).max().unwrap_or(0)),
    }
}

fn ages(owed: &Owed) -> Vec<pb::MoneyOwedAge> {
    let age = |((from, to), total): (&(i64, Option<i64>), &AgeTotal)| {
        let AgeTotal { claims, amount } = total;
        pb::MoneyOwedAge {
            days_min: count(*from),
            days_max: to.map(count),
            claim_count: i32::try_from(*claims).unwrap_or(i32::MAX),
            owed_pence: amount.0,
        }
    };
    AGES.iter().zip(&owed.ages).map(age).collect()
}

fn claim(owed: &OwedClaim) -> pb::OwedClaim {
    let expected =
        |term: PaymentTerm| owed.expected.get(&term).map(Month::to_string).unwrap_or_default();
    pb::OwedClaim {
        claim: owed.name.to_string(),
        state: wire_state(owed.state).into(),
        owed_pence: owed.amount.0,
        submit_date: Some(date(owed.submitted_on)),
        age_days: count(owed.age_days),
        days_in_state: count(owed.days_in_state),
        in_principle_month: expected(PaymentTerm::InPrinciple),
        usual_earliest_month: expected(PaymentTerm::UsualEarliest),
        usual_latest_month: expected(PaymentTerm::UsualLatest),
    }
}

fn expected((month, amounts): (&Month, &BTreeMap<PaymentTerm, Pence>)) -> pb::ExpectedPayment {
    let of = |term: PaymentTerm| amounts.get(&term).copied().unwrap_or_default().0;
    pb::ExpectedPayment {
        month: month.to_string(),
        in_principle_pence: of(PaymentTerm::InPrinciple),
        usual_earliest_pence: of(PaymentTerm::UsualEarliest),
        usual_latest_pence: of(PaymentTerm::UsualLatest),
    }
}

fn gap(gap: &CashGap) -> pb::CashGap {
    pb::CashGap {
        month: gap.month.to_string(),
        cost_pence: gap.cost.0,
        repaid_pence: gap.repaid.0,
        gap_pence: gap.gap.0,
    }
}

/// Days and claims are far fewer than the wire can count.
fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
