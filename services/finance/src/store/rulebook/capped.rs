//! Caps: which of a role's WTE may be claimed, worked by hand.

use proptest::prelude::*;
use terms::{Confidence, Fraction, LondonArea, Pence};

use crate::domain::evaluation::{ClaimGround, Evaluation, Question, evaluate_claim};
use crate::domain::line::{Line, Outcome};
use crate::domain::policy::PolicyName;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

use super::sample::{PCN, Staff, TODAY, ask, book, code, date, month, pounds, records};

/// Somebody since a day for so many minutes a week, with pay of £1,000.00 in a month.
fn since(id: u128, role: &str, start: &str, weekly: u32, of: &str) -> Staff {
    Staff::new(role).id(id).works(&[(PCN, start, "", weekly)]).pay(of, "1000")
}

fn team(list: &str, of: &str, staff: Vec<Staff>) -> Evaluation {
    let mut records = records(Some(LondonArea::Outside), "1000000", staff);
    records.lists.registered = list.parse().ok();
    ask(of, TODAY, &records)
}

/// What the lines of the month come to, by the number of the engagement.
fn payable(evaluation: &Evaluation) -> Vec<(u128, Pence)> {
    let lines = evaluation.month_lines();
    lines.map(|line| (line.engagement.0.as_u128(), line.payable().unwrap())).collect()
}

fn cap_step(line: &Line) -> &Step {
    line.steps.iter().find(|step| step.code.number() == 8).unwrap()
}

const SIX_TENTHS: u32 = 1350;

#[test]
fn of_two_at_six_tenths_under_a_cap_of_one_who_is_longer_in_post_is_paid_whole() {
    let staff = vec![
        since(1, "EPN", "2024-06-01", SIX_TENTHS, "2024-07"),
        since(2, "EPN", "2024-05-01", SIX_TENTHS, "2024-07"),
    ];
    let july = team("99999", "2024-07", staff);

    // 0.4 of 0.6 WTE: 1,000.00 x 2/3.
    assert_eq!(payable(&july), [(2, pounds("1000")), (1, pounds("666.67"))]);
    let lines: Vec<&Line> = july.month_lines().collect();
    let (whole, cut) = (cap_step(lines[0]), cap_step(lines[1]));
    assert_eq!((whole.before, whole.after), (pounds("1000"), pounds("1000")));
    assert_eq!(
        (cut.code, cut.before, cut.after),
        (StepCode::Cap, pounds("1000"), pounds("666.67"))
    );
    assert_eq!(cut.policy, Some(PolicyName::CapOrder.applied()));
    assert_eq!(cut.figure.as_ref().unwrap().id, "cap/EPN/0-99999/2024-04-01/2024-04-01");
    let wte = |name| match cut.number(name) {
        Some(NumberValue::Exact(wte)) => wte,
        other => panic!("{other:?}"),
    };
    assert_eq!(cut.number(NumberName::CapWte), Some(NumberValue::Count(1)));
    assert_eq!(wte(NumberName::WteEarlier), Fraction::new(3, 5));
    assert_eq!(wte(NumberName::Wte), Fraction::new(3, 5));
    assert_eq!(wte(NumberName::WteClaimable), Fraction::new(2, 5));
}

#[test]
fn of_those_who_started_on_one_day_the_lower_engagement_comes_first() {
    let staff = [3, 1, 2].map(|id| since(id, "EPN", "2024-05-01", 2250, "2024-07")).to_vec();

    let nothing = Pence::ZERO;
    let all = payable(&team("99999", "2024-07", staff));
    assert_eq!(all, [(1, pounds("1000")), (2, nothing), (3, nothing)]);
}

#[test]
fn the_list_of_1_january_decides_at_99999_and_100000() {
    let staff = || [1, 2, 3].map(|id| since(id, "EPN", "2024-05-01", 2250, "2024-07")).to_vec();
    let sum = |list: &str| team(list, "2024-07", staff()).summary.totals.payable;

    assert_eq!(sum("99999"), pounds("1000"));
    assert_eq!(sum("100000"), pounds("2000"));
}

#[test]
fn days_in_post_count_as_hours_do() {
    // 18 of 31 days of one WTE, then 13 of the days and 18 of them beside: 13/31 fit.
    let staff = vec![
        since(1, "EPN", "2024-05-01", 2250, "2024-07"),
        since(2, "EPN", "2024-06-01", 2250, "2024-07"),
    ];
    let mut early = staff.clone();
    early[0] =
        Staff::new("EPN").works(&[(PCN, "2024-05-01", "2024-07-18", 2250)]).pay("2024-07", "1000");

    let cut = team("99999", "2024-07", early);
    assert_eq!(payable(&cut), [(1, pounds("1000")), (2, pounds("419.35"))]); // 1,000 x 13/31
    assert_eq!(payable(&team("99999", "2024-07", staff))[1].1, Pence::ZERO);
}

#[test]
fn a_full_time_week_of_the_employer_is_one_wte() {
    let full = |id| since(id, "EPN", "2024-05-01", 2100, "2024-07").full_time(2100);

    let both = payable(&team("100000", "2024-07", vec![full(1), full(2)]));
    assert_eq!(both, [(1, pounds("1000")), (2, pounds("1000"))]);
}

#[test]
fn a_cap_is_of_one_role_and_one_pcn() {
    let mut elsewhere = since(1, "EPN", "2024-04-01", 1125, "2024-07");
    elsewhere =
        elsewhere.works(&[("U00060", "2024-04-01", "", 1125), (PCN, "2024-04-01", "", 1125)]);
    let staff = vec![
        elsewhere,
        since(2, "EPN", "2024-05-01", 1125, "2024-07"),
        since(3, "DTL", "2023-05-01", 2250, "2024-07"),
        since(4, "CP", "2023-05-01", 2250, "2024-07"),
        since(5, "CP", "2023-05-01", 2250, "2024-07"),
    ];

    let july = team("99999", "2024-07", staff);
    assert_eq!(july.summary.totals.cut, Pence::ZERO);
    let caps: Vec<_> = july.month_lines().map(|line| cap_step(line).figure.is_some()).collect();
    // The digital lead, two pharmacists without any cap, two enhanced practice nurses.
    assert_eq!(caps, [true, false, false, true, true]);
}

#[test]
fn nothing_is_cut_by_a_cap_that_nobody_knows_and_the_step_says_what_is_missing() {
    let pair = |role: &str, of: &str| {
        let start = "2021-04-01";
        vec![since(1, role, start, 2250, of), since(2, role, start, 2250, of)]
    };

    let unlisted = team("", "2024-07", pair("EPN", "2024-07"));
    assert_eq!(unlisted.summary.totals.payable, pounds("2000"));
    for line in unlisted.month_lines() {
        let step = cap_step(line);
        assert_eq!((step.code, step.policy, &step.figure), (StepCode::CapUnknown, None, &None));
        let day = NumberValue::Day(date("2024-01-01"));
        assert_eq!(step.number(NumberName::ListDate), Some(day));
    }
    // Advanced practitioners of a large PCN before October 2022.
    let large = team("100000", "2022-07", pair("AP", "2022-07"));
    let step = cap_step(large.month_lines().next().unwrap());
    assert_eq!(step.code, StepCode::CapUnknown);
    let list = NumberValue::Patients("100000".parse().unwrap());
    assert_eq!(step.number(NumberName::Registered), Some(list));
    assert_eq!(large.summary.totals.payable, pounds("2000"));
    let small = team("99999", "2022-07", pair("AP", "2022-07"));
    assert_eq!(small.summary.totals.payable, pounds("1000"));

    // The list of a PCN that has only one cap for all does not matter.
    let leads = team("", "2023-07", pair("DTL", "2023-07"));
    assert_eq!(leads.summary.totals.payable, pounds("1000"));
}

#[test]
fn a_cap_is_known_from_the_day_it_was_printed() {
    let staff = vec![since(1, "AP", "2024-01-01", 2250, "2024-04")];
    let records = records(Some(LondonArea::Outside), "50000", staff);
    let step = |known_on: &str| {
        let evaluation = ask("2024-04", known_on, &records);
        let line = evaluation.month_lines().next().unwrap();
        cap_step(line).clone()
    };

    assert_eq!(step("2024-03-31").code, StepCode::CapUnknown);
    let removed = step(TODAY);
    assert_eq!(removed.code, StepCode::Cap);
    assert_eq!(removed.figure.unwrap().id, "cap/AP/0-any/2024-04-01/2024-04-01");
}

#[test]
fn the_mark_of_the_cap_is_one_of_the_line() {
    let of = |list: &str| {
        let pharmacist = since(1, "CP", "2019-07-01", 2250, "2019-09");
        team(list, "2019-09", vec![pharmacist]).lines[0].confidence
    };
    assert_eq!(of("99999"), Some(Confidence::OneSource));
    assert_eq!(of("100000"), Some(Confidence::FromMemory)); // That the cap doubles.
}

#[test]
fn who_has_no_price_leaves_the_cap_to_others_and_the_step_counts_them() {
    let banded = since(1, "EPN", "2024-05-01", 2250, "2024-07").band(terms::Band::Three);
    let staff = vec![banded, since(2, "EPN", "2024-06-01", 2250, "2024-07")];

    let july = team("99999", "2024-07", staff);
    let lines: Vec<&Line> = july.month_lines().collect();
    assert!(matches!(lines[0].outcome, Outcome::Unpriced(_)));
    assert!(lines[0].steps.iter().all(|step| step.code.number() != 8));
    assert_eq!(lines[1].payable(), Some(pounds("1000")));
    let earlier = cap_step(lines[1]).number(NumberName::UnpricedEarlier);
    assert_eq!(earlier, Some(NumberValue::Count(1)));
}

#[test]
fn a_claim_is_cut_as_the_prepared_month_is() {
    let staff = vec![
        since(1, "EPN", "2024-06-01", SIX_TENTHS, "2024-07"),
        since(2, "EPN", "2024-05-01", SIX_TENTHS, "2024-07"),
    ];
    let records = records(Some(LondonArea::Outside), "99999", staff);
    let prepared = ask("2024-07", TODAY, &records);
    let question = Question {
        pcn: code(PCN),
        month: month("2024-07"),
        rules_known_on: date(TODAY),
        claim_date: date(TODAY),
    };
    let (months, taken) = ([question.month].into(), [].into());

    let ground = ClaimGround { question, months, records, settled: None, taken };
    let claim = evaluate_claim(book(), &ground);
    let steps = |line: &Line| cap_step(line).clone();
    let of_claim: Vec<Step> = claim.lines.iter().map(steps).collect();
    assert_eq!(of_claim, prepared.month_lines().map(steps).collect::<Vec<_>>());
}

/// Start (months since January 2023), hours and pay of people of one capped role.
fn people() -> impl Strategy<Value = Vec<(i8, u32, i64)>> {
    prop::collection::vec((1_i8..13, 0_u32..2400, 0_i64..900_000), 1..7)
}

fn practitioners(people: &[(i8, u32, i64)]) -> Vec<Staff> {
    let staff = |(id, (start, weekly, salary)): (u128, &(i8, u32, i64))| {
        let start = format!("2023-{start:02}-14");
        let staff = Staff::new("AP").id(id).works(&[(PCN, &start, "", *weekly)]);
        staff.pay("2023-12", &Pence(*salary).to_string().replace(['£', ','], ""))
    };
    (1..).zip(people).map(staff).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_lines_of_a_role_never_come_to_more_than_its_cap(people in people()) {
        let december = team("99999", "2023-12", practitioners(&people));

        let mut claimed = Fraction::ZERO;
        for line in december.month_lines() {
            let step = cap_step(line);
            let Some(NumberValue::Exact(wte)) = step.number(NumberName::WteClaimable) else {
                panic!("{step:?}")
            };
            claimed = claimed + wte;
            prop_assert!(step.after <= step.before);
            // Never more than the part of the line within the cap, but for half a penny.
            let own = line.wte.unwrap();
            let part = Fraction::from(step.before.0 * 2) * wte + own;
            prop_assert!(Fraction::from(step.after.0 * 2) * own <= part);
            prop_assert!(line.steps.windows(2).all(|pair| pair[0].after == pair[1].before));
        }
        prop_assert!(claimed <= Fraction::from(3));
    }

    #[test]
    fn the_order_of_the_records_does_not_matter(people in people(), turn in 0_usize..7) {
        let mut staff = practitioners(&people);
        let one = team("99999", "2023-12", staff.clone());
        let places = staff.len();
        staff.rotate_left(turn % places);
        prop_assert_eq!(team("99999", "2023-12", staff).lines, one.lines);
    }

    #[test]
    fn a_raise_under_a_cap_never_means_less_for_anybody(
        people in people(),
        who in 0_usize..7,
        more in 0_i64..500_000,
    ) {
        let mut raised = people.clone();
        let who = who % raised.len();
        raised[who].2 += more;
        let of = |people: &[_]| payable(&team("99999", "2023-12", practitioners(people)));
        for ((_, before), (_, after)) in of(&people).into_iter().zip(of(&raised)) {
            prop_assert!(after >= before);
        }
    }
}
