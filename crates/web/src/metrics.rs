//! Requests, counted for monitoring. Labels come from fixed lists: methods that a route takes,
//! patterns of the table of routes, classes of status codes; nothing that a client can make up.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper ends of the duration's classes, in seconds: a page takes some milliseconds, a busy
/// database seconds.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The route of a path that no route takes.
const NO_ROUTE: &str = "none";

/// How many requests were answered, and how quickly. Clones count together.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    requests: Family<Answered, Counter>,
    duration: Family<Route, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

impl RequestMetrics {
    /// Shows them in this registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Requests that were answered",
            self.requests.clone(),
        );
        let help = "Time from a request's head to its answer's head";
        registry.register_with_unit(
            "http_request_duration",
            help,
            Unit::Seconds,
            self.duration.clone(),
        );
    }

    /// Counts one answer. `pattern`: the route's, `{name}` for a part that varies.
    pub(crate) fn count(
        &self,
        method: &Method,
        pattern: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let (method, route) = (
            method_label(method),
            pattern
                .filter(|pattern| !pattern.is_empty())
                .unwrap_or(NO_ROUTE),
        );
        let answered = Answered {
            method,
            route: route.to_owned(),
            status: class_label(status),
        };
        self.requests.get_or_create(&answered).inc();
        self.duration
            .get_or_create(&Route {
                method,
                route: route.to_owned(),
            })
            .observe(took.as_secs_f64());
    }
}

fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

fn class_label(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
