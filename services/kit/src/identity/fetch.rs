//! Reads an issuer's published keys: one bounded request over HTTP, trusting as little as possible.
//!
//! Redirects, cookies, compression and proxies are deliberately absent: an address that is set
//! answers by itself.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::chain;

/// The largest answer that is read: a key is below 2 KiB, and certificates come along with some.
pub(super) const ANSWER: usize = 256 * 1024;
/// What an address has to be.
const WRONG: &str = "must be an address such as https://login.example/keys";

/// Where keys are published.
#[derive(Clone, Debug)]
pub(super) struct Address {
    uri: Uri,
    host: String,
    port: u16,
    trusted: Option<Trusted>,
}

/// Whose certificates are believed, where the address is one of HTTPS.
#[derive(Clone, Debug)]
enum Trusted {
    /// The public authorities, as compiled in.
    Public,
    /// Who is in a file.
    File(PathBuf),
}

impl Address {
    /// Reads an address, or says what is wrong with it. `anywhere` allows `http://` to a machine
    /// that is not this one, and `ca_file` names whose certificates are believed; empty believes
    /// the public authorities.
    pub(super) fn parse(text: &str, anywhere: bool, ca_file: &str) -> Result<Address, String> {
        let uri: Uri = text.parse().map_err(|_| WRONG)?;
        let authority = uri.authority().ok_or(WRONG)?;
        if authority.as_str().contains('@') {
            return Err("must not hold a name or a password".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let near = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let (trusted, port) = match uri.scheme_str() {
            Some("https") if ca_file.is_empty() => (Some(Trusted::Public), 443),
            Some("https") => (Some(Trusted::File(ca_file.into())), 443),
            Some("http") if near || anywhere => (None, 80),
            Some("http") => {
                return Err("must begin with https://: anybody on the way could put in keys of \
                            their own (kit.identity.jwks_plain_http = true allows it)"
                    .to_owned());
            }
            _ => return Err(WRONG.to_owned()),
        };
        let port = authority.port_u16().unwrap_or(port);
        Ok(Address { host, port, trusted, uri })
    }

    /// Checks that the certificates to believe can be read.
    pub(super) fn check(&self) -> Result<(), String> {
        self.trusted.as_ref().map_or(Ok(()), |trusted| trusted.roots().map(drop))
    }

    /// Asks once. Whoever calls limits the time.
    pub(super) async fn get(&self) -> Result<Vec<u8>, String> {
        let told = |error: &dyn std::error::Error| chain(error);
        let stream = TcpStream::connect((self.host.as_str(), self.port));
        let stream = stream.await.map_err(|error| format!("no connection: {}", told(&error)))?;
        let Some(trusted) = &self.trusted else {
            return self.exchange(stream).await;
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| told(&error))?
            .with_root_certificates(trusted.roots()?)
            .with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(|error| told(&error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        self.exchange(stream.map_err(|error| format!("no TLS: {}", told(&error)))?).await
    }

    async fn exchange<S>(&self, stream: S) -> Result<Vec<u8>, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let told = |error: hyper::Error| format!("no answer: {}", chain(&error));
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, self.uri.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("arrs/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|error| chain(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
        let answer = pin!(async move {
            let response = sender.send_request(request).await.map_err(told)?;
            if response.status() != StatusCode::OK {
                let status = response.status();
                let hint =
                    if status.is_redirection() { ", and is not followed elsewhere" } else { "" };
                return Err(format!("it answers {status}{hint}"));
            }
            let body = Limited::new(response.into_body(), ANSWER).collect().await;
            let body =
                body.map_err(|error| format!("the answer breaks off: {}", chain(&*error)))?;
            Ok(body.to_bytes().to_vec())
        });
        match select(answer, pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            // The peer hung up: what it had sent by then is still there.
            Either::Right((_, answer)) => answer.await,
        }
    }
}

impl Trusted {
    /// Read anew for each request, so that certificates can be changed.
    fn roots(&self) -> Result<RootCertStore, String> {
        let path = match self {
            Trusted::Public => return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()),
            Trusted::File(path) => path,
        };
        let told = |error: &dyn std::error::Error| format!("{}: {}", path.display(), chain(error));
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| told(&error))? {
            let certificate = certificate.map_err(|error| told(&error))?;
            roots.add(certificate).map_err(|error| told(&error))?;
        }
        if roots.is_empty() {
            return Err(format!("{} holds no certificate in PEM", path.display()));
        }
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::forge::answer;
    use super::*;

    /// An endpoint with a certificate for `name`, which it answers in PEM.
    async fn endpoint(name: &str) -> (u16, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                answer(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys").await;
            }
        });
        (port, cert.pem())
    }

    #[tokio::test]
    async fn https_is_believed_by_certificate_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (port, pem) = endpoint("localhost").await;
        let (_, other) = endpoint("localhost").await;
        let (elsewhere, named) = endpoint("issuer.example").await;
        let url = format!("https://localhost:{port}/keys?a=b");
        let get = async |url: &str, ca_file: &str| {
            Address::parse(url, false, ca_file).unwrap().get().await
        };

        assert_eq!(get(&url, &file("right.pem", &pem)).await, Ok(b"keys".to_vec()));

        for (what, url, ca_file) in [
            ("no public authority signed it", url.clone(), String::new()),
            ("another authority", url.clone(), file("other.pem", &other)),
            ("another name", format!("https://localhost:{elsewhere}/"), file("named.pem", &named)),
        ] {
            let problem = get(&url, &ca_file).await.expect_err(what);
            assert!(problem.contains("no TLS"), "{what}: {problem}");
        }
        for (text, why) in [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\n", "broken.pem")]
        {
            let address = Address::parse(&url, false, &file("broken.pem", text)).unwrap();
            let problem = address.check().unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
        let missing = Address::parse(&url, false, "/no/such.pem").unwrap().check().unwrap_err();
        assert!(missing.contains("/no/such.pem"), "{missing}");
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for near in ["http://localhost/a", "http://127.0.0.1:80/a", "http://[::1]:80/a"] {
            assert!(Address::parse(near, false, "").is_ok(), "{near}");
        }
        for far in ["http://issuer.example/a", "http://10.0.0.1/a", "http://localhost.example/a"] {
            let problem = Address::parse(far, false, "").unwrap_err();
            assert!(problem.contains("jwks_plain_http"), "{far}: {problem}");
            assert!(Address::parse(far, true, "").is_ok(), "{far}");
        }
    }
}
