//! A network that misbehaves on request: a proxy between any two that speak TCP.
//!
//! What passes is never changed, only held up or cut: a network loses packets and sends them again,
//! so that its users see silence, then everything; or they see the end of a connection.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::source::Source;

/// The bytes that are passed on at a time.
const PIECE: usize = 16 * 1024;
/// The most pieces that are underway in one direction; more wait with whoever sends them.
const UNDERWAY: usize = 64;

/// What is wrong with the way, in either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From whoever connected to what it wanted.
    pub there: Way,
    /// And back.
    pub back: Way,
    /// Whether whoever connects is sent away.
    pub refuses: bool,
}

/// What is wrong in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Every piece comes this much later.
    pub latency: Duration,
    /// And up to this much more, by the seed.
    pub jitter: Duration,
    /// The most bytes a second; 0 for no limit.
    pub bytes_per_second: u32,
    /// Nothing comes through until this ends.
    pub silent: bool,
}

/// A proxy in front of a port of this machine.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    wish: Arc<Wish>,
    /// Ends with this value, and everything that was connected with it.
    _running: JoinSet<()>,
}

/// What the connections are to do.
#[derive(Debug)]
struct Wish {
    faults: watch::Sender<Faults>,
    cut: watch::Sender<(u64, Cut)>,
    source: Mutex<Source>,
    passed: AtomicU64,
}

/// How connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Both ends are told that something broke.
    Reset,
    /// What was wanted says that it will send no more, and still listens.
    HalfClose,
}

impl Faults {
    /// Nothing comes through, either way.
    pub fn silence() -> Faults {
        let way = Way { silent: true, ..Way::default() };
        Faults { there: way.clone(), back: way, refuses: false }
    }

    /// Every answer comes this much later.
    pub fn slow(latency: Duration) -> Faults {
        Faults { back: Way { latency, ..Way::default() }, ..Faults::default() }
    }
}

impl FaultProxy {
    /// A proxy in front of `port`, with nothing wrong yet.
    pub async fn to(port: u16, seed: u64) -> FaultProxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let wish = Arc::new(Wish {
            faults: watch::Sender::new(Faults::default()),
            cut: watch::Sender::new((0, Cut::Reset)),
            source: Mutex::new(Source::new(seed, u64::from(port))),
            passed: AtomicU64::new(0),
        });
        let mut running = JoinSet::new();
        running.spawn(accept(listener, port, Arc::clone(&wish)));
        FaultProxy { address, wish, _running: running }
    }

    /// Where to connect instead.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address of a service behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong, also for what is connected already.
    pub fn set(&self, faults: Faults) {
        self.wish.faults.send_replace(faults);
    }

    /// Nothing is wrong any more. What was held up comes through.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Breaks every connection that there is.
    pub fn reset(&self) {
        self.end(Cut::Reset);
    }

    /// Lets every connection hear the end of what was sent to it, while it may still send.
    pub fn half_close(&self) {
        self.end(Cut::HalfClose);
    }

    /// How many bytes came through, both ways.
    pub fn passed(&self) -> u64 {
        self.wish.passed.load(Ordering::Relaxed)
    }

    fn end(&self, cut: Cut) {
        self.wish.cut.send_modify(|(count, last)| {
            *count += 1;
            *last = cut;
        });
    }
}

async fn accept(listener: TcpListener, port: u16, wish: Arc<Wish>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(connect(near, port, Arc::clone(&wish)));
    }
}

async fn connect(mut near: TcpStream, port: u16, wish: Arc<Wish>) {
    let mut cuts = wish.cut.subscribe();
    let refuses = wish.faults.borrow().refuses;
    let far = async { TcpStream::connect(("127.0.0.1", port)).await.ok().filter(|_| !refuses) };
    // What cannot be reached is refused, as without a proxy.
    let Some(mut far) = far.await else {
        near.set_zero_linger().ok();
        return;
    };
    for stream in [&near, &far] {
        stream.set_nodelay(true).ok();
    }
    let broken = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let there = pass(near_in, far_out, &wish, |faults| &faults.there, false);
        let back = pass(far_in, near_out, &wish, |faults| &faults.back, true);
        tokio::select! {
            _ = async { tokio::join!(there, back) } => false,
            () = told(&mut cuts, Cut::Reset) => true,
        }
    };
    if broken {
        for stream in [&near, &far] {
            stream.set_zero_linger().ok();
        }
    }
}

/// Passes on in one direction until the end of what is sent, or until a half close.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    wish: &Wish,
    way: impl Fn(&Faults) -> &Way,
    answers: bool,
) {
    let mut faults = wish.faults.subscribe();
    let mut cuts = wish.cut.subscribe();
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(UNDERWAY);
    let read = async {
        let mut piece = vec![0; PIECE];
        loop {
            let length = tokio::select! {
                length = from.read(&mut piece) => length.unwrap_or(0),
                () = told(&mut cuts, Cut::HalfClose), if answers => 0,
            };
            let arrives = Instant::now() + wish.latency(way(&wish.faults.borrow()));
            // The end arrives as late as a piece.
            if sender.send((arrives, piece[..length].to_vec())).await.is_err() || length == 0 {
                return;
            }
        }
    };
    let write = async {
        while let Some((arrives, piece)) = pieces.recv().await {
            tokio::time::sleep_until(arrives).await;
            let sending = sending(way(&faults.borrow()), piece.len());
            tokio::time::sleep(sending).await;
            // What is silent by now holds it up.
            if faults.wait_for(|faults| !way(faults).silent).await.is_err() {
                return;
            }
            if piece.is_empty() || to.write_all(&piece).await.is_err() {
                break;
            }
            wish.passed.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        pieces.close();
        to.shutdown().await.ok();
    };
    tokio::join!(read, write);
}

impl Wish {
    fn latency(&self, way: &Way) -> Duration {
        let jitter = usize::try_from(way.jitter.as_micros()).expect("less than an hour");
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        way.latency + Duration::from_micros(source.below(jitter + 1) as u64)
    }
}

/// How long a piece takes to be sent over a narrow way.
fn sending(way: &Way, length: usize) -> Duration {
    match way.bytes_per_second {
        0 => Duration::ZERO,
        rate => Duration::from_micros(length as u64 * 1_000_000 / u64::from(rate)),
    }
}

/// Waits until connections are to end in this way.
async fn told(cuts: &mut watch::Receiver<(u64, Cut)>, wanted: Cut) {
    while cuts.changed().await.is_ok() {
        if cuts.borrow_and_update().1 == wanted {
            return;
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says everything back.
    async fn echo() -> (u16, JoinSet<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        (port, server)
    }

    async fn ask(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<Duration> {
        let started = Instant::now();
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        assert_eq!(answer, text);
        Ok(started.elapsed())
    }

    #[tokio::test]
    async fn what_passes_is_not_changed_and_may_come_late() {
        let (port, _server) = echo().await;
        let proxy = FaultProxy::to(port, 1).await;
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        let long: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();

        ask(&mut stream, &long).await.unwrap();
        let latency = Duration::from_millis(150);
        proxy.set(Faults::slow(latency));
        let slow = ask(&mut stream, b"slow").await.unwrap();
        proxy.heal();
        let healed = ask(&mut stream, b"healed").await.unwrap();

        assert!(slow >= latency, "{slow:?}");
        assert!(healed < latency, "{healed:?}");
        assert_eq!(proxy.passed(), 2 * (100_000 + 4 + 6));
    }

    #[tokio::test]
    async fn silence_holds_up_and_loses_nothing() {
        let (port, _server) = echo().await;
        let proxy = FaultProxy::to(port, 1).await;
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        ask(&mut stream, b"before").await.unwrap();

        proxy.set(Faults::silence());
        stream.write_all(b"kept").await.unwrap();
        let mut answer = [0; 4];
        let limit = Duration::from_millis(100);
        let early = tokio::time::timeout(limit, stream.read_exact(&mut answer)).await;
        proxy.heal();
        stream.read_exact(&mut answer).await.unwrap();

        assert!(early.is_err());
        assert_eq!(&answer, b"kept");
    }

    #[tokio::test]
    async fn connections_are_reset_refused_and_closed_by_half() {
        let (port, _server) = echo().await;
        let proxy = FaultProxy::to(port, 1).await;
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        let mut broken = connect().await.unwrap();
        ask(&mut broken, b"before").await.unwrap();

        proxy.reset();
        let reset = broken.read(&mut [0; 1]).await.unwrap_err();
        let mut half = connect().await.unwrap();
        ask(&mut half, b"again").await.unwrap();
        proxy.half_close();
        let end = half.read(&mut [0; 1]).await.unwrap();
        half.write_all(b"still heard").await.unwrap();
        proxy.set(Faults { refuses: true, ..Faults::default() });
        let refused = match connect().await {
            Ok(mut stream) => ask(&mut stream, b"anybody").await.map(drop),
            Err(error) => Err(error),
        };

        assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(end, 0);
        assert!(refused.is_err());
    }

    #[tokio::test]
    async fn a_narrow_way_takes_its_time() {
        let (port, _server) = echo().await;
        let proxy = FaultProxy::to(port, 1).await;
        let way = Way { bytes_per_second: 100_000, ..Way::default() };
        proxy.set(Faults { there: way, ..Faults::default() });
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();

        let took = ask(&mut stream, &[7; 20_000]).await.unwrap();

        assert!(took >= Duration::from_millis(180), "{took:?}");
    }
}
