//! What a process tells about itself: log lines, traces and metrics.
//!
//! Log lines go to standard error, always. Traces and metrics go to an OTLP collector if one is
//! configured. Without one no metrics are made, and of traces only their ids: a call has one in the
//! log, the audit trail and its facts, the same in every process that it passes.

mod lines;
mod metrics;

use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::Code;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::{FilterExt, LevelFilter, dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use self::metrics::{
    Shed, observe_age, record_call, record_certificate, record_outbox, record_parked, record_shed,
};

use self::lines::Lines;
use crate::config::{ConfigError, Kit};

/// The names of metrics and of fields in log lines and spans.
pub mod names {
    /// How long calls took at the server, in seconds, by method and code.
    pub const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
    /// Which system of remote calls: always `grpc`.
    pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
    /// The method, `arrs.finance.v1.ClaimService/ApproveClaim`.
    pub const RPC_METHOD: &str = "rpc.method";
    /// How the call ended, `DEADLINE_EXCEEDED`.
    pub const RPC_STATUS_CODE: &str = "rpc.status_code";
    /// How many seconds the certificate that a process shows is still valid, by table of settings.
    pub const CERT_EXPIRY: &str = "arrs.cert.expiry";
    /// How many calls and connections were turned away because there were too many, by limit.
    pub const SHED: &str = "arrs.shed";
    /// Which limit turned a call or connection away.
    pub const LIMIT: &str = "limit";
    /// Which table of the settings names a certificate.
    pub const TABLE: &str = "table";
    /// How many facts are parked, by the service that told them.
    pub const PARKED_FACTS: &str = "arrs.facts.parked";
    /// How old the oldest fact is that is not on the broker yet, in seconds, by service.
    pub const OUTBOX_OLDEST: &str = "arrs.outbox.oldest";
    /// How many facts are not on the broker yet, by service.
    pub const OUTBOX_ROWS: &str = "arrs.outbox.rows";
    /// The service that told facts.
    pub const PRODUCER: &str = "arrs.producer";
    /// How many seconds ago the issuer's public keys were read; `arrs_jwks_age_seconds` where
    /// units are part of names.
    pub const JWKS_AGE: &str = "arrs.jwks.age";
    /// The trace that a log line belongs to.
    pub const TRACE_ID: &str = "trace_id";
    /// The span that a log line belongs to.
    pub const SPAN_ID: &str = "span_id";
}

/// How long the end of the process waits for a collector that does not answer.
const FLUSH_LIMIT: Duration = Duration::from_secs(3);

/// What becomes a span of a trace. The exporter's own calls must not, or they would never end.
const TRACED: &str = "info,h2=off,hyper=off,hyper_util=off,tonic=off,tower=off,opentelemetry=off,\
                      opentelemetry_sdk=off,opentelemetry_otlp=off";

/// Keeps traces and metrics going; what is not yet sent goes out when it is dropped.
#[must_use = "dropping it ends traces and metrics"]
#[derive(Debug)]
pub struct Telemetry {
    providers: Option<(SdkTracerProvider, SdkMeterProvider)>,
}

/// Starts logging and, if an endpoint is configured, sending traces and metrics.
///
/// With an endpoint it must be called inside a Tokio runtime. The first call in a process decides
/// how log lines look; later ones, as in tests, leave that as it is.
pub fn start(service: &'static str, kit: &Kit) -> Result<Telemetry, ConfigError> {
    let filter = EnvFilter::try_new(&kit.log.filter).map_err(|error| {
        let reason = format!("must be a level such as info, or info,arrs_finance=debug: {error}");
        ConfigError::at("kit.log.filter", reason)
    })?;
    // One write a line, so that lines of several threads do not mix. Nobody is left to tell when
    // standard error is gone.
    let lines = Lines::new(kit.log.format, colours(), |line| {
        drop(io::stderr().write_all(line.as_bytes()));
    });
    let registry = tracing_subscriber::registry();
    let endpoint = &kit.telemetry.endpoint;
    if endpoint.is_empty() {
        // An error means that the process logs already.
        let _already = registry.with(trace_ids(service)).with(filtered(lines, filter)).try_init();
        return Ok(Telemetry { providers: None });
    }
    if !endpoint.starts_with("http://") {
        // The collector stands beside the process; nothing here speaks TLS to it.
        let reason = "must be empty or an address such as http://localhost:4317";
        return Err(ConfigError::at("kit.telemetry.endpoint", reason));
    }
    let (tracers, meters) = exporters(service, endpoint)
        .map_err(|error| ConfigError::at("kit.telemetry.endpoint", format!("failed: {error}")))?;
    let traces = tracing_opentelemetry::layer::<Registry>()
        .with_tracer(tracers.tracer(service))
        .with_filter(EnvFilter::new(TRACED));
    // Traces come first, so that a span has its context when a line asks for it.
    let _already = registry.with(traces).with(filtered(lines, filter)).try_init();
    global::set_text_map_propagator(TraceContextPropagator::new());
    global::set_meter_provider(meters.clone());
    Ok(Telemetry { providers: Some((tracers, meters)) })
}

/// Lines under a filter that is asked anew for every span and line.
///
/// A library that asks whether it may log, and may not, leaves that answer on its thread, where what
/// is known to be let through would find it and be lost: a call would have no span, and no trace.
fn filtered<S>(lines: Lines, filter: EnvFilter) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let anew = dynamic_filter_fn(|_, _| true).with_max_level_hint(LevelFilter::TRACE);
    lines.with_filter(filter.and(anew))
}

/// Gives our own spans the ids of a trace, and keeps nothing of what happens in them.
///
/// A trace that begins here counts as sampled, as anywhere else: a process behind this one may have
/// a collector.
fn trace_ids<S>(service: &'static str) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let ours = |metadata: &Metadata<'_>| {
        metadata.is_span() && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    };
    tracing_opentelemetry::layer()
        // One without a processor.
        .with_tracer(SdkTracerProvider::builder().build().tracer(service))
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(ours).with_max_level_hint(Level::INFO))
}

fn exporters(
    service: &'static str,
    endpoint: &str,
) -> Result<(SdkTracerProvider, SdkMeterProvider), ExporterBuildError> {
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let metrics = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    let tracers = SdkTracerProvider::builder()
        .with_batch_exporter(spans)
        .with_resource(resource.clone())
        .build();
    let meters =
        SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource).build();
    Ok((tracers, meters))
}

impl Telemetry {
    /// Sends what is not yet sent, and ends. Waits for an unreachable collector a few seconds.
    ///
    /// It blocks: inside a runtime of one thread, call it from `spawn_blocking`.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let Some((tracers, meters)) = self.providers.take() else {
            return;
        };
        if let Err(error) = tracers.shutdown_with_timeout(FLUSH_LIMIT) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last traces are lost");
        }
        if let Err(error) = meters.shutdown_with_timeout(FLUSH_LIMIT) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last metrics are lost");
        }
    }
}

/// The name of a code, as the protocol and the conventions of telemetry write it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Puts the current span's trace context into the headers of an outgoing call.
pub fn inject(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut Outgoing(headers));
}

/// Makes `span` a part of the caller's trace, if the headers carry one.
///
/// Must happen before the span is entered.
pub fn set_parent(span: &Span, headers: &HeaderMap) {
    adopt(span, &TraceContextPropagator::new().extract(&Incoming(headers)));
}

/// Makes `span` a part of the trace that a fact carries.
///
/// Must happen before the span is entered. A text that is no trace context is ignored.
pub fn set_parent_of_fact(span: &Span, traceparent: &str) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(traceparent) {
        headers.insert("traceparent", value);
    }
    set_parent(span, &headers);
}

/// Gives the current span's trace context as a fact carries it; nothing outside of a trace.
pub fn traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    let value = headers.get("traceparent")?;
    value.to_str().ok().map(str::to_owned)
}

fn adopt(span: &Span, parent: &Context) {
    if parent.span().span_context().is_valid() {
        // Fails where nothing was started, as in tests, and then there is nothing to be part of.
        let _off = span.set_parent(parent.clone());
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        // The trace state is empty on most spans, and then it is not sent.
        if let (Ok(name), Ok(value), false) =
            (name, HeaderValue::from_str(&value), value.is_empty())
        {
            self.0.insert(name, value);
        }
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use serde_json::Value;

    use super::*;
    use crate::config::{self, LogFormat};

    /// Runs `work` with lines of `format` and ids of traces, and gives what was logged.
    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let output = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&output);
        let lines = Lines::new(format, false, move |line| sink.lock().unwrap().push_str(line));
        let lines = filtered(lines, EnvFilter::new("info"));
        with_default(tracing_subscriber::registry().with(trace_ids("test")).with(lines), work);

        output.lock().unwrap().clone()
    }

    #[test]
    fn a_text_line_has_time_level_message_and_fields() {
        let line = logged(LogFormat::Text, || {
            let span = tracing::info_span!("call", rpc.method = "A/B", rpc.status_code = "OK");
            let _entered = span.enter();
            tracing::warn!(pcn.code = "U12345", rows = 7, note = "two words", "claim approved");
        });

        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == "2025-07-01T12:00:00.000000Z".len(), "{time}");
        let fields = "note=\"two words\" pcn.code=U12345 rows=7 rpc.method=A/B rpc.status_code=OK";
        assert_eq!(rest, format!(" WARN claim approved {fields}\n"));
    }

    #[test]
    fn a_value_cannot_forge_a_line() {
        let line = logged(LogFormat::Text, || {
            tracing::info!(name = %"x\n2025 ERROR \x1b[31mforged", "bad\nmessage");
        });

        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(!line.contains('\x1b'), "{line}");
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        let cause = io::Error::other("disk full");
        let error = crate::config::ConfigError::at("kit.x", "is odd");
        let chain = Outer(cause);
        let line = logged(LogFormat::Text, || {
            tracing::error!(error = &chain as &dyn std::error::Error, "failed");
            tracing::error!(error = &error as &dyn std::error::Error, "failed");
        });

        assert!(line.contains("error=\"outer: disk full\""), "{line}");
        assert_eq!(line.lines().count(), 2, "{line}");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_json_line_is_one_object_with_its_trace() {
        let mut headers = HeaderMap::new();
        let mut stored = None;
        let line = logged(LogFormat::Json, || {
            let span = tracing::info_span!("call", rpc.method = "A/B");
            let _entered = span.enter();
            tracing::info!(level = "forged", "hello\nthere");
            inject(&mut headers);
            stored = traceparent();
        });

        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["message"], "hello\nthere");
        assert_eq!(object["rpc.method"], "A/B");
        assert!(object["target"].as_str().unwrap().ends_with("telemetry::tests"));
        let trace_id = object["trace_id"].as_str().unwrap();
        let span_id = object["span_id"].as_str().unwrap();
        assert_eq!(stored.unwrap(), format!("00-{trace_id}-{span_id}-01"));
        assert!(headers["traceparent"].to_str().unwrap().contains(trace_id));
        assert!(!headers.contains_key("tracestate"));
    }

    #[test]
    fn a_trace_goes_on_from_the_caller_and_from_a_fact() {
        const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        logged(LogFormat::Json, || {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(PARENT));
            let called = tracing::info_span!("called");
            set_parent(&called, &headers);
            let told = tracing::info_span!("told");
            set_parent_of_fact(&told, PARENT);
            let odd = tracing::info_span!("odd");
            set_parent_of_fact(&odd, "no\ntrace");

            assert!(called.in_scope(traceparent).unwrap().starts_with(&PARENT[..35]));
            assert!(told.in_scope(traceparent).unwrap().starts_with(&PARENT[..35]));
            assert!(!odd.in_scope(traceparent).unwrap().starts_with(&PARENT[..35]));
        });
    }

    #[test]
    fn a_call_has_a_trace_also_where_none_is_sent() {
        const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        with_default(tracing_subscriber::registry().with(trace_ids("test")), || {
            let told = tracing::info_span!("told");
            set_parent_of_fact(&told, PARENT);
            let begun = tracing::info_span!("begun");
            let theirs = tracing::info_span!(target: "h2", "theirs");

            let carried = told.in_scope(|| {
                let inner = tracing::info_span!("inner");
                theirs.in_scope(|| inner.in_scope(traceparent)).unwrap()
            });
            assert!(carried.starts_with(&PARENT[..35]) && carried != PARENT, "{carried}");
            let made = begun.in_scope(traceparent).unwrap();
            assert!(!made.starts_with(&PARENT[..35]) && made.ends_with("-01"), "{made}");
            assert_eq!(theirs.in_scope(traceparent), None);
        });
    }

    #[test]
    fn without_traces_there_is_nothing_to_carry() {
        with_default(tracing_subscriber::registry(), || {
            let span = tracing::info_span!("call");
            set_parent_of_fact(&span, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

            assert_eq!(span.in_scope(traceparent), None);
        });
    }

    fn kit() -> Kit {
        #[derive(serde::Deserialize)]
        struct Only {
            kit: Kit,
        }
        let mut kit = config::load::<Only>(&[config::DEFAULTS], None).unwrap().kit;
        kit.log.filter = "off".to_owned();
        kit
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn starting_twice_is_harmless_with_and_without_a_collector() {
        let first = start("test", &kit()).unwrap();
        let mut with_collector = kit();
        // Nobody listens on the discard port.
        with_collector.telemetry.endpoint = "http://127.0.0.1:9".to_owned();
        let second = start("test", &with_collector).unwrap();
        record_call("arrs.test.v1.TestService/Test", "OK", Duration::from_millis(3));

        second.shutdown();
        first.shutdown();
    }

    #[test]
    fn a_wrong_filter_or_endpoint_is_named() {
        let mut wrong = kit();
        wrong.log.filter = "finance=loud".to_owned();
        let error = start("test", &wrong).unwrap_err().to_string();
        assert!(error.contains("kit.log.filter must be a level"), "{error}");

        let mut wrong = kit();
        wrong.telemetry.endpoint = "collector:4317".to_owned();
        let error = start("test", &wrong).unwrap_err().to_string();
        assert!(error.contains("kit.telemetry.endpoint must be empty or"), "{error}");
    }
}
