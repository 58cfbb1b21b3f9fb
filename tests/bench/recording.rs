//! What PostgreSQL ran for a call, out of its own log, and the same again over bare connections.
//!
//! `log_statement = 'all'` has the server write down every statement with its values. They are run
//! again, value for value, on a copy of the database from before: so the statements of a baseline
//! are those of the product, whatever they become.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrs_tests::postgres::{Postgres, execute};
use sea_orm::prelude::{Date, Uuid};
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Connection, Either, Executor, PgConnection, Postgres as Engine, SqlSafeStr,
    Statement as _, TypeInfo,
};
use tokio::task::JoinSet;

/// Writes down what the server is asked from when it is made until it is stopped.
pub(super) struct Recorder {
    url: String,
    log: PathBuf,
    from: usize,
}

/// The statements of one transaction, from its BEGIN to its end, and before it what cleans the
/// connection.
#[derive(Clone, Debug)]
pub(super) struct Transaction(Vec<Statement>);

#[derive(Clone, Debug)]
struct Statement {
    sql: Arc<str>,
    /// As the log has them; none for a statement that was not prepared.
    values: Option<Vec<Option<String>>>,
}

impl Transaction {
    /// A transaction of statements without values.
    pub(super) fn of(statements: &[&str]) -> Transaction {
        let statements = statements.iter();
        Transaction(statements.map(|sql| Statement { sql: (*sql).into(), values: None }).collect())
    }
}

impl Recorder {
    /// Starts; all sessions obey, those that are open as well.
    pub(super) async fn start(postgres: &Postgres) -> Recorder {
        let recorder = Recorder { url: postgres.url().to_owned(), log: postgres.log(), from: 0 };
        recorder.set("all").await;
        let from = fs::read_to_string(&recorder.log).expect("the log is text").len();
        Recorder { from, ..recorder }
    }

    /// Stops, and gives the transactions with a statement that contains `part`, in the order in
    /// which they ended.
    pub(super) async fn stop(self, part: &str) -> Vec<Transaction> {
        self.set("none").await;
        let log = fs::read_to_string(&self.log).expect("the log is text");
        let mut all = transactions(&log[self.from..]);
        all.retain(|transaction| transaction.0.iter().any(|asked| asked.sql.contains(part)));
        all
    }

    async fn set(&self, wanted: &str) {
        let set = format!("ALTER SYSTEM SET log_statement = '{wanted}'");
        execute(&self.url, &[set, "SELECT pg_reload_conf()".to_owned()]).await;
        // A session that began before obeys once it was told, as all that are open are.
        let mut session = PgConnection::connect(&self.url).await.expect("PostgreSQL runs");
        loop {
            let now: String = sqlx::query_scalar("SHOW log_statement")
                .fetch_one(&mut session)
                .await
                .expect("PostgreSQL runs");
            if now == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The transactions of a log, in the order of their ends; one without an end was rolled back.
fn transactions(log: &str) -> Vec<Transaction> {
    let mut open: HashMap<&str, Vec<Statement>> = HashMap::new();
    let mut done = Vec::new();
    for line in log.lines() {
        let Some((_, rest)) = line.split_once(" [") else { continue };
        let Some((session, said)) = rest.split_once("] ") else { continue };
        let (_, said) = said.split_once(' ').unwrap_or_default();
        if let Some(sql) = said.strip_prefix("LOG:  statement: ") {
            let statement = Statement { sql: sql.into(), values: None };
            match sql.split(' ').next() {
                // `BEGIN; ROLLBACK`, before anything else on a connection out of a pool.
                Some("BEGIN;") => {
                    open.insert(session, vec![statement]);
                }
                Some("BEGIN") => open.entry(session).or_default().push(statement),
                Some("COMMIT" | "ROLLBACK") => {
                    if let Some(mut statements) = open.remove(session) {
                        statements.push(statement);
                        done.push(Transaction(statements));
                    }
                }
                Some(_) | None => {
                    open.entry(session).and_modify(|asked| asked.push(statement));
                }
            }
        } else if let Some((_, sql)) =
            said.strip_prefix("LOG:  execute ").and_then(|asked| asked.split_once(": "))
        {
            let statement = Statement { sql: sql.into(), values: Some(Vec::new()) };
            open.entry(session).and_modify(|asked| asked.push(statement));
        } else if let Some((_, values)) =
            said.strip_prefix("DETAIL:  ").and_then(|detail| detail.split_once("arameters: "))
            && let Some(last) = open.get_mut(session).and_then(|asked| asked.last_mut())
        {
            last.values = Some(values_of(values));
        }
    }
    let ends = |mut asked: Vec<Statement>| {
        asked.push(Statement { sql: "ROLLBACK".into(), values: None });
        Transaction(asked)
    };
    done.extend(open.into_values().map(ends));
    done
}

/// The values of `$1 = 'it''s', $2 = NULL`.
fn values_of(mut text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((_, rest)) = text.split_once(" = ") {
        let Some(quoted) = rest.strip_prefix('\'') else {
            values.push(None);
            text = rest;
            continue;
        };
        let mut value = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('\'').expect("a quotation ends");
            value.push_str(part);
            rest = after;
            match rest.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        values.push(Some(value));
        text = rest;
    }
    values
}

/// A transaction ready to be run.
#[derive(Clone, Debug)]
pub(super) struct Ready(Vec<Asked>);

#[derive(Clone, Debug)]
struct Asked {
    sql: Arc<str>,
    values: Option<Vec<Value>>,
}

/// A value of the type that the statement takes.
#[derive(Clone, Debug)]
enum Value {
    Boolean(Option<bool>),
    Bytes(Option<Vec<u8>>),
    Day(Option<Date>),
    Int(Option<i32>),
    BigInt(Option<i64>),
    Text(Option<String>),
    Uuid(Option<Uuid>),
}

impl Value {
    fn parse(kind: &str, text: Option<&str>) -> Value {
        fn read<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
            text.map(|text| text.parse().ok().expect("the server wrote it"))
        }
        match kind {
            "BOOL" => Value::Boolean(text.map(|text| text == "t")),
            "BYTEA" => Value::Bytes(text.map(bytes)),
            "DATE" => Value::Day(read(text)),
            "INT4" => Value::Int(read(text)),
            "INT8" => Value::BigInt(read(text)),
            "TEXT" => Value::Text(read(text)),
            "UUID" => Value::Uuid(read(text)),
            _ => panic!("a value of type {kind} is new here"),
        }
    }

    fn bind<'q>(&'q self, query: Query<'q, Engine, PgArguments>) -> Query<'q, Engine, PgArguments> {
        match self {
            Value::Boolean(value) => query.bind(*value),
            Value::Bytes(value) => query.bind(value.as_deref()),
            Value::Day(value) => query.bind(*value),
            Value::Int(value) => query.bind(*value),
            Value::BigInt(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.as_deref()),
            Value::Uuid(value) => query.bind(*value),
        }
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").expect("bytea_output is hex");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("it is hex");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Reads the values of transactions as the types that the server takes them for.
pub(super) async fn ready(at: &PgConnectOptions, transactions: &[Transaction]) -> Vec<Ready> {
    let mut connection = connect(at).await;
    let mut kinds: HashMap<Arc<str>, Vec<String>> = HashMap::new();
    let mut all = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let mut asked = Vec::with_capacity(transaction.0.len());
        for Statement { sql, values } in &transaction.0 {
            let Some(values) = values else {
                asked.push(Asked { sql: Arc::clone(sql), values: None });
                continue;
            };
            if !kinds.contains_key(sql) {
                let prepared = connection.prepare(AssertSqlSafe(Arc::clone(sql)).into_sql_str());
                let prepared = prepared.await.expect("it was run before");
                let Some(Either::Left(types)) = prepared.parameters() else {
                    panic!("PostgreSQL tells types");
                };
                let types = types.iter().map(|kind| kind.name().to_owned()).collect();
                kinds.insert(Arc::clone(sql), types);
            }
            let values = kinds[sql].iter().zip(values);
            let values = values.map(|(kind, text)| Value::parse(kind, text.as_deref()));
            asked.push(Asked { sql: Arc::clone(sql), values: Some(values.collect()) });
        }
        all.push(Ready(asked));
    }
    all
}

impl Ready {
    /// How many statements it has, its BEGIN and its end among them.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The same without the statements that contain `part`.
    pub(super) fn without(&self, part: &str) -> Ready {
        Ready(self.0.iter().filter(|asked| !asked.sql.contains(part)).cloned().collect())
    }

    /// Runs it; answers how long its end took.
    pub(super) async fn run(&self, connection: &mut PgConnection) -> Duration {
        let mut last = Duration::ZERO;
        for Asked { sql, values } in &self.0 {
            let sql = AssertSqlSafe(Arc::clone(sql));
            let started = Instant::now();
            match values {
                None => drop(sqlx::raw_sql(sql).execute(&mut *connection).await.expect("it ran")),
                Some(values) => {
                    let query = values.iter().fold(sqlx::query(sql), |query, it| it.bind(query));
                    let rows = query.fetch_all(&mut *connection).await.expect("it ran before");
                    std::hint::black_box(rows);
                }
            }
            last = started.elapsed();
        }
        last
    }
}

/// A bare connection.
pub(super) async fn connect(at: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(at).await.expect("PostgreSQL runs")
}

/// Bare connections that run transactions side by side.
pub(super) struct Bare(Vec<PgConnection>);

impl Bare {
    /// So many connections.
    pub(super) async fn connect(at: &PgConnectOptions, count: usize) -> Bare {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(connect(at).await);
        }
        Bare(connections)
    }

    /// Runs transactions, dealt out to the connections; answers how long each took for whoever
    /// looks at all of them, and how long its end took for whoever waited for it.
    pub(super) async fn run(&mut self, all: &[Ready]) -> (Duration, Duration) {
        let count = u32::try_from(all.len()).expect("few");
        let connections = std::mem::take(&mut self.0);
        let shares = super::dealt(all, connections.len());
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for (mut connection, share) in connections.into_iter().zip(shares) {
            tasks.spawn(async move {
                let mut ends = Duration::ZERO;
                for transaction in share {
                    ends += transaction.run(&mut connection).await;
                }
                (connection, ends)
            });
        }
        let (connections, ends): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().unzip();
        let took = started.elapsed();
        self.0 = connections;
        (took / count, ends.into_iter().sum::<Duration>() / count)
    }
}
