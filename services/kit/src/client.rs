//! How one process, or one service in the same process, calls another.
//!
//! Between processes a peer that is gone costs one attempt and then nothing until it is back; what
//! only reads is sent once more where its connection broke. Nothing is ever sent twice that could
//! take effect twice.

mod circuit;
mod connect;
mod repeat;
mod send;

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use futures::future::BoxFuture;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

use self::circuit::Circuit;
use crate::identity::{Grant, GrantScope, LocalIssuer, Role};
use crate::tls::Tls;

/// The bytes in flight between two services of one process.
const MEMORY_BUFFER: usize = 256 * 1024;
/// How often a connection on which a call waits is asked whether it lives, and how long it may
/// take to say so: shorter together than the time that a call has, so that one call finds out.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(4));
/// Minutes a token lasts that a service makes for itself; it makes one for each call.
const SERVICE_TOKEN_MINUTES: i64 = 5;
/// The largest answer that is read.
pub const MESSAGE_OUT: usize = 4 * 1024 * 1024;

/// A channel to a service, with the token of the caller where it has one of its own.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: tonic::transport::Channel,
    /// None inside a process, where nobody is far.
    circuit: Option<Arc<Circuit>>,
    token: Token,
}

/// An address that nothing can be reached at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url} {why}")]
pub struct AddressError {
    url: String,
    why: String,
}

/// Where the token of a call comes from.
#[derive(Clone, Debug)]
pub enum Token {
    /// The request brings it.
    Passed,
    /// Always the same.
    Fixed(Arc<str>),
    /// Read anew for each call, so that it can be rotated.
    File(PathBuf),
    /// Made anew for each call, of a service.
    Local(Arc<LocalIssuer>, &'static str),
}

/// The end of a channel in memory that a server accepts from.
pub type Incoming = mpsc::Receiver<DuplexStream>;

impl Channel {
    /// A channel to `url` that connects with its first call, without TLS.
    pub fn lazy(url: &str, token: Token) -> Result<Channel, AddressError> {
        Channel::over(url, token, None)
    }

    /// A channel to `url` that connects with its first call, with TLS where it begins with https.
    pub fn trusting(url: &str, token: Token, tls: &Tls) -> Result<Channel, AddressError> {
        Channel::over(url, token, Some(tls.clone()))
    }

    fn over(url: &str, token: Token, tls: Option<Tls>) -> Result<Channel, AddressError> {
        let wrong = |why: String| AddressError { url: url.to_owned(), why };
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| wrong(crate::error::chain(&error)))?
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1);
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") if tls.is_some() => {}
            Some(_) | None => return Err(wrong("must begin with http:// or https://".to_owned())),
        }
        let circuit = Arc::new(Circuit::new(url.to_owned()));
        let connector = {
            let circuit = Arc::clone(&circuit);
            tower::service_fn(move |uri| connect::connect(uri, tls.clone(), Arc::clone(&circuit)))
        };
        let inner = endpoint.connect_with_connector_lazy(connector);
        Ok(Channel { inner, circuit: Some(circuit), token })
    }

    /// A channel inside the process, through the same layers as one over the network.
    pub fn memory() -> (Channel, Incoming) {
        let (sender, incoming) = mpsc::channel(16);
        let connector = tower::service_fn(move |_| {
            let sender = sender.clone();
            async move {
                let (near, far) = tokio::io::duplex(MEMORY_BUFFER);
                sender.send(far).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(TokioIo::new(near))
            }
        });
        let endpoint = Endpoint::from_static("http://memory");
        let inner = endpoint.connect_with_connector_lazy(connector);
        (Channel { inner, circuit: None, token: Token::Passed }, incoming)
    }

    /// The same channel with a token of its own.
    pub fn with_token(&self, token: Token) -> Channel {
        Channel { inner: self.inner.clone(), circuit: self.circuit.clone(), token }
    }

    /// Calls a method by its path, `/arrs.workforce.v1.ImportService/GetImport`.
    pub async fn unary<Q, A>(&self, path: &str, request: Request<Q>) -> Result<Response<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut client, path) = self.ready(path).await?;
        client.unary(request, path, ProstCodec::<Q, A>::default()).await
    }

    /// Calls a method whose answer is a stream, by its path.
    pub async fn server_streaming<Q, A>(
        &self,
        path: &str,
        request: Q,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut client, path) = self.ready(path).await?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(client.server_streaming(Request::new(request), path, codec).await?.into_inner())
    }

    /// Calls a method whose request is a stream, by its path.
    pub async fn client_streaming<Q, A>(
        &self,
        path: &str,
        requests: impl Stream<Item = Q> + Send + 'static,
    ) -> Result<Response<A>, Status>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let (mut client, path) = self.ready(path).await?;
        let codec = ProstCodec::<Q, A>::default();
        client.client_streaming(Request::new(requests), path, codec).await
    }

    async fn ready(
        &self,
        path: &str,
    ) -> Result<(tonic::client::Grpc<Channel>, PathAndQuery), Status> {
        let path = path.parse().map_err(|_| Status::internal("a method path was malformed"))?;
        let mut client =
            tonic::client::Grpc::new(self.clone()).max_decoding_message_size(MESSAGE_OUT);
        client.ready().await?;
        Ok((client, path))
    }
}

impl Token {
    fn header(&self) -> Option<HeaderValue> {
        let token = match self {
            Token::Passed => return None,
            Token::Fixed(token) => token.to_string(),
            Token::File(path) => std::fs::read_to_string(path).ok()?.trim().to_owned(),
            Token::Local(issuer, subject) => {
                let grant = Grant { role: Role::Service, scope: GrantScope::England };
                issuer.token(subject, &[grant], SERVICE_TOKEN_MINUTES)
            }
        };
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Waiting for a place belongs to the time of a call: it happens in the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if let Some(header) = self.token.header() {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        crate::telemetry::inject(request.headers_mut());
        Box::pin(send::send(self.inner.clone(), self.circuit.clone(), request))
    }
}
