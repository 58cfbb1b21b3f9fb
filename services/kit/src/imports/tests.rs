use std::path::Path;
use std::time::Duration;

use super::*;
use crate::Clock;
use crate::testing::{self, on_postgres};

const PRINCIPAL: &str = "somebody";
const PATIENCE: Duration = Duration::from_secs(20);

/// The database as two processes of the service open it. An embedded one has a single process:
/// there, the two are calls.
async fn replicas(folder: &Path) -> [Database; 2] {
    let settings = testing::settings("kit").await;
    let open = async || {
        let opened = Database::open(&settings, "kit", folder, Clock::system()).await.unwrap();
        opened.migrate::<testing::Shell>().await.unwrap();
        opened
    };
    let first = open().await;
    let second = if on_postgres() { open().await } else { first.clone() };
    [first, second]
}

fn header() -> Header {
    Header {
        kind: "staff".to_owned(),
        owner: None,
        file_name: "staff.csv".to_owned(),
        size: 0,
        sha256: "0".repeat(64),
        recorded_on: None,
        validate_only: false,
        request: Uuid::now_v7(),
    }
}

async fn claim(database: &Database, header: &Header) -> Option<Claim> {
    database.claim(work(PRINCIPAL, header.request)).await.unwrap()
}

/// The import that a call at `database` begins; none if it finds one at work.
async fn began(database: &Database, header: &Header) -> Option<(Uuid, Claim)> {
    let claim = claim(database, header).await;
    match begin(database, PRINCIPAL, header, claim.as_ref()).await.unwrap() {
        Begun::Anew(id) => Some((id, claim.expect("nobody begins without"))),
        Begun::Before(known) => {
            let error = repeat(*known, header).unwrap_err();
            assert_eq!(error.reason(), ErrorReason::RequestInProgress, "{error}");
            assert!(claim.is_none());
            None
        }
    }
}

async fn states(database: &Database) -> Vec<Uuid> {
    let read = database.read().await.unwrap();
    store::running(&*read).await.unwrap().into_iter().map(|(id, _, _)| id).collect()
}

/// IDM-4, of two processes that share a database.
#[tokio::test(flavor = "multi_thread")]
async fn idm_4_a_request_that_one_process_works_at_is_not_begun_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = replicas(folder.path()).await;
    let header = header();
    let (id, claimed) = began(&first, &header).await.unwrap();

    for database in [&first, &second] {
        assert!(began(database, &header).await.is_none());
    }
    // One that starts leaves alone what another is at.
    recover(&second).await.unwrap();
    assert_eq!(states(&second).await, [id]);

    let write = first.write().await.unwrap();
    store::finish(&*write, id, &Applied::default()).await.unwrap();
    write.commit().await.unwrap();
    claimed.release().await;
    let again = claim(&second, &header).await;
    let found = begin(&second, PRINCIPAL, &header, again.as_ref()).await.unwrap();
    let Begun::Before(known) = found else { panic!("it was done before") };
    assert_eq!((known.id(), known.is_running()), (id, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn idm_4_a_request_whose_process_died_starts_over_elsewhere_and_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = replicas(folder.path()).await;
    let header = header();
    let (id, claimed) = began(&first, &header).await.unwrap();

    // What a process held ends with its connections.
    drop((first, claimed));
    let started = std::time::Instant::now();
    let (anew, _claimed) = loop {
        if let Some(begun) = began(&second, &header).await {
            break begun;
        }
        assert!(started.elapsed() < PATIENCE, "nobody takes over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };

    assert_eq!(states(&second).await, [anew]);
    // Had it only been held up, it could not write any more.
    let write = second.write().await.unwrap();
    let late = store::finish(&*write, id, &Applied::default()).await;
    assert!(late.is_err());
    let late = store::refuse(&*write, id, Problems::default()).await;
    assert!(late.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_forgets_what_a_dead_one_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = replicas(folder.path()).await;
    let begun = began(&first, &header()).await.unwrap();
    drop((first, begun));

    let started = std::time::Instant::now();
    while !states(&second).await.is_empty() {
        assert!(started.elapsed() < PATIENCE, "it is not forgotten");
        recover(&second).await.unwrap();
    }
}
