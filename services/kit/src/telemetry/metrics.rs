//! What is counted and measured, and under which names.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::metrics::{AsyncInstrument, Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};

use super::names;

/// Upper bounds of the duration histogram in seconds: those the conventions of OpenTelemetry name.
const DURATION_BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Records one finished call of the server.
///
/// `method` must be one of the contracts' methods, never a text from a caller: each is a series.
pub fn record_call(method: &str, code: &'static str, duration: Duration) {
    static HISTOGRAM: OnceLock<Histogram<f64>> = OnceLock::new();

    let histogram = HISTOGRAM.get_or_init(|| {
        global::meter("arrs")
            .f64_histogram(names::RPC_SERVER_CALL_DURATION)
            .with_unit("s")
            .with_boundaries(DURATION_BOUNDS.to_vec())
            .build()
    });
    histogram.record(
        duration.as_secs_f64(),
        &[
            KeyValue::new(names::RPC_SYSTEM_NAME, "grpc"),
            KeyValue::new(names::RPC_METHOD, method.to_owned()),
            KeyValue::new(names::RPC_STATUS_CODE, code),
        ],
    );
}

/// Records how many seconds the certificate of a table of the settings is still valid.
pub fn record_certificate(table: &'static str, left: i64) {
    static GAUGE: OnceLock<Gauge<i64>> = OnceLock::new();

    let gauge = GAUGE
        .get_or_init(|| global::meter("arrs").i64_gauge(names::CERT_EXPIRY).with_unit("s").build());
    gauge.record(left, &[KeyValue::new(names::TABLE, table)]);
}

/// A limit that turns calls or connections away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Calls of the process.
    Calls,
    /// Calls of one caller.
    CallerCalls,
    /// Streams of one caller.
    CallerStreams,
    /// Calls a second of one caller.
    CallerRate,
    /// Streams of probes.
    Probes,
    /// Connections of the process.
    Connections,
}

/// Records that a limit turned somebody away.
pub fn record_shed(limit: Shed) {
    static COUNTER: OnceLock<Counter<u64>> = OnceLock::new();

    let counter = COUNTER.get_or_init(|| global::meter("arrs").u64_counter(names::SHED).build());
    let limit = match limit {
        Shed::Calls => "calls",
        Shed::CallerCalls => "caller_calls",
        Shed::CallerStreams => "caller_streams",
        Shed::CallerRate => "caller_rate",
        Shed::Probes => "probes",
        Shed::Connections => "connections",
    };
    counter.add(1, &[KeyValue::new(names::LIMIT, limit)]);
}

/// Says how many facts of a producer are parked.
pub fn record_parked(producer: &'static str, count: u64) {
    static GAUGE: OnceLock<Gauge<u64>> = OnceLock::new();

    let gauge = GAUGE.get_or_init(|| global::meter("arrs").u64_gauge(names::PARKED_FACTS).build());
    gauge.record(count, &[KeyValue::new(names::PRODUCER, producer)]);
}

/// Says how many facts of a service are not on the broker yet, and how old the oldest is.
pub fn record_outbox(producer: &'static str, rows: u64, oldest: Duration) {
    static GAUGES: OnceLock<[Gauge<u64>; 2]> = OnceLock::new();

    let [count, age] = GAUGES.get_or_init(|| {
        let meter = global::meter("arrs");
        [
            meter.u64_gauge(names::OUTBOX_ROWS).build(),
            meter.u64_gauge(names::OUTBOX_OLDEST).with_unit("s").build(),
        ]
    });
    let producer = [KeyValue::new(names::PRODUCER, producer)];
    count.record(rows, &producer);
    age.record(oldest.as_secs(), &producer);
}

/// Lets a collector see how old something is, where it is known.
pub fn observe_age(name: &'static str, age: impl Fn() -> Option<Duration> + Send + Sync + 'static) {
    let observe = move |observer: &dyn AsyncInstrument<u64>| {
        if let Some(age) = age() {
            observer.observe(age.as_secs(), &[]);
        }
    };
    global::meter("arrs").u64_observable_gauge(name).with_unit("s").with_callback(observe).build();
}
