//! TEN-1: a name that is hidden costs the statements that one which is absent costs, so that
//! neither time nor load tells them apart.

use std::fs::File;
use std::io::Read;

use serde_json::Value;

use super::*;

/// Statements are logged with the method that ran them, without their values.
const SETTINGS: [(&str, &str); 3] = [
    ("ARRS__KIT__LOG__FORMAT", "json"),
    ("ARRS__KIT__LOG__FILTER", "info,sqlx::query=debug"),
    ("ARRS__GATEWAY__PACE__CALLS_PER_SECOND", "0"),
];

/// The log of a process, from where it was read last.
struct Log(File);

impl Log {
    fn of(cluster: &Cluster) -> Log {
        Log(File::open(cluster.folder().join("all.log")).unwrap())
    }

    /// The statements of calls since it was asked last; those of the services of a report run
    /// beside each other.
    fn statements(&mut self) -> Vec<String> {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        let mut statements: Vec<String> = text.lines().filter_map(statement).collect();
        statements.sort();
        statements
    }
}

/// The statement that a line tells of, if a call ran it.
fn statement(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["target"] != "sqlx::query" {
        return None;
    }
    let method = line["rpc.method"].as_str()?;
    let whole = line["db.statement"].as_str().filter(|whole| !whole.is_empty());
    let text = whole.or(line["summary"].as_str())?.trim();
    // The rest is about a connection, before it is used.
    let asks = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
    asks.iter().any(|word| text.starts_with(word)).then(|| format!("{method}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_1_a_hidden_name_costs_the_statements_of_an_absent_one() {
    let cluster = Cluster::with(&SETTINGS).await;
    fill(&cluster).await;
    let operator = channel_of(&cluster, "somebody-else", &[OPERATOR]);
    let places = targets(&operator).await;
    let others = imports_of(&operator, Role::Operator, &places[0]).await;
    let absent = absent();
    let mut log = Log::of(&cluster);
    let (mut compared, mut differing, mut wrong) = (BTreeSet::new(), 0, Vec::new());

    for &role in ROLES {
        let channel = channel_of(&cluster, role.as_str(), &[&grant(role)]);
        // What a role may read is no secret to it where it may not be changed.
        let mut read = Vec::new();
        for place in &places {
            read.push(probe(&channel, GET_ENGAGEMENT, place).await == Answer::Reached);
        }
        for (path, rule) in kit::rules::methods().unwrap() {
            if rule.reference || rule.mending || !role.permits(&rule.permission) {
                continue;
            }
            log.statements();
            probe(&channel, &path, &absent).await;
            let of_absent = log.statements();
            for (place, read) in places.iter().zip(&read) {
                let place = Target { imports: others.clone(), ..place.clone() };
                let answer = probe(&channel, &path, &place).await;
                let statements = log.statements();
                match answer {
                    Answer::Reached => differing += usize::from(statements != of_absent),
                    Answer::Refused(_) if *read => {}
                    Answer::Refused(_) if statements == of_absent => {
                        compared.insert(path.clone());
                    }
                    Answer::Refused(_) => {
                        let Target { pcn, .. } = place;
                        let told = format!("{role} {path} {pcn}");
                        wrong.push(format!("{told}:\n{statements:#?}\n{of_absent:#?}"));
                    }
                }
            }
        }
    }

    assert!(wrong.is_empty(), "hidden costs other statements than absent:\n{}", wrong.join("\n"));
    assert!(compared.len() > 20, "only {compared:?}");
    // The test of the test: what is found costs more.
    assert!(differing > 20, "{differing}");
}
