//! Static files, embedded in the binary.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::context::RequestContext;
use crate::errors::Failure;
use crate::etags;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Serves a file that is compiled into the binary (`GET /static/…`).
pub(crate) async fn embedded(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    serve(
        &context,
        context.req.match_info().get("path").unwrap_or_default(),
    )
}

/// Serves the icon at the path that browsers ask for unasked (`GET /favicon.ico`).
pub(crate) async fn favicon(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    serve(&context, "favicon.ico")
}

/// `GET /manifest.json`, with APP_NAME as its name.
pub(crate) async fn manifest(context: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    let file = Files::get("manifest.json").ok_or(Failure::NotFound)?;
    let mut manifest: serde_json::Value = serde_json::from_slice(&file.data)
        .map_err(|_| Failure::Internal("manifest.json is not JSON"))?;
    let name = &context.app.config.site.name;
    for key in ["name", "short_name"] {
        manifest[key] = name.as_str().into();
    }
    Ok(HttpResponse::Ok()
        .content_type("application/manifest+json")
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(manifest.to_string()))
}

/// `GET /robots.txt`: disallows everything.
pub(crate) async fn robots(_: Rc<RequestContext>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n"))
}

fn serve(context: &RequestContext, path: &str) -> Result<HttpResponse, Failure> {
    let file = Files::get(path).ok_or(Failure::NotFound)?;
    let etag = etag(&file);
    let is_versioned = context.req.query_string() == format!("v={}", context.app.version_label());
    // Only a URL with the version always has the same content.
    let cache_control = if is_versioned && !context.app.config.development {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let is_unchanged = etags::is_known(&context.req, &etag);
    let mut builder = if is_unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    builder
        .insert_header((ETAG, etag))
        .insert_header((CACHE_CONTROL, cache_control));
    Ok(if is_unchanged {
        builder.finish()
    } else {
        builder
            .content_type(content_type(path))
            .body(file.data.into_owned())
    })
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = hex::encode(&file.metadata.sha256_hash()[..16]);
    format!("\"{hash}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "sh" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "png" => "image/png",
        "json" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
