//! Nothing typed is lost: whatever refuses a form, the answer shows what was typed.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::record::form_parts;
use starchart_store::sessions;
use starchart_testkit::html::unescape;

use super::test_app::{Browser, HOST, ORIGIN, Reply, TestApp, form_body};
use crate::typed::typed_fields;
use crate::{Protection, RouteInfo, route_table, tokens};

/// What refuses a form, with the status of the answer.
const REFUSALS: [(Refusal, u16); 11] = [
    (Refusal::TokenOfAnotherSession, 403),
    (Refusal::NoToken, 403),
    (Refusal::GuestWithoutToken, 403),
    (Refusal::UnknownField, 422),
    (Refusal::FieldTwice, 400),
    (Refusal::TooLarge, 413),
    (Refusal::TooManyWrites, 429),
    (Refusal::TooManySignIns, 429),
    (Refusal::SignInPaused, 503),
    (Refusal::DatabaseAway, 503),
    (Refusal::OtherOrigin, 403),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Another user has signed in in this browser, or an impersonation has begun or ended.
    TokenOfAnotherSession,
    NoToken,
    GuestWithoutToken,
    UnknownField,
    FieldTwice,
    TooLarge,
    TooManyWrites,
    /// The session has ended, and no sign-in may start now.
    TooManySignIns,
    /// The session has ended, and nobody can sign in before the import has finished.
    SignInPaused,
    DatabaseAway,
    /// A page of another site: its text is not shown.
    OtherOrigin,
}

/// The applications and the tokens that the refusals need.
struct Apps {
    /// Refuses nothing by itself.
    open: TestApp,
    /// One write a minute is allowed.
    limited: TestApp,
    importing: TestApp,
    without_database: TestApp,
}

impl Apps {
    async fn new() -> Self {
        let limited = TestApp::with(|config| config.limits.record_writes_per_minute = 1).await;
        let importing = TestApp::new().await;
        importing
            .execute_sql("INSERT INTO imports (id, started_at) VALUES (1, 1)")
            .await;
        Self {
            open: TestApp::new().await,
            limited,
            importing,
            without_database: TestApp::without_database(|_| {}).await,
        }
    }
}

/// Returns the fields of a route as its form sends them: markup and line breaks in what is typed,
/// `hidden` in what is not.
fn fields(route: &RouteInfo) -> Vec<(String, String)> {
    let mut names: Vec<&str> = route.fields.to_vec();
    if names.contains(&"value") {
        names.extend(form_parts().iter().map(|field| field.part.name));
    }
    let is_typed = |name: &str| !typed_fields(format!("{name}=x").as_bytes()).is_empty();
    let value = |name: &str| {
        if is_typed(name) {
            format!("my {name} <b>\"&'\r\n{{{{ 1 }}}}é</textarea>")
        } else {
            format!("hidden {name}")
        }
    };
    let pair = |name: &str| (name.to_owned(), value(name));
    names.into_iter().map(pair).collect()
}

fn request(route: &RouteInfo, origin: &'static str, body: String) -> TestRequest {
    TestRequest::with_uri(&route.path.replace("{id}", "1"))
        .method(route.method.clone())
        .insert_header(("host", HOST))
        .insert_header(("origin", origin))
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(body)
}

/// Returns whether the refusal can happen to the route.
fn applies(refusal: Refusal, route: &RouteInfo) -> bool {
    let needs_user = route.protection != Protection::OptionalUser;
    match refusal {
        // A check writes nothing and has a limit of its own.
        Refusal::TooManyWrites => {
            needs_user && route.path != "/" && !route.path.ends_with("/check")
        }
        Refusal::TooManySignIns | Refusal::SignInPaused => needs_user,
        _ => true,
    }
}

/// Sends the fields to the route in such a way that they are refused. Returns the token that was
/// sent and the answer.
async fn refuse(
    apps: &Apps,
    refusal: Refusal,
    route: &RouteInfo,
    mut fields: Vec<(String, String)>,
) -> (String, Reply) {
    let guest = tokens::generate();
    let (mut browser, token) = match refusal {
        Refusal::TooManySignIns => {
            let app = TestApp::with(|config| config.limits.sign_in_per_minute = 1).await;
            let request = || request(route, ORIGIN, encode(&guest, &fields));
            app.send(request()).await;
            return (guest.clone(), app.send(request()).await);
        }
        Refusal::SignInPaused => (Browser::new(&apps.importing), guest),
        Refusal::GuestWithoutToken => (Browser::new(&apps.open), String::new()),
        Refusal::DatabaseAway => {
            let mut browser = Browser::new(&apps.without_database);
            browser
                .jar
                .insert("__Host-session".to_owned(), tokens::generate());
            (browser, guest)
        }
        Refusal::TooManyWrites => {
            let mut browser = Browser::signed_in(&apps.limited, "user1").await;
            let token = browser.csrf_token().await;
            browser
                .submit(Method::POST, "/dns-records/new", &token, &[])
                .await;
            (browser, token)
        }
        _ => {
            let mut browser = Browser::signed_in(&apps.open, "user1").await;
            let token = match refusal {
                Refusal::TokenOfAnotherSession => {
                    let mut other = Browser::signed_in(&apps.open, "user2").await;
                    other.csrf_token().await
                }
                Refusal::NoToken => String::new(),
                _ => browser.csrf_token().await,
            };
            (browser, token)
        }
    };
    match refusal {
        Refusal::UnknownField => fields.push(("owner_id".to_owned(), "hidden owner".to_owned())),
        Refusal::FieldTwice => {
            let (name, _) = fields.first().cloned().unwrap_or_default();
            fields.push((name, "hidden again".to_owned()));
            fields.push(("csrf_token".to_owned(), token.clone()));
        }
        Refusal::TooLarge => {
            fields.push((
                "padding".to_owned(),
                format!("hidden {}", "é".repeat(route.body_limit / 6 + 1_000)),
            ));
        }
        _ => {}
    }
    let origin = match refusal {
        Refusal::OtherOrigin => "https://evil.example",
        _ => ORIGIN,
    };
    let reply = browser
        .send(request(route, origin, encode(&token, &fields)))
        .await;
    (token, reply)
}

fn encode(token: &str, fields: &[(String, String)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    form_body(token, &pairs.collect::<Vec<_>>())
}

/// Returns label and text of the fields that a page shows to be copied.
fn shown(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<label for=\"typed-").skip(1);
    fields
        .map(|field| {
            let (label, rest) = field.split_once("</label>").unwrap();
            let (tag, rest) = rest.split_once(">\n").unwrap();
            assert!(tag.contains(" readonly "), "{tag}");
            let (text, _) = rest.split_once("</textarea>").unwrap();
            let label = label.split('>').next_back().unwrap();
            (label.to_owned(), unescape(text))
        })
        .collect()
}

#[actix_web::test]
async fn every_refusal_of_every_form_shows_what_was_typed() {
    let apps = Apps::new().await;
    let mut cases = 0;
    for route in route_table().filter(|info| info.csrf) {
        let sent = fields(route);
        let typed: Vec<_> = typed_fields(encode("", &sent).as_bytes())
            .into_iter()
            .map(|field| (field.label.to_owned(), field.text))
            .collect();
        for (refusal, status) in REFUSALS {
            if !applies(refusal, route) {
                continue;
            }
            let case = format!("{} {}: {refusal:?}", route.method, route.path);
            let (token, reply) = refuse(&apps, refusal, route, sent.clone()).await;
            assert_eq!(reply.status.as_u16(), status, "{case}: {}", reply.body);
            let mut expected = typed.clone();
            match refusal {
                Refusal::OtherOrigin => expected.clear(),
                // The second is shown, too.
                Refusal::FieldTwice => {
                    let again = sent.first().map(|(name, _)| name.clone());
                    let again = (again.unwrap_or_default(), "hidden again".to_owned());
                    let again = typed_fields(encode("", &[again]).as_bytes()).into_iter();
                    expected.extend(again.map(|field| (field.label.to_owned(), field.text)));
                }
                _ => {}
            }
            assert_eq!(shown(&reply.body), expected, "{case}");
            if refusal != Refusal::FieldTwice {
                assert!(!reply.body.contains("hidden "), "{case}: {}", reply.body);
            }
            assert!(token.is_empty() || !reply.body.contains(&token), "{case}");
            let cache = reply.headers.get(CACHE_CONTROL).unwrap();
            assert_eq!(cache, "no-store", "{case}");
            cases += 1;
        }
    }
    assert!(cases > 100, "{cases} cases");
    for app in [&apps.open, &apps.limited, &apps.importing] {
        let records = app.query_number("SELECT COUNT(*) FROM dns_records").await;
        assert_eq!(records, 0, "nothing was saved");
    }
}

#[actix_web::test]
async fn a_body_far_above_the_limit_is_not_read() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let value = "a".repeat(1_100 * 1024);
    let reply = browser.post("/dns-records/new", &[("value", &value)]).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(shown(&reply.body).is_empty());
}

/// Ends the session of the browser, sends the form and signs in again as `username`. Returns the
/// last answer.
async fn send_after_the_session(
    browser: &mut Browser<'_>,
    username: &str,
    path: &str,
    fields: &[(&str, &str)],
) -> Reply {
    let test_app = browser.test_app;
    let token = browser.csrf_token().await;
    let session = tokens::hash(&browser.jar["__Host-session"]);
    sessions::end(&test_app.store, session, "request")
        .await
        .unwrap();
    let reply = browser.submit(Method::POST, path, &token, fields).await;
    if reply.status != StatusCode::SEE_OTHER {
        return reply;
    }
    let (response, relay) = test_app.saml_response(reply.location(), username);
    let posted = test_app.post_saml_response(&response, &relay).await;
    browser.get(posted.location()).await
}

/// What the next page shows when a form was sent after the session had ended.
#[actix_web::test]
async fn a_form_sent_after_the_session_is_shown_again() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let owner_of = |page: &str| {
        let after = page.split("name=\"owner\" value=\"").nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let owner = owner_of(&browser.get("/dns-records/new").await.body);
    let long = "é".repeat(3_000);
    for (username, path, value, status, words) in [
        (
            "user1",
            "/dns-records/new",
            "mine",
            200,
            &["Your form was kept"][..],
        ),
        // Deleted meanwhile.
        (
            "user1",
            "/dns-records/77",
            "mine",
            404,
            &["was deleted or has expired"],
        ),
        // Too long to be kept.
        (
            "user1",
            "/dns-records/new",
            &long,
            403,
            &["Your session has ended"],
        ),
        // Another user signs in, perhaps on a shared computer: not theirs to see.
        ("user2", "/dns-records/new", "secret", 303, &[]),
    ] {
        let fields = [
            ("subdomain", "www"),
            ("type", "TXT"),
            ("value", value),
            ("owner", owner.as_str()),
        ];
        let reply = send_after_the_session(&mut browser, username, path, &fields).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        for word in words {
            assert!(reply.body.contains(word), "{path} {word}: {}", reply.body);
        }
        let is_shown = reply.body.contains(&format!("value=\"{value}\""))
            || shown(&reply.body).contains(&("Value".to_owned(), value.to_owned()));
        assert_eq!(is_shown, username == "user1", "{path}: {}", reply.body);
        if browser.get("/dns-records").await.status != StatusCode::OK {
            browser = Browser::signed_in(&test_app, "user1").await;
        }
    }
}
