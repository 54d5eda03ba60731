//! Figures for monitoring, on a port of their own: METRICS_PORT, never PORT.

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

/// Rows are read at most so often, however many ask.
const KEEP: Duration = Duration::from_secs(5);
/// Reading them is given up after this; a scrape waits no longer.
const LIMIT: Duration = Duration::from_secs(3);
/// OpenMetrics 1.0, which Prometheus takes.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where figures come from.
pub(crate) struct Metrics {
    /// Whether this process is ready, and the database once it is there.
    pub(crate) health: Health,
    /// What was answered.
    pub(crate) requests: RequestMetrics,
    /// Who knows whether Redis is there.
    pub(crate) counters: Arc<dyn Counters>,
    /// When this process began, in seconds since 1970.
    pub(crate) started_s: i64,
    last: Mutex<Option<(Instant, Seen)>>,
}

/// What one look found.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// `None`: the database is not there.
    rows: Option<Arc<metrics::MetricsSnapshot>>,
    pool: Option<Pool>,
    /// How long the look waited for the first answer, with the wait for a connection.
    first_answer: Option<Duration>,
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
            last: Mutex::default(),
        }
    }

    /// What was found not long ago, or now. Whoever asks meanwhile waits for the same look.
    async fn look(&self) -> Seen {
        let mut last = self.last.lock().await;
        if let Some((at, seen)) = &*last
            && at.elapsed() < KEEP
        {
            return seen.clone();
        }
        let seen = self.read().await;
        *last = Some((Instant::now(), seen.clone()));
        seen
    }

    async fn read(&self) -> Seen {
        let Some(store) = self.health.store.get() else {
            return Seen::default();
        };
        let pool = Some(store.pool());
        let start = Instant::now();
        let rows = async {
            store.ping().await?;
            let first_answer = start.elapsed();
            Ok::<_, starchart_store::Error>((metrics::read_snapshot(store).await?, first_answer))
        };
        match tokio::time::timeout(LIMIT, rows).await {
            Ok(Ok((rows, first_answer))) => Seen {
                rows: Some(Arc::new(rows)),
                pool,
                first_answer: Some(first_answer),
            },
            Ok(Err(error)) => {
                debug!(error = %error, "no figures from the database");
                Seen {
                    pool,
                    ..Seen::default()
                }
            }
            Err(_) => {
                debug!("no figures from the database in time");
                Seen {
                    pool,
                    ..Seen::default()
                }
            }
        }
    }
}

/// Serves `/metrics` alone.
///
/// # Errors
/// The listener cannot be used.
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
    let seen = metrics.look().await;
    match openmetrics::render(&metrics, &seen) {
        Ok(body) => HttpResponse::Ok().content_type(CONTENT_TYPE).body(body),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
