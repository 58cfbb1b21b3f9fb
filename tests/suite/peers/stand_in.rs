//! A finance of the test's own: it answers what the test wants to see answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrs_proto::finance::v1 as pb;
use arrs_proto::finance::v1::rule_book_service_server::{RuleBookService, RuleBookServiceServer};
use kit::config::Kit;
use kit::identity::{LocalIssuer, Verifier};
use kit::server::{Deadline, Door, Listener, MESSAGE_IN, MESSAGE_OUT, Trail};
use kit::shutdown::Shutdown;
use prost::Message;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// What arrived: the name asked for, and what was left of the time.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Vec<(String, Duration)>>);

impl Seen {
    pub fn all(&self) -> Vec<(String, Duration)> {
        self.0.lock().unwrap().clone()
    }
}

/// A finance that runs.
pub struct StandIn {
    pub port: u16,
    pub seen: Arc<Seen>,
    pub release: watch::Sender<bool>,
    _stop: watch::Sender<bool>,
}

struct Books {
    seen: Arc<Seen>,
    release: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl RuleBookService for Books {
    /// `ruleBooks/hold` waits to be released; `ruleBooks/4096` is an answer of so many bytes.
    async fn get_rule_book(
        &self,
        request: Request<pb::GetRuleBookRequest>,
    ) -> Result<Response<pb::RuleBook>, Status> {
        let left = request.extensions().get::<Deadline>().unwrap().left();
        let name = request.into_inner().name;
        self.seen.0.lock().unwrap().push((name.clone(), left));
        let mut release = self.release.clone();
        if name == "ruleBooks/hold" {
            release.wait_for(|released| *released).await.ok();
        }
        let size = name.trim_start_matches("ruleBooks/").parse().unwrap_or(0_usize);
        let mut book = pb::RuleBook { name, ..Default::default() };
        while book.encoded_len() < size {
            book.name.push_str(&"x".repeat(size - book.encoded_len()));
            let over = book.encoded_len().saturating_sub(size);
            book.name.truncate(book.name.len() - over);
        }
        Ok(Response::new(book))
    }

    async fn list_figures(
        &self,
        _: Request<pb::ListFiguresRequest>,
    ) -> Result<Response<pb::ListFiguresResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }

    async fn project_maximum(
        &self,
        _: Request<pb::ProjectMaximumRequest>,
    ) -> Result<Response<pb::ProjectMaximumResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}

#[derive(serde::Deserialize)]
struct Defaults {
    kit: Kit,
}

impl StandIn {
    /// Serves to those with tokens of `issuer`.
    pub async fn start(issuer: &LocalIssuer) -> StandIn {
        let defaults: Defaults = kit::config::load(&[kit::config::DEFAULTS], None).unwrap();
        let seen = Arc::new(Seen::default());
        let (release, released) = watch::channel(false);
        let books = Books { seen: Arc::clone(&seen), release: released };
        let books = RuleBookServiceServer::new(books)
            .max_decoding_message_size(MESSAGE_IN)
            .max_encoding_message_size(MESSAGE_OUT);
        let (routes, _) = kit::server::with_probes(Routes::new(books), false).await.unwrap();
        let verifier = Verifier::local(issuer, &defaults.kit.identity);
        let trail = Trail::PassedOn(Routes::default());
        let (stop, shutdown) = Shutdown::new();
        let settings = defaults.kit.server;
        let door =
            Door::new(routes, trail, verifier, Vec::new(), settings, shutdown.clone()).unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let port = listener.address().unwrap().port();
        tokio::spawn(kit::server::serve(door, listener, shutdown));
        StandIn { port, seen, release, _stop: stop }
    }
}
