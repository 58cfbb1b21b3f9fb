//! What happens to a suite whose files are copied back, removed or served twice.

use std::fs;
use std::process::Stdio;

use arrs_proto::report::v1::SectionState;
use arrs_tests::cluster::{self, Cluster, Engine};
use kit::error::{ErrorReason, reason_of};
use tonic::Code;

use crate::demo_set::{
    FILES, OPERATOR, RECORDED_ON, bring_in, positions, report, report_request, settle, states, take,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_workforce_is_noticed_and_a_replay_mends_it() {
    let mut cluster = Cluster::idle_on(&Engine::Sqlite, &[]).await;
    cluster.start_separate().await;
    for (kind, text) in &FILES[..2] {
        take(&cluster, kind, text, Some(RECORDED_ON)).await;
    }
    assert!(cluster.terminate("workforce").await.success());
    let database = cluster.folder().join("workforce.db");
    let older = fs::read(&database).unwrap();
    cluster.start("workforce").await;
    bring_in(&cluster).await;
    assert!(cluster.terminate("workforce").await.success());
    fs::write(&database, older).unwrap();
    cluster.start("workforce").await;

    // The same people, told again under positions that stood for other facts.
    let (kind, text) = FILES[2];
    cluster.import(kind, text, None).await.unwrap();
    let channel = cluster.channel(&[OPERATOR]);
    let mut waited = 0;
    let missing = loop {
        let report = report(&channel, report_request(), None).await;
        let found = states(&report.sections);
        if found[1].1 == SectionState::Unavailable && found[2].1 == SectionState::Unavailable {
            break report;
        }
        waited += 1;
        assert!(waited < 400, "it was not noticed: {found:?}");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    };
    assert!(missing.money.is_none() && missing.supervision.is_none());
    assert!(cluster.log("finance").contains("arrs facts replay"));

    for service in ["finance", "supervision"] {
        let replayed = cluster.run(&["facts", "replay", service]);
        assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    }
    let newest = positions(&channel).await[0];
    settle(&channel, &format!("workforce={newest}")).await;
    let whole = report(&channel, report_request(), None).await;
    assert!(states(&whole.sections).iter().all(|(_, state)| *state == SectionState::Fresh));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_that_would_land_in_a_removed_file() {
    let cluster = Cluster::one_on(&Engine::Sqlite).await;
    fs::remove_file(cluster.folder().join("workforce.db")).unwrap();

    let refused = cluster.import(FILES[0].0, FILES[0].1, None).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(reason_of(&refused), Some(ErrorReason::DatabaseUnreachable));
    let mut waited = 0;
    while cluster.run(&["healthcheck"]).status.code() != Some(69) {
        waited += 1;
        assert!(waited < 200, "health does not tell");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_served_by_one_process() {
    let cluster = Cluster::one_on(&Engine::Sqlite).await;

    let mut second = cluster.command(&["serve"]);
    second.env("ARRS__GATEWAY__LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    let second = second.output().unwrap();

    assert_eq!(second.status.code(), Some(64));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("served by another process"), "{told}");
    let migrated = cluster.run(&["migrate"]);
    assert_eq!(migrated.status.code(), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_for_its_owner_only_and_whole_after_a_clean_stop() {
    use std::os::unix::fs::PermissionsExt;

    let place = tempfile::TempDir::new().unwrap();
    let folder = place.path().join("kept");
    let kept = folder.to_string_lossy().into_owned();
    let mut cluster =
        Cluster::idle_on(&Engine::Sqlite, &[("ARRS__KIT__DATA_DIRECTORY", kept.as_str())]).await;
    cluster.start("all").await;
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert!(cluster.terminate("all").await.success());

    assert_eq!(mode & 0o777, 0o700);
    for service in cluster::SERVICES.iter().filter(|service| **service != "gateway") {
        assert!(folder.join(format!("{service}.db")).exists());
        assert!(!folder.join(format!("{service}.db-wal")).exists(), "{service}");
    }
}
