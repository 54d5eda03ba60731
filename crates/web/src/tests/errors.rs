//! Failures as pages and as problem details (RFC 9457).

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::header::{ALLOW, RETRY_AFTER, SET_COOKIE, VARY};
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use actix_web::web::BytesMut;
use starchart_domain::certificate::caa::{self, IssuanceForbidden};
use starchart_domain::fault::{Fault, Field};
use starchart_domain::publish::PublishState;
use starchart_domain::record::{RecordId, RecordType};
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::Ttl;
use starchart_store::Error;
use starchart_store::records::Record;

use super::test_app::{HOST, ORIGIN, TestApp};
use crate::actions::{ActionError, Conflict, Denial, Limit, Pkcs12PasswordFault};
use crate::context::RequestContext;
use crate::error_response;
use crate::errors::Failure;
use crate::sign_in_refusal::SignInRefusal;

const EPOCH: Timestamp = Timestamp::from_millis(0);

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
    let batch = Limit::of_records(3, 1, 4);
    let daily = Limit::CertificateRequests {
        limit: 3,
        next_at: EPOCH,
        retry_after_s: 60,
    };
    let current = record();
    let refused = |denial| (403, ActionError::Denied(denial).into());
    let conflict = |conflict| (409, ActionError::Conflict(conflict).into());
    vec![
        (400, Failure::BadRequest("x")),
        (403, Failure::CsrfRejected("x")),
        (403, Failure::SessionEnded),
        (403, Failure::KeyWithheld),
        (403, Failure::CrossSiteDownload),
        (403, Failure::SignIn(SignInRefusal::Expired)),
        (503, Failure::SignIn(SignInRefusal::ImportPending)),
        refused(Denial::OwnAccount),
        refused(Denial::AdminAccount),
        refused(Denial::NoLabel),
        refused(Denial::SignInAgain),
        refused(Denial::NoLongerAdmin),
        refused(Denial::KeyWithheld),
        (404, Failure::NotFound),
        (404, Failure::ProtocolOff),
        (404, ActionError::NotFound.into()),
        (405, Failure::MethodNotAllowed(vec![Method::GET])),
        conflict(Conflict::RecordChanged { current }),
        conflict(Conflict::OrderPending),
        conflict(Conflict::NotDue { from: EPOCH }),
        conflict(Conflict::CertificatesOff),
        conflict(Conflict::LabelNotOffered),
        conflict(Conflict::LabelTaken),
        conflict(Conflict::IssuanceForbidden(issuance_forbidden())),
        (413, Failure::TooLarge),
        (415, Failure::UnsupportedMediaType("x")),
        (421, Failure::Misdirected),
        (422, Failure::Unprocessable("x")),
        (
            422,
            ActionError::Invalid(vec![(Field::Value, Fault::Duplicate)]).into(),
        ),
        (422, ActionError::Limit(quota).into()),
        (422, ActionError::Limit(batch).into()),
        (429, Failure::TooMany { retry_after: 30 }),
        (429, ActionError::Limit(daily).into()),
        (500, Failure::Internal("x")),
        (500, Failure::Render(askama::Error::Fmt)),
        (500, Failure::Store(Error::Corrupt("x".to_owned()))),
        (
            500,
            ActionError::Store(Error::Corrupt("x".to_owned())).into(),
        ),
        (503, Failure::Unavailable { retry_after: 30 }),
        (401, Failure::Unauthorized("Invalid token.")),
        (412, Failure::PreconditionFailed),
        (
            400,
            ActionError::Password(Pkcs12PasswordFault::Missing).into(),
        ),
        (422, ActionError::Limit(Limit::Tokens { limit: 50 }).into()),
        (
            422,
            ActionError::Limit(Limit::Challenges { limit: 50 }).into(),
        ),
        (403, ActionError::Denied(Denial::TokenWithheld).into()),
        (403, ActionError::Denied(Denial::TokenScope).into()),
        (403, ActionError::Denied(Denial::NeedsSession).into()),
    ]
}

fn record() -> Box<Record> {
    Box::new(Record {
        id: RecordId(1),
        name: "www.user1.starchart.com".to_owned(),
        rtype: RecordType::A,
        input: "203.0.113.9".to_owned(),
        presentation: "203.0.113.9".to_owned(),
        ttl: Ttl::DEFAULT,
        ports: None,
        course: None,
        description: None,
        created_at: EPOCH,
        updated_at: EPOCH,
        expires_at: EPOCH,
        notified_at: None,
        state: PublishState::Saved,
    })
}

fn issuance_forbidden() -> IssuanceForbidden {
    let base = "user1.starchart.com";
    let records = [(base, r#"0 issue "ca.example""#)];
    caa::issuance_forbidden(base, records, &["letsencrypt.org".to_owned()]).unwrap()
}

/// Returns the number of a kind of failure. A new kind does not compile before it has one, and the
/// test below fails before [`failures`] has an example.
fn kind(failure: &Failure) -> usize {
    match failure {
        Failure::BadRequest(_) => 0,
        Failure::CsrfRejected(_) => 1,
        Failure::KeyWithheld => 2,
        Failure::CrossSiteDownload => 3,
        Failure::NotFound | Failure::Action(ActionError::NotFound) => 4,
        Failure::MethodNotAllowed(_) => 5,
        Failure::TooLarge => 6,
        Failure::UnsupportedMediaType(_) => 7,
        Failure::Misdirected => 8,
        Failure::Unprocessable(_) => 9,
        Failure::TooMany { .. } => 10,
        Failure::SignIn(_) => 11,
        Failure::Unavailable { .. } => 12,
        Failure::Store(_) | Failure::Action(ActionError::Store(_)) => 13,
        Failure::Render(_) => 14,
        Failure::Internal(_) => 15,
        Failure::Action(ActionError::Invalid(_)) => 16,
        Failure::Action(ActionError::Conflict(reason)) => match reason {
            Conflict::RecordChanged { .. } => 17,
            Conflict::OrderPending => 18,
            Conflict::NotDue { .. } => 19,
            Conflict::CertificatesOff => 20,
            Conflict::LabelNotOffered => 21,
            Conflict::LabelTaken => 22,
            Conflict::IssuanceForbidden(_) => 23,
            Conflict::NotUndoable(_) => 31,
        },
        Failure::Action(ActionError::Limit(reason)) => match reason {
            Limit::Records { .. } => 24,
            Limit::RecordsAtOnce { .. } => 32,
            Limit::CertificateRequests { .. } => 25,
            Limit::Tokens { .. } => 33,
            Limit::Challenges { .. } => 39,
        },
        Failure::Action(ActionError::Denied(reason)) => match reason {
            Denial::OwnAccount => 26,
            Denial::AdminAccount => 27,
            Denial::NoLabel => 28,
            Denial::SignInAgain => 29,
            Denial::NoLongerAdmin => 30,
            // As a failure of its own.
            Denial::KeyWithheld => 2,
            Denial::TokenWithheld => 34,
            Denial::TokenScope => 35,
            Denial::NeedsSession => 36,
        },
        Failure::SessionEnded => 31,
        Failure::Unauthorized(_) => 37,
        Failure::PreconditionFailed => 38,
        Failure::ProtocolOff => 40,
        Failure::Action(ActionError::Password(_)) => 41,
    }
}

/// Kinds of failures, each of which [`failures`] has.
const KINDS: usize = 42;

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
    let kinds: BTreeSet<usize> = failures()
        .iter()
        .map(|(_, failure)| kind(failure))
        .collect();
    assert_eq!(kinds, (0..KINDS).collect(), "each kind has an example");
    for (status, failure) in failures() {
        for (accept, is_json) in ACCEPT {
            let mut req = TestRequest::default();
            if let Some(accept) = accept {
                req = req.insert_header(("accept", accept));
            }
            let id = "request-1".to_owned();
            let mut context = RequestContext::new(test_app.app.clone(), req.to_http_request(), id);
            context.posted = BytesMut::from("csrf_token=secret&value=typed+%26+text");
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
            assert!(!body.contains("secret"), "{case}: {body}");
            if is_json {
                assert_eq!(kind, "application/problem+json", "{case}");
                assert!(!body.contains("typed"), "{case}: {body}");
                check_problem(&body, status, &failure);
            } else {
                assert_eq!(kind, "text/html; charset=utf-8", "{case}");
                assert!(body.contains(failure.title()), "{case}: {body}");
                let shown = format!("<p class=\"error-status\">{status}</p>");
                let is_sign_in = matches!(failure, Failure::SignIn(_));
                assert!(is_sign_in || body.contains(&shown), "{case}: {body}");
                assert!(body.contains("<code>request-1</code>"), "{case}");
                let typed = "readonly autocomplete=\"off\" spellcheck=\"false\">\ntyped &#38; \
                             text</textarea>";
                assert!(body.contains(typed), "{case}: {body}");
                let repeats = body.contains("reload this page to send it again");
                assert_eq!(repeats, matches!(status, 429 | 500 | 503), "{case}");
            }
        }
    }
}

fn check_problem(body: &str, status: u16, failure: &Failure) {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    let reason = StatusCode::from_u16(status).unwrap().canonical_reason();
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"].as_str(), reason);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["request_id"], "request-1");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with(failure.title()), "{detail}");
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .map(|errors| errors.iter().map(|error| error["field"].clone()).collect())
        .unwrap_or_default();
    let confirm = matches!(
        failure,
        Failure::Action(ActionError::Conflict(Conflict::IssuanceForbidden(_)))
    );
    let expected = confirm.then(|| issuance_forbidden().confirmation());
    assert_eq!(problem["confirm"].as_str(), expected.as_deref());
    match failure {
        Failure::Action(ActionError::Invalid(_)) => assert_eq!(fields, ["value"]),
        Failure::Action(ActionError::Limit(
            Limit::Records { .. } | Limit::RecordsAtOnce { .. },
        )) => {
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
        (
            404,
            true,
            get("/api/v1/records/5", "text/html").method(Method::PATCH),
        ),
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
