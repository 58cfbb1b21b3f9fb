//! Too much at once: what is turned away, how, and that others do not notice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrs_proto::admin::v1::{CreateImportRequest, Import, create_import_request::Part};
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_tests::cluster::{self, Cluster, Engine};
use futures::StreamExt as _;
use kit::client::{Channel, Token};
use kit::identity::Grant;
use kit::{Clock, ErrorReason};
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::demo_set::{self, OPERATOR, refused};

const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
const FOLLOW: &str = "/arrs.workforce.v1.FactService/StreamFacts";
/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A channel of its own, as one of several callers.
fn caller(cluster: &Cluster, subject: &str) -> Channel {
    let grants = [OPERATOR.parse::<Grant>().unwrap()];
    let token = cluster.issuer(Clock::system()).token(subject, &grants, 60);
    cluster.channel_to("gateway", &token)
}

async fn read(channel: &Channel) -> Result<(), Status> {
    let request = GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    channel.unary::<_, RuleBook>(GET_RULE_BOOK, Request::new(request)).await.map(drop)
}

/// A call that stays open: an upload whose file does not come.
struct Held {
    channel: Channel,
    call: JoinHandle<Result<Response<Import>, Status>>,
}

impl Held {
    fn open(channel: &Channel) -> Held {
        Held { channel: channel.clone(), call: upload(channel) }
    }
}

fn upload(channel: &Channel) -> JoinHandle<Result<Response<Import>, Status>> {
    let header = cluster::header("organisations", b"x", None);
    let first = CreateImportRequest { part: Some(Part::Header(header)) };
    let messages = futures::stream::iter([first]).chain(futures::stream::pending());
    let channel = channel.clone();
    let path = "/arrs.workforce.v1.ImportService/CreateImport";
    tokio::spawn(async move { channel.client_streaming(path, messages).await })
}

/// Waits until a call of `channel` is turned away while those in `open` stay, and answers how.
async fn turned_away(channel: &Channel, open: &mut [Held]) -> Status {
    let started = Instant::now();
    loop {
        let answer = read(channel).await;
        let mut all = true;
        // One that came while a read had the last place comes again.
        for held in open.iter_mut().filter(|held| held.call.is_finished()) {
            held.call = upload(&held.channel);
            all = false;
        }
        if let (Err(status), true) = (answer, all) {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "nobody is turned away");
    }
}

#[track_caller]
fn assert_shed(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(kit::error::reason_of(status), Some(ErrorReason::Overloaded), "{status:?}");
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| !delay.is_zero()), "{status:?} says when to come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_the_limit_are_turned_away_with_the_time_to_come_back() {
    let cluster = Cluster::with(&[
        ("ARRS__KIT__SERVER__MAX_CALLS", "4"),
        ("ARRS__KIT__SERVER__CALLER_CALLS", "2"),
    ])
    .await;
    let [one, two, three] = ["one", "two", "three"].map(|name| caller(&cluster, name));
    let mut open = vec![Held::open(&one), Held::open(&one)];

    // One caller has its share, and the others have theirs.
    assert_shed(&turned_away(&one, &mut open).await);
    read(&two).await.expect("another caller");
    // The process has no more places.
    open.extend([Held::open(&two), Held::open(&two)]);
    assert_shed(&turned_away(&two, &mut open).await);
    let started = Instant::now();
    let status = turned_away(&three, &mut open).await;
    assert_shed(&status);
    assert!(status.message().contains("too many calls at once"), "{status:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // Health answers all the same.
    let ask = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(cluster.stranger()).check(ask).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);

    for held in open {
        held.call.abort();
    }
    // Without the limits nobody is turned away.
    let cluster = Cluster::one().await;
    let one = caller(&cluster, "one");
    let open: Vec<_> = (0..5).map(|_| Held::open(&one)).collect();
    for _ in 0..20 {
        read(&one).await.expect("there is room");
    }
    assert!(open.iter().all(|held| !held.call.is_finished()));
}

#[tokio::test(flavor = "multi_thread")]
async fn ovl_4_a_caller_that_calls_too_often_does_not_touch_another() {
    let cluster = Cluster::with(&[
        ("ARRS__GATEWAY__PACE__CALLS_PER_SECOND", "1"),
        ("ARRS__GATEWAY__PACE__BURST_CALLS", "5"),
    ])
    .await;
    let [noisy, quiet] = ["noisy", "quiet"].map(|name| caller(&cluster, name));

    let status = turned_away(&noisy, &mut []).await;

    let status = refused::<()>(Err(status), Code::ResourceExhausted, ErrorReason::RateLimited);
    assert_eq!(demo_set::metadata(&status, "limit_per_second").as_deref(), Some("1"));
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay).unwrap();
    assert!(retry > Duration::ZERO && retry <= Duration::from_secs(2), "{retry:?}");
    for _ in 0..5 {
        read(&quiet).await.expect("another caller");
    }
    tokio::time::sleep(retry).await;
    read(&noisy).await.expect("after the time that it was told");
}

/// Opens so many streams on connections of 200 each, and answers those that stayed open and how
/// many were turned away.
async fn many_streams(
    cluster: &Cluster,
    subject: &str,
    count: usize,
) -> (Vec<Streaming<StreamFactsResponse>>, usize) {
    let grants = [OPERATOR.parse::<Grant>().unwrap()];
    let token: Arc<str> = cluster.issuer(Clock::system()).token(subject, &grants, 60).into();
    let opening = (0..count.div_ceil(200)).map(|_| {
        let url = cluster.url("gateway");
        let channel = Channel::lazy(&url, Token::Fixed(Arc::clone(&token))).unwrap();
        async move {
            let streams = (0..count.min(200)).map(|_| {
                let follow = StreamFactsRequest { after: 0, follow: true };
                channel.server_streaming::<_, StreamFactsResponse>(FOLLOW, follow)
            });
            futures::future::join_all(streams).await
        }
    });
    let (mut open, mut shed) = (Vec::new(), 0);
    for answer in futures::future::join_all(opening).await.into_iter().flatten() {
        match answer {
            Ok(stream) => open.push(stream),
            Err(status) => {
                assert_shed(&status);
                shed += 1;
            }
        }
    }
    (open, shed)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_streams_of_one_caller_starve_nobody() {
    const STREAMS: usize = 3_000;
    // How fast they come is not what is looked at, nor how soon a server opens sessions for them.
    let settings = [("ARRS__GATEWAY__PACE__CALLS_PER_SECOND", "0")];
    let mut cluster = Cluster::idle_on(&Engine::Sqlite, &settings).await;
    cluster.start("all").await;

    let (open, shed) = many_streams(&cluster, "noisy", STREAMS).await;

    assert_eq!((open.len(), shed), (64, STREAMS - 64));
    let quiet = caller(&cluster, "quiet");
    let started = Instant::now();
    for _ in 0..10 {
        read(&quiet).await.expect("another caller");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let mut stream = quiet
        .server_streaming::<_, StreamFactsResponse>(
            FOLLOW,
            StreamFactsRequest { after: 0, follow: true },
        )
        .await
        .expect("another caller's stream");
    stream.message().await.unwrap().expect("its header");

    // Those that end make room again, and the end of the process waits for none of them.
    drop(open);
    let started = Instant::now();
    while many_streams(&cluster, "noisy", 1).await.0.is_empty() {
        assert!(started.elapsed() < PATIENCE, "no room was made");
    }
    let started = Instant::now();
    assert!(cluster.terminate("all").await.success());
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_are_closed() {
    let cluster = Cluster::with(&[("ARRS__KIT__SERVER__MAX_CONNECTIONS", "8")]).await;
    let open: Vec<Channel> = (0..8).map(|_| caller(&cluster, "one")).collect();
    let mut served = 0;
    for channel in &open {
        served += usize::from(read(channel).await.is_ok());
    }
    // The probe of the start may still have one.
    assert!(served >= 7, "{served}");

    let status = turned_away(&caller(&cluster, "two"), &mut []).await;

    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(cluster.log("all").contains("there are 8 connections"), "{}", cluster.log("all"));
    drop(open);
    let late = caller(&cluster, "two");
    let started = Instant::now();
    while read(&late).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "no room was made");
    }
}
