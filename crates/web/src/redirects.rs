//! Local paths that a redirect may lead to (no open redirects).

use url::{Position, Url};

const MAX_PATH_BYTES: usize = 2_000;

/// Parses and normalises a local path with its query. Returns `None` for anything that could lead
/// to another site.
///
/// A local path begins with a single `/`, has no backslash (browsers read it as `/`) and no control
/// character (browsers drop some of them).
pub(crate) fn local_path(text: &str) -> Option<String> {
    let leads_away =
        |path: &str| !path.starts_with('/') || path.starts_with("//") || path.contains('\\');
    if text.len() > MAX_PATH_BYTES || leads_away(text) || text.chars().any(char::is_control) {
        return None;
    }
    // Browsers normalise too: /.//evil becomes //evil.
    let base = Url::parse("https://local.invalid").ok()?;
    let url = base.join(text).ok()?;
    let path = &url[Position::BeforePath..Position::AfterQuery];
    (url.origin() == base.origin() && path.len() <= MAX_PATH_BYTES && !leads_away(path))
        .then(|| path.to_owned())
}

/// Returns where to go after signing in: a [`local_path`] that is no page of the sign-in itself,
/// or `/`.
pub(crate) fn safe_return_path(text: &str) -> String {
    let leads_on = |path: &String| {
        let page = path.split('?').next().unwrap_or_default();
        !["/login", "/logout", "/label"].iter().any(|own| {
            page.strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    local_path(text)
        .filter(leads_on)
        .unwrap_or_else(|| "/".to_owned())
}

/// Returns the URL of the sign-in page that leads back to `path`.
pub(crate) fn login_url(path: &str) -> String {
    format!("/login?{}", redirect_to(path))
}

/// Returns the URL of the label choice that leads on to `path`.
pub(crate) fn label_url(path: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_are_accepted() {
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
    fn paths_to_other_sites_are_rejected() {
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
            assert_eq!(safe_return_path(hostile), "/", "{hostile:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(4_096))), None);
        assert_eq!(
            local_path(&format!("/{}", "é".repeat(900))),
            None,
            "too long once encoded"
        );
    }

    #[test]
    fn the_return_path_is_never_a_sign_in_page() {
        for own in [
            "/label",
            "/login",
            "/login/complete?h=x",
            "/logout",
            "/login?redirectTo=/x",
        ] {
            assert_eq!(safe_return_path(own), "/", "{own}");
        }
        assert_eq!(safe_return_path("/logins"), "/logins");
    }

    #[test]
    fn the_return_path_is_encoded() {
        assert_eq!(login_url("/dns-records"), "/login?redirectTo=/dns-records");
        assert_eq!(
            login_url("/a?b=1&c=\"#"),
            "/login?redirectTo=/a%3Fb%3D1%26c%3D%22%23"
        );
    }
}
