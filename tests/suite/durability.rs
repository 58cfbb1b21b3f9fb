//! Nothing acknowledged is lost or applied twice, whatever is killed.

mod changes;
pub(crate) mod clients;
mod dropped;
mod found;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use arrs_tests::cluster::{Cluster, Engine, SERVICES};
use arrs_tests::journal::{Broken, History, Intent, Journal};
use arrs_tests::nats::Nats;
use arrs_tests::postgres::Postgres;
use arrs_tests::source::Source;
use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::demo_set::{OPERATOR, PRODUCERS, bring_in, positions, settle};
use crate::{audit, published};
use clients::Clients;

/// How many kills there are in a run of the tests, on both engines together; `just soak` asks for
/// more.
const KILLS: usize = 25;
/// The longest pause between two kills.
const PAUSE_MS: i64 = 700;

/// DUR-1.
#[tokio::test(flavor = "multi_thread")]
async fn dur_1_no_kill_loses_or_doubles_what_was_acknowledged() {
    let kills = number_of("ARRS_TEST_KILLS", KILLS).div_ceil(2);
    survive(&Engine::Sqlite, None, kills, Duration::from_secs(5)).await;
}

/// DUR-1, where PostgreSQL and the broker are killed too.
#[tokio::test(flavor = "multi_thread")]
async fn dur_1_no_kill_loses_or_doubles_what_was_acknowledged_on_postgresql_and_nats() {
    let kills = number_of("ARRS_TEST_KILLS", KILLS) / 2;
    let engine = Engine::Postgres(Postgres::start());
    survive(&engine, Some(Nats::start()), kills, Duration::from_secs(10)).await;
}

async fn survive(engine: &Engine, mut nats: Option<Nats>, kills: usize, ready: Duration) {
    let seed = number_of("ARRS_TEST_SEED", 1) as u64;
    let mut cluster = Cluster::idle_on(engine, &[]).await;
    if let Some(nats) = &nats {
        cluster.set("ARRS__KIT__NATS__URL", &nats.url());
    }
    cluster.start_separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let start = positions(&channel).await;
    let path = cluster.folder().join("journal");
    let clients = Clients::start(&channel, &path, seed).await;

    let killed = kill(&mut cluster, engine, &mut nats, kills, ready, seed).await;
    let failures = clients.stop().await;
    let told = clients::end_doubts(&channel, &path).await;

    let (history, broken) = History::read(&path);
    let writes = history.acknowledged().count();
    println!("seed {seed}: killed {killed:?}; {writes} writes, {failures:?}");
    assert_eq!(broken, [], "answers, seed {seed}");
    assert_eq!(history.in_doubt().count(), 0);
    assert!(writes > kills, "the clients got something done: {writes}");
    let facts = found::facts(&channel, start).await;
    assert_eq!(history.judge(facts.iter().map(String::as_str)), [], "facts, seed {seed}");
    let rows = found::rows(&channel).await;
    let shown = history.only(found::is_listed);
    assert_eq!(shown.judge(rows.iter().map(String::as_str)), [], "rows, seed {seed}");
    let newest = PRODUCERS.iter().zip(told).map(|(name, position)| format!("{name}={position}"));
    settle(&channel, &newest.collect::<Vec<_>>().join(",")).await;
    found::hours_agree(&channel).await;
    found::projections_agree(&channel).await;
    let auditor = cluster.channel(&["auditor@england"]);
    for path in audit::VERIFY {
        audit::sealed(&auditor, path).await;
    }
    if let Some(nats) = &nats {
        for (service, newest) in PRODUCERS.into_iter().zip(told) {
            let messages = published::published(nats, service, newest).await;
            published::check(&published::told(&channel, service).await, &messages);
        }
    }
    for role in SERVICES {
        assert!(cluster.terminate(role).await.success(), "{role} ends in order");
    }
    if let Engine::Sqlite = engine {
        for service in PRODUCERS {
            is_sound(&cluster.folder().join(format!("{service}.db"))).await;
        }
    }
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Service(&'static str),
    Postgres,
    Nats,
}

/// Kills one process after the other at moments of the seed, and answers how often each.
async fn kill(
    cluster: &mut Cluster,
    engine: &Engine,
    nats: &mut Option<Nats>,
    kills: usize,
    ready: Duration,
    seed: u64,
) -> BTreeMap<Victim, usize> {
    let mut victims = SERVICES.map(Victim::Service).to_vec();
    victims.extend(matches!(engine, Engine::Postgres(_)).then_some(Victim::Postgres));
    victims.extend(nats.is_some().then_some(Victim::Nats));
    let mut source = Source::new(seed, 0);
    let mut left = Vec::new();
    let mut killed = BTreeMap::new();
    for _ in 0..kills {
        // A moment like any other: nothing is waited for.
        let pause = source.between(0, PAUSE_MS).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // Each is killed before any is killed again.
        if left.is_empty() {
            left.clone_from(&victims);
        }
        let victim = left.swap_remove(source.below(left.len()));
        *killed.entry(victim).or_default() += 1;
        match (victim, engine, nats.as_mut()) {
            (Victim::Postgres, Engine::Postgres(postgres), _) => {
                postgres.kill();
                postgres.restart();
            }
            (Victim::Nats, _, Some(nats)) => {
                nats.kill();
                nats.restart();
            }
            (Victim::Service(role), ..) => {
                cluster.kill(role);
                let started = Instant::now();
                cluster.start(role).await;
                while !cluster.is_ready(role).await {
                    assert!(started.elapsed() < ready, "{role} is not ready");
                }
                let took = started.elapsed();
                assert!(took < ready, "{role} was ready after {took:?}");
            }
            (Victim::Postgres | Victim::Nats, ..) => unreachable!("only what runs is a victim"),
        }
    }
    killed
}

/// Whether nothing in a database contradicts anything else in it.
async fn is_sound(file: &Path) {
    let mut connection = SqliteConnection::connect(&file.display().to_string()).await.unwrap();
    let check = sqlx::query_scalar("PRAGMA integrity_check");
    let answer: String = check.fetch_one(&mut connection).await.unwrap();
    assert_eq!(answer, "ok", "{}", file.display());
    let check = sqlx::query("PRAGMA foreign_key_check");
    assert!(check.fetch_optional(&mut connection).await.unwrap().is_none(), "{}", file.display());
}

fn number_of(name: &str, default: usize) -> usize {
    let Some(value) = std::env::var_os(name) else { return default };
    value.to_str().and_then(|value| value.parse().ok()).expect("a number")
}

/// What DUR-1 looks for is found where it happens: a disk that forgets, a service that does not
/// know a repeat, a row that is missing from a file.
#[tokio::test(flavor = "multi_thread")]
async fn dur_1_a_lost_a_doubled_and_a_halved_write_are_noticed() {
    let mut cluster = Cluster::one_on(&Engine::Sqlite).await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let start = positions(&channel).await;
    let path = cluster.folder().join("journal");
    let journal = Journal::create(&path);
    let [lost, doubled, later, halved] =
        [clients::sessions(1), clients::pay(2), clients::pay(3), clients::sessions(4)];
    let file = cluster.folder().join("supervision.db");
    let copy = cluster.folder().join("copy.db");

    // Whatever the disk held before the write is what it holds after the kill.
    assert!(cluster.terminate("all").await.success());
    std::fs::copy(&file, &copy).unwrap();
    cluster.start("all").await;
    clients::write(&channel, &journal, &lost).await;
    cluster.kill("all");
    for ending in ["-wal", "-shm"] {
        std::fs::remove_file(file.with_extension(format!("db{ending}"))).ok();
    }
    std::fs::copy(&copy, &file).unwrap();
    cluster.start("all").await;
    // Under another identifier a repeat is a new request, which undoes what came between.
    clients::write(&channel, &journal, &doubled).await;
    clients::write(&channel, &journal, &later).await;
    let again = Intent { request_id: Uuid::new_v4(), ..doubled.clone() };
    clients::write(&channel, &Journal::create(&cluster.folder().join("other")), &again).await;
    clients::write(&channel, &journal, &halved).await;
    assert!(cluster.terminate("all").await.success());
    let mut connection = SqliteConnection::connect(&file.display().to_string()).await.unwrap();
    let forget = "DELETE FROM session WHERE id = (SELECT max(id) FROM session)";
    sqlx::query(forget).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    cluster.start("all").await;

    let (history, _) = History::read(&path);
    let facts = found::facts(&channel, start).await;
    let mut broken = history.judge(facts.iter().map(String::as_str));
    let mut expected = vec![Broken::Lost(lost.request_id), Broken::Twice(doubled.request_id)];
    broken.sort();
    expected.sort();
    assert_eq!(broken, expected);
    let rows = found::rows(&channel).await;
    let broken = history.only(found::is_listed).judge(rows.iter().map(String::as_str));
    let expected = [Broken::Lost(lost.request_id), Broken::Half(halved.request_id)];
    assert_eq!(broken, expected);
}

/// IDM-4, for a call whose end could not be written because the database was away.
#[tokio::test(flavor = "multi_thread")]
async fn idm_4_a_request_that_nobody_works_at_any_more_starts_over_when_it_is_repeated() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let intent = clients::sessions(1);
    clients::write(&channel, &Journal::create(&cluster.folder().join("first")), &intent).await;
    let unfinished = "UPDATE import SET state = 'running' \
                      WHERE id = (SELECT id FROM import ORDER BY id DESC LIMIT 1)";
    cluster.execute("supervision", unfinished).await;

    clients::write(&channel, &Journal::create(&cluster.folder().join("second")), &intent).await;
}
