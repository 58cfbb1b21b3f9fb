//! Followers that stop: nobody waits for them who need not.

use std::time::{Duration, Instant};

use arrs_tests::cluster::Cluster;
use arrs_tests::fault_proxy::{FaultProxy, Faults};
use arrs_tests::journal::Journal;
use kit::client::Channel;
use sqlx::{Connection, SqliteConnection};

use crate::demo_set::{OPERATOR, bring_in, settle};
use crate::durability::clients;

/// How much longer somebody keeps it up.
const WAY: Duration = Duration::from_millis(500);
/// How long a write may take that nothing holds up.
const WRITE: Duration = Duration::from_secs(2);

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
