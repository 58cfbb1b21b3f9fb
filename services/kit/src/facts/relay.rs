//! The relay: one process publishes the facts of a service on NATS JetStream, in their order.
//!
//! The outbox is the record and the broker can be rebuilt from it. Where to go on is read from the
//! last message that the stream itself has: one that lost its store gets everything again.

mod position;

use std::time::Duration;

use arrs_proto::admin::v1 as pb;
use arrs_proto::event::v1::Fact;
use async_nats::header::{NATS_EXPECTED_LAST_SEQUENCE, NATS_EXPECTED_STREAM};
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, State, StorageType, Stream,
};
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions};
use futures::future::BoxFuture;
use terms::Instant;
use tokio::time::sleep;

use self::position::Published;
use super::{cloud_event, outbox};
use crate::answers::Asked;
use crate::audit::{self, Entry, Outcome};
use crate::config;
use crate::db::{Database, Read};
use crate::error::{Error, ErrorReason, chain};
use crate::identity::{Caller, Scope};
use crate::lease::{self, Held};
use crate::names::Fields;
use crate::telemetry;

/// The lease of the one process that publishes.
const LEASE: &str = "relay";
/// How long it lasts: so long at most nothing is published after a process was killed.
const TTL: Duration = Duration::from_secs(6);
/// Facts on their way at once, before the first of them is acknowledged.
const BATCH: u64 = 256;
/// How often the stream is looked at while there is nothing to publish: it may have been lost.
const LOOK: Duration = Duration::from_secs(2);
/// How often the length of the outbox is measured.
const MEASURE: Duration = Duration::from_secs(10);
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first and the longest pause before a broker is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Publishes the facts of one service.
#[derive(Clone, Debug)]
pub struct Relay {
    service: &'static str,
    database: Database,
    settings: config::Nats,
}

/// Why publishing stopped for now.
enum Trouble {
    /// The broker does not answer or does not take what it is given.
    Broker(String),
    /// The stream is not as it was left: whoever comes next looks at it anew.
    Moved,
    /// The outbox cannot be read.
    Database(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Database(error)
    }
}

/// Words of the client library, whose causes say what happened.
fn broker(error: impl std::error::Error) -> Trouble {
    Trouble::Broker(chain(&error))
}

/// Where a session has come to.
struct Place {
    /// The last fact that the stream has.
    position: i64,
    /// The sequence of the last message of the stream.
    sequence: u64,
}

impl Relay {
    /// The relay of `service`; one without an address publishes nothing.
    pub fn new(service: &'static str, database: &Database, settings: &config::Nats) -> Relay {
        Relay { service, database: database.clone(), settings: settings.clone() }
    }

    /// What publishes for as long as the service runs; none without an address.
    pub fn task(&self) -> Option<BoxFuture<'static, ()>> {
        if self.settings.url.is_empty() {
            return None;
        }
        let relay = self.clone();
        Some(Box::pin(async move {
            let database = relay.database.clone();
            let body = |held| relay.clone().publish(held);
            lease::hold(database, LEASE, TTL, body).await;
        }))
    }

    /// Asks for facts to be published again, for subscribers that lost them.
    pub async fn republish(
        &self,
        caller: &Caller,
        request: pb::RepublishFactsRequest,
    ) -> Result<pb::RepublishFactsResponse, Error> {
        let words = pb::RepublishFactsRequest { request_id: String::new(), ..request.clone() };
        let pb::RepublishFactsRequest { after, request_id } = request;
        let mut fields = Fields::new();
        if after < 0 {
            fields.violation("after", "must not be negative");
        }
        let request_id = fields.request_id(&request_id);
        fields.finish()?;
        let asked = Asked::message(request_id, &words);
        let write = self.database.write().await?;
        caller.enter_england(&*write, self.database.clock(), self.service).await?;
        if let Some(answer) = asked.before(&write, caller, None).await? {
            return answer.message();
        }
        let newest = outbox::position(&*write).await?;
        if after > newest {
            return Err(Error::invalid("after", format!("must be at most {newest}, the newest")));
        }
        if self.settings.url.is_empty() {
            let message = format!("{} publishes to no broker: kit.nats.url is empty", self.service);
            return Err(Error::refused(ErrorReason::BrokerNotConfigured, message, []));
        }
        let published = position::get(&*write).await?;
        let fact_count = (published.position - after).max(0);
        if fact_count > 0 {
            let again_after = Some(published.again_after.map_or(after, |asked| asked.min(after)));
            position::set(&*write, Published { again_after, ..published }).await?;
        }
        let detail = format!("{fact_count} facts after {after} are published again");
        let entry = Entry::new(caller, Outcome::Done, self.service).saying(detail);
        audit::append(&*write, self.database.clock(), [entry]).await?;
        let answer = pb::RepublishFactsResponse { fact_count };
        asked.finish(write, caller, None, answer).await?.message()
    }

    /// Publishes until the lease is lost, whatever becomes of the broker.
    async fn publish(self, held: Held) -> Result<(), Error> {
        tokio::select! {
            () = held.lost() => Ok(()),
            never = self.sessions(&held) => match never {},
            never = self.measure() => match never {},
        }
    }

    async fn sessions(&self, held: &Held) -> std::convert::Infallible {
        let service = self.service;
        let mut told = false;
        let mut pause = PAUSE.0;
        loop {
            let mut welcome = false;
            let trouble = match self.session(held, &mut told, &mut welcome).await {
                Ok(never) => match never {},
                Err(trouble) => trouble,
            };
            pause = if welcome { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
            match trouble {
                Trouble::Moved => {
                    tracing::warn!(service, "the stream of {service} was changed by somebody else");
                }
                Trouble::Database(error) => {
                    let why = chain(&error);
                    tracing::error!(service, "the outbox of {service} cannot be read: {why}");
                }
                // Once is enough: the gauges say for how long.
                Trouble::Broker(why) if told => {
                    tracing::debug!(service, "facts of {service} still wait for the broker: {why}");
                }
                Trouble::Broker(why) => {
                    told = true;
                    tracing::warn!(
                        service,
                        "facts of {service} wait in the outbox, since the broker does not take \
                         them: {why}"
                    );
                }
            }
            sleep(pause).await;
        }
    }

    /// Publishes over one connection until something is wrong with it.
    async fn session(
        &self,
        held: &Held,
        told: &mut bool,
        welcome: &mut bool,
    ) -> Result<std::convert::Infallible, Trouble> {
        let service = self.service;
        let mut committed = self.database.positions();
        let client = self.connect().await?;
        let context = jetstream::context::ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .build(client);
        let stream = self.stream(&context).await?;
        let mut place = self.place(&stream).await?;
        *welcome = true;
        let position = place.position;
        if std::mem::take(told) {
            tracing::info!(service, "the broker takes facts of {service} again, after {position}");
        } else {
            tracing::info!(service, "facts of {service} are published after {position}");
        }
        loop {
            committed.borrow_and_update();
            let read = self.read().await?;
            let published = position::get(&*read).await?;
            let again = published.again_after.filter(|after| *after < place.position);
            let after = again.unwrap_or(place.position);
            let mut facts: Vec<Fact> = outbox::after(&*read, after, BATCH)
                .await?
                .into_iter()
                .map(|told| told.fact)
                .collect();
            drop(read);
            if again.is_some() {
                facts.retain(|fact| fact.position <= place.position);
            }
            if facts.is_empty() {
                tokio::select! {
                    _ = committed.changed() => {}
                    () = sleep(LOOK) => {
                        let state = stream.get_info().await.map_err(broker)?.state;
                        if state.last_sequence != place.sequence {
                            return Err(Trouble::Moved);
                        }
                    }
                }
                continue;
            }
            // Each must come right after the one before it, so that a fact that is not taken holds
            // up those behind it, and a process that lost the lease cannot put its own between.
            // Those that are published again may be dropped as known: then there is no next.
            let expected = again.is_none().then_some(place.sequence);
            let (reached, outcome) = self.send(&context, &facts, expected).await;
            if let Some((position, sequence)) = reached {
                place.sequence = place.sequence.max(sequence);
                place.position = place.position.max(position);
                let again_after =
                    again.map(|_| position).filter(|position| *position < place.position);
                let write = self.database.write().await?;
                held.fence(&*write).await?;
                position::reach(&*write, place.position, again, again_after).await?;
                write.commit().await?;
            }
            outcome?;
        }
    }

    /// Sends facts and waits for their acknowledgements in order; answers the position and
    /// sequence of the last that was acknowledged before any that was not.
    async fn send(
        &self,
        context: &Context,
        facts: &[Fact],
        expected: Option<u64>,
    ) -> (Option<(i64, u64)>, Result<(), Trouble>) {
        let mut sent = Vec::with_capacity(facts.len());
        let mut outcome = Ok(());
        for (fact, ahead) in facts.iter().zip(0..) {
            let mut headers = cloud_event::headers(self.service, fact);
            headers.insert(NATS_EXPECTED_STREAM, stream_name(self.service));
            if let Some(expected) = expected {
                headers.insert(NATS_EXPECTED_LAST_SEQUENCE, (expected + ahead).to_string());
            }
            let subject = cloud_event::subject(self.service, &fact.r#type);
            let body = fact.body.clone().into();
            match context.publish_with_headers(subject, headers, body).await {
                Ok(acknowledgement) => sent.push((fact.position, acknowledgement)),
                Err(error) => {
                    outcome = Err(broker(error));
                    break;
                }
            }
        }
        let mut reached = None;
        let mut newest = 0;
        for (position, acknowledgement) in sent {
            match acknowledgement.await {
                Ok(acknowledged) => {
                    // What was dropped as known has the sequence that it got then.
                    newest = acknowledged.sequence.max(newest);
                    reached = Some((position, newest));
                }
                Err(error) => return (reached, Err(broker(error))),
            }
        }
        (reached, outcome)
    }

    async fn connect(&self) -> Result<Client, Trouble> {
        let config::Nats { user, password, credentials_file, tls, .. } = &self.settings;
        let mut options = ConnectOptions::new()
            .name(format!("arrs-{}", self.service))
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE));
        if !credentials_file.is_empty() {
            options = options.credentials_file(credentials_file).await.map_err(|error| {
                Trouble::Broker(format!("kit.nats.credentials_file cannot be used: {error}"))
            })?;
        } else if !user.is_empty() {
            let password = password.expose().to_owned();
            options = options.user_and_password(user.clone(), password);
        }
        if !tls.ca_file.is_empty() {
            options = options.add_root_certificates(tls.ca_file.clone().into());
        }
        if !tls.certificate_file.is_empty() {
            let certificate = tls.certificate_file.clone().into();
            options = options.add_client_certificate(certificate, tls.key_file.clone().into());
        }
        let servers: Vec<&str> = self.settings.url.servers().collect();
        options.connect(servers).await.map_err(broker)
    }

    /// The stream of the service, made if there is none. One that is there stays as it is.
    async fn stream(&self, context: &Context) -> Result<Stream, Trouble> {
        let service = self.service;
        let days = u64::from(self.settings.keep_days);
        let config = Config {
            name: stream_name(service),
            description: Some(format!("Facts of {service}, kept for ever in its outbox")),
            subjects: vec![format!("arrs.v1.{service}.>")],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            // A full stream keeps what nobody has read yet; the outbox can wait.
            discard: DiscardPolicy::New,
            max_bytes: -1,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            max_age: Duration::from_secs(days * 24 * 60 * 60),
            num_replicas: self.settings.replicas.into(),
            duplicate_window: Duration::from_secs(self.settings.duplicate_window_seconds.into()),
            deny_delete: true,
            deny_purge: true,
            ..Config::default()
        };
        context.get_or_create_stream(config).await.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStreamUnavailable => Trouble::Broker(
                "it has no JetStream (start nats-server with --jetstream)".to_owned(),
            ),
            _ => broker(error),
        })
    }

    /// Where the stream is, by its own last message.
    async fn place(&self, stream: &Stream) -> Result<Place, Trouble> {
        let service = self.service;
        let state: State = stream.get_info().await.map_err(broker)?.state;
        let sequence = state.last_sequence;
        let read = self.read().await?;
        let published = position::get(&*read).await?;
        if sequence == 0 {
            if published.position > 0 {
                tracing::warn!(
                    service,
                    "the broker has lost the facts of {service}; all are published again"
                );
            }
            return Ok(Place { position: 0, sequence });
        }
        // Published again in part: what the stream has last is not the newest it had.
        let stored = Place { position: published.position, sequence };
        if published.again_after.is_some() {
            return Ok(stored);
        }
        let all = format!("arrs.v1.{service}.>");
        let last = match stream.get_last_raw_message_by_subject(&all).await {
            Ok(last) => last,
            // Everything has grown too old for the stream.
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                return Ok(stored);
            }
            Err(error) => return Err(broker(error)),
        };
        let header = |name| last.headers.get(name).map(|value| value.as_str().to_owned());
        let position = header(cloud_event::SEQUENCE).and_then(|text| text.parse::<i64>().ok());
        let position = position.unwrap_or(0);
        let id = header(cloud_event::ID);
        let told = outbox::after(&*read, position - 1, 1).await?.pop().map(|told| told.fact);
        match told {
            Some(fact) if fact.position == position && Some(&fact.id) == id.as_ref() => {
                Ok(Place { position, sequence })
            }
            Some(_) | None => {
                let position = published.position;
                tracing::error!(
                    service,
                    "the broker has facts that {service} does not have: was its database restored \
                     from an older copy? What it has after {position} is published now; \
                     subscribers must start again from there"
                );
                Ok(stored)
            }
        }
    }

    /// A transaction that sees the facts of every tenant.
    async fn read(&self) -> Result<Read, Error> {
        let read = self.database.read().await?;
        Scope::england().enter(&*read).await?;
        Ok(read)
    }

    /// Says how much waits, while the broker answers and while it does not.
    async fn measure(&self) -> std::convert::Infallible {
        loop {
            if let Err(error) = self.waiting().await {
                tracing::debug!("the outbox cannot be measured: {}", chain(&error));
            }
            sleep(MEASURE).await;
        }
    }

    async fn waiting(&self) -> Result<(), Error> {
        let read = self.read().await?;
        let published = position::get(&*read).await?.position;
        let newest = outbox::position(&*read).await?;
        let oldest = outbox::after(&*read, published, 1).await?.pop();
        let since = oldest.and_then(|told| crate::wire::instant(&told.fact.time?));
        let age =
            since.map_or(0, |Instant(since)| self.database.clock().now().0.saturating_sub(since));
        let age = Duration::from_micros(u64::try_from(age).unwrap_or(0));
        let rows = u64::try_from(newest - published).unwrap_or(0);
        telemetry::record_outbox(self.service, rows, age);
        Ok(())
    }
}

/// The stream of a service: `ARRS_WORKFORCE`.
fn stream_name(service: &str) -> String {
    format!("ARRS_{}", service.to_ascii_uppercase())
}
