//! The REST API, request by request, each answer checked against the OpenAPI document.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod certificate;
mod desec;
mod document;
mod own;

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use serde_json::Value;
use starchart_domain::record::RecordType;
use starchart_domain::token::{Access, CertificateRights, NamePattern, RecordRight, TokenRights};
use starchart_testkit::openapi::{ApiAnswer, Contract};

use super::test_app::{HOST, Reply, TestApp};

/// Rights for records of these names and types.
fn records(access: Access, names: NamePattern, types: &[RecordType]) -> TokenRights {
    TokenRights {
        records: vec![RecordRight {
            access,
            names,
            types: types.to_vec(),
        }],
        ..TokenRights::default()
    }
}

/// Rights to do everything.
fn everything() -> TokenRights {
    TokenRights {
        certificate: CertificateRights {
            read: true,
            read_key: true,
            request: true,
        },
        ..records(Access::Write, NamePattern::All, &[])
    }
}

/// A program with a token.
pub(super) struct Client<'a> {
    test_app: &'a TestApp,
    contract: Contract,
    secret: String,
}

impl<'a> Client<'a> {
    async fn new(test_app: &'a TestApp, username: &str, rights: TokenRights) -> Self {
        let request = TestRequest::with_uri("/api/openapi.json").insert_header(("host", HOST));
        let document = test_app.send(request).await;
        assert_eq!(document.status, StatusCode::OK, "{}", document.body);
        Self {
            test_app,
            contract: Contract::new(serde_json::from_str(&document.body).unwrap()),
            secret: test_app.token(username, rights).await,
        }
    }

    /// Sends a request with these headers and a body of JSON, and checks that its answer is one
    /// that is described.
    async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        let mut request = TestRequest::with_uri(path)
            .method(method.clone())
            .insert_header(("host", HOST))
            .insert_header(("authorization", format!("Token {}", self.secret)));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        if let Some(body) = body {
            request = request
                .insert_header(("content-type", "application/json"))
                .set_payload(body.to_owned());
        }
        let reply = self.test_app.send(request).await;
        let content_type = reply.header("content-type");
        let answer = ApiAnswer {
            status: reply.status.as_u16(),
            content_type,
            body: &reply.body,
        };
        let described = self.contract.check(method.as_str(), path, answer);
        assert_eq!(described, Ok(()), "{method} {path}: {}", reply.body);
        reply
    }

    async fn send(&self, method: Method, path: &str, body: Option<&str>) -> Reply {
        self.send_with(method, path, &[], body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }
}

/// A row of a table of requests: method, path, body, and the status and a part of the answer.
type Request<'a> = (&'a str, &'a str, &'a str, u16, &'a str);

impl Client<'_> {
    /// Sends one request after the other.
    async fn send_all(&self, requests: &[Request<'_>]) {
        for (method, path, body, status, part) in requests.iter().copied() {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let body = Some(body).filter(|body| !body.is_empty());
            let reply = self.send(method.clone(), path, body).await;
            let what = format!(
                "{method} {path} {}: {}",
                body.unwrap_or_default(),
                reply.body
            );
            assert_eq!(reply.status.as_u16(), status, "{what}");
            let is_empty = status == 204 && reply.body.is_empty();
            assert!(is_empty || reply.body.contains(part), "{what}");
        }
    }
}

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}
