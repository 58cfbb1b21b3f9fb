//! One call to a peer: within its time, and once more where that is safe.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};
use tower::ServiceExt;

use super::circuit::{Circuit, Kind, Passage, Trouble, spread};
use super::connect::NotConnected;
use super::repeat::{self, Repeat};
use crate::error::{Error, ErrorReason};
use crate::server::{self, MESSAGE_IN, deadline_exceeded, headers_too_large, message_too_large};

/// What stands before a message on the wire: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// How long a peer may take to say that it is there again.
const ASK: Duration = Duration::from_secs(2);
const TIMEOUT: &str = "grpc-timeout";
/// Tells a peer that it may have seen this call before.
const ATTEMPTS: &str = "grpc-previous-rpc-attempts";

/// Why one attempt failed.
struct Failed {
    status: Status,
    /// Whether the peer cannot have seen any of it.
    unsent: bool,
    /// Whether another attempt may go better.
    hope: bool,
}

/// Sends a call; without a circuit, to the same process.
pub(super) async fn send(
    inner: Channel,
    circuit: Option<Arc<Circuit>>,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let time = request.headers().get(TIMEOUT).and_then(server::timeout);
    let until = time.map(|time| Instant::now() + time);
    let sending = async {
        match circuit {
            None => inner.oneshot(request).await.map_err(|error| failed(&error, None).status),
            Some(circuit) => attempts(inner, &circuit, request, until).await,
        }
    };
    let response = match until {
        None => sending.await?,
        Some(until) => tokio::time::timeout_at(until, sending)
            .await
            .unwrap_or_else(|_| Err(deadline_exceeded().into()))?,
    };
    match response.status() {
        // The transport's own answer, which says nothing of calls.
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Err(headers_too_large().into()),
        _ => Ok(response),
    }
}

async fn attempts(
    inner: Channel,
    circuit: &Arc<Circuit>,
    request: Request<Body>,
    until: Option<Instant>,
) -> Result<Response<Body>, Status> {
    let when = repeat::of(request.uri().path());
    if when == Repeat::Never {
        return attempt(inner, circuit, request).await.map_err(|failed| failed.status);
    }
    // Kept until the call is answered: at most one message.
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MESSAGE_IN + PREFIX).collect().await.map_err(unread)?.to_bytes();
    let mut pause = repeat::PAUSE;
    let mut before = 0;
    loop {
        let mut request =
            Request::from_parts(head.clone(), Body::new(Full::<Bytes>::from(body.clone())));
        if let Some(until) = until {
            let left = server::timeout_value(until.saturating_duration_since(Instant::now()));
            request.headers_mut().insert(TIMEOUT, left);
        }
        if before > 0 {
            request.headers_mut().insert(ATTEMPTS, HeaderValue::from(before));
        }
        let failed = match attempt(inner.clone(), circuit, request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        let safe = when == Repeat::Unanswered || failed.unsent;
        let wait = spread(pause);
        let late = until.is_some_and(|until| Instant::now() + wait * 2 > until);
        if !failed.hope || !safe || late || before == repeat::MOST {
            return Err(failed.status);
        }
        before += 1;
        pause *= 2;
        tokio::time::sleep(wait).await;
    }
}

async fn attempt(
    inner: Channel,
    circuit: &Arc<Circuit>,
    request: Request<Body>,
) -> Result<Response<Body>, Failed> {
    match circuit.pass(Instant::now()) {
        Passage::Free => {}
        Passage::Closed(trouble) => {
            return Err(Failed { status: told(circuit, &trouble), unsent: true, hope: false });
        }
        Passage::Ask(question) => {
            ask(inner.clone(), circuit).await?;
            drop(question);
        }
    }
    match inner.oneshot(request).await {
        Ok(response) => {
            circuit.answered();
            let circuit = Arc::clone(circuit);
            let broken = move |status: Status| interrupted(status, &circuit);
            Ok(response.map(|body| Body::new(body.map_err(broken))))
        }
        Err(error) => Err(failed(&error, Some(circuit))),
    }
}

/// Asks the peer for its health; any answer shows that it is there.
async fn ask(inner: Channel, circuit: &Circuit) -> Result<(), Failed> {
    let request = Request::post("/grpc.health.v1.Health/Check")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::from(Bytes::from_static(&[0; PREFIX]))))
        .expect("every part of it is constant");
    let trouble = match tokio::time::timeout(ASK, inner.oneshot(request)).await {
        Ok(Ok(_)) => {
            circuit.answered();
            return Ok(());
        }
        Ok(Err(error)) => trouble_of(&error),
        Err(_) => Trouble::new(Kind::Silent, "it does not say how it is"),
    };
    circuit.unreachable(trouble.clone(), Instant::now());
    Err(Failed { status: told(circuit, &trouble), unsent: true, hope: false })
}

/// What an error of the transport means, for the caller and for the circuit.
fn failed(error: &(dyn StdError + 'static), circuit: Option<&Arc<Circuit>>) -> Failed {
    if find::<TimeoutExpired>(error).is_some() {
        return Failed { status: deadline_exceeded().into(), unsent: false, hope: false };
    }
    let trouble = trouble_of(error);
    let Some(circuit) = circuit else {
        let status = Status::unavailable(trouble.why.to_string());
        return Failed { status, unsent: false, hope: false };
    };
    if let Some(NotConnected { trouble, tried }) = find::<NotConnected>(error) {
        let hope = *tried && trouble.kind == Kind::Refused;
        return Failed { status: told(circuit, trouble), unsent: true, hope };
    }
    // A certificate that was refused is told on the connection, before the calls on it end.
    let trouble = match circuit.trouble().filter(|known| known.kind == Kind::Distrust) {
        Some(known) => known,
        None if trouble.kind == Kind::Silent => {
            circuit.unreachable(trouble.clone(), Instant::now());
            trouble
        }
        None => {
            circuit.lost(trouble.clone(), Instant::now());
            trouble
        }
    };
    let hope = trouble.kind == Kind::Refused;
    Failed { status: told(circuit, &trouble), unsent: false, hope }
}

fn trouble_of(error: &(dyn StdError + 'static)) -> Trouble {
    if let Some(failed) = find::<NotConnected>(error) {
        return failed.trouble.clone();
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_timeout) {
        return Trouble::new(Kind::Silent, "it stopped answering");
    }
    Trouble::new(Kind::Refused, format!("the connection was lost: {}", crate::error::chain(error)))
}

/// What a caller is told. Distrust carries a reason of ours, since somebody did answer.
fn told(circuit: &Circuit, trouble: &Trouble) -> Status {
    match trouble.kind {
        Kind::Refused | Kind::Silent => Status::unavailable(trouble.why.to_string()),
        Kind::Distrust => Error::refused(
            ErrorReason::ServiceUnreachable,
            format!("{} cannot be reached: {}", circuit.peer(), trouble.why),
            [("service", circuit.peer().to_owned())],
        )
        .into(),
    }
}

/// An answer that broke off: what the transport says of it is no word of the peer.
fn interrupted(status: Status, circuit: &Circuit) -> Status {
    match status.code() {
        Code::Unknown | Code::Internal | Code::Cancelled | Code::Unavailable => {
            let trouble = trouble_of(&status);
            if trouble.kind == Kind::Silent {
                circuit.unreachable(trouble.clone(), Instant::now());
            }
            Status::unavailable(trouble.why.to_string())
        }
        _ => status,
    }
}

/// A request that could not be read to its end.
fn unread(error: Box<dyn StdError + Send + Sync>) -> Status {
    match error.downcast::<LengthLimitError>() {
        Ok(_) => message_too_large(MESSAGE_IN).into(),
        Err(error) => Status::cancelled(format!("the request broke off: {error}")),
    }
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(found) = cause {
        if let Some(found) = found.downcast_ref::<T>() {
            return Some(found);
        }
        cause = found.source();
    }
    None
}
