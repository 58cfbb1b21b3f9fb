//! How a process ends while callers are there: it says so first, answers, and ends in time.

use std::process::Command;
use std::time::{Duration, Instant};

use arrs_proto::event::v1::StreamFactsRequest;
use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_tests::cluster::Cluster;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kit::client::Channel;
use prost::Message;
use tokio::net::TcpStream;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::demo_set::{self, OPERATOR};

async fn read(channel: &Channel) {
    let request = GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let path = "/arrs.finance.v1.RuleBookService/GetRuleBook";
    channel.unary::<_, RuleBook>(path, Request::new(request)).await.expect("it is answered");
}

/// Asks for all facts on a connection with a small window, and reads none of them.
async fn stream_unread(cluster: &Cluster) -> impl Sized + use<> {
    let url = cluster.url("gateway");
    let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let (mut sender, connection) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1_024)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut message = vec![0; 5];
    StreamFactsRequest { after: 0, follow: true }.encode(&mut message).unwrap();
    message[4] = u8::try_from(message.len() - 5).unwrap();
    let request = http::Request::post(format!("{url}/arrs.workforce.v1.FactService/StreamFacts"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", cluster.token(&[OPERATOR])))
        .body(Full::new(Bytes::from(message)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    (sender, response)
}

#[tokio::test(flavor = "multi_thread")]
async fn ovl_6_a_process_says_that_it_ends_goes_on_answering_and_ends_in_time() {
    let mut cluster = Cluster::with(&[
        ("ARRS__KIT__SERVER__NOTICE_SECONDS", "3"),
        ("ARRS__KIT__SERVER__DRAIN_SECONDS", "4"),
    ])
    .await;
    demo_set::bring_in(&cluster).await;
    // One who reads nothing of a long answer, one who called once and stays, one who says nothing.
    let _unread = stream_unread(&cluster).await;
    let idle = cluster.channel(&[OPERATOR]);
    read(&idle).await;
    let address = cluster.url("gateway");
    let _silent = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let mut health = HealthClient::new(cluster.stranger());

    let id = cluster.process_id("all").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let told = Instant::now();
    loop {
        let ask = HealthCheckRequest { service: String::new() };
        let answer = health.check(ask).await.expect("it goes on answering").into_inner();
        if answer.status() == ServingStatus::NotServing {
            break;
        }
        assert!(told.elapsed() < Duration::from_secs(2), "health does not say that it ends");
    }
    // On a connection that is there, and on a new one.
    read(&idle).await;
    read(&cluster.channel(&[OPERATOR])).await;

    assert!(cluster.terminate("all").await.success());
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(3), "it gave notice: {took:?}");
    assert!(took < Duration::from_secs(3 + 4 + 3), "ending took {took:?}");
    let log = cluster.log("all");
    assert!(log.contains("still running after 4 s"), "who reads nothing was waited for: {log}");
}
