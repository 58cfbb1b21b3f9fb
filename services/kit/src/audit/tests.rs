use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, QueryOrder,
};
use uuid::Uuid;

use super::chain::VERSION;
use super::table::{audit_entry, audit_seal};
use super::*;
use crate::db::Database;
use crate::error::ErrorReason;
use crate::identity::Caller;
use crate::testing::database;

fn entry(number: usize) -> Entry {
    let caller = Caller::for_test(&["auditor@england"], "test.read");
    let outcome = [Outcome::Done, Outcome::Read, Outcome::Denied][number % 3];
    let entry = Entry::new(&caller, outcome, &format!("pcns/U{number:05}")).saying("as told");
    if outcome == Outcome::Denied { entry.because(ErrorReason::NotPermitted) } else { entry }
}

async fn append_some(database: &Database, count: usize) {
    let write = database.write().await.unwrap();
    append(&*write, database.clock(), (0..count).map(entry)).await.unwrap();
    write.commit().await.unwrap();
}

async fn sealed(folder: &tempfile::TempDir, count: usize) -> Database {
    let database = database(folder.path()).await;
    append_some(&database, count).await;
    while seal::seal(&database, None).await.unwrap() > 0 {}
    database
}

async fn is_postgres(database: &Database) -> bool {
    database.read().await.unwrap().get_database_backend() == DbBackend::Postgres
}

async fn tamper(database: &Database, statements: &str) {
    let write = database.write().await.unwrap();
    write.execute_unprepared(statements).await.unwrap();
    write.commit().await.unwrap();
}

async fn whole(database: &Database) -> Verified {
    verify(database, (0, None), None, u64::MAX).await.unwrap()
}

/// What a check finds that knows counts and keys, and chains nothing.
async fn unchained(database: &Database) -> bool {
    let read = database.read().await.unwrap();
    let entries = audit_entry::Entity::find().all(&*read).await.unwrap();
    let seals = audit_seal::Entity::find().order_by_asc(audit_seal::Column::Sequence);
    let seals = seals.all(&*read).await.unwrap();
    let numbered = seals.iter().zip(1..).all(|(seal, number)| seal.sequence == number);
    let kept = seals.iter().all(|seal| entries.iter().any(|entry| entry.id == seal.entry_id));
    numbered && kept && entries.len() == seals.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_4_every_tampering_is_found_where_it_was_done() {
    let entry_of =
        |sequence: u32| format!("(SELECT entry_id FROM audit_seal WHERE sequence = {sequence})");
    let cases = [
        // What was done, where it shows, why, and whether counting alone finds it.
        (
            "changed",
            format!("UPDATE audit_entry SET principal = 'x' WHERE id = {}", entry_of(17)),
            (17, Why::HashDiffers),
            false,
        ),
        (
            "changed from nothing to an empty text",
            format!("UPDATE audit_entry SET trace = '' WHERE id = {}", entry_of(5)),
            (5, Why::HashDiffers),
            false,
        ),
        (
            "dated back",
            format!("UPDATE audit_entry SET time = time - 1 WHERE id = {}", entry_of(40)),
            (40, Why::HashDiffers),
            false,
        ),
        (
            "removed",
            format!("DELETE FROM audit_entry WHERE id = {}", entry_of(3)),
            (3, Why::EntryMissing),
            true,
        ),
        (
            "removed with its seal",
            format!(
                "DELETE FROM audit_entry WHERE id = {}; DELETE FROM audit_seal WHERE sequence = 9",
                entry_of(9)
            ),
            (9, Why::SealMissing),
            true,
        ),
        (
            "removed with its seal, and the others moved up",
            format!(
                "DELETE FROM audit_entry WHERE id = {}; DELETE FROM audit_seal WHERE sequence = 9; \
                 UPDATE audit_seal SET sequence = -sequence WHERE sequence > 9; \
                 UPDATE audit_seal SET sequence = -sequence - 1 WHERE sequence < 0",
                entry_of(9)
            ),
            (9, Why::HashDiffers),
            false,
        ),
        (
            "put in another order",
            "CREATE TEMP TABLE other AS SELECT * FROM audit_seal WHERE sequence IN (20, 21); \
                 UPDATE audit_seal SET entry_id = zeroblob(16) WHERE sequence = 20; \
                 UPDATE audit_seal SET entry_id = (SELECT entry_id FROM other WHERE sequence = 20) \
                 WHERE sequence = 21; \
                 UPDATE audit_seal SET entry_id = (SELECT entry_id FROM other WHERE sequence = 21) \
                 WHERE sequence = 20"
                .to_owned(),
            (20, Why::HashDiffers),
            false,
        ),
        (
            "sealed at another time",
            "UPDATE audit_seal SET sealed_at = sealed_at + 1 WHERE sequence = 30".to_owned(),
            (30, Why::HashDiffers),
            false,
        ),
        (
            "another hash",
            "UPDATE audit_seal SET hash = zeroblob(32) WHERE sequence = 12".to_owned(),
            (12, Why::HashDiffers),
            false,
        ),
        (
            "half a hash",
            "UPDATE audit_seal SET hash = zeroblob(16) WHERE sequence = 12".to_owned(),
            (12, Why::HashDiffers),
            false,
        ),
        (
            "an encoding that does not exist",
            "UPDATE audit_seal SET version = 2 WHERE sequence = 1".to_owned(),
            (1, Why::HashDiffers),
            false,
        ),
        (
            "slipped in without a seal",
            "INSERT INTO audit_entry SELECT zeroblob(16), time, principal, method, resource, \
             outcome, detail, trace, reason, tenant_code FROM audit_entry LIMIT 1"
                .to_owned(),
            (0, Why::EntriesUnaccounted),
            true,
        ),
        (
            "slipped in with a seal of its own",
            "INSERT INTO audit_entry SELECT zeroblob(16), time, principal, method, resource, \
             outcome, detail, trace, reason, tenant_code FROM audit_entry LIMIT 1; \
             INSERT INTO audit_seal SELECT 41, zeroblob(16), version, sealed_at, hash \
             FROM audit_seal WHERE sequence = 40"
                .to_owned(),
            (41, Why::HashDiffers),
            false,
        ),
    ];

    for (what, statements, (sequence, why), counted) in cases {
        let folder = tempfile::tempdir().unwrap();
        let database = sealed(&folder, 40).await;
        if is_postgres(&database).await {
            return; // The role that serves cannot do this: `aud_3_...`.
        }
        let before = whole(&database).await;
        assert_eq!((before.broken, before.checked, before.finished), (None, 40, true));
        assert!(unchained(&database).await);

        tamper(&database, &statements).await;

        let found = whole(&database).await.broken;
        assert_eq!(found, Some(Broken { sequence, why }), "{what}");
        assert_eq!(!unchained(&database).await, counted, "{what}: what counting alone finds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_3_the_role_that_serves_cannot_change_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let database = sealed(&folder, 5).await;

    // The embedded engine has no roles: there the verification has to find it.
    for statement in [
        "UPDATE audit_entry SET detail = 'x'",
        "DELETE FROM audit_entry",
        "UPDATE audit_seal SET sequence = sequence + 1",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_seal",
    ] {
        let write = database.write().await.unwrap();
        let answer = write.execute_unprepared(statement).await;
        write.roll_back().await.unwrap();
        if is_postgres(&database).await || statement.starts_with("TRUNCATE") {
            assert!(answer.is_err(), "{statement}");
        }
    }

    assert_eq!(whole(&database).await.broken, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_4_a_chain_that_was_cut_or_written_anew_differs_from_a_head_noted_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let database = sealed(&folder, 30).await;
    if is_postgres(&database).await {
        return; // The role that serves cannot do this: `aud_3_...`.
    }
    let noted = whole(&database).await.last;
    append_some(&database, 10).await;
    seal::seal(&database, None).await.unwrap();
    let check = |known: Head| verify(&database, (0, None), Some(known), u64::MAX);
    let check_rest = |known: Head| verify(&database, (35, None), Some(known), u64::MAX);
    assert_eq!(check(noted).await.unwrap().broken, None);
    assert_eq!(check_rest(noted).await.unwrap().broken, None);

    // Whoever may write everything changes one entry and all hashes after it.
    let write = database.write().await.unwrap();
    let entry = audit_entry::Entity::find().order_by_asc(audit_entry::Column::Id);
    let mut entry = entry.one(&*write).await.unwrap().unwrap();
    entry.outcome = "done".to_owned();
    entry.detail = "nothing happened".to_owned();
    entry.clone().into_active_model().reset_all().update(&*write).await.unwrap();
    let mut head = Head::START;
    let seals = audit_seal::Entity::find().order_by_asc(audit_seal::Column::Sequence);
    for seal in seals.all(&*write).await.unwrap() {
        let entry = audit_entry::Entity::find_by_id(seal.entry_id).one(&*write).await.unwrap();
        head = head.next(VERSION, seal.sealed_at, &entry.unwrap()).unwrap();
        let seal = audit_seal::Model { hash: head.hash.to_vec(), ..seal };
        seal.into_active_model().reset_all().update(&*write).await.unwrap();
    }
    write.commit().await.unwrap();
    assert_eq!(whole(&database).await.broken, None, "from inside nothing shows");
    for found in [check(noted).await, check_rest(noted).await] {
        let broken = Some(Broken { sequence: 30, why: Why::HeadDiffers });
        assert_eq!(found.unwrap().broken, broken);
    }

    let cut = "DELETE FROM audit_entry WHERE id IN \
               (SELECT entry_id FROM audit_seal WHERE sequence > 20); \
               DELETE FROM audit_seal WHERE sequence > 20";
    tamper(&database, cut).await;
    assert_eq!(whole(&database).await.broken, None, "from inside nothing shows");
    let found = check(noted).await.unwrap().broken;
    assert_eq!(found, Some(Broken { sequence: 30, why: Why::HeadMissing }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_in_pages_finds_what_one_walk_finds() {
    let folder = tempfile::tempdir().unwrap();
    let database = sealed(&folder, 25).await;
    append_some(&database, 2).await;
    let all = whole(&database).await;
    assert_eq!((all.checked, all.sealed, all.unsealed), (25, 25, 2));

    let (mut after, mut pages, mut checked) = (Head::START, 0, 0);
    loop {
        let hash = (after.sequence > 0).then_some(after.hash);
        let page = verify(&database, (after.sequence, hash), None, 10).await.unwrap();
        assert_eq!(page.broken, None);
        (after, pages, checked) = (page.last, pages + 1, checked + page.checked);
        if page.finished {
            break;
        }
    }
    assert_eq!((after, pages, checked), (all.last, 3, 25));

    let stored = verify(&database, (24, None), None, 10).await.unwrap();
    assert_eq!((stored.last, stored.checked), (all.last, 1));
    let other = verify(&database, (24, Some([7; 32])), None, 10).await.unwrap();
    assert_eq!(other.broken, Some(Broken { sequence: 24, why: Why::HeadDiffers }));
    let beyond = verify(&database, (99, None), None, 10).await.unwrap();
    assert_eq!(beyond.broken, Some(Broken { sequence: 99, why: Why::HeadMissing }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_slipped_in_to_be_sealed_under_an_old_time_is_counted_as_late() {
    let folder = tempfile::tempdir().unwrap();
    let database = sealed(&folder, 5).await;
    if is_postgres(&database).await {
        return; // The role that serves cannot do this: `aud_3_...`.
    }

    tamper(
        &database,
        "INSERT INTO audit_entry SELECT zeroblob(16), time - 4000000000, principal, method, \
         resource, outcome, detail, trace, reason, tenant_code FROM audit_entry LIMIT 1; \
         INSERT INTO audit_unsealed VALUES (zeroblob(16))",
    )
    .await;
    seal::seal(&database, None).await.unwrap();

    let verified = whole(&database).await;
    assert_eq!((verified.broken, verified.checked, verified.late), (None, 6, 1));
}

#[test]
fn the_encoding_of_version_1_stays_what_it_is() {
    let entry = audit_entry::Model {
        id: Uuid::from_u128(7),
        time: 1_753_000_000_000_000,
        principal: "https://issuer.example me".to_owned(),
        method: "arrs.workforce.v1.PersonService/GetPerson".to_owned(),
        resource: "people/00000000-0000-0000-0000-000000000007".to_owned(),
        outcome: "read".to_owned(),
        detail: String::new(),
        trace: None,
        reason: None,
        tenant_code: Some("U09081".to_owned()),
    };

    let head = Head::START.next(1, 1_753_000_000_500_000, &entry).unwrap();

    let text = head.to_string();
    assert_eq!(text, GOLDEN);
    assert_eq!(text.parse(), Ok(head));
    for text in
        ["", "1", "1:", "-1:00", &text[..65], &format!("{text}0"), &text.replace("1:", "x:")]
    {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}

/// Computed apart, by a few lines of another language.
const GOLDEN: &str = "1:57384e0c08c88db653696e3ba70b4ff33d778b4bfb7db410b715452d918d2ca3";

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_answers_when_entries_are_written_and_gathers_them() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    let (writer, task) = Writer::new(database.clone());
    let task = tokio::spawn(task);

    let calls = (0..200).map(|number| writer.record(vec![entry(number)]));
    for written in futures::future::join_all(calls).await {
        written.unwrap();
    }

    assert_eq!(whole(&database).await.unsealed, 200);
    drop(writer);
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn aud_2_what_cannot_be_recorded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(folder.path()).await;
    if is_postgres(&database).await {
        return; // The role that serves cannot do this: `aud_3_...`.
    }
    let (writer, task) = Writer::new(database.clone());
    let task = tokio::spawn(task);
    tamper(&database, "ALTER TABLE audit_unsealed RENAME TO gone").await;

    let refused = writer.record(vec![entry(1)]).await.unwrap_err();
    assert_eq!(refused.reason(), ErrorReason::AuditUnavailable);

    tamper(&database, "ALTER TABLE gone RENAME TO audit_unsealed").await;
    writer.record(vec![entry(1)]).await.unwrap();
    assert_eq!(whole(&database).await.unsealed, 1, "of what was refused nothing is there");

    // Nobody writes any more: the process ends.
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(writer.record(vec![entry(1)]).await.is_err());
}
