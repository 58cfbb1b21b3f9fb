//! An issuer of tokens that is not ours: keys of every kind, and an endpoint that publishes them,
//! or does what endpoints do on a bad day.

pub mod forge;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kit::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use forge::Key;

/// The name of the issuer.
pub const ISSUER: &str = "https://issuer.example";

/// What the endpoint answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These keys.
    Keys(Vec<Value>),
    /// Something else, as if it were keys.
    Junk(String),
    /// An error.
    Status(u16),
    /// Nothing, with the connection open.
    Silence,
}

/// An endpoint on this machine.
#[derive(Debug)]
pub struct Endpoint {
    port: u16,
    answer: watch::Sender<Answer>,
    asked: Arc<AtomicU32>,
    serving: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// An endpoint that publishes these keys.
    pub async fn publishing(keys: &[Value]) -> Endpoint {
        let mut endpoint = Endpoint {
            port: 0,
            answer: watch::Sender::new(Answer::Keys(keys.to_vec())),
            asked: Arc::default(),
            serving: None,
        };
        endpoint.open().await;
        endpoint
    }

    /// Where it publishes them.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/keys", self.port)
    }

    /// Answers something else from now on.
    pub fn answers(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Refuses connections from now on.
    pub async fn close(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // The port is free once the task is gone.
            drop(serving.await);
        }
    }

    /// Takes connections again, at the same address.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port is free");
        self.port = listener.local_addr().expect("it listens").port();
        let (answer, asked) = (self.answer.subscribe(), Arc::clone(&self.asked));
        self.serving = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, answer.borrow().clone()));
            }
        }));
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn serve(mut stream: TcpStream, answer: Answer) {
    let (status, body) = match answer {
        Answer::Keys(keys) => (200, json!({ "keys": keys }).to_string()),
        Answer::Junk(text) => (200, text),
        Answer::Status(status) => (status, String::new()),
        Answer::Silence => return std::future::pending().await,
    };
    // An answer before the question is none.
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut question).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    let length = body.len();
    let text = format!("HTTP/1.1 {status} So\r\ncontent-length: {length}\r\n\r\n{body}");
    // A client that went away does not want it.
    stream.write_all(text.as_bytes()).await.ok();
    // Until the peer hangs up, so that nothing sent is lost.
    stream.read_to_end(&mut Vec::new()).await.ok();
}

/// Claims of somebody with these grants, which are all right for ten minutes.
pub fn claims(grants: &[&str]) -> Value {
    let now = Clock::system().now().0 / 1_000_000;
    json!({
        "iss": ISSUER, "sub": "somebody", "aud": "arrs", "iat": now, "exp": now + 600,
        "arrs_grants": grants,
    })
}

/// The token that services use among themselves.
pub fn service_token(key: &Key, id: &str) -> String {
    key.token_of(id, &claims(&["service@england"]))
}
