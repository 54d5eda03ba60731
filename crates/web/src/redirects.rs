//! Where a person may be sent.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use url::{Position, Url};

/// Octets of a local path at most.
const MAX: usize = 2_000;

/// The local path (with query) that `text` names, normalised; `None` for anything that could lead
/// elsewhere.
///
/// A local path begins with a single `/`, has no backslash (browsers read it as `/`) and no control
/// character (browsers drop some of them).
pub(crate) fn local_path(text: &str) -> Option<String> {
    let leads_out =
        |path: &str| !path.starts_with('/') || path.starts_with("//") || path.contains('\\');
    if text.len() > MAX || leads_out(text) || text.chars().any(char::is_control) {
        return None;
    }
    // What a browser would make of it: /.//evil becomes //evil.
    let base = Url::parse("https://local.invalid").ok()?;
    let url = base.join(text).ok()?;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    (url.origin() == base.origin() && path.len() <= MAX && !leads_out(path))
        .then(|| path.to_owned())
}

/// Where to go after signing in: [`local_path`], and not back to a page of the sign-in itself.
pub(crate) fn return_path(text: &str) -> String {
    let is_ours = |path: &String| {
        let page = path.split('?').next().unwrap_or_default();
        !["/login", "/logout", "/label"].iter().any(|own| {
            page.strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    local_path(text)
        .filter(is_ours)
        .unwrap_or_else(|| "/".to_owned())
}

/// The sign-in page that leads back to `path`.
pub(crate) fn login_for(path: &str) -> String {
    format!("/login?{}", redirect_to(path))
}

/// The choice of a label, which leads on to `path`.
pub(crate) fn label_for(path: &str) -> String {
    if path == "/" {
        "/label".to_owned()
    } else {
        format!("/label?{}", redirect_to(path))
    }
}

fn redirect_to(path: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("redirectTo={}", encoded.replace("%2F", "/"))
}

/// 303 See Other.
pub(crate) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, location))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_pass() {
        for path in [
            "/",
            "/dns-records",
            "/dns-records/7",
            "/dns-records/new?x=1&y=%2F",
            "/a/b/",
        ] {
            assert_eq!(local_path(path).as_deref(), Some(path));
        }
        assert_eq!(local_path("/é#top").as_deref(), Some("/%C3%A9"));
        assert_eq!(local_path("/a/../b").as_deref(), Some("/b"));
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for hostile in [
            "",
            "evil.example",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil",
            "\\\\evil",
            "/\t/evil.example",
            "/\n//evil",
            "/\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
            "data:text/html,x",
            " //evil",
            " /x",
            "/.//evil.example",
            "/..//evil.example",
            "/a/..//evil.example",
            "/%2e//evil.example",
            "/%2E%2E//evil.example",
            "http:evil.example",
            "/x\\..\\..",
            "/\u{0}",
            "/\u{7f}",
            "@evil.example",
            "?x",
            "#x",
            "./x",
            "../x",
        ] {
            assert_eq!(local_path(hostile), None, "{hostile:?}");
            assert_eq!(return_path(hostile), "/", "{hostile:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(4_096))), None);
        assert_eq!(
            local_path(&format!("/{}", "é".repeat(900))),
            None,
            "too long once encoded"
        );
    }

    #[test]
    fn sign_in_does_not_lead_to_itself() {
        for own in [
            "/label",
            "/login",
            "/login/complete?h=x",
            "/logout",
            "/login?redirectTo=/x",
        ] {
            assert_eq!(return_path(own), "/", "{own}");
        }
        assert_eq!(return_path("/logins"), "/logins");
    }

    #[test]
    fn the_way_back_is_encoded() {
        assert_eq!(login_for("/dns-records"), "/login?redirectTo=/dns-records");
        assert_eq!(
            login_for("/a?b=1&c=\"#"),
            "/login?redirectTo=/a%3Fb%3D1%26c%3D%22%23"
        );
    }
}
