//! Servers and followers that stop: calls end in time, nobody waits for them who need not, and all
//! is well again without a restart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse};
use arrs_tests::cluster::{Cluster, Engine, SERVICES};
use arrs_tests::fault_proxy::{FaultProxy, Faults};
use arrs_tests::journal::Journal;
use arrs_tests::nats::Nats;
use arrs_tests::postgres::Postgres;
use kit::client::Channel;
use kit::error::reason_of;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use crate::demo_set::{
    OPERATOR, PCN, PRODUCERS, bring_in, positions, report, report_request, settle,
};
use crate::durability::clients::{self, Clients, Failures};
use crate::published;

/// How long a caller gives a call.
const DEADLINE: Duration = Duration::from_secs(2);
/// How much later the answer may be there.
const WAY: Duration = Duration::from_millis(500);
/// How soon a service must say that it is not ready.
const NOTICED: Duration = Duration::from_secs(5);
/// How soon everything must be well again.
const WELL: Duration = Duration::from_secs(10);
/// How long a write may take that nothing holds up.
const WRITE: Duration = Duration::from_secs(2);
/// The three with a database.
const KEEPERS: [&str; 3] = ["workforce", "finance", "supervision"];

/// Writes of a test beside those of the clients, and the number of the first: no client comes to it.
const WRITES: (usize, usize) = (60, 1_000_000);

/// How a server is taken away.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Stopped,
    Killed,
    Paused,
}

/// OUT-2.
#[tokio::test(flavor = "multi_thread")]
async fn out_2_while_postgresql_is_away_calls_end_in_time_and_all_is_well_when_it_is_back() {
    let postgres = Postgres::start();
    let mut cluster = Cluster::idle_on(&Engine::Postgres(postgres.clone()), &[]).await;
    cluster.start_separate().await;
    let positions = bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let whole = report(&channel, report_request(), Some(&positions)).await;
    let processes = SERVICES.map(|role| cluster.process_id(role));

    for outage in [Outage::Stopped, Outage::Killed, Outage::Paused] {
        match outage {
            Outage::Stopped => postgres.stop(),
            Outage::Killed => postgres.kill(),
            Outage::Paused => postgres.pause(),
        }
        let began = Instant::now();
        let mut noticed = BTreeMap::new();
        let mut ended = BTreeMap::new();
        while began.elapsed() < NOTICED + DEADLINE {
            let (answer, took) = list(&channel, DEADLINE).await;
            assert!(took < DEADLINE + WAY, "{outage:?}: {took:?}");
            *ended.entry(told(&answer)).or_insert(0) += 1;
            for role in KEEPERS {
                if !cluster.is_ready(role).await {
                    noticed.entry(role).or_insert_with(|| began.elapsed());
                }
            }
        }
        match outage {
            Outage::Stopped | Outage::Killed => postgres.restart(),
            Outage::Paused => postgres.resume(),
        }
        let back = Instant::now();
        println!("{outage:?}: calls ended {ended:?}, not ready after {noticed:?}");
        while !well(&cluster, &channel).await {
            assert!(back.elapsed() < WELL, "{outage:?}: not well again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{outage:?}: well again after {:?}", back.elapsed());

        assert_eq!(ended.keys().collect::<Vec<_>>(), [AWAY], "{outage:?}");
        assert_eq!(noticed.len(), KEEPERS.len(), "{outage:?}: {noticed:?}");
        assert!(noticed.values().all(|after| *after < NOTICED), "{outage:?}: {noticed:?}");
        let again = report(&channel, report_request(), Some(&positions)).await;
        assert_eq!(again, whole);
    }
    assert_eq!(SERVICES.map(|role| cluster.process_id(role)), processes);
}

/// OUT-2, of a call whose statement the server has and does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn out_2_a_call_that_the_database_was_at_work_on_is_not_left_waiting() {
    let postgres = Postgres::start();
    let mut cluster = Cluster::idle_on(&Engine::Postgres(postgres.clone()), &[]).await;
    cluster.start_separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let url = cluster.database().url();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut lock = holder.begin().await.unwrap();
    lock.execute("LOCK TABLE supervision.session IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let call = {
        let channel = channel.clone();
        tokio::spawn(async move { list(&channel, WELL).await })
    };
    let mut other = PgConnection::connect(&url).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let began = Instant::now();
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut other).await.unwrap() == 0 {
        assert!(began.elapsed() < WELL, "no statement waits");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    postgres.pause();
    let (answer, took) = call.await.unwrap();
    postgres.resume();

    assert_eq!((told(&answer).as_str(), took < WELL), (AWAY, true), "{answer:?} after {took:?}");
    lock.rollback().await.unwrap();
    assert_eq!(told(&list(&channel, WELL).await.0), "Ok");
}

/// What a caller is told while the database is away, and that it may come again.
const AWAY: &str = "Unavailable ERROR_REASON_DATABASE_UNREACHABLE, again after 200ms";

fn told(answer: &Result<(), Status>) -> String {
    let Err(status) = answer else { return "Ok".to_owned() };
    let reason = reason_of(status).map_or(status.message(), |reason| reason.as_str_name());
    let again = status.get_details_retry_info().and_then(|again| again.retry_delay);
    let again = again.map_or_else(String::new, |again| format!(", again after {again:?}"));
    format!("{:?} {reason}{again}", status.code())
}

/// Asks for something that only the database knows.
async fn list(channel: &Channel, deadline: Duration) -> (Result<(), Status>, Duration) {
    let path = "/arrs.supervision.v1.SessionService/ListSessions";
    let message = ListSessionsRequest { parent: PCN.to_owned(), ..Default::default() };
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    let started = Instant::now();
    let answer = channel.unary::<_, ListSessionsResponse>(path, request).await;
    (answer.map(drop), started.elapsed())
}

/// Whether every service is ready, and a hundred calls in a row are answered.
async fn well(cluster: &Cluster, channel: &Channel) -> bool {
    for role in SERVICES {
        if !cluster.is_ready(role).await {
            return false;
        }
    }
    for _ in 0..100 {
        if list(channel, DEADLINE).await.0.is_err() {
            return false;
        }
    }
    true
}

/// OUT-1.
#[tokio::test(flavor = "multi_thread")]
async fn out_1_while_the_broker_is_away_all_write_on_and_afterwards_it_has_every_fact() {
    let mut nats = Nats::start();
    let mut cluster = Cluster::idle(&[("ARRS__KIT__NATS__URL", nats.url().as_str())]).await;
    cluster.start_separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let clients = Clients::start(&channel, &cluster.folder().join("load"), 1).await;
    let journal = Journal::create(&cluster.folder().join("journal"));
    let (count, first) = WRITES;
    let mut numbers = (first..).step_by(count).map(|first| first..first + count);
    let mut write = async || {
        longest_write(&channel, &journal, numbers.next().expect("there is no end of them")).await
    };

    let before = write().await;
    for outage in [Outage::Killed, Outage::Paused] {
        match outage {
            Outage::Stopped | Outage::Killed => nats.kill(),
            Outage::Paused => nats.pause(),
        }
        let told = positions(&channel).await;
        let longest = write().await;
        let newest = positions(&channel).await;
        match outage {
            Outage::Stopped | Outage::Killed => nats.restart(),
            Outage::Paused => nats.resume(),
        }
        let back = Instant::now();
        for (service, newest) in PRODUCERS.into_iter().zip(newest) {
            published::published(&nats, service, newest).await;
        }
        println!(
            "{outage:?}: from {told:?} to {newest:?}, all there {:?} after it was back; the longest \
             write took {longest:?}, {before:?} with the broker",
            back.elapsed()
        );

        assert!(longest < WRITE.max(before * 3), "{outage:?}: {longest:?}, before {before:?}");
        for (told, newest) in told.into_iter().zip(newest) {
            assert!(told < newest, "everybody wrote on: {told}, {newest}");
        }
    }
    assert_eq!(clients.stop().await, Failures::new());

    for (service, newest) in PRODUCERS.into_iter().zip(positions(&channel).await) {
        let messages = published::published(&nats, service, newest).await;
        published::check(&published::told(&channel, service).await, &messages);
    }
}

/// OUT-5: writes while a follower of workforce does not take what it is sent; the longest they took.
async fn longest_write(
    channel: &Channel,
    journal: &Journal,
    numbers: std::ops::Range<usize>,
) -> Duration {
    let mut longest = Duration::ZERO;
    for number in numbers {
        let started = Instant::now();
        clients::write(channel, journal, &clients::staff(number)).await;
        longest = longest.max(started.elapsed());
    }
    longest
}

#[tokio::test(flavor = "multi_thread")]
async fn out_5_a_follower_that_stalls_never_holds_up_who_writes() {
    // What keeps the writers waiting is a lock on the file.
    let mut cluster = Cluster::idle_on(&Engine::Sqlite, &[]).await;
    let proxy = FaultProxy::to(cluster.port("workforce"), 1).await;
    cluster.set_for("supervision", "ARRS__GATEWAY__WORKFORCE", &proxy.url());
    cluster.start_separate().await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let journal = Journal::create(&cluster.folder().join("journal"));

    // One stands still with its connection open, the other hears nothing.
    cluster.pause("finance");
    proxy.set(Faults::silence());
    let longest = longest_write(&channel, &journal, 0..100).await;
    cluster.resume("finance");
    proxy.heal();

    assert!(longest < WRITE, "{longest:?}");
    let positions = crate::demo_set::facts(&channel, "workforce", 0).await.newest;
    settle(&channel, &format!("workforce={positions}")).await;

    // Somebody who keeps the database to itself is noticed.
    let file = cluster.folder().join("workforce.db").display().to_string();
    let mut other = SqliteConnection::connect(&file).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let release = async {
        tokio::time::sleep(WRITE + WAY).await;
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (held, ()) = tokio::join!(longest_write(&channel, &journal, 100..101), release);
    assert!(held > WRITE, "{held:?}");
}
