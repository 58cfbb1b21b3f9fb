//! Tokens of an issuer that is not ours: its keys, how they change, and what happens while they
//! cannot be read.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrs_tests::cluster::Cluster;
use arrs_tests::issuer::forge::{Key, encode, symmetric, unsigned};
use arrs_tests::issuer::{Answer, Endpoint, ISSUER, claims, service_token};
use kit::error::reason_of;
use kit::identity::{Grant, GrantScope, LocalIssuer, ROLES};
use kit::{Clock, ErrorReason};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Code, Status};

use super::{assert_unauthenticated, read_with, refused_start};
use crate::spawned::{Spawned, ended};

/// How long a state that must come about is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a call may take that has no reason to wait: longer than it needs on a busy machine,
/// shorter than an endpoint that hangs is given.
const PROMPT: Duration = Duration::from_millis(900);

/// Settings of a suite that trusts the issuer, with its keys at an address or in a file.
struct Trust {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl Trust {
    fn new(key: &Key, id: &str, keys: (&'static str, String)) -> Trust {
        let folder = TempDir::new().unwrap();
        let token = folder.path().join("service.token");
        std::fs::write(&token, service_token(key, id)).unwrap();
        let settings = vec![
            ("ARRS__KIT__IDENTITY__ISSUER", ISSUER.to_owned()),
            ("ARRS__KIT__IDENTITY__SERVICE_TOKEN_FILE", text(&token)),
            ("ARRS__KIT__IDENTITY__JWKS_TIMEOUT_SECONDS", "2".to_owned()),
            keys,
        ];
        Trust { folder, settings }
    }

    /// Keys that are published.
    fn at(endpoint: &Endpoint, key: &Key, id: &str) -> Trust {
        Trust::new(key, id, ("ARRS__KIT__IDENTITY__JWKS_URL", endpoint.url()))
    }

    fn with(mut self, name: &'static str, value: &str) -> Trust {
        self.settings.push((name, value.to_owned()));
        self
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    async fn cluster(&self) -> Cluster {
        Cluster::with(&self.settings()).await
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A set of keys in a file.
fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn good() -> Value {
    claims(&["auditor@england"])
}

fn good_with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

#[track_caller]
fn assert_keys_unavailable(answer: Result<(), Status>) {
    let status = answer.expect_err("nobody can tell whether the token is right");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(reason_of(&status), Some(ErrorReason::IssuerKeysUnavailable), "{status:?}");
}

/// Reads again and again until it answers so.
async fn until(cluster: &Cluster, token: &str, answers: impl Fn(&Result<(), Status>) -> bool) {
    let started = Instant::now();
    loop {
        let answer = read_with(cluster, token).await;
        if answers(&answer) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "it still answers {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_asked(endpoint: &Endpoint, more: u32) {
    let (started, before) = (Instant::now(), endpoint.asked());
    while endpoint.asked() < before + more {
        assert!(started.elapsed() < PATIENCE, "the keys are not read again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_1_the_tokens_of_a_configured_issuer_are_taken_and_no_others() {
    let keys = [Key::rsa(), Key::rsa_by("PS256"), Key::p256(), Key::ed25519()];
    let id = |key: &Key| format!("key-{}", key.algorithm());
    let mut entries: Vec<Value> = keys.iter().map(|key| key.jwk(&id(key))).collect();
    let (rs512, encrypting) = (Key::rsa_by("RS512"), Key::rsa());
    entries.push(rs512.jwk("key-RS512"));
    entries.push(encrypting.jwk("key-enc"));
    entries[5]["use"] = json!("enc");
    let endpoint = Endpoint::publishing(&entries).await;
    let trust = Trust::at(&endpoint, &keys[0], "key-RS256").with("ARRS__KIT__LOG__FILTER", "trace");
    let cluster = trust.cluster().await;
    let process = cluster.process_id("all");
    let mut tried = Vec::new();

    for key in &keys {
        let token = key.token_of(&id(key), &good());
        read_with(&cluster, &token).await.unwrap();
        tried.push(token);
    }
    let now = Clock::system().now().0 / 1_000_000;
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let none = unsigned(&json!({"alg": "none"}), &good().to_string()) + ".";
    let mut wrong = vec![
        ("alg none", none),
        ("RS512, which no setting accepts", rs512.token_of("key-RS512", &good())),
        ("a key for encryption", encrypting.token_of("key-enc", &good())),
    ];
    for key in &keys {
        let of = |claims: &Value| key.token_of(&id(key), claims);
        let stranger = match key.algorithm() {
            "ES256" => Key::p256(),
            "EdDSA" => Key::ed25519(),
            algorithm => Key::rsa_by(algorithm),
        };
        let brought =
            json!({"alg": key.algorithm(), "kid": id(key), "jwk": stranger.jwk(&id(key))});
        let critical = json!({"alg": key.algorithm(), "kid": id(key), "crit": ["b64"]});
        wrong.extend([
            ("another key", stranger.token_of(&id(key), &good())),
            ("another key in the header", stranger.token_under(&brought, &good().to_string())),
            ("a critical header", key.token_under(&critical, &good().to_string())),
            ("an unknown name of a key", key.token_of("another", &good())),
            ("HS256 with the public key", symmetric(&key.public(), &good())),
            ("another issuer", of(&good_with("iss", json!("https://another.example")))),
            ("another audience", of(&good_with("aud", json!("another-service")))),
            ("expired", of(&good_with("exp", json!(now - 60)))),
            ("not valid yet", of(&good_with("nbf", json!(now + 60)))),
            ("issued in the future", of(&good_with("iat", json!(now + 60)))),
            ("without an end", of(&without("exp"))),
        ]);
    }
    for (what, token) in wrong {
        assert_unauthenticated(read_with(&cluster, &token).await, what);
        tried.push(token);
    }
    assert!(!cluster.folder().join("local-issuer.key").exists(), "no key was made");
    let local = LocalIssuer::open(cluster.folder(), "arrs", Clock::system()).unwrap();
    let grants = [Grant { role: ROLES[0], scope: GrantScope::England }];
    let local = local.token("local", &grants, 5);
    assert_unauthenticated(read_with(&cluster, &local).await, "a token of the local issuer");
    let renamed = Key::local(cluster.folder()).token(&good());
    assert_unauthenticated(read_with(&cluster, &renamed).await, "the local key, their name");

    assert_eq!(cluster.process_id("all"), process);
    read_with(&cluster, &tried[0]).await.expect("the process still serves");
    let log = cluster.log("all");
    assert!(log.contains("the issuer's public keys are now: key-"), "{log}");
    for token in &tried {
        // Headers are the same for all tokens of a key.
        for part in token.split('.').skip(1).filter(|part| !part.is_empty()) {
            assert!(!log.contains(part), "a part of a token is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rs512_is_taken_by_setting() {
    let key = Key::rsa_by("RS512");
    let endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    let trust = Trust::at(&endpoint, &key, "a").with("ARRS__KIT__IDENTITY__RS512", "true");

    let cluster = trust.cluster().await;

    read_with(&cluster, &key.token_of("a", &good())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_2_keys_are_rotated_without_a_refused_call() {
    let (old, new) = (Key::rsa(), Key::p256());
    let endpoint = Endpoint::publishing(&[old.jwk("old")]).await;
    let trust = Trust::at(&endpoint, &old, "old")
        .with("ARRS__KIT__IDENTITY__JWKS_REFRESH_SECONDS", "2")
        .with("ARRS__KIT__IDENTITY__JWKS_UNKNOWN_KEY_SECONDS", "1");
    let cluster = trust.cluster().await;
    let (by_old, by_new) = (old.token_of("old", &good()), new.token_of("new", &good()));
    read_with(&cluster, &by_old).await.unwrap();
    assert_unauthenticated(read_with(&cluster, &by_new).await, "a key that is not published");

    endpoint.answers(Answer::Keys(vec![old.jwk("old"), new.jwk("new")]));
    until(&cluster, &by_new, Result::is_ok).await;
    read_with(&cluster, &by_old).await.expect("both are published");

    endpoint.answers(Answer::Keys(vec![new.jwk("new")]));
    until(&cluster, &by_old, Result::is_err).await;
    assert_unauthenticated(read_with(&cluster, &by_old).await, "the key was taken back");
    read_with(&cluster, &by_new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_2_a_new_key_is_taken_with_the_first_call_that_names_it() {
    let (old, new) = (Key::rsa(), Key::ed25519());
    let endpoint = Endpoint::publishing(&[old.jwk("old")]).await;
    let trust = Trust::at(&endpoint, &old, "old")
        .with("ARRS__KIT__IDENTITY__JWKS_UNKNOWN_KEY_SECONDS", "1");
    let cluster = trust.cluster().await;
    // What is asked for at the start counts too.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let asked = endpoint.asked();

    endpoint.answers(Answer::Keys(vec![old.jwk("old"), new.jwk("new")]));

    read_with(&cluster, &new.token_of("new", &good())).await.expect("the call waits for the key");
    assert_eq!(endpoint.asked(), asked + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_2_tokens_that_name_unknown_keys_do_not_flood_the_issuer() {
    let key = Key::ed25519();
    let endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    let cluster = Trust::at(&endpoint, &key, "a").cluster().await;

    let calls = (0..100).map(async |number| {
        let forged = Key::ed25519().token_of(&format!("made-up-{number}"), &good());
        assert_unauthenticated(read_with(&cluster, &forged).await, "a key that does not exist");
    });
    futures::future::join_all(calls).await;

    assert!(endpoint.asked() <= 2, "the keys were read {} times", endpoint.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_3_calls_go_on_while_the_keys_cannot_be_read() {
    let (key, new) = (Key::rsa(), Key::p256());
    let mut endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    let trust = Trust::at(&endpoint, &key, "a")
        .with("ARRS__KIT__IDENTITY__JWKS_REFRESH_SECONDS", "1")
        .with("ARRS__KIT__IDENTITY__JWKS_UNKNOWN_KEY_SECONDS", "1");
    let cluster = trust.cluster().await;
    let process = cluster.process_id("all");

    let secret = json!({"kty": "oct", "kid": "a", "k": encode(b"of some length")});
    for answer in [
        Answer::Junk("<html>a proxy's idea of an error</html>".to_owned()),
        Answer::Junk("{\"keys\": [".to_owned()),
        Answer::Junk(" ".repeat(1_000_000)),
        Answer::Keys(Vec::new()),
        Answer::Keys(vec![secret]),
        Answer::Status(500),
        Answer::Status(302),
        Answer::Silence,
    ] {
        let what = format!("{answer:?}").chars().take(60).collect::<String>();
        endpoint.answers(answer);
        // The second time begins when the first is over.
        until_asked(&endpoint, 2).await;
        let started = Instant::now();
        // Another token each time, so that none is remembered.
        let token = key.token_of("a", &good_with("jti", json!(what)));
        read_with(&cluster, &token).await.unwrap_or_else(|status| panic!("{what}: {status:?}"));
        assert!(started.elapsed() < PROMPT, "{what}: it took {:?}", started.elapsed());
        assert_keys_unavailable(read_with(&cluster, &new.token_of("new", &good())).await);
    }
    endpoint.close().await;
    read_with(&cluster, &key.token_of("a", &good())).await.expect("the endpoint is gone");

    endpoint.answers(Answer::Keys(vec![new.jwk("new")]));
    endpoint.open().await;
    until(&cluster, &new.token_of("new", &good()), Result::is_ok).await;
    assert_eq!(cluster.process_id("all"), process);
    let log = cluster.log("all");
    for line in [
        "could not be read again: it answers 500",
        "could not be read again: no answer within 2 s",
        "could not be read again: this is not a JSON Web Key Set",
        "stay in force until they are 3600 s old",
        "the issuer's public keys are now: new",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log.contains(&encode(b"of some length")), "a published secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_3_keys_that_are_too_old_are_not_relied_on() {
    let key = Key::ed25519();
    let mut endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    let trust = Trust::at(&endpoint, &key, "a")
        .with("ARRS__KIT__IDENTITY__JWKS_REFRESH_SECONDS", "1")
        .with("ARRS__KIT__IDENTITY__JWKS_MAX_AGE_SECONDS", "3");
    let cluster = trust.cluster().await;
    let token = key.token_of("a", &good());
    read_with(&cluster, &token).await.unwrap();

    endpoint.close().await;
    until(&cluster, &token, Result::is_err).await;
    assert_keys_unavailable(read_with(&cluster, &token).await);

    endpoint.open().await;
    until(&cluster, &token, Result::is_ok).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_comes_up_before_its_issuer() {
    let key = Key::rsa();
    let mut endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    endpoint.close().await;
    let trust = Trust::at(&endpoint, &key, "a");
    let cluster = Cluster::idle(&trust.settings()).await;
    let _running = Spawned::serving(cluster.command(&["serve"]), &cluster.url("gateway")).await;
    let token = key.token_of("a", &good());

    assert_keys_unavailable(read_with(&cluster, &token).await);
    assert_unauthenticated(read_with(&cluster, "no token").await, "which no key would make right");
    let started = Instant::now();
    while cluster.run(&["healthcheck"]).status.code() != Some(69) {
        assert!(started.elapsed() < PATIENCE, "health does not say that it does not serve");
    }

    endpoint.open().await;
    until(&cluster, &token, Result::is_ok).await;
    let started = Instant::now();
    while cluster.run(&["healthcheck"]).status.code() != Some(0) {
        assert!(started.elapsed() < PATIENCE, "health still says that it does not serve");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_keys_is_read_again_when_it_changes() {
    let (old, new) = (Key::rsa(), Key::ed25519());
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join("keys.json");
    std::fs::write(&file, jwks(&[old.jwk("old")])).unwrap();
    let trust = Trust::new(&old, "old", ("ARRS__KIT__IDENTITY__JWKS_FILE", text(&file)));
    let cluster = trust.cluster().await;
    let (by_old, by_new) = (old.token_of("old", &good()), new.token_of("new", &good()));
    read_with(&cluster, &by_old).await.unwrap();

    std::fs::write(&file, "half of a fi").unwrap();
    until(
        &cluster,
        &by_new,
        |answer| matches!(answer, Err(status) if status.code() == Code::Unavailable),
    )
    .await;
    read_with(&cluster, &by_old).await.expect("the keys that were there stay in force");

    // Written beside and renamed, as keys should be.
    let beside = folder.path().join("keys.new");
    std::fs::write(&beside, jwks(&[new.jwk("new")])).unwrap();
    std::fs::rename(&beside, &file).unwrap();
    until(&cluster, &by_new, Result::is_ok).await;
    assert_unauthenticated(read_with(&cluster, &by_old).await, "the key was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_are_taken_from_the_claim_of_the_settings() {
    let key = Key::ed25519();
    let endpoint = Endpoint::publishing(&[key.jwk("a")]).await;
    let mut trust = Trust::at(&endpoint, &key, "a")
        .with("ARRS__KIT__IDENTITY__GRANTS_CLAIM", "resource_access.arrs.grants");
    let mut of_service = claims(&[]);
    of_service["resource_access"] = json!({"arrs": {"grants": ["service@england"]}});
    let file = trust.folder.path().join("service.token");
    std::fs::write(&file, key.token_of("a", &of_service)).unwrap();
    trust.settings.retain(|(name, _)| !name.ends_with("TIMEOUT_SECONDS"));
    let cluster = trust.cluster().await;

    for grants in [json!(["auditor@england"]), json!("auditor@england pcn-viewer@pcn:U09081")] {
        let claims = good_with("resource_access", json!({"arrs": {"grants": grants}}));
        read_with(&cluster, &key.token_of("a", &claims)).await.unwrap();
    }
    let status = read_with(&cluster, &key.token_of("a", &good())).await.unwrap_err();
    assert_eq!(reason_of(&status), Some(ErrorReason::NotPermitted), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_without_usable_keys_is_refused_at_start() {
    let cluster = Cluster::idle(&[]).await;
    let published = encode(b"of some length");
    let symmetric = jwks(&[json!({"kty": "oct", "k": published})]);
    let symmetric = cluster.file("symmetric.json", symmetric.as_bytes());
    let broken = cluster.file("broken.json", b"-----BEGIN PUBLIC KEY-----");
    let none = cluster.file("none.json", b"{\"keys\": []}");

    for (name, value) in [
        ("FILE", ""),
        ("FILE", "/no/such/keys.json"),
        ("FILE", &text(&symmetric)),
        ("FILE", &text(&broken)),
        ("FILE", &text(&none)),
        ("URL", "http://issuer.example/keys"),
        ("URL", "issuer.example"),
    ] {
        let name = format!("ARRS__KIT__IDENTITY__JWKS_{name}");
        let variables = [("ARRS__KIT__IDENTITY__ISSUER", ISSUER), (name.as_str(), value)];
        let told = refused_start(&cluster, &variables).await;
        assert!(told.contains("kit.identity.jwks_"), "{value}: {told}");
        assert!(!told.contains(&published), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_need_a_token_of_their_own_under_a_configured_issuer() {
    let key = Key::ed25519();
    let cluster = Cluster::idle(&[]).await;
    let file = cluster.file("keys.json", jwks(&[key.jwk("a")]).as_bytes());
    let variables =
        [("ARRS__KIT__IDENTITY__ISSUER", ISSUER), ("ARRS__KIT__IDENTITY__JWKS_FILE", &text(&file))];

    let told = refused_start(&cluster, &variables).await;

    assert!(told.contains("service_token_file"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_made_here_where_an_issuer_is_configured() {
    let mut cluster = Cluster::one().await;
    cluster.terminate("all").await;

    // The key of the local issuer is still there.
    for arguments in
        [&["token", "auditor@england"][..], &["report", "pcn", "U09081", "--month", "2025-07"]]
    {
        let mut command = cluster.command(arguments);
        command.env("ARRS__KIT__IDENTITY__ISSUER", ISSUER);
        let output = ended(command).await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(2 | 64)), "{output:?}");
        assert!(told.contains(ISSUER) && told.contains("ARRS_TOKEN"), "{told}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
