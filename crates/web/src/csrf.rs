//! Protection against cross-site request forgery: checks the headers that a browser sends about
//! the origin of a request, and the token in the form.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, ORIGIN};

use crate::context::RequestContext;
use crate::cookies::CookieKind;
use crate::errors::Failure;
use crate::forms::{CSRF_FIELD, Form};
use crate::tokens;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Rejects a request unless `Origin` is ours or, when the browser sends no `Origin`,
/// `Sec-Fetch-Site` is `same-origin`. Both must agree when both are present.
pub(crate) fn check_origin(req: &HttpRequest, own_origin: &str) -> Result<(), Failure> {
    let origin = single_header(req.headers(), ORIGIN.as_str())?;
    let site = single_header(req.headers(), SEC_FETCH_SITE)?;
    match (origin, site) {
        (Some(origin), _) if origin != own_origin => Err(Failure::CsrfRejected("foreign Origin")),
        (_, Some(site)) if site != "same-origin" => {
            Err(Failure::CsrfRejected("foreign Sec-Fetch-Site"))
        }
        (None, None) => Err(Failure::CsrfRejected("neither Origin nor Sec-Fetch-Site")),
        _ => Ok(()),
    }
}

/// Rejects the download of a private key unless `Sec-Fetch-Site` says that our own page asked for
/// it (`same-origin`) or that the user typed the URL (`none`). Browsers do not send the header on
/// plain http, which is for development only: there its absence is accepted.
pub(crate) fn check_private_key_request(
    req: &HttpRequest,
    own_origin: &str,
) -> Result<(), Failure> {
    match single_header(req.headers(), SEC_FETCH_SITE) {
        Ok(Some("same-origin" | "none")) => Ok(()),
        Ok(None) if !own_origin.starts_with("https:") => Ok(()),
        _ => Err(Failure::CrossSiteDownload),
    }
}

/// Returns the value of a header that may appear once.
fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Failure::CsrfRejected("duplicate header"));
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| Failure::CsrfRejected("unreadable header"))
}

/// Rejects a form unless its token was created for this session or, for a guest, this browser.
pub(crate) fn check_token(context: &RequestContext, form: &Form) -> Result<(), Failure> {
    let token = form.get(CSRF_FIELD).unwrap_or_default();
    let is_valid = accepted_bindings(context)
        .iter()
        .any(|binding| context.app.keys.is_valid_csrf_token(token, binding));
    if is_valid {
        Ok(())
    } else {
        Err(Failure::CsrfRejected("invalid token"))
    }
}

fn accepted_bindings(context: &RequestContext) -> Vec<[u8; 32]> {
    let (Some(current), Some(session)) = (context.csrf_binding(), &context.session) else {
        return [CookieKind::Session, CookieKind::Browser]
            .into_iter()
            .filter_map(|kind| context.cookie_token(kind))
            .map(|token| tokens::hash(&token))
            .collect();
    };
    // Signing out and ending an impersonation also work from a page that was opened before the
    // impersonation expired.
    let allows_previous = matches!(context.req.path(), "/" | "/logout");
    let previous = session
        .impersonated_before
        .filter(|_| allows_previous)
        .zip(context.session_token.as_deref())
        .map(|(user, token)| tokens::csrf_binding(token, Some(user)));
    previous.into_iter().chain([current]).collect()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const OURS: &str = "https://domains.example.edu";

    fn passes(headers: &[(&'static str, &str)]) -> bool {
        let mut request = TestRequest::post();
        for header in headers {
            request = request.append_header(*header);
        }
        check_origin(&request.to_http_request(), OURS).is_ok()
    }

    #[test]
    fn requests_from_our_own_pages_pass() {
        assert!(passes(&[("origin", OURS)]));
        assert!(passes(&[
            ("origin", OURS),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn other_origins_and_sites_are_rejected() {
        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://x.user.example.edu",
            "http://domains.example.edu",
            "https://domains.example.edu:8443",
            "https://domains.example.edu/",
            "https://domains.example.edu.evil.example",
        ] {
            assert!(!passes(&[("origin", origin)]), "{origin}");
            assert!(
                !passes(&[("origin", origin), ("sec-fetch-site", "same-origin")]),
                "{origin}"
            );
        }
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!passes(&[("sec-fetch-site", site)]), "{site}");
            assert!(
                !passes(&[("origin", OURS), ("sec-fetch-site", site)]),
                "{site}"
            );
        }
        assert!(!passes(&[]));
        assert!(!passes(&[
            ("origin", OURS),
            ("origin", "https://evil.example")
        ]));
        assert!(!passes(&[("referer", "https://domains.example.edu/")]));
    }
}
