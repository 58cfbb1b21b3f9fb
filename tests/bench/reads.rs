//! A unary read through gateway and service, beside two bare servers of which the inner runs the
//! same statements.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrs_proto::workforce::v1 as pb;
use arrs_tests::england::Size;
use futures::future::BoxFuture;
use kit::client::Channel;
use sqlx::PgConnection;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tonic::Request;

use super::echo::{Answer, ECHO, apart, two_hops};
use super::recording::{Ready, Recorder, connect, ready};
use super::served::{Served, manager};
use super::{ROUNDS, Sides, per_second, short};

const GET_ENGAGEMENT: &str = "/arrs.workforce.v1.EngagementService/GetEngagement";
/// How many calls there are in a round.
const CALLS: usize = 1_000;
/// As many connections as the service reads on.
const CONNECTIONS: usize = 4;
/// What of the read is in no other transaction of the service.
const READ: &str = "FROM \"engagement\"";

/// Times a read by one caller and by eight.
pub(super) async fn run() {
    let size = Size { pcns: 120, engagements: 4_000, months: 1 };
    // One caller may not make as many calls a second as this one does.
    let settings = [("ARRS__GATEWAY__PACE__CALLS_PER_SECOND", "0")];
    let served = Served::start(&["workforce", "gateway"], &settings, size).await;
    let pcn = served.pcns.first().expect("there are some").clone();
    let engagements = Arc::new(served.engagements(&pcn).await);

    let channel = served.cluster.channel(&[&manager(&pcn)]);
    let recorder = Recorder::start(&served.postgres).await;
    for engagement in engagements.iter() {
        read(&channel, GET_ENGAGEMENT, engagement).await;
    }
    let statements = recorder.stop(READ).await;
    assert_eq!(statements.len(), engagements.len(), "the log has every read");
    // What the service has set for its sessions that read, as far as it decides what they do.
    let reading = [
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "repeatable read"),
    ];
    let at = served.bare(&served.database()).options(reading);
    let statements = ready(&at, &statements).await;
    let count = statements[0].len();
    let runtime = apart();
    // Where they are made they are waited for.
    let connections = runtime.spawn(async move {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Mutex::new(connect(&at).await));
        }
        connections
    });
    let inner = Inner {
        engagements: Arc::clone(&engagements),
        statements,
        connections: connections.await.expect("PostgreSQL runs"),
        next: AtomicUsize::new(0),
        runtime,
    };
    let inner = Arc::new(inner);
    let echo = two_hops(runtime, answering(&inner)).await;

    for callers in [1, 8] {
        let (mut sides, mut statements) = (Sides::default(), Sides::default());
        for round in 0..ROUNDS {
            let ours = calls(&channel, GET_ENGAGEMENT, &engagements, callers).await;
            let bare = calls(&echo, ECHO, &engagements, callers).await;
            sides.keep(round, ours, bare);
            statements.keep(round, ours, inner.alone(callers).await);
        }
        println!(
            "reads: {callers} at a time: {}/s, {} of a two-hop echo whose inner server runs the \
             same {count} statements ({}/s); the bar is 0.50",
            per_second(sides.ours()),
            sides.reached(),
            per_second(sides.bare()),
        );
        println!(
            "  what limits it: of {}, {} are the statements, {} two bare hops, and {} the doors of \
             gateway and service and what they decide",
            short(sides.ours()),
            short(statements.bare()),
            short(sides.bare().saturating_sub(statements.bare())),
            short(sides.ours().saturating_sub(sides.bare())),
        );
    }
}

async fn read(channel: &Channel, path: &str, engagement: &pb::Engagement) -> pb::Engagement {
    let name = engagement.name.clone();
    let request = pb::GetEngagementRequest { name, known_at_date: None };
    channel.unary(path, Request::new(request)).await.expect("the manager may").into_inner()
}

/// Calls by so many callers, each of which waits for the answer before it goes on; answers how long
/// each took for whoever looks at all of them.
async fn calls(
    channel: &Channel,
    path: &'static str,
    engagements: &Arc<Vec<pb::Engagement>>,
    callers: usize,
) -> Duration {
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for caller in 0..callers {
        let (channel, engagements) = (channel.clone(), Arc::clone(engagements));
        tasks.spawn(async move {
            let turns = engagements.iter().cycle().skip(caller).step_by(callers);
            for engagement in turns.take(CALLS / callers) {
                let answer = read(&channel, path, engagement).await;
                assert_eq!(answer.name, engagement.name);
            }
        });
    }
    tasks.join_all().await;
    started.elapsed() / u32::try_from(CALLS).expect("few")
}

/// What the inner server has.
struct Inner {
    engagements: Arc<Vec<pb::Engagement>>,
    statements: Vec<Ready>,
    connections: Vec<Mutex<PgConnection>>,
    next: AtomicUsize,
    runtime: &'static Runtime,
}

impl Inner {
    /// The statements of one read, of whichever engagement is next.
    async fn statements(&self) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let mut connection = self.connections[next % self.connections.len()].lock().await;
        self.statements[next % self.statements.len()].run(&mut connection).await;
    }

    /// How long the statements take by themselves.
    async fn alone(self: &Arc<Inner>, callers: usize) -> Duration {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for _ in 0..callers {
            let inner = Arc::clone(self);
            let statements = async move {
                for _ in 0..CALLS / callers {
                    inner.statements().await;
                }
            };
            tasks.spawn_on(statements, self.runtime.handle());
        }
        tasks.join_all().await;
        started.elapsed() / u32::try_from(CALLS).expect("few")
    }
}

fn answering(inner: &Arc<Inner>) -> Answer<pb::GetEngagementRequest, pb::Engagement> {
    let inner = Arc::clone(inner);
    Arc::new(move |question| -> BoxFuture<'static, pb::Engagement> {
        let inner = Arc::clone(&inner);
        Box::pin(async move {
            inner.statements().await;
            let asked = inner.engagements.iter().find(|known| known.name == question.name);
            asked.expect("it is one of them").clone()
        })
    })
}
