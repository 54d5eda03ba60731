//! A bare actix-web handler that runs the queries of a page and answers with as many octets: the
//! most that a machine can reach. `script/bench http` measures it beside the application.

use actix_web::http::StatusCode;
use actix_web::http::header::COOKIE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use clap::Parser;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::{Error, Row as _};

/// The live session of a token's hash with its user, as the store queries it.
const SESSION: &str = "\
    SELECT s.id, s.token_hash, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.ended_at, \
           s.saml_name_id, s.saml_name_id_format, s.saml_name_qualifier, \
           s.saml_sp_name_qualifier, s.saml_sp_provided_id, s.saml_session_index, \
           CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS now, u.* \
      FROM sessions s INNER JOIN users u ON s.user_id = u.id \
     WHERE s.token_hash = ? AND s.ended_at IS NULL \
       AND u.deleted_at IS NULL AND u.suspended_at IS NULL \
     LIMIT 1";
/// A user's records with the publish state of their names, as the store queries them.
const RECORDS: &str = "\
    SELECT r.*, n.* \
      FROM dns_records r INNER JOIN names n ON r.fqdn = n.fqdn AND r.class = n.class \
     WHERE r.user_id = ? ORDER BY r.fqdn, r.type, r.id";

/// Serves /nothing/OCTETS and /records/OCTETS on 127.0.0.1, with the application's queries.
#[derive(Debug, Parser)]
struct Options {
    /// The database of the application: mysql://user:password@host:port/database.
    #[arg(long)]
    database: String,
    /// The port on 127.0.0.1 to listen on.
    #[arg(long)]
    port: u16,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    // As many connections as the application opens, and like there no test before each use.
    let pool = MySqlPoolOptions::new()
        .max_connections(16)
        .test_before_acquire(false)
        .connect(&options.database)
        .await?;
    let pool = web::Data::new(pool);
    let app = move || {
        App::new()
            .app_data(pool.clone())
            .route("/nothing/{octets}", web::get().to(nothing))
            .route("/records/{octets}", web::get().to(records))
    };
    HttpServer::new(app)
        .bind(("127.0.0.1", options.port))?
        .run()
        .await?;
    Ok(())
}

async fn nothing(octets: web::Path<usize>) -> HttpResponse {
    page(*octets)
}

async fn records(
    request: HttpRequest,
    octets: web::Path<usize>,
    pool: web::Data<MySqlPool>,
) -> HttpResponse {
    match read(&request, &pool).await {
        Ok(()) => page(*octets),
        Err(_) => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Reads the session and its user's records. The cookie is the hash of the session's token in
/// hexadecimal digits.
async fn read(request: &HttpRequest, pool: &MySqlPool) -> Result<(), Error> {
    let cookie = request
        .headers()
        .get(COOKIE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let hash = hex::decode(cookie).unwrap_or_default();
    let user: i64 = sqlx::query(SESSION)
        .bind(hash)
        .fetch_one(pool)
        .await?
        .try_get("user_id")?;
    let rows = sqlx::query(RECORDS).bind(user).fetch_all(pool).await?;
    if rows.is_empty() {
        Err(Error::RowNotFound)
    } else {
        Ok(())
    }
}

fn page(octets: usize) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body("x".repeat(octets))
}
