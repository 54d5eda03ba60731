//! Logging on stdout: one JSON object per line with flat keys, or readable text in development.

use std::fmt;
use std::io::IsTerminal as _;

use serde_json::{Map, Value};
use starchart_domain::time::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Libraries whose debug and trace lines may contain names, headers or SQL statements.
const QUIET: &[&str] = &[
    "actix_http",
    "actix_server",
    "aws_config",
    "aws_runtime",
    "aws_sdk_route53",
    "aws_smithy_runtime",
    "aws_smithy_runtime_api",
    "h2",
    "hickory_net",
    "hickory_proto",
    "hickory_resolver",
    "hickory_server",
    "hyper",
    "hyper_util",
    "mio",
    "rustls",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
];

/// Starts logging at a `tracing` level such as `info`, as JSON or as text.
pub(crate) fn start(level: &str, json: bool) {
    let quiet = if level == "off" { "off" } else { "warn" };
    // actix_http logs malformed requests of clients as errors. The AWS SDK returns client errors to
    // us as well. starchart_jobs logs the end of a pool at most once a minute, apalis several
    // lines each time. sqlx logs each connection that it cannot open.
    let level = &format!(
        "{level},actix_http::h1=off,apalis_core=off,apalis_redis=off,aws_smithy_http_client=off,\
         sqlx_core::pool=off"
    );
    let directives = QUIET.iter().fold(level.clone(), |all, library| {
        format!("{all},{library}={quiet}")
    });
    let filter = EnvFilter::new(directives);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let lines = tracing_subscriber::fmt::layer().event_format(FlatJson);
        let _ = registry.with(Fields).with(lines).try_init();
    } else {
        let lines = tracing_subscriber::fmt::layer()
            .compact()
            .with_target(false)
            .with_ansi(std::io::stdout().is_terminal());
        let _ = registry.with(lines).try_init();
    }
}

/// The fields of a span, for the lines logged inside it.
#[derive(Default)]
struct SpanFields(Map<String, Value>);

struct Fields;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Fields {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = SpanFields::default();
            attributes.record(&mut Collect(&mut fields.0));
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(&mut Collect(&mut fields.0));
        }
    }
}

/// Formats `{"time":…,"level":…,"target":…,"message":…}` with the fields of the event and its
/// spans as flat keys; the innermost value takes precedence.
struct FlatJson;

impl<S, N> FormatEvent<S, N> for FlatJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                line.extend(fields.0.clone());
            }
        }
        event.record(&mut Collect(&mut line));
        let meta = event.metadata();
        line.insert("time".into(), now().into());
        line.insert(
            "level".into(),
            meta.level().as_str().to_ascii_lowercase().into(),
        );
        line.insert("target".into(), meta.target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn now() -> String {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds =
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).rfc3339();
    format!(
        "{}.{:03}Z",
        seconds.trim_end_matches('Z'),
        since.subsec_millis()
    )
}

struct Collect<'a>(&'a mut Map<String, Value>);

impl Visit for Collect<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
