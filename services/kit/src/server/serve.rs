//! Listening, and stopping within a hard bound.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming as HyperBody;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;
use tonic::body::Body;
use tower::ServiceExt;

use super::Door;
use crate::client::Incoming;
use crate::shutdown::Shutdown;
use crate::telemetry::{self, Shed};
use crate::tls::{self, Tls};

/// The most bytes of headers that are read, so that a token of a megabyte is refused in words, by the
/// door, which allows far fewer. Of more HTTP/2 says nothing that every client understands, and of
/// much more it ends the connection with all its calls.
///
/// The headers of one call at a time are kept unfinished, as they came: at most 87 frames of 16 KiB,
/// 1.4 MiB a connection. What its 200 calls may keep of finished ones is 12.5 MiB.
const HEADERS_READ: u32 = 1024 * 1024 + 64 * 1024;
/// How often an idle connection is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(20));
/// How long the exchange of certificates may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a caller that was turned away may take to hear why.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a connection may wait with its first call: none is opened without one in mind.
const FIRST_CALL: Duration = Duration::from_secs(30);
/// How long no call must have been running before silent connections are dropped.
const QUIET: Duration = Duration::from_secs(1);

/// Where calls come in.
#[derive(Debug)]
pub enum Listener {
    /// Over the network, with TLS or without.
    Network(TcpListener, Option<Tls>),
    /// From inside the process.
    Memory(Incoming),
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> std::io::Result<Listener> {
        let listener = TcpListener::bind(address).await?;
        Ok(Listener::Network(listener, tls))
    }

    /// The address, where there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Network(listener, _) => listener.local_addr().ok(),
            Listener::Memory(_) => None,
        }
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Host {
    http: Builder<TokioExecutor>,
    door: Door,
    shutdown: Shutdown,
}

/// Serves `door` on `listener` until the shutdown; then lets running calls end within the drain
/// time of the settings and drops what is left.
pub async fn serve(door: Door, listener: Listener, mut shutdown: Shutdown) {
    let settings = door.shared.settings.clone();
    let mut http = Builder::new(TokioExecutor::new());
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.max_streams)
        .max_header_list_size(HEADERS_READ)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1);
    http.http1().timer(TokioTimer::new());
    let shared = Arc::clone(&door.shared);
    let host = Host { http, door, shutdown: shutdown.clone() };

    // The connections are ours: what has not ended after the drain is aborted with the set.
    let mut connections = JoinSet::new();
    match listener {
        Listener::Network(listener, tls) => {
            let most = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
            let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
            let seldom = Arc::new(Seldom::default());
            loop {
                let accepted = tokio::select! {
                    () = shutdown.wait() => break,
                    accepted = listener.accept() => accepted,
                };
                while connections.try_join_next().is_some() {}
                match accepted {
                    Ok((stream, peer)) => {
                        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                            telemetry::record_shed(Shed::Connections);
                            if seldom.now() {
                                tracing::warn!("there are {most} connections: another was closed");
                            }
                            continue;
                        };
                        stream.set_nodelay(true).ok();
                        let arrival = Arrival { stream, peer, place, seldom: Arc::clone(&seldom) };
                        connections.spawn(arrive(host.clone(), arrival, tls.clone()));
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
            connections.spawn(talk(host.clone(), stream));
        },
    }
    drop(host);
    let drain = Duration::from_secs(u64::from(settings.drain_seconds));
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
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

/// A connection from the network.
struct Arrival {
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    seldom: Arc<Seldom>,
}

/// Exchanges certificates where the listener has one, and serves what comes.
async fn arrive(mut host: Host, arrival: Arrival, tls: Option<Tls>) {
    let Arrival { stream, peer, place, seldom } = arrival;
    let Some(acceptor) = tls.as_ref().and_then(Tls::acceptor) else {
        talk(host, stream).await;
        drop(place);
        return;
    };
    let met = tokio::select! {
        () = host.shutdown.wait() => return,
        met = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream).into_fallible()) => met,
    };
    match met {
        Ok(Ok(stream)) => talk::<TlsStream<TcpStream>>(host, stream).await,
        Ok(Err((error, stream))) => {
            match tls::why(&error) {
                // The other side may come back at once and for ever.
                Some(why) if seldom.now() => {
                    tracing::warn!(peer = %peer, "a caller from {peer} was turned away: {why}");
                }
                Some(_) | None => tracing::debug!(peer = %peer, "no TLS with {peer}: {error}"),
            }
            part(stream).await;
        }
        Err(_) => tracing::debug!(peer = %peer, "{peer} did not finish the TLS handshake"),
    }
    drop(place);
}

/// Ends a connection so that what was said last is heard. One that is closed while something of the
/// other side is unread is reset, which can overtake the alert that says why.
async fn part(mut stream: TcpStream) {
    let heard = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    tokio::time::timeout(FAREWELL, heard).await.ok();
}

/// Serves the calls of one connection until it ends, asking it to end when the process does.
async fn talk<S>(host: Host, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Host { http, door, mut shutdown } = host;
    let called = Arc::new(AtomicBool::new(false));
    let calls = Arc::clone(&called);
    let service = door.map_request(move |request: http::Request<HyperBody>| {
        calls.store(true, Ordering::Relaxed);
        request.map(Body::new)
    });
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let mut first = pin!(tokio::time::sleep(FIRST_CALL));
    let (mut ending, mut waited) = (false, false);
    loop {
        let end = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!("a connection ended: {error}");
                }
                return;
            }
            () = shutdown.wait(), if !ending => true,
            () = first.as_mut(), if !waited => {
                waited = true;
                !called.load(Ordering::Relaxed)
            }
        };
        if end && !ending {
            ending = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// Lets a few log lines through at a time: callers must not decide how much is logged.
#[derive(Debug, Default)]
struct Seldom(std::sync::Mutex<Option<(Instant, u32)>>);

impl Seldom {
    /// Ten lines in ten seconds are enough to see what is going on.
    fn now(&self) -> bool {
        const MOST: u32 = 10;
        const EVERY: Duration = Duration::from_secs(10);

        let Ok(mut window) = self.0.lock() else { return false };
        let (since, lines) =
            window.filter(|(since, _)| since.elapsed() < EVERY).unwrap_or((Instant::now(), 0));
        *window = Some((since, lines.saturating_add(1)));
        lines < MOST
    }
}
