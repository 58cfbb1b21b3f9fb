//! Baselines: what an old vacancy holds back, worked by hand.

use proptest::prelude::*;
use terms::{Date, Fraction, LondonArea, Pence};

use crate::domain::baseline::{Agreed, Baseline, Funded, Wte};
use crate::domain::evaluation::Evaluation;
use crate::domain::line::Line;
use crate::domain::policy::PolicyName;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

use super::sample::{PCN, Staff, TODAY, ask, code, date, pounds, records};

fn wte(hundredths: i64) -> Wte {
    Wte::from_micro(hundredths * 10_000).unwrap()
}

/// A baseline since the count of 2019, and what practices pay for from days on, in hundredths.
fn baseline(role: &str, agreed: i64, funded: &[(&str, i64)]) -> Baseline {
    let agreed = Agreed {
        from: date("2019-03-31"),
        wte: wte(agreed),
        by: "the ICB and the PCN".into(),
        reference: "letter of 1 July 2019".into(),
    };
    let funded = funded.iter().map(|(from, hundredths)| {
        let (from, wte) = (date(from), wte(*hundredths));
        Funded { from, wte }
    });
    Baseline {
        pcn: code(PCN),
        role: role.parse().unwrap(),
        agreed: vec![agreed],
        funded: funded.collect(),
    }
}

/// Two of whom one left: the first day without them is given.
fn one_of_two_left(since: &str) -> Baseline {
    baseline("CP", 200, &[("2019-03-31", 200), (since, 100)])
}

/// Somebody since a day for so many minutes a week, with pay of £1,000.00 in a month.
fn since(id: u128, role: &str, start: &str, weekly: u32, of: &str) -> Staff {
    Staff::new(role).id(id).works(&[(PCN, start, "", weekly)]).pay(of, "1000")
}

fn team(of: &str, staff: Vec<Staff>, baselines: Vec<Baseline>) -> Evaluation {
    let mut records = records(Some(LondonArea::Outside), "99999", staff);
    records.lists.weighted = "1000000".parse().ok();
    records.baselines = baselines;
    ask(of, TODAY, &records)
}

fn payable(evaluation: &Evaluation) -> Vec<(u128, Pence)> {
    let lines = evaluation.month_lines();
    lines.map(|line| (line.engagement.0.as_u128(), line.payable().unwrap())).collect()
}

fn baseline_step(line: &Line) -> &Step {
    line.steps.iter().find(|step| step.code.number() == 7).unwrap()
}

/// What two full-time pharmacists of a month come to.
fn pair(of: &str, baseline: Baseline) -> [Pence; 2] {
    let staff =
        vec![since(1, "CP", "2024-01-01", 2250, of), since(2, "CP", "2023-01-01", 2250, of)];
    let paid = payable(&team(of, staff, vec![baseline]));
    assert_eq!([paid[0].0, paid[1].0], [2, 1]); // The one longer in post first.
    [paid[0].1, paid[1].1]
}

#[test]
fn a_vacancy_holds_back_who_started_last_from_the_day_after_three_calendar_months() {
    let (all, nothing) = (pounds("1000"), Pence::ZERO);

    assert_eq!(pair("2025-03", one_of_two_left("2025-01-01")), [all, all]);
    assert_eq!(pair("2025-04", one_of_two_left("2025-01-01")), [all, nothing]);
    // From 16 April on: 15 of 30 days of one WTE.
    assert_eq!(pair("2025-04", one_of_two_left("2025-01-16")), [all, pounds("500")]);
}

#[test]
fn a_vacancy_that_is_filled_holds_nothing_back_and_begins_anew() {
    let (all, nothing) = (pounds("1000"), Pence::ZERO);
    let changes =
        [("2019-03-31", 200), ("2025-01-01", 100), ("2025-05-01", 200), ("2025-06-01", 100)];
    let of = |month| pair(month, baseline("CP", 200, &changes));

    assert_eq!(of("2025-04"), [all, nothing]);
    assert_eq!(of("2025-05"), [all, all]);
    assert_eq!(of("2025-08"), [all, all]);
    assert_eq!(of("2025-09"), [all, nothing]);
}

#[test]
fn only_what_was_vacant_all_of_the_three_months_is_held_back() {
    // Half a WTE since January; one and a half since July.
    let changes = [("2019-03-31", 200), ("2025-01-01", 150), ("2025-07-01", 50)];
    let of = |month| pair(month, baseline("CP", 200, &changes));

    assert_eq!(of("2025-09"), [pounds("1000"), pounds("500")]);
    assert_eq!(of("2025-10"), [pounds("500"), Pence::ZERO]); // 1.5 of the two.
}

#[test]
fn a_step_says_what_was_agreed_what_is_paid_for_and_what_is_held_back() {
    let staff = vec![
        since(1, "CP", "2024-01-01", 2250, "2025-07"),
        since(2, "CP", "2023-01-01", 2250, "2025-07"),
    ];
    let held = baseline("CP", 200, &[("2019-03-31", 50)]);
    let july = team("2025-07", staff, vec![held]);
    let lines: Vec<&Line> = july.month_lines().collect();

    let step = baseline_step(lines[0]);
    assert_eq!(
        (step.code, step.before, step.after),
        (StepCode::Baseline, pounds("1000"), pounds("500"))
    );
    assert_eq!(step.policy, Some(PolicyName::VacancyBlock.applied()));
    let numbers: Vec<(NumberName, NumberValue)> =
        step.numbers.iter().map(|number| (number.name, number.value)).collect();
    let exact = |n: i64, d: i64| NumberValue::Exact(Fraction::new(n, d));
    assert_eq!(
        numbers,
        [
            (NumberName::BaselineWte, exact(2, 1)),
            (NumberName::FundedWte, exact(1, 2)),
            (NumberName::BlockedWte, exact(3, 2)),
            (NumberName::HeldLater, exact(1, 1)),
            (NumberName::Wte, exact(1, 1)),
            (NumberName::WteHeld, exact(1, 2)),
        ]
    );
}

#[test]
fn who_is_held_back_does_not_use_up_the_cap_and_a_line_is_rounded_once() {
    // Pharmacy technicians of 2020-21: a cap of 1. Of 0.6 and 0.6 WTE the later is held back by
    // 0.3, so that 0.9 WTE are claimed and nothing is above the cap.
    let staff = |salary: &str| {
        [(1, "2020-05-01"), (2, "2020-04-01")]
            .map(|(id, start)| {
                Staff::new("PT").id(id).works(&[(PCN, start, "", 1350)]).pay("2020-09", salary)
            })
            .to_vec()
    };
    let of = |salary: &str, funded| {
        let baseline = baseline("PT", 100, &[("2019-03-31", funded)]);
        payable(&team("2020-09", staff(salary), vec![baseline]))
    };

    assert_eq!(of("1000", 70), [(2, pounds("1000")), (1, pounds("500"))]);
    // Held back by 0.1: 0.5 are left, of which 0.4 fit. 2/3 of two pence is one penny; by way of
    // 5/6, rounded, it would be two.
    assert_eq!(of("0.02", 90), [(2, pounds("0.02")), (1, pounds("0.01"))]);
}

#[test]
fn what_is_not_recorded_holds_nothing_back_and_the_step_says_so() {
    let staff = || vec![since(1, "CP", "2024-01-01", 2250, "2025-07")];
    let step = |baselines| {
        let july = team("2025-07", staff(), baselines);
        assert_eq!(payable(&july), [(1, pounds("1000"))]);
        let line = july.month_lines().next().unwrap();
        baseline_step(line).clone()
    };
    let day = Some(NumberValue::Day(date("2025-07-31")));

    let without = step(Vec::new());
    assert_eq!(without.code, StepCode::BaselineNotRecorded);
    assert_eq!(without.number(NumberName::BaselineWte), day);
    let unfunded = step(vec![baseline("CP", 100, &[])]);
    assert_eq!(unfunded.code, StepCode::BaselineNotRecorded);
    assert_eq!(unfunded.number(NumberName::FundedWte), day);
    let of_another_role = step(vec![baseline("PA", 100, &[("2019-03-31", 0)])]);
    assert_eq!(of_another_role.code, StepCode::BaselineNotRecorded);
    // Nothing can be vacant of nothing.
    assert_eq!(step(vec![baseline("CP", 0, &[])]).code, StepCode::Baseline);
}

#[test]
fn six_roles_have_a_baseline_and_pharmacy_technicians_since_2020() {
    let has = |role: &str, of: &str| {
        let evaluation = team(of, vec![since(1, role, "2020-05-01", 2250, of)], Vec::new());
        let line = evaluation.month_lines().next().unwrap();
        baseline_step(line).code == StepCode::BaselineNotRecorded
    };
    for role in ["CP", "SPLW", "FCP", "PA", "PARA", "PT"] {
        assert!(has(role, "2024-05"), "{role}");
    }
    for role in ["CC", "HWBC", "GP", "EPN"] {
        assert!(!has(role, "2024-12"), "{role}");
    }
    let book = super::sample::book();
    let rule = |role: &str| book.role(&role.parse().unwrap()).unwrap().baseline.clone().unwrap();
    assert_eq!(rule("PT").from, date("2020-04-01"));
    assert_eq!(rule("PT").confidence, terms::Confidence::OneSource);
    assert_eq!(rule("CP").confidence, terms::Confidence::Confirmed);
}

#[test]
fn an_amended_baseline_holds_from_its_day_on() {
    let mut amended = baseline("CP", 200, &[("2019-03-31", 100)]);
    amended.agreed.push(Agreed {
        from: date("2025-06-01"),
        wte: wte(100),
        ..amended.agreed[0].clone()
    });

    assert_eq!(pair("2025-05", amended.clone()), [pounds("1000"), Pence::ZERO]);
    assert_eq!(pair("2025-06", amended), [pounds("1000"), pounds("1000")]);
}

/// A day of 2025 and how much practices pay for from then on.
fn changes() -> impl Strategy<Value = Vec<(Date, i64)>> {
    let day = (1_i8..13, 1_i8..29).prop_map(|(month, day)| Date::constant(2025, month, day));
    prop::collection::btree_map(day, 0_i64..400, 0..6).prop_map(|days| days.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn as_much_is_held_back_as_is_blocked_and_never_more_than_there_is(
        agreed in 0_i64..400,
        changes in changes(),
        people in prop::collection::vec((1_i8..13, 0_u32..2400, 0_i64..900_000), 1..6),
        turn in 0_usize..6,
    ) {
        let mut held = baseline("CP", agreed, &[("2019-03-31", 200)]);
        held.funded.extend(changes.into_iter().map(|(from, hundredths)| {
            let wte = wte(hundredths);
            Funded { from, wte }
        }));
        let blocked = held.blocked("2025-12".parse().unwrap());
        let mut staff: Vec<Staff> = (1..)
            .zip(&people)
            .map(|(id, (start, weekly, salary))| {
                let start = format!("2023-{start:02}-01");
                let staff = Staff::new("CP").id(id).works(&[(PCN, &start, "", *weekly)]);
                staff.pay("2025-12", &Pence(*salary).to_string().replace(['£', ','], ""))
            })
            .collect();
        let december = team("2025-12", staff.clone(), vec![held.clone()]);

        let lines: Vec<&Line> = december.month_lines().collect();
        let total: Fraction = lines.iter().filter_map(|line| line.wte).sum();
        let back: Fraction = lines.iter().map(|line| line.held_back).sum();
        prop_assert_eq!(back, blocked.min(total));
        for line in lines {
            let step = baseline_step(line);
            prop_assert!(Pence::ZERO <= step.after && step.after <= step.before);
            prop_assert!(line.steps.windows(2).all(|pair| pair[0].after == pair[1].before));
        }
        let places = staff.len();
        staff.rotate_left(turn % places);
        prop_assert_eq!(team("2025-12", staff, vec![held]).lines, december.lines);
    }
}
