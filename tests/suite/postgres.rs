//! What PostgreSQL is trusted with, and what it is not: the second wall between tenants, the roles
//! that serve and migrate, and connections that calls leave behind.

use std::time::{Duration, Instant};

use arrs_proto::event::v1::OrganisationNamed;
use arrs_proto::workforce::v1::{GetPersonRequest, Person};
use arrs_tests::cluster::{Cluster, Engine};
use arrs_tests::postgres::{Database, Postgres, execute};
use kit::Clock;
use kit::error::ErrorReason;
use kit::facts::NewFact;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, Executor, PgConnection, Row};
use tonic::Request;
use uuid::Uuid;

use crate::demo_set::{MONTH, OPERATOR, PCN, bring_in};

/// The longest wait for a state.
const PATIENCE: Duration = Duration::from_secs(10);
/// The tables without a tenant, and why.
const SHARED: &[(&str, &str)] = &[
    ("audit_entry", "read through AuditService alone, which cuts by the entry's tenant"),
    ("import", "read by who sent the file, or over England"),
];

async fn names(url: &str, question: &'static str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows = connection.fetch_all(question).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// What a session of the role that serves sees of a table after it entered a scope, with no
/// condition in the statement: as if the scope argument had been forgotten.
async fn seen(url: &str, enter: &[&str], question: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut txn = connection.begin().await.unwrap();
    for setting in enter {
        let (name, value) = setting.split_once('=').unwrap();
        sqlx::query("SELECT set_config($1, $2, true)")
            .bind(name)
            .bind(value)
            .execute(&mut *txn)
            .await
            .unwrap();
    }
    let question = sqlx::AssertSqlSafe(question.to_owned());
    sqlx::query_scalar(question).fetch_one(&mut *txn).await.unwrap()
}

/// A suite on PostgreSQL with the demonstration set, and the addresses of workforce's database.
async fn demonstration() -> (Cluster, String, String) {
    let cluster = Cluster::one_on(&Engine::Postgres(Postgres::shared())).await;
    bring_in(&cluster).await;
    let serving = cluster.setting("ARRS__WORKFORCE__DATABASE__URL").to_owned();
    let database = cluster.database().url();
    (cluster, serving, database)
}

/// TEN-3.
#[tokio::test(flavor = "multi_thread")]
async fn ten_3_the_database_hides_other_tenants_where_a_statement_forgets_to() {
    let (_cluster, serving, governing) = demonstration().await;
    let all = "SELECT count(*) FROM workforce.engagement";
    let others = "SELECT count(*) FROM workforce.engagement_tenant WHERE tenant_code <> 'U09081'";
    let engagements = names(&governing, "SELECT count(*)::text FROM workforce.engagement").await;
    let engagements: i64 = engagements[0].parse().unwrap();

    let own = seen(&serving, &["app.scope=U09081"], all).await;
    assert!(own > 0 && own < engagements, "{own} of {engagements}");
    assert_eq!(seen(&serving, &["app.scope=U09081"], others).await, 0);
    assert_eq!(seen(&serving, &["app.england=on"], all).await, engagements);
    // Nobody entered anything; a scope of nobody; a setting that a transaction left behind.
    for nothing in [&[][..], &["app.scope="], &["app.scope=U99999"], &["app.england="]] {
        assert_eq!(seen(&serving, nothing, all).await, 0, "{nothing:?}");
        let people = "SELECT count(*) FROM workforce.person_particulars";
        assert_eq!(seen(&serving, nothing, people).await, 0, "{nothing:?}");
    }
    // The test of the test: for a role that the wall does not bind, the same statement shows all.
    assert_eq!(seen(&governing, &["app.scope=U09081"], all).await, engagements);
}

/// However long a large import takes: what must be recorded before it is answered waits for no
/// turn of writers.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_recorded_and_answered_while_another_writer_has_the_turn() {
    let (cluster, _, governing) = demonstration().await;
    let mut writer = PgConnection::connect(&governing).await.unwrap();
    let mut import = writer.begin().await.unwrap();
    let turn = "SELECT pg_advisory_xact_lock(hashtext('arrs write workforce'))";
    import.execute(turn).await.unwrap();

    let manager = cluster.channel(&["pcn-manager@pcn:U09081"]);
    let nobody = GetPersonRequest { name: format!("people/{}", Uuid::new_v4()) };
    let path = "/arrs.workforce.v1.PersonService/GetPerson";
    let refused = manager.unary::<_, Person>(path, Request::new(nobody)).await.unwrap_err();

    assert_eq!(kit::error::reason_of(&refused), Some(ErrorReason::NotPermitted), "{refused}");
    let recorded = "SELECT outcome FROM workforce.audit_entry ORDER BY time DESC LIMIT 1";
    assert_eq!(names(&governing, recorded).await, ["denied"]);
    import.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_another_tenant_cannot_be_written() {
    let (_cluster, serving, _) = demonstration().await;
    let mut connection = PgConnection::connect(&serving).await.unwrap();
    connection.execute("SELECT set_config('app.scope', 'U09081', false)").await.unwrap();

    let moved = "UPDATE workforce.person SET owner_code = 'U99999'";
    let error = connection.execute(moved).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    let added = "INSERT INTO workforce.engagement_tenant VALUES ('U99999', gen_random_uuid())";
    let error = connection.execute(added).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    for append_only in ["audit_entry", "outbox"] {
        let statement = format!("DELETE FROM workforce.{append_only}");
        let error = connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_tenants_is_behind_the_wall_and_its_keys_tell_nothing() {
    let (_cluster, _, governing) = demonstration().await;

    let open = names(
        &governing,
        "SELECT DISTINCT c.relname::text FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE n.nspname IN ('workforce', 'finance', 'supervision') AND c.relkind = 'r' \
         AND a.attname IN ('tenant_code', 'owner_code', 'pcn_code', 'person_id', 'engagement_id') \
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1",
    )
    .await;
    let expected: Vec<&str> = SHARED.iter().map(|(table, _)| *table).collect();
    assert_eq!(open, expected, "tables with a tenant's column and no forced row-level security");

    // A unique key over rows that are hidden would say that one is there.
    let telling = names(
        &governing,
        "SELECT i.indexrelid::regclass::text FROM pg_index i \
         JOIN pg_class c ON c.oid = i.indrelid \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] \
         WHERE c.relforcerowsecurity AND i.indisunique \
         AND a.attname NOT IN ('tenant_code', 'owner_code', 'pcn_code') \
         AND NOT (i.indisprimary AND a.atttypid = 'uuid'::regtype) ORDER BY 1",
    )
    .await;
    let positions: Vec<String> = ["finance", "supervision", "workforce"]
        .map(|service| format!("{service}.outbox_pkey"))
        .into();
    assert_eq!(telling, positions, "unique keys that do not begin with the tenant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_a_scope_is_made_once_a_statement() {
    let (_cluster, serving, _) = demonstration().await;
    let mut connection = PgConnection::connect(&serving).await.unwrap();
    connection.execute("SELECT set_config('app.scope', 'U09081', false)").await.unwrap();

    let plan = connection.fetch_all("EXPLAIN SELECT * FROM workforce.engagement_tenant").await;
    let plan: Vec<String> = plan.unwrap().iter().map(|row| row.get(0)).collect();

    assert!(plan.iter().any(|line| line.contains("InitPlan")), "{plan:#?}");
}

/// The workforce service's tables of the shell in a new database, with so many connections to write.
async fn open(database: &Database, writers: u32) -> kit::db::Database {
    let urls = database.service("workforce").await;
    let settings = kit::config::Database {
        url: urls.url.parse().unwrap(),
        migrate_url: urls.migrate_url.parse().unwrap(),
        readers: 2,
        writers,
    };
    let folder = tempfile::tempdir().unwrap();
    let opened = kit::db::Database::open(&settings, "workforce", folder.path(), Clock::system());
    let opened = opened.await.unwrap();
    opened.migrate::<kit::testing::Shell>().await.unwrap();
    opened
}

/// What a follower does: it asks for what is above the last position it was given.
struct Follower {
    connection: PgConnection,
    question: &'static str,
    seen: Vec<i64>,
}

impl Follower {
    async fn of(database: &Database, question: &'static str) -> Follower {
        let connection = PgConnection::connect(&database.url()).await.unwrap();
        Follower { connection, question, seen: Vec::new() }
    }

    async fn look(&mut self) -> &[i64] {
        let last = self.seen.last().copied().unwrap_or(0);
        let new = sqlx::query_scalar::<_, i64>(self.question).bind(last);
        self.seen.extend(new.fetch_all(&mut self.connection).await.unwrap());
        &self.seen
    }
}

/// EVT-2: of two writers who overlap, the one that began first commits last.
#[tokio::test(flavor = "multi_thread")]
async fn evt_2_a_writer_that_begins_later_waits_for_its_turn_and_no_fact_is_passed_by() {
    let database = Postgres::shared().database().await;
    let opened = open(&database, 2).await;
    let said = |name: &str| {
        let fact = OrganisationNamed { display_name: name.to_owned(), ..Default::default() };
        NewFact::new(&fact, "organisations/X".to_owned(), None)
    };
    let outbox = "SELECT position FROM workforce.outbox WHERE position > $1 ORDER BY position";
    let mut follower = Follower::of(&database, outbox).await;
    let waiting = "SELECT l.pid::text FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' \
                   AND NOT l.granted";

    let mut slow = opened.write().await.unwrap();
    slow.tell(said("slow"));
    let fast = opened.clone();
    let fast = tokio::spawn(async move {
        let mut write = fast.write().await.unwrap();
        write.tell(said("fast"));
        write.commit().await.unwrap()
    });
    let began = Instant::now();
    while names(&database.url(), waiting).await.is_empty() {
        assert!(began.elapsed() < PATIENCE, "the second writer does not wait");
    }
    assert_eq!(follower.look().await, [0; 0]);
    let slow = slow.commit().await.unwrap();
    assert_eq!(follower.look().await.first(), Some(&1));
    let fast = fast.await.unwrap();

    assert_eq!((slow, fast), (Some(1), Some(2)));
    assert_eq!(follower.look().await, [1, 2]);
}

/// The test of the test: numbers from a sequence, and writers who do not wait for each other.
#[tokio::test(flavor = "multi_thread")]
async fn evt_2_without_turns_a_follower_passes_a_fact_by() {
    let database = Postgres::shared().database().await;
    execute(&database.url(), &["CREATE TABLE told (position bigserial, word text)".to_owned()])
        .await;
    let told = "SELECT position FROM told WHERE position > $1 ORDER BY position";
    let mut follower = Follower::of(&database, told).await;
    let mut slow = PgConnection::connect(&database.url()).await.unwrap();
    let mut fast = PgConnection::connect(&database.url()).await.unwrap();

    let mut slow = slow.begin().await.unwrap();
    slow.execute("INSERT INTO told (word) VALUES ('slow')").await.unwrap();
    fast.execute("INSERT INTO told (word) VALUES ('fast')").await.unwrap();
    assert_eq!(follower.look().await, [2]);
    slow.commit().await.unwrap();

    assert_eq!(follower.look().await, [2], "the slow one is never seen");
    assert_eq!(names(&database.url(), "SELECT word FROM told").await.len(), 2);
}

/// DUR-4, inside: a call that goes away while its transaction begins leaves a connection inside a
/// transaction of nobody; what the next one writes there would be acknowledged and lost.
#[tokio::test(flavor = "multi_thread")]
async fn dur_4_a_call_that_went_away_while_it_began_takes_nobody_s_write_along() {
    let database = Postgres::shared().database().await;
    let opened = open(&database, 1).await;

    let mut acknowledged = 0;
    for round in 0..100_u64 {
        go_away(round, opened.write()).await;
        let write = opened.write().await.unwrap();
        let insert = "INSERT INTO projection_cursor VALUES ($1, 1, 'x')";
        let insert = sea_orm::Statement::from_sql_and_values(
            sea_orm::DbBackend::Postgres,
            insert,
            [format!("p{round}").into()],
        );
        sea_orm::ConnectionTrait::execute_raw(&*write, insert).await.unwrap();
        write.commit().await.unwrap();
        acknowledged += 1;
    }

    let kept = names(&database.url(), "SELECT producer FROM workforce.projection_cursor").await;
    assert_eq!(kept.len(), acknowledged);
    let idle = names(
        &database.url(),
        "SELECT pid::text FROM pg_stat_activity WHERE state = 'idle in transaction' \
         AND datname = current_database() AND state_change < now() - interval '1 second'",
    )
    .await;
    assert_eq!(idle, [""; 0], "sessions idle in a transaction");
}

/// The test of the test: a pool as it comes loses what it acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn dur_4_without_the_rollback_before_each_use_acknowledged_writes_are_lost() {
    let database = Postgres::shared().database().await;
    execute(&database.url(), &["CREATE TABLE kept (round bigint)".to_owned()]).await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&database.url()).await.unwrap();

    let mut acknowledged = 0;
    for round in 0..100_u64 {
        go_away(round, pool.begin()).await;
        let insert = sqlx::query("INSERT INTO kept VALUES ($1)").bind(round as i64);
        acknowledged += usize::from(insert.execute(&pool).await.is_ok());
    }
    pool.close().await;

    let kept = names(&database.url(), "SELECT round::text FROM kept").await;
    assert!(kept.len() < acknowledged, "{} of {acknowledged} are kept", kept.len());
}

/// Begins something and goes away after a few dozen microseconds, at another moment each time.
async fn go_away<T>(round: u64, work: impl Future<Output = T>) {
    let moment = Duration::from_micros(1 + (round % 40) * 5);
    tokio::time::timeout(moment, work).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_wall_does_not_bind_is_refused() {
    let database = Postgres::shared().database().await;
    let urls = database.service("workforce").await;
    let (role, place) = urls.url.rsplit_once('@').unwrap();
    let (role, _) = role.rsplit_once(':').unwrap();
    let wrong = format!("{role}:hush@{place}");

    // The address that serves, that migrates; what is said.
    let cases = [
        (urls.migrate_url.as_str(), urls.migrate_url.as_str(), "row-level security does not bind"),
        (&database.url(), &urls.migrate_url, "row-level security does not bind"),
        (&urls.url, "", "migrations have not been applied: run `arrs migrate`"),
        (&wrong, &urls.migrate_url, "password authentication failed"),
    ];
    for (url, migrate_url, words) in cases {
        let mut cluster =
            Cluster::idle_on(&Engine::Sqlite, &[("ARRS__KIT__IDENTITY__LOCAL", "true")]).await;
        cluster.set("ARRS__WORKFORCE__DATABASE__URL", url);
        cluster.set("ARRS__WORKFORCE__DATABASE__MIGRATE_URL", migrate_url);
        let output = cluster.run(&["serve", "workforce"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains(words), "{words}: {told}");
        assert!(told.contains("workforce.database.url"), "{told}");
        assert!(!told.contains("hush"), "a password is shown: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_the_same_on_both_engines() {
    let (postgres, _, _) = demonstration().await;
    let embedded = Cluster::one_on(&Engine::Sqlite).await;
    bring_in(&embedded).await;

    let report = |cluster: &Cluster| {
        let token = cluster.token(&[OPERATOR]);
        let code = PCN.trim_start_matches("pcns/");
        let arguments =
            ["report", "pcn", code, "--month", MONTH, "--format", "csv", "--token", &token];
        let output = cluster.run(&arguments);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        // Identifiers are made anew for each database.
        let words = text.split_inclusive([',', ' ', ';', '(', ')', '\n']);
        let named = |word: &str| word.starts_with("engagements/") || word.starts_with("imports/");
        words.map(|word| if named(word) { "(its identifier)" } else { word }).collect::<String>()
    };

    assert_eq!(report(&postgres), report(&embedded));
}
