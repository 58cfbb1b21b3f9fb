//! How a process serves: probes, deadlines, limits, and how it stops and comes back.

mod raw;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use arrs_proto::admin::v1::{GetImportRequest, Import, ImportState};
use arrs_proto::event::v1::stream_facts_response::Part;
use arrs_proto::event::v1::{StreamFactsRequest, StreamFactsResponse};
use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_proto::report::v1::StreamPcnReportsRequest;
use arrs_proto::workforce::v1::{ListListSizesRequest, ListListSizesResponse};
use arrs_tests::cluster::{self, Cluster};
use futures::StreamExt as _;
use kit::ErrorReason;
use kit::client::{Channel, Token};
use kit::error::reason_of;
use kit::server::{AFTER, MESSAGE_IN, position_of};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::demo_set::{self, GET_REPORT, OPERATOR, refused, report_request};
use raw::{Connection, encoded};

const GET_RULE_BOOK: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

fn rule_book() -> GetRuleBookRequest {
    GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() }
}

async fn read(channel: &Channel) -> Result<(), Status> {
    channel.unary::<_, RuleBook>(GET_RULE_BOOK, Request::new(rule_book())).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_to_anybody() {
    let cluster = Cluster::one().await;
    let mut health = HealthClient::new(cluster.stranger());

    for service in ["", "arrs.report.v1.ReportService", "arrs.workforce.v1.PersonService"] {
        let ask = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(ask).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    let ask = HealthCheckRequest { service: "arrs.Nothing".to_owned() };
    assert_eq!(health.check(ask).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contracts_are_told_by_reflection() {
    let cluster = Cluster::one().await;

    let services = reflect(&cluster.stranger()).await.unwrap();

    let ours = kit::rules::descriptors().services().map(|service| service.full_name().to_owned());
    for service in ours.filter(|name| name.starts_with("arrs.")) {
        assert!(services.contains(&service), "{service} is not in {services:?}");
    }
    assert!(services.iter().any(|name| name == "grpc.health.v1.Health"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_can_be_switched_off() {
    let cluster = Cluster::with(&[("ARRS__KIT__SERVER__REFLECTION", "off")]).await;

    let status = reflect(&cluster.stranger()).await.unwrap_err();

    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
}

/// The names of the services that a server tells by reflection.
async fn reflect(channel: &Channel) -> Result<Vec<String>, Status> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices("*".to_owned())),
    };
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec =
        tonic_prost::ProstCodec::<ServerReflectionRequest, ServerReflectionResponse>::default();
    let requests = Request::new(futures::stream::iter([request]));
    let answer = client.streaming(requests, REFLECT.parse().unwrap(), codec).await?;
    let mut answers: Streaming<ServerReflectionResponse> = answer.into_inner();
    let first = answers.message().await?.unwrap();
    match first.message_response.unwrap() {
        MessageResponse::ListServicesResponse(list) => {
            Ok(list.service.into_iter().map(|service| service.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_is_told_as_one() {
    let cluster = Cluster::one().await;
    demo_set::bring_in(&cluster).await;
    let bearer = format!("Bearer {}", cluster.token(&[OPERATOR]));
    let mut connection = Connection::open(&cluster.url("gateway")).await;
    let facts = StreamFactsRequest { after: 0, follow: true };
    let follow = "/arrs.workforce.v1.FactService/StreamFacts";

    for timeout in ["1n", "10u", "1m"] {
        let headers = [("authorization", bearer.as_str()), ("grpc-timeout", timeout)];
        let status = connection.call(GET_REPORT, &encoded(&report_request()), &headers).await;
        assert_deadline_exceeded(&status, timeout);
    }
    // Before it begins, a stream ends like any call.
    let group = StreamPcnReportsRequest {
        parent: "organisations/QT6".to_owned(),
        month: demo_set::MONTH.to_owned(),
        ..Default::default()
    };
    for timeout in ["1n", "1m"] {
        let headers = [("authorization", bearer.as_str()), ("grpc-timeout", timeout)];
        let path = "/arrs.report.v1.ReportService/StreamPcnReports";
        let status = connection.call(path, &encoded(&group), &headers).await;
        assert_deadline_exceeded(&status, timeout);
    }
    // One that is already open ends at the deadline as well.
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "300m")];
    let started = Instant::now();
    let status = connection.call(follow, &encoded(&facts), &headers).await;
    assert_deadline_exceeded(&status, "a stream");
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    // Enough time is enough.
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "60S")];
    let status = connection.call(GET_REPORT, &encoded(&report_request()), &headers).await;
    assert_eq!(status.code(), Code::Ok, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_in_time_is_told_as_a_deadline() {
    let cluster = Cluster::separate().await;
    let bearer = format!("Bearer {}", cluster.token(&[OPERATOR]));
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "400m")];
    let mut connection = Connection::open(&cluster.url("gateway")).await;
    let warm = connection.call(GET_RULE_BOOK, &encoded(&rule_book()), &headers).await;
    assert_eq!(warm.code(), Code::Ok, "{warm:?}");
    let finance = cluster.process_id("finance").to_string();
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &finance]).status().unwrap();
        assert!(sent.success());
    };

    signal("-STOP");
    let started = Instant::now();
    let late = connection.call(GET_RULE_BOOK, &encoded(&rule_book()), &headers).await;
    let took = started.elapsed();
    signal("-CONT");

    assert_deadline_exceeded(&late, "a stopped service");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "60S")];
    let again = connection.call(GET_RULE_BOOK, &encoded(&rule_book()), &headers).await;
    assert_eq!(again.code(), Code::Ok, "{again:?}");
}

#[track_caller]
fn assert_deadline_exceeded(status: &Status, what: &str) {
    assert_eq!(status.code(), Code::DeadlineExceeded, "{what}: {status:?}");
    assert_eq!(reason_of(status), Some(ErrorReason::DeadlineExceeded), "{what}: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_not_reached_is_told_at_the_deadline() {
    let cluster = Cluster::separate().await;
    let bearer = format!("Bearer {}", cluster.token(&[OPERATOR]));

    for place in ["finance", "gateway"] {
        let mut connection = Connection::open(&cluster.url(place)).await;
        let started = Instant::now();
        let headers = [
            ("authorization", bearer.as_str()),
            ("grpc-timeout", "3S"),
            (AFTER, "workforce=9000000000"),
        ];
        let status = connection.call(GET_RULE_BOOK, &encoded(&rule_book()), &headers).await;

        assert_eq!(status.code(), Code::Unavailable, "{place}: {status:?}");
        assert_eq!(reason_of(&status), Some(ErrorReason::ProjectionBehind), "{place}");
        assert_eq!(demo_set::metadata(&status, "producer").as_deref(), Some("workforce"));
        assert_eq!(demo_set::metadata(&status, "position").as_deref(), Some("9000000000"));
        assert_eq!(demo_set::metadata(&status, "reached").as_deref(), Some("0"));
        assert!(started.elapsed() >= Duration::from_secs(2), "{place} did not wait");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_reached_later_is_waited_for() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);
    let waiting = {
        let request = cluster::after(rule_book(), Some("workforce=1"));
        let channel = channel.clone();
        tokio::spawn(async move { channel.unary::<_, RuleBook>(GET_RULE_BOOK, request).await })
    };

    let (kind, text) = demo_set::FILES[0];
    cluster.import(kind, text, None).await.unwrap();

    waiting.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_position_is_refused() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);

    for position in ["workforce", "workforce=", "workforce=x", "workforce=-1", "1", "a=1,b", "=1"] {
        let request = cluster::after(rule_book(), Some(position));
        let answer = channel.unary::<_, RuleBook>(GET_RULE_BOOK, request).await;
        let status = refused(answer, Code::InvalidArgument, ErrorReason::FieldInvalid);
        assert!(status.message().contains(AFTER), "{position}: {status:?}");
    }
    for position in ["", "workforce=0", "workforce=0, finance=0", ","] {
        let request = cluster::after(rule_book(), Some(position));
        channel.unary::<_, RuleBook>(GET_RULE_BOOK, request).await.expect(position);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_and_one_at_it_is_read() {
    let cluster = Cluster::one().await;
    let bearer = format!("Bearer {}", cluster.token(&[OPERATOR]));
    let headers = [("authorization", bearer.as_str())];
    let mut connection = Connection::open(&cluster.url("gateway")).await;

    // One method of the gateway itself, and one that it passes on.
    for path in [GET_REPORT, GET_RULE_BOOK] {
        for (size, over) in [(MESSAGE_IN, false), (MESSAGE_IN + 1, true)] {
            let status = connection.call(path, &name_of_size(size), &headers).await;
            if over {
                assert_eq!(status.code(), Code::ResourceExhausted, "{path}: {status:?}");
                assert_eq!(reason_of(&status), Some(ErrorReason::MessageTooLarge), "{path}");
                let limit = demo_set::metadata(&status, "limit_bytes");
                assert_eq!(limit, Some(MESSAGE_IN.to_string()));
            } else {
                assert_ne!(status.code(), Code::Ok, "{path}");
                assert_ne!(status.code(), Code::ResourceExhausted, "{path}: {status:?}");
                assert!(reason_of(&status).is_some(), "{path}: {status:?}");
            }
        }
    }
}

/// An encoded request of exactly so many bytes, whose name is very long.
fn name_of_size(size: usize) -> Vec<u8> {
    // A tag of one byte and a length of three.
    let message = GetRuleBookRequest { name: "x".repeat(size - 4) }.encode_to_vec();
    assert_eq!(message.len(), size);
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_a_file_over_the_limit_is_refused_and_writes_nothing() {
    let cluster = Cluster::one().await;
    let channel = cluster.channel(&[OPERATOR]);
    let file = vec![b'x'; MESSAGE_IN + 1];
    let header = cluster::header("organisations", &file, None);
    let part = |part| arrs_proto::admin::v1::CreateImportRequest { part: Some(part) };
    use arrs_proto::admin::v1::create_import_request::Part;
    let messages = vec![part(Part::Header(header)), part(Part::Chunk(file))];

    let answer = channel
        .client_streaming::<_, Import>(
            "/arrs.workforce.v1.ImportService/CreateImport",
            futures::stream::iter(messages),
        )
        .await;

    refused(answer, Code::ResourceExhausted, ErrorReason::MessageTooLarge);
    assert_eq!(demo_set::positions(&channel).await, [0; 3]);
    read(&channel).await.expect("the process still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_there_is_unimplemented_with_a_reason() {
    let cluster = Cluster::separate().await;
    let token = cluster.token(&[OPERATOR]);

    for place in ["gateway", "workforce"] {
        let channel = cluster.channel_to(place, &token);
        for path in [
            "/arrs.workforce.v1.OrganisationService/Fly",
            "/arrs.workforce.v1.NothingService/GetOrganisation",
            "/arrs.catering.v1.LunchService/GetLunch",
            "/nothing/at-all",
            "/",
        ] {
            let answer = channel.unary::<(), ()>(path, Request::new(())).await;
            refused(answer, Code::Unimplemented, ErrorReason::MethodUnknown);
        }
    }
    let answer = cluster.stranger().unary::<(), ()>("/nothing/at-all", Request::new(())).await;
    refused(answer, Code::Unauthenticated, ErrorReason::TokenInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_ends_in_order_while_callers_hold_on() {
    let mut cluster = Cluster::one().await;
    let position = demo_set::bring_in(&cluster).await;
    assert!(!position.is_empty());
    let address = cluster.url("gateway").trim_start_matches("http://").to_owned();
    // Somebody who follows facts, somebody who watches health, somebody who called once and stays,
    // somebody who says nothing, and somebody who stopped in the middle of the first frame.
    let channel = cluster.channel(&["auditor@england"]);
    let follow = StreamFactsRequest { after: 0, follow: true };
    let path = "/arrs.workforce.v1.FactService/StreamFacts";
    let mut facts: Streaming<StreamFactsResponse> =
        channel.server_streaming(path, follow).await.unwrap();
    let first = facts.message().await.unwrap().unwrap();
    assert!(matches!(first.part, Some(Part::Header(_))), "{first:?}");
    let mut watch: Streaming<HealthCheckResponse> = HealthClient::new(cluster.stranger())
        .watch(HealthCheckRequest { service: String::new() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let idle = cluster.channel(&[OPERATOR]);
    read(&idle).await.unwrap();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let mut half = TcpStream::connect(&address).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();

    let facts = tokio::spawn(async move {
        let mut last = None;
        while let Some(message) = facts.message().await? {
            last = message.part;
        }
        Ok::<_, Status>(last)
    });
    let watch = tokio::spawn(async move {
        let mut last = None;
        while let Ok(Some(message)) = watch.message().await {
            last = Some(message.status());
        }
        last
    });
    let started = Instant::now();
    let status = cluster.terminate("all").await;
    let took = started.elapsed();

    assert!(status.success(), "it ended with {status}:\n{}", cluster.log("all"));
    // Far below the 25 seconds of the settings: nobody of these holds it up.
    assert!(took < Duration::from_secs(12), "ending took {took:?}");
    let last = facts.await.unwrap().expect("a follower is told the end of the stream");
    assert!(matches!(last, Some(Part::Trailer(_))), "{last:?}");
    assert_eq!(watch.await.unwrap(), Some(ServingStatus::NotServing), "a watcher is told");
    let mut end = Vec::new();
    silent.read_to_end(&mut end).await.ok();
    half.read_to_end(&mut end).await.ok();
    let status = read(&idle).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_ends_is_cut_when_the_drain_is_over() {
    let mut cluster = Cluster::with(&[("ARRS__KIT__SERVER__DRAIN_SECONDS", "2")]).await;
    let channel = cluster.channel(&[OPERATOR]);
    let (kind, text) = demo_set::FILES[0];
    let header = cluster::header(kind, text.as_bytes(), None);
    let begun = cluster.count("workforce", "import").await;
    let upload = {
        use arrs_proto::admin::v1::{CreateImportRequest, create_import_request::Part};
        let first = CreateImportRequest { part: Some(Part::Header(header.clone())) };
        // The file is announced and never sent.
        let messages = futures::stream::iter([first]).chain(futures::stream::pending());
        let channel = channel.clone();
        let path = "/arrs.workforce.v1.ImportService/CreateImport";
        tokio::spawn(async move { channel.client_streaming::<_, Import>(path, messages).await })
    };
    another_import(&cluster, begun).await;

    let started = Instant::now();
    let status = cluster.terminate("all").await;
    let took = started.elapsed();

    assert!(status.success(), "it ended with {status}:\n{}", cluster.log("all"));
    assert!(took >= Duration::from_secs(2), "the call was given its time: {took:?}");
    assert!(took < Duration::from_secs(12), "ending took {took:?}");
    upload.await.unwrap().expect_err("the call was cut");
    cluster.start("all").await;
    let channel = cluster.channel(&[OPERATOR]);
    assert_eq!(demo_set::positions(&channel).await, [0; 3], "nothing was written");
    let again = cluster::upload(&channel, header, text.as_bytes()).await.unwrap().into_inner();
    assert_eq!(again.state(), ImportState::Done, "the same request can be sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_when_the_process_is_told_to_end_is_finished() {
    let mut cluster = Cluster::one().await;
    demo_set::take(&cluster, "organisations", demo_set::FILES[0].1, None).await;
    let channel = cluster.channel(&[OPERATOR]);
    let file = many_lists(1_500);
    let header = cluster::header("lists", file.as_bytes(), None);
    let begun = cluster.count("workforce", "import").await;
    let import = {
        let (channel, file, header) = (channel.clone(), file.clone(), header.clone());
        tokio::spawn(async move { cluster::upload(&channel, header, file.as_bytes()).await })
    };
    another_import(&cluster, begun).await;

    let status = cluster.terminate("all").await;

    assert!(status.success(), "{status}");
    let import = import.await.unwrap().expect("it was running").into_inner();
    assert_eq!((import.state(), import.added_count), (ImportState::Done, 1_500));
    cluster.start("all").await;
    let again = cluster::upload(&cluster.channel(&[OPERATOR]), header, file.as_bytes()).await;
    assert_eq!(again.unwrap().into_inner(), import, "the answer was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_comes_back_has_the_same_data() {
    let mut cluster = Cluster::one().await;
    let position = demo_set::bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let before = demo_set::report(&channel, report_request(), Some(&position)).await;
    let positions = demo_set::positions(&channel).await;

    assert!(cluster.terminate("all").await.success());
    cluster.start("all").await;

    let channel = cluster.channel(&[OPERATOR]);
    let after = demo_set::report(&channel, report_request(), Some(&position)).await;
    assert_eq!(after, before);
    assert_eq!(demo_set::positions(&channel).await, positions);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_its_caller_drops_is_finished() {
    let cluster = Cluster::one().await;
    demo_set::take(&cluster, "organisations", demo_set::FILES[0].1, None).await;
    let channel = cluster.channel(&[OPERATOR]);
    let file = many_lists(1_500);
    let header = cluster::header("lists", file.as_bytes(), None);
    let before = demo_set::positions(&channel).await;
    let begun = cluster.count("workforce", "import").await;

    // A connection of its own, which is gone together with the call.
    let dropped =
        Channel::lazy(&cluster.url("gateway"), Token::Fixed(cluster.token(&[OPERATOR]).into()))
            .unwrap();
    let call = {
        let (file, header) = (file.clone(), header.clone());
        tokio::spawn(async move { cluster::upload(&dropped, header, file.as_bytes()).await })
    };
    another_import(&cluster, begun).await;
    // The header was read; the one piece behind it is smaller than the window of the call.
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled(), "the call must not have been answered");

    // Found by its effect, so that the repeat below cannot be what wrote it.
    let started = Instant::now();
    while demo_set::positions(&channel).await == before {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing was written");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let import = cluster::upload(&channel, header, file.as_bytes()).await.unwrap().into_inner();
    assert_eq!((import.state(), import.added_count), (ImportState::Done, 1_500));
    let path = "/arrs.workforce.v1.ImportService/GetImport";
    let request = Request::new(GetImportRequest { name: import.name.clone() });
    let found = channel.unary::<_, Import>(path, request).await.unwrap().into_inner();
    assert_eq!(found, import);
    let sizes = ListListSizesRequest {
        parent: "organisations/U09081".to_owned(),
        page_size: 1_000,
        page_token: String::new(),
    };
    let path = "/arrs.workforce.v1.OrganisationService/ListListSizes";
    let sizes = channel.unary::<_, ListListSizesResponse>(path, Request::new(sizes)).await;
    assert_eq!(sizes.unwrap().into_inner().list_sizes.len(), 1_000, "of 1,500");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_mutation_tells_its_position() {
    let cluster = Cluster::one().await;
    let (kind, text) = demo_set::FILES[0];

    let first = cluster.import(kind, text, None).await.unwrap();
    let again = cluster.import(kind, text, None).await.unwrap();

    let newest = demo_set::positions(&cluster.channel(&[OPERATOR])).await[0];
    assert!(newest > 0);
    assert_eq!(position_of(first.metadata()), Some(format!("workforce={newest}").as_str()));
    assert_eq!(position_of(again.metadata()), None, "nothing was told");
}

/// A file of so many days' list sizes of one PCN.
fn many_lists(count: usize) -> String {
    let mut text = "code,date,registered,weighted\n".to_owned();
    let first = terms::Date::constant(2010, 1, 1);
    for (index, day) in first.series(jiff::Span::new().days(1)).take(count).enumerate() {
        writeln!(text, "U09081,{day},{},{}.25", 40_000 + index, 41_000 + index).unwrap();
    }
    text
}

/// Waits until workforce has begun an import more than there were.
async fn another_import(cluster: &Cluster, begun: i64) {
    let started = Instant::now();
    while cluster.count("workforce", "import").await == begun {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing was written");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
