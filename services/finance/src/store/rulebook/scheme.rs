//! Published cases and the examples of the policies, by the compiled-in rule book.

use terms::{
    Band, Confidence, ContractYear, DeploymentModel, Fraction, LondonArea, Minutes, Pence, Period,
    RoleCode,
};

use crate::domain::allocation::{AllocationGap, Lists, allocate};
use crate::domain::comparison::compare;
use crate::domain::figure::{Pot, Share, Value};
use crate::domain::line::{AreaBasis, AreaPeriod, Line, UnpricedReason};
use crate::domain::pay::{Components, PayError, check};
use crate::domain::policy::PolicyName;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

use super::sample::{
    BEFORE_UPLIFT, JULY, PCN, Staff, TODAY, ask, ask_of, book, cap, date, line, line_in, month,
    pounds, reason, records, sums, weighted,
};

#[track_caller]
fn check_maximum(
    role: &str,
    band: Option<Band>,
    area: LondonArea,
    share: Share,
    day: &str,
    known: &str,
    expected: i64,
) {
    let role: RoleCode = role.parse().unwrap();
    let figure = book().maximum(&role, band, area, share, date(day), date(known)).unwrap();
    assert_eq!(figure.value, Value::AYear(Pence::from_pounds(expected)), "{}", figure.id);
}

#[test]
fn published_maxima_are_reproduced() {
    use LondonArea::{Inner, Outer, Outside};
    let (half, whole) = (Share::HALF, Share::WHOLE);
    check_maximum("CP", None, Outside, whole, "2024-09-30", TODAY, 62_340);
    check_maximum("CP", None, Outside, whole, "2024-10-01", TODAY, 65_838);
    check_maximum("GP", None, Outside, whole, "2024-10-01", TODAY, 92_462);
    check_maximum("GP", None, Outside, whole, "2025-07-01", BEFORE_UPLIFT, 105_882);
    check_maximum("GP", None, Inner, whole, "2025-07-01", BEFORE_UPLIFT, 108_680);
    check_maximum("GP", None, Outer, whole, "2025-07-01", BEFORE_UPLIFT, 108_680);
    check_maximum("GP", None, Outside, whole, "2026-04-01", TODAY, 152_900);
    // The half row is stored: halves of the printed full rows would be 21,019 and 36,163.50.
    let four = Some(Band::Four);
    let seven = Some(Band::Seven);
    check_maximum("MHP_ADULT", four, Outer, whole, "2025-07-01", BEFORE_UPLIFT, 42_038);
    check_maximum("MHP_ADULT", four, Outer, half, "2025-07-01", BEFORE_UPLIFT, 21_019);
    check_maximum("MHP_ADULT", seven, Outer, whole, "2025-07-01", BEFORE_UPLIFT, 72_327);
    check_maximum("MHP_ADULT", seven, Outer, half, "2025-07-01", BEFORE_UPLIFT, 36_163);
}

#[test]
fn a_full_time_month_is_the_printed_monthly_maximum() {
    for (role, area, expected) in [
        ("PT", LondonArea::Outer, "4163.92"),
        ("PA", LondonArea::Outer, "6027.25"),
        ("CP", LondonArea::Outer, "6199.33"),
        ("GP", LondonArea::Inner, "9056.67"),
    ] {
        let dear = Staff::new(role).pay(JULY, "20000");
        let line = line_in(area, JULY, BEFORE_UPLIFT, dear);
        assert_eq!(line.payable(), Some(pounds(expected)), "{role}");
        assert_eq!(line.maximum, Some(pounds(expected)), "{role}");
    }
}

#[test]
fn an_allocation_is_the_weighted_list_of_1_january_times_the_rate() {
    let year: ContractYear = "2025-26".parse().unwrap();
    let one = &allocate(book(), year, weighted("45139.25"), date(TODAY))[..];
    assert_eq!(one.len(), 1); // The pots were merged.
    assert_eq!(one[0].amount, Ok(pounds("1202103.37")));
    assert_eq!(one[0].figure.as_ref().unwrap().confidence, Confidence::Confirmed);

    let of = |year: &str| sums(year, weighted("50000"), TODAY);
    assert_eq!(
        of("2024-25"),
        [(Pot::Main, Ok(pounds("1144700"))), (Pot::GpRingfence, Ok(pounds("65150")))]
    );
    assert_eq!(of("2026-27"), [(Pot::Main, Ok(pounds("1383400")))]);
}

#[test]
fn an_unknown_list_or_rate_leaves_the_sum_unknown_and_says_why() {
    let year: ContractYear = "2024-25".parse().unwrap();
    let missing = allocate(book(), year, Lists::default(), date(TODAY));
    let gap = AllocationGap::WeightedListMissing { date: date("2024-01-01") };
    assert!(missing.iter().all(|sum| sum.amount == Err(gap)));

    let early = allocate(book(), year, weighted("50000"), date("2024-09-30"));
    assert!(early[0].amount.is_ok());
    assert_eq!(early[1].amount, Err(AllocationGap::RateMissing)); // The GP pot of October.

    let staff = Staff::new("CP").pay(JULY, "1000");
    let evaluation = ask(JULY, TODAY, &records(Some(LondonArea::Outside), "", vec![staff]));
    let line = evaluation.month_lines().next().unwrap();
    assert_eq!(line.payable(), Some(pounds("1000")));
    assert_eq!(line.steps.last().unwrap().code, StepCode::RoomUnknown);
    assert_eq!(evaluation.summary.pots[0].room, None);
}

#[test]
fn july_2025_differs_by_what_was_known_and_the_comparison_names_the_figure() {
    let staff = || Staff::new("CP").pay(JULY, "7000");
    let earlier = line(JULY, BEFORE_UPLIFT, staff());
    let later = line(JULY, TODAY, staff());

    assert_eq!(earlier.payable(), Some(pounds("5581"))); // 66,972 / 12
    assert_eq!(earlier.confidence, Some(Confidence::Confirmed));
    assert_eq!(later.payable(), Some(pounds("5784.17"))); // 69,410 / 12 = 5,784.1666
    assert_eq!(later.confidence, Some(Confidence::Derived));
    assert_eq!(line(JULY, "2025-08-01", staff()), later);

    let comparison = compare(&earlier, &later);
    let cause = comparison.cause().unwrap();
    assert_eq!(cause.code, StepCode::Figure);
    let id = |step: &Option<Step>| step.as_ref().unwrap().figure.as_ref().unwrap().id.clone();
    assert_eq!(id(&cause.earlier), "maximum/CP/7-8a/outside/2025-04-01/2025-03-27");
    assert_eq!(id(&cause.later), "maximum/CP/7-8a/outside/2025-04-01/2025-08-01");
    let codes: Vec<StepCode> = comparison.steps.iter().map(|step| step.code).collect();
    assert!(codes.contains(&StepCode::Maximum) && codes.contains(&StepCode::LowerOf));
    assert!(!codes.contains(&StepCode::Cost));
    assert!(compare(&later, &later).steps.is_empty());
}

#[test]
fn every_line_has_the_steps_in_order_and_says_what_was_not_checked() {
    let line = line(JULY, TODAY, Staff::new("CP").pay(JULY, "7000"));

    let codes: Vec<&str> = line.steps.iter().map(|step| step.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "AREA",
            "FIGURE",
            "ELIGIBILITY_NOT_CHECKED",
            "COST",
            "ATTRIBUTION",
            "MAXIMUM",
            "LOWER_OF_COST_AND_MAXIMUM",
            "BASELINE_NOT_RECORDED",
            "CAP",
            "ROOM",
        ]
    );
    assert!(line.steps.windows(2).all(|pair| pair[0].code.number() <= pair[1].code.number()));
    let area = &line.steps[0];
    assert_eq!(area.policy, Some(PolicyName::LondonArea.applied()));
    assert_eq!(area.number(NumberName::Area), Some(NumberValue::Area(LondonArea::Outside)));
}

#[test]
fn a_line_is_rounded_once() {
    let half = Staff::new("PT").works(&[(PCN, "2020-01-01", "", 1125)]).pay(JULY, "4000");
    // 43,352 / 24 = 1,806.333; rounded to the month first it would be 1,806.34.
    assert_eq!(line(JULY, BEFORE_UPLIFT, half).payable(), Some(pounds("1806.33")));
}

#[test]
fn both_the_first_and_the_last_day_count_and_cost_is_not_scaled() {
    let starter = Staff::new("CP").works(&[(PCN, "2025-07-14", "", 2250)]).pay(JULY, "7000");
    let starter = line(JULY, BEFORE_UPLIFT, starter);
    assert_eq!(starter.wte, Some(Fraction::new(18, 31)));
    assert_eq!(starter.payable(), Some(pounds("3240.58"))); // 5,581 x 18/31 = 3,240.58

    let leaver = Staff::new("CP").works(&[(PCN, "2025-01-01", "2025-07-11", 2250)]);
    let leaver = line(JULY, BEFORE_UPLIFT, leaver.pay(JULY, "1500"));
    assert_eq!(leaver.maximum, Some(pounds("1980.35"))); // 5,581 x 11/31
    assert_eq!(leaver.payable(), Some(pounds("1500")));
}

#[test]
fn hours_that_change_inside_a_month_make_segments_and_one_rounding() {
    let rows = [(PCN, "2025-01-01", "2025-07-10", 2250), (PCN, "2025-07-11", "", 1125)];
    let line = line(JULY, BEFORE_UPLIFT, Staff::new("CP").works(&rows).pay(JULY, "7000"));

    let segments = line.steps.iter().filter(|step| step.code == StepCode::Figure).count();
    assert_eq!(segments, 2);
    // 5,581 x (10 + 21/2) / 31 = 3,690.66
    assert_eq!(line.payable(), Some(pounds("3690.66")));
}

#[test]
fn the_divisor_is_the_employers_full_time() {
    let of = |full_time| {
        let rows = [(PCN, "2020-01-01", "", 2100)];
        let staff = Staff::new("CP").works(&rows).full_time(full_time).pay(JULY, "7000");
        line(JULY, BEFORE_UPLIFT, staff).payable()
    };
    assert_eq!(of(2100), Some(pounds("5581"))); // 35 of 35 hours
    assert_eq!(of(2250), Some(pounds("5208.93"))); // 35 of 37.5 hours
}

#[test]
fn a_general_practitioner_is_full_time_at_nine_sessions() {
    let of = |weekly, full_time| {
        let staff = Staff::new("GP").works(&[(PCN, "2025-04-01", "", weekly)]);
        line(JULY, BEFORE_UPLIFT, staff.full_time(full_time).pay(JULY, "20000"))
    };
    assert_eq!(of(1500, 2250).payable(), Some(pounds("5882.33"))); // Six sessions: 2/3.
    assert_eq!(
        reason(&of(2250, 2400)),
        UnpricedReason::FullTimeHours {
            stated: Minutes::new(2400),
            required: Some(Minutes::new(2250))
        }
    );
}

#[test]
fn hours_above_full_time_raise_the_maximum_up_to_forty_and_the_line_says_so() {
    let of = |weekly| {
        let staff = Staff::new("CP").works(&[(PCN, "2020-01-01", "", weekly)]);
        line(JULY, BEFORE_UPLIFT, staff.pay(JULY, "20000"))
    };
    let forty = of(2400);
    assert_eq!(forty.payable(), Some(pounds("5953.07"))); // 5,581 x 16/15
    assert!(forty.steps.iter().any(|step| step.code == StepCode::OverFullTime));
    assert_eq!(of(2700).payable(), forty.payable());
}

#[test]
fn two_paramedics_who_rotate_half_time_are_one_at_the_maximum() {
    let half = |id: u128| {
        let rows = [(PCN, "2025-01-01", "", 1125)];
        Staff::new("PARA").id(id).works(&rows).pay(JULY, "4000")
    };
    let both = records(Some(LondonArea::Outside), "1000000", vec![half(1), half(2)]);
    let payable = ask(JULY, BEFORE_UPLIFT, &both).summary.totals.payable;
    assert_eq!(payable, pounds("5408.92")); // 64,907 / 12 = 5,408.9166, each half rounded once
}

#[test]
fn cost_worked_outside_pcns_is_not_the_pcns() {
    let rows = [(PCN, "2025-01-01", "", 1125)];
    let trust = Staff::new("PARA").works(&rows).contract(2250).pay(JULY, "3000");
    let line = line(JULY, TODAY, trust);

    assert_eq!(line.actual_cost, pounds("3000"));
    assert_eq!(line.own_cost, pounds("1500"));
    let step = line.steps.iter().find(|step| step.code == StepCode::Attribution).unwrap();
    assert_eq!(step.number(NumberName::OwnMinuteDays), Some(NumberValue::Count(1125 * 31)));
    assert_eq!(step.number(NumberName::AllMinuteDays), Some(NumberValue::Count(2250 * 31)));
}

#[test]
fn a_penny_that_cannot_be_shared_goes_to_the_lower_code() {
    let rows = [("U00070", "2025-01-01", "", 1125), ("U00060", "2025-01-01", "", 1125)];
    let shared = || Staff::new("CP").works(&rows).pay(JULY, "2000.01");
    let of = |pcn: &str| {
        let records = records(Some(LondonArea::Outside), "1000000", vec![shared()]);
        ask_of(pcn, JULY, TODAY, &records).summary.totals.own_cost
    };
    assert_eq!(of("U00060"), pounds("1000.01"));
    assert_eq!(of("U00070"), pounds("1000.00"));
}

#[test]
fn a_mental_health_practitioner_is_paid_by_half_and_by_the_stored_half_row() {
    let practitioner = || Staff::new("MHP_ADULT").band(Band::Seven);
    let half = |staff: Staff| line_in(LondonArea::Outer, JULY, BEFORE_UPLIFT, staff);

    let dear = half(practitioner().model(DeploymentModel::MentalHealthHalf).pay(JULY, "7000"));
    assert_eq!(dear.payable(), Some(pounds("3013.58"))); // 36,163 / 12
    let odd = half(practitioner().model(DeploymentModel::MentalHealthHalf).pay(JULY, "5000.01"));
    assert_eq!(odd.payable(), Some(pounds("2500.01"))); // Half up to the penny.

    // Another model without a recorded agreement: half as well, and a step says why.
    let unrecorded = half(practitioner().pay(JULY, "7000"));
    assert_eq!(unrecorded.payable(), Some(pounds("3013.58")));
    let step = unrecorded.steps.iter().find(|step| step.code == StepCode::WrittenAgreement);
    let recorded = step.unwrap().number(NumberName::AgreementRecorded);
    assert_eq!(recorded, Some(NumberValue::Count(0)));
    assert_eq!(step.unwrap().policy, Some(PolicyName::MhpHalf.applied()));
}

#[test]
fn the_whole_row_needs_an_agreement_and_another_practitioner_at_half() {
    let agreed = || Staff::new("MHP_ADULT").band(Band::Seven).agreed().pay(JULY, "7000");
    let alone = line_in(LondonArea::Outer, JULY, BEFORE_UPLIFT, agreed());
    assert_eq!(alone.payable(), Some(pounds("3013.58")));

    let other =
        Staff::new("MHP_CYP").id(2).band(Band::Six).model(DeploymentModel::MentalHealthHalf);
    let both = records(Some(LondonArea::Outer), "1000000", vec![agreed(), other]);
    let evaluation = ask(JULY, BEFORE_UPLIFT, &both);
    let payable: Vec<_> = evaluation.month_lines().map(Line::payable).collect();
    assert_eq!(payable, [Some(pounds("6027.25")), Some(Pence::ZERO)]);
}

#[test]
fn a_suppliers_fee_is_for_link_workers_of_suppliers_and_inside_the_maximum() {
    let with_fee = |role: &str, model, weekly, salary: &str, fees: &str| {
        let amounts =
            Components { salary: pounds(salary), fees: pounds(fees), ..Components::default() };
        let staff = Staff::new(role).works(&[(PCN, "2025-01-01", "", weekly)]).model(model);
        line(JULY, BEFORE_UPLIFT, staff.pay_row(JULY, amounts, Some(date("2025-07-28"))))
    };
    let supplied = DeploymentModel::VoluntarySector;
    let paid = |line: Line| line.payable().unwrap();

    assert_eq!(paid(with_fee("SPLW", supplied, 2250, "2000", "150")), pounds("2150"));
    assert_eq!(paid(with_fee("SPLW", supplied, 1125, "1000", "150")), pounds("1100"));
    assert_eq!(paid(with_fee("SPLW", supplied, 2250, "3600", "200")), pounds("3612.67"));
    assert_eq!(
        paid(with_fee("SPLW", DeploymentModel::PcnDirect, 2250, "2000", "150")),
        pounds("2000")
    );
    let other = with_fee("CP", DeploymentModel::NonGpProvider, 2250, "2000", "150");
    assert!(other.steps.iter().any(|step| step.code == StepCode::NotClaimable));
    assert_eq!(paid(other), pounds("2000"));
}

#[test]
fn an_advanced_practitioner_of_band_7_reads_its_own_row_or_none() {
    let of = |band: Option<Band>, area, known| {
        let staff = Staff::new("AP").pay(JULY, "20000");
        let staff = match band {
            Some(band) => staff.band(band),
            None => staff,
        };
        line_in(area, JULY, known, staff)
    };
    let outer = LondonArea::Outer;
    assert_eq!(of(None, outer, BEFORE_UPLIFT).payable(), Some(pounds("6729.50"))); // 8a: 80,754
    assert_eq!(of(Some(Band::Seven), outer, BEFORE_UPLIFT).payable(), Some(pounds("6027.25")));
    // The uplifted edition lacks the cell: it is unknown, and never the older edition's.
    let UnpricedReason::FigureMissing { edition, .. } =
        reason(&of(Some(Band::Seven), outer, TODAY))
    else {
        panic!("the figure is missing");
    };
    assert_eq!(edition.unwrap().known_from, date("2025-08-01"));
}

#[test]
fn what_is_unknown_or_not_allowed_has_no_price_and_leaves_the_total_incomplete() {
    let paid = |role: &str| Staff::new(role).pay(JULY, "2000");
    let unknown_area = ask(JULY, TODAY, &records(None, "50000", vec![paid("CP")]));
    let totals = unknown_area.summary.totals;
    assert_eq!((totals.unpriced, totals.complete()), (1, false));
    assert_eq!((totals.payable, totals.unpriced_cost), (Pence::ZERO, pounds("2000")));
    let only = unknown_area.month_lines().next().unwrap();
    assert_eq!(reason(only), UnpricedReason::AreaUnknown);

    assert_eq!(reason(&line(JULY, TODAY, paid("CPX"))), UnpricedReason::RoleUnknown);
    assert_eq!(reason(&line(JULY, TODAY, paid("MHP_CYP"))), UnpricedReason::BandMissing);
    assert_eq!(
        reason(&line(JULY, TODAY, paid("CP").band(Band::Six))),
        UnpricedReason::BandOutsideRole { band: Band::Six }
    );
    let march = Staff::new("HCSW").pay("2025-03", "2000");
    assert!(matches!(
        reason(&line("2025-03", TODAY, march)),
        UnpricedReason::RoleNotInForce { .. }
    ));
    let other = Staff::new("OTHER").pay("2026-07", "2000");
    assert!(matches!(reason(&line("2026-07", TODAY, other)), UnpricedReason::FigureMissing { .. }));
    let unknown_yet = line(JULY, "2025-03-26", paid("CP"));
    assert!(matches!(reason(&unknown_yet), UnpricedReason::FigureMissing { edition: None, .. }));
}

#[test]
fn the_area_is_the_pcns_on_the_first_of_the_month() {
    let mut records =
        records(Some(LondonArea::Outer), "1000000", vec![Staff::new("CP").pay(JULY, "20000")]);
    records.areas = vec![
        AreaPeriod {
            period: Period::inclusive(date("2020-01-01"), Some(date("2025-07-01"))).unwrap(),
            area: LondonArea::Outer,
            basis: AreaBasis::Stated,
        },
        AreaPeriod {
            period: Period::inclusive(date("2025-07-02"), None).unwrap(),
            area: LondonArea::Inner,
            basis: AreaBasis::Stated,
        },
    ];
    let july = ask(JULY, BEFORE_UPLIFT, &records);
    assert_eq!(july.summary.totals.payable, pounds("6199.33"));

    records.areas[1].period = Period::new(date("2025-07-01"), None).unwrap();
    let disputed = ask(JULY, BEFORE_UPLIFT, &records);
    assert_eq!(reason(disputed.month_lines().next().unwrap()), UnpricedReason::AreaUnknown);
}

#[test]
fn unpaid_cost_waits_and_says_so() {
    let salary = |text: &str| Components { salary: pounds(text), ..Components::default() };
    let staff = Staff::new("CP")
        .pay_row(JULY, salary("1000"), Some(date("2025-07-28")))
        .pay_row(JULY, salary("300"), None)
        .pay_row(JULY, salary("200"), Some(date("2026-11-21")));
    let line = line(JULY, TODAY, staff);

    assert_eq!((line.actual_cost, line.waiting), (pounds("1500"), pounds("500")));
    assert_eq!(line.payable(), Some(pounds("1000")));
    let step = line.steps.iter().find(|step| step.code == StepCode::NotYetPaid).unwrap();
    assert_eq!((step.before, step.after), (pounds("1500"), pounds("1000")));
}

#[test]
fn pay_after_leaving_is_an_adjustment_of_the_last_month_in_post() {
    let leaver = |rows: &[(&str, &str)]| {
        let staff = Staff::new("CP").works(&[(PCN, "2025-04-01", "2025-06-30", 2250)]);
        rows.iter().fold(staff, |staff, (of, salary)| staff.pay(of, salary))
    };
    let staff = leaver(&[("2025-06", "3000"), (JULY, "400"), ("2025-03", "9")]);
    let records = records(Some(LondonArea::Outside), "1000000", vec![staff]);
    let july = ask(JULY, TODAY, &records);
    assert_eq!(july.month_lines().count(), 0);
    let june = july.lines.iter().find(|line| line.month == month("2025-06")).unwrap();
    assert_eq!(june.payable(), Some(pounds("3400")));
    assert!(june.steps.iter().any(|step| step.code == StepCode::LatePay));
    assert_eq!(july.unplaced.len(), 0); // March is another year's.

    let early = Staff::new("CP").works(&[(PCN, "2025-06-01", "", 2250)]).pay("2025-05", "7");
    let early =
        ask(JULY, TODAY, &super::sample::records(Some(LondonArea::Outside), "1", vec![early]));
    assert_eq!(early.unplaced[0].amount, pounds("7"));
}

#[test]
fn the_sum_pays_in_order_of_month_start_and_engagement_and_the_last_in_part() {
    let staff = |id: u128, start: &str| {
        let works = [(PCN, start, "", 2250)];
        let staff = Staff::new("CP").id(id).works(&works);
        staff.pay("2025-04", "2000").pay("2025-05", "2000")
    };
    let list = "263"; // 26.631 x 263 = 7,003.95
    let both = vec![staff(1, "2025-02-01"), staff(2, "2025-01-01")];
    let evaluation = ask("2025-05", TODAY, &records(Some(LondonArea::Outside), list, both));

    let paid: Vec<_> = evaluation.lines.iter().map(|line| line.payable().unwrap()).collect();
    assert_eq!(paid, ["2000", "2000", "2000", "1003.95"].map(pounds));
    let last = evaluation.lines.last().unwrap();
    assert_eq!(last.engagement.0.as_u128(), 1);
    assert_eq!((last.steps.last().unwrap().code, last.start), (StepCode::Room, date("2025-02-01")));
    let pot = &evaluation.summary.pots[0];
    assert_eq!((pot.payable_earlier, pot.payable), (pounds("4000"), pounds("3003.95")));
    assert_eq!(pot.room, Some(Pence::ZERO));
}

#[test]
fn the_gp_pot_of_2024_pays_general_practitioners_and_nobody_else() {
    let gp = Staff::new("GP").pay("2024-11", "9000");
    let cp = Staff::new("CP").id(2).pay("2024-11", "3000");
    let records = records(Some(LondonArea::Outside), "1000", vec![gp, cp]);
    let november = ask("2024-11", TODAY, &records);

    let paid: Vec<_> = november.month_lines().map(|line| (line.pot, line.payable())).collect();
    // 1,303 is all of the GP pot for 1,000 weighted patients; the main pot is not touched by it.
    assert_eq!(paid, [(Pot::GpRingfence, Some(pounds("1303"))), (Pot::Main, Some(pounds("3000")))]);
    let staff = Staff::new("GP").works(&[(PCN, "2025-01-01", "", 2250)]).pay("2025-04", "1");
    assert_eq!(line("2025-04", TODAY, staff).pot, Pot::Main);
}

#[test]
fn pay_below_zero_for_a_month_is_refused() {
    let staff = |last: &str| Staff::new("CP").pay(JULY, "100").pay(JULY, last).0.pay;
    assert_eq!(check(&staff("-100")), []);
    assert!(matches!(check(&staff("-100.01"))[..], [PayError::BelowZero { .. }]));
    assert!(matches!(check(&staff("99999999"))[..], [PayError::TooLarge { .. }]));
}

#[test]
fn a_role_or_cap_is_found_by_day_and_list() {
    assert_eq!(cap("EPN", 99_999, "2024-07-01"), Ok(Some(Value::Wte(1))));
    assert_eq!(cap("EPN", 100_000, "2024-07-01"), Ok(Some(Value::Wte(2))));
    assert_eq!(cap("EPN", 100_000, "2025-07-01"), Ok(Some(Value::Unlimited)));
    assert_eq!(cap("DTL", 1, "2025-03-31"), Ok(Some(Value::Wte(1))));
    assert_eq!(cap("CP", 1, "2024-07-01"), Ok(None)); // No row says so, which is not 'no limit'.
}
