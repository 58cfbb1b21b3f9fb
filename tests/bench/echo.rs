//! Bare servers: no door, no settings, no log. Each has a runtime of its own, as a process has: two
//! that share one hand calls over without waking anybody.

use std::convert::Infallible;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::uri::PathAndQuery;
use kit::client::{Channel, Token};
use prost::Message;
use tokio::runtime::Runtime;
use tonic::transport::Endpoint;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The one method of all of them.
pub(super) const ECHO: &str = "/bench.Echo/Echo";

/// What a server answers.
pub(super) type Answer<Q, A> = Arc<dyn Fn(Q) -> BoxFuture<'static, A> + Send + Sync>;

/// A runtime for as long as the benchmark runs.
pub(super) fn apart() -> &'static Runtime {
    Box::leak(Box::new(Runtime::new().expect("threads")))
}

/// A channel to two servers, one behind the other, of which the inner gives the answer.
pub(super) async fn two_hops<Q, A>(inner: &Runtime, answer: Answer<Q, A>) -> Channel
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let inner = inner.spawn(serve(answer)).await.expect("it serves");
    let outer = apart().spawn(async {
        let inner = Endpoint::from_shared(inner).expect("an address").connect_lazy();
        let passed_on = Arc::new(move |question: Q| -> BoxFuture<'static, A> {
            let mut inner = tonic::client::Grpc::new(inner.clone());
            Box::pin(async move {
                inner.ready().await.expect("it is there");
                let path = PathAndQuery::from_static(ECHO);
                let codec = ProstCodec::<Q, A>::default();
                let answer = inner.unary(Request::new(question), path, codec).await;
                answer.expect("it answers").into_inner()
            })
        });
        serve(passed_on).await
    });
    Channel::lazy(&outer.await.expect("it serves"), Token::Passed).expect("an address")
}

/// Serves on a free port, and answers the address.
async fn serve<Q, A>(answer: Answer<Q, A>) -> String
where
    Q: Message + Default + 'static,
    A: Message + Default + 'static,
{
    let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let answer = Arc::clone(&answer);
        async move {
            let answer = tower::service_fn(move |request: Request<Q>| {
                let answer = answer(request.into_inner());
                async { Ok::<_, Status>(Response::new(answer.await)) }
            });
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<A, Q>::default());
            Ok::<_, Infallible>(grpc.unary(answer, request.map(tonic::body::Body::new)).await)
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).ok();
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                    .serve_connection(
                        hyper_util::rt::TokioIo::new(stream),
                        hyper_util::service::TowerToHyperService::new(service.clone()),
                    ),
            );
        }
    });
    format!("http://{address}")
}
