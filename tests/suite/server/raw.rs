//! Calls without a gRPC client, which would keep deadlines and limits by itself.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tonic::Status;

/// One connection, kept open until it is dropped.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    url: String,
}

impl Connection {
    pub async fn open(url: &str) -> Connection {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Connection { sender, url: url.to_owned() }
    }

    /// Sends one message with these headers, and answers the status it ends with.
    pub async fn call(&mut self, path: &str, message: &[u8], headers: &[(&str, &str)]) -> Status {
        let mut request = http::Request::post(format!("{}{path}", self.url))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(framed(message))).unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        if let Some(status) = Status::from_header_map(&head.headers) {
            return status;
        }
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().expect("a gRPC answer ends with a status");
        Status::from_header_map(trailers).expect("the trailers hold a status")
    }
}

/// A request of which only its encoding is wanted.
pub fn encoded(message: &impl Message) -> Vec<u8> {
    message.encode_to_vec()
}

fn framed(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap());
    framed.put_slice(message);
    framed.freeze()
}
