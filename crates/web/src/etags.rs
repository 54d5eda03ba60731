//! Entity tags (RFC 9110, section 8.8.3).

use actix_web::HttpRequest;
use actix_web::http::header::IF_NONE_MATCH;

/// Returns whether `If-None-Match` has this entity tag, or is `*`. Tags are compared weakly: those
/// of compressed answers are weak (RFC 9110, section 13.1.2).
pub(crate) fn is_known(req: &HttpRequest, etag: &str) -> bool {
    let opaque = |etag: &str| etag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(etag);
    let mut lists = req
        .headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok());
    lists.any(|list| {
        let mut known = list.split(',').map(opaque);
        known.any(|known| known == "*" || known == wanted)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_known_tag_is_found_in_any_list() {
        for (header, etag, expected) in [
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("\"b\", W/\"a\"", "\"a\"", true),
            ("*", "\"a\"", true),
            ("\"b\"", "\"a\"", false),
            ("a", "\"a\"", false),
            ("", "\"a\"", false),
        ] {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, header));
            assert_eq!(
                is_known(&request.to_http_request(), etag),
                expected,
                "{header}"
            );
        }
        let request = TestRequest::get()
            .append_header((IF_NONE_MATCH, "\"b\""))
            .append_header((IF_NONE_MATCH, "\"a\""));
        assert!(is_known(&request.to_http_request(), "\"a\""));
        assert!(!is_known(&TestRequest::get().to_http_request(), "\"a\""));
    }
}
