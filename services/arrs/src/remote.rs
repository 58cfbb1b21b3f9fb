//! A running server, as a client sees it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use kit::client::{Channel, Token};
use kit::identity::{Grant, LocalIssuer, TOKEN_BYTES};
use kit::tls::{Files, Tls};
use prost::Message;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cli::{HealthcheckArguments, ServerArguments, TokenArguments};
use crate::exit::Failure;
use crate::settings::Settings;

/// How long a probe waits.
const PROBE: Duration = Duration::from_secs(3);

/// A channel to the server of a command, with its token.
pub(crate) fn connect(
    settings: &Settings,
    arguments: &ServerArguments,
) -> Result<Channel, Failure> {
    let token = match &arguments.token {
        Some(token) => token.trim().to_owned(),
        None => {
            let grants = ["operator@england".parse::<Grant>().expect("a role and a scope")];
            local_issuer(settings)
                .map_err(|failure| {
                    let why = "there is no --token, and none can be made here";
                    Failure::usage(format!("{why}: {failure}"))
                })?
                .token("local-operator", &grants, 60)
        }
    };
    if token.len() > TOKEN_BYTES {
        return Err(Failure::usage(format!("the token is longer than {TOKEN_BYTES} bytes")));
    }
    if AsciiMetadataValue::try_from(token.as_str()).is_err() {
        return Err(Failure::usage("the token is not one line of plain characters"));
    }
    let ServerArguments { server, ca, .. } = arguments;
    channel(settings, server, ca.as_deref(), Token::Fixed(Arc::from(token)))
}

/// Everything that a method lists, page after page.
pub(crate) async fn all<Q, A, T>(
    channel: &Channel,
    path: &str,
    ask: impl Fn(String) -> Q,
    page: impl Fn(A) -> (Vec<T>, String),
) -> Result<Vec<T>, Status>
where
    Q: Message + Send + Sync + 'static,
    A: Message + Default + Send + Sync + 'static,
{
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let answer = channel.unary(path, Request::new(ask(page_token))).await?;
        let (rows, next_page_token) = page(answer.into_inner());
        all.extend(rows);
        if next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = next_page_token;
    }
}

/// A channel that trusts the authorities of `ca`, else those of the settings, else the public ones.
fn channel(
    settings: &Settings,
    url: &str,
    ca: Option<&Path>,
    token: Token,
) -> Result<Channel, Failure> {
    let mut files = Files::of(&settings.kit.tls)?;
    let named = ca.is_some();
    files.authorities = ca.map(Path::to_owned).or(files.authorities);
    let tls = Tls::open(files).map_err(|error| match named {
        true => Failure::usage(format!("the files of TLS cannot be used: {error}")),
        false => Failure::from(error),
    })?;
    Channel::trusting(url, token, &tls).map_err(|error| Failure::usage(error.to_string()))
}

fn local_issuer(settings: &Settings) -> Result<LocalIssuer, String> {
    let identity = &settings.kit.identity;
    if !identity.issuer.is_empty() {
        let issuer = &identity.issuer;
        return Err(format!(
            "kit.identity.issuer is {issuer}, and a token made here would be refused; get one from \
             that issuer and pass it with --token or ARRS_TOKEN"
        ));
    }
    LocalIssuer::read(&settings.kit.data_directory, &identity.audience, Clock::system()).map_err(
        |error| {
            let hint = "run `arrs serve` here once, or name the folder with \
                        ARRS__KIT__DATA_DIRECTORY";
            format!("the local issuer has no key: {error}; {hint}")
        },
    )
}

/// A token of the local issuer.
pub(crate) fn local_token(
    settings: &Settings,
    arguments: &TokenArguments,
) -> Result<String, Failure> {
    let issuer = local_issuer(settings).map_err(Failure::configuration)?;
    let minutes = i64::from(arguments.hours) * 60;
    Ok(issuer.token(&arguments.subject, &arguments.grants, minutes))
}

/// Asks a server whether it serves.
pub(crate) async fn healthcheck(
    settings: &Settings,
    arguments: &HealthcheckArguments,
) -> Result<(), Failure> {
    let listening = || {
        // A certificate is for a name, and seldom for an address.
        let port = settings.gateway.listen.port();
        match settings.gateway.tls.certificate_file.is_empty() {
            true => format!("http://127.0.0.1:{port}"),
            false => format!("https://localhost:{port}"),
        }
    };
    let url = arguments.server.clone().unwrap_or_else(listening);
    let channel = channel(settings, &url, arguments.ca.as_deref(), Token::Passed)?;
    let mut client = HealthClient::new(channel);
    let ask = client.check(HealthCheckRequest { service: String::new() });
    let answer = tokio::time::timeout(PROBE, ask).await;
    let answer = answer.map_err(|_| Failure::unreachable(format!("{url} did not answer")))?;
    match answer.map_err(|status| Failure::unreachable(format!("{url}: {}", status.message())))? {
        answer if answer.get_ref().status() == ServingStatus::Serving => Ok(()),
        _ => Err(Failure::unreachable(format!("{url} is not serving"))),
    }
}
