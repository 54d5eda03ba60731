//! Whether an unsafe request comes from a page of ours: what the browser says about it, and the
//! token in the form.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, ORIGIN};

use crate::cookies::Kind;
use crate::errors::Failure;
use crate::forms::{CSRF_FIELD, Form};
use crate::keys;
use crate::visit::Visit;

/// Refuses unless `Origin` is ours, or, where a browser sends none, `Sec-Fetch-Site` says
/// same-origin. What contradicts that is refused too.
pub(crate) fn check_origin(req: &HttpRequest, ours: &str) -> Result<(), Failure> {
    let (origin, site) = (
        one(req.headers(), ORIGIN.as_str())?,
        one(req.headers(), "sec-fetch-site")?,
    );
    match (origin, site) {
        (Some(origin), _) if origin != ours => Err(Failure::ForeignForm("Origin")),
        (_, Some(site)) if site != "same-origin" => Err(Failure::ForeignForm("Sec-Fetch-Site")),
        (None, None) => Err(Failure::ForeignForm("neither Origin nor Sec-Fetch-Site")),
        _ => Ok(()),
    }
}

/// Refuses to hand out a private key unless the browser says that our own page asked for it, or the
/// person's own hand. On plain http (development) browsers do not say it.
pub(crate) fn check_key_site(req: &HttpRequest, ours: &str) -> Result<(), Failure> {
    match one(req.headers(), "sec-fetch-site") {
        Ok(Some("same-origin" | "none")) => Ok(()),
        Ok(None) if !ours.starts_with("https:") => Ok(()),
        _ => Err(Failure::ForeignDownload),
    }
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Failure> {
    let mut values = headers.get_all(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(Failure::ForeignForm("a header twice"));
    }
    first
        .map(|value| {
            value
                .to_str()
                .map_err(|_| Failure::ForeignForm("an unreadable header"))
        })
        .transpose()
}

/// Refuses unless the form's token was made for this session, or for this browser when nobody is
/// signed in.
pub(crate) fn check_token(visit: &Visit, form: &Form) -> Result<(), Failure> {
    let token = form.get(CSRF_FIELD).unwrap_or_default();
    match bindings(visit)
        .iter()
        .any(|binding| visit.app.keys.csrf_fits(token, binding))
    {
        true => Ok(()),
        false => Err(Failure::ForeignForm("the token")),
    }
}

fn bindings(visit: &Visit) -> Vec<[u8; 32]> {
    let (Some(own), Some(session)) = (visit.session_binding(), &visit.session) else {
        let kinds = [Kind::Session, Kind::Browser].into_iter();
        return kinds
            .filter_map(|kind| visit.cookie_token(kind))
            .map(|token| keys::hash(&token))
            .collect();
    };
    // To stop being somebody else and to sign out may be said on a page that still shows the other
    // person.
    let leaves = matches!(visit.req.path(), "/" | "/logout");
    let before = session.impersonated_before.filter(|_| leaves);
    let before = before
        .zip(visit.session_token.as_deref())
        .map(|(other, token)| keys::session_binding(token, Some(other)));
    before.into_iter().chain([own]).collect()
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
    fn our_own_pages_pass() {
        assert!(passes(&[("origin", OURS)]));
        assert!(passes(&[
            ("origin", OURS),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
    }

    #[test]
    fn nothing_else_passes() {
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
