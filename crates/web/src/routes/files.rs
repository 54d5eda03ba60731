//! Files in the binary.

use std::fmt::Write as _;
use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::errors::Failure;
use crate::visit::Visit;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// `GET /static/…`.
pub(crate) async fn embedded(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    serve(
        &visit,
        visit.req.match_info().get("path").unwrap_or_default(),
    )
}

/// `GET /favicon.ico`.
pub(crate) async fn favicon(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    serve(&visit, "favicon.ico")
}

/// `GET /manifest.json`, with the name of this installation.
pub(crate) async fn manifest(visit: Rc<Visit>) -> Result<HttpResponse, Failure> {
    let file = Files::get("manifest.json").ok_or(Failure::NotFound)?;
    let mut manifest: serde_json::Value = serde_json::from_slice(&file.data)
        .map_err(|_| Failure::Internal("the manifest is no JSON"))?;
    let name = &visit.app.config.app_name;
    for key in ["name", "short_name"] {
        manifest[key] = name.as_str().into();
    }
    Ok(HttpResponse::Ok()
        .content_type("application/manifest+json")
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(manifest.to_string()))
}

/// `GET /robots.txt`: nothing here is for search engines.
pub(crate) async fn robots(_: Rc<Visit>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n"))
}

fn serve(visit: &Visit, path: &str) -> Result<HttpResponse, Failure> {
    let file = Files::get(path).ok_or(Failure::NotFound)?;
    let tag = tag(&file);
    let versioned = visit.req.query_string() == format!("v={}", visit.app.version_label());
    // Only an address that names the version keeps its content for good.
    let caching = match versioned && !visit.app.config.development {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = visit
        .req
        .headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok());
    // The compressor may have made the tag a weak one.
    let unchanged = known
        .flat_map(|list| list.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut builder = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    builder
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, caching));
    Ok(match unchanged {
        true => builder.finish(),
        false => builder
            .content_type(content_type(path))
            .body(file.data.into_owned()),
    })
}

fn tag(file: &EmbeddedFile) -> String {
    let mut tag = "\"".to_owned();
    for octet in &file.metadata.sha256_hash()[..16] {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{octet:02x}");
    }
    tag.push('"');
    tag
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "png" => "image/png",
        "json" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
