//! Facts: numbered without gaps, followed, waited for, and enough to build a projection again.

use std::time::Duration;

use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{Fact, StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1::PcnMoney;
use arrs_proto::report::v1::{GetPcnReportRequest, PcnReport};
use arrs_proto::summary::v1::GetPcnSummaryRequest;
use arrs_proto::supervision::v1::PcnSupervision;
use arrs_tests::cluster::{self, Cluster};
use kit::client::Channel;
use kit::error::ErrorReason;
use kit::server::position_of;
use kit::wire::date;
use prost::Message;
use tonic::{Code, Streaming};
use uuid::Uuid;

use crate::demo_set::{
    self, MONTH, OPERATOR, PAY, PCN, PRODUCERS, RECORDED_ON, SESSIONS, bring_in, denied, invalid,
    positions, refused, report, report_request, settle, take,
};

/// How facts are streamed, in the order of [`PRODUCERS`].
const STREAM_FACTS: [&str; 3] = [
    "/arrs.workforce.v1.FactService/StreamFacts",
    "/arrs.finance.v1.FactService/StreamFacts",
    "/arrs.supervision.v1.FactService/StreamFacts",
];
const FINANCE_SUMMARY: &str = "/arrs.finance.v1.FinanceSummaryService/GetPcnSummary";
const SUPERVISION_SUMMARY: &str = "/arrs.supervision.v1.SupervisionSummaryService/GetPcnSummary";
/// The longest wait for a fact that was committed.
const PATIENCE: Duration = Duration::from_secs(60);

fn summary() -> GetPcnSummaryRequest {
    GetPcnSummaryRequest {
        name: PCN.to_owned(),
        month: MONTH.to_owned(),
        rules_known_on_date: None,
        known_at_date: None,
    }
}

fn staff(number: usize) -> String {
    let header = demo_set::STAFF.lines().next().unwrap();
    format!(
        "{header}\ndemo-e-9{number:02},demo-p-9{number:02},Demo-Follower,Number{number},CC,,4,\
         DEMOCOM01,PCN_DIRECT,U09081,15,,2025-07-01,,,,,,\n"
    )
}

fn session(number: usize) -> String {
    let header = SESSIONS.lines().next().unwrap();
    format!(
        "{header}\ndemo-ss-9{number:02},demo-p-001,demo-s-01,clinical,2025-07-0{number},30,U09081\n"
    )
}

/// Brings in a file and answers its position at once, followed or not.
async fn send(cluster: &Cluster, kind: &str, text: &str) -> String {
    let answer = cluster.import(kind, text, None).await.unwrap();
    let position = position_of(answer.metadata()).map(str::to_owned);
    position.unwrap_or_else(|| panic!("{kind} has new facts: {:?}", answer.into_inner()))
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_numbered_from_one_without_gaps_in_the_order_of_commit() {
    let cluster = Cluster::one().await;
    let told = bring_in(&cluster).await;
    let channel = cluster.channel(&["auditor@england"]);
    let newest = positions(&channel).await;

    for (producer, newest) in PRODUCERS.into_iter().zip(newest) {
        let all = demo_set::facts(&channel, producer, 0).await;

        assert_eq!((all.producer.as_str(), all.newest), (producer, newest));
        let positions: Vec<i64> = all.facts.iter().map(|fact| fact.position).collect();
        assert_eq!(positions, (1..=newest).collect::<Vec<_>>(), "{producer}");
        assert_eq!((all.trailer.fact_count, all.trailer.position), (newest, newest));
        assert!(told.split(',').any(|one| one == format!("{producer}={newest}")), "{told}");
        let times: Vec<_> = all
            .facts
            .iter()
            .map(|fact| fact.time.map(|time| (time.seconds, time.nanos)).unwrap())
            .collect();
        assert!(times.is_sorted(), "{producer}");
        for Fact { id, r#type, subject, body, .. } in &all.facts {
            assert!(Uuid::try_parse(id).is_ok());
            assert!(r#type.starts_with("arrs.event.v1."), "{}", r#type);
            assert!(!subject.is_empty() && !body.is_empty());
        }

        for after in [1, newest / 2, newest - 1, newest] {
            let rest = demo_set::facts(&channel, producer, after).await;
            let index = usize::try_from(after).unwrap();
            assert_eq!(rest.facts, all.facts[index..], "{producer} after {after}");
            assert_eq!(rest.trailer.fact_count, newest - after);
            assert_eq!(rest.trailer.position, newest);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_gets_the_facts_of_its_scope_and_who_may_not_gets_none() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let england = cluster.channel(&["auditor@england"]);
    let icb = cluster.channel(&["auditor@pcn:U62043"]);

    for (producer, path) in PRODUCERS.into_iter().zip(STREAM_FACTS) {
        let all = demo_set::facts(&england, producer, 0).await;
        let some = demo_set::facts(&icb, producer, 0).await;

        assert!(some.facts.len() < all.facts.len(), "{producer}");
        assert!(some.facts.iter().all(|fact| all.facts.contains(fact)), "{producer}");
        assert!(some.facts.is_sorted_by_key(|fact| fact.position), "{producer}");
        assert_eq!(usize::try_from(some.trailer.fact_count).unwrap(), some.facts.len());
        // Nothing is missing up to here, though most was for others.
        assert_eq!(some.trailer.position, all.newest, "{producer}");

        let request = StreamFactsRequest { after: 0, follow: false };
        let manager = cluster.channel(&["pcn-manager@pcn:U09081"]);
        denied(stream(&manager, path, request).await.map(drop));
        let request = StreamFactsRequest { after: -1, follow: false };
        invalid(stream(&england, path, request).await.map(drop), &["after"]);
        let request = StreamFactsRequest { after: i64::MIN, follow: true };
        invalid(stream(&england, path, request).await.map(drop), &["after"]);
    }
    // One of three sessions of the link worker, and none of the other PCNs.
    let sessions = demo_set::facts(&icb, "supervision", 0).await;
    assert_eq!(sessions.facts.len(), SESSIONS.matches(",U62043\n").count());
}

async fn stream(
    channel: &Channel,
    path: &str,
    request: StreamFactsRequest,
) -> Result<Streaming<StreamFactsResponse>, tonic::Status> {
    let mut stream = channel.server_streaming(path, request).await?;
    // A refusal may come instead of the header.
    match stream.message().await? {
        Some(StreamFactsResponse { part: Some(Part::Header(_)) }) => Ok(stream),
        other => panic!("a header comes first: {other:?}"),
    }
}

/// The next fact of a stream that goes on.
async fn next(stream: &mut Streaming<StreamFactsResponse>) -> Fact {
    loop {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await;
        match message.expect("the fact was committed").unwrap().unwrap().part.unwrap() {
            Part::Fact(fact) => return fact,
            Part::Reached(_) => {}
            Part::Header(_) | Part::Trailer(_) => panic!("the stream goes on"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_new_facts_as_they_commit() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&["auditor@england"]);
    let newest = positions(&channel).await;
    let mut streams = Vec::new();
    for (path, after) in STREAM_FACTS.into_iter().zip(newest) {
        let request = StreamFactsRequest { after: after - 1, follow: true };
        let mut stream = stream(&channel, path, request).await.unwrap();
        assert_eq!(next(&mut stream).await.position, after);
        streams.push(stream);
    }
    let pay = format!(
        "{}\ndemo-e-003,2025-07,100.00,0.00,0.00,,2025-07-31\n",
        PAY.lines().next().unwrap()
    );

    for ((kind, text), (stream, newest)) in
        [("staff", staff(1)), ("pay", pay), ("sessions", session(1))]
            .into_iter()
            .zip(streams.iter_mut().zip(newest))
    {
        let position = send(&cluster, kind, &text).await;

        let (_, last) = position.split_once('=').unwrap();
        let last: i64 = last.parse().unwrap();
        assert!(last > newest, "{kind}");
        for expected in newest + 1..=last {
            assert_eq!(next(stream).await.position, expected, "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_waits_for_its_position_finds_what_it_wrote() {
    let cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    for number in 1..=9 {
        let position = send(&cluster, "staff", &staff(number)).await;
        let money = channel.unary(FINANCE_SUMMARY, cluster::after(summary(), Some(&position)));
        let supervision =
            channel.unary(SUPERVISION_SUMMARY, cluster::after(summary(), Some(&position)));
        let (money, supervision) = tokio::join!(money, supervision);

        let money: PcnMoney = money.unwrap().into_inner();
        let engagement = format!("demo-e-9{number:02}");
        assert!(money.lines.iter().any(|line| line.reference == engagement), "{engagement}");
        let supervision: PcnSupervision = supervision.unwrap().into_inner();
        let person = format!("demo-p-9{number:02}");
        let people = &supervision.people;
        assert!(people.iter().any(|found| found.person_reference == person), "{person}");

        // The person is known where the next file refers to it.
        let sessions = session(number).replace("demo-p-001", &person);
        let position = send(&cluster, "sessions", &sessions).await;
        let again = channel.unary(SUPERVISION_SUMMARY, cluster::after(summary(), Some(&position)));
        let again: PcnSupervision = again.await.unwrap().into_inner();
        let cut = again.cut.unwrap();
        let own = cut.positions.iter().find(|one| one.producer == "supervision").unwrap();
        assert_eq!(position, format!("supervision={}", own.position));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_reached_in_time_is_refused_and_a_malformed_one_at_once() {
    let cluster = Cluster::with(&[("ARRS__KIT__SERVER__DEADLINE_SECONDS", "1")]).await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let ask = async |path: &str, after: &str| {
        let mut request = tonic::Request::new(summary());
        request.metadata_mut().insert(kit::server::AFTER, after.parse().unwrap());
        channel.unary::<_, PcnMoney>(path, request).await
    };

    let beyond = ask(FINANCE_SUMMARY, "workforce=999999").await;
    let malformed = ask(FINANCE_SUMMARY, "workforce=-1").await;
    let elsewhere = ask(FINANCE_SUMMARY, "supervision=999999").await;

    let status = refused(beyond, Code::Unavailable, ErrorReason::ProjectionBehind);
    let told = |name: &str| demo_set::metadata(&status, name).unwrap_or_default();
    assert_eq!((told("producer"), told("position")), ("workforce".into(), "999999".into()));
    assert!(told("reached").parse::<i64>().unwrap() > 0);
    invalid(malformed, &[kit::server::AFTER]);
    // Finance does not follow supervision, so there is nothing to wait for.
    elsewhere.unwrap();
}

/// The report without what a second import of the same file rightly changes: the name of the
/// import that the pay came from.
fn without_imports(mut report: PcnReport) -> Vec<u8> {
    for line in &mut report.money.as_mut().unwrap().lines {
        let sources = line.pay_source.split("; ");
        let sources: Vec<&str> =
            sources.map(|source| source.split(" (imports/").next().unwrap()).collect();
        line.pay_source = sources.join("; ");
    }
    report.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_lost_is_built_again_the_same() {
    let mut cluster = Cluster::separate().await;
    let told = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let then = Some(date(RECORDED_ON));
    let requests = [
        report_request(),
        GetPcnReportRequest { rules_known_on_date: then, known_at_date: then, ..report_request() },
    ];
    let mut before = Vec::new();
    for request in &requests {
        before.push(without_imports(report(&channel, request.clone(), Some(&told)).await));
    }

    for service in ["finance", "supervision"] {
        assert!(cluster.terminate(service).await.success(), "{service}");
        cluster.forget(service).await;
        cluster.start(service).await;
    }
    // Its own records went with the file; what others told came back by itself.
    let newest = positions(&channel).await;
    settle(&channel, &format!("workforce={}", newest[0])).await;
    assert_eq!(newest[1..], [0, 0]);
    take(&cluster, "pay", PAY, Some(RECORDED_ON)).await;
    take(&cluster, "sessions", SESSIONS, Some(RECORDED_ON)).await;

    for (request, before) in requests.into_iter().zip(before) {
        let after = report(&channel, request, Some(&told)).await;
        assert_eq!(without_imports(after), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_down_catches_up() {
    let mut cluster = Cluster::separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    cluster.kill("supervision");
    cluster.kill("finance");
    send(&cluster, "staff", &staff(1)).await;
    let position = send(&cluster, "staff", &staff(2)).await;
    cluster.start("finance").await;
    cluster.start("supervision").await;
    let report = report(&channel, report_request(), Some(&position)).await;

    let lines = &report.money.as_ref().unwrap().lines;
    let people = &report.supervision.as_ref().unwrap().people;
    for number in 1..=2 {
        let engagement = format!("demo-e-9{number:02}");
        let person = format!("demo-p-9{number:02}");
        assert!(lines.iter().any(|line| line.reference == engagement), "{engagement}");
        assert!(people.iter().any(|found| found.person_reference == person), "{person}");
    }

    // The producer may go down as well; followers find it again.
    cluster.kill("workforce");
    cluster.start("workforce").await;
    let position = send(&cluster, "staff", &staff(3)).await;
    let money = channel.unary(FINANCE_SUMMARY, cluster::after(summary(), Some(&position)));
    let money: PcnMoney = money.await.unwrap().into_inner();
    assert!(money.lines.iter().any(|line| line.reference == "demo-e-903"));
}
