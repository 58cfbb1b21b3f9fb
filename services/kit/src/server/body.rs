//! A body that ends at a deadline.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;

use super::Deadline;
use crate::error::Error;

struct Until {
    inner: Body,
    sleep: Pin<Box<Sleep>>,
    late: fn() -> Error,
    ended: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

/// `inner`, cut at the deadline with the status of `late` as trailers. The permit is held until
/// it has been sent.
pub(super) fn until(
    inner: Body,
    deadline: Deadline,
    late: fn() -> Error,
    permit: Option<OwnedSemaphorePermit>,
) -> Body {
    let sleep = Box::pin(sleep_until(deadline.0));
    Body::new(Until { inner, sleep, late, ended: false, _permit: permit })
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
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame),
            Poll::Pending => match self.sleep.as_mut().poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => {
                    self.ended = true;
                    let status = Status::from((self.late)());
                    let mut trailers = http::HeaderMap::new();
                    let trailers = match status.add_header(&mut trailers) {
                        Ok(()) => Ok(Frame::trailers(trailers)),
                        Err(status) => Err(status),
                    };
                    Poll::Ready(Some(trailers))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }
}
