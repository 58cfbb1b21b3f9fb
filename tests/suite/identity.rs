//! Who gets in: every method asks for a token, and no forged one is taken.

mod issuer;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use arrs_proto::finance::v1::{GetRuleBookRequest, RuleBook};
use arrs_tests::cluster::{Cluster, Engine, SERVICES};
use arrs_tests::issuer::forge::{Key, encode, symmetric, unsigned};
use kit::client::{Channel, Token};
use kit::error::reason_of;
use kit::identity::{Grant, ROLES};
use kit::rules::Rule;
use kit::{Clock, ErrorReason};
use serde_json::{Value, json};
use terms::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::spawned::{Spawned, ended};

/// A method that any role but a service's may call, and that needs no data.
const READ: &str = "/arrs.finance.v1.RuleBookService/GetRuleBook";

/// Calls a method of any kind with an empty message.
async fn knock(channel: &Channel, path: &str, rule: &Rule) -> Result<(), Status> {
    match (rule.client_streaming, rule.server_streaming) {
        (false, false) => channel.unary::<(), ()>(path, Request::new(())).await.map(drop),
        (true, false) => {
            let messages = futures::stream::iter([()]);
            channel.client_streaming::<(), ()>(path, messages).await.map(drop)
        }
        (false, true) => channel.server_streaming::<(), ()>(path, ()).await.map(drop),
        (true, true) => panic!("no method streams both ways: decide how {path} is tried"),
    }
}

/// Reads something with an authorization header as it stands.
async fn read_as(cluster: &Cluster, authorization: &[u8]) -> Result<(), Status> {
    use tonic::codegen::http::{HeaderMap, HeaderValue};

    let mut request = Request::new(GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() });
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_bytes(authorization).unwrap());
    *request.metadata_mut() = MetadataMap::from_headers(headers);
    cluster.stranger().unary::<_, RuleBook>(READ, request).await.map(drop)
}

async fn read_with(cluster: &Cluster, token: &str) -> Result<(), Status> {
    read_as(cluster, format!("Bearer {token}").as_bytes()).await
}

#[track_caller]
fn assert_unauthenticated(answer: Result<(), Status>, what: &str) {
    let status = answer.expect_err(what);
    assert_eq!(status.code(), Code::Unauthenticated, "{what}: {status:?}");
    assert_eq!(reason_of(&status), Some(ErrorReason::TokenInvalid), "{what}: {status:?}");
}

/// Seconds since 1970.
fn now() -> i64 {
    Clock::system().now().0 / 1_000_000
}

/// Claims that are all right for the local issuer.
fn claims() -> Value {
    json!({
        "iss": "arrs-local", "sub": "forger", "aud": "arrs",
        "iat": now(), "exp": now() + 600, "arrs_grants": ["operator@england"],
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name).unwrap();
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_asks_for_a_token() {
    let cluster = Cluster::separate().await;

    for place in ["gateway", "workforce"] {
        let stranger = Channel::lazy(&cluster.url(place), Token::Passed).unwrap();
        for (path, rule) in kit::rules::methods().unwrap() {
            let answer = knock(&stranger, &path, &rule).await;
            assert_unauthenticated(answer, &format!("{path} of {place}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_asks_for_its_permission() {
    let cluster = Cluster::separate().await;
    let mut refused = 0;

    for place in ["gateway", "workforce"] {
        for role in ROLES {
            // All of England: what is missing is the permission and nothing else.
            let token = cluster.token(&[&format!("{role}@england")]);
            let channel = cluster.channel_to(place, &token);
            for (path, rule) in kit::rules::methods().unwrap() {
                if role.permits(&rule.permission) {
                    continue;
                }
                let what = format!("{role} at {path} of {place}");
                let status = knock(&channel, &path, &rule).await.expect_err(&what);
                assert_eq!(status.code(), Code::PermissionDenied, "{what}: {status:?}");
                assert_eq!(reason_of(&status), Some(ErrorReason::NotPermitted), "{what}");
                let info = status.get_details_error_info().unwrap();
                assert_eq!(info.metadata["permission"], rule.permission, "{what}");
                refused += 1;
            }
        }
    }

    assert!(refused > 200, "only {refused} refusals were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_grants_is_known_and_may_do_nothing() {
    let cluster = Cluster::one().await;
    let key = Key::local(cluster.folder());

    for claims in [without("arrs_grants"), with("arrs_grants", json!([]))] {
        let status = read_with(&cluster, &key.token(&claims)).await.unwrap_err();
        assert_eq!(reason_of(&status), Some(ErrorReason::NotPermitted), "{status:?}");
    }
}

/// Tokens that must not be taken, each with what is wrong with it.
fn wrong_tokens(folder: &Path) -> Vec<(&'static str, String)> {
    let key = Key::local(folder);
    let attacker = Key::ed25519();
    let good = key.token(&claims());
    let body = claims().to_string();
    let under = |header: Value| key.token_under(&header, &body);
    let part = |index: usize| good.split('.').nth(index).unwrap().to_owned();
    let (head, payload, signature) = (part(0), part(1), part(2));
    let more = with("arrs_grants", json!(["operator@england", "auditor@england"]));
    let grants = |count: usize| -> Value { vec!["auditor@england"; count].into() };
    let duplicate = body.replacen('{', "{\"sub\":\"somebody\",", 1);
    let public_text = encode(&key.public());

    vec![
        ("alg none, no signature", unsigned(&json!({"alg": "none"}), &body) + "."),
        ("alg none, a signature", under(json!({"alg": "none"}))),
        ("alg None", unsigned(&json!({"alg": "None"}), &body) + "."),
        ("no alg", under(json!({"typ": "JWT"}))),
        ("HS256 with the public key", symmetric(&key.public(), &claims())),
        ("HS256 with the public key as text", symmetric(public_text.as_bytes(), &claims())),
        ("HS256 with an empty secret", symmetric(b"", &claims())),
        ("another key", attacker.token(&claims())),
        ("another key, which the header brings along", {
            let header = json!({"alg": "EdDSA", "jwk": attacker.jwk("x"), "kid": "x"});
            attacker.token_under(&header, &body)
        }),
        ("another key, which the header says where to fetch", {
            let header = json!({"alg": "EdDSA", "jku": "http://127.0.0.1:1/keys", "kid": "x"});
            attacker.token_under(&header, &body)
        }),
        ("RS256 in the header, an Ed25519 signature", under(json!({"alg": "RS256"}))),
        ("ES256 in the header, an Ed25519 signature", under(json!({"alg": "ES256"}))),
        ("a key of another kind", Key::p256().token(&claims())),
        ("iss of another", key.token(&with("iss", json!("https://issuer.example")))),
        ("iss almost ours", key.token(&with("iss", json!("arrs-local ")))),
        ("no iss", key.token(&without("iss"))),
        ("aud of another", key.token(&with("aud", json!("another-service")))),
        ("aud a list without us", key.token(&with("aud", json!(["a", "b"])))),
        ("no aud", key.token(&without("aud"))),
        ("expired long ago", key.token(&with("exp", json!(now() - 86_400)))),
        ("expired in 1970", key.token(&with("exp", json!(0)))),
        ("no exp", key.token(&without("exp"))),
        ("exp a string", key.token(&with("exp", json!((now() + 600).to_string())))),
        ("exp null", key.token(&with("exp", Value::Null))),
        ("exp negative", key.token(&with("exp", json!(-1)))),
        ("nbf in the future", key.token(&with("nbf", json!(now() + 60)))),
        ("nbf a string", key.token(&with("nbf", json!((now() + 86_400).to_string())))),
        ("no sub", key.token(&without("sub"))),
        ("sub a number", key.token(&with("sub", json!(7)))),
        ("sub twice", key.token_under(&json!({"alg": "EdDSA"}), &duplicate)),
        ("65 grants", key.token(&with("arrs_grants", grants(65)))),
        ("an unknown role", key.token(&with("arrs_grants", json!(["king@england"])))),
        ("an unknown scope", key.token(&with("arrs_grants", json!(["auditor@wales"])))),
        ("an unknown kind of scope", key.token(&with("arrs_grants", json!(["auditor@x:U09081"])))),
        ("a scope without a code", key.token(&with("arrs_grants", json!(["auditor@pcn:"])))),
        ("a good grant beside a bad one", {
            key.token(&with("arrs_grants", json!(["operator@england", "operator"])))
        }),
        ("grants as one text of another kind", {
            key.token(&with("arrs_grants", json!("operator@england,auditor@england")))
        }),
        ("grants as numbers", key.token(&with("arrs_grants", json!([1])))),
        ("claims that are a list", key.token_under(&json!({"alg": "EdDSA"}), "[]")),
        ("claims that are no JSON", key.token_under(&json!({"alg": "EdDSA"}), "grants=all")),
        ("a header that is no JSON", format!("{}.{payload}.{signature}", encode(b"alg=EdDSA"))),
        ("10 KB, and signed well", key.token(&with("pad", json!("x".repeat(10_000))))),
        ("one dot", format!("{head}.{payload}")),
        ("two dots and nothing else", "..".to_owned()),
        ("three dots", format!("{good}.{signature}")),
        ("no dots", head.clone()),
        ("no signature", format!("{head}.{payload}.")),
        ("half a signature", format!("{head}.{payload}.{}", &signature[..43])),
        ("a signature of zeros", format!("{head}.{payload}.{}", encode(&[0; 64]))),
        ("the signature of other claims", {
            format!("{head}.{}.{signature}", encode(more.to_string().as_bytes()))
        }),
        ("a payload with one letter changed", {
            let letter = if payload.ends_with('A') { 'B' } else { 'A' };
            format!("{head}.{}{letter}.{signature}", &payload[..payload.len() - 1])
        }),
        ("a newline's escape within", good.replace('.', "%0A.")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_the_process_goes_on() {
    let cluster = Cluster::one().await;
    let process = cluster.process_id("all");
    let good = Key::local(cluster.folder()).token(&claims());
    read_with(&cluster, &good).await.expect("the claims are right but for what a case changes");

    let tokens = wrong_tokens(cluster.folder());
    assert!(tokens.len() >= 40);
    for (what, token) in tokens {
        let answer = read_with(&cluster, &token).await;
        let told = answer.as_ref().err().map(|status| status.message().to_owned());
        assert_unauthenticated(answer, what);
        let told = told.unwrap_or_default();
        assert!(token.len() < 10 || !told.contains(&token), "{what}: the token is repeated");
    }

    assert_eq!(cluster.process_id("all"), process);
    read_with(&cluster, &good).await.expect("the process still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_header_is_one_bearer_token() {
    let cluster = Cluster::one().await;
    let token = cluster.token(&["auditor@england"]);

    for header in [format!("bearer {token}"), format!("BEARER {token}"), format!("Bearer  {token}")]
    {
        read_as(&cluster, header.as_bytes()).await.expect("the case of the scheme is free");
    }
    let wrong: [&[u8]; 8] = [
        b"",
        b"Bearer",
        b"Bearer ",
        token.as_bytes(),
        &[b"Basic ", token.as_bytes()].concat(),
        &[b"Bearer:", token.as_bytes()].concat(),
        &[b"Bearer ", token.as_bytes(), b" ", token.as_bytes()].concat(),
        &[b"Bearer ", token.as_bytes(), b"\xff"].concat(),
    ];
    for header in wrong {
        let what = String::from_utf8_lossy(header).into_owned();
        assert_unauthenticated(read_as(&cluster, header).await, &what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_too_long_is_refused_in_words() {
    let cluster = Cluster::one().await;
    let process = cluster.process_id("all");
    let key = Key::local(cluster.folder());

    // Three quarters of a token are claims; all headers may have 64 KiB.
    for length in [6_500, 20_000, 40_000] {
        let long = key.token(&with("pad", json!("x".repeat(length))));
        let answer = read_with(&cluster, &long).await;
        let told = answer.as_ref().err().map(|status| status.message().to_owned());
        assert_unauthenticated(answer, &format!("{length} bytes"));
        assert!(told.is_some_and(|told| told.contains("8 KiB")), "{length} bytes");
    }
    // The door says so of a megabyte, and of a little more this client, from status 431.
    for length in [70_000, 700_000, 1_000_000] {
        let huge = key.token(&with("pad", json!("x".repeat(length))));
        let status = read_with(&cluster, &huge).await.expect_err("no token is that long");
        assert_eq!(status.code(), Code::ResourceExhausted, "{length} bytes: {status:?}");
        assert_eq!(reason_of(&status), Some(ErrorReason::MessageTooLarge), "{status:?}");
    }
    let huge = key.token(&with("pad", json!("x".repeat(3_000_000))));
    read_with(&cluster, &huge).await.expect_err("no token is that long");
    let told = cluster.run(&[
        "report",
        "pcn",
        "U09081",
        "--month",
        "2025-07",
        "--token",
        &"x".repeat(9_000),
    ]);
    assert_eq!(told.status.code(), Some(2), "{told:?}");

    assert_eq!(cluster.process_id("all"), process);
    read_with(&cluster, &key.token(&claims())).await.expect("the process still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_megabyte_is_refused_in_words_to_any_client_and_its_connection_stays() {
    let Some(python) = std::env::var_os("ARRS_TEST_PYTHON") else {
        eprintln!("NOT RUN: ARRS_TEST_PYTHON names no Python with grpcio; tests/run sets it");
        return;
    };
    let cluster = Cluster::one().await;
    let process = cluster.process_id("all");
    let server = cluster.url("gateway").trim_start_matches("http://").to_owned();

    let told = std::process::Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python/long_token.py"))
        .args(["--server", &server, "--token", &cluster.token(&["operator@england"])])
        .output()
        .unwrap();

    let words = "RESOURCE_EXHAUSTED the headers of the call are larger than 65536 bytes\n";
    let expected = format!("{words}{words}OK\nthe watch goes on\n");
    assert_eq!(String::from_utf8_lossy(&told.stdout), expected, "{told:?}");
    assert_eq!(cluster.process_id("all"), process);
    read_with(&cluster, &cluster.token(&["operator@england"]))
        .await
        .expect("the process still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_may_differ_by_thirty_seconds() {
    let cluster = Cluster::one().await;
    let grants = ["auditor@england".parse::<Grant>().unwrap()];

    for (late, accepted) in [(29, true), (31, false)] {
        let answer = within_a_second(async || {
            // One minute from a clock that stood still so long ago.
            let issued = Instant((now() - 60 - late) * 1_000_000);
            let token = cluster.issuer(Clock::fixed(issued)).token("late", &grants, 1);
            read_with(&cluster, &token).await
        });
        let answer = answer.await;
        assert_eq!(answer.is_ok(), accepted, "{late} s late: {answer:?}");
        if !accepted {
            assert_unauthenticated(answer, "late");
        }
    }
    let key = Key::local(cluster.folder());
    for (early, accepted) in [(29, true), (32, false)] {
        let answer = within_a_second(async || {
            read_with(&cluster, &key.token(&with("nbf", json!(now() + early)))).await
        });
        assert_eq!(answer.await.is_ok(), accepted, "{early} s early");
    }
}

/// Asks again where a busy machine took longer than the second that the question leaves.
async fn within_a_second<T>(ask: impl AsyncFn() -> T) -> T {
    for _ in 0..20 {
        let started = std::time::Instant::now();
        let answer = ask().await;
        if started.elapsed() < Duration::from_millis(900) {
            return answer;
        }
    }
    panic!("no answer came within a second, twenty times");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_key_is_only_its_owners() {
    let mut cluster = Cluster::one().await;
    let key = cluster.folder().join("local-issuer.key");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    cluster.terminate("all").await;

    for open in [0o640, 0o604, 0o644, 0o660] {
        std::fs::set_permissions(&key, PermissionsExt::from_mode(open)).unwrap();
        let output = refused_start(&cluster, &[]).await;
        assert!(output.contains("local-issuer.key") && output.contains("0600"), "{output}");
        assert_eq!(mode(&key), open, "nobody but its owner mends it");
    }

    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    cluster.start("all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_others_can_reach_needs_an_issuer() {
    // Beside a server's database the local issuer has to be allowed anyway.
    let cluster = Cluster::idle_on(&Engine::Sqlite, &[]).await;

    for role in ["all", "gateway", "workforce", "finance", "supervision"] {
        let service = if role == "all" { "gateway" } else { role };
        let variable = format!("ARRS__{}__LISTEN", service.to_uppercase());
        let told = refused_start_of(&cluster, role, &[(&variable, "0.0.0.0:0")]).await;
        assert!(told.contains("kit.identity.issuer"), "{role}: {told}");
    }
    assert!(!cluster.folder().join("local-issuer.key").exists(), "no key was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_issuer_may_be_allowed_where_others_can_reach_it() {
    let cluster = Cluster::idle(&[("ARRS__KIT__IDENTITY__LOCAL", "true")]).await;
    let url = cluster.url("gateway");
    let mut command = cluster.command(&["serve"]);
    command.env("ARRS__GATEWAY__LISTEN", url.replace("http://127.0.0.1", "0.0.0.0"));

    let _running = Spawned::serving(command, &url).await;

    let token = cluster.token(&["auditor@england"]);
    read_with(&cluster, &token).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_agree_on_one_key() {
    let cluster = Cluster::idle(&[]).await;

    let urls = SERVICES.map(|role| cluster.url(role));
    let start = SERVICES.iter().zip(&urls).map(|(role, url)| {
        let command = cluster.command(&["serve", role]);
        Spawned::serving(command, url)
    });
    let _running = futures::future::join_all(start).await;

    let token = cluster.token(&["supervisor@england"]);
    for role in SERVICES {
        let status = cluster
            .channel_to(role, &token)
            .unary::<_, RuleBook>(READ, Request::new(GetRuleBookRequest::default()))
            .await
            .unwrap_err();
        // The signature was accepted: what is missing is the permission.
        assert_eq!(reason_of(&status), Some(ErrorReason::NotPermitted), "{role}: {status:?}");
    }
}

/// What a start that must fail with 64 says.
async fn refused_start(cluster: &Cluster, variables: &[(&str, &str)]) -> String {
    refused_start_of(cluster, "all", variables).await
}

async fn refused_start_of(cluster: &Cluster, role: &str, variables: &[(&str, &str)]) -> String {
    let mut command = cluster.command(&["serve", role]);
    command.envs(variables.iter().copied());
    let output = ended(command).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{role}: {told}");
    told
}
