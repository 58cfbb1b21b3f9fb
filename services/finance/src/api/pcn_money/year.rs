//! The money of a PCN and year, on the wire.

use std::collections::BTreeSet;

use arrs_proto::finance::v1 as pb;
use kit::names;
use terms::{Confidence, OdsCode, Pence, Population, RoleCode};

use crate::api::allocations;
use crate::api::ledger::balance;
use crate::api::rule_books::figure;
use crate::app::pcn_year::PcnYear;
use crate::domain::figure::Value;
use crate::domain::income::{Income, IncomeLine, IncomeTotal, Payee, total};
use crate::domain::role_year::RoleYear;

/// The money of a PCN and year, without a cut.
pub(super) fn pcn_year(pcn: &OdsCode, money: &PcnYear) -> pb::PcnYear {
    let PcnYear { year, through, incomes, pots, roles, all_roles } = money;
    let pcn_income = income_total(&total(incomes, Payee::Pcn));
    let arrs = arrs_total(money);
    pb::PcnYear {
        name: names::pcn(pcn),
        year: year.to_string(),
        through_month: through.to_string(),
        incomes: incomes.iter().map(income).collect(),
        all: Some(sum(&pcn_income, &arrs)),
        pcn_income: Some(pcn_income),
        practice_income: Some(income_total(&total(incomes, Payee::Practices))),
        arrs: Some(arrs),
        pots: pots
            .iter()
            .map(|(pot, now)| pb::PotYear {
                allocation: Some(allocations::pot(&pot.allocation)),
                balance: now.map(|now| balance(pcn, *year, pot.pot, &now)),
            })
            .collect(),
        roles: roles.iter().map(|(role, year)| role_year(role.as_str(), year)).collect(),
        all_roles: Some(role_year("", all_roles)),
        cut: None,
    }
}

fn income(income: &Income) -> pb::PcnIncome {
    let pence = |amount: Result<Pence, _>| amount.ok().map(|Pence(pence)| pence);
    pb::PcnIncome {
        line: income.line.to_string(),
        to_practices: income.line.payee() == Payee::Practices,
        counted: income.counted.to_string(),
        rate: Some(figure(&income.figure)),
        rate_months: rate_months(income.figure.value),
        list_ten_thousandths: income.list.map(Population::ten_thousandths),
        first_month: income.first.to_string(),
        last_month: income.last.to_string(),
        to_date_pence: pence(income.to_date),
        of_year_pence: pence(income.of_year),
        missing: income.missing().unwrap_or_default(),
    }
}

/// A rate that nobody prints is for no months.
fn rate_months(value: Value) -> i32 {
    let Value::Each(each) = value else { return 0 };
    i32::try_from(each.months).unwrap_or(i32::MAX)
}

fn income_total(total: &IncomeTotal) -> pb::MoneyTotal {
    pb::MoneyTotal {
        to_date_pence: total.to_date.0,
        of_year_pence: Some(total.of_year.0),
        weakest_confidence: mark(total.confidence),
        unconfirmed: words(&total.unconfirmed),
        missing: words(&total.missing),
    }
}

fn words(lines: &BTreeSet<IncomeLine>) -> Vec<String> {
    lines.iter().map(IncomeLine::to_string).collect()
}

fn arrs_total(money: &PcnYear) -> pb::MoneyTotal {
    let of = |wanted: fn(&RoleYear) -> bool| {
        let roles = money.roles.iter().filter(move |(_, year)| wanted(year));
        roles.map(|(role, _): (&RoleCode, _)| role.to_string()).collect()
    };
    pb::MoneyTotal {
        to_date_pence: money.all_roles.payable.0,
        of_year_pence: None,
        weakest_confidence: mark(money.all_roles.confidence),
        unconfirmed: of(|year| year.confidence.is_some_and(|mark| mark != Confidence::Confirmed)),
        missing: of(|year| year.unpriced > 0),
    }
}

/// Both, so far.
fn sum(first: &pb::MoneyTotal, second: &pb::MoneyTotal) -> pb::MoneyTotal {
    let weaker = |total: &pb::MoneyTotal| total.weakest_confidence.parse::<Confidence>().ok();
    pb::MoneyTotal {
        to_date_pence: (Pence(first.to_date_pence) + Pence(second.to_date_pence)).0,
        of_year_pence: None,
        weakest_confidence: mark(weaker(first).max(weaker(second))),
        unconfirmed: [&first.unconfirmed[..], &second.unconfirmed].concat(),
        missing: [&first.missing[..], &second.missing].concat(),
    }
}

fn role_year(role: &str, year: &RoleYear) -> pb::RoleYear {
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    pb::RoleYear {
        role: role.to_owned(),
        line_count: count(year.lines),
        unpriced_count: count(year.unpriced),
        cost_pence: year.cost.0,
        unpriced_cost_pence: year.unpriced_cost.0,
        maximum_pence: year.maximum.0,
        payable_pence: year.payable.0,
        unclaimed_pence: year.unclaimed().0,
        cut_pence: year.cut().0,
        cuts: year
            .cuts
            .iter()
            .map(|(code, amount)| pb::RoleCut {
                code: code.as_str().to_owned(),
                amount_pence: amount.0,
            })
            .collect(),
        weakest_confidence: mark(year.confidence),
    }
}

fn mark(confidence: Option<Confidence>) -> String {
    confidence.map(|mark| mark.to_string()).unwrap_or_default()
}
