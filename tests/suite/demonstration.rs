//! The demonstration: what it prints, and every figure that its description promises.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use arrs_proto::finance::v1::{ClaimLine, ClaimLineState};
use arrs_proto::report::v1::{PcnReport, SectionState};
use arrs_proto::supervision::v1::SupervisionStatus;
use arrs_proto::workforce::v1::RoleWorkforce;
use arrs_tests::cluster::Cluster;
use kit::wire::date;

use crate::demo_set::{
    self, MONTH, OPERATOR, PCN, RECORDED_ON, bring_in, report, report_request, states,
};

const EXPECTED: &str = include_str!("../data/demo_expected.csv");

/// What a line must come to, in pence.
#[derive(Debug, PartialEq, Eq)]
struct Priced {
    reference: String,
    cost: i64,
    maximum: Option<i64>,
    payable: Option<i64>,
}

fn expected(maximum: &str, payable: &str) -> Vec<Priced> {
    let mut reader = csv::Reader::from_reader(EXPECTED.as_bytes());
    let rows = reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
    rows.map(|row| Priced {
        reference: row["engagement_id"].clone(),
        cost: pence(&row["actual_cost_share"]),
        maximum: Some(pence(&row[maximum])),
        payable: Some(pence(&row[payable])),
    })
    .collect()
}

fn priced(report: &PcnReport) -> Vec<Priced> {
    let lines = &report.money.as_ref().unwrap().lines;
    lines
        .iter()
        .map(|line| Priced {
            reference: line.reference.clone(),
            cost: line.actual_cost_pence,
            maximum: line.maximum_pence,
            payable: line.payable_pence,
        })
        .collect()
}

fn pence(text: &str) -> i64 {
    let (pounds, rest) = text.split_once('.').unwrap();
    assert_eq!(rest.len(), 2, "{text} has two decimals");
    pounds.parse::<i64>().unwrap() * 100 + rest.parse::<i64>().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_ends_well_and_a_second_run_is_as_good() {
    let idle = Cluster::idle(&[]).await;
    let folder = idle.folder().join("demo");
    let run = || idle.run(&["demo", "--exit", "--folder", folder.to_str().unwrap()]);

    let first = run();
    let second = run();

    for (output, which) in [(&first, "first"), (&second, "second")] {
        assert_eq!(output.status.code(), Some(0), "{which}: {output:?}");
        let text = text(output);
        for telling in [
            "FALMOUTH AND PENRYN PCN (U09081): report of July 2025",
            "WORKFORCE",
            "MONEY",
            "SUPERVISION",
            "Over the sections",
            "Why not more",
            "figures known on 2025-07-31: payable £5,581.00",
            "figures known today:         payable £5,784.17",
            "why: ",
        ] {
            assert!(text.contains(telling), "the {which} run does not say {telling:?}:\n{text}");
        }
        assert!(!text.contains("is missing"), "{text}");
        assert!(!text.contains("still to be followed"), "{text}");
    }
    let (first, second) = (text(&first), text(&second));
    assert_eq!(first.matches("statements added").count(), demo_set::FILES.len(), "{first}");
    assert_eq!(second.matches("nothing new").count(), demo_set::FILES.len(), "{second}");
    let printed = |text: &str| {
        let from = text.find("FALMOUTH AND PENRYN PCN (U09081)").unwrap();
        text[from..].to_owned()
    };
    assert_eq!(printed(&first), printed(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn july_is_priced_to_the_penny_under_the_figures_of_both_days() {
    let cluster = Cluster::one().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let then = Some(date(RECORDED_ON));
    let mut request = report_request();

    let today = report(&channel, request.clone(), Some(&positions)).await;
    request.rules_known_on_date = then;
    let by_rules = report(&channel, request.clone(), None).await;
    request.known_at_date = then;
    let by_records = report(&channel, request, None).await;

    for (report, maximum, payable, total, cut) in [
        (&today, "maximum_today", "payable_today", 5_667_371, 416_110),
        (&by_rules, "maximum", "payable_known_2025_07_31", 5_588_036, 495_445),
        (&by_records, "maximum", "payable_known_2025_07_31", 5_588_036, 495_445),
    ] {
        assert_eq!(priced(report), expected(maximum, payable));
        let money = report.money.as_ref().unwrap();
        assert_eq!((money.payable_pence, money.unpriced_count), (total, 0));
        assert_eq!(money.actual_cost_pence, 6_083_481);
        assert_eq!(money.cut_pence, cut);
        let allocation = money.allocation.as_ref().unwrap();
        let pots: Vec<_> =
            allocation.pots.iter().map(|pot| (pot.pot.as_str(), pot.amount_pence)).collect();
        assert_eq!(pots, [("main", Some(132_202_729))]);
        let year = money.year_payable_pence.unwrap();
        assert_eq!(money.room_pence, Some(132_202_729 - year));
        assert!(year > money.payable_pence);
    }
    let difference = |reference: &str| {
        let of = |report: &PcnReport| {
            let lines = &report.money.as_ref().unwrap().lines;
            lines.iter().find(|line| line.reference == reference).unwrap().payable_pence.unwrap()
        };
        of(&today) - of(&by_rules)
    };
    assert_eq!(difference("demo-e-001"), 15_218);
    assert_eq!(difference("demo-e-002"), 20_317);
    assert_eq!(difference("demo-e-003"), 0);
}

/// The place of a step in the order of evaluation.
fn number(code: &str) -> u8 {
    match code {
        "AREA" | "FIGURE" | "ELIGIBILITY_NOT_CHECKED" => 0,
        "COST" | "LATE_PAY" | "NOT_YET_PAID" => 1,
        "ATTRIBUTION" => 2,
        "NOT_CLAIMABLE" => 3,
        "SHARE" | "WRITTEN_AGREEMENT" => 4,
        "MAXIMUM" | "OVER_FULL_TIME" => 5,
        "LOWER_OF_COST_AND_MAXIMUM" => 6,
        "BASELINE" | "BASELINE_NOT_RECORDED" => 7,
        "CAP" => 8,
        "ROOM" => 9,
        other => panic!("no priced line of the set has the step {other}"),
    }
}

/// Asserts that the steps go from `begin` to the payable in order, without a jump, and that from
/// the share of the PCN on they take off exactly what is not paid.
fn leads(line: &ClaimLine, begin: i64) {
    let reference = &line.reference;
    assert_eq!(line.state(), ClaimLineState::Prepared, "{reference}");
    let steps = &line.steps;
    assert_eq!(steps.first().unwrap().before_pence, begin, "{reference}: {steps:#?}");
    for pair in steps.windows(2) {
        assert_eq!(pair[0].after_pence, pair[1].before_pence, "{reference}: {steps:#?}");
    }
    let numbers: Vec<u8> = steps.iter().map(|step| number(&step.code)).collect();
    assert!(numbers.is_sorted(), "{reference}: {numbers:?}");
    for needed in 0..=9 {
        // Not every line has a share, a fee or another PCN.
        assert!([2, 3, 4].contains(&needed) || numbers.contains(&needed), "{reference}: {needed}");
    }
    let payable = line.payable_pence.unwrap();
    assert_eq!(steps.last().unwrap().after_pence, payable, "{reference}");
    let own = steps.iter().filter(|step| number(&step.code) > 2);
    let taken: i64 = own.map(|step| step.before_pence - step.after_pence).sum();
    assert_eq!(taken, line.actual_cost_pence - payable, "{reference}: {steps:#?}");
    for step in steps {
        assert!(!step.text.is_empty(), "{reference} {}", step.code);
        // The set has no baselines, and no role of 2025-26 has a cap.
        if number(&step.code) == 7 || number(&step.code) == 8 {
            assert_eq!(step.before_pence, step.after_pence, "{reference} {}", step.code);
        }
        if step.code == "FIGURE" {
            assert!(step.figure_value.is_some() && step.known_from_date.is_some(), "{reference}");
            assert!(!step.figure.is_empty() && !step.source.is_empty(), "{reference}");
            assert!(!step.confidence.is_empty(), "{reference}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_line_add_up_exactly_from_cost_to_payable() {
    let cluster = Cluster::one().await;
    let positions = bring_in(&cluster).await;
    let england = cluster.channel(&[OPERATOR]);
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);
    let mut request = report_request();

    let today = report(&england, request.clone(), Some(&positions)).await;
    let own = report(&viewer, request.clone(), Some(&positions)).await;
    request.rules_known_on_date = Some(date(RECORDED_ON));
    let then = report(&england, request, None).await;

    for report in [&today, &then] {
        for line in &report.money.as_ref().unwrap().lines {
            // Who sees both PCNs sees the whole cost of the paramedic shared between them, and the
            // physiotherapist's other half is no PCN's.
            let begin = match line.reference.as_str() {
                "demo-e-007" => 516_940,
                "demo-e-012" => 563_119,
                _ => line.actual_cost_pence,
            };
            leads(line, begin);
        }
    }
    let lines = own.money.unwrap().lines;
    let shared = lines.iter().find(|line| line.reference == "demo-e-007").unwrap();
    leads(shared, 310_164);
    let source = lines.iter().find(|line| line.reference == "demo-e-001").unwrap();
    assert!(source.pay_source.contains("pay.csv"), "{}", source.pay_source);
}

#[tokio::test(flavor = "multi_thread")]
async fn supervision_stands_as_the_description_says() {
    use SupervisionStatus::{Due, Late, Met, Never};
    let cluster = Cluster::one().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    let here = report(&channel, report_request(), Some(&positions)).await;
    let mut request = report_request();
    "2025-06".clone_into(&mut request.month);
    let june = report(&channel, request.clone(), None).await;
    MONTH.clone_into(&mut request.month);
    "pcns/U60113".clone_into(&mut request.name);
    let other = report(&channel, request, None).await;

    for (report, person, code, status) in [
        (&here, "demo-p-001", "CP-CLIN-M", Some(Met)),
        (&june, "demo-p-002", "SCP-CLIN-Q", Some(Met)),
        (&here, "demo-p-002", "SCP-CLIN-Q", Some(Due)),
        // The part period of a starter does not count: the first whole month is to come.
        (&here, "demo-p-003", "CP-CLIN-M", Some(Due)),
        (&here, "demo-p-003", "ALL-INDUCT", Some(Met)),
        (&here, "demo-p-004", "PT-CLIN-M", Some(Met)),
        (&here, "demo-p-005", "SPLW-CLIN-M", Some(Late)),
        (&here, "demo-p-008", "MHP_ADULT-PROV", Some(Never)),
        (&other, "demo-p-201", "AP-CLIN-M", Some(Late)),
        (&other, "demo-p-202", "PT-CLIN-M", Some(Met)),
    ] {
        let people = &report.supervision.as_ref().unwrap().people;
        let found = people.iter().find(|found| found.person_reference == person).unwrap();
        let found = found.requirements.iter().find(|requirement| requirement.code == code);
        let found = found.map(|requirement| requirement.status());
        assert_eq!(found, status, "{person} {code}");
    }
    let supervision = here.supervision.unwrap();
    // The contracted service has nobody to supervise.
    assert_eq!(supervision.people.len(), 14);
    let counted = [
        supervision.met_count,
        supervision.due_count,
        supervision.late_count,
        supervision.never_count,
    ];
    let listed: usize = supervision.people.iter().map(|person| person.requirements.len()).sum();
    assert_eq!(usize::try_from(counted.iter().sum::<i32>()).unwrap(), listed);
    // The coach's and the coordinator's requirements have no count.
    let told = supervision.not_evaluated.iter().any(|row| row.starts_with("HWBC-MENTOR"));
    assert!(told, "{:?}", supervision.not_evaluated);
}

#[tokio::test(flavor = "multi_thread")]
async fn workforce_counts_as_the_description_says() {
    let cluster = Cluster::one().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    let here = report(&channel, report_request(), Some(&positions)).await;
    let mut silent = report_request();
    "pcns/U62043".clone_into(&mut silent.name);
    let silent = report(&channel, silent, None).await;

    use SectionState::Fresh;
    let fresh = [("workforce", Fresh), ("money", Fresh), ("supervision", Fresh)];
    assert_eq!(states(&here.sections), fresh);
    let workforce = here.workforce.as_ref().unwrap();
    let expected_total = RoleWorkforce {
        role: String::new(),
        staff_fte_month_end_micro: 11_200_000,
        contracted_fte_month_end_micro: 1_000_000,
        // 1866/155 with the contracted service, half up.
        staff_fte_average_micro: 11_038_710,
        contracted_fte_average_micro: 1_000_000,
        headcount: 13,
        joiner_count: 1,
        leaver_count: 1,
    };
    assert_eq!(workforce.total, Some(expected_total));
    let role = |code: &str| workforce.roles.iter().find(|role| role.role == code).unwrap();
    assert_eq!(role("HWBC").staff_fte_month_end_micro, 933_333);
    assert_eq!(role("GP").staff_fte_month_end_micro, 1_666_667);
    assert_eq!(role("NA").headcount, 1);
    assert_eq!((role("PA").headcount, role("PA").leaver_count), (0, 1));
    assert_eq!((role("CP").headcount, role("CP").joiner_count), (3, 1));
    let link = role("SPLW");
    assert_eq!((link.headcount, link.contracted_fte_month_end_micro), (1, 1_000_000));
    let list = workforce.list_size.as_ref().unwrap();
    assert_eq!(list.date, Some(date(terms::Date::constant(2025, 1, 1))));
    assert_eq!(list.registered_count, 48_287);
    assert_eq!(list.weighted_ten_thousandths, Some(496_424_200));
    assert_eq!(workforce.parents, ["organisations/11N", "organisations/QT6", "organisations/Y58"]);
    let totals = here.totals.unwrap();
    assert_eq!(totals.payable_per_fte_pence, Some(470_762));
    assert_eq!(totals.patients_per_fte_count, Some(4_011));

    let published = workforce.national_return.as_ref().unwrap();
    let published_of = |code: &str| published.roles.iter().find(|role| role.role == code).unwrap();
    assert_eq!(published_of("CP").staff_fte_micro, 3_000_000);
    assert_eq!(published_of("HWBC").contracted_fte_micro, 933_333);
    assert_eq!((published_of("HWBC").headcount, published_of("CP").headcount), (0, 3));
    assert!(published.roles.last().unwrap().role.is_empty(), "the director is outside the scheme");
    // One that did not submit is not zero.
    assert_eq!(silent.workforce.unwrap().national_return, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_clients_get_the_report_from_the_contracts_alone() {
    let Some(python) = std::env::var_os("ARRS_TEST_PYTHON") else {
        eprintln!("NOT RUN: ARRS_TEST_PYTHON names no Python with grpcio; tests/run sets it");
        return;
    };
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let server = cluster.url("gateway").trim_start_matches("http://").to_owned();
    let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python");
    let token = cluster.token(&["pcn-viewer@pcn:U09081"]);
    let stranger = cluster.token(&["pcn-viewer@pcn:U60113"]);
    let code = PCN.trim_start_matches("pcns/");
    let run = |script: &str, token: &str| {
        Command::new(&python)
            .arg(format!("{clients}/{script}"))
            .args(["--server", &server, "--token", token, "--pcn", code, "--month", MONTH])
            .output()
            .unwrap()
    };

    let report = run("report.py", &token);
    let reflect = run("reflect.py", &token);
    let refused = [run("report.py", &stranger), run("reflect.py", &stranger)];

    assert_eq!(report.status.code(), Some(0), "{report:?}");
    let report = text(&report);
    for telling in [
        "pcns/U09081 2025-07 FALMOUTH AND PENRYN PCN",
        "section money: FRESH",
        "workforce: 13 people, 12.039 FTE averaged over the month",
        "money: 15 lines, £56,673.71 payable of £60,834.81, 0 unpriced",
    ] {
        assert!(report.contains(telling), "{telling:?} is not in\n{report}");
    }
    assert_eq!(reflect.status.code(), Some(0), "{reflect:?}");
    let reflect = text(&reflect);
    assert!(reflect.contains("service arrs.report.v1.ReportService"), "{reflect}");
    assert!(reflect.contains("report pcns/U09081 2025-07, 3 sections"), "{reflect}");
    for output in refused {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("PERMISSION_DENIED"));
    }
}
