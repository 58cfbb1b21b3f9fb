//! Callers that go away at once: what others were told stands, and no connection is left behind.
//!
//! `postgres.rs` has the test of this test: a pool as it comes loses what it acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrs_proto::workforce::v1::{Engagement, GetEngagementRequest};
use arrs_tests::cluster::{Cluster, Engine};
use arrs_tests::journal::{History, Intent, Journal};
use arrs_tests::postgres::Postgres;
use arrs_tests::source::Source;
use futures::StreamExt;
use kit::client::Channel;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::changes::{self, HOURS, Subject};
use super::{clients, found, number_of};
use crate::demo_set::{OPERATOR, bring_in, call, positions};

/// How many change something, each another engagement.
const CALLS: usize = 600;
/// How many call at once.
const CALLERS: usize = 4;
/// The longest that one waits before it goes away.
const MOMENT_US: i64 = 20_000;
/// Every so many of them waits for its answer: what it is told must not go with the others.
const PATIENT: usize = 4;
/// How many calls in a row must be answered afterwards.
const AFTERWARDS: usize = 600;
/// How long sessions may take to end what nobody waits for.
const SETTLED: Duration = Duration::from_secs(10);
const GET_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/GetEngagement";

/// DUR-4.
#[tokio::test(flavor = "multi_thread")]
async fn dur_4_calls_that_are_dropped_at_once_lose_nothing_that_was_acknowledged() {
    drop_calls(&Engine::Sqlite).await;
}

/// DUR-4, against a pool of two connections.
#[tokio::test(flavor = "multi_thread")]
async fn dur_4_calls_that_are_dropped_at_once_lose_nothing_on_postgresql() {
    drop_calls(&Engine::Postgres(Postgres::shared())).await;
}

async fn drop_calls(engine: &Engine) {
    let seed = number_of("ARRS_TEST_SEED", 1) as u64;
    let mut cluster = Cluster::idle_on(engine, &[]).await;
    for pool in ["READERS", "WRITERS"] {
        cluster.set_for("workforce", &format!("ARRS__WORKFORCE__DATABASE__{pool}"), "2");
    }
    cluster.start_separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let start = positions(&channel).await;
    let path = cluster.folder().join("journal");
    let journal = Arc::new(Journal::create(&path));
    clients::write(&channel, &journal, &changes::engagements(CALLS)).await;
    let subjects = changes::subjects(&channel).await;
    assert_eq!(subjects.len(), CALLS);
    // Nobody between the callers and the service has another idea of when a call is over.
    let direct = cluster.channel_to("workforce", &cluster.token(&[OPERATOR]));
    let sessions = match engine {
        Engine::Sqlite => None,
        Engine::Postgres(_) => Some(cluster.database().url()),
    };

    let watched = sessions.clone().map(|url| tokio::spawn(watch(url)));
    let mut callers = JoinSet::new();
    for (number, subjects) in subjects.chunks(CALLS / CALLERS).enumerate() {
        let intents = subjects.iter().enumerate().map(|(kind, subject)| change(subject, kind));
        let source = Source::new(seed, 1 + number as u64);
        callers.spawn(come_and_go(direct.clone(), Arc::clone(&journal), intents.collect(), source));
    }
    let dropped: usize = callers.join_all().await.into_iter().sum();

    assert!(dropped > CALLS / 20, "{dropped} of {CALLS} were dropped");
    if let Some(watched) = watched {
        watched.abort();
        if let Err(error) = watched.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    let doubts = History::read(&path).0.in_doubt().count();
    println!("seed {seed}: {dropped} of {CALLS} calls were dropped, {doubts} had no answer");
    clients::end_doubts(&channel, &path).await;
    let (history, broken) = History::read(&path);
    assert_eq!(broken, [], "answers, seed {seed}");
    let facts = found::facts(&channel, start).await;
    assert_eq!(history.judge(facts.iter().map(String::as_str)), [], "facts, seed {seed}");
    found::hours_agree(&channel).await;
    if let Some(url) = sessions {
        let started = Instant::now();
        while in_transaction(&mut PgConnection::connect(&url).await.unwrap(), "0").await > 0 {
            assert!(started.elapsed() < SETTLED, "sessions stay in a transaction");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    serves_on(&direct, &subjects).await;
}

/// Each kind of change, of hours that the engagement had from the start or beside them.
fn change(subject: &Subject, kind: usize) -> Intent {
    let (first, last) = HOURS;
    let (before, after) = (last.yesterday().unwrap(), last.tomorrow().unwrap());
    match kind % 3 {
        0 => subject.set(after, after),
        1 => subject.end(first, before, "dropped"),
        _ => subject.withdraw(first),
    }
}

/// Makes calls and goes away from most of them; answers how many were dropped.
async fn come_and_go(
    channel: Channel,
    journal: Arc<Journal>,
    intents: Vec<Intent>,
    mut source: Source,
) -> usize {
    let mut dropped = 0;
    for (number, intent) in intents.iter().enumerate() {
        if number % PATIENT == 0 {
            clients::write(&channel, &journal, intent).await;
            continue;
        }
        let moment = source.between(0, MOMENT_US).unsigned_abs();
        journal.intend(intent);
        let sending = clients::send(&channel, &journal, intent);
        match tokio::time::timeout(Duration::from_micros(moment), sending).await {
            Ok(Ok(_)) => {}
            Ok(Err(status)) => assert!(clients::is_in_doubt(&status), "{status:?}"),
            Err(_) => dropped += 1,
        }
    }
    dropped
}

/// Looks all the time whether somebody forgot a transaction.
async fn watch(url: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    loop {
        assert_eq!(in_transaction(&mut connection, "1").await, 0, "idle in transaction for 1 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How many sessions of the database have been idle in a transaction for so many seconds.
async fn in_transaction(connection: &mut PgConnection, seconds: &str) -> i64 {
    let question = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND state LIKE 'idle in transaction%' \
                    AND clock_timestamp() - state_change >= ($1 || ' seconds')::interval";
    sqlx::query_scalar(question).bind(seconds).fetch_one(connection).await.unwrap()
}

/// Asserts that every call is answered.
async fn serves_on(channel: &Channel, subjects: &[Subject]) {
    let get = |subject: &Subject| {
        let request = GetEngagementRequest { name: subject.name().to_owned(), known_at_date: None };
        let channel = channel.clone();
        async move { call::<_, Engagement>(&channel, GET_ENGAGEMENT, request).await.map(drop) }
    };
    let calls = futures::stream::iter(subjects.iter().take(AFTERWARDS).map(get));
    let answers: Vec<_> = calls.buffer_unordered(CALLERS).collect().await;
    assert_eq!(answers.len(), AFTERWARDS);
    for answer in answers {
        answer.unwrap();
    }
}
