//! All claims of a month of England: prepared and stored on PostgreSQL, and storing beside pandas.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use arrs_proto::finance::v1 as pb;
use arrs_tests::cluster::{Cluster, Engine, after};
use arrs_tests::england::{England, england};
use arrs_tests::postgres::{Postgres, execute};
use finance::domain::claim::ClaimName;
use finance::domain::evaluation::{ClaimGround, MECHANISM, evaluate_claim};
use finance::domain::line::Line;
use finance::domain::rulebook::RuleBook;
use finance::store::claim_ground::{Frozen, to_text};
use finance::store::claims::{Basis, Build, LineHours, freeze};
use finance::store::rulebook;
use kit::config::Database as Settings;
use kit::db::Database;
use kit::server::position_of;
use kit::{Caller, Clock};
use sqlx::{Connection, PgConnection};
use terms::{Date, EngagementId, Instant as Moment, Pence};
use tokio::task::JoinSet;
use tonic::Request;
use uuid::Uuid;

use super::grounds::{self, KNOWN};
use super::pandas::Script;
use super::{MONTH_OF_ENGLAND, ROUNDS, Sides, Times, dealt, ratio, short};

const PREPARE: &str = "/arrs.finance.v1.ClaimService/PrepareClaim";
/// How many ask for claims at once. They are prepared one after the other; asking is not.
const CLIENTS: usize = 4;

/// Times the claims of one month of an England made by `england(seed)`.
pub(super) async fn run() {
    let postgres = Postgres::start();
    let cluster = Cluster::one_on(&Engine::Postgres(postgres.clone())).await;
    let england = england(13, MONTH_OF_ENGLAND);
    bring_in(&cluster, &england).await;
    let grounds = grounds::of(&england);

    prepare(&cluster, &grounds).await;
    store(&cluster, &postgres, &grounds).await;
}

async fn bring_in(cluster: &Cluster, england: &England) {
    let recorded_on = Some(Date::constant(2025, 4, 30));
    let take = async |kind: &str, text: &str| {
        let import = cluster.import(kind, text, recorded_on).await.expect("it is taken");
        assert_eq!(import.get_ref().error_count, 0, "{kind} is taken");
        position_of(import.metadata()).map(str::to_owned)
    };
    take("organisations", &england.organisations).await;
    take("lists", &england.lists).await;
    let position = take("staff", &england.staff).await;
    let year = pb::GetRuleBookRequest { name: "ruleBooks/2025-26".to_owned() };
    let path = "/arrs.finance.v1.RuleBookService/GetRuleBook";
    let channel = cluster.channel(&["operator@england"]);
    let book = channel.unary::<_, pb::RuleBook>(path, after(year, position.as_deref())).await;
    book.expect("finance follows");
    take("pay", &england.pay).await;
    // What the server does by itself within minutes; a measurement must not meet it.
    execute(&cluster.database().url(), &["VACUUM ANALYZE".to_owned()]).await;
}

/// Asks the gateway for the claim of every PCN, as somebody who may for all of them.
async fn prepare(cluster: &Cluster, grounds: &[ClaimGround]) {
    let token = cluster.token(&["pcn-manager@england"]);
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for share in dealt(grounds, CLIENTS) {
        let channel = cluster.channel_to("gateway", &token);
        tasks.spawn(async move {
            let mut lines = 0;
            for ground in share {
                let (pcn, month) = (ground.question.pcn, ground.question.month);
                let request = pb::PrepareClaimRequest {
                    name: format!("pcns/{pcn}/claims/{month}"),
                    request_id: Uuid::new_v4().to_string(),
                    ..Default::default()
                };
                let claim = channel.unary::<_, pb::Claim>(PREPARE, Request::new(request)).await;
                lines += claim.expect("the manager may").into_inner().line_count;
            }
            lines
        });
    }
    let lines: i32 = tasks.join_all().await.into_iter().sum();
    let took = started.elapsed();
    let bare = bare(cluster, grounds).await;
    println!(
        "claims: {lines} lines of {} claims, each asked of the gateway, prepared and stored on \
         PostgreSQL, by {CLIENTS} at a time: {}; the bar is 10 s",
        grounds.len(),
        short(took),
    );
    println!(
        "  {} times as many bare transactions, each of which inserts what a claim is built from \
         ({})",
        ratio(took, bare),
        short(bare),
    );
}

/// One row for each claim, in one transaction after the other, as durable as ours.
async fn bare(cluster: &Cluster, grounds: &[ClaimGround]) -> Duration {
    let texts = grounds.iter().map(|ground| Frozen { ground: ground.clone(), sources: [].into() });
    let texts: Vec<String> = texts.map(|frozen| to_text(&frozen).expect("it has a text")).collect();
    let url = cluster.database().url();
    execute(&url, &["CREATE TABLE bare (pcn text PRIMARY KEY, ground text)".to_owned()]).await;
    let mut connection = PgConnection::connect(&url).await.expect("PostgreSQL runs");
    let started = Instant::now();
    for (ground, text) in grounds.iter().zip(texts) {
        let insert = sqlx::query("INSERT INTO bare VALUES ($1, $2)")
            .bind(ground.question.pcn.as_str())
            .bind(text);
        insert.execute(&mut connection).await.expect("a row");
    }
    started.elapsed()
}

/// A claim that is ready to be stored.
struct Ready {
    name: ClaimName,
    basis: Basis,
    lines: Vec<LineHours>,
}

/// Stores all lines in one transaction, and the same lines by pandas in another.
async fn store(cluster: &Cluster, postgres: &Postgres, grounds: &[ClaimGround]) {
    let rules = rulebook::load(None).expect("the rule book is compiled in");
    let claims: Vec<Ready> = grounds.iter().map(|ground| ready(&rules, ground)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    write_lines(folder.path(), &claims);
    let database = open(cluster).await;
    execute(postgres.url(), &["CREATE DATABASE pandas".to_owned()]).await;
    let (server, _) = postgres.url().rsplit_once('/').expect("the address has a database");
    let address = format!("{server}/pandas").replacen("postgres:", "postgresql+psycopg:", 1);
    let path = folder.path().to_str().expect("a plain path");
    let mut script = Script::start("store.py", &[path, &address]);

    for (word, how) in [("rows", "row by row"), ("multi", "a thousand rows at a time")] {
        let mut sides = Sides::default();
        for round in 0..ROUNDS {
            sides.keep(round, stored(&database, &claims).await, script.time(word));
        }
        println!(
            "claims: storing {} lines in {}, {} times as fast as to_sql {how} ({}); the bar is 5",
            claims.iter().map(|claim| claim.lines.len()).sum::<usize>(),
            short(sides.ours()),
            sides.reached(),
            Times(sides.bare.clone()).told(),
        );
    }
}

fn ready(rules: &RuleBook, ground: &ClaimGround) -> Ready {
    let question = &ground.question;
    let name = ClaimName { pcn: question.pcn.clone(), month: question.month, number: 0 };
    let held = ground.records.engagements.iter().flat_map(|records| &records.assignments);
    let mut minute_days: BTreeMap<EngagementId, i64> = BTreeMap::new();
    for held in held.filter(|held| held.pcn == name.pcn) {
        *minute_days.entry(held.engagement).or_default() += held.minute_days(name.month);
    }
    let line = |line: &Line| LineHours {
        month: line.month,
        engagement: line.engagement,
        minute_days: minute_days[&line.engagement],
        own_cost: line.own_cost,
        maximum: line.maximum,
        priced: line.before_sum(),
        payable: line.payable(),
    };
    let basis = Basis {
        known_at: Moment(0),
        rules_known_on: KNOWN,
        claim_date: KNOWN,
        rule_digest: rules.digest().to_string(),
        mechanism: MECHANISM,
        ground_digest: String::new(),
        result_digest: String::new(),
    };
    let lines = evaluate_claim(rules, ground).lines.iter().map(line).collect();
    Ready { name, basis, lines }
}

/// How long it takes to store all claims in one transaction.
async fn stored(database: &Database, claims: &[Ready]) -> Duration {
    let caller = Caller::for_test(&["pcn-manager@england"], "finance.claims.prepare");
    let started = Instant::now();
    let write = database.write().await.expect("a transaction");
    let scope = caller.scope(&*write, database.clock()).await.expect("a scope");
    for Ready { name, basis, lines } in claims {
        let build = Build { id: Uuid::now_v7(), basis: basis.clone(), ground: String::new() };
        freeze(&*write, &scope, name, &build, lines).await.expect("rows");
    }
    write.commit().await.expect("it commits");
    started.elapsed()
}

async fn open(cluster: &Cluster) -> Database {
    let address = cluster.setting("ARRS__FINANCE__DATABASE__URL");
    let settings = Settings {
        url: address.parse().expect("an address"),
        migrate_url: "".parse().expect("nothing"),
        readers: 1,
        writers: 1,
    };
    let opened = Database::open(&settings, "finance", cluster.folder(), Clock::system());
    opened.await.expect("it is there")
}

/// The lines as a table, in the columns of ours.
fn write_lines(folder: &Path, claims: &[Ready]) {
    let mut text = String::from(
        "build_id,line,pcn_code,month,engagement_id,minute_days,own_cost_pence,maximum_pence,\
         priced_pence,payable_pence\n",
    );
    let pence = |amount: Option<Pence>| amount.map_or(String::new(), |it| it.0.to_string());
    for Ready { name, lines, .. } in claims {
        let build = Uuid::now_v7();
        for (number, line) in (1..).zip(lines) {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "{build},{number},{},{},{},{},{},{},{},{}",
                name.pcn,
                line.month.first(),
                line.engagement.0,
                line.minute_days,
                line.own_cost.0,
                pence(line.maximum),
                pence(line.priced),
                pence(line.payable),
            );
        }
    }
    fs::write(folder.join("lines.csv"), text).expect("it has room");
}
