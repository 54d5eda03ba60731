//! The client against a server on loopback, and without one.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use starchart_domain::error::error_chain;
use starchart_https::{HttpsClient, Limits, Roots};
use starchart_testkit::https::{Answer, HttpsServer};
use starchart_testkit::server::free_port;
use starchart_testkit::tls::Identity;
use starchart_testkit::wait::WAIT_LIMIT;

const SECRET: &str = "a-secret";
const BODY_BYTES: usize = 1000;

fn client(roots: Roots, time: Duration) -> HttpsClient {
    let limits = Limits {
        time,
        body_bytes: BODY_BYTES,
    };
    HttpsClient::new(roots, limits).unwrap()
}

fn identity() -> Identity {
    Identity::generate(tempfile::tempdir().unwrap().path())
}

fn only(identity: &Identity) -> Roots {
    Roots::from_pem(identity.root_pem()).unwrap()
}

/// Sends a request with a secret in its query, header and body.
async fn post(client: &HttpsClient, url: &str) -> Result<(StatusCode, String), String> {
    let request = Request::post(format!("{url}?password={SECRET}"))
        .header(AUTHORIZATION, format!("Bearer {SECRET}"))
        .body(format!("client_secret={SECRET}"))
        .unwrap();
    let response = client.send(request).await;
    response
        .map(|response| {
            let body = String::from_utf8(response.body().to_vec()).unwrap();
            (response.status(), body)
        })
        .map_err(|error| error_chain(&error))
}

#[tokio::test]
async fn a_response_is_returned_whatever_its_status() {
    let identity = identity();
    for (status, size) in [(200, 0), (200, BODY_BYTES), (404, 10), (500, 10)] {
        let answer = move |body: &str| {
            assert_eq!(body, format!("client_secret={SECRET}"));
            Answer::Response(status, "x".repeat(size))
        };
        let server = HttpsServer::start(&identity, answer).await;
        let client = client(only(&identity), WAIT_LIMIT);
        // The second request uses the connection of the first.
        for _ in 0..2 {
            let (actual, body) = post(&client, &server.url("/")).await.unwrap();
            assert_eq!((actual.as_u16(), body.len()), (status, size));
        }
    }
}

#[tokio::test]
async fn an_error_says_why_and_contains_nothing_of_the_request() {
    let identity = identity();
    let start = |answer: Answer| HttpsServer::start(&identity, move |_| answer.clone());
    let fine = start(Answer::Response(200, String::new())).await;
    let large = start(Answer::Response(200, "x".repeat(BODY_BYTES + 1))).await;
    let closing = start(Answer::Close).await;
    let silent = start(Answer::Silence).await;
    let patient = client(only(&identity), WAIT_LIMIT);
    let hasty = client(only(&identity), Duration::from_secs(1));
    let of_system = client(Roots::system().unwrap(), WAIT_LIMIT);
    let of_other = client(only(&self::identity()), WAIT_LIMIT);
    let nobody = format!("https://localhost:{}/", free_port());
    let plain = fine.url("/").replacen("https", "http", 1);
    for (case, client, url, reason) in [
        ("no server", &patient, nobody, "Connection refused"),
        ("http", &patient, plain, "scheme http"),
        (
            "system's roots",
            &of_system,
            fine.url("/"),
            "invalid peer certificate",
        ),
        (
            "another root",
            &of_other,
            fine.url("/"),
            "invalid peer certificate",
        ),
        (
            "a large body",
            &patient,
            large.url("/"),
            "larger than 1000 bytes",
        ),
        (
            "no response",
            &patient,
            closing.url("/"),
            "peer closed connection",
        ),
        ("silence", &hasty, silent.url("/"), "no response within 1 s"),
    ] {
        let error = post(client, &url).await.unwrap_err();
        assert!(error.contains(reason), "{case}: {error}");
        assert!(!error.contains(SECRET), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_root_is_trusted_beside_others() {
    let [first, second] = [identity(), identity()];
    let roots = only(&first).with_der(second.root_der()).unwrap();
    let client = client(roots, WAIT_LIMIT);
    for identity in [&first, &second] {
        let fine = |_: &str| Answer::Response(200, String::new());
        let server = HttpsServer::start(identity, fine).await;
        let (status, _) = post(&client, &server.url("/")).await.unwrap();
        assert_eq!(status, StatusCode::OK);
    }
}
