//! How a service is served: who may in, for how long, how many at once, and how it stops.
//!
//! Each call runs as a task of its own: a caller that goes away stops waiting, not the work.

mod body;
mod limits;
mod serve;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument;

pub use serve::{Listener, serve};

use self::limits::{CallerPlace, Limits, Pace, Place};
use crate::answers::Answer;
use crate::audit::{self, Entry, Outcome, Writer};
use crate::config;
use crate::db::Database;
use crate::error::{Error, ErrorReason};
use crate::facts::Progress;
use crate::identity::{Caller, Verifier, unauthenticated};
use crate::rules::{self, MissingRule, Rule};
use crate::shutdown::Shutdown;
use crate::telemetry;

/// The most bytes of headers of a call.
const HEADERS: usize = 64 * 1024;
/// The largest request that is read.
pub const MESSAGE_IN: usize = 1024 * 1024;
/// How often the databases are asked whether they answer.
const HEALTH: Duration = Duration::from_secs(2);
/// The largest answer that is sent.
pub use crate::client::MESSAGE_OUT;
/// The metadata that names the outbox position of a mutation's last fact.
pub const POSITION: &str = "arrs-position";
/// The metadata that asks an answer to be at least as new as a position.
pub const AFTER: &str = "arrs-after";

/// What of a deadline is kept back for the way home.
pub const WAY_HOME: Duration = Duration::from_millis(20);

/// By how much at most a wait for a position ends before the deadline; a tenth of a shorter one.
const WAIT_SHORTER: Duration = Duration::from_millis(250);

/// When a call must be answered.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// What is left of it.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The door of a service: everything a call passes before and after its handler.
#[derive(Clone)]
pub struct Door {
    shared: Arc<Shared>,
    pace: Option<Arc<Pace>>,
    routes: Routes,
    trail: Trail,
}

/// Where a door records refusals and reads of personal data.
#[derive(Clone)]
pub enum Trail {
    /// In the database of the service.
    Kept(Writer),
    /// At the service to which these routes lead: it refuses once more, by the same token.
    PassedOn(Routes),
}

impl Trail {
    /// Waits until the database of the service does not answer, and says so.
    async fn away(&self) -> Error {
        match self {
            Trail::Kept(writer) => writer.away().await,
            Trail::PassedOn(_) => std::future::pending().await,
        }
    }
}

struct Shared {
    rules: BTreeMap<String, Rule>,
    verifier: Verifier,
    progress: Vec<Progress>,
    limits: Arc<Limits>,
    settings: config::Server,
    draining: Shutdown,
}

impl Door {
    /// A door to `routes`. Refused if a method of the contracts has no access rule.
    ///
    /// `progress` says how far the service has followed each producer that callers may wait for;
    /// streams without an end end when `draining` is set off.
    pub fn new(
        routes: Routes,
        trail: Trail,
        verifier: Verifier,
        progress: Vec<Progress>,
        settings: config::Server,
        draining: Shutdown,
    ) -> Result<Door, MissingRule> {
        Ok(Door {
            shared: Arc::new(Shared {
                rules: rules::methods()?,
                verifier,
                progress,
                limits: Arc::new(Limits::new(&settings)),
                settings,
                draining,
            }),
            pace: None,
            routes: routes.prepare(),
            trail: match trail {
                Trail::Kept(writer) => Trail::Kept(writer),
                Trail::PassedOn(routes) => Trail::PassedOn(routes.prepare()),
            },
        })
    }

    /// The same door, where each caller may make so many calls a second.
    pub fn at_pace(self, pace: &config::Pace) -> Door {
        Door { pace: Pace::new(pace).map(Arc::new), ..self }
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let method = path.trim_start_matches('/').to_owned();
        let shared = Arc::clone(&self.shared);
        let span = tracing::info_span!("call", rpc.method = %method, otel.kind = "server");
        telemetry::set_parent(&span, request.headers());
        async {
            let started = Instant::now();
            let response = match self.admit(request, &path).await {
                Ok(response) => response,
                Err(error) => Status::from(error).into_http(),
            };
            let code = code_of(&response);
            let name = telemetry::code_name(code);
            let elapsed = started.elapsed();
            // A path that is no method of ours must not become a series of its own.
            let known = shared.rules.contains_key(&path);
            telemetry::record_call(if known { &method } else { "_OTHER" }, name, elapsed);
            let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(
                rpc.status_code = name,
                duration_ms,
                "{method} answered {name} in {duration_ms} ms"
            );
            response
        }
        .instrument(span)
        .await
    }

    async fn admit(self, mut request: Request<Body>, path: &str) -> Result<Response<Body>, Error> {
        if size(request.headers()) > HEADERS {
            return Err(headers_too_large());
        }
        // Probes and discovery carry no token and show nothing of a PCN.
        if path.starts_with("/grpc.health.v1.") || path.starts_with("/grpc.reflection.") {
            // One question is cheap; a stream may stay for ever.
            let place = match path.ends_with("/Check") || path.ends_with("/List") {
                true => None,
                false => Some(self.shared.limits.of_probe()?),
            };
            return self.run(request, None, false, place).await;
        }
        let shared = Arc::clone(&self.shared);
        let identity = shared.verifier.verify(bearer(request.headers())?).await?;
        let Some(rule) = shared.rules.get(path) else {
            return Err(Error::refused(
                ErrorReason::MethodUnknown,
                format!("there is no method {path}"),
                [],
            ));
        };
        if let Some(pace) = &self.pace {
            pace.check(&identity.principal)?;
        }
        let long = rule.client_streaming || rule.server_streaming;
        let place = shared.limits.of_caller(&identity.principal, long)?;
        let deadline = shared.deadline(request.headers(), long);
        // A stream does not outlive the token it was opened with.
        let deadline = Deadline(deadline.0.min(Instant::now() + identity.valid_for));
        let caller = Caller::admit(
            identity.principal.clone(),
            identity.grants,
            path,
            &rule.permission,
            shared.draining.clone(),
        );
        let caller = match caller {
            Ok(caller) => caller,
            Err(refusal) => {
                let principal = &identity.principal;
                return self.refuse(request, principal, deadline, rule, place, refusal).await;
            }
        };
        // Waiting costs little, so it takes no place from others who could be answered.
        shared.wait(request.headers(), rule, deadline).await?;
        let place = shared.limits.of_process(place)?;
        // What nobody waits for any more is not begun.
        if deadline.left().is_zero() {
            return Err(deadline_exceeded());
        }
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(deadline);
        self.run(request, Some(deadline), rule.personal, Some(place)).await
    }

    /// Refuses a call that no permission allows, once that is recorded.
    async fn refuse(
        self,
        mut request: Request<Body>,
        principal: &str,
        deadline: Deadline,
        rule: &Rule,
        place: CallerPlace,
        refusal: Error,
    ) -> Result<Response<Body>, Error> {
        match &self.trail {
            Trail::Kept(writer) => {
                let path = request.uri().path();
                let entry = Entry::of(principal, path, Outcome::Denied, "")
                    .because(refusal.reason())
                    .saying(&rule.permission);
                let recorded = writer.record(vec![entry]);
                let recorded = tokio::time::timeout_at(deadline.0, recorded).await;
                recorded.map_err(|_| deadline_exceeded())??;
                Err(refusal)
            }
            Trail::PassedOn(routes) => {
                let place = self.shared.limits.of_process(place)?;
                let routes = routes.clone();
                request.extensions_mut().insert(deadline);
                let door = Door { routes, ..self };
                door.run(request, Some(deadline), rule.personal, Some(place)).await
            }
        }
    }

    /// Runs the call as a task that a cancelled caller cannot drop.
    async fn run(
        mut self,
        request: Request<Body>,
        deadline: Option<Deadline>,
        personal: bool,
        place: Option<Place>,
    ) -> Result<Response<Body>, Error> {
        let caller = request.extensions().get::<Caller>().cloned();
        let trail = self.trail.clone();
        // The place is held while the work goes on, even if the caller does not wait for it.
        let work = async move {
            let ready = |context: &mut Context<'_>| {
                Service::<Request<Body>>::poll_ready(&mut self.routes, context)
            };
            std::future::poll_fn(ready).await?;
            let response = self.routes.call(request).await?;
            let response = match (&self.trail, &caller) {
                (Trail::Kept(writer), Some(caller)) => {
                    recorded(writer, caller, personal, response).await
                }
                (Trail::PassedOn(_), _) | (_, None) => response,
            };
            Ok::<_, std::convert::Infallible>((response, place))
        };
        let task = tokio::spawn(work.in_current_span());
        let joined = match deadline {
            None => task.await,
            Some(deadline) => tokio::select! {
                biased;
                joined = task => joined,
                () = tokio::time::sleep_until(deadline.0) => return Err(deadline_exceeded()),
                // Whatever the call waits for there may never come.
                error = trail.away() => return Err(error),
            },
        };
        let (response, place) = match joined {
            Ok(Ok(answered)) => answered,
            Ok(Err(never)) => match never {},
            Err(error) => return Err(Error::internal(format!("the call failed: {error}"))),
        };
        // What tonic calls OUT_OF_RANGE is a message over the limit.
        if code_of(&response) == Code::OutOfRange {
            return Err(message_too_large(MESSAGE_IN));
        }
        Ok(response.map(|body| body::until(body, deadline, place)))
    }
}

impl Shared {
    fn deadline(&self, headers: &HeaderMap, long: bool) -> Deadline {
        let seconds = if long {
            self.settings.stream_deadline_seconds
        } else {
            self.settings.deadline_seconds
        };
        let most = Duration::from_secs(u64::from(seconds));
        let asked = headers
            .get("grpc-timeout")
            .and_then(timeout)
            .map_or(most, |asked| if long { asked.min(most) } else { asked.min(most * 4) });
        Deadline(Instant::now() + asked)
    }

    /// How many calls are worked on, streams that are still being sent included.
    fn running(&self) -> usize {
        self.limits.running()
    }

    /// Waits until the service has followed as far as `arrs-after` asks.
    async fn wait(
        &self,
        headers: &HeaderMap,
        rule: &Rule,
        deadline: Deadline,
    ) -> Result<(), Error> {
        // Whoever asks gives up at the deadline: what is missing must be told before it.
        let until = deadline.0 - (deadline.left() / 10).min(WAIT_SHORTER);
        for progress in self.progress.iter().filter(|_| !rule.mending) {
            progress.clone().whole(until).await?;
        }
        for (producer, position) in positions(headers)? {
            let progress = self.progress.iter().find(|progress| progress.producer() == producer);
            if let Some(progress) = progress {
                progress.clone().wait(position, until).await?;
            }
        }
        Ok(())
    }
}

/// The answer, once it is recorded where it must be: a refusal of rows outside the scope, or
/// personal data. What cannot be recorded is not answered.
async fn recorded(
    writer: &Writer,
    caller: &Caller,
    personal: bool,
    response: Response<Body>,
) -> Response<Body> {
    let entries = match code_of(&response) {
        Code::PermissionDenied => Ok(vec![denied(caller, response.extensions())]),
        Code::Ok if personal => audit::entries(caller, response.extensions()),
        _ => return response,
    };
    let written = match entries {
        Ok(entries) => writer.record(entries).await,
        Err(error) => Err(error),
    };
    written.map_or_else(|error| Status::from(error).into_http(), |()| response)
}

/// What is recorded of a refusal that a handler made.
fn denied(caller: &Caller, extensions: &http::Extensions) -> Entry {
    let error = extensions.get::<Status>().and_then(std::error::Error::source);
    let (permission, name) = match error.and_then(|error| error.downcast_ref()) {
        Some(Error::Denied { permission, name }) => (permission.as_str(), name.as_str()),
        Some(_) | None => ("", ""),
    };
    let entry = Entry::new(caller, Outcome::Denied, name);
    entry.because(ErrorReason::NotPermitted).saying(permission)
}

/// The refusal of a message over the limit.
pub(crate) fn message_too_large(limit: usize) -> Error {
    Error::refused(
        ErrorReason::MessageTooLarge,
        format!("a message is larger than {limit} bytes"),
        [("limit_bytes", limit.to_string())],
    )
}

/// The refusal of a call whose token or other headers are over the limit.
pub(crate) fn headers_too_large() -> Error {
    Error::refused(
        ErrorReason::MessageTooLarge,
        format!("the headers of the call are larger than {HEADERS} bytes"),
        [("limit_bytes", HEADERS.to_string())],
    )
}

/// The refusal of a call whose time is over.
pub fn deadline_exceeded() -> Error {
    let message = "the time allowed is over; a mutation may have happened: repeat it with the same \
                   request_id";
    Error::refused(ErrorReason::DeadlineExceeded, message, [])
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move { Ok(door.answer(request).await) })
    }
}

/// Health and reflection, beside the methods of a process.
///
/// Health says `SERVING` at once; a process that drains says otherwise through the reporter.
pub async fn with_probes(
    routes: Routes,
    reflection: bool,
) -> Result<(Routes, tonic_health::server::HealthReporter), Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    for name in probed() {
        reporter.set_service_status(&name, tonic_health::ServingStatus::Serving).await;
    }
    let mut routes = routes.add_service(health);
    if reflection {
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(arrs_proto::DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        routes = routes
            .add_service(builder().build_v1().map_err(Error::internal)?)
            .add_service(builder().build_v1alpha().map_err(Error::internal)?);
    }
    Ok((routes, reporter))
}

/// Says in the health of a process whether its databases answer and callers can be told apart,
/// until it drains.
pub async fn watch_health(
    databases: Vec<Database>,
    verifier: Verifier,
    mut reporters: Vec<tonic_health::server::HealthReporter>,
    mut draining: Shutdown,
) {
    let mut serving = true;
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = draining.wait() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = HEALTH;
        let answers = futures::future::join_all(databases.iter().map(Database::answers)).await;
        let answering = answers.into_iter().all(|answers| answers);
        let ready = verifier.is_ready();
        if serving == (answering && ready) {
            continue;
        }
        serving = answering && ready;
        let status = if serving {
            tracing::info!("the process can answer callers again");
            tonic_health::ServingStatus::Serving
        } else {
            let why =
                if answering { "no token can be checked" } else { "a database does not answer" };
            tracing::error!("{why}: health says so until this is over");
            tonic_health::ServingStatus::NotServing
        };
        for reporter in &mut reporters {
            for name in probed() {
                reporter.set_service_status(&name, status).await;
            }
        }
    }
}

/// Says in the health of a process that it will end.
pub async fn end_health(reporter: &mut tonic_health::server::HealthReporter) {
    for name in probed() {
        reporter.set_service_status(&name, tonic_health::ServingStatus::NotServing).await;
    }
}

/// Ends the streams of those who watch health, which would hold the process up.
pub async fn end_probes(mut reporter: tonic_health::server::HealthReporter) {
    for name in probed() {
        reporter.clear_service_status(&name).await;
    }
}

/// The names under which health is asked for: the process, and each service of ours.
fn probed() -> impl Iterator<Item = String> {
    let ours = rules::descriptors().services().map(|service| service.full_name().to_owned());
    std::iter::once(String::new()).chain(ours.filter(|name| name.starts_with("arrs.")))
}

/// The caller that the door let in.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Error> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Error::internal("a handler was reached without passing the door"))
}

/// An answer with the outbox position of the mutation's last fact, for `arrs-after`.
pub fn with_position<T>(answer: T, producer: &str, position: Option<i64>) -> tonic::Response<T> {
    let mut response = tonic::Response::new(answer);
    if let Some(position) = position {
        let value = AsciiMetadataValue::try_from(format!("{producer}={position}"))
            .expect("a name and a number are visible ASCII");
        response.metadata_mut().insert(POSITION, value);
    }
    response
}

/// The answer of a mutation, now or from before, with its position.
pub fn answered<M: Message + Default>(
    answer: Answer,
    producer: &str,
) -> Result<tonic::Response<M>, Error> {
    Ok(with_position(answer.message()?, producer, answer.position))
}

/// The positions of an answer's metadata.
pub fn position_of(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(POSITION).and_then(|value| value.to_str().ok())
}

/// `arrs-after: workforce=1234`, several separated by commas or repeated.
fn positions(headers: &HeaderMap) -> Result<Vec<(String, i64)>, Error> {
    let mut positions = Vec::new();
    for value in headers.get_all(AFTER) {
        let text = value.to_str().unwrap_or("?");
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let parsed = pair.split_once('=').and_then(|(producer, position)| {
                let position: i64 = position.parse().ok().filter(|position| *position >= 0)?;
                (!producer.is_empty()).then(|| (producer.to_owned(), position))
            });
            let Some(parsed) = parsed else {
                return Err(Error::invalid(AFTER, "must be positions such as workforce=1234"));
            };
            positions.push(parsed);
        }
    }
    Ok(positions)
}

/// The bytes of headers, as HTTP/2 counts them.
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let value = headers.get(AUTHORIZATION).ok_or_else(|| unauthenticated("there is none"))?;
    let text = value.to_str().map_err(|_| unauthenticated("the header is not plain text"))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(unauthenticated("the authorization header must be 'Bearer TOKEN'"));
    }
    Ok(token.trim())
}

/// What is left of the time of a call, as gRPC writes it.
pub fn timeout_value(left: Duration) -> HeaderValue {
    let millis = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).clamp(1, 99_999_999);
    HeaderValue::try_from(format!("{millis}m")).expect("digits and a letter")
}

/// `100m`, `5S`: at most eight digits and a unit, as gRPC writes it.
pub(crate) fn timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let unit = text.chars().last()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// The code of an answer, as far as its head tells: a stream may still fail.
fn code_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get("grpc-status")
        .map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let timeout = |text: &str| timeout(&HeaderValue::from_str(text).unwrap());
        assert_eq!(timeout("100m"), Some(Duration::from_millis(100)));
        assert_eq!(timeout("5S"), Some(Duration::from_secs(5)));
        for text in ["", "S", "5", "5x", "-5S", "123456789S", "é"] {
            assert_eq!(timeout(text), None, "{text}");
        }
        assert_eq!(timeout_value(Duration::from_secs(2)), "2000m");
        assert_eq!(timeout_value(Duration::ZERO), "1m");
    }

    #[test]
    fn positions_to_wait_for_may_be_several() {
        let mut headers = HeaderMap::new();
        headers.append(AFTER, "workforce=12, finance=3".parse().unwrap());
        headers.append(AFTER, "supervision=1".parse().unwrap());
        let names = |headers: &HeaderMap| positions(headers).map(|found| found.len());
        assert_eq!(names(&headers).unwrap(), 3);
        headers.append(AFTER, "workforce=-1".parse().unwrap());
        assert!(names(&headers).is_err());
    }
}
