//! Servers and followers that stop: calls end in time, nobody waits for them who need not, and all
//! is well again without a restart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrs_proto::supervision::v1::{ListSessionsRequest, ListSessionsResponse};
use arrs_tests::cluster::{Cluster, Engine, SERVICES};
use arrs_tests::fault_proxy::{FaultProxy, Faults};
use arrs_tests::journal::Journal;
use arrs_tests::postgres::Postgres;
use kit::client::Channel;
use sqlx::{Connection, SqliteConnection};
use tonic::{Code, Request};

use crate::demo_set::{OPERATOR, PCN, bring_in, report, report_request, settle};
use crate::durability::clients;

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

/// How PostgreSQL is taken away.
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
            let (code, took) = list(&channel).await;
            assert!(took < DEADLINE + WAY, "{outage:?}: {took:?}");
            *ended.entry(format!("{code:?}")).or_insert(0) += 1;
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

        // A caller with less time than a service waits for a connection is told that it is over.
        let told = |code: &String| ["Unavailable", "DeadlineExceeded"].contains(&code.as_str());
        assert!(ended.keys().all(told), "{outage:?}: {ended:?}");
        assert_eq!(noticed.len(), KEEPERS.len(), "{outage:?}: {noticed:?}");
        assert!(noticed.values().all(|after| *after < NOTICED), "{outage:?}: {noticed:?}");
        let again = report(&channel, report_request(), Some(&positions)).await;
        assert_eq!(again, whole);
    }
    assert_eq!(SERVICES.map(|role| cluster.process_id(role)), processes);
}

/// Asks for something that only the database knows.
async fn list(channel: &Channel) -> (Code, Duration) {
    let path = "/arrs.supervision.v1.SessionService/ListSessions";
    let message = ListSessionsRequest { parent: PCN.to_owned(), ..Default::default() };
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    let started = Instant::now();
    let answer = channel.unary::<_, ListSessionsResponse>(path, request).await;
    (answer.map_or_else(|status| status.code(), |_| Code::Ok), started.elapsed())
}

/// Whether every service is ready, and a hundred calls in a row are answered.
async fn well(cluster: &Cluster, channel: &Channel) -> bool {
    for role in SERVICES {
        if !cluster.is_ready(role).await {
            return false;
        }
    }
    for _ in 0..100 {
        if list(channel).await.0 != Code::Ok {
            return false;
        }
    }
    true
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
    let mut cluster = Cluster::idle(&[]);
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
