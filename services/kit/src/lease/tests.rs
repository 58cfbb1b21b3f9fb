use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testing::database;

const NAME: &str = "test";
const TTL: Duration = Duration::from_millis(150);
/// So long that a machine with much to do renews it all the same.
const LONG: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(20);

/// Who works, seen from outside.
#[derive(Default)]
struct Work {
    running: AtomicUsize,
    most: AtomicUsize,
    begun: AtomicUsize,
}

impl Work {
    /// Works until the lease is lost.
    async fn body(self: Arc<Self>, held: Held) -> Result<(), Error> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        held.lost().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    async fn wait(&self, state: impl Fn(&Work) -> bool) {
        let started = Instant::now();
        while !state(self) {
            assert!(started.elapsed() < PATIENCE, "the state does not come");
            sleep(TTL / 30).await;
        }
    }
}

fn begun(work: &Work) -> usize {
    work.begun.load(Ordering::SeqCst)
}

fn holder(database: &Database, work: &Arc<Work>) -> tokio::task::JoinHandle<()> {
    let work = Arc::clone(work);
    let body = move |held| Arc::clone(&work).body(held);
    tokio::spawn(hold_as(Uuid::now_v7(), database.clone(), NAME, LONG, body))
}

fn lease(database: &Database) -> Arc<Lease> {
    let database = database.clone();
    Arc::new(Lease { database, name: NAME, holder: Uuid::now_v7(), ttl: TTL })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_works_and_another_takes_over_when_it_dies() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    let work = Arc::new(Work::default());
    let first = holder(&database, &work);
    work.wait(|work| begun(work) == 1).await;

    let others: Vec<_> = (0..3).map(|_| holder(&database, &work)).collect();
    let started = Instant::now();
    let mut ends = std::collections::BTreeSet::new();
    // The row says when the lease ends, another time after each renewal.
    while ends.len() <= usize::try_from(RENEWALS).unwrap() + 1 {
        assert!(started.elapsed() < PATIENCE, "nobody renews it");
        let read = database.read().await.unwrap();
        let row = row::Entity::find_by_id(NAME).one(&*read).await.unwrap().unwrap();
        ends.insert(row.until);
        drop(read);
        sleep(TTL).await;
    }
    assert_eq!(begun(&work), 1, "the lease is renewed, so nobody else begins");

    first.abort();
    work.running.fetch_sub(1, Ordering::SeqCst);
    work.wait(|work| begun(work) == 2).await;
    assert_eq!(work.most.load(Ordering::SeqCst), 1, "two worked at once");
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_was_held_up_is_stopped_by_the_fence() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    let (slow, quick) = (lease(&database), lease(&database));
    assert!(slow.take(&mut None).await.unwrap());
    let (_lose, lost) = watch::channel(false);
    let held = Held { lease: Arc::clone(&slow), lost };
    let write = database.write().await.unwrap();
    held.fence(&*write).await.unwrap();
    write.commit().await.unwrap();

    let mut seen = None;
    assert!(!quick.take(&mut seen).await.unwrap(), "it is held, and was not seen for long");
    sleep(TTL).await;
    assert!(quick.take(&mut seen).await.unwrap(), "its holder is silent");

    let write = database.write().await.unwrap();
    held.fence(&*write).await.unwrap_err();
    write.roll_back().await.unwrap();
    assert!(!slow.renew().await.unwrap());
    assert!(!slow.take(&mut None).await.unwrap(), "it has to wait like everybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_saw_the_same_silence_do_not_both_take_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    assert!(lease(&database).take(&mut None).await.unwrap());
    let waiting: Vec<Arc<Lease>> = (0..6).map(|_| lease(&database)).collect();
    let mut seen: Vec<Option<Seen>> = waiting.iter().map(|_| None).collect();
    for (lease, seen) in waiting.iter().zip(&mut seen) {
        assert!(!lease.take(seen).await.unwrap());
    }
    sleep(TTL).await;

    let tries = waiting.iter().zip(&mut seen).map(|(lease, seen)| lease.take(seen));
    let taken = futures::future::join_all(tries).await;

    let taken = taken.into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(taken, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_released_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    let lease = |holder| Lease { database: database.clone(), name: NAME, holder, ttl: PATIENCE };
    assert!(lease(*PROCESS).take(&mut None).await.unwrap());
    let other = lease(Uuid::now_v7());
    assert!(!other.take(&mut None).await.unwrap());

    release(&database).await.unwrap();

    assert!(other.take(&mut None).await.unwrap());
}
