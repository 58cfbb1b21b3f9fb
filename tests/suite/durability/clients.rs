//! Clients that write without end, and write down what they were told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrs_proto::admin::v1::{Import, ImportState};
use arrs_tests::cluster::{header, upload};
use arrs_tests::journal::{Call, History, Intent, Journal};
use arrs_tests::source::Source;
use futures::StreamExt;
use kit::client::Channel;
use kit::error::{ErrorReason, reason_of};
use prost::Message;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use uuid::Uuid;

use super::changes::{self, Subject};
use super::found;
use crate::demo_set::{PAY, SESSIONS, STAFF, positions, settle};

/// How many write at once.
const CLIENTS: usize = 16;
/// How many kinds of writers there are.
const KINDS: usize = 4;
/// The longest that one waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest pause of one between two writes, so that the answers stay small enough to compare.
const PAUSE_MS: i64 = 300;
/// How often of ten thousand times a client that got no answer goes home.
const GIVES_UP: usize = 1_000;
/// How often a request is repeated until it has an answer.
const REPEATS: usize = 100;
/// How many requests are repeated at once.
const REPEATED_AT_ONCE: usize = 8;
/// The PCNs of the demonstration set.
const PCNS: [&str; 4] = ["U09081", "U31970", "U60113", "U62043"];

/// How often calls failed, by code and reason.
pub(crate) type Failures = BTreeMap<String, usize>;

/// The clients, while they write.
pub(crate) struct Clients {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Failures>,
}

impl Clients {
    /// Lets them write.
    pub(crate) async fn start(channel: &Channel, journal: &Path, seed: u64) -> Clients {
        let (stop, stopped) = watch::channel(false);
        let journal = Arc::new(Journal::create(journal));
        write(channel, &journal, &changes::engagements(CLIENTS / KINDS)).await;
        let mut subjects = changes::subjects(channel).await;
        // Pay and sessions are changed where who works has been heard of.
        let [workforce, ..] = positions(channel).await;
        settle(channel, &format!("workforce={workforce}")).await;
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let changes = number % KINDS == 3;
            let client = Client {
                number,
                subject: if changes { subjects.pop() } else { None },
                channel: channel.clone(),
                journal: Arc::clone(&journal),
                source: Source::new(seed, 1 + number as u64),
                failures: Failures::new(),
            };
            tasks.spawn(client.write_on(stopped.clone()));
        }
        Clients { stop, tasks }
    }

    /// Lets each end what it is at, and answers how often calls failed.
    pub(crate) async fn stop(self) -> Failures {
        self.stop.send_replace(true);
        let mut failures = Failures::new();
        for of_client in self.tasks.join_all().await {
            for (failure, count) in of_client {
                *failures.entry(failure).or_default() += count;
            }
        }
        failures
    }
}

struct Client {
    number: usize,
    /// What it changes, if it is one that changes an engagement.
    subject: Option<Subject>,
    channel: Channel,
    journal: Arc<Journal>,
    source: Source,
    failures: Failures,
}

impl Client {
    async fn write_on(mut self, stopped: watch::Receiver<bool>) -> Failures {
        for round in 0.. {
            let number = self.number + CLIENTS * round;
            let intent = match (&self.subject, self.number % KINDS) {
                (Some(subject), _) => subject.change(round),
                (None, 0) => staff(number),
                (None, 1) => pay(number),
                (None, _) => sessions(number),
            };
            let answer = self.insist(&intent, &stopped).await;
            if let (Some(subject), Some(answer)) = (&mut self.subject, answer) {
                subject.changed(&intent.call, &answer);
            }
            if *stopped.borrow() {
                break;
            }
            self.pause().await;
        }
        self.failures
    }

    /// Sends a request until it is answered or the client goes home.
    async fn insist(
        &mut self,
        intent: &Intent,
        stopped: &watch::Receiver<bool>,
    ) -> Option<Vec<u8>> {
        self.journal.intend(intent);
        loop {
            let status = match send(&self.channel, &self.journal, intent).await {
                Ok(answer) => return Some(answer),
                Err(status) => status,
            };
            let failure = match reason_of(&status) {
                Some(reason) => format!("{:?} {}", status.code(), reason.as_str_name()),
                None => format!("{:?} {}", status.code(), status.message()),
            };
            assert!(is_in_doubt(&status), "{failure}: {status:?}");
            *self.failures.entry(failure).or_default() += 1;
            // The next change of an engagement rests on this one.
            let gives_up = self.subject.is_none() && self.source.chance(GIVES_UP);
            if *stopped.borrow() || gives_up {
                return None;
            }
            self.pause().await;
        }
    }

    async fn pause(&mut self) {
        let pause = self.source.between(0, PAUSE_MS).unsigned_abs();
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Whether a failure leaves open what became of the request, or says to come again. One without a
/// reason of ours is a connection that broke.
pub(super) fn is_in_doubt(status: &Status) -> bool {
    match reason_of(status) {
        // Nobody else changes what ours do: our own change was done twice.
        Some(ErrorReason::EtagMismatch) => false,
        Some(_) => matches!(
            status.code(),
            Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted
        ),
        None => true,
    }
}

/// Repeats what is in doubt until it is answered, then everything, which must do nothing more.
/// Answers the positions of the services.
pub(crate) async fn end_doubts(channel: &Channel, path: &Path) -> [i64; 3] {
    let journal = Journal::create(path);
    let (history, _) = History::read(path);
    repeat(channel, &journal, history.in_doubt()).await;
    let told = positions(channel).await;

    let (history, _) = History::read(path);
    repeat(channel, &journal, history.acknowledged()).await;
    assert_eq!(positions(channel).await, told, "a repeat of what is done does nothing");
    told
}

async fn repeat(channel: &Channel, journal: &Journal, intents: impl Iterator<Item = &Intent>) {
    let answered = |intent| write(channel, journal, intent);
    futures::stream::iter(intents.map(answered))
        .buffer_unordered(REPEATED_AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

/// Sends a request until it is answered.
pub(crate) async fn write(channel: &Channel, journal: &Journal, intent: &Intent) {
    journal.intend(intent);
    for _ in 0..REPEATS {
        match send(channel, journal, intent).await {
            Ok(_) => return,
            Err(status) => assert!(is_in_doubt(&status), "{status:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} is not answered", intent.request_id);
}

/// Sends a request once, and answers what came back.
pub(super) async fn send(
    channel: &Channel,
    journal: &Journal,
    intent: &Intent,
) -> Result<Vec<u8>, Status> {
    let sending = async {
        match &intent.call {
            Call::Import { kind, text } => bring_in(channel, intent.request_id, kind, text).await,
            Call::Change { path, request } => changes::send(channel, path, request).await,
        }
    };
    let answer = tokio::time::timeout(PATIENCE, sending).await;
    let answer = answer.map_err(|_| Status::deadline_exceeded("the client went home"))??;
    journal.acknowledge(intent.request_id, &answer);
    Ok(answer)
}

async fn bring_in(
    channel: &Channel,
    request_id: Uuid,
    kind: &str,
    text: &str,
) -> Result<Vec<u8>, Status> {
    let mut header = header(kind, text.as_bytes(), None);
    header.request_id = request_id.to_string();
    let import: Import = upload(channel, header, text.as_bytes()).await?.into_inner();
    assert_eq!(import.state(), ImportState::Done, "{import:?}");
    Ok(import.encode_to_vec())
}

/// Two people who begin to work in a PCN.
pub(crate) fn staff(number: usize) -> Intent {
    let rows = [0, 1].map(|row| format!("dur-{number}-{row}"));
    let pcn = PCNS[number % PCNS.len()];
    let first = changes::HOURS.0;
    let lines = rows.each_ref().map(|reference| staff_line(reference, pcn, &format!("{first},")));
    let hours = |row: &String| found::hours(row, first, None);
    let effects = rows.iter().flat_map(|row| [format!("engagement {row}"), hours(row)]);
    staff_file(&lines, effects.collect())
}

/// A line of a file of people, with the first and the last day.
pub(super) fn staff_line(reference: &str, pcn: &str, days: &str) -> String {
    format!(
        "{reference},{reference},Demo-Durable,Invented,CC,,4,DEMOCOM01,PCN_DIRECT,{pcn},15,,{days},\
         ,,,,"
    )
}

/// The request for people of these lines.
pub(super) fn staff_file(lines: &[String], effects: Vec<String>) -> Intent {
    import("staff", STAFF, lines, effects)
}

/// Pay of one engagement in three months, in the place of what was known before. Its amounts tell
/// it from all others.
pub(crate) fn pay(number: usize) -> Intent {
    let months = ["2025-07", "2025-08", "2025-09"];
    let pence = 1_000_000 + number;
    let (pounds, rest) = (pence / 100, pence % 100);
    let lines = months.map(|month| format!("demo-e-001,{month},{pounds}.{rest:02},0.00,0.00,,"));
    let effects = months.map(|month| format!("pay {month} {pence}"));
    import("pay", PAY, &lines, effects.to_vec())
}

/// Three sessions of one person. Day and length tell them from all others.
pub(crate) fn sessions(number: usize) -> Intent {
    let rows = [0, 1, 2].map(|row| 3 * number + row);
    let days = rows.map(|row| {
        let (day, minutes) = (row / 1_000, 1 + row % 1_000);
        (format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28), minutes)
    });
    let lines = [0, 1, 2].map(|row| {
        let (day, minutes) = &days[row];
        format!("dur-{},demo-p-001,demo-s-01,clinical,{day},{minutes},U09081", rows[row])
    });
    let effects = days.iter().map(|(day, minutes)| format!("session {day} {minutes}"));
    import("sessions", SESSIONS, &lines, effects.collect())
}

fn import(kind: &str, example: &str, lines: &[String], effects: Vec<String>) -> Intent {
    let header = example.lines().next().expect("a header");
    let text = format!("{header}\n{}\n", lines.join("\n"));
    let call = Call::Import { kind: kind.to_owned(), text };
    Intent { request_id: Uuid::new_v4(), call, effects }
}
