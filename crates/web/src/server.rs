//! The HTTP server and its limits.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as ActixApp, HttpServer, web};

use crate::config::App;
use crate::pipeline::configure;

/// The head of a request must arrive within this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is kept for this long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A client has this long to take the end of an answer.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections of one worker thread.
const CONNECTIONS: usize = 10_000;

/// Serves `app` on a port that is bound already. The caller handles signals and awaits the server;
/// when it is told to stop it finishes running requests for at most `stop_s` seconds.
pub fn server(
    app: web::Data<App>,
    listener: TcpListener,
    workers: Option<usize>,
    stop_s: u64,
) -> io::Result<Server> {
    let mut server = HttpServer::new(move || ActixApp::new().configure(configure(app.clone())))
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .max_connections(CONNECTIONS)
        // A compressed page goes out in two writes: the second must not wait until the first is
        // acknowledged.
        .tcp_nodelay(true)
        .shutdown_timeout(stop_s)
        .disable_signals();
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    Ok(server.listen(listener)?.run())
}
