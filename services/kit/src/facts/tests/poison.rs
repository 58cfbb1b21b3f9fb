//! Facts that cannot be recorded.

use super::*;
use crate::error::ErrorReason;

const SICK: &str = "organisations/sick";
const WELL: &str = "organisations/well";

/// `(subject, word)` of what was noted.
async fn words(pair: &Pair) -> Vec<(String, String)> {
    pair.noted().await.into_iter().map(|note| (note.subject, note.word)).collect()
}

fn pairs(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(subject, word)| ((*subject).to_owned(), (*word).to_owned())).collect()
}

/// EVT-6.
#[tokio::test(flavor = "multi_thread")]
async fn evt_6_a_poisonous_fact_is_parked_others_flow_and_one_command_brings_it_back() {
    let mut pair = Pair::new().await;
    pair.tell(&[(SICK, "a"), (WELL, "b"), (SICK, POISON), (WELL, "c"), (SICK, "d"), (WELL, "e")])
        .await;
    let follower = pair.follow().await;
    reached(&follower, 6).await;
    let newest = pair.tell(&[(SICK, "f"), (WELL, "g")]).await;
    reached(&follower, newest).await;

    let flowed = [(SICK, "a"), (WELL, "b"), (WELL, "c"), (WELL, "e"), (WELL, "g")];
    assert_eq!(words(&pair).await, pairs(&flowed));
    let parked = follower.parked(0, 10).await.unwrap();
    let positions: Vec<i64> = parked.iter().map(|parked| parked.fact.position).collect();
    assert_eq!(positions, [3, 5, 7]);
    assert!(parked[0].reason.contains("nobody knows the word"), "{}", parked[0].reason);
    assert_eq!((parked[1].reason.as_str(), parked[2].reason.as_str()), ("", ""));
    let read = pair.consumer.read().await.unwrap();
    let place = crate::facts::followed(&*read, PRODUCER, crate::cut::NOW).await.unwrap();
    assert_eq!((place.position, place.parked), (newest, positions));
    drop(read);

    assert_eq!(redrive(&follower, "", "").await.unwrap(), (0, 3));
    assert_eq!(redrive(&follower, WELL, "").await.unwrap(), (0, 3));
    pair.notes.healed.store(true, Ordering::SeqCst);
    assert_eq!(redrive(&follower, SICK, "").await.unwrap(), (3, 0));
    assert_eq!(redrive(&follower, "", "").await.unwrap(), (0, 0));

    let mut whole = flowed.to_vec();
    whole.extend([(SICK, POISON), (SICK, "d"), (SICK, "f")]);
    assert_eq!(words(&pair).await, pairs(&whole));
    let newest = pair.tell(&[(SICK, "h")]).await;
    reached(&follower, newest).await;
    assert_eq!(words(&pair).await.last(), Some(&(SICK.to_owned(), "h".to_owned())));
}

/// IDM-1: a repeat gets the first answer and tries nothing again.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_a_repeated_redrive_answers_as_the_first_and_records_nothing_more() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[(SICK, POISON), (WELL, "a"), (SICK, "b")]).await;
    let follower = pair.follow().await;
    reached(&follower, newest).await;
    let request_id = Uuid::new_v4().to_string();

    assert_eq!(redrive(&follower, SICK, &request_id).await.unwrap(), (0, 2));
    pair.notes.healed.store(true, Ordering::SeqCst);
    assert_eq!(redrive(&follower, SICK, &request_id).await.unwrap(), (0, 2));

    assert_eq!(follower.parked(0, 10).await.unwrap().len(), 2);
    let reused = redrive(&follower, "", &request_id).await.unwrap_err();
    assert_eq!(reused.reason(), ErrorReason::RequestIdReused);
    assert_eq!(follower.parked(0, 10).await.unwrap().len(), 2);
    let request_id = Uuid::new_v4().to_string();
    let twins = [(); 4].map(|()| redrive(&follower, "", &request_id));
    for twin in futures::future::join_all(twins).await {
        assert_eq!(twin.unwrap().1, 0);
    }
    let first = redrive(&follower, "", &request_id).await.unwrap();
    assert_eq!(redrive(&follower, "", &request_id).await.unwrap(), first);
    assert_eq!(words(&pair).await, pairs(&[(WELL, "a"), (SICK, POISON), (SICK, "b")]));
}

/// A call that broke off before its last transaction kept no answer, only what it had recorded.
#[tokio::test(flavor = "multi_thread")]
async fn idm_1_a_redrive_that_was_broken_off_goes_on_when_it_is_repeated() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[(SICK, POISON), (SICK, "a")]).await;
    let follower = pair.follow().await;
    reached(&follower, newest).await;
    pair.notes.healed.store(true, Ordering::SeqCst);
    let [other, request_id] = [(); 2].map(|()| Uuid::new_v4().to_string());
    assert_eq!(redrive(&follower, WELL, &other).await.unwrap(), (0, 2));
    // There is room for one answer.
    let full = "CREATE UNIQUE INDEX room ON stored_answer (tenant_code)";
    pair.consumer.execute_as_owner(full).await;

    redrive(&follower, SICK, &request_id).await.unwrap_err();

    pair.consumer.execute_as_owner("DROP INDEX room").await;
    assert_eq!(redrive(&follower, SICK, &request_id).await.unwrap(), (0, 0));
    assert_eq!(words(&pair).await, pairs(&[(SICK, POISON), (SICK, "a")]));
}

/// Many in one batch, first and last among them, cost nobody else anything.
#[tokio::test(flavor = "multi_thread")]
async fn evt_6_each_poisonous_fact_of_a_batch_is_found() {
    let mut pair = Pair::new().await;
    let poisonous = [1, 2, 77, 250, 499, 500];
    let subjects: Vec<String> = (1..=500).map(|n| format!("organisations/{n}")).collect();
    let facts: Vec<(&str, &str)> = subjects
        .iter()
        .zip(1..)
        .map(|(subject, n)| {
            (subject.as_str(), if poisonous.contains(&n) { POISON } else { "word" })
        })
        .collect();
    let newest = pair.tell(&facts).await;
    let follower = pair.follow().await;
    reached(&follower, newest).await;

    let parked = follower.parked(0, 100).await.unwrap();
    let positions: Vec<i64> = parked.iter().map(|parked| parked.fact.position).collect();
    assert_eq!(positions, poisonous);
    let noted: Vec<i64> = pair.noted().await.iter().map(|note| note.position).collect();
    let expected: Vec<i64> = (1..=500).filter(|n| !poisonous.contains(n)).collect();
    assert_eq!(noted, expected);
}

/// A replay takes parked facts out, since it tells them again.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_by_a_version_that_knows_better_leaves_nothing_parked() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[(SICK, POISON), (SICK, "a"), (WELL, "b")]).await;
    let follower = pair.follow().await;
    reached(&follower, newest).await;
    pair.notes.healed.store(true, Ordering::SeqCst);

    replay(&follower, "").await;

    reached(&follower, newest).await;
    assert_eq!(follower.parked(0, 10).await.unwrap(), []);
    assert_eq!(words(&pair).await, pairs(&[(SICK, POISON), (SICK, "a"), (WELL, "b")]));
}

/// A database that is away or broken is no fault of a fact.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_table_parks_nothing_and_the_facts_are_applied_when_it_is_whole() {
    let mut pair = Pair::new().await;
    let newest = pair.tell(&[(SICK, "a"), (WELL, "b")]).await;
    let consumer = pair.consumer.clone();
    let rename = async |from: &str, to: &str| {
        consumer.execute_as_owner(&format!("ALTER TABLE {from} RENAME TO {to}")).await;
    };
    rename("note", "elsewhere").await;
    let follower = pair.follow().await;
    // The second attempt begins when the first has failed.
    let started = tokio::time::Instant::now();
    while pair.notes.attempts.load(Ordering::SeqCst) < 2 {
        assert!(started.elapsed() < PATIENCE, "it was not tried");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(follower.parked(0, 10).await.unwrap(), []);
    assert_eq!(pair.cursor().await, 0);
    rename("elsewhere", "note").await;

    reached(&follower, newest).await;
    assert_eq!(words(&pair).await, pairs(&[(SICK, "a"), (WELL, "b")]));
}

#[tokio::test]
async fn values_that_a_database_refuses_are_told_from_a_database_that_fails() {
    let pair = Pair::new().await;
    let row = note::Model {
        id: Uuid::now_v7(),
        fact_id: String::new(),
        position: 1,
        subject: String::new(),
        word: String::new(),
    };
    let insert = async || {
        let write = pair.consumer.write().await?;
        let row = note::ActiveModel::from(row.clone());
        let insert = note::Entity::insert(row).exec_without_returning(&*write);
        insert.await.map_err(db::sort)?;
        write.commit().await
    };
    insert().await.unwrap();

    assert!(!insert().await.unwrap_err().is_passing(), "the key is there already");
    pair.consumer.execute_as_owner("DROP TABLE note").await;
    assert!(insert().await.unwrap_err().is_passing(), "there is no table");
    assert!(!Error::internal("damaged").is_passing());
}
