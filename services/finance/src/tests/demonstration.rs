//! The demonstration set: its pay, its lines, and who sees what of them.

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::finance_summary_service_server::FinanceSummaryService;
use arrs_proto::finance::v1::stream_pcn_summaries_response::Part;
use arrs_proto::summary::v1::StreamPcnSummariesRequest;
use kit::ErrorReason;
use kit::error::reason_of;
use kit::roster::Line;
use terms::Pence;
use tokio_stream::StreamExt as _;

use super::fixture::{Finance, PAY, PCN, called, named, relation, rows, variant};
use crate::api::pcn_money::FinanceSummaryApi;

const EXPECTED: &str = include_str!("../../../../tests/data/demo_expected.csv");
const MANAGER: &str = "pcn-manager@pcn:U09081";
const EVERYBODY: &str = "auditor@england";

fn pence(pounds: &str) -> i64 {
    pounds.parse::<Pence>().unwrap().0
}

fn line<'a>(money: &'a pb::PcnMoney, reference: &str) -> &'a pb::ClaimLine {
    money.lines.iter().find(|line| line.reference == reference).unwrap()
}

fn texts(line: &pb::ClaimLine) -> Vec<&str> {
    line.steps.iter().map(|step| step.text.as_str()).collect()
}

async fn loaded() -> Finance {
    let finance = Finance::with_roster().await;
    finance.import(PAY).await.unwrap();
    finance
}

#[tokio::test]
async fn every_line_comes_to_what_was_expected_by_either_state_of_the_rules() {
    let finance = loaded().await;

    let before = finance.summary(EVERYBODY, PCN, Some("2025-07-31"), None).await.unwrap();
    let today = finance.summary(EVERYBODY, PCN, None, None).await.unwrap();

    let mut differences = Vec::new();
    for expected in rows(EXPECTED) {
        let reference = expected["engagement_id"].as_str();
        for (money, maximum, payable) in [
            (&before, "maximum", "payable_known_2025_07_31"),
            (&today, "maximum_today", "payable_today"),
        ] {
            let line = line(money, reference);
            let found = (line.actual_cost_pence, line.maximum_pence, line.payable_pence);
            let wanted = (
                pence(&expected["actual_cost_share"]),
                Some(pence(&expected[maximum])),
                Some(pence(&expected[payable])),
            );
            if found != wanted {
                differences.push((reference.to_owned(), payable, found, wanted));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(before.lines.len(), rows(EXPECTED).len());
    assert_eq!(before.payable_pence, pence("55880.36"));
    assert_eq!(today.payable_pence, pence("56673.71"));
    assert_eq!(today.unpriced_count, 0);
    let pots = &today.allocation.as_ref().unwrap().pots;
    assert_eq!(pots[0].amount_pence, Some(pence("1322027.29")));
    let left = pots[0].amount_pence.unwrap() - today.year_payable_pence.unwrap();
    assert_eq!(today.room_pence, Some(left));
}

#[tokio::test]
async fn steps_lead_from_cost_to_payable_and_read_well() {
    let finance = loaded().await;

    let money = finance.summary(EVERYBODY, PCN, None, None).await.unwrap();

    for line in &money.lines {
        let first = line.steps.first().unwrap().before_pence;
        let moved: i64 = line.steps.iter().map(|step| step.after_pence - step.before_pence).sum();
        assert_eq!(Some(first + moved), line.payable_pence, "{}", line.reference);
        for pair in line.steps.windows(2) {
            assert_eq!(pair[0].after_pence, pair[1].before_pence, "{}", line.reference);
        }
        for step in &line.steps {
            assert_ne!(step.text, step.code, "{}", line.reference);
        }
    }
    let one = texts(line(&money, "demo-e-001"));
    assert_eq!(
        one[1],
        "The maximum for a Clinical pharmacist (band 7-8a, outside London) is £69,410.00 a year; \
         for 37.5 of 37.5 hours over 31 of 31 days it is £5,784.17."
    );
    assert_eq!(
        one[3],
        "The engagement cost £5,733.18 in the month: salary £4,479.58, employer's National \
         Insurance £609.44, employer's pension £644.16."
    );
    assert_eq!(line(&money, "demo-e-001").pay_source.split(' ').nth(2), Some("5"));
    assert!(texts(line(&money, "demo-e-010")).contains(
        &"Of fees of £250.00, £200.00 may be claimed: at most £200.00 a month for one WTE, for 1 \
              WTE."
    ));
    assert!(
        texts(line(&money, "demo-e-012"))
            .iter()
            .any(|text| text.starts_with("581.25 of 1162.5 hour-days"))
    );
}

#[tokio::test]
async fn a_comparison_says_why_todays_figures_give_another_amount() {
    let finance = loaded().await;

    let compared = finance.compare(MANAGER, "demo-e-001").await.unwrap();

    assert_eq!(compared.from.unwrap().payable_pence, Some(pence("5581.00")));
    assert_eq!(compared.to.unwrap().payable_pence, Some(pence("5733.18")));
    let told = &compared.differences;
    assert_eq!(
        told[0],
        "Payable was £5,581.00 by the figures known on 2025-07-31 and is £5,733.18 by those known \
         on 2026-07-15, £152.18 more."
    );
    assert!(
        told[1].starts_with(
            "The maximum for a Clinical pharmacist (band 7-8a, outside London) was £66,972.00 a \
             year (known since 2025-03-27, CONFIRMED, source: "
        ) && told[1]
            .contains(" and is £69,410.00 a year (known since 2025-08-01, DERIVED, source: "),
        "{}",
        told[1]
    );
    assert_eq!(told[2], "The maximum of the line was £5,581.00 and is £5,784.17.");

    let absent = finance.compare(MANAGER, "demo-e-101").await.unwrap_err();
    assert_eq!(reason_of(&absent), Some(ErrorReason::ResourceNotFound));
}

#[tokio::test]
async fn what_another_pcn_bears_stays_hidden_from_who_does_not_see_it() {
    let finance = loaded().await;

    let manager = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    let federation = "federation-manager@federation:DEMOFED01";
    let federation = finance.summary(federation, PCN, None, None).await.unwrap();

    let (own, whole) = (line(&manager, "demo-e-007"), line(&federation, "demo-e-007"));
    assert_eq!(own.actual_cost_pence, pence("3101.64"));
    assert_eq!(own.payable_pence, whole.payable_pence);
    assert!(own.steps.iter().all(|step| step.before_pence <= pence("3101.64")));
    assert!(!texts(own).iter().any(|text| text.contains("5,169.40") || text.contains("4,043.83")));
    assert!(
        texts(own)
            .contains(&"This PCN bears £3,101.64, by its part of the hours of the engagement.")
    );
    assert!(!texts(own).iter().any(|text| text.contains("hour-days")));
    // Files are the owner's.
    assert_eq!(own.pay_source, "");
    assert_ne!(whole.pay_source, "");
    assert_eq!(line(&federation, "demo-e-001").pay_source, "");
    assert_ne!(line(&manager, "demo-e-001").pay_source, "");
    assert_eq!(whole.steps[0].before_pence, pence("5169.40"));
    assert!(texts(whole).iter().any(|text| text.contains("5,169.40")));
    // The rest of its PCN's staff is the manager's own, and seen whole by both.
    assert_eq!(line(&manager, "demo-e-013").steps, line(&federation, "demo-e-013").steps);
}

#[tokio::test]
async fn what_the_year_comes_to_is_only_for_those_who_see_all_its_months() {
    let finance = loaded().await;
    finance
        .know(vec![
            named("DEMOFED09", "federation"),
            relation(PCN, "served-by", "DEMOFED09", "2025-05-01"),
            named("DEMOFED10", "federation"),
            relation(PCN, "served-by", "DEMOFED10", "2025-04-30"),
        ])
        .await;

    let whole = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    let from_april = "federation-manager@federation:DEMOFED10";
    let from_april = finance.summary(from_april, PCN, None, None).await.unwrap();
    let from_may = "federation-manager@federation:DEMOFED09";
    let from_may = finance.summary(from_may, PCN, None, None).await.unwrap();

    assert!(whole.year_payable_pence.is_some() && whole.room_pence.is_some());
    assert_eq!(from_april.year_payable_pence, whole.year_payable_pence);
    assert_eq!((from_may.year_payable_pence, from_may.room_pence), (None, None));
    assert_eq!(from_may.payable_pence, whole.payable_pence);
    let told = texts(line(&from_may, "demo-e-001"));
    assert_eq!(
        told.last().unwrap(),
        &"The line fits in what is left of the allocation of £1,322,027.29 for the year. The room \
          is not shown: it depends on months of the year that you may not see."
    );
    let left = |line: &pb::ClaimLine| texts(line).iter().any(|text| text.contains(" is left if "));
    assert!(whole.lines.iter().all(left));
    assert!(!from_may.lines.iter().any(left));
}

#[tokio::test]
async fn a_line_without_a_price_shows_its_band_and_pay_that_counts_nowhere_is_told() {
    let finance = loaded().await;
    finance.know(variant(&[("band", "4"), ("start", "2025-07-01")])).await;
    finance.pay_variant().await;

    let owner = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    let federation = "federation-manager@federation:DEMOFED01";
    let federation = finance.summary(federation, PCN, None, None).await.unwrap();

    let wrong = line(&owner, "demo-e-998");
    assert_eq!((wrong.state(), wrong.band.as_str()), (pb::ClaimLineState::Unpriced, "4"));
    assert_eq!(line(&owner, "demo-e-001").band, "8a");
    let rest = "pay of demo-e-998 for 2025-06 counts in no month: the engagement has no day in \
                post in or before it.";
    assert_eq!(owner.unplaced, [format!("£2,600.00 of {rest}")]);
    assert_eq!(federation.unplaced, [format!("P{}", &rest[1..])]);
}

#[tokio::test]
async fn pay_of_hours_that_were_withdrawn_is_told_to_who_keeps_the_record() {
    let finance = loaded().await;
    finance.know(variant(&[])).await;
    finance.pay_variant().await;
    let withdrawn = variant(&[]).into_iter().filter_map(|line| match line {
        Line::Assignment(row) => Some(Line::NoAssignment(row)),
        _ => None,
    });
    finance.know(withdrawn.collect()).await;

    let owner = finance.summary(MANAGER, PCN, None, None).await.unwrap();
    let federation = "federation-manager@federation:DEMOFED01";
    let federation = finance.summary(federation, PCN, None, None).await.unwrap();

    assert!(owner.lines.iter().all(|line| line.reference != "demo-e-998"));
    let told = ["2025-06", "2025-07"].map(|month| {
        format!(
            "£2,600.00 of pay of demo-e-998 for {month} counts in no month: the engagement has no \
             day in post in or before it."
        )
    });
    assert_eq!(owner.unplaced, told);
    assert_eq!(federation.unplaced, [""; 0]);
}

#[tokio::test]
async fn a_pcn_of_others_and_one_that_does_not_exist_are_refused_alike() {
    let finance = loaded().await;

    for pcn in ["U31970", "U99999"] {
        let refused = finance.summary(MANAGER, pcn, None, None).await.unwrap_err();
        assert_eq!(reason_of(&refused), Some(ErrorReason::NotPermitted), "{pcn}");
    }
}

#[tokio::test]
async fn a_correction_is_not_in_the_answer_as_it_was_known() {
    let finance = loaded().await;
    let before = finance.summary(EVERYBODY, PCN, None, Some("2025-07-31")).await.unwrap();

    let correction = "engagement_id,month,salary,employer_ni,employer_pension,paid_on\n\
                      demo-e-001,2025-07,4000.00,609.44,644.16,2025-07-28\n";
    let england = "operator@england";
    finance.import_as(england, None, "2026-07-01", correction).await.unwrap();

    let then = finance.summary(EVERYBODY, PCN, None, Some("2025-07-31")).await.unwrap();
    let now = finance.summary(EVERYBODY, PCN, None, None).await.unwrap();
    assert_eq!(then.lines, before.lines);
    assert_eq!(line(&now, "demo-e-001").actual_cost_pence, pence("5253.60"));
    let earlier = finance.summary(EVERYBODY, PCN, None, Some("2025-07-30")).await.unwrap_err();
    assert_eq!(reason_of(&earlier), Some(ErrorReason::NotPermitted), "nothing was known yet");
}

#[tokio::test]
async fn a_stream_has_the_summaries_that_are_asked_for_one_by_one_and_counts_what_is_hidden() {
    let finance = loaded().await;
    let api = FinanceSummaryApi { app: finance.app.clone() };
    let request = StreamPcnSummariesRequest {
        names: ["U62043", "U09081", "U31970", "U99999"].map(|code| format!("pcns/{code}")).into(),
        month: "2025-07".into(),
        ..Default::default()
    };
    let request = called(request, EVERYBODY, "finance.summaries.read");

    let stream = api.stream_pcn_summaries(request).await.unwrap().into_inner();
    let parts: Vec<Part> = stream.map(|part| part.unwrap().part.unwrap()).collect().await;

    let [Part::Header(header), rows @ .., Part::Trailer(trailer)] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    assert_eq!((header.member_count, trailer.row_count, trailer.hidden_count), (3, 3, 1));
    for (row, pcn) in rows.iter().zip(["U09081", "U31970", "U62043"]) {
        let alone = finance.summary(EVERYBODY, pcn, None, None).await.unwrap();
        assert_eq!(*row, Part::Summary(alone), "{pcn}");
    }
}

#[tokio::test]
async fn a_month_without_pay_waits() {
    let finance = Finance::with_roster().await;

    let money = finance.summary(MANAGER, PCN, None, None).await.unwrap();

    let line = line(&money, "demo-e-001");
    assert_eq!(line.state(), pb::ClaimLineState::Waiting);
    assert!(texts(line).contains(&"No pay is recorded for the month."));
    assert_eq!(line.pay_source, "");
}
