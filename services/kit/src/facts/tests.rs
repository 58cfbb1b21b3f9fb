//! What holds of facts whatever happens to those who tell and follow them.

mod conservation;
mod poison;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arrs_proto::admin::v1 as admin;
use arrs_proto::event::v1 as pb;
use arrs_proto::event::v1::{Fact, StreamFactsRequest, StreamFactsResponse};
use arrs_proto::workforce::v1::fact_service_server::{FactService, FactServiceServer};
use prost::Message;
use sea_orm::{ConnectionTrait, EntityTrait, QueryOrder};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::follow::{Follower, Projection};
use super::mending;
use super::outbox::NewFact;
use crate::Clock;
use crate::audit::Writer;
use crate::client::{Channel, Token};
use crate::db::{self, Database, Write};
use crate::error::Error;
use crate::identity::{Caller, LocalIssuer, Verifier};
use crate::server::{Door, Listener, Trail};
use crate::shutdown::Shutdown;
use crate::testing::database;

const PRODUCER: &str = "workforce";
/// The longest wait for a fact that was committed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service that tells, another that follows, and what is between them.
struct Pair {
    producer: Database,
    consumer: Database,
    notes: Arc<Notes>,
    issuer: Arc<LocalIssuer>,
    /// How many streams of facts were opened.
    streams: Arc<AtomicUsize>,
    folder: TempDir,
    running: Vec<JoinHandle<()>>,
}

impl Pair {
    async fn new() -> Pair {
        let folder = TempDir::new().unwrap();
        let [producer, consumer] = ["producer", "consumer"].map(|name| folder.path().join(name));
        let producer = database(&producer).await;
        let consumer = database(&consumer).await;
        Notes::table(&consumer).await;
        let issuer = LocalIssuer::open(folder.path(), "arrs", Clock::system()).unwrap();
        let (notes, issuer) = (Arc::new(Notes::default()), Arc::new(issuer));
        let (streams, running) = (Arc::default(), Vec::new());
        Pair { producer, consumer, notes, issuer, streams, folder, running }
    }

    /// A new process on the database of the consumer, which begins to follow.
    async fn follow(&mut self) -> Follower {
        let channel = self.serve();
        let notes = Arc::clone(&self.notes);
        let follower = Follower::new(PRODUCER, self.consumer.clone(), notes).await.unwrap();
        self.running.push(tokio::spawn(follower.clone().follow(channel)));
        follower
    }

    /// A server of the producer's facts.
    fn serve(&mut self) -> Channel {
        #[derive(serde::Deserialize)]
        struct Only {
            kit: crate::config::Kit,
        }
        let kit = crate::config::load::<Only>(&[crate::config::DEFAULTS], None).unwrap().kit;
        let tells = Tells(self.producer.clone(), Arc::clone(&self.streams));
        let routes = Routes::new(FactServiceServer::new(tells));
        let verifier = Verifier::local(&self.issuer, &kit.identity);
        let (stop, shutdown) = Shutdown::new();
        let (writer, writing) = Writer::new(self.producer.clone());
        self.running.push(tokio::spawn(writing));
        let (trail, told) = (Trail::Kept(writer), Vec::new());
        let door = Door::new(routes, trail, verifier, told, kit.server, shutdown.clone()).unwrap();
        let (channel, incoming) = Channel::memory();
        let served = crate::server::serve(door, Listener::Memory(incoming), shutdown);
        self.running.push(tokio::spawn(async move {
            let _stop = stop;
            served.await;
        }));
        channel.with_token(Token::Local(Arc::clone(&self.issuer), "follower"))
    }

    /// Ends every process but the databases, wherever they are.
    async fn kill(&mut self) {
        for task in self.running.drain(..) {
            task.abort();
            task.await.ok();
        }
    }

    /// Commits facts, as `(subject, word)`, in one transaction.
    async fn tell(&self, facts: &[(&str, &str)]) -> i64 {
        let mut write = self.producer.write().await.unwrap();
        for (subject, word) in facts {
            write.tell(said(subject, word));
        }
        write.commit().await.unwrap().unwrap()
    }

    /// Every fact that was committed.
    async fn told(&self) -> Vec<Fact> {
        let read = self.producer.read().await.unwrap();
        let newest = super::position(&*read).await.unwrap();
        let told = super::outbox::after(&*read, 0, u64::try_from(newest).unwrap() + 1).await;
        told.unwrap().into_iter().map(|told| told.fact).collect()
    }

    /// What was noted, in the order in which it was.
    async fn noted(&self) -> Vec<note::Model> {
        let read = self.consumer.read().await.unwrap();
        note::Entity::find().order_by_asc(note::Column::Id).all(&*read).await.unwrap()
    }

    async fn cursor(&self) -> i64 {
        let read = self.consumer.read().await.unwrap();
        super::cursor(&*read, PRODUCER).await.unwrap()
    }
}

/// Waits until a follower has come as far as a position.
async fn reached(follower: &Follower, position: i64) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    follower.progress().wait(position, deadline).await.unwrap();
}

fn said(subject: &str, word: &str) -> NewFact {
    let fact = pb::OrganisationNamed {
        organisation: subject.to_owned(),
        display_name: word.to_owned(),
        ..pb::OrganisationNamed::default()
    };
    NewFact::new(&fact, subject.to_owned(), None)
}

fn word(fact: &Fact) -> String {
    pb::OrganisationNamed::decode(&fact.body[..]).unwrap().display_name
}

fn operator() -> Caller {
    Caller::for_test(&["operator@england"], "finance.projections.mend")
}

/// Tries parked facts again; answers how many are recorded now and how many are left.
async fn redrive(
    follower: &Follower,
    subject: &str,
    request_id: &str,
) -> Result<(i64, i64), Error> {
    let (subject, request_id) = (subject.to_owned(), request_id.to_owned());
    let request = admin::RedriveParkedFactsRequest { subject, request_id };
    let answer = mending::redrive(follower, &operator(), request).await?;
    Ok((answer.recorded_count, answer.parked_count))
}

/// Follows from the first fact again; answers how far it had come.
async fn replay(follower: &Follower, request_id: &str) -> i64 {
    let request = admin::ReplayProjectionRequest { request_id: request_id.to_owned() };
    mending::replay(follower, &operator(), request).await.unwrap().position
}

#[derive(Clone, Debug)]
struct Tells(Database, Arc<AtomicUsize>);

#[tonic::async_trait]
impl FactService for Tells {
    type StreamFactsStream = ReceiverStream<Result<StreamFactsResponse, Status>>;

    async fn stream_facts(
        &self,
        request: Request<StreamFactsRequest>,
    ) -> Result<Response<Self::StreamFactsStream>, Status> {
        let caller = crate::server::caller(&request)?;
        self.1.fetch_add(1, Ordering::SeqCst);
        let stream = super::stream(self.0.clone(), PRODUCER, caller, request.into_inner());
        Ok(Response::new(stream.await?))
    }

    async fn republish_facts(
        &self,
        _: Request<arrs_proto::admin::v1::RepublishFactsRequest>,
    ) -> Result<Response<arrs_proto::admin::v1::RepublishFactsResponse>, Status> {
        Err(Status::unimplemented("nothing is published here"))
    }
}

mod note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub fact_id: String,
        pub position: i64,
        pub subject: String,
        pub word: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A projection that notes each fact it is given, as often as it is; of some words it wants to
/// know nothing until it is healed.
#[derive(Debug, Default)]
struct Notes {
    healed: AtomicBool,
    attempts: AtomicUsize,
}

/// A word that no version can read before the next.
const POISON: &str = "poison";

impl Notes {
    async fn table(database: &Database) {
        use sea_orm_migration::prelude::Table;
        use sea_orm_migration::schema::{big_integer, text, uuid};

        let table = Table::create()
            .table("note")
            .col(uuid("id").primary_key())
            .col(text("fact_id"))
            .col(big_integer("position"))
            .col(text("subject"))
            .col(text("word"))
            .to_owned();
        let read = database.read().await.unwrap();
        let table = read.get_database_backend().build(&table).to_string();
        drop(read);
        database.execute_as_owner(&table).await;
    }
}

#[async_trait::async_trait]
impl Projection for Notes {
    async fn apply(&self, write: &Write, facts: &[Fact]) -> Result<(), Error> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        for fact in facts {
            let word = word(fact);
            if word == POISON && !self.healed.load(Ordering::SeqCst) {
                return Err(Error::internal("nobody knows the word"));
            }
            let row = note::Model {
                id: Uuid::now_v7(),
                fact_id: fact.id.clone(),
                position: fact.position,
                subject: fact.subject.clone(),
                word,
            };
            let row = note::ActiveModel::from(row);
            note::Entity::insert(row).exec_without_returning(&**write).await.map_err(db::sort)?;
        }
        Ok(())
    }

    async fn forget(&self, write: &Write) -> Result<(), Error> {
        note::Entity::delete_many().exec(&**write).await.map(drop).map_err(db::sort)
    }
}
