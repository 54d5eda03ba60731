//! Every reason to refuse a request of the API, in the words of each protocol.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::api::Protocol;
use starchart_domain::token::{Networks, TokenRights};

use super::test_app::{HOST, Reply, TestApp};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The address of every client.
const CLIENT: &str = "192.0.2.1:1234";

/// Why requests are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Revoked,
    Expired,
    Idle,
    WrongNetwork,
    DeletedUser,
    SuspendedUser,
    WrongScope,
    ApiOff,
    ProtocolOff,
    TooMany,
}

use Reason::*;

const NOT_ACCEPTED: &[Reason] = &[
    Revoked,
    Expired,
    Idle,
    WrongNetwork,
    DeletedUser,
    SuspendedUser,
];
const OFF: &[Reason] = &[ApiOff, ProtocolOff];

/// An answer: its status, its media type, `WWW-Authenticate`, and the whole body of the protocols
/// with words of their own, otherwise the member `detail`. `{wait}` is the number of `Retry-After`.
type Answer = (u16, &'static str, &'static str, &'static str);

const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const BASIC: &str = "Basic realm=\"API token\", charset=\"UTF-8\"";
const INVALID: &str = "Invalid token. It is unknown, has ended or expired, or is not accepted from \
                       this address.";
const SCOPE: &str = "This API token has no right to do this. Its owner sees on the page “API \
                     tokens” what it may do, and can create another one.";
const THROTTLED: &str = "Request was throttled. Expected available in {wait} seconds.";
const TURNED_OFF: &str = "This API is turned off. This service does not offer it at the moment.";

/// What the clients of each protocol are told, for reasons of one kind.
const ANSWERS: &[(Protocol, &[Reason], Answer)] = &[
    // deSEC's: its clients print `detail`, octoDNS reads the seconds in the sentence.
    (
        Protocol::Rest,
        NOT_ACCEPTED,
        (401, PROBLEM, "Token", INVALID),
    ),
    (Protocol::Rest, &[WrongScope], (403, PROBLEM, "", SCOPE)),
    (Protocol::Rest, OFF, (404, PROBLEM, "", TURNED_OFF)),
    (Protocol::Rest, &[TooMany], (429, PROBLEM, "", THROTTLED)),
    // Clients of PowerDNS print `error`; it refuses a change with 422.
    (
        Protocol::PowerDns,
        NOT_ACCEPTED,
        (
            401,
            JSON,
            "X-API-Key",
            "{\"error\":\"Invalid token. It is unknown, has ended or expired, or is not accepted \
             from this address.\"}",
        ),
    ),
    (
        Protocol::PowerDns,
        &[WrongScope],
        (
            422,
            JSON,
            "",
            "{\"error\":\"The token may not change this: its rights cover other names or types of \
             user1.starchart.com.\"}",
        ),
    ),
    (
        Protocol::PowerDns,
        OFF,
        (
            404,
            JSON,
            "",
            "{\"error\":\"This API is turned off. This service does not offer it at the \
             moment.\"}",
        ),
    ),
    (
        Protocol::PowerDns,
        &[TooMany],
        (
            429,
            JSON,
            "",
            "{\"error\":\"Request was throttled. Expected available in {wait} seconds.\"}",
        ),
    ),
    // lego prints status and body.
    (
        Protocol::Httpreq,
        NOT_ACCEPTED,
        (401, PROBLEM, BASIC, INVALID),
    ),
    (Protocol::Httpreq, &[WrongScope], (403, PROBLEM, "", SCOPE)),
    (Protocol::Httpreq, OFF, (404, PROBLEM, "", TURNED_OFF)),
    (Protocol::Httpreq, &[TooMany], (429, PROBLEM, "", THROTTLED)),
    // acme-dns has one word in `error`.
    (
        Protocol::AcmeDns,
        NOT_ACCEPTED,
        (
            401,
            JSON,
            "X-Api-Key",
            "{\"detail\":\"Invalid token. It is unknown, has ended or expired, or is not accepted \
             from this address. An account is an API token here: make one on the page “API \
             tokens” of this service and give it to your client as the password.\",\
             \"error\":\"forbidden\"}",
        ),
    ),
    (
        Protocol::AcmeDns,
        &[WrongScope],
        (
            403,
            JSON,
            "",
            "{\"detail\":\"This API token has no right to do this. Its owner sees on the page \
             “API tokens” what it may do, and can create another one.\",\"error\":\"forbidden\"}",
        ),
    ),
    (
        Protocol::AcmeDns,
        OFF,
        (
            404,
            JSON,
            "",
            "{\"detail\":\"This API is turned off. This service does not offer it at the \
             moment.\",\"error\":\"forbidden\"}",
        ),
    ),
    (
        Protocol::AcmeDns,
        &[TooMany],
        (
            429,
            JSON,
            "",
            "{\"detail\":\"Request was throttled. Expected available in {wait} seconds.\",\
             \"error\":\"rate_limited\"}",
        ),
    ),
    // dyndns2 has words only. `nohost` is about one of several hosts, so the status is 200.
    (
        Protocol::DynDns,
        NOT_ACCEPTED,
        (401, TEXT, BASIC, "badauth\n"),
    ),
    (Protocol::DynDns, &[WrongScope], (200, TEXT, "", "nohost\n")),
    (Protocol::DynDns, OFF, (404, TEXT, "", "911\n")),
    (Protocol::DynDns, &[TooMany], (429, TEXT, "", "abuse\n")),
];

fn answer(protocol: Protocol, reason: Reason) -> Answer {
    let mut rows = ANSWERS.iter();
    let row = rows.find(|(known, reasons, _)| *known == protocol && reasons.contains(&reason));
    row.unwrap_or_else(|| panic!("no row for {protocol:?}, {reason:?}"))
        .2
}

/// Sends a change as the clients of the protocol do.
async fn send(test_app: &TestApp, protocol: Protocol, secret: &str) -> Reply {
    let basic = || {
        (
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("u:{secret}"))),
        )
    };
    let key = || ("x-api-key", secret.to_owned());
    let token = || ("authorization", format!("Token {secret}"));
    let rrset = r#"[{"subname":"www","type":"A","records":["192.0.2.1"]}]"#;
    let patch = r#"{"rrsets":[{"name":"www.user1.starchart.com.","type":"A","ttl":300,
        "changetype":"REPLACE","records":[{"content":"192.0.2.1"}]}]}"#;
    let challenge = r#"{"fqdn":"_acme-challenge.www.user1.starchart.com.",
        "value":"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"}"#;
    let update = r#"{"subdomain":"www.user1.starchart.com",
        "txt":"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"}"#;
    let (method, path, header, body) = match protocol {
        Protocol::Rest => {
            let path = "/api/v1/domains/user1.starchart.com/rrsets/";
            (Method::PUT, path, token(), rrset)
        }
        Protocol::PowerDns => {
            let path = "/api/v1/servers/localhost/zones/starchart.com.";
            (Method::PATCH, path, key(), patch)
        }
        Protocol::Httpreq => (Method::POST, "/httpreq/present", basic(), challenge),
        Protocol::AcmeDns => (Method::POST, "/acme-dns/update", key(), update),
        Protocol::DynDns => {
            let path = "/nic/update?hostname=www.user1.starchart.com&myip=192.0.2.1";
            (Method::GET, path, basic(), "")
        }
    };
    let request = TestRequest::with_uri(path)
        .method(method)
        .peer_addr(CLIENT.parse().unwrap())
        .insert_header(("host", HOST))
        .insert_header(("content-type", "application/json"))
        .insert_header(header)
        .set_payload(body);
    test_app.send(request).await
}

async fn application(protocol: Protocol, reason: Reason) -> TestApp {
    TestApp::with(|config| match reason {
        ApiOff => config.api.protocols.clear(),
        ProtocolOff => _ = config.api.protocols.remove(&protocol),
        TooMany => config.api.requests_per_minute = 1,
        _ => {}
    })
    .await
}

/// Creates a token that may do what [`send`] asks for, unless the reason is another one.
async fn token(test_app: &TestApp, reason: Reason) -> String {
    let all = serde_json::json!({ "records": [
        { "access": "write", "names": "all", "types": [] },
    ] });
    test_app
        .token_with("user1", |new| {
            new.rights = match reason {
                WrongScope => TokenRights::default(),
                _ => serde_json::from_value(all).unwrap(),
            };
            if reason == Idle {
                new.idle_ms = Some(30 * DAY_MS);
            }
            if reason == WrongNetwork {
                new.networks = Networks::parse("198.51.100.0/24").unwrap();
            }
        })
        .await
}

async fn bring_about(test_app: &TestApp, reason: Reason) {
    match reason {
        Revoked => test_app.execute_sql("UPDATE tokens SET ended_at = 1").await,
        Expired => test_app.store.set_clock_offset(91 * DAY_MS),
        Idle => test_app.store.set_clock_offset(31 * DAY_MS),
        DeletedUser => {
            test_app
                .execute_sql("UPDATE users SET deleted_at = 1")
                .await
        }
        SuspendedUser => {
            test_app
                .execute_sql("UPDATE users SET suspended_at = 1")
                .await
        }
        WrongNetwork | WrongScope | ApiOff | ProtocolOff | TooMany => {}
    }
}

/// The protocols that are tried on one application: what is set or counted is of one protocol.
fn together(reason: Reason) -> Vec<&'static [Protocol]> {
    match reason {
        ProtocolOff | TooMany => Protocol::ALL.chunks(1).collect(),
        _ => vec![Protocol::ALL],
    }
}

#[actix_web::test]
async fn every_refusal_is_in_the_words_of_the_protocol() {
    let reasons = NOT_ACCEPTED.iter().chain(OFF).chain(&[WrongScope, TooMany]);
    let mut count = 0;
    for reason in reasons.copied() {
        for protocols in together(reason) {
            count += try_on(reason, protocols).await;
        }
    }
    assert_eq!(count, 50);
}

/// Returns how many protocols were tried.
async fn try_on(reason: Reason, protocols: &[Protocol]) -> usize {
    let test_app = application(protocols[0], reason).await;
    let mut secrets = Vec::new();
    for protocol in protocols.iter().copied() {
        let secret = token(&test_app, reason).await;
        let is_accepted_first = !matches!(
            reason,
            WrongNetwork | WrongScope | ApiOff | Reason::ProtocolOff
        );
        if is_accepted_first {
            let accepted = send(&test_app, protocol, &secret).await;
            assert!(
                accepted.status.is_success(),
                "{protocol:?}: {}",
                accepted.body
            );
        }
        secrets.push(secret);
    }
    bring_about(&test_app, reason).await;
    for (protocol, secret) in protocols.iter().zip(&secrets) {
        let what = format!("{protocol:?}, {reason:?}");
        let reply = send(&test_app, *protocol, secret).await;
        check(&reply, answer(*protocol, reason), &what);
        let waits = !reply.header("retry-after").is_empty();
        assert_eq!(waits, reason == TooMany, "{what}");
    }
    protocols.len()
}

fn check(reply: &Reply, (status, media_type, challenge, words): Answer, what: &str) {
    let what = format!("{what}: {}", reply.body);
    assert_eq!(
        reply.status,
        StatusCode::from_u16(status).unwrap(),
        "{what}"
    );
    assert_eq!(reply.header("content-type"), media_type, "{what}");
    assert_eq!(reply.header("www-authenticate"), challenge, "{what}");
    assert!(reply.cookies().is_empty(), "{what}");
    let words = words.replace("{wait}", reply.header("retry-after"));
    match media_type {
        PROBLEM => {
            let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(problem["detail"], words, "{what}");
            assert_eq!(problem["status"], status, "{what}");
        }
        _ => assert_eq!(reply.body, words, "{what}"),
    }
}
