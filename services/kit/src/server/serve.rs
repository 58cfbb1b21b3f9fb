//! Listening, and stopping within a hard bound.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming as HyperBody;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::body::Body;
use tower::ServiceExt;

use super::Door;
use crate::client::Incoming;
use crate::shutdown::Shutdown;

/// The most bytes of headers of a call.
const HEADERS: u32 = 16 * 1024;
/// How often an idle connection is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));

/// How long no call must have been running before silent connections are dropped.
const QUIET: Duration = Duration::from_secs(1);

/// Where calls come in.
#[derive(Debug)]
pub enum Listener {
    /// Over the network.
    Network(TcpListener),
    /// From inside the process.
    Memory(Incoming),
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Listener> {
        TcpListener::bind(address).await.map(Listener::Network)
    }

    /// The address, where there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Network(listener) => listener.local_addr().ok(),
            Listener::Memory(_) => None,
        }
    }
}

/// Serves `door` on `listener` until the shutdown; then lets running calls end within the drain
/// time of the settings and drops what is left.
pub async fn serve(door: Door, listener: Listener, mut shutdown: Shutdown) {
    let settings = door.shared.settings.clone();
    let mut http = Builder::new(TokioExecutor::new());
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    http.http1().timer(TokioTimer::new());

    let graceful = GracefulShutdown::new();
    // The connections are ours: what has not ended after the drain is aborted with the set.
    let mut connections = JoinSet::new();
    match listener {
        Listener::Network(listener) => {
            loop {
                let accepted = tokio::select! {
                    () = shutdown.wait() => break,
                    accepted = listener.accept() => accepted,
                };
                while connections.try_join_next().is_some() {}
                match accepted {
                    Ok((stream, _)) => {
                        stream.set_nodelay(true).ok();
                        connect(&mut connections, &http, &graceful, &door, stream);
                    }
                    // Out of descriptors, or a peer that left at once: the next may do better.
                    Err(error) => {
                        tracing::warn!("a connection was not accepted: {error}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        }
        Listener::Memory(mut incoming) => loop {
            let stream = tokio::select! {
                () = shutdown.wait() => break,
                stream = incoming.recv() => stream,
            };
            let Some(stream) = stream else { break };
            connect(&mut connections, &http, &graceful, &door, stream);
        },
    }
    let drain = Duration::from_secs(u64::from(settings.drain_seconds));
    let shared = Arc::clone(&door.shared);
    tokio::select! {
        () = graceful.shutdown() => {}
        // Peers that opened a connection and say nothing are not waited for.
        () = quiet(|| shared.running()) => {}
        () = tokio::time::sleep(drain) => {
            let seconds = drain.as_secs();
            tracing::warn!("calls were still running after {seconds} s and were dropped");
        }
    }
    connections.shutdown().await;
}

/// Waits until no call has been running for a moment, in which the last answers are sent.
async fn quiet(running: impl Fn() -> usize) {
    let mut calm = Instant::now();
    while calm.elapsed() < QUIET {
        tokio::time::sleep(QUIET / 20).await;
        if running() > 0 {
            calm = Instant::now();
        }
    }
}

fn connect<S>(
    connections: &mut JoinSet<()>,
    http: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    door: &Door,
    stream: S,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service =
        door.clone().map_request(|request: http::Request<HyperBody>| request.map(Body::new));
    let connection =
        http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).into_owned();
    let connection = graceful.watch(connection);
    connections.spawn(async move {
        if let Err(error) = pin!(connection).await {
            tracing::debug!("a connection ended: {error}");
        }
    });
}
