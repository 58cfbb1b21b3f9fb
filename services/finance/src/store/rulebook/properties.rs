//! What must hold of every line, whatever is recorded.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use terms::{
    Assignment, Band, Date, DeploymentModel, LondonArea, Minutes, Month, OdsCode, Pence, Period,
};

use crate::domain::line::Line;
use crate::domain::pay::Components;
use crate::domain::role_year::{RoleYear, by_role};
use crate::domain::step::{NumberName, NumberValue, StepCode};

use super::sample::{Staff, TODAY, ask, ask_of, code, date, records};

fn amounts() -> impl Strategy<Value = Components> {
    let pence = || (0_i64..2_000_000).prop_map(Pence);
    (pence(), pence(), pence(), 0_i64..40_000).prop_map(
        |(salary, employer_ni, employer_pension, fees)| Components {
            salary,
            employer_ni,
            employer_pension,
            fees: Pence(fees),
        },
    )
}

const PCNS: [&str; 3] = ["U00060", "U00070", "U00080"];

fn staff() -> impl Strategy<Value = Staff> {
    let roles = prop::sample::select(vec!["CP", "SPLW", "GP", "MHP_ADULT", "AP", "HCSW", "PT"]);
    let models = prop::sample::select(DeploymentModel::ALL.to_vec());
    let rows = prop::collection::vec((0_usize..3, 0_u8..28, 0_u8..31, 0_u32..2600), 1..4);
    let pays = prop::collection::vec((4_i8..9, amounts(), prop::option::of(1_i8..29)), 0..6);
    (roles, models, rows, pays, 0_u32..2400, prop::bool::ANY).prop_map(
        |(role, model, rows, pays, contract, banded)| {
            let mut staff = Staff::new(role).model(model);
            let pattern = staff.0.assignments[0].clone();
            staff.0.assignments = rows
                .into_iter()
                .map(|(pcn, first, length, weekly)| {
                    let from = date("2025-06-15").checked_add(span(first)).unwrap();
                    let last = from.checked_add(span(length)).unwrap();
                    Assignment {
                        pcn: code(PCNS[pcn]),
                        period: Period::inclusive(from, Some(last)).unwrap(),
                        weekly: Minutes::new(weekly),
                        contract: (contract > 0).then_some(Minutes::new(contract)),
                        band: (banded && role == "MHP_ADULT").then_some(Band::Six),
                        ..pattern.clone()
                    }
                })
                .collect();
            for (number, amounts, paid) in pays {
                let of = Month::new(2025, number).unwrap().to_string();
                let paid_on = paid.map(|day| Date::new(2025, 12, day).unwrap());
                staff = staff.pay_row(&of, amounts, paid_on);
            }
            staff
        },
    )
}

/// Days to add to a date.
fn span(days: u8) -> std::time::Duration {
    std::time::Duration::from_secs(u64::from(days) * 86_400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn steps_lead_from_cost_to_payable_without_a_gap(
        team in prop::collection::vec(staff(), 1..4),
        list in 1_u32..2_000,
    ) {
        let team = team.into_iter().zip(1_u128..).map(|(staff, id)| staff.id(id)).collect();
        let records = records(Some(LondonArea::Outside), &list.to_string(), team);
        let evaluation = ask("2025-08", TODAY, &records);
        prop_assert_eq!(&ask("2025-08", TODAY, &records), &evaluation);

        for line in &evaluation.lines {
            prop_assert_eq!(line.steps[0].before, line.actual_cost);
            prop_assert!(line.steps.windows(2).all(|pair| pair[0].after == pair[1].before));
            let changes: Pence = line.steps.iter().map(|step| step.before - step.after).sum();
            let end = line.steps.last().unwrap().after;
            prop_assert_eq!(changes, line.actual_cost - end);
            let Some(payable) = line.payable() else { continue };
            prop_assert_eq!(payable, end);
            prop_assert!(payable >= Pence::ZERO);
            prop_assert!(payable <= line.own_cost);
            prop_assert!(payable <= line.maximum.unwrap());
            let room = line.steps.last().unwrap().number(NumberName::Left);
            prop_assert!(matches!(room, Some(NumberValue::Money(left)) if payable <= left));
        }
        let totals = evaluation.summary.year_to_date;
        prop_assert_eq!(totals.own_cost, totals.payable + totals.cut + totals.unpriced_cost);
        for pot in &evaluation.summary.pots {
            prop_assert!(pot.room.unwrap() >= Pence::ZERO);
        }
    }

    #[test]
    fn what_steps_cut_adds_up_to_cost_less_payable_role_by_role(
        team in prop::collection::vec(staff(), 1..4),
        list in 1_u32..2_000,
    ) {
        let team = team.into_iter().zip(1_u128..).map(|(staff, id)| staff.id(id)).collect();
        let records = records(Some(LondonArea::Outside), &list.to_string(), team);
        let evaluation = ask("2025-08", TODAY, &records);

        let all = RoleYear::of(evaluation.lines.iter());
        let roles = by_role(&evaluation.lines);
        for year in roles.values().chain([&all]) {
            let cuts: Pence = year.cuts.values().copied().sum();
            prop_assert_eq!(cuts, year.cost - year.payable);
            prop_assert!(year.payable <= year.maximum);
        }
        let sum = |of: fn(&RoleYear) -> Pence| roles.values().map(of).sum::<Pence>();
        prop_assert_eq!(sum(|year| year.cost), all.cost);
        prop_assert_eq!(sum(|year| year.payable), all.payable);
        prop_assert_eq!(sum(RoleYear::cut), all.cut());
        let totals = evaluation.summary.year_to_date;
        prop_assert_eq!((all.cut(), all.payable), (totals.cut, totals.payable));
        prop_assert_eq!(all.cost + all.unpriced_cost, totals.own_cost);
        prop_assert_eq!(all.confidence, totals.confidence);
    }

    #[test]
    fn pcns_and_what_is_outside_share_every_penny(staff in staff()) {
        let costs = |pcn: &str| {
            let records = records(Some(LondonArea::Outside), "1000000", vec![staff.clone()]);
            let lines = ask_of(pcn, "2025-08", TODAY, &records).lines;
            lines.into_iter().map(|line| (line.month, line)).collect::<BTreeMap<_, _>>()
        };
        let of_pcns: Vec<_> = PCNS.iter().map(|pcn| costs(pcn)).collect();
        for number in 4..9 {
            let month = Month::new(2025, number).unwrap();
            let lines: Vec<&Line> =
                of_pcns.iter().filter_map(|lines| lines.get(&month)).collect();
            let Some(first) = lines.first() else { continue };
            let shared: Pence = lines.iter().map(|line| line.own_cost).sum();
            let paid = first.actual_cost - first.waiting;
            prop_assert!(shared <= paid);
            let attribution = |line: &&Line, name: NumberName| {
                let step = line.steps.iter().find(|step| step.code == StepCode::Attribution);
                match step.unwrap().number(name) {
                    Some(NumberValue::Count(count)) => count,
                    other => panic!("{other:?}"),
                }
            };
            let own: i64 =
                lines.iter().map(|line| attribution(line, NumberName::OwnMinuteDays)).sum();
            if own > 0 && own == attribution(first, NumberName::AllMinuteDays) {
                prop_assert_eq!(shared, paid); // Nothing is worked outside.
            }
        }
    }

    /// Largest remainder over three or more parts can take back a penny of each component when
    /// the whole grows; over two it cannot.
    #[test]
    fn more_pay_never_means_less_payable(staff in staff(), more in 0_i64..500_000) {
        let of = |staff: Staff| {
            let records = records(Some(LondonArea::Outside), "1000000", vec![staff]);
            ask("2025-08", TODAY, &records).lines
        };
        let mut raised = staff.clone();
        if let Some(row) = raised.0.pay.first_mut() {
            row.amounts.salary = row.amounts.salary + Pence(more);
        }
        let pcns: BTreeSet<&OdsCode> =
            staff.0.assignments.iter().map(|held| &held.pcn).collect();
        let outside = staff.0.assignments.iter().any(|held| held.contract.is_some());
        let parts = pcns.len() + usize::from(outside);
        let slack = if parts <= 2 { Pence::ZERO } else { Pence(1) };
        for (before, after) in of(staff.clone()).iter().zip(of(raised)) {
            if let (Some(before), Some(after)) = (before.payable(), after.payable()) {
                prop_assert!(after + slack >= before);
            }
        }
    }
}
