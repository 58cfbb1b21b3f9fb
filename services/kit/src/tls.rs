//! Certificates: what a process shows, whom it trusts, read again when the files change.
//!
//! A broken file never replaces a good one, and no trouble with a certificate ends a process: it
//! is told in the log, and to the caller as a peer that cannot be reached. There is no revocation
//! list: certificates of services are short-lived instead.

mod expiry;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{AlertDescription, CertificateError, InvalidMessage, RootCertStore};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::clock::Clock;
use crate::config::{self, ConfigError};
use crate::telemetry;

/// What is spoken inside: HTTP/2, and for what is not gRPC HTTP/1.1.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// How many days before its end a certificate is warned of.
const EXPIRES_SOON_DAYS: i64 = 14;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The files of one side, and what they are for.
#[derive(Clone, Debug)]
pub struct Files {
    /// The table of the settings that names them, for messages: `kit.tls`.
    pub table: &'static str,
    /// The certificate to show, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whose certificates are trusted; none for the public authorities.
    pub authorities: Option<PathBuf>,
    /// Whether callers must show a certificate.
    pub callers_show_one: bool,
}

impl Files {
    /// The files of the settings that services share.
    pub fn of(settings: &config::Tls) -> Result<Files, ConfigError> {
        let config::Tls { certificate_file, key_file, ca_file, .. } = settings;
        let table = "kit.tls";
        let authorities = (!ca_file.is_empty()).then(|| PathBuf::from(ca_file));
        let certificate = pair(table, certificate_file, key_file)?;
        let callers_show_one = settings.require_client_certificates && certificate.is_some();
        if callers_show_one && authorities.is_none() {
            let why = "must name the authorities of the certificates that callers show; \
                       kit.tls.require_client_certificates = false asks callers for none";
            return Err(ConfigError::at("kit.tls.ca_file", why));
        }
        Ok(Files { table, certificate, authorities, callers_show_one })
    }

    /// The files of a listener that anybody may call; none if it speaks no TLS.
    pub fn of_listener(
        table: &'static str,
        certificate_file: &str,
        key_file: &str,
    ) -> Result<Option<Files>, ConfigError> {
        let certificate = pair(table, certificate_file, key_file)?;
        Ok(certificate.map(|certificate| Files {
            table,
            certificate: Some(certificate),
            authorities: None,
            callers_show_one: false,
        }))
    }
}

/// A certificate and its key: both or none.
fn pair(
    table: &str,
    certificate: &str,
    key: &str,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    let lacks = |name: &str, other: &str| {
        Err(ConfigError::at(format!("{table}.{name}"), format!("must be set with {table}.{other}")))
    };
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((certificate.into(), key.into()))),
        (false, true) => lacks("key_file", "certificate_file"),
        (true, false) => lacks("certificate_file", "key_file"),
    }
}

/// Certificates from files.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Arc<Files>,
    current: watch::Sender<Arc<Current>>,
}

/// What the files held when they were last good.
#[derive(Debug)]
struct Current {
    read: Contents,
    client: Arc<rustls::ClientConfig>,
    server: Option<Arc<rustls::ServerConfig>>,
    /// When the certificate shown ends, in seconds since 1970.
    expires: Option<i64>,
}

/// The bytes of the files.
struct Contents {
    certificate: Option<(Vec<u8>, Vec<u8>)>,
    authorities: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files for the first time; here a wrong one is a wrong setting.
    pub fn open(files: Files) -> Result<Tls, ConfigError> {
        let current = contents(&files).and_then(|read| configure(&files, read)).map_err(
            |Problem { setting, why }| ConfigError::at(format!("{}.{setting}", files.table), why),
        )?;
        Ok(Tls { files: Arc::new(files), current: watch::Sender::new(Arc::new(current)) })
    }

    /// What connects to others with the certificates of now.
    pub fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.current.borrow().client))
    }

    /// What others connect to with the certificates of now; none where no certificate is shown.
    pub fn acceptor(&self) -> Option<TlsAcceptor> {
        self.current.borrow().server.clone().map(TlsAcceptor::from)
    }

    /// Whether a certificate is shown.
    pub fn shows_one(&self) -> bool {
        self.files.certificate.is_some()
    }

    /// Looks at the files every so often, for as long as the process runs.
    pub async fn watch(self, every: Duration, clock: Clock) {
        let table = self.files.table;
        let mut refused: Option<Digest> = None;
        let mut told = Told::default();
        loop {
            told.tell(table, self.current.borrow().expires, &clock);
            tokio::time::sleep(every).await;
            let files = Arc::clone(&self.files);
            let read = tokio::task::spawn_blocking(move || contents(&files)).await;
            let read = match read {
                Ok(Ok(read)) => read,
                Ok(Err(problem)) => {
                    told.problem(table, &problem.to_string());
                    continue;
                }
                Err(error) => {
                    told.problem(table, &error.to_string());
                    continue;
                }
            };
            let seen = read.digest();
            if read == self.current.borrow().read
                || refused.is_some_and(|refused| refused.as_ref() == seen.as_ref())
            {
                continue;
            }
            match configure(&self.files, read) {
                Ok(current) => {
                    refused = None;
                    told = Told::default();
                    self.current.send_replace(Arc::new(current));
                    tracing::info!(table, "the certificates of {table} were read anew");
                }
                Err(problem) => {
                    refused = Some(seen);
                    told.problem(table, &problem.to_string());
                }
            }
        }
    }
}

/// What was told of a certificate, so that it is told once.
#[derive(Default)]
struct Told {
    soon: bool,
    over: bool,
    problem: String,
}

impl Told {
    fn tell(&mut self, table: &'static str, expires: Option<i64>, clock: &Clock) {
        let Some(expires) = expires else { return };
        let left = expires - clock.now().0 / 1_000_000;
        telemetry::record_certificate(table, left);
        let days = left / DAY_SECONDS;
        if left <= 0 && !self.over {
            self.over = true;
            tracing::error!(
                table,
                "the certificate of {table} has expired: peers refuse it until its files are \
                 replaced"
            );
        } else if left > 0 && days < EXPIRES_SOON_DAYS && !self.soon {
            self.soon = true;
            tracing::warn!(table, days, "the certificate of {table} expires in {days} days");
        }
    }

    fn problem(&mut self, table: &str, why: &str) {
        if self.problem != why {
            tracing::error!(table, "the certificates of {table} stay as they were: {why}");
            why.clone_into(&mut self.problem);
        }
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Contents) -> bool {
        self.digest().as_ref() == other.digest().as_ref()
    }
}

impl Contents {
    fn digest(&self) -> Digest {
        let (certificate, key) = self.certificate.clone().unwrap_or_default();
        let authorities = self.authorities.clone().unwrap_or_default();
        let parts = [certificate, key, authorities];
        let each: Vec<u8> =
            parts.iter().flat_map(|part| digest(&SHA256, part).as_ref().to_vec()).collect();
        digest(&SHA256, &each)
    }
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Holds a key.
        f.write_str("Contents")
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{setting} {why}")]
struct Problem {
    setting: &'static str,
    why: String,
}

fn contents(files: &Files) -> Result<Contents, Problem> {
    let read = |setting: &'static str, path: &PathBuf| {
        let unread = |error: io::Error| Problem {
            setting,
            why: format!("{} cannot be read: {error}", path.display()),
        };
        std::fs::read(path).map_err(unread)
    };
    let certificate = match &files.certificate {
        Some((certificate, key)) => {
            Some((read("certificate_file", certificate)?, read("key_file", key)?))
        }
        None => None,
    };
    let authorities = files.authorities.as_ref().map(|path| read("ca_file", path)).transpose()?;
    Ok(Contents { certificate, authorities })
}

fn configure(files: &Files, read: Contents) -> Result<Current, Problem> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let wrong = |setting: &'static str| {
        move |error: rustls::Error| Problem { setting, why: format!("cannot be used: {error}") }
    };
    let authorities = Arc::new(match &read.authorities {
        Some(pem) => trusted(pem)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    });
    let shown = match &read.certificate {
        Some((certificate, key)) => Some((chain("certificate_file", certificate)?, private(key)?)),
        None => None,
    };
    let expires = match &shown {
        Some((chain, _)) => expiry::of(&chain[0]),
        None => None,
    };

    let verifier = WebPkiServerVerifier::builder_with_provider(
        Arc::clone(&authorities),
        Arc::clone(&provider),
    )
    .build()
    .map_err(|error| Problem { setting: "ca_file", why: format!("cannot be used: {error}") })?;
    let client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong("certificate_file"))?
        .with_webpki_verifier(verifier);
    let mut client = match &shown {
        Some((chain, key)) => client
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(wrong("key_file"))?,
        None => client.with_no_client_auth(),
    };
    client.alpn_protocols = vec![PROTOCOLS[0].to_vec()];

    let mut server = None;
    if let Some((chain, key)) = shown {
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(wrong("certificate_file"))?;
        let builder = if files.callers_show_one {
            let callers = WebPkiClientVerifier::builder_with_provider(authorities, provider);
            let callers = callers.build().map_err(|error| Problem {
                setting: "ca_file",
                why: format!("cannot be used: {error}"),
            })?;
            builder.with_client_cert_verifier(callers)
        } else {
            builder.with_no_client_auth()
        };
        let mut made = builder.with_single_cert(chain, key).map_err(wrong("key_file"))?;
        made.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        server = Some(Arc::new(made));
    }
    Ok(Current { read, client: Arc::new(client), server, expires })
}

fn chain(setting: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(chain) if chain.is_empty() => {
            Err(Problem { setting, why: "holds no certificate in PEM".to_owned() })
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(Problem { setting, why: format!("is not PEM: {error}") }),
    }
}

fn private(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| Problem {
        setting: "key_file",
        // What the parser says could quote the key.
        why: "holds no private key in PEM".to_owned(),
    })
}

fn trusted(pem: &[u8]) -> Result<RootCertStore, Problem> {
    let mut store = RootCertStore::empty();
    for certificate in chain("ca_file", pem)? {
        store.add(certificate).map_err(|error| Problem {
            setting: "ca_file",
            why: format!("holds what is no authority: {error}"),
        })?;
    }
    Ok(store)
}

/// What went wrong between two peers, in words; nothing if it was not about certificates.
pub(crate) fn why(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let text = match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate shown has expired".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate shown is not valid yet".to_owned()
            }
            CertificateError::NotValidForNameContext { expected, presented } => {
                // They come as `DnsName("finance.example")`.
                let names = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name));
                let names = names.collect::<Vec<_>>().join(", ");
                format!("the certificate shown is for {names}, not for {}", expected.to_str())
            }
            CertificateError::NotValidForName => {
                "the certificate shown is for another name".to_owned()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "the certificate shown is of an authority that is not trusted here".to_owned()
            }
            other => format!("the certificate shown is not accepted: {other}"),
        },
        rustls::Error::NoCertificatesPresented => "no certificate was shown".to_owned(),
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateExpired => {
                "the other side says that our certificate has expired".to_owned()
            }
            AlertDescription::UnknownCA | AlertDescription::DecryptError => {
                "the other side does not trust the authority of our certificate".to_owned()
            }
            AlertDescription::CertificateRequired => {
                "the other side asks for a certificate, and we show none".to_owned()
            }
            other => format!("the other side refused our certificate or our protocol: {other:?}"),
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the other side does not speak TLS".to_owned()
        }
        other => other.to_string(),
    };
    Some(text)
}
