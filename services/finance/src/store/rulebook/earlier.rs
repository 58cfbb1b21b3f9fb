//! The contract years 2019-20 to 2023-24: published cases, and what nobody printed.

use terms::{Band, Confidence, DeploymentModel, Fraction, LondonArea, Pence, Population, RoleCode};

use crate::domain::allocation::{AllocationGap, Lists};
use crate::domain::comparison::compare;
use crate::domain::figure::{Pot, Share, Value};
use crate::domain::line::{Line, UnpricedReason};
use crate::domain::pay::Components;
use crate::domain::rulebook::CapGap;
use crate::domain::step::{NumberName, NumberValue, Step, StepCode};

use super::sample::{
    PCN, Staff, TODAY, ask, book, cap, date, line, line_in, pounds, reason, records, sums, weighted,
};

fn employed(role: &str) -> Staff {
    Staff::new(role).works(&[(PCN, "2019-07-01", "", 2250)])
}

#[track_caller]
fn check_maximum(role: &str, day: &str, expected: i64, confidence: Confidence) {
    let role: RoleCode = role.parse().unwrap();
    let area = LondonArea::Outside;
    let found = book().maximum(&role, None, area, Share::WHOLE, date(day), date(TODAY)).unwrap();
    assert_eq!(found.value, Value::AYear(Pence::from_pounds(expected)), "{}", found.id);
    assert_eq!(found.confidence, confidence, "{}", found.id);
}

#[track_caller]
fn step(line: &Line, code: StepCode) -> &Step {
    line.steps.iter().find(|step| step.code == code).unwrap()
}

#[track_caller]
fn check_missing(line: &Line, day: &str) {
    match reason(line) {
        UnpricedReason::FigureMissing { day: missing, .. } => assert_eq!(missing, date(day)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn printed_maxima_of_every_year_keep_their_marks() {
    use Confidence::{ByBand, Confirmed, FromMemory, OneSource};
    check_maximum("SPLW", "2019-07-01", 34_113, Confirmed);
    check_maximum("SPLW", "2020-04-01", 35_389, Confirmed);
    check_maximum("CP", "2020-04-01", 55_670, OneSource);
    check_maximum("CC", "2020-04-01", 29_135, ByBand);
    check_maximum("FCP", "2020-04-01", 55_670, FromMemory);
    check_maximum("AP", "2022-09-30", 63_243, Confidence::Derived);
    check_maximum("CP", "2022-09-30", 57_318, OneSource);
    check_maximum("SPLW", "2022-04-01", 36_428, OneSource);
    check_maximum("GPA", "2022-10-01", 31_746, ByBand);
}

/// The chain of a clinical pharmacist from October 2022: 59,312, then 5%, then 5.5%.
#[test]
fn a_pharmacist_goes_from_59312_over_62340_to_65838() {
    for (day, expected) in [
        ("2022-10-01", 59_312),
        ("2023-03-31", 59_312),
        ("2023-04-01", 59_312),
        ("2023-06-30", 59_312),
        ("2023-07-01", 62_340),
        ("2024-03-31", 62_340),
        ("2024-09-30", 62_340),
        ("2024-10-01", 65_838),
    ] {
        check_maximum("CP", day, expected, Confidence::Confirmed);
    }
}

#[test]
fn a_pharmacist_of_2019_is_paid_70_percent_up_to_a_maximum_that_is_already_70_percent() {
    let of = |salary: &str| line("2019-09", TODAY, employed("CP").pay("2019-09", salary));

    let cheap = of("4000");
    assert_eq!(cheap.payable(), Some(pounds("2800")));
    let dear = of("5000"); // 3,500 are 70%; 37,810 / 12 = 3,150.83, not 70% of it.
    assert_eq!(dear.payable(), Some(pounds("3150.83")));
    assert_eq!(dear.maximum, Some(pounds("3150.83")));
    assert_eq!(of("0.05").payable(), Some(pounds("0.04"))); // 3.5 pence, half up.

    let share = step(&dear, StepCode::Share);
    assert_eq!((share.before, share.after), (pounds("5000"), pounds("3500")));
    let seventy = Share::from_percent(70).unwrap();
    assert_eq!(share.number(NumberName::ShareOfCost), Some(NumberValue::Share(seventy)));
    let figure = share.figure.as_ref().unwrap();
    assert_eq!(figure.id, "share/CP/2019-07-01/2019-07-01");
    assert_eq!((figure.confidence, share.policy), (Confidence::Confirmed, None));
    assert!(figure.source.contains("pulsetoday"));
    let row = step(&dear, StepCode::Figure).figure.as_ref().unwrap();
    assert_eq!(row.id, "maximum/CP/7-8a/outside/70/2019-07-01/2019-07-01");
    assert_eq!(row.confidence, Confidence::OneSource);
    // That the cap doubles for so large a PCN as this one is from memory.
    assert_eq!(dear.confidence, Some(Confidence::FromMemory));

    let before = line("2019-09", "2019-06-30", employed("CP").pay("2019-09", "5000"));
    check_missing(&before, "2019-09-01");
    let april = line("2020-04", TODAY, employed("CP").pay("2020-04", "4000"));
    assert_eq!(april.payable(), Some(pounds("4000"))); // From here on the whole is paid.
    assert!(april.steps.iter().all(|step| step.code != StepCode::Share));
}

#[test]
fn a_link_worker_of_2019_is_paid_in_full_and_fees_stay_inside_the_maximum() {
    let year = ["2019-07", "2019-08", "2019-09", "2019-10", "2019-11", "2019-12"]
        .into_iter()
        .chain(["2020-01", "2020-02", "2020-03"]);
    let amounts = Components {
        salary: pounds("2842.75"), // 34,113 / 12
        fees: pounds("200"),
        ..Components::default()
    };
    let worker = year
        .fold(employed("SPLW").model(DeploymentModel::VoluntarySector), |worker, month| {
            worker.pay_row(month, amounts, Some(date("2020-03-31")))
        });
    let all = records(Some(LondonArea::Outside), "50000", vec![worker]);
    let evaluation = ask("2020-03", TODAY, &all);

    let payable: Vec<Pence> = evaluation.lines.iter().filter_map(Line::payable).collect();
    assert_eq!(payable, [pounds("2842.75"); 9]);
    let pot = &evaluation.summary.pots[1];
    assert_eq!((pot.pot, pot.room), (Pot::LinkWorkers, Some(Pence::ZERO)));

    // Fees may be claimed from October 2019 on; before, they are no part of the cost.
    let fees = |line: &Line| step(line, StepCode::NotClaimable).after;
    let lines: Vec<(&str, Pence)> = ["2019-09", "2019-10"]
        .into_iter()
        .map(|month| {
            let line = evaluation.lines.iter().find(|line| line.month.to_string() == month);
            (month, fees(line.unwrap()))
        })
        .collect();
    assert_eq!(lines, [("2019-09", pounds("2842.75")), ("2019-10", pounds("3042.75"))]);
}

#[test]
fn the_sums_of_2019_are_fixed_one_a_role_and_together_53942_25() {
    let of = |registered: &str, known: &str| {
        let registered: Option<Population> = registered.parse().ok();
        sums("2019-20", Lists { registered, weighted: weighted("50000").weighted }, known)
    };
    let known =
        [(Pot::Pharmacists, Ok(pounds("28357.50"))), (Pot::LinkWorkers, Ok(pounds("25584.75")))];

    assert_eq!(of("99999", TODAY), known);
    let together: Pence = known.iter().filter_map(|(_, amount)| amount.ok()).sum();
    assert_eq!(together, pounds("53942.25"));

    let gap = |gap| [(Pot::Pharmacists, Err(gap)), (Pot::LinkWorkers, Err(gap))];
    let hundred = Population::from_patients(100_000);
    assert_eq!(of("100000", TODAY), gap(AllocationGap::SumMissing { registered: hundred }));
    let date = date("2019-01-01");
    assert_eq!(of("", TODAY), gap(AllocationGap::RegisteredListMissing { date }));
    let most = Population::from_patients(99_999);
    let early = gap(AllocationGap::SumMissing { registered: most });
    assert_eq!(of("99999", "2019-06-30"), early);
}

#[test]
fn a_sum_of_2019_pays_its_own_role_only() {
    let paid = |staff: Staff| staff.pay("2019-07", "50000");
    let half = [(PCN, "2019-07-01", "", 1125)];
    let pharmacists = [1, 2].map(|id| paid(employed("CP").id(id).works(&half)));
    let mut staff: Vec<Staff> = pharmacists.into();
    staff.push(paid(employed("SPLW").id(3)));
    let all = records(Some(LondonArea::Outside), "50000", staff);
    let july = ask("2019-07", TODAY, &all);

    let paid: Vec<_> = july.lines.iter().map(|line| (line.pot, line.payable().unwrap())).collect();
    let (cp, splw) = ((Pot::Pharmacists, pounds("1575.42")), (Pot::LinkWorkers, pounds("2842.75")));
    assert_eq!(paid, [cp, cp, splw]);
    let room: Vec<_> = july.summary.pots.iter().map(|pot| pot.room).collect();
    assert_eq!(room, [Some(pounds("25206.66")), Some(pounds("22742.00"))]);
    let used = july.lines[2].steps.last().unwrap().figure.as_ref().unwrap();
    assert_eq!(used.id, "sum/SPLW/0-99999/2019-07-01/2019-07-01");
    assert!(used.source.contains("practiceindex") && used.confidence == Confidence::OneSource);
}

#[test]
fn an_allocation_of_50000_weighted_patients_in_2022_is_834800() {
    let of = |year: &str| sums(year, weighted("50000"), TODAY);
    assert_eq!(of("2020-21"), [(Pot::Main, Ok(pounds("356550")))]);
    assert_eq!(of("2021-22"), [(Pot::Main, Ok(pounds("615700")))]);
    assert_eq!(of("2022-23"), [(Pot::Main, Ok(pounds("834800")))]);
    assert_eq!(of("2023-24"), [(Pot::Main, Ok(pounds("1133550")))]);
    let rate = book().rate(Pot::Main, "2021-22".parse().unwrap(), date(TODAY)).unwrap();
    assert_eq!(rate.confidence, Confidence::FromMemory);
}

#[test]
fn roles_that_join_in_october_2020_are_added_to_the_table_in_force() {
    let of = |role: &str, month: &str, known: &str| {
        line(month, known, employed(role).pay(month, "20000"))
    };
    let used = |line: &Line| step(line, StepCode::Figure).figure.as_ref().unwrap().id.clone();

    let pharmacist = of("CP", "2020-11", TODAY);
    assert_eq!(pharmacist.payable(), Some(pounds("4639.17"))); // 55,670 / 12
    assert_eq!(used(&pharmacist), "maximum/CP/7-8a/outside/2020-04-01/2020-02-06");
    let associate = of("NA", "2020-11", TODAY);
    assert_eq!(associate.payable(), Some(pounds("2427.92"))); // 29,135 / 12
    assert_eq!(used(&associate), "maximum/NA/4/outside/2020-10-01/2020-10-01");
    check_missing(&of("SNA", "2020-11", "2020-09-30"), "2020-11-01");
    assert!(matches!(reason(&of("NA", "2020-09", TODAY)), UnpricedReason::RoleNotInForce { .. }));
}

#[test]
fn the_award_of_2021_counts_back_to_april_from_the_day_it_was_known() {
    let july = |known: &str| line("2021-07", known, employed("CP").pay("2021-07", "20000"));
    let (before, after) = (july("2021-09-29"), july("2021-09-30"));

    check_missing(&july("2021-03-30"), "2021-07-01");
    assert_eq!(before.payable(), Some(pounds("4735.75"))); // 56,829 / 12
    assert_eq!(after.payable(), Some(pounds("4776.50"))); // 57,318 / 12
    assert_eq!(july(TODAY), after);
    let comparison = compare(&before, &after);
    let cause = comparison.cause().unwrap();
    let known = |step: &Option<Step>| {
        step.as_ref().and_then(|step| step.figure.clone()).unwrap().validity.known_from
    };
    assert_eq!(known(&cause.earlier), date("2021-03-31"));
    assert_eq!(known(&cause.later), date("2021-09-30"));
}

#[test]
fn the_maxima_of_october_2022_begin_with_the_month() {
    let staff = employed("CP").works(&[(PCN, "2022-09-16", "", 2250)]).pay("2022-10", "20000");
    let october = line("2022-10", TODAY, staff.clone());
    assert_eq!(october.payable(), Some(pounds("4942.67"))); // 59,312 / 12
    let september = line("2022-09", TODAY, staff.pay("2022-09", "20000"));
    assert_eq!(september.payable(), Some(pounds("2388.25"))); // 57,318 / 12 x 15/30
}

#[test]
fn half_rows_of_mental_health_practitioners_are_stored_and_not_halved() {
    let half = |band, area, month: &str, model| {
        let staff = employed("MHP_ADULT").band(band).model(model).pay(month, "20000");
        line_in(area, month, TODAY, staff).payable()
    };
    let model = DeploymentModel::MentalHealthHalf;
    // Half of the derived whole row of band 5, 38,187, would be 19,093.50.
    let outside = half(Band::Five, LondonArea::Outside, "2022-10", model);
    assert_eq!(outside, Some(pounds("1591.08"))); // 19,093 / 12
    // No agreement counts before April 2024, and no whole row is there.
    let direct = half(Band::Five, LondonArea::Outside, "2022-10", DeploymentModel::PcnDirect);
    assert_eq!(direct, outside);
    let inner = half(Band::EightA, LondonArea::Inner, "2023-07", model);
    let row = book().figure("maximum/MHP_ADULT/8a/inner/half/2023-07-01/2023-06-02").unwrap();
    let Value::AYear(a_year) = row.value else { panic!("{row:?}") };
    assert_eq!(inner, Some(Pence((a_year.0 + 6) / 12)));
}

#[test]
fn two_paramedics_of_2021_who_rotate_half_time_are_one_at_the_maximum() {
    let half = |id: u128| {
        let rows = [(PCN, "2021-04-01", "", 1125)];
        Staff::new("PARA").id(id).works(&rows).pay("2022-01", "4000")
    };
    let both = records(Some(LondonArea::Outside), "1000000", vec![half(1), half(2)]);
    let january = ask("2022-01", TODAY, &both);
    let wte = january.month_lines().filter_map(|line| line.wte).sum::<Fraction>();
    assert_eq!(wte, Fraction::ONE);
    // 55,313 / 24 = 2,304.708 each, rounded once a line.
    assert_eq!(january.summary.totals.payable, pounds("4609.42"));
}

#[test]
fn what_nobody_printed_has_no_price_in_the_earlier_years_either() {
    let of = |role: &str, area, month: &str| {
        let staff = employed(role).band(Band::Seven).pay(month, "2000");
        line_in(area, month, TODAY, staff)
    };
    check_missing(&of("CP", LondonArea::Inner, "2019-07"), "2019-07-01");
    check_missing(&of("CP", LondonArea::Outer, "2021-07"), "2021-07-01");
    check_missing(&of("MHP_ADULT", LondonArea::Outside, "2021-07"), "2021-07-01");
    check_missing(&of("MHP_CYP", LondonArea::Outside, "2022-09"), "2022-09-01");
    let early = of("PARA", LondonArea::Outside, "2020-07");
    assert!(matches!(reason(&early), UnpricedReason::RoleNotInForce { .. }));
    assert_eq!(sums("2018-19", weighted("50000"), TODAY), []);
}

#[test]
fn caps_follow_the_year_and_the_list() {
    for (role, day, below, from) in [
        ("CP", "2019-07-01", Some(1), Some(2)),
        ("PT", "2020-04-01", Some(1), Some(2)),
        ("MHP_ADULT", "2021-04-01", Some(1), Some(2)),
        ("MHP_ADULT", "2022-04-01", Some(2), Some(4)),
        ("AP", "2021-04-01", Some(1), None),
        ("AP", "2022-09-30", Some(1), None),
        ("AP", "2022-10-01", Some(2), Some(3)),
        ("AP", "2023-04-01", Some(3), Some(6)),
        ("MHP_CYP", "2021-04-01", Some(1), None),
        ("MHP_CYP", "2022-04-01", None, None),
    ] {
        let printed = |wte: Option<u32>| wte.map(|wte| Some(Value::Wte(wte)));
        let unknown = CapGap::NotPrinted;
        assert_eq!(cap(role, 99_999, day), printed(below).ok_or(unknown), "{role} {day}");
        assert_eq!(cap(role, 100_000, day), printed(from).ok_or(unknown), "{role} {day}");
    }
    for (role, day) in [("PT", "2021-04-01"), ("MHP_CYP", "2023-04-01"), ("AP", "2024-04-01")] {
        assert_eq!(cap(role, 100_000, day), Ok(Some(Value::Unlimited)), "{role} {day}");
    }
    for (role, day) in [("CP", "2020-04-01"), ("SPLW", "2023-07-01"), ("CC", "2024-07-01")] {
        assert_eq!(cap(role, 100_000, day), Ok(None), "{role} {day}");
    }
}
