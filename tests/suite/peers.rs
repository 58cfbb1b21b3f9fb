//! Peers that are gone, hang or are slow, and what of a deadline reaches them.

mod stand_in;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_proto::report::v1::stream_pcn_reports_response::Part;
use arrs_proto::report::v1::{
    PcnReport, SectionState, StreamPcnReportsRequest, StreamPcnReportsResponse,
};
use arrs_tests::cluster::Cluster;
use arrs_tests::fault_proxy::{FaultProxy, Faults};
use kit::client::{Channel, Token};
use kit::server::MESSAGE_OUT;
use kit::tls::{Files, Tls};
use kit::{Clock, ErrorReason};
use tonic::{Code, Request, Status};

use crate::demo_set::{self, GET_REPORT, OPERATOR, refused, report_request, states};
use stand_in::StandIn;

const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

async fn book(channel: &Channel, name: &str, time: Option<Duration>) -> Result<RuleBook, Status> {
    let mut request = Request::new(GetRuleBookRequest { name: format!("ruleBooks/{name}") });
    if let Some(time) = time {
        request.set_timeout(time);
    }
    let answer = channel.unary::<_, RuleBook>(GET_RULE_BOOK, request).await;
    answer.map(tonic::Response::into_inner)
}

async fn report(channel: &Channel, time: Duration) -> Result<PcnReport, Status> {
    let mut request = Request::new(report_request());
    request.set_timeout(time);
    let answer = channel.unary::<_, PcnReport>(GET_REPORT, request).await;
    answer.map(tonic::Response::into_inner)
}

/// A gateway before a finance of the test's own, with a bad network between them.
async fn stood_in() -> (Cluster, StandIn, FaultProxy) {
    let mut cluster = Cluster::idle(&[]).await;
    // A process makes the key of the local issuer.
    cluster.start("finance").await;
    cluster.kill("finance");
    let stand_in = StandIn::start(&cluster.issuer(Clock::system())).await;
    let proxy = FaultProxy::to(stand_in.port, 1).await;
    cluster.set("ARRS__GATEWAY__FINANCE", &proxy.url());
    cluster.start("gateway").await;
    (cluster, stand_in, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn ovl_3_what_is_left_of_a_deadline_is_what_the_service_gets() {
    let (cluster, stand_in, _proxy) = stood_in().await;
    let channel = cluster.channel(&[OPERATOR]);

    book(&channel, "two", Some(Duration::from_secs(2))).await.unwrap();
    book(&channel, "none", None).await.unwrap();
    book(&channel, "long", Some(Duration::from_secs(3_000))).await.unwrap();

    let seen = stand_in.seen.all();
    let left = |name: &str| {
        let name = format!("ruleBooks/{name}");
        seen.iter().find(|(seen, _)| *seen == name).map(|(_, left)| *left).unwrap()
    };
    assert!(left("two") < Duration::from_secs(2), "{seen:?}");
    assert!(left("two") > Duration::from_secs(1), "{seen:?}");
    // The server's own, and four times as much for who asks for more.
    assert!((14..15).contains(&left("none").as_secs()), "{seen:?}");
    assert!((58..60).contains(&left("long").as_secs()), "{seen:?}");

    // Whoever is late is told so, by the gateway and by the service.
    let direct = format!("http://127.0.0.1:{}", stand_in.port);
    let token = Token::Fixed(cluster.token(&[OPERATOR]).into());
    for channel in [channel, Channel::lazy(&direct, token).unwrap()] {
        let started = Instant::now();
        let late = book(&channel, "hold", Some(Duration::from_millis(500))).await;
        refused(late, Code::DeadlineExceeded, ErrorReason::DeadlineExceeded);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_four_mebibytes_arrives_and_one_byte_more_is_refused() {
    let (cluster, _stand_in, _proxy) = stood_in().await;
    let channel = cluster.channel(&[OPERATOR]);

    let largest = book(&channel, &MESSAGE_OUT.to_string(), None).await.unwrap();
    assert_eq!(prost::Message::encoded_len(&largest), MESSAGE_OUT);
    let over = book(&channel, &(MESSAGE_OUT + 1).to_string(), None).await;

    let status = refused(over, Code::ResourceExhausted, ErrorReason::MessageTooLarge);
    let limit = demo_set::metadata(&status, "limit_bytes");
    assert_eq!(limit, Some(MESSAGE_OUT.to_string()));
    book(&channel, "again", None).await.expect("it still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_connection_broke_is_sent_once_more() {
    let (cluster, stand_in, proxy) = stood_in().await;
    let channel = cluster.channel(&[OPERATOR]);
    let call = tokio::spawn(async move { book(&channel, "hold", None).await });
    let arrived = async |count: usize| {
        let started = Instant::now();
        while stand_in.seen.all().len() < count {
            assert!(started.elapsed() < PATIENCE, "it did not arrive {count} times");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    arrived(1).await;

    proxy.reset();

    arrived(2).await;
    stand_in.release.send_replace(true);
    call.await.unwrap().expect("the second time it was answered");
    assert_eq!(stand_in.seen.all().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_costs_one_attempt_and_is_found_again_by_itself() {
    let (cluster, _stand_in, proxy) = stood_in().await;
    let channel = cluster.channel(&[OPERATOR]);
    book(&channel, "before", None).await.unwrap();

    proxy.set(Faults { refuses: true, ..Faults::default() });
    proxy.reset();

    let started = Instant::now();
    for _ in 0..20 {
        let dead = book(&channel, "dead", None).await;
        refused(dead, Code::Unavailable, ErrorReason::ServiceUnreachable);
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(cluster.log("gateway").contains("cannot be reached, and is asked again soon"));
    proxy.heal();
    let started = Instant::now();
    while book(&channel, "after", None).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(15), "{}", cluster.log("gateway"));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(cluster.log("gateway").contains("can be reached again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_accepts_and_says_nothing_costs_one_timeout_and_then_nothing() {
    // It takes connections, and never says a word of TLS.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", silent.local_addr().unwrap().port());
    let files =
        Files { table: "test", certificate: None, authorities: None, callers_show_one: false };
    let tls = Tls::open(files).unwrap();
    let channel = Channel::trusting(&url, Token::Passed, &tls).unwrap();

    // Several at once wait for the same attempt.
    let started = Instant::now();
    let calls = (0..10).map(|_| book(&channel, "silent", None));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    }
    let first = started.elapsed();
    let started = Instant::now();
    let answer = book(&channel, "silent", None).await;
    let second = started.elapsed();

    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    assert!((2..5).contains(&first.as_secs()), "{first:?}");
    // Either refused at once, or the one that may ask.
    assert!(second < Duration::from_millis(2_900), "{second:?}");
    // A call with less time does not wait for the attempt.
    let started = Instant::now();
    let channel = Channel::trusting(&url, Token::Passed, &tls).unwrap();
    let late = book(&channel, "silent", Some(Duration::from_millis(300))).await;
    refused(late, Code::DeadlineExceeded, ErrorReason::DeadlineExceeded);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_arrive_in_time_while_workforce_hangs() {
    let cluster = Cluster::separate().await;
    demo_set::bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let unavailable = [
        ("workforce", SectionState::Unavailable),
        ("money", SectionState::Fresh),
        ("supervision", SectionState::Fresh),
    ];
    report(&channel, PATIENCE).await.unwrap();

    cluster.pause("workforce");

    let started = Instant::now();
    let marked = report(&channel, Duration::from_secs(4)).await.expect("in time");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(states(&marked.sections), unavailable);
    // A stream has ten minutes of its own, and does not spend them on workforce.
    for time in [None, Some(Duration::from_secs(8))] {
        let mut request = Request::new(StreamPcnReportsRequest {
            parent: "organisations/QT6".to_owned(),
            month: demo_set::MONTH.to_owned(),
            ..Default::default()
        });
        if let Some(time) = time {
            request.set_timeout(time);
        }
        let started = Instant::now();
        let parts = parts(&channel, request).await;
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
        let Some(Part::Header(header)) = parts.first() else { panic!("{parts:?}") };
        assert_eq!(header.members_from, "finance");
        assert_eq!(states(&header.sections), unavailable);
        assert!(matches!(parts.last(), Some(Part::Trailer(_))), "{parts:?}");
        assert!(parts.len() > 2, "{parts:?}");
    }
    // What does not answer on its connection is left alone, so that reports are quick.
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        let marked = report(&channel, Duration::from_secs(20)).await.expect("in time");
        assert_eq!(states(&marked.sections), unavailable);
        if asked.elapsed() < Duration::from_millis(1_500) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{}", cluster.log("gateway"));
    }

    cluster.resume("workforce");

    let started = Instant::now();
    while states(&report(&channel, PATIENCE).await.unwrap().sections) == unavailable {
        assert!(started.elapsed() < PATIENCE, "{}", cluster.log("gateway"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn parts(channel: &Channel, request: Request<StreamPcnReportsRequest>) -> Vec<Part> {
    use arrs_proto::report::v1::report_service_client::ReportServiceClient;

    let mut client = ReportServiceClient::new(channel.clone());
    let mut stream = client.stream_pcn_reports(request).await.unwrap().into_inner();
    let mut parts = Vec::new();
    while let Some(StreamPcnReportsResponse { part }) = stream.message().await.unwrap() {
        parts.push(part.unwrap());
    }
    parts
}
