//! Log lines, for a person or for a collector.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value, json};
use tracing::dispatcher::{Dispatch, WeakDispatch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::names;
use crate::clock::Clock;
use crate::config::LogFormat;

/// Writes log lines.
///
/// Our own layer, because the usual one lets a line break in a value forge a second line, and its
/// JSON does not know the trace.
pub(super) struct Lines {
    format: LogFormat,
    colours: bool,
    write: Box<dyn Fn(&str) + Send + Sync>,
    /// Knows the traces. While an event is told, the current dispatcher cannot be asked for.
    dispatch: OnceLock<WeakDispatch>,
}

impl Lines {
    /// Lines that are written one at a time by `write`.
    pub(super) fn new(
        format: LogFormat,
        colours: bool,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Lines {
        Lines { format, colours, write: Box::new(write), dispatch: OnceLock::new() }
    }

    /// The trace and span ids of a span, if it is one of a trace.
    fn trace_of(&self, id: &Id) -> Option<(String, String)> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let context = tracing_opentelemetry::get_otel_context(id, &dispatch)?;
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| (context.trace_id().to_string(), context.span_id().to_string()))
    }
}

/// The fields of a span or event, in the order of their names.
#[derive(Default)]
struct Fields {
    message: String,
    values: BTreeMap<&'static str, Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.values.insert(field.name(), json!(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.values.insert(field.name(), json!(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.values.insert(field.name(), json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.values.insert(field.name(), json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.values.insert(field.name(), json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.values.insert(field.name(), json!(value));
    }

    /// Operators see the whole chain of causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.values.insert(field.name(), json!(text));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.dispatch.get_or_init(|| dispatch.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // From the outermost span to the event: the nearest says it best.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                let outer = outer.values.iter().map(|(name, value)| (*name, value.clone()));
                fields.values.extend(outer);
            }
        }
        event.record(&mut fields);
        if fields.message.is_empty() {
            // Some libraries say everything in fields; whose they are makes sense of them.
            fields.message = event.metadata().target().to_owned();
        }
        let level = *event.metadata().level();
        let mut line = match self.format {
            LogFormat::Text => text(&now(), level, &fields, self.colours),
            LogFormat::Json => {
                let trace = context.event_span(event).and_then(|span| self.trace_of(&span.id()));
                json_line(&now(), level, event.metadata().target(), fields, trace)
            }
        };
        line.push('\n');
        (self.write)(&line);
    }
}

fn now() -> String {
    let now = Clock::system().now();
    let now = jiff::Timestamp::from_microsecond(now.0).expect("the clock gives instants");
    format!("{now:.6}")
}

/// A line for a person: time, level, message, fields.
fn text(time: &str, level: Level, fields: &Fields, colours: bool) -> String {
    let (colour, dim, plain) = match (colours, level) {
        (false, _) => ("", "", ""),
        (true, Level::ERROR) => ("\x1b[31m", "\x1b[2m", "\x1b[0m"),
        (true, Level::WARN) => ("\x1b[33m", "\x1b[2m", "\x1b[0m"),
        (true, Level::INFO) => ("\x1b[32m", "\x1b[2m", "\x1b[0m"),
        (true, _) => ("\x1b[34m", "\x1b[2m", "\x1b[0m"),
    };
    let message = escaped(&fields.message);
    let mut line = format!("{dim}{time}{plain} {colour}{level:>5}{plain} {message}");
    for (name, value) in &fields.values {
        let value = match value {
            Value::String(text) if is_word(text) => text.clone(),
            other => other.to_string(),
        };
        // Writing to a String cannot fail.
        let _ = write!(line, " {dim}{name}={plain}{}", escaped(&value));
    }
    line
}

/// Whether a value reads well without quotes.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '='))
}

/// A text that can forge no line and colour no terminal.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A line for a collector: one object.
fn json_line(
    time: &str,
    level: Level,
    target: &str,
    fields: Fields,
    trace: Option<(String, String)>,
) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), json!(time));
    object.insert("level".to_owned(), json!(level.as_str()));
    object.insert("target".to_owned(), json!(target));
    object.insert("message".to_owned(), json!(fields.message));
    if let Some((trace_id, span_id)) = trace {
        object.insert(names::TRACE_ID.to_owned(), json!(trace_id));
        object.insert(names::SPAN_ID.to_owned(), json!(span_id));
    }
    for (name, value) in fields.values {
        // A field never replaces what the line itself says.
        object.entry(name).or_insert(value);
    }
    Value::Object(object).to_string()
}
