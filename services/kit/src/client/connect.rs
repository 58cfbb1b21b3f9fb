//! Connecting to a peer: over TCP, and with TLS where the address says so.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::circuit::{Circuit, Kind, Trouble};
use crate::tls::{self, Tls};

/// How long connecting may take, the exchange of certificates included.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection that was not made: nothing was sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .trouble.why)]
pub(super) struct NotConnected {
    pub(super) trouble: Trouble,
    /// Whether it was tried, and not only known that it would be in vain.
    pub(super) tried: bool,
}

/// What bytes go over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Connects, unless the circuit says that nobody is there.
pub(super) async fn connect(
    uri: Uri,
    tls: Option<Tls>,
    circuit: Arc<Circuit>,
) -> Result<TokioIo<Box<dyn Wire>>, NotConnected> {
    if let Some(trouble) = circuit.trouble() {
        return Err(NotConnected { trouble, tried: false });
    }
    let made = match tokio::time::timeout(CONNECT, open(&uri, tls, &circuit)).await {
        Ok(made) => made,
        Err(_) => {
            let why = format!("it did not answer within {} s", CONNECT.as_secs());
            Err(Trouble::new(Kind::Silent, why))
        }
    };
    made.map(TokioIo::new).map_err(|trouble| {
        circuit.unreachable(trouble.clone(), Instant::now());
        NotConnected { trouble, tried: true }
    })
}

async fn open(
    uri: &Uri,
    tls: Option<Tls>,
    circuit: &Arc<Circuit>,
) -> Result<Box<dyn Wire>, Trouble> {
    let failed = |error: io::Error| match tls::why(&error) {
        Some(why) => Trouble::new(Kind::Distrust, why),
        None => Trouble::new(Kind::Refused, format!("it cannot be connected to: {error}")),
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let (true, Some(tls)) = (secure, tls) else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        failed(io::Error::other(format!("{host} is no name that a certificate could have")))
    })?;
    let stream = tls.connector().connect(name, stream).await.map_err(failed)?;
    Ok(Box::new(Told { stream, circuit: Arc::clone(circuit) }))
}

/// A connection that tells the circuit when the other side refuses our certificate: with TLS 1.3
/// that arrives after the connection was made.
struct Told {
    stream: TlsStream<TcpStream>,
    circuit: Arc<Circuit>,
}

impl AsyncRead for Told {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if let Some(why) = read.as_ref().err().and_then(tls::why) {
            self.circuit.unreachable(Trouble::new(Kind::Distrust, why), Instant::now());
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Told {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
