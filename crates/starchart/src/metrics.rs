//! Serves metrics for monitoring on METRICS_PORT, never on PORT.

mod openmetrics;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use starchart_jobs::Counters;
use starchart_store::{Pool, metrics};
use starchart_web::RequestMetrics;
use tokio::sync::Mutex;
use tracing::debug;

use crate::http::Health;

/// How long metrics from the database are cached.
const CACHE_TTL: Duration = Duration::from_secs(5);
/// The time limit for reading metrics from the database.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// OpenMetrics 1.0, which Prometheus accepts.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The sources of the metrics.
pub(crate) struct Metrics {
    /// Whether this process is ready, and the database once it is there.
    pub(crate) health: Health,
    /// Counters of HTTP requests.
    pub(crate) requests: RequestMetrics,
    /// Knows whether Redis can be reached.
    pub(crate) counters: Arc<dyn Counters>,
    /// Start of this process in seconds since 1970.
    pub(crate) started_s: i64,
    cached: Mutex<Option<(Instant, Readings)>>,
}

/// The metrics of one read.
#[derive(Debug, Clone, Default)]
struct Readings {
    /// `None` when the database does not answer.
    rows: Option<Arc<metrics::MetricsSnapshot>>,
    pool: Option<Pool>,
    /// Time to acquire a connection and run a trivial query.
    ping: Option<Duration>,
}

impl Metrics {
    pub(crate) fn new(
        health: Health,
        requests: RequestMetrics,
        counters: Arc<dyn Counters>,
    ) -> Self {
        let started_s = crate::wire::clock().as_millis() / 1_000;
        Self {
            health,
            requests,
            counters,
            started_s,
            cached: Mutex::default(),
        }
    }

    /// Returns the cached metrics, or reads them now. Concurrent scrapes share one read.
    async fn readings(&self) -> Readings {
        let mut cached = self.cached.lock().await;
        if let Some((at, readings)) = &*cached
            && at.elapsed() < CACHE_TTL
        {
            return readings.clone();
        }
        let readings = self.read().await;
        *cached = Some((Instant::now(), readings.clone()));
        readings
    }

    async fn read(&self) -> Readings {
        let Some(store) = self.health.store.get() else {
            return Readings::default();
        };
        let pool = Some(store.pool());
        let start = Instant::now();
        let rows = async {
            store.ping().await?;
            let ping = start.elapsed();
            Ok::<_, starchart_store::Error>((metrics::read_snapshot(store).await?, ping))
        };
        match tokio::time::timeout(READ_TIMEOUT, rows).await {
            Ok(Ok((rows, ping))) => Readings {
                rows: Some(Arc::new(rows)),
                pool,
                ping: Some(ping),
            },
            Ok(Err(error)) => {
                debug!(error = %error, "cannot read metrics from the database");
                Readings {
                    pool,
                    ..Readings::default()
                }
            }
            Err(_) => {
                debug!("timeout while reading metrics from the database");
                Readings {
                    pool,
                    ..Readings::default()
                }
            }
        }
    }
}

/// Serves `/metrics` only.
///
/// # Errors
/// The listener cannot be used, for example because it is closed.
pub(crate) fn serve(listener: TcpListener, metrics: Metrics) -> std::io::Result<Server> {
    let metrics = web::Data::new(metrics);
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .route("/metrics", web::get().to(answer))
    };
    Ok(HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run())
}

async fn answer(metrics: web::Data<Metrics>) -> HttpResponse {
    let readings = metrics.readings().await;
    match openmetrics::render(&metrics, &readings) {
        Ok(body) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
