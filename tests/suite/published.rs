//! Facts on the broker: in order, none lost, and never in anybody's way.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use arrs_proto::admin::v1::{RepublishFactsRequest, RepublishFactsResponse};
use arrs_proto::event::v1::Fact;
use arrs_tests::cluster::{self, Cluster, Engine};
use arrs_tests::nats::Nats;
use arrs_tests::postgres::Postgres;
use arrs_tests::source::Source;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use kit::client::Channel;
use kit::error::ErrorReason;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::demo_set::{
    self, OPERATOR, PRODUCERS, bring_in, denied, invalid, positions, refused, take,
};

/// Each service's.
const REPUBLISH: [&str; 3] = [
    "/arrs.workforce.v1.FactService/RepublishFacts",
    "/arrs.finance.v1.FactService/RepublishFacts",
    "/arrs.supervision.v1.FactService/RepublishFacts",
];
/// The longest wait for a fact on the broker.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn settings(nats: &Nats) -> [(&'static str, String); 1] {
    [("ARRS__KIT__NATS__URL", nats.url())]
}

async fn cluster(nats: &Nats) -> Cluster {
    let settings = settings(nats);
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    Cluster::with(&settings).await
}

/// A message of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    subject: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn position(&self) -> i64 {
        self.header("ce-sequence").parse().unwrap()
    }
}

/// Everything that a service's stream has once it has as many messages as asked for.
pub(crate) async fn published(nats: &Nats, service: &str, count: i64) -> Vec<Message> {
    let started = Instant::now();
    loop {
        let found = stream(nats, service).await.unwrap_or_default();
        if i64::try_from(found.len()).unwrap() >= count {
            return found;
        }
        let have = found.len();
        assert!(started.elapsed() < PATIENCE, "{service} published {have} of {count}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that a service's stream has; none if there is no stream or no broker.
async fn stream(nats: &Nats, service: &str) -> Option<Vec<Message>> {
    let client = async_nats::connect(nats.url()).await.ok()?;
    let context = jetstream::new(client);
    let name = format!("ARRS_{}", service.to_uppercase());
    let mut stream = context.get_stream(name).await.ok()?;
    let count = usize::try_from(stream.info().await.ok()?.state.messages).unwrap();
    let config = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.ok()?;
    let messages = consumer.messages().await.ok()?.take(count);
    let messages = messages.map(|message| {
        let message = message.unwrap().message;
        let headers = message.headers.unwrap_or_default();
        let value = |values: &Vec<async_nats::HeaderValue>| values[0].as_str().to_owned();
        Message {
            subject: message.subject.to_string(),
            headers: headers.iter().map(|(name, all)| (name.to_string(), value(all))).collect(),
            body: message.payload.to_vec(),
        }
    });
    tokio::time::timeout(PATIENCE, messages.collect()).await.ok()
}

/// Waits until a service's stream has so many messages, and answers how many it has.
async fn grown(nats: &Nats, service: &str, count: i64) -> i64 {
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let mut stream = context.get_stream(format!("ARRS_{}", service.to_uppercase())).await.unwrap();
    let started = Instant::now();
    loop {
        let found = stream.info().await.unwrap().state.messages.try_into().unwrap();
        if found >= count {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{service} published {found} of {count}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What was published is what was told, in its order.
pub(crate) fn check(facts: &[Fact], messages: &[Message]) {
    assert_eq!(contents(messages), contents_of_facts(facts));
}

/// Position, identifier and body of each.
type Contents<'a> = Vec<(i64, &'a str, &'a [u8])>;

fn contents(messages: &[Message]) -> Contents<'_> {
    messages
        .iter()
        .map(|message| (message.position(), message.header("ce-id"), &message.body[..]))
        .collect()
}

fn contents_of_facts(facts: &[Fact]) -> Contents<'_> {
    facts.iter().map(|fact| (fact.position, fact.id.as_str(), &fact.body[..])).collect()
}

pub(crate) async fn told(channel: &Channel, service: &str) -> Vec<Fact> {
    demo_set::facts(channel, service, 0).await.facts
}

async fn republish(
    channel: &Channel,
    path: &str,
    request: RepublishFactsRequest,
) -> Result<RepublishFactsResponse, Status> {
    channel.unary(path, Request::new(request)).await.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_published_in_order_as_cloud_events() {
    published_in_order(&Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_published_from_postgresql_as_from_sqlite() {
    published_in_order(&Engine::Postgres(Postgres::shared())).await;
}

async fn published_in_order(engine: &Engine) {
    let nats = Nats::start();
    let settings = settings(&nats);
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut cluster = Cluster::idle_on(engine, &settings).await;
    cluster.start("all").await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    for (service, newest) in PRODUCERS.into_iter().zip(positions(&channel).await) {
        let messages = published(&nats, service, newest).await;
        let facts = told(&channel, service).await;
        check(&facts, &messages);
        for (message, fact) in messages.iter().zip(&facts) {
            assert_eq!(message.header("Nats-Msg-Id"), fact.id);
            assert_eq!(message.header("ce-specversion"), "1.0");
            assert_eq!(message.header("ce-type"), fact.r#type);
            assert_eq!(message.header("ce-subject"), fact.subject);
            assert_eq!(message.header("ce-source"), format!("//{service}.arrs"));
            assert!(message.subject.starts_with(&format!("arrs.v1.{service}.")));
            assert!(!message.subject.contains("U09081"), "{}", message.subject);
        }
    }
}

/// EVT-1, outward: who publishes and who takes it are killed in the middle of it, in turn.
#[tokio::test(flavor = "multi_thread")]
async fn evt_1_every_fact_is_published_once_and_in_order_whoever_dies_meanwhile() {
    const ROUNDS: i64 = 6;
    const FACTS: i64 = 1_500;
    let mut source = Source::new(1, 0);
    let mut nats = Nats::start();
    let mut cluster = cluster(&nats).await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let start = positions(&channel).await[0];
    let mut broken_off = 0;

    for round in 0..ROUNDS {
        let before = start + round * FACTS;
        published(&nats, "workforce", before).await;
        let file = lists(FACTS, 100_000 * (1 + round));
        let wanted = before + source.between(1, FACTS / 2);
        let bringing = cluster::import(&channel, "lists", file.as_bytes(), None);
        let (brought, reached) = tokio::join!(
            async {
                // The process may be killed before it can say that it is done.
                bringing.await.ok()
            },
            async {
                let reached = grown(&nats, "workforce", wanted).await;
                match round % 2 {
                    0 => cluster.kill("all"),
                    _ => nats.kill(),
                }
                reached
            }
        );
        broken_off += usize::from(reached < before + FACTS);
        println!("{round}: killed at {reached} of {}, {:?}", before + FACTS, brought.is_some());
        match round % 2 {
            0 => cluster.start("all").await,
            _ => nats.restart(),
        }
    }

    let newest = positions(&channel).await[0];
    assert_eq!(newest, start + ROUNDS * FACTS);
    assert!(broken_off > 0, "nobody was killed in the middle of anything");
    let messages = published(&nats, "workforce", newest).await;
    check(&told(&channel, "workforce").await, &messages);
}

/// What [`evt_1_every_fact_is_published_once_and_in_order_whoever_dies_meanwhile`] is for: one who
/// publishes by its own mark alone, and is killed before it moves that.
#[tokio::test(flavor = "multi_thread")]
async fn evt_1_a_relay_that_goes_by_its_own_mark_publishes_twice_and_is_noticed() {
    let nats = Nats::start();
    let cluster = cluster(&nats).await;
    bring_in(&cluster).await;
    let facts = told(&cluster.channel(&[OPERATOR]), "workforce").await;
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let config = jetstream::stream::Config {
        name: "ARRS_NAIVE".to_owned(),
        subjects: vec!["arrs.v1.naive.>".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    let (sent, mark) = (20, 10);

    for fact in facts[..sent].iter().chain(&facts[mark..]) {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("ce-id", fact.id.as_str());
        headers.insert("ce-sequence", fact.position.to_string());
        let body = fact.body.clone().into();
        let sent = context.publish_with_headers("arrs.v1.naive.fact", headers, body).await;
        sent.unwrap().await.unwrap();
    }

    let messages = stream(&nats, "naive").await.unwrap();
    assert_eq!(messages.len(), facts.len() + sent - mark);
    assert_ne!(contents(&messages), contents_of_facts(&facts));
}

/// A file of so many list sizes, none smaller than a number, and different for each number.
fn lists(count: i64, least: i64) -> String {
    let mut lists = "code,date,registered,weighted\n".to_owned();
    for number in 0..count {
        let (year, day) = (1 + number / 28, 1 + number % 28);
        let (year, month) = (2013 + year / 12, 1 + year % 12);
        lists.push_str(&format!("U09081,{year}-{month:02}-{day:02},{},{}\n", least + number, 1));
    }
    lists
}

/// EVT-5: the store is wiped while facts are on their way, and everything is there again.
#[tokio::test(flavor = "multi_thread")]
async fn evt_5_a_broker_that_lost_its_store_gets_every_fact_again() {
    const LISTS: i64 = 2_400;
    let mut nats = Nats::start();
    let cluster = cluster(&nats).await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let before = positions(&channel).await[0];
    published(&nats, "workforce", before).await;

    take(&cluster, "lists", &lists(LISTS, 40_000), None).await;
    nats.kill();
    nats.wipe();
    nats.restart();

    let newest = positions(&channel).await[0];
    assert!(newest >= before + 2_000, "{newest}");
    let started = Instant::now();
    let messages = published(&nats, "workforce", newest).await;
    check(&told(&channel, "workforce").await, &messages);
    assert!(started.elapsed() < PATIENCE);

    // Wiped while there is nothing new to tell: it is found out all the same.
    nats.kill();
    nats.wipe();
    nats.restart();
    let messages = published(&nats, "workforce", newest).await;
    check(&told(&channel, "workforce").await, &messages);
}

/// OUT-1, of the broker: it is down, and nobody who writes notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_down_is_in_nobodys_way_and_gets_everything_later() {
    let mut nats = Nats::start();
    nats.kill();
    let mut cluster = cluster(&nats).await;

    bring_in(&cluster).await;
    cluster.kill("all");
    cluster.start("all").await;
    nats.restart();

    let channel = cluster.channel(&[OPERATOR]);
    for (service, newest) in PRODUCERS.into_iter().zip(positions(&channel).await) {
        let messages = published(&nats, service, newest).await;
        check(&told(&channel, service).await, &messages);
    }
    let log = cluster.log("all");
    let waits = log.matches("facts of workforce wait in the outbox").count();
    assert!((1..=2).contains(&waits), "once a process: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_jetstream_is_named_and_in_nobodys_way() {
    let nats = Nats::without_jetstream();
    let cluster = cluster(&nats).await;

    bring_in(&cluster).await;

    let started = Instant::now();
    while !cluster.log("all").contains("it has no JetStream") {
        assert!(started.elapsed() < PATIENCE, "{}", cluster.log("all"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_published_again_on_demand() {
    let mut nats = Nats::start();
    let mut cluster = Cluster::idle(&[
        ("ARRS__KIT__NATS__URL", nats.url().as_str()),
        // The broker drops what it had a moment ago; here it is to forget that.
        ("ARRS__KIT__NATS__DUPLICATE_WINDOW_SECONDS", "1"),
    ])
    .await;
    cluster.start("all").await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);
    let newest = positions(&channel).await[0];
    published(&nats, "workforce", newest).await;
    // Only after a restart does it forget for certain what it had a second ago.
    nats.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    nats.restart();

    let again = cluster.run(&["facts", "republish", "workforce", "--after", "3"]);

    let told_again = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(
        told_again,
        format!(
            "{} facts of workforce will be published again; they keep their ids, so the broker \
             drops those that it had within its duplicate window\n",
            newest - 3
        )
    );
    let messages = published(&nats, "workforce", 2 * newest - 3).await;
    let facts = told(&channel, "workforce").await;
    check(&[&facts[..], &facts[3..]].concat(), &messages);
    // What comes after goes on where it was.
    take(&cluster, "lists", "code,date,registered,weighted\nU09081,2014-01-01,1,1\n", None).await;
    let later = positions(&channel).await[0];
    let messages = published(&nats, "workforce", later + newest - 3).await;
    assert_eq!(messages.last().unwrap().position(), later);
}

#[tokio::test(flavor = "multi_thread")]
async fn idm_1_a_repeated_republish_answers_as_the_first_and_publishes_nothing_more() {
    let nats = Nats::start();
    let cluster = Cluster::with(&[("ARRS__KIT__NATS__URL", nats.url().as_str())]).await;
    bring_in(&cluster).await;
    let channel = cluster.channel(&[OPERATOR]);

    for ((path, service), newest) in
        REPUBLISH.into_iter().zip(PRODUCERS).zip(positions(&channel).await)
    {
        published(&nats, service, newest).await;
        let request = RepublishFactsRequest { after: 0, request_id: Uuid::new_v4().to_string() };
        let first = republish(&channel, path, request.clone()).await.unwrap();
        assert_eq!(first.fact_count, newest, "{path}");

        assert_eq!(republish(&channel, path, request.clone()).await.unwrap(), first, "{path}");

        let other = RepublishFactsRequest { after: 1, ..request };
        let reused = republish(&channel, path, other).await;
        refused(reused, Code::InvalidArgument, ErrorReason::RequestIdReused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_operator_of_all_england_publishes_again_and_only_to_a_broker() {
    let cluster = Cluster::one().await;
    bring_in(&cluster).await;

    for path in REPUBLISH {
        for grant in ["pcn-manager@pcn:U09081", "operator@icb:QT6", "auditor@england"] {
            let channel = cluster.channel(&[grant]);
            denied(republish(&channel, path, RepublishFactsRequest::default()).await);
        }
        let operator = cluster.channel(&[OPERATOR]);
        let wrong = RepublishFactsRequest { after: -1, request_id: "no UUID".to_owned() };
        invalid(republish(&operator, path, wrong).await, &["after", "request_id"]);
        let beyond = RepublishFactsRequest { after: 1_000_000, ..Default::default() };
        invalid(republish(&operator, path, beyond).await, &["after"]);
        let none = republish(&operator, path, RepublishFactsRequest::default()).await;
        refused(none, Code::FailedPrecondition, ErrorReason::BrokerNotConfigured);
    }
}
