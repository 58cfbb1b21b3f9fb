//! What an answer holds until it is sent, and gives back at its deadline.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};

use super::limits::Place;
use super::{Deadline, deadline_exceeded, message_too_large};
use crate::client::MESSAGE_OUT;
use crate::error::Error;

/// The answer and its place.
type Held = Arc<Mutex<Option<(Body, Option<Place>)>>>;

struct Until {
    held: Held,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Gives back what is held at the deadline, also from a reader that has stopped reading: its
    /// answer is not asked for any more.
    release: Option<JoinHandle<()>>,
    ended: bool,
}

/// `inner`, cut at the deadline with a status as trailers. The place is held until it is sent.
pub(super) fn until(inner: Body, deadline: Option<Deadline>, place: Option<Place>) -> Body {
    let held: Held = Arc::new(Mutex::new(Some((inner, place))));
    let release = deadline.map(|deadline| {
        let held = Arc::clone(&held);
        tokio::spawn(async move {
            sleep_until(deadline.0).await;
            drop(take(&held));
        })
    });
    let sleep = deadline.map(|deadline| Box::pin(sleep_until(deadline.0)));
    Body::new(Until { held, sleep, release, ended: false })
}

fn take(held: &Held) -> Option<(Body, Option<Place>)> {
    held.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Until {
    fn end(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.ended = true;
        drop(take(&self.held));
        let mut trailers = http::HeaderMap::new();
        Poll::Ready(Some(match Status::from(error).add_header(&mut trailers) {
            Ok(()) => Ok(Frame::trailers(trailers)),
            Err(status) => Err(status),
        }))
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            release.abort();
        }
    }
}

impl HttpBody for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.as_mut().map(|(body, _)| Pin::new(body).poll_frame(context))
        };
        match polled {
            None => self.end(deadline_exceeded()),
            Some(Poll::Ready(Some(Ok(frame)))) if is_too_large(&frame) => {
                self.end(message_too_large(MESSAGE_OUT))
            }
            Some(Poll::Ready(frame)) => Poll::Ready(frame),
            Some(Poll::Pending) => {
                match self.sleep.as_mut().map(|sleep| sleep.as_mut().poll(context)) {
                    Some(Poll::Ready(())) => self.end(deadline_exceeded()),
                    Some(Poll::Pending) | None => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended || held.as_ref().is_some_and(|(body, _)| body.is_end_stream())
    }
}

/// Whether an answer ended because a message of it was over the limit: what tonic says of that is
/// OUT_OF_RANGE.
fn is_too_large(frame: &Frame<Bytes>) -> bool {
    let status = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status"));
    status.is_some_and(|status| Code::from_bytes(status.as_bytes()) == Code::OutOfRange)
}
