//! A change of hours, with its fact, its audit entry and its kept answer, beside its own statements
//! in a bare loop.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrs_proto::workforce::v1 as pb;
use arrs_tests::england::Size;
use arrs_tests::postgres::{Postgres, execute};
use kit::client::Channel;
use tokio::task::JoinSet;
use tonic::Request;
use uuid::Uuid;

use super::recording::{Bare, Ready, Recorder, ready};
use super::served::{Served, manager};
use super::{ROUNDS, Sides, dealt, per_second, short};

const SET_ASSIGNMENT: &str = "/arrs.workforce.v1.EngagementService/SetAssignment";
/// How many changes there are in a round.
const CHANGES: usize = 150;
/// What of a change is in no other transaction of the service.
const ANSWER: &str = "INSERT INTO \"stored_answer\"";
/// The statement by which writers take turns.
const TURN: &str = "pg_advisory_xact_lock";

/// Hours of an engagement, to be made less.
#[derive(Clone)]
struct Hours {
    channel: Arc<Channel>,
    request: pb::SetAssignmentRequest,
}

/// Times changes by one writer and by eight.
pub(super) async fn run() {
    let size = Size { pcns: 120, engagements: 4_000, months: 1 };
    let mut served = Served::start(&["workforce"], &[], size).await;
    for (writers, less) in [(1, 1), (8, 2)] {
        measure(&mut served, writers, less).await;
    }
}

/// What each engagement states is `less` minutes than the first time, so that each change is one.
async fn measure(served: &mut Served, writers: usize, less: i32) {
    let (copy, free) = (format!("bare_{writers}"), format!("free_{writers}"));
    served.copy(&[&copy, &free]).await;
    let hours = hours(served, less).await;
    let needed = CHANGES * ROUNDS;
    assert!(hours.len() >= 2 * needed, "{} engagements are too few", hours.len());
    let (recorded, timed) = hours.split_at(needed);

    let recorder = Recorder::start(&served.postgres).await;
    change(recorded, writers).await;
    let statements = recorder.stop(ANSWER).await;
    assert_eq!(statements.len(), needed, "the log has every change");
    let statements = ready(&served.bare(&copy), &statements).await;
    let free_of_turns: Vec<Ready> = statements.iter().map(|it| it.without(TURN)).collect();

    let mut bare = Bare::connect(&served.bare(&copy), writers).await;
    let mut without_turns = Bare::connect(&served.bare(&free), writers).await;
    let (mut sides, mut turns, mut commits) = (Sides::default(), Sides::default(), Vec::new());
    for round in 0..ROUNDS {
        let part = round * CHANGES..(round + 1) * CHANGES;
        let ours = change(&timed[part.clone()], writers).await;
        let (all, commit) = bare.run(&statements[part.clone()]).await;
        sides.keep(round, ours, all);
        commits.push(commit);
        let (free, _) = without_turns.run(&free_of_turns[part]).await;
        turns.keep(round, ours, free);
    }
    let count = statements[0].len();
    let commit = super::Times(commits).median();
    let (clients, rate) = (writers.to_string(), per_second(sides.bare()));
    println!(
        "writes: {clients} at a time: {}/s, {} of the same {count} statements in a bare loop of \
         sqlx ({rate}/s); the bar is 0.60; pgbench, tpcb-like, prepared, {}",
        per_second(sides.ours()),
        sides.reached(),
        pgbench(&served.postgres, writers).await,
    );
    let rest = sides.bare().saturating_sub(commit);
    if writers == 1 {
        println!(
            "  what limits it: of {}, {} are the commit, which waits for the disk, {} the other \
             statements, one after the other, and {} the call and what it decides",
            short(sides.ours()),
            short(commit),
            short(rest),
            short(sides.ours().saturating_sub(sides.bare())),
        );
    } else {
        println!(
            "  what limits it: writers take turns from before they read until they are on the \
             disk ({} for each, of which the commit {}); the bare loop without the turn of the \
             service reaches {}/s",
            short(sides.bare()),
            short(commit),
            per_second(turns.bare()),
        );
    }
}

/// Engagements with hours in one PCN that its manager keeps.
async fn hours(served: &Served, less: i32) -> Vec<Hours> {
    let mut found = Vec::new();
    for pcn in &served.pcns {
        let channel = Arc::new(served.workforce(&[&manager(pcn)]));
        for engagement in served.engagements(pcn).await {
            let [hours] = &engagement.assignments[..] else { continue };
            if engagement.owner != format!("organisations/{pcn}") || hours.weekly_minutes < 60 {
                continue;
            }
            let request = pb::SetAssignmentRequest {
                name: engagement.name.clone(),
                pcn: hours.pcn.clone(),
                start_date: hours.start_date,
                end_date: hours.end_date,
                weekly_minutes: Some(hours.weekly_minutes - less),
                contract_minutes: hours.contract_minutes,
                stage: hours.stage.clone(),
                band: hours.band.clone(),
                ..Default::default()
            };
            found.push(Hours { channel: Arc::clone(&channel), request });
        }
    }
    found
}

/// Changes hours by so many writers, each of which waits for the answer before it goes on; answers
/// how long each change took for whoever looks at all of them.
async fn change(hours: &[Hours], writers: usize) -> Duration {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for share in dealt(hours, writers) {
        tasks.spawn(async move {
            for Hours { channel, mut request } in share {
                request.request_id = Uuid::new_v4().to_string();
                let answer = channel
                    .unary::<_, pb::SetAssignmentResponse>(SET_ASSIGNMENT, Request::new(request));
                answer.await.expect("the manager may");
            }
        });
    }
    tasks.join_all().await;
    started.elapsed() / u32::try_from(hours.len()).expect("few")
}

/// What the server's own benchmark reaches with as many clients.
async fn pgbench(postgres: &Postgres, clients: usize) -> String {
    let name = format!("pgbench_{clients}");
    execute(postgres.url(), &[format!("CREATE DATABASE {name}")]).await;
    let (server, _) = postgres.url().rsplit_once('/').expect("the address has a database");
    let url = format!("{server}/{name}");
    let clients = clients.to_string();
    let run = |arguments: &[&str]| {
        let output = Command::new(program()).args(arguments).arg(&url).output();
        let output = output.expect("pgbench comes with PostgreSQL");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["--initialize", "--quiet", "--scale", "10"]);
    let told = run(&["--protocol", "prepared", "--time", "5", "--client", &clients, "--jobs", "2"]);
    let told: HashMap<_, _> = told.lines().filter_map(|line| line.split_once(" = ")).collect();
    let (rate, _) = told["tps"].split_once('.').expect("a rate has decimals");
    format!("{rate}/s")
}

/// Beside the server, which Debian keeps off the PATH.
fn program() -> String {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin/pgbench"));
    let newest = programs.filter(|program| program.exists()).max();
    newest.as_deref().and_then(Path::to_str).unwrap_or("pgbench").to_owned()
}
