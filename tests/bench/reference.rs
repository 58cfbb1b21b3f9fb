//! The whole of England's reference data, brought in through the gateway.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use arrs_tests::cluster::{Cluster, after};
use arrs_tests::england::{Size, england};
use kit::server::position_of;
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use terms::Date;

use super::{ratio, short};

/// Brings in files of an England made by `england(seed)`, and the published ones where they are.
pub(super) async fn run() {
    let england = england(7, Size::england());
    let made = vec![("organisations", england.organisations), ("lists", england.lists)];
    bring_in("generated", made).await;
    match published() {
        Some(files) => bring_in("published", files).await,
        None => println!("reference: the published files are not here, and were not brought in"),
    }
}

async fn bring_in(which: &str, files: Vec<(&'static str, String)>) {
    let cluster = Cluster::one().await;
    let (mut rows, mut statements) = (0, 0);
    let mut position = None;
    let mut total = Duration::ZERO;
    for (kind, text) in &files {
        let started = Instant::now();
        let recorded_on = Some(Date::constant(2026, 7, 1));
        let import = cluster.import(kind, text, recorded_on).await.expect("it is taken");
        let took = started.elapsed();
        total += took;
        position = position_of(import.metadata()).map(str::to_owned).or(position);
        let import = import.into_inner();
        assert_eq!(import.error_count, 0, "{kind} is taken");
        rows += import.row_count;
        statements += import.added_count;
        println!("reference: {kind}: {} rows in {}", import.row_count, short(took));
    }
    let started = Instant::now();
    let channel = cluster.channel(&["operator@england"]);
    let year = arrs_proto::finance::v1::GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let path = "/arrs.finance.v1.RuleBookService/GetRuleBook";
    let answer = channel
        .unary::<_, arrs_proto::finance::v1::RuleBook>(path, after(year, position.as_deref()))
        .await;
    answer.expect("finance follows");
    let followed = started.elapsed();
    let bare = bare(usize::try_from(statements).unwrap_or(0)).await;
    println!(
        "reference: England's {rows} rows, {which} ({statements} statements) in {}; the bar is 20 s; finance \
         had followed {} later",
        short(total),
        short(followed)
    );
    println!(
        "  {} times inserting as many bare rows in one transaction of sqlx ({})",
        ratio(total, bare),
        short(bare)
    );
}

fn published() -> Option<Vec<(&'static str, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let names = [
        ("ods-pcns", "ods_pcn_details_snapshot.csv"),
        ("ods-partners", "ods_pcn_core_partner_snapshot.csv"),
        ("practice-lists", "practice_pcn_map_july2026.csv"),
    ];
    names
        .iter()
        .map(|(kind, name)| Some((*kind, fs::read_to_string(folder.join(name)).ok()?)))
        .collect()
}

/// As many rows of seven columns, in one transaction, as durable as ours.
async fn bare(rows: usize) -> Duration {
    let folder = tempfile::TempDir::new().expect("a folder");
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("bare.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options);
    let pool = pool.await.expect("a database");
    let table = "create table bare (id text primary key, a text, b text, c text, d text, e int, \
                 f int)";
    sea_orm::sqlx::query(table).execute(&pool).await.expect("a table");
    let started = Instant::now();
    let mut txn = pool.begin().await.expect("a transaction");
    for number in 0..rows {
        sea_orm::sqlx::query("insert into bare values (?, ?, ?, ?, ?, ?, ?)")
            .bind(uuid::Uuid::now_v7().to_string())
            .bind("U00070")
            .bind("part-of")
            .bind("2019-10-01")
            .bind("a name of some length")
            .bind(i64::try_from(number).unwrap_or(0))
            .bind(0_i64)
            .execute(&mut *txn)
            .await
            .expect("a row");
    }
    txn.commit().await.expect("it commits");
    started.elapsed()
}
