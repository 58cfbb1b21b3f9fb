//! Reports of one PCN and of many, whole and in parts.

use arrs_proto::google::r#type::Date as WireDate;
use arrs_proto::report::v1::stream_pcn_reports_response::Part;
use arrs_proto::report::v1::{
    GetPcnReportRequest, PcnReport, SectionState, StreamPcnReportsHeader, StreamPcnReportsRequest,
    StreamPcnReportsResponse,
};
use arrs_proto::summary::v1::StreamTrailer;
use arrs_tests::cluster::{self, Cluster};
use kit::Clock;
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::wire::date;
use prost::Message;
use terms::Date;
use tonic::{Code, Status};

use crate::demo_set::{
    GET_REPORT, MONTH, OPERATOR, PCN, RECORDED_ON, STAFF, bring_in, call, collect, denied, invalid,
    metadata, refused, report, report_request, settle, states, take,
};

const STREAM_REPORTS: &str = "/arrs.report.v1.ReportService/StreamPcnReports";
const PCNS: [&str; 4] = ["pcns/U09081", "pcns/U31970", "pcns/U60113", "pcns/U62043"];
const FRESH: [(&str, SectionState); 3] = [
    ("workforce", SectionState::Fresh),
    ("money", SectionState::Fresh),
    ("supervision", SectionState::Fresh),
];

/// A stream of reports that ended by itself.
#[derive(Debug)]
struct Streamed {
    header: StreamPcnReportsHeader,
    reports: Vec<PcnReport>,
    trailer: StreamTrailer,
}

impl Streamed {
    fn names(&self) -> Vec<&str> {
        self.reports.iter().map(|report| report.name.as_str()).collect()
    }
}

fn group(parent: &str) -> StreamPcnReportsRequest {
    StreamPcnReportsRequest {
        parent: format!("organisations/{parent}"),
        month: MONTH.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    }
}

async fn stream(channel: &Channel, request: StreamPcnReportsRequest) -> Result<Streamed, Status> {
    let part = |message: StreamPcnReportsResponse| message.part;
    let mut parts = collect(channel, STREAM_REPORTS, request, part).await?;
    let Some(Part::Trailer(trailer)) = parts.pop() else { panic!("the stream was cut") };
    let mut parts = parts.into_iter();
    let Some(Part::Header(header)) = parts.next() else { panic!("a header comes first") };
    let reports = parts.map(|part| match part {
        Part::Report(report) => report,
        Part::Header(_) | Part::Trailer(_) => panic!("reports are in between"),
    });
    Ok(Streamed { header, reports: reports.collect(), trailer })
}

async fn of_each(channel: &Channel) -> Vec<PcnReport> {
    let mut reports = Vec::new();
    for name in PCNS {
        let request = GetPcnReportRequest { name: name.to_owned(), ..report_request() };
        reports.push(report(channel, request, None).await);
    }
    reports
}

fn complete() -> GetPcnReportRequest {
    GetPcnReportRequest { require_complete: true, ..report_request() }
}

async fn ask(
    channel: &Channel,
    request: GetPcnReportRequest,
) -> Result<tonic::Response<PcnReport>, Status> {
    call(channel, GET_REPORT, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_whole_in_one_process_and_the_same_in_four() {
    let one = Cluster::one().await;
    let four = Cluster::separate().await;
    let mut payable = Vec::new();

    for cluster in [&one, &four] {
        let positions = bring_in(cluster).await;
        let channel = cluster.channel(&["pcn-viewer@pcn:U09081"]);
        let report = report(&channel, complete(), Some(&positions)).await;

        assert_eq!(states(&report.sections), FRESH);
        assert!(report.sections.iter().all(|section| section.reason.is_empty()));
        assert_eq!((report.name.as_str(), report.month.as_str()), (PCN, MONTH));
        assert_eq!(report.display_name, "FALMOUTH AND PENRYN PCN");
        let cuts = [
            report.workforce.as_ref().unwrap().cut.clone().unwrap(),
            report.money.as_ref().unwrap().cut.clone().unwrap(),
            report.supervision.as_ref().unwrap().cut.clone().unwrap(),
        ];
        for cut in &cuts {
            assert_eq!(cut.rules_known_on_date, cuts[0].rules_known_on_date);
            assert_eq!(cut.known_at_date, None);
            let of_workforce = |cut: &arrs_proto::summary::v1::Cut| {
                cut.positions.iter().find(|one| one.producer == "workforce").cloned()
            };
            assert!(of_workforce(cut).is_some());
            assert_eq!(of_workforce(cut), of_workforce(&cuts[0]));
        }
        assert_eq!(cuts[1].rule_digest.len(), 64);
        payable.push((report.money.unwrap().payable_pence, report.totals));
    }

    assert_eq!(payable[0], payable[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_down_is_a_marked_section_and_never_a_zero() {
    let mut cluster = Cluster::separate().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let whole = report(&channel, report_request(), Some(&positions)).await;

    cluster.kill("finance");
    let without_money = report(&channel, report_request(), None).await;
    let required = ask(&channel, complete()).await;

    let [workforce, money, supervision] = without_money.sections.as_slice() else {
        panic!("three sections, always: {:?}", without_money.sections);
    };
    assert_eq!(money.state(), SectionState::Unavailable);
    assert!(money.reason.contains("finance"), "{}", money.reason);
    assert!(!money.reason.contains("127.0.0.1"), "{}", money.reason);
    assert_eq!(
        (workforce.state(), supervision.state()),
        (SectionState::Fresh, SectionState::Fresh)
    );
    assert_eq!(without_money.money, None);
    assert_eq!(without_money.workforce, whole.workforce);
    assert_eq!(without_money.supervision, whole.supervision);
    let totals = without_money.totals.unwrap();
    assert_eq!(totals.payable_per_fte_pence, None);
    assert_eq!(totals.patients_per_fte_count, whole.totals.unwrap().patients_per_fte_count);
    let status = refused(required, Code::FailedPrecondition, ErrorReason::ReportIncomplete);
    assert_eq!(metadata(&status, "sections").as_deref(), Some("money"));

    cluster.kill("workforce");
    let supervision_only = report(&channel, report_request(), None).await;
    let required = ask(&channel, complete()).await;

    assert_eq!(
        states(&supervision_only.sections),
        [
            ("workforce", SectionState::Unavailable),
            ("money", SectionState::Unavailable),
            ("supervision", SectionState::Fresh),
        ]
    );
    assert_eq!(supervision_only.totals, None);
    assert_eq!((supervision_only.workforce, supervision_only.display_name), (None, String::new()));
    assert_eq!(supervision_only.supervision, whole.supervision);
    let status = refused(required, Code::FailedPrecondition, ErrorReason::ReportIncomplete);
    assert_eq!(metadata(&status, "sections").as_deref(), Some("workforce,money"));
    let nobody = stream(&channel, group("QT6")).await;
    refused(nobody, Code::Unavailable, ErrorReason::ServiceUnreachable);

    cluster.kill("supervision");
    let nothing = ask(&channel, report_request()).await;
    refused(nothing, Code::Unavailable, ErrorReason::ServiceUnreachable);

    for role in ["workforce", "finance", "supervision"] {
        cluster.start(role).await;
    }
    settle(&channel, &positions).await;
    let again = report(&channel, complete(), Some(&positions)).await;
    assert_eq!(again.encode_to_vec(), whole.encode_to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_a_group_stream_in_the_order_of_codes_and_say_what_each_report_says() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let each = of_each(&channel).await;

    for parent in ["QT6", "11N", "Y58", "ENGLAND"] {
        let streamed = stream(&channel, group(parent)).await.unwrap();

        assert_eq!(streamed.reports, each, "{parent}");
        assert_eq!((streamed.header.member_count, streamed.header.hidden_count), (4, 0));
        assert_eq!(streamed.header.members_from, "workforce");
        assert_eq!(states(&streamed.header.sections), FRESH);
        assert_eq!((streamed.trailer.row_count, streamed.trailer.hidden_count), (4, 0));
    }

    // Members outside the scope are counted, not named.
    for (grant, parent, members, hidden) in [
        ("pcn-viewer@pcn:U31970", "QT6", &PCNS[1..2], 3),
        ("federation-manager@federation:DEMOFED01", "ENGLAND", &PCNS[..2], 2),
        ("icb-finance@icb:QT6", "DEMOFED01", &PCNS[..2], 0),
        ("pcn-viewer@pcn:U62043", "U62043", &PCNS[3..], 0),
    ] {
        let channel = cluster.channel(&[grant]);
        let streamed = stream(&channel, group(parent)).await.unwrap();
        assert_eq!(streamed.names(), members, "{grant} {parent}");
        assert_eq!(streamed.header.hidden_count, hidden, "{grant} {parent}");
        assert_eq!(streamed.trailer.hidden_count, hidden, "{grant} {parent}");
        assert_eq!(usize::try_from(streamed.trailer.row_count).unwrap(), members.len());
    }
    for (grant, parent) in [
        ("pcn-viewer@pcn:U60113", "DEMOFED01"),
        ("icb-finance@icb:QZ9", "QT6"),
        (OPERATOR, "QZ9"),
        (OPERATOR, "U99999"),
    ] {
        denied(stream(&cluster.channel(&[grant]), group(parent)).await);
    }
    let wrong = StreamPcnReportsRequest {
        parent: "pcns/U09081".to_owned(),
        month: "2025-13".to_owned(),
        rules_known_on_date: None,
        known_at_date: Some(WireDate { year: 2025, month: 2, day: 30 }),
    };
    invalid(stream(&channel, wrong).await, &["parent", "month", "known_at_date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn finance_tells_the_members_of_a_group_while_workforce_is_down() {
    let mut cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let whole = of_each(&channel).await;

    cluster.kill("workforce");
    let streamed = stream(&channel, group("QT6")).await.unwrap();

    assert_eq!(streamed.header.members_from, "finance");
    assert_eq!(streamed.header.member_count, 4);
    let [workforce, money, supervision] = streamed.header.sections.as_slice() else {
        panic!("three sections, always");
    };
    assert_eq!(workforce.state(), SectionState::Unavailable);
    assert_eq!((money.state(), supervision.state()), (SectionState::Fresh, SectionState::Fresh));
    assert_eq!(streamed.names(), PCNS);
    assert_eq!(streamed.trailer.row_count, 4);
    for (part, whole) in streamed.reports.iter().zip(&whole) {
        assert_eq!((&part.workforce, &part.totals), (&None, &None));
        assert_eq!((&part.money, &part.supervision), (&whole.money, &whole.supervision));
        assert_eq!(part.sections[0].state(), SectionState::Unavailable);
    }

    cluster.kill("supervision");
    let money_only = stream(&channel, group("ENGLAND")).await.unwrap();
    assert_eq!(money_only.names(), PCNS);
    for (part, whole) in money_only.reports.iter().zip(&whole) {
        assert_eq!((&part.supervision, &part.money), (&None, &whole.money));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cut_gives_the_same_bytes_whatever_came_later() {
    let mut cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let then = Some(date(RECORDED_ON));
    let as_then =
        GetPcnReportRequest { rules_known_on_date: then, known_at_date: then, ..report_request() };
    let now = report_request();

    for request in [&as_then, &now] {
        let first = report(&channel, request.clone(), None).await;
        let second = report(&channel, request.clone(), None).await;
        cluster.kill("all");
        cluster.start("all").await;
        let third = report(&channel, request.clone(), None).await;

        assert_eq!(states(&first.sections), FRESH);
        assert_eq!(first.encode_to_vec(), second.encode_to_vec());
        assert_eq!(first.encode_to_vec(), third.encode_to_vec());
    }

    let before = report(&channel, as_then.clone(), None).await;
    let pay = "engagement_id,month,salary,employer_ni,employer_pension\n\
               demo-e-001,2025-06,1.00,0.00,0.00\n";
    take(&cluster, "pay", pay, None).await;
    let header = STAFF.lines().next().unwrap();
    let staff = format!(
        "{header}\ndemo-e-901,demo-p-901,Demo-Later,One,CC,,4,DEMOCOM01,PCN_DIRECT,U09081,15,,\
         2025-07-01,,,,,,\n"
    );
    take(&cluster, "staff", &staff, None).await;
    let after = report(&channel, as_then, None).await;

    assert_eq!(before.encode_to_vec(), after.encode_to_vec());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_known_can_be_asked_of_days_that_are_over_and_no_others() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let today = Clock::system().today();
    let known_at =
        |day: Date| GetPcnReportRequest { known_at_date: Some(date(day)), ..report_request() };

    for day in [today, today.tomorrow().unwrap()] {
        let answer = ask(&channel, known_at(day)).await;
        let status = refused(answer, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
        assert_eq!(metadata(&status, "known_at"), Some(day.to_string()));
        assert_eq!(metadata(&status, "today"), Some(today.to_string()));
        let request = StreamPcnReportsRequest { known_at_date: Some(date(day)), ..group("QT6") };
        let answer = stream(&channel, request).await;
        refused(answer, Code::FailedPrecondition, ErrorReason::KnownAtNotOver);
    }
    // Nothing was known of the PCN on the day before it was recorded.
    let eve = RECORDED_ON.yesterday().unwrap();
    denied(ask(&channel, known_at(eve)).await);
    denied(ask(&channel, known_at(Date::constant(2020, 1, 1))).await);
    let request = StreamPcnReportsRequest { known_at_date: Some(date(eve)), ..group("QT6") };
    denied(stream(&channel, request).await);
    let first = ask(&channel, known_at(RECORDED_ON)).await.unwrap().into_inner();
    assert_eq!(states(&first.sections), FRESH);
    ask(&channel, known_at(today.yesterday().unwrap())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_pcn_looks_like_a_hidden_one_and_every_wrong_field_is_named() {
    let cluster = Cluster::one().await;
    let positions = bring_in(&cluster).await;
    let operator = cluster.channel(&[OPERATOR]);
    let manager = cluster.channel(&["pcn-manager@pcn:U31970"]);
    let named = |name: &str| GetPcnReportRequest { name: name.to_owned(), ..report_request() };

    let hidden = denied(ask(&manager, named(PCN)).await);
    let unknown = denied(ask(&manager, named("pcns/U99999")).await);
    assert_eq!(hidden.message().replace("U09081", "U99999"), unknown.message());
    // A practice and a federation are no PCN.
    for name in ["pcns/U99999", "pcns/L82006", "pcns/DEMOFED01", "pcns/QT6"] {
        denied(ask(&operator, named(name)).await);
    }

    let wrong = GetPcnReportRequest {
        name: "pcns/u09081".to_owned(),
        month: "2025-7".to_owned(),
        rules_known_on_date: Some(WireDate { year: 2025, month: 2, day: 29 }),
        known_at_date: Some(WireDate { year: 0, month: 0, day: 0 }),
        require_complete: false,
    };
    let all = ["name", "month", "rules_known_on_date", "known_at_date"];
    invalid(ask(&operator, wrong.clone()).await, &all);
    for month in ["", "2025", "2025-13", "July 2025", "2025-07-01", "1999-07"] {
        let request = GetPcnReportRequest { month: month.to_owned(), ..report_request() };
        invalid(ask(&operator, request).await, &["month"]);
    }
    for name in ["", "U09081", "pcns/", "organisations/U09081", "pcns/U09081/x"] {
        invalid(ask(&operator, named(name)).await, &["name"]);
    }
    // Who may see nothing is told nothing about the request either.
    let stranger = ask(&cluster.stranger(), wrong).await;
    refused(stranger, Code::Unauthenticated, ErrorReason::TokenInvalid);

    // A month without anybody is a report of nobody.
    let empty = GetPcnReportRequest { month: "2019-11".to_owned(), ..report_request() };
    let answer = operator.unary(GET_REPORT, cluster::after(empty, Some(&positions))).await;
    let empty: PcnReport = answer.unwrap().into_inner();
    let total = empty.workforce.unwrap().total.unwrap();
    assert_eq!((total.headcount, total.staff_fte_month_end_micro), (0, 0));
    assert_eq!(empty.money.unwrap().lines, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_see_a_section_gets_the_others() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let caller = cluster.channel(&["icb-workforce@icb:QT6"]);

    let report = report(&caller, report_request(), None).await;

    assert_eq!(
        states(&report.sections),
        [
            ("workforce", SectionState::Fresh),
            ("money", SectionState::Unavailable),
            ("supervision", SectionState::Fresh),
        ]
    );
    assert!(report.totals.is_some());
    assert_eq!(report.money, None);
}
