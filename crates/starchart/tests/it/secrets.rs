//! The log is flat JSON and contains no secrets, addresses or names.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::app::TestEnv;
use crate::browser::{identity, path_of};
use crate::raw::exchange;
use crate::sign_in::encode;

const SESSION_SECRET: &str = "development only: never in a log, and 32 bytes or more";
const AWS_SECRET: &str = "developmentOnlyNeverInALog";

/// Uses every page with valid and invalid input. Returns the texts that the log must not contain.
async fn live(env: &TestEnv, port: u16) -> BTreeSet<String> {
    let mut never: BTreeSet<String> = [SESSION_SECRET, AWS_SECRET].map(str::to_owned).into();
    let mut browser = crate::browser::Browser::new(port);
    let who = identity("kepler", &["students"]);
    never.extend([who.email.clone(), who.display_name.clone()]);
    let page = browser.get("/login?redirectTo=/dns-records").await;
    never.insert(page.csrf_token());
    let (seen, relay_state) = crate::browser::asked(&browser.submit(&page.form("/login")).await);
    never.extend([relay_state.clone(), browser.cookies["__Host-login"].clone()]);
    let signed = env.honest(&seen, &who).sign(&env.idp).unwrap();
    for (response, status) in [
        (signed.replace(">kepler<", ">admin<"), 403),
        ("<a/>".to_owned(), 403),
        (signed, 303),
    ] {
        let field = encode(&response);
        if field.len() > 60 {
            never.insert(field.chars().take(60).collect());
        }
        // A refused sign-in in another window of the same user.
        let mut window = browser.clone();
        let answered = window.post_response(&field, &relay_state).await;
        assert_eq!(answered.status, status, "{}", answered.body);
        if status == 303 {
            never.insert(answered.location().split("h=").nth(1).unwrap().to_owned());
            browser.get(&path_of(answered.location())).await;
        }
    }
    never.insert(browser.session().unwrap().to_owned());
    for (name, rtype, value) in [
        ("www", "A", "192.0.2.1"),
        ("www", "CNAME", "example.com"),
        ("\u{1b}[31m\r\nroot", "TXT", "x\r\n{\"level\":\"error\"}"),
    ] {
        browser.create(name, rtype, value).await;
        never.extend(browser.cookies.get("__Host-flash").cloned());
    }
    never.insert(browser.get("/dns-records/new").await.csrf_token());
    let forged = browser
        .post(
            "/dns-records",
            &[
                ("id", "1"),
                ("intent", "delete-dns-record"),
                ("csrf_token", "forged-token-of-mine"),
            ],
        )
        .await;
    assert_eq!(forged.status, 403);
    never.insert("forged-token-of-mine".to_owned());
    for path in [
        "/nowhere?token=in-the-query-of-mine",
        "/x%0d%0a%1b[31m{\"level\":\"error\"}",
        "/dns-records/1",
    ] {
        browser.get(path).await;
    }
    never.insert("in-the-query-of-mine".to_owned());
    let header = "GET /login HTTP/1.1\r\nHost: names.school.example\r\n\
                  Authorization: Bearer in-the-header-of-mine\r\nConnection: close\r\n\r\n";
    exchange(port, header.to_owned(), Vec::new(), 0).await;
    never.insert("in-the-header-of-mine".to_owned());
    let home = browser.get("/").await;
    browser.submit(&home.form("/logout")).await;
    never.insert(browser.cookies["__Host-signed-out"].clone());
    never
}

#[tokio::test]
async fn the_log_is_flat_json_without_secrets_or_addresses() {
    let env = TestEnv::new().await;
    let env = env
        .set("LOG_LEVEL", "trace")
        .set("SESSION_SECRET", SESSION_SECRET)
        .set("AWS_SECRET_ACCESS_KEY", AWS_SECRET);
    let app = env.start().await;
    let never = live(&env, app.port).await;
    let published = async || env.zone.set("www.kepler.starchart.example", "A").is_some();
    starchart_testkit::wait::eventually("published", published).await;
    app.signal("TERM");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    let log = app.server.log();
    for secret in &never {
        assert!(secret.len() > 10, "too short to look for: {secret}");
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret}");
    }
    assert!(
        !log.contains("@school.example") && !log.contains("203.0.113.7"),
        "no mail address of a user"
    );
    let mut requests = 0;
    let mut refused = false;
    // libxmlsec writes lines about invalid signatures to stderr; our lines all go to stdout.
    for line in log.lines().filter(|line| !line.starts_with("func=xmlSec")) {
        let fields: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let fields = fields
            .as_object()
            .unwrap_or_else(|| panic!("no object: {line}"));
        assert!(
            fields
                .values()
                .all(|value| !value.is_object() && !value.is_array()),
            "not flat: {line}"
        );
        for key in ["time", "level", "target"] {
            assert!(
                fields.get(key).is_some_and(Value::is_string),
                "no {key}: {line}"
            );
        }
        assert!(line.chars().all(|c| !c.is_control()), "{line}");
        if fields
            .get("message")
            .is_some_and(|message| message == "answered")
        {
            requests += 1;
            let id = fields
                .get("request_id")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(
                id.len() >= 16 && fields.contains_key("status") && fields.contains_key("ms"),
                "{line}"
            );
        }
        refused |= fields
            .get("message")
            .is_some_and(|message| message == "sign-in refused");
    }
    assert!(
        requests > 15 && refused,
        "the day is in the log: {requests}"
    );
    assert!(
        log.lines().any(
            |line| line.contains("\"level\":\"trace\"") || line.contains("\"level\":\"debug\"")
        ),
        "it was asked to be talkative"
    );
    assert!(!env.zone.sets().is_empty());
}
