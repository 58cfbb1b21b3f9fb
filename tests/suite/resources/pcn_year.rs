//! The money of a PCN and contract year.

use arrs_proto::finance::v1 as finance;
use arrs_proto::google::r#type::Date as WireDate;
use arrs_tests::cluster::Cluster;
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use terms::Date;
use tonic::{Code, Response, Status};

use super::owed::claim;
use crate::demo_set::{OPERATOR, PCN, RECORDED_ON, bring_in, call, denied, invalid, refused};

const GET_PCN_YEAR: &str = "/arrs.finance.v1.FinanceSummaryService/GetPcnYear";

async fn year(
    channel: &Channel,
    name: &str,
    year: &str,
    known_at: Option<Date>,
) -> Result<Response<finance::PcnYear>, Status> {
    let request = finance::GetPcnYearRequest {
        name: name.to_owned(),
        year: year.to_owned(),
        rules_known_on_date: known_at.map(date),
        known_at_date: known_at.map(date),
    };
    call(channel, GET_PCN_YEAR, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_has_every_line_of_income_and_what_the_scheme_pays() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let viewer = cluster.channel(&["pcn-viewer@pcn:U09081"]);

    let answer = year(&viewer, PCN, "2025-26", Some(RECORDED_ON)).await.unwrap().into_inner();

    assert_eq!((answer.name.as_str(), answer.through_month.as_str()), (PCN, "2025-07"));
    let lines: Vec<_> = answer
        .incomes
        .iter()
        .map(|one| (one.line.as_str(), one.counted.as_str(), one.to_date_pence))
        .collect();
    let wanted = [
        ("CORE_PCN_COMBINED", "registered", Some(3_647_278)),
        ("CORE_PCN_COMBINED", "adjusted", Some(1_198_772)),
        ("ENHANCED_ACCESS", "adjusted", Some(13_781_791)),
        ("CARE_HOME_PREMIUM", "beds", None),
        ("CASP", "adjusted", Some(5_246_468)),
        ("CAIP", "adjusted", Some(2_248_720)),
        ("IIF", "points", None),
        ("NETWORK_PARTICIPATION", "weighted", Some(2_914_010)),
    ];
    assert_eq!(lines, wanted);
    assert!(answer.incomes.iter().all(|one| !one.rate.as_ref().unwrap().source.is_empty()));
    let income = answer.pcn_income.as_ref().unwrap();
    assert_eq!(income.to_date_pence, 26_123_029);
    assert_eq!(
        (&income.missing[..], &income.unconfirmed[..]),
        (&["CARE_HOME_PREMIUM".to_owned(), "IIF".to_owned()][..], &["CASP".to_owned()][..],)
    );
    let roles = answer.all_roles.as_ref().unwrap();
    let cuts: i64 = roles.cuts.iter().map(|cut| cut.amount_pence).sum();
    assert_eq!(cuts, roles.cost_pence - roles.payable_pence);
    assert_eq!(answer.arrs.as_ref().unwrap().to_date_pence, roles.payable_pence);
    assert_eq!(answer.pots[0].allocation.as_ref().unwrap().amount_pence, Some(132_202_729));
    assert_eq!(answer.cut.as_ref().unwrap().rule_digest.len(), 64);

    // The same question has the same answer.
    let again = year(&viewer, PCN, "2025-26", Some(RECORDED_ON)).await.unwrap().into_inner();
    assert_eq!(answer, again);

    let hidden = denied(year(&viewer, "pcns/U31970", "2025-26", None).await);
    let absent = denied(year(&viewer, "pcns/U99999", "2025-26", None).await);
    assert_eq!(hidden.message().replace("U31970", "U99999"), absent.message());
    denied(year(&cluster.channel(&[OPERATOR]), "pcns/U99999", "2025-26", None).await);
    denied(year(&cluster.channel(&["icb-workforce@icb:QT6"]), PCN, "2025-26", None).await);
    let today = Some(Clock::system().today());
    let today = year(&viewer, PCN, "2025-26", today).await;
    refused(today, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
    invalid(year(&viewer, PCN, "2026-27", Some(RECORDED_ON)).await, &["year"]);
    let wrong = finance::GetPcnYearRequest {
        name: "U09081".to_owned(),
        year: "2025".to_owned(),
        rules_known_on_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
        known_at_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
    };
    let answer: Result<Response<finance::PcnYear>, _> = call(&viewer, GET_PCN_YEAR, wrong).await;
    invalid(answer, &["name", "year", "rules_known_on_date", "known_at_date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_reads_the_years_money_and_what_is_owed_at_a_terminal() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let says = |arguments: &[&str], words: &[&str]| {
        let output = cluster.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        for word in words {
            assert!(text.contains(word), "{word:?} is not in:\n{text}");
        }
    };

    says(
        &["report", "money", "U09081", "--year", "2025-26", "--known-at", "2025-07-31"],
        &[
            "U09081: money of 2025-26, up to the end of July 2025",
            "CASP",
            "£137,817.91",
            "NETWORK_PARTICIPATION *",
            "! CARE_HOME_PREMIUM: no record of beds of care homes",
            "£1,322,027.29",
            "LOWER_OF_COST_AND_MAXIMUM",
            "£261,230.29, £783,690.87 in the year",
            "not confirmed: CASP",
        ],
    );
    says(&["ledger", "owed"], &["Nothing is owed."]);
    says(&["ledger", "owed", "U09081"], &["Owed to U09081 on ", "£0.00"]);
    assert_eq!(claim(&cluster, "U09081").await, 5_667_371);
    says(
        &["ledger", "owed", "U09081"],
        &[
            "£56,673.71",
            "more than 90 days",
            "2025-07",
            "SUBMITTED",
            "in principle, 1 month after the one claimed (ONE SOURCE, ",
            "ONE SOURCE",
            "July 2025",
            "£60,834.81",
        ],
    );
    says(&["ledger", "owed"], &["U09081", "£56,673.71 are owed to one PCN."]);
}
