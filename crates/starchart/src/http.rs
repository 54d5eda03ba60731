//! Health endpoints of a process without pages, and the client of `starchart health`.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use starchart_store::Store;
use starchart_web::Readiness;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OnceCell;

/// The state that the health endpoints report.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) store: Arc<OnceCell<Store>>,
}

/// Serves only /healthcheck and /alive, for `starchart work`.
///
/// # Errors
/// The listener cannot be used.
pub(crate) fn health_only(listener: TcpListener, health: Health) -> std::io::Result<Server> {
    let health = web::Data::new(health);
    let app = move || {
        App::new()
            .app_data(health.clone())
            .route("/healthcheck", web::get().to(check))
            .route("/alive", web::get().to(alive))
    };
    Ok(HttpServer::new(app)
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run())
}

async fn check(health: web::Data<Health>) -> HttpResponse {
    let drains = health
        .readiness
        .draining
        .load(std::sync::atomic::Ordering::SeqCst);
    let answers = match health.store.get() {
        Some(store) if !drains => store.check_reading().await.is_ok(),
        _ => false,
    };
    if answers {
        HttpResponse::Ok().json(serde_json::json!({"status": "ok"}))
    } else {
        HttpResponse::InternalServerError().json(serde_json::json!({"status": "error"}))
    }
}

async fn alive(health: web::Data<Health>) -> HttpResponse {
    starchart_web::alive_response(&health.readiness)
}

/// Returns the status code of a GET request to a server on this machine.
///
/// # Errors
/// There is no HTTP answer within 3 s.
pub(crate) async fn status_of(port: u16, path: &str) -> std::io::Result<u16> {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream
            .write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())
            .await?;
        let mut head = Vec::new();
        stream.take(64).read_to_end(&mut head).await?;
        let status = std::str::from_utf8(&head)
            .ok()
            .and_then(|head| head.split(' ').nth(1)?.parse().ok());
        status.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    };
    tokio::time::timeout(Duration::from_secs(3), ask)
        .await
        .map_err(|_| std::io::ErrorKind::TimedOut)?
}
