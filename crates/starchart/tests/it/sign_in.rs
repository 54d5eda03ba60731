//! Sign-in: from our page to the identity provider and back.

use starchart_saml::issuer::{AuthnRequest, NamespaceStyle, Response, SamlIdentity, SignedParts};

use crate::app::TestEnv;
use crate::browser::{Browser, SESSION, asked, identity, path_of};

/// URLs that lead to other sites or break the Location header.
const HOSTILE: &[&str] = &[
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/.//evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/x\r\nSet-Cookie: __Host-session=x",
    "\"><script>alert(1)</script>",
    "evil.example",
    "/login?redirectTo=https://evil.example",
];

impl TestEnv {
    /// Returns a valid response, for a test to change.
    pub fn honest(&self, seen: &AuthnRequest, who: &SamlIdentity) -> Response {
        Response::new(
            self.idp.entity_id(),
            seen,
            who,
            chrono::Utc::now().timestamp_millis(),
        )
    }

    /// Signs it with the identity provider's key and encodes it for the field `SAMLResponse`.
    pub fn signed(&self, response: &Response) -> String {
        encode(&response.sign(&self.idp).unwrap())
    }
}

/// Encodes XML for the field `SAMLResponse`.
pub fn encode(xml: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(xml)
}

#[tokio::test]
async fn every_accepted_signature_form_signs_in() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    for (n, sign) in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ]
    .into_iter()
    .enumerate()
    {
        for (style, name) in [
            (NamespaceStyle::Prefixed, "prefixed"),
            (NamespaceStyle::DefaultNamespaces, "default"),
        ] {
            let who = identity(&format!("user{n}{name}"), &["students"]);
            let mut browser = app.browser();
            let inside = browser
                .sign_in_by("/dns-records/new", |seen| {
                    let mut response = env.honest(seen, &who);
                    (response.sign, response.style) = (sign, style);
                    env.signed(&response)
                })
                .await;
            assert_eq!(
                (inside.status, inside.location()),
                (303, "/dns-records/new"),
                "{sign:?} {name}: {}",
                inside.body
            );
            let form = browser.get("/dns-records/new").await;
            assert!(
                form.body
                    .contains(&format!(".user{n}{name}.starchart.example")),
                "{}",
                form.body
            );
        }
    }
    assert_eq!(env.db.number("SELECT COUNT(*) FROM users").await, 6);
}

#[tokio::test]
async fn a_user_is_updated_at_every_sign_in() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let mut who = identity("kepler", &["students"]);
    let home = browser.sign_in(&env.idp, &who).await;
    assert!(home.body.contains("Name of kepler"), "{}", home.body);
    assert_eq!(
        browser.get("/admin").await.location(),
        "/",
        "a student is no admin"
    );

    who.display_name = "Johannes Kepler".to_owned();
    who.email = "kepler@observatory.example".to_owned();
    who.groups = vec!["mycustomdomain-admins".to_owned()];
    let mut later = app.browser();
    let inside = later
        .sign_in_by("/", |seen| {
            let mut response = env.honest(seen, &who);
            // Attributes for other applications are ignored.
            response.attributes.push((
                "title".to_owned(),
                vec!["Imperial mathematician".to_owned(), String::new()],
            ));
            response
                .attributes
                .push(("mycustomdomain-students".to_owned(), Vec::new()));
            env.signed(&response)
        })
        .await;
    assert_eq!(
        (inside.status, inside.location()),
        (303, "/"),
        "{}",
        inside.body
    );
    let home = later.get("/").await;
    assert!(
        home.body.contains("Johannes Kepler") && !home.body.contains("Name of kepler"),
        "{}",
        home.body
    );
    assert_eq!(later.get("/admin").await.status, 200, "an admin now");
    assert_eq!(
        browser.get("/admin").await.status,
        200,
        "the session from before knows it too"
    );
    let same = "SELECT COUNT(*) FROM users WHERE email = 'kepler@observatory.example' \
                AND is_admin = 1 AND is_student = 0";
    assert_eq!(env.db.number(same).await, 1);

    who.groups = vec![
        "x-mycustomdomain-admins".to_owned(),
        "mycustomdomain-admins-x".to_owned(),
    ];
    later.cookies.clear();
    later.sign_in(&env.idp, &who).await;
    assert_eq!(
        later.get("/admin").await.location(),
        "/",
        "part of a group's name is no group"
    );
    assert_eq!(
        browser.get("/admin").await.location(),
        "/",
        "no session keeps rights that the user lost"
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test]
async fn a_sign_in_returns_only_to_local_paths() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let who = identity("user1", &["students"]);
    let long = format!("/{}", "a".repeat(4_096));
    for &hostile in HOSTILE.iter().chain([&long.as_str()]) {
        let mut browser = app.browser();
        let inside = browser
            .sign_in_by(hostile, |seen| env.idp.respond(seen, &who).unwrap())
            .await;
        assert_eq!(
            (inside.status, inside.location()),
            (303, "/"),
            "{hostile:?}"
        );
        let lines = inside.set_cookies();
        assert!(
            lines
                .iter()
                .all(|line| line.split(';').next() != Some("__Host-session=x")),
            "{lines:?}"
        );

        // A changed form has the path in its body.
        let mut browser = app.browser();
        let form = browser
            .get("/login")
            .await
            .form("/login")
            .with("redirectTo", hostile);
        let (seen, relay_state) = asked(&browser.submit(&form).await);
        let answered = browser
            .post_response(&env.idp.respond(&seen, &who).unwrap(), &relay_state)
            .await;
        let inside = browser.get(&path_of(answered.location())).await;
        assert_eq!(
            (inside.status, inside.location()),
            (303, "/"),
            "{hostile:?}"
        );
        // For a signed-in user the page redirects.
        let encoded: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        assert_eq!(
            browser
                .get(&format!("/login?redirectTo={encoded}"))
                .await
                .location(),
            "/",
            "{hostile:?}"
        );
    }
    for local in [
        "/dns-records",
        "/dns-records/new?x=1&y=%2F",
        "/dns-records/instructions",
    ] {
        let inside = app
            .browser()
            .sign_in_by(local, |seen| env.idp.respond(seen, &who).unwrap())
            .await;
        assert_eq!((inside.status, inside.location()), (303, local));
    }
}

#[tokio::test]
async fn a_foreign_relay_state_redirects_to_the_start_page() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let who = identity("user1", &["students"]);
    for &hostile in HOSTILE.iter().chain(&[""]) {
        let mut browser = app.browser();
        let (seen, ours) = browser.ask_to_sign_in("/dns-records").await;
        assert!(
            ours.len() <= 80 && !ours.contains('/'),
            "an opaque key: {ours}"
        );
        let answered = browser
            .post_response(&env.idp.respond(&seen, &who).unwrap(), hostile)
            .await;
        assert_eq!(answered.status, 303, "{hostile:?}: {}", answered.body);
        assert!(
            answered.location().starts_with("/login/complete?h="),
            "{hostile:?}: {}",
            answered.location()
        );
        assert!(
            !answered.location().contains("evil"),
            "{}",
            answered.location()
        );
        let inside = browser.get(answered.location()).await;
        assert_eq!(
            (inside.status, inside.location()),
            (303, "/"),
            "{hostile:?}"
        );
    }
}

#[tokio::test]
async fn a_response_in_another_browser_is_refused() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mallory = identity("mallory", &["students"]);
    // The victim may have begun a sign-in, or not.
    for victim_asks in [false, true] {
        let mut attacker = app.browser();
        let mut victim = app.browser();
        if victim_asks {
            victim.ask_to_sign_in("/").await;
        } else {
            victim.get("/login").await;
        }
        let (seen, relay_state) = attacker.ask_to_sign_in("/").await;
        let answered = victim
            .post_response(&env.idp.respond(&seen, &mallory).unwrap(), &relay_state)
            .await;
        assert_eq!(
            answered.status, 303,
            "the answer itself is honest: {}",
            answered.body
        );
        assert!(
            answered
                .set_cookies()
                .iter()
                .all(|line| !line.starts_with(SESSION)),
            "{:?}",
            answered.set_cookies()
        );
        let refused = victim.get(&path_of(answered.location())).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(
            refused.body.contains("started in another browser"),
            "{}",
            refused.body
        );
        assert_eq!(victim.session(), None);
        assert!(!victim.is_signed_in().await);
    }
    assert_eq!(
        env.db.number("SELECT COUNT(*) FROM users").await,
        0,
        "nobody is signed in"
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn a_handle_is_accepted_once() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let (seen, relay_state) = browser.ask_to_sign_in("/dns-records").await;
    let answered = browser
        .post_response(
            &env.idp.respond(&seen, &identity("user1", &[])).unwrap(),
            &relay_state,
        )
        .await;
    let handle = path_of(answered.location());
    let mut before = browser.clone();
    assert_eq!(browser.get(&handle).await.location(), "/dns-records");
    // A reload in the browser that has signed in since changes nothing.
    assert_eq!(browser.get(&handle).await.location(), "/");
    let again = before.get(&handle).await;
    assert_eq!(
        (again.status, before.session()),
        (403, None),
        "{}",
        again.body
    );
    for made_up in [
        "/login/complete",
        "/login/complete?h=",
        "/login/complete?h=x",
        &handle.replace("h=", "h=x"),
    ] {
        assert_eq!(app.browser().get(made_up).await.status, 403, "{made_up}");
    }
    assert_eq!(env.db.number("SELECT COUNT(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn a_response_is_accepted_once_by_all_processes() {
    let env = TestEnv::new().await;
    let first = env.start().await;
    let second = env.start().await;
    let mut browser = first.browser();
    let (seen, relay_state) = browser.ask_to_sign_in("/").await;
    let response = env.idp.respond(&seen, &identity("user1", &[])).unwrap();
    let mut taken = browser.clone();
    let answered = taken.post_response(&response, &relay_state).await;
    assert_eq!(answered.status, 303, "{}", answered.body);

    let refuse = async |what: &str, mut replay: Browser| {
        let refused = replay.post_response(&response, &relay_state).await;
        assert_eq!(
            (refused.status, replay.session()),
            (403, None),
            "{what}: {}",
            refused.body
        );
    };
    refuse("the same browser", browser.clone()).await;
    refuse("another browser", first.browser()).await;
    refuse("another process", browser.at(second.port)).await;
    drop(first);
    let restarted = env.start().await;
    refuse("after a restart", browser.at(restarted.port)).await;
    assert_eq!(
        taken
            .at(second.port)
            .get(&path_of(answered.location()))
            .await
            .location(),
        "/",
        "the first one still counts"
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM users").await, 1);
}

#[tokio::test]
async fn an_unsolicited_response_starts_one_sign_in() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let who = identity("user1", &["students"]);
    let mut browser = app.browser();
    let seen = browser.ask_to_sign_in("/").await.0;
    browser.cookies.clear();
    let unsolicited = |n: u32| {
        let mut response = env.honest(&seen, &who);
        response.assertion_id = format!("_unsolicited{n}");
        (
            response.in_response_to,
            response.confirmation_in_response_to,
        ) = (None, None);
        env.signed(&response)
    };
    let answered = browser.post_response(&unsolicited(1), "").await;
    assert_eq!(
        (answered.status, answered.location()),
        (303, "/login/again"),
        "{}",
        answered.body
    );
    assert_eq!(browser.session(), None);
    let sent = browser.get("/login/again").await;
    let (ours, relay_state) = asked(&sent);
    assert_ne!(ours.id, seen.id, "a request of our own");
    assert!(!browser.is_signed_in().await);

    // An identity provider that never answers our request: an error page, no redirect loop.
    let mut looping = browser.clone();
    assert_eq!(
        looping.post_response(&unsolicited(2), "").await.location(),
        "/login/again"
    );
    let refused = looping.get("/login/again").await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(
        refused.body.contains("not started here"),
        "{}",
        refused.body
    );

    let answered = browser
        .post_response(&env.idp.respond(&ours, &who).unwrap(), &relay_state)
        .await;
    assert_eq!(
        browser.get(&path_of(answered.location())).await.location(),
        "/"
    );
    assert!(browser.is_signed_in().await);
    assert_eq!(env.db.number("SELECT COUNT(*) FROM sessions").await, 1);
}
