//! How one process, or one service in the same process, calls another.

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
use tonic::client::GrpcService;
use tonic::transport::{Endpoint, Error as TransportError};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::identity::{Grant, GrantScope, LocalIssuer, Role};

/// The bytes in flight between two services of one process.
const MEMORY_BUFFER: usize = 256 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often an idle connection is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));
/// Minutes a token lasts that a service makes for itself; it makes one for each call.
const SERVICE_TOKEN_MINUTES: i64 = 5;
/// The largest answer that is read.
pub const MESSAGE_OUT: usize = 4 * 1024 * 1024;

/// A channel to a service, with the token of the caller where it has one of its own.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: tonic::transport::Channel,
    token: Token,
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
    /// A channel to `url` that connects with its first call.
    pub fn lazy(url: &str, token: Token) -> Result<Channel, TransportError> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE.0)
            .keep_alive_timeout(KEEP_ALIVE.1)
            .tcp_nodelay(true);
        Ok(Channel { inner: endpoint.connect_lazy(), token })
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
        (Channel { inner, token: Token::Passed }, incoming)
    }

    /// The same channel with a token of its own.
    pub fn with_token(&self, token: Token) -> Channel {
        Channel { inner: self.inner.clone(), token }
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
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
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
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        GrpcService::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if let Some(header) = self.token.header() {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        crate::telemetry::inject(request.headers_mut());
        Box::pin(Service::call(&mut self.inner, request))
    }
}
