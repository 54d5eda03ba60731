//! Sessions: how they begin and end, their cookies, and forged cookies.

use starchart_testkit::wait::eventually;

use crate::app::{App, TestEnv};
use crate::browser::{Browser, Page, SESSION, identity, path_of};

/// Signs in step by step and returns every Set-Cookie header on the way.
async fn sign_in_step_by_step(env: &TestEnv, browser: &mut Browser, username: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut keep = |page: &Page| lines.extend(page.set_cookies());
    let page = browser.get("/login").await;
    keep(&page);
    let sent = browser.submit(&page.form("/login")).await;
    keep(&sent);
    let (seen, relay_state) = crate::browser::asked(&sent);
    let answered = browser
        .post_response(
            &env.idp.respond(&seen, &identity(username, &[])).unwrap(),
            &relay_state,
        )
        .await;
    keep(&answered);
    let inside = browser.get(&path_of(answered.location())).await;
    keep(&inside);
    assert_eq!(inside.status, 303, "{}", inside.body);
    lines
}

async fn sign_out(browser: &mut Browser) -> Page {
    let home = browser.get("/").await;
    browser.submit(&home.form("/logout")).await
}

#[tokio::test]
async fn session_cookies_are_fresh_host_bound_and_http_only() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    // Session cookies that an attacker planted before: an invented one, and that of another user.
    let mut attacker = app.browser();
    attacker.sign_in(&env.idp, &identity("mallory", &[])).await;
    let planted = attacker.session().unwrap().to_owned();
    let guessed = "A".repeat(planted.len());
    browser.cookies.insert(SESSION.to_owned(), guessed.clone());
    browser.get("/login").await;
    let before = browser.cookies.clone();
    let lines = sign_in_step_by_step(&env, &mut browser, "user1").await;
    let session = browser.session().unwrap().to_owned();
    assert!(
        session != guessed && session != planted && session.len() >= 43,
        "256 bits: {session}"
    );
    assert!(before.values().all(|value| *value != session));
    assert!(
        !browser.cookies.contains_key("__Host-login"),
        "the mark of before is gone: {:?}",
        browser.cookies
    );

    browser.create("www", "A", "192.0.2.1").await;
    let mut all = lines;
    let page = browser.get("/dns-records/new").await;
    let form = page
        .form("/dns-records/new")
        .with("subdomain", "x")
        .with("type", "A")
        .with("value", "192.0.2.2");
    all.extend(browser.submit(&form).await.set_cookies());
    let mut again = app.browser();
    all.extend(again.get("/login/again").await.set_cookies());
    all.extend(sign_out(&mut browser).await.set_cookies());
    let names: std::collections::BTreeSet<_> = all
        .iter()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [
            "__Host-again",
            "__Host-flash",
            "__Host-login",
            "__Host-session",
            "__Host-signed-out"
        ]
    );
    for line in &all {
        let mut attributes: Vec<&str> = line
            .split("; ")
            .skip(1)
            .filter(|a| !a.starts_with("Max-Age="))
            .collect();
        attributes.sort_unstable();
        assert_eq!(
            attributes,
            ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"],
            "{line}"
        );
    }
    let begins: Vec<_> = all
        .iter()
        .filter(|line| line.starts_with(&format!("{SESSION}=")) && !line.contains("Max-Age=0"))
        .collect();
    assert!(
        begins.iter().all(|line| !line.contains("Max-Age")),
        "a session ends with the browser: {begins:?}"
    );
    // The database has only a hash of the token.
    assert_eq!(
        env.db
            .number(&format!(
                "SELECT COUNT(*) FROM sessions WHERE token_hash = '{session}'"
            ))
            .await,
        0
    );
    assert!(
        attacker.is_signed_in().await,
        "sessions of other users stay"
    );
}

#[tokio::test]
async fn a_new_sign_in_ends_the_session_of_this_browser() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let (seen, relay_state) = browser.ask_to_sign_in("/").await;
    let pending = browser.clone();
    sign_in_step_by_step(&env, &mut browser, "user1").await;
    let first = browser.clone();
    // The earlier login request is answered in a browser that has signed in since.
    browser.cookies.extend(pending.cookies);
    let answered = browser
        .post_response(
            &env.idp.respond(&seen, &identity("user2", &[])).unwrap(),
            &relay_state,
        )
        .await;
    assert_eq!(
        browser.get(&path_of(answered.location())).await.location(),
        "/"
    );
    assert_ne!(browser.session(), first.session());
    assert!(browser.get("/").await.body.contains("Name of user2"));
    assert!(!first.is_signed_in().await, "the one before has ended");
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let other = env.start().await;
    let mut browser = app.browser();
    browser
        .sign_in(&env.idp, &identity("user1", &["students"]))
        .await;
    browser.create("www", "A", "192.0.2.1").await;
    let stolen = browser.clone();
    assert!(stolen.at(other.port).is_signed_in().await);

    // Requests that a foreign page can cause do not end the session.
    for path in [
        "/logout",
        "/logout/callback",
        "/logout/callback?SAMLRequest=x&RelayState=y&SigAlg=z",
        "/logout/callback?SAMLResponse=",
    ] {
        let request = browser
            .request(reqwest::Method::GET, path)
            .header("Sec-Fetch-Site", "cross-site");
        assert_eq!(browser.send(request).await.status, 303, "{path}");
        assert!(browser.is_signed_in().await, "{path}");
    }

    let left = sign_out(&mut browser).await;
    assert_eq!(
        (left.status, left.location()),
        (303, "/logout"),
        "{}",
        left.body
    );
    assert_eq!(browser.session(), None);
    assert!(
        !stolen.at(app.port).is_signed_in().await,
        "a stolen cookie is worth nothing after signing out"
    );
    // Another process may answer from memory for half a second.
    eventually("the other process to refuse the cookie", async || {
        !stolen.at(other.port).is_signed_in().await
    })
    .await;
    let mut thief = stolen.at(other.port);
    let page = thief.get("/dns-records/new").await;
    assert_eq!(
        (page.status, page.location()),
        (303, "/login?redirectTo=/dns-records/new")
    );
    let renew = thief
        .post(
            "/dns-records",
            &[("id", "1"), ("intent", "delete-dns-record")],
        )
        .await;
    assert_eq!(renew.status, 403, "{}", renew.body);
    assert_eq!(env.db.number("SELECT COUNT(*) FROM dns_records").await, 1);

    // After the sign-out the page offers a sign-out at the identity provider, once.
    let offer = browser.get("/logout").await;
    assert_eq!(offer.status, 200, "{}", offer.body);
    let form = offer.form("/logout");
    assert_eq!(form.value("sloUsername"), Some("user1"));
    let bent = browser
        .clone()
        .submit(&form.clone().with("sloUsername", "user2"))
        .await;
    assert_eq!(
        (bent.status, bent.location()),
        (303, "/"),
        "no other browser can sign out"
    );
    let redirect = browser.submit(&form).await;
    assert_eq!(redirect.status, 303, "{}", redirect.body);
    assert!(
        redirect
            .location()
            .starts_with("https://idp.school.example/slo?SAMLRequest="),
        "{}",
        redirect.location()
    );
    assert_eq!(
        browser.get("/logout").await.location(),
        "/",
        "the offer is gone"
    );
    assert_eq!(
        app.browser().get("/logout").await.location(),
        "/",
        "a guest who did not sign out"
    );
    assert_eq!(
        app.browser().get("/logout/callback").await.location(),
        "/login"
    );
}

/// Returns values that differ from `value` in one bit of every `step`th character and are valid in
/// a cookie.
fn flipped(value: &str, step: usize) -> Vec<String> {
    let one = |(at, octet): (usize, u8)| {
        let other = [1, 2, 4, 8, 16]
            .into_iter()
            .map(|bit| octet ^ bit)
            .find(|o| o.is_ascii_alphanumeric())?;
        let mut octets = value.as_bytes().to_vec();
        octets[at] = other;
        String::from_utf8(octets).ok()
    };
    value
        .bytes()
        .enumerate()
        .step_by(step)
        .filter_map(one)
        .collect()
}

async fn rows(env: &TestEnv) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "users",
        "sessions WHERE ended_at IS NULL",
        "dns_records",
        "record_history",
        "login_results",
    ] {
        counts.push(
            env.db
                .number(&format!("SELECT COUNT(*) FROM {table}"))
                .await,
        );
    }
    counts
}

/// Returns a signed-in browser with the cookies of session and message, and a browser that has
/// signed out, with the cookie for that.
async fn with_all_cookies(env: &TestEnv, app: &App, username: &str) -> (Browser, Browser) {
    let mut browser = app.browser();
    browser
        .sign_in(&env.idp, &identity(username, &["students"]))
        .await;
    let created = browser.create("www", "A", "192.0.2.1").await;
    assert_eq!(created.status, 303, "{}", created.body);
    let mut gone = app.browser();
    gone.sign_in(&env.idp, &identity(username, &["students"]))
        .await;
    sign_out(&mut gone).await;
    assert!(
        browser.cookies.contains_key("__Host-flash")
            && gone.cookies.contains_key("__Host-signed-out")
    );
    (browser, gone)
}

#[tokio::test]
async fn forged_cookies_of_any_name_change_nothing() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let (one, one_gone) = with_all_cookies(&env, &app, "user1").await;
    let (two, _) = with_all_cookies(&env, &app, "user2").await;
    let before = rows(&env).await;

    // The session: a value with a flipped bit is a guest, and the value of user2 is user2.
    for forged in flipped(one.session().unwrap(), 1) {
        let mut browser = app.browser();
        browser.cookies.insert(SESSION.to_owned(), forged.clone());
        let page = browser.get("/dns-records").await;
        assert_eq!(
            (page.status, page.location()),
            (303, "/login?redirectTo=/dns-records"),
            "{forged}"
        );
    }
    // Other names: only the session cookie signs in.
    let values: Vec<String> = one
        .cookies
        .values()
        .chain(one_gone.cookies.values())
        .cloned()
        .collect();
    let plain = [
        "user1",
        "{\"user\":\"user1\"}",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyMSJ9.",
    ];
    for name in [
        "session",
        "__session",
        "__Secure-session",
        "__Host-login",
        "__Host-again",
        "__Host-flash",
        "__Host-signed-out",
        "user",
        "username",
        "admin",
        "effectiveUsername",
    ] {
        for value in values.iter().map(String::as_str).chain(plain) {
            let mut browser = app.browser();
            browser.cookies.insert(name.to_owned(), value.to_owned());
            assert_eq!(
                browser.get("/admin").await.location(),
                "/login?redirectTo=/admin",
                "{name}={value}"
            );
            // Beside a valid session it changes neither the user nor the rights.
            browser
                .cookies
                .insert(SESSION.to_owned(), two.session().unwrap().to_owned());
            let page = browser.get("/dns-records").await;
            assert!(
                page.body.contains(">www.user2.") && !page.body.contains(">www.user1."),
                "{name}={value}"
            );
        }
    }
    // The cookies of messages and of a sign-out are signed, each for its own purpose.
    let flash = &one.cookies["__Host-flash"];
    let mark = &one_gone.cookies["__Host-signed-out"];
    let shows = async |value: &str| {
        let mut browser = app.browser();
        browser
            .cookies
            .insert("__Host-flash".to_owned(), value.to_owned());
        browser.get("/login").await.body.contains("class=\"toast ")
    };
    let offers = async |value: &str| {
        let mut browser = app.browser();
        browser
            .cookies
            .insert("__Host-signed-out".to_owned(), value.to_owned());
        browser.get("/logout").await.status == 200
    };
    assert!(shows(flash).await && offers(mark).await, "the real ones do");
    for forged in flipped(flash, 11)
        .into_iter()
        .chain([mark.clone(), "W3sia2luZCI6MH1d".to_owned()])
    {
        assert!(!shows(&forged).await, "{forged}");
    }
    for forged in flipped(mark, 11).into_iter().chain([flash.clone()]) {
        assert!(!offers(&forged).await, "{forged}");
    }
    assert_eq!(rows(&env).await, before, "not a row changed");
}

#[tokio::test]
async fn an_edited_login_cookie_does_not_match_the_response() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let (seen, relay_state) = browser.ask_to_sign_in("/").await;
    let answered = browser
        .post_response(
            &env.idp.respond(&seen, &identity("user1", &[])).unwrap(),
            &relay_state,
        )
        .await;
    let handle = path_of(answered.location());
    let mark = browser.cookies["__Host-login"].clone();
    for forged in flipped(&mark, 2) {
        let mut other = browser.clone();
        other
            .cookies
            .insert("__Host-login".to_owned(), forged.clone());
        let refused = other.get(&handle).await;
        assert_eq!((refused.status, other.session()), (403, None), "{forged}");
    }
    assert_eq!(
        browser.get(&handle).await.location(),
        "/",
        "the real one still does"
    );
}
