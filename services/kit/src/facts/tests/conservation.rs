//! None lost, none twice, none out of order.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;

use super::*;

/// Numbers below a bound that are the same in each run.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        // Knuth's multiplier; the upper bits are the good ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    }
}

/// Every committed fact was noted once, those of a subject in their order.
fn check(told: &[Fact], noted: &[note::Model]) {
    let committed: Vec<(i64, &str)> =
        told.iter().map(|fact| (fact.position, fact.id.as_str())).collect();
    let mut applied: Vec<(i64, &str)> =
        noted.iter().map(|note| (note.position, note.fact_id.as_str())).collect();
    let mut last = BTreeMap::new();
    for note in noted {
        let before = last.insert(&note.subject, note.position);
        assert!(before < Some(note.position), "{} out of order", note.subject);
    }
    applied.sort_unstable();
    assert_eq!(applied, committed);
    let positions: Vec<i64> = told.iter().map(|fact| fact.position).collect();
    assert_eq!(positions, (1..=positions.len().try_into().unwrap()).collect::<Vec<i64>>());
}

/// EVT-1 and EVT-4.
#[tokio::test(flavor = "multi_thread")]
async fn evt_1_every_committed_fact_is_applied_once_whoever_dies_meanwhile() {
    const FACTS: i64 = 3_000;
    let mut pair = Pair::new().await;
    let mut random = random(1);
    let mut follower = pair.follow().await;
    let mut newest = 0;
    let mut kills = 0;

    while newest < FACTS {
        let subjects: Vec<String> =
            (0..=random(40)).map(|_| format!("organisations/{}", random(20))).collect();
        let facts: Vec<(&str, &str)> =
            subjects.iter().map(|subject| (subject.as_str(), "word")).collect();
        if random(5) == 0 {
            // What is not committed is never told.
            let mut write = pair.producer.write().await.unwrap();
            write.tell(said("organisations/never", "never"));
            drop(write);
        }
        newest = pair.tell(&facts).await;
        if random(6) == 0 {
            pair.kill().await;
            follower = pair.follow().await;
            kills += 1;
        }
    }
    reached(&follower, newest).await;

    assert!(kills > 5, "{kills}");
    check(&pair.told().await, &pair.noted().await);
    let mut state = BTreeMap::new();
    for note in pair.noted().await {
        state.insert(note.subject, (note.position, note.word));
    }
    let fold: BTreeMap<_, _> = pair
        .told()
        .await
        .iter()
        .map(|fact| (fact.subject.clone(), (fact.position, word(fact))))
        .collect();
    assert_eq!(state, fold);
}

/// EVT-2: of two writers the one that began first commits last, where the engine lets them overlap.
#[tokio::test(flavor = "multi_thread")]
async fn evt_2_a_fact_that_commits_late_is_not_passed_by() {
    let mut pair = Pair::new().await;
    let follower = pair.follow().await;
    let mut slow = pair.producer.write().await.unwrap();
    slow.tell(said("organisations/slow", "slow"));
    let producer = pair.producer.clone();
    let mut fast = tokio::spawn(async move {
        let mut write = producer.write().await.unwrap();
        write.tell(said("organisations/fast", "fast"));
        write.commit().await.unwrap().unwrap()
    });
    // On SQLite writers take turns, and the fast one waits here for the slow one.
    let first = tokio::time::timeout(Duration::from_millis(300), &mut fast).await;
    if let Ok(position) = &first {
        reached(&follower, *position.as_ref().unwrap()).await;
    }
    slow.commit().await.unwrap();
    if first.is_err() {
        fast.await.unwrap();
    }

    let mut writers = tokio::task::JoinSet::new();
    for number in 0..32 {
        let producer = pair.producer.clone();
        writers.spawn(async move {
            for word in 0..10 {
                let mut write = producer.write().await.unwrap();
                write.tell(said(&format!("organisations/{number}"), &word.to_string()));
                tokio::task::yield_now().await;
                write.commit().await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    reached(&follower, 322).await;
    check(&pair.told().await, &pair.noted().await);
}

/// What [`evt_2_a_fact_that_commits_late_is_not_passed_by`] is for: a number that is taken before
/// the commit, as a sequence gives them, and a follower that asks for what is above the last one.
#[tokio::test]
async fn evt_2_a_follower_by_serial_number_misses_one() {
    let pair = Pair::new().await;
    let sequence = AtomicI64::new(0);
    let number = || sequence.fetch_add(1, Ordering::SeqCst) + 1;
    let insert = async |number: i64| {
        let row = note::Model {
            id: Uuid::now_v7(),
            fact_id: String::new(),
            position: number,
            subject: String::new(),
            word: String::new(),
        };
        let write = pair.consumer.write().await.unwrap();
        let row = note::ActiveModel::from(row);
        note::Entity::insert(row).exec_without_returning(&*write).await.unwrap();
        write.commit().await.unwrap();
    };
    let mut last = 0;
    let mut seen = Vec::new();
    let mut look = async || {
        let new = pair.noted().await.into_iter().filter(|note| note.position > last);
        seen.extend(new.map(|note| note.position));
        last = seen.iter().copied().max().unwrap_or(0);
        seen.clone()
    };

    let (slow, fast) = (number(), number());
    insert(fast).await;
    look().await;
    insert(slow).await;

    assert_eq!(look().await, [fast], "the slow one is missed");
    assert_eq!(pair.noted().await.len(), 2);
}

/// EVT-3: both processes are told every fact.
#[tokio::test(flavor = "multi_thread")]
async fn evt_3_two_processes_that_follow_apply_each_fact_once() {
    let mut pair = Pair::new().await;
    let first = pair.follow().await;
    let second = pair.follow().await;

    let mut newest = 0;
    for number in 0..60 {
        let subject = format!("organisations/{}", number % 7);
        newest = pair.tell(&[(subject.as_str(), "word"), ("organisations/x", "word")]).await;
    }

    reached(&first, newest).await;
    reached(&second, newest).await;
    check(&pair.told().await, &pair.noted().await);
}

/// Neither throws the other out again and again, and one that ends is no loss.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_follow_one_does_and_the_other_stands_by() {
    let mut pair = Pair::new().await;
    let first = pair.follow().await;
    let first_task = pair.running.len() - 1;
    let second = pair.follow().await;

    for _ in 0..20 {
        let newest = pair.tell(&[("organisations/x", "word")]).await;
        reached(&first, newest).await;
        reached(&second, newest).await;
    }
    let streams = pair.streams.load(Ordering::SeqCst);
    assert!(streams <= 6, "{streams} streams were opened");
    pair.running[first_task].abort();
    let newest = pair.tell(&[("organisations/x", "later")]).await;

    reached(&second, newest).await;
    check(&pair.told().await, &pair.noted().await);
}

/// EVT-3, a day later: far outside of what any broker remembers.
#[tokio::test(flavor = "multi_thread")]
async fn evt_3_the_roster_is_the_same_when_it_is_told_twice_or_built_again() {
    use crate::roster::Followed;

    let pair = Pair::new().await;
    for (subject, name) in [
        ("organisations/U00001", "One"),
        ("organisations/U00002", "Two"),
        ("organisations/U00001", "Uno"),
    ] {
        pair.tell(&[(subject, name)]).await;
    }
    let facts = pair.told().await;
    let rows = async || {
        let read = pair.consumer.read().await.unwrap();
        let rows = crate::roster::table::organisation::Entity::find();
        let rows = rows.order_by_asc(crate::roster::table::organisation::Column::Id);
        rows.all(&*read).await.unwrap()
    };
    let apply = async |facts: &[Fact]| {
        let write = pair.consumer.write().await.unwrap();
        Followed.apply(&write, facts).await.unwrap();
        write.commit().await.unwrap();
    };

    apply(&facts).await;
    let once = rows().await;
    // One fact of the past told again, and then all of them.
    apply(&facts[2..]).await;
    assert_eq!(rows().await, once);
    let write = pair.consumer.write().await.unwrap();
    Followed.forget(&write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(rows().await, []);
    for fact in &facts {
        apply(std::slice::from_ref(fact)).await;
    }

    assert_eq!(once.len(), 3);
    assert_eq!(rows().await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_follows_from_the_first_fact_again() {
    let mut pair = Pair::new().await;
    let follower = pair.follow().await;
    for number in 0..40 {
        pair.tell(&[(format!("organisations/{number}").as_str(), "word")]).await;
    }
    reached(&follower, 40).await;

    let before = replay(&follower, "").await;
    let newest = pair.tell(&[("organisations/later", "word")]).await;

    assert_eq!(before, 40);
    reached(&follower, newest).await;
    check(&pair.told().await, &pair.noted().await);
}

/// IDM-1: a repeat gets the first answer and sets nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_a_repeated_replay_answers_as_the_first_and_follows_on() {
    let mut pair = Pair::new().await;
    let follower = pair.follow().await;
    let first = pair.tell(&[("organisations/1", "word"), ("organisations/2", "word")]).await;
    reached(&follower, first).await;
    let request_id = Uuid::new_v4().to_string();
    assert_eq!(replay(&follower, &request_id).await, first);
    let newest = pair.tell(&[("organisations/3", "word")]).await;
    reached(&follower, newest).await;
    pair.kill().await;

    assert_eq!(replay(&follower, &request_id).await, first);

    assert_eq!(pair.cursor().await, newest);
    check(&pair.told().await, &pair.noted().await);
    assert_eq!(replay(&follower, &Uuid::new_v4().to_string()).await, newest);
    assert_eq!(pair.cursor().await, 0);
}

/// The producer has other facts than those that were followed, as after a restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_resolves_a_follower_that_diverged() {
    let mut pair = Pair::new().await;
    let follower = pair.follow().await;
    for number in 0..10 {
        pair.tell(&[(format!("organisations/{number}").as_str(), "lost")]).await;
    }
    reached(&follower, 10).await;
    pair.kill().await;
    pair.producer = database(&pair.folder.path().join("restored")).await;
    pair.tell(&[("organisations/1", "restored"), ("organisations/2", "restored")]).await;
    let follower = pair.follow().await;
    let started = tokio::time::Instant::now();
    while follower.progress().check().is_ok() {
        assert!(started.elapsed() < PATIENCE, "it was not noticed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    replay(&follower, "").await;

    reached(&follower, 2).await;
    follower.progress().whole(tokio::time::Instant::now()).await.unwrap();
    check(&pair.told().await, &pair.noted().await);
}
