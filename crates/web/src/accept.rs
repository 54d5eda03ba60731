//! The representation that a client asks for in the header `Accept` (RFC 9110, section 12.5.1).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

/// How well a media type fits: its quality, then how specific the range is that matches it.
type Fit = (Quality, u8);

/// Returns whether the client prefers JSON to HTML. Where both fit equally well, as for `*/*` or
/// without the header, it does not.
pub(crate) fn prefers_json(req: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(req) else {
        return false;
    };
    let json = fit(&accept, "application/problem+json").max(fit(&accept, "application/json"));
    json.0 > Quality::ZERO && json > fit(&accept, "text/html")
}

/// Returns how well this media type fits. The most specific range that matches it counts.
fn fit(accept: &Accept, media_type: &str) -> Fit {
    let kind = media_type.split('/').next().unwrap_or_default();
    let matching = accept.iter().filter_map(|range| {
        let specificity = match range.item.essence_str() {
            name if name == media_type => 2,
            "*/*" => 0,
            name if name.strip_suffix("/*") == Some(kind) => 1,
            _ => return None,
        };
        Some((range.quality, specificity))
    });
    matching
        .max_by_key(|(_, specificity)| *specificity)
        .unwrap_or((Quality::ZERO, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `Accept`, and whether JSON is preferred.
    const TABLE: &[(Option<&str>, bool)] = &[
        (None, false),
        (Some(""), false),
        (Some("*/*"), false),
        (Some("text/html"), false),
        (
            Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            false,
        ),
        (Some("text/html, application/json;q=0.9"), false),
        (Some("text/html, application/json"), false),
        (Some("text/plain"), false),
        (Some("application/json;q=0"), false),
        (Some("nonsense"), false),
        (Some("application/json"), true),
        (Some("application/problem+json"), true),
        (Some("application/json, text/plain, */*"), true),
        (Some("application/*"), true),
        (Some("application/json, text/html;q=0.5"), true),
        (Some("text/html;q=0, */*"), true),
    ];

    #[test]
    fn json_is_preferred_only_when_the_client_says_so() {
        for (accept, expected) in TABLE {
            let mut req = actix_web::test::TestRequest::default();
            if let Some(accept) = accept {
                req = req.insert_header(("accept", *accept));
            }
            assert_eq!(
                prefers_json(&req.to_http_request()),
                *expected,
                "{accept:?}"
            );
        }
    }
}
