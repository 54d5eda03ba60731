//! Failures as pages and as problem details (RFC 9457).

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::header::{ALLOW, RETRY_AFTER, SET_COOKIE, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::fault::{Fault, Field};
use starchart_domain::time::Timestamp;

use super::test_app::{HOST, ORIGIN, TestApp};
use crate::actions::{ActionError, Conflict, Denial, Limit};
use crate::context::RequestContext;
use crate::error_response;
use crate::errors::Failure;

/// Values of `Accept`, and whether the client gets problem details.
const ACCEPT: [(Option<&str>, bool); 7] = [
    (None, false),
    (Some("*/*"), false),
    (
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        false,
    ),
    (Some("text/html, application/json"), false),
    (Some("application/json"), true),
    (Some("application/problem+json"), true),
    (Some("application/json, text/html;q=0.9, */*;q=0.1"), true),
];

fn failures() -> Vec<(u16, Failure)> {
    let quota = Limit::Records { limit: 3 };
    let daily = Limit::CertificateRequests {
        limit: 3,
        next_at: Timestamp::from_millis(0),
        retry_after_s: 60,
    };
    vec![
        (400, Failure::BadRequest("x")),
        (403, Failure::CsrfRejected("x")),
        (403, Failure::KeyWithheld),
        (403, ActionError::Denied(Denial::SignInAgain).into()),
        (404, Failure::NotFound),
        (404, ActionError::NotFound.into()),
        (405, Failure::MethodNotAllowed(vec![Method::GET])),
        (409, ActionError::Conflict(Conflict::OrderInProgress).into()),
        (413, Failure::TooLarge),
        (415, Failure::UnsupportedMediaType("x")),
        (422, Failure::Unprocessable("x")),
        (
            422,
            ActionError::Invalid(vec![(Field::Value, Fault::Duplicate)]).into(),
        ),
        (422, ActionError::Limit(quota).into()),
        (429, Failure::TooMany { retry_after: 30 }),
        (429, ActionError::Limit(daily).into()),
        (503, Failure::Unavailable { retry_after: 30 }),
    ]
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

async fn body(response: HttpResponse) -> String {
    let bytes = to_bytes(response.into_body())
        .await
        .unwrap_or_else(|_| panic!("incomplete body"));
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[actix_web::test]
async fn a_failure_is_a_page_or_problem_details_by_what_the_client_accepts() {
    let test_app = TestApp::new().await;
    for (status, failure) in failures() {
        for (accept, is_json) in ACCEPT {
            let mut req = TestRequest::default();
            if let Some(accept) = accept {
                req = req.insert_header(("accept", accept));
            }
            let id = "request-1".to_owned();
            let context = RequestContext::new(test_app.app.clone(), req.to_http_request(), id);
            let response = error_response::response(&context, &failure);
            let case = format!("{failure:?} for {accept:?}");
            assert_eq!(response.status().as_u16(), status, "{case}");
            assert_eq!(header(&response, VARY.as_str()), "accept", "{case}");
            assert!(!response.headers().contains_key(SET_COOKIE), "{case}");
            let retries = response.headers().contains_key(RETRY_AFTER);
            assert_eq!(retries, matches!(status, 429 | 503), "{case}");
            let allows = response.headers().contains_key(ALLOW);
            assert_eq!(allows, status == 405, "{case}");
            let kind = header(&response, "content-type").to_owned();
            let body = body(response).await;
            if is_json {
                assert_eq!(kind, "application/problem+json", "{case}");
                check_problem(&body, status, &failure);
            } else {
                assert_eq!(kind, "text/html; charset=utf-8", "{case}");
                let shown = format!("<p class=\"error-status\">{status}</p>");
                assert!(body.contains(&shown), "{case}: {body}");
                assert!(body.contains("<code>request-1</code>"), "{case}");
            }
        }
    }
}

fn check_problem(body: &str, status: u16, failure: &Failure) {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    let reason = StatusCode::from_u16(status).unwrap().canonical_reason();
    assert_eq!(problem["title"].as_str(), reason);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], "request-1");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(failure.title()), "{detail}");
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .map(|errors| errors.iter().map(|error| error["field"].clone()).collect())
        .unwrap_or_default();
    match failure {
        Failure::Action(ActionError::Invalid(_)) => assert_eq!(fields, ["value"]),
        Failure::Action(ActionError::Limit(Limit::Records { .. })) => {
            assert_eq!(fields, ["record"]);
        }
        _ => assert!(fields.is_empty(), "{body}"),
    }
}

#[actix_web::test]
async fn routes_answer_in_the_representation_of_the_request() {
    let test_app = TestApp::new().await;
    let get = |path: &str, accept: &'static str| {
        TestRequest::with_uri(path)
            .insert_header(("host", HOST))
            .insert_header(("accept", accept))
    };
    let post = get("/logout", "application/json")
        .method(Method::POST)
        .insert_header(("origin", ORIGIN))
        .insert_header(("content-type", "text/plain"))
        .set_payload("x");
    let delete = get("/label", "application/json").method(Method::DELETE);
    for (status, is_json, request) in [
        (404, false, get("/missing", "text/html")),
        (404, true, get("/missing", "application/json")),
        (404, true, get("/api/missing", "text/html")),
        (405, true, delete),
        (415, true, post),
    ] {
        let reply = test_app.send(request).await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.body);
        let kind = reply.headers.get("content-type").unwrap();
        assert_eq!(kind == "application/problem+json", is_json, "{kind:?}");
        assert!(reply.headers.contains_key("content-security-policy"));
    }
}
