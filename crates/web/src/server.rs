//! The HTTP server and its limits.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as ActixApp, HttpServer, web};

use crate::app::App;
use crate::pipeline::configure;

/// Time within which the head of a request must arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which an idle connection is closed.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Time that a client has to read the end of a response.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections of one worker thread at most.
const MAX_CONNECTIONS: usize = 10_000;

/// Serves `app` on a bound listener with `workers` threads (by default one for each core). The
/// caller handles signals and awaits the server. After a stop, running requests have
/// `shutdown_timeout_s` seconds to finish.
///
/// # Errors
/// The listener cannot be used.
pub fn server(
    app: web::Data<App>,
    listener: TcpListener,
    workers: Option<usize>,
    shutdown_timeout_s: u64,
) -> io::Result<Server> {
    let mut server = HttpServer::new(move || ActixApp::new().configure(configure(app.clone())))
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .max_connections(MAX_CONNECTIONS)
        // A compressed page takes two writes; Nagle's algorithm would delay the second one.
        .tcp_nodelay(true)
        .shutdown_timeout(shutdown_timeout_s)
        .disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    Ok(server.listen(listener)?.run())
}
