//! Headers of every response.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::config::WebConfig;

/// The header with the request id, which the log has too.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Security headers of every response, built once at the start.
pub(crate) struct SecurityHeaders {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl SecurityHeaders {
    pub(crate) fn new(config: &WebConfig, idp_origins: &[String]) -> Self {
        let origins: Vec<&str> = idp_origins
            .iter()
            .chain(&config.form_action_origins)
            .map(String::as_str)
            .collect();
        let fixed = HeaderValue::from_static;
        let mut headers = vec![
            (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
            (X_FRAME_OPTIONS, fixed("DENY")),
            // `no-referrer` would make browsers send `Origin: null` with our own forms.
            (REFERRER_POLICY, fixed("same-origin")),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                fixed("same-origin"),
            ),
            (
                HeaderName::from_static("cross-origin-resource-policy"),
                fixed("same-origin"),
            ),
            (
                HeaderName::from_static("permissions-policy"),
                fixed(
                    "camera=(), display-capture=(), geolocation=(), microphone=(), \
                     payment=(), usb=()",
                ),
            ),
        ];
        match HeaderValue::from_str(&content_security_policy(&origins)) {
            Ok(policy) => headers.push((CONTENT_SECURITY_POLICY, policy)),
            Err(_) => headers.push((CONTENT_SECURITY_POLICY, fixed("default-src 'none'"))),
        }
        if config.app_url.scheme() == "https" {
            headers.push((
                STRICT_TRANSPORT_SECURITY,
                fixed("max-age=31536000; includeSubDomains"),
            ));
        }
        Self { headers }
    }

    /// Adds the headers. Responses without `Cache-Control` get `no-store`.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

fn content_security_policy(form_origins: &[&str]) -> String {
    let form_action = std::iter::once("'self'")
        .chain(form_origins.iter().copied())
        .collect::<Vec<_>>()
        .join(" ");
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_action_allows_us_and_the_identity_provider() {
        let policy = content_security_policy(&["https://idp.example", "https://adfs.example:8443"]);
        assert!(
            policy.contains("form-action 'self' https://idp.example https://adfs.example:8443;"),
            "{policy}"
        );
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
    }
}
