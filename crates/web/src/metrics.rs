//! Request metrics. Label values come from fixed lists (methods, route patterns, status classes),
//! so that no client can create new time series.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use starchart_domain::api::Protocol;

/// Upper bounds of the duration buckets, in seconds. A page takes milliseconds; with a busy
/// database it takes seconds.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The `route` label of a path without a route.
const NO_ROUTE: &str = "none";

/// Count and duration of requests. Clones share their counters.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    requests: Family<RequestLabels, Counter>,
    duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    api_requests: Family<ApiLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    protocol: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    method: &'static str,
    route: String,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            api_requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

impl RequestMetrics {
    /// Registers the metrics in this registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Answered requests", self.requests.clone());
        let help = "Time from the request head to the response head";
        registry.register_with_unit(
            "http_request_duration",
            help,
            Unit::Seconds,
            self.duration.clone(),
        );
        let help = "Answered requests of the API by what they came to";
        registry.register("api_requests", help, self.api_requests.clone());
    }

    /// Counts a request of the API. `status` is what its answer stands for, which may not be the
    /// status that its protocol demands.
    pub(crate) fn count_api(&self, protocol: Protocol, status: StatusCode) {
        let status = match status {
            StatusCode::UNAUTHORIZED => "401",
            StatusCode::FORBIDDEN => "403",
            StatusCode::TOO_MANY_REQUESTS => "429",
            status => status_class(status),
        };
        let protocol = protocol.as_str();
        let labels = ApiLabels { protocol, status };
        self.api_requests.get_or_create(&labels).inc();
    }

    /// Counts one response. `pattern` is the path of the route, with `{name}` for its parameters.
    pub(crate) fn count(
        &self,
        method: &Method,
        pattern: Option<&str>,
        status: StatusCode,
        took: Duration,
    ) {
        let method = method_label(method);
        let route = pattern
            .filter(|pattern| !pattern.is_empty())
            .unwrap_or(NO_ROUTE);
        let labels = RequestLabels {
            method,
            route: route.to_owned(),
            status: status_class(status),
        };
        self.requests.get_or_create(&labels).inc();
        self.duration
            .get_or_create(&DurationLabels {
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
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
