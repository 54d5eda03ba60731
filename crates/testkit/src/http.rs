//! HTTP clients that behave as a browser without JavaScript.

use crate::wait::WAIT_LIMIT;

/// Creates a client with a cookie store that follows no redirect, so that a test sees each answer.
/// One client is one browser.
///
/// # Panics
/// When the TLS library cannot be set up.
#[must_use]
pub fn client() -> reqwest::Client {
    build(|builder| builder.cookie_store(true))
}

/// Creates a client without a cookie store, for a test that keeps the cookies itself: it sends only
/// the cookies in the request.
///
/// # Panics
/// When the TLS library cannot be set up.
#[must_use]
pub fn client_without_cookies() -> reqwest::Client {
    build(|builder| builder)
}

fn build(
    configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    // reqwest is built without a default TLS provider, and panics where none is installed; a second
    // install is refused, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    configure(reqwest::Client::builder())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(WAIT_LIMIT)
        .no_proxy()
        .build()
        .unwrap_or_else(|error| panic!("no HTTP client: {error}"))
}
