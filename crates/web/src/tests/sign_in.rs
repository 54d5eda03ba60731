#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::StatusCode;
use starchart_store::sessions;

use super::world::{Browser, World};
use crate::keys;

const SESSION: &str = "__Host-session";

#[actix_web::test]
async fn a_person_signs_in_arrives_where_they_wanted_and_signs_out() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let guest = browser.get("/dns-records/new").await;
    assert_eq!(
        (guest.status, guest.location()),
        (StatusCode::SEE_OTHER, "/login?redirectTo=/dns-records/new")
    );
    let arrived = browser.sign_in("User1", "/dns-records/new").await;
    assert_eq!(
        (arrived.status, arrived.location()),
        (StatusCode::SEE_OTHER, "/dns-records/new")
    );
    let session = arrived
        .cookies()
        .into_iter()
        .find(|c| c.name() == SESSION)
        .unwrap();
    assert!(
        session.http_only() == Some(true)
            && session.secure() == Some(true)
            && session.path() == Some("/")
    );
    assert!(session.domain().is_none() && session.same_site().is_some_and(|s| s.is_lax()));
    let page = browser.get("/dns-records/new").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(">User1<") && page.body.contains(".user1.starchart.com"));
    assert!(
        page.body.contains("User1 &#60;b&#62;&#38;"),
        "the name of a person is text"
    );
    assert_eq!(page.headers.get("cache-control").unwrap(), "no-store");

    let stolen = browser.jar.clone();
    let out = browser.post("/logout", &[]).await;
    assert_eq!(
        (out.status, out.location()),
        (StatusCode::SEE_OTHER, "/logout")
    );
    let mut thief = Browser {
        world: &world,
        jar: stolen,
    };
    assert_eq!(
        thief.get("/").await.location(),
        "/login?redirectTo=/",
        "a stolen cookie is a guest's"
    );
    let offer = browser.get("/logout").await;
    assert!(offer.body.contains("School Logout"), "{}", offer.body);
    let token = offer.token();
    let slo = browser
        .submit(
            actix_web::http::Method::POST,
            "/logout",
            &token,
            &[("sloUsername", "User1")],
        )
        .await;
    assert!(
        slo.location().starts_with("https://idp.example.edu/slo?"),
        "{}",
        slo.location()
    );
    assert_eq!(browser.get("/logout").await.location(), "/", "once");
}

#[actix_web::test]
async fn signing_out_by_an_image_changes_nothing() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    for path in [
        "/logout",
        "/logout/callback",
        "/logout/callback?SAMLResponse=x",
    ] {
        browser.get(path).await;
    }
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn an_answer_is_good_once_and_for_the_browser_that_asked() {
    let world = World::new().await;
    let (mut attacker, mut victim) = (Browser::new(&world), Browser::new(&world));
    let redirect = attacker.begin("/").await;
    victim.begin("/").await;
    let (response, relay) = world.answer(&redirect, "attacker");
    let consumed = world.consume(&response, &relay).await;
    // Login CSRF: the attacker's answer in the victim's browser.
    let refused = victim.get(consumed.location()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!victim.jar.contains_key(SESSION) && refused.body.contains("another browser"));
    assert!(world.store_has_no_sessions(&victim).await);
    // The browser that asked can still use it, once.
    assert_eq!(attacker.get(consumed.location()).await.location(), "/");
    let mut later = Browser {
        world: &world,
        jar: attacker.jar.clone(),
    };
    later.jar.remove(SESSION);
    assert_eq!(
        later.get(consumed.location()).await.status,
        StatusCode::FORBIDDEN
    );
    // The same answer again.
    let again = world.consume(&response, &relay).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert_eq!(again.cookies(), []);
}

impl World {
    async fn store_has_no_sessions(&self, browser: &Browser<'_>) -> bool {
        match browser.jar.get(SESSION) {
            Some(token) => sessions::find(&self.store, keys::hash(token))
                .await
                .unwrap()
                .is_none(),
            None => true,
        }
    }
}

#[actix_web::test]
async fn a_hostile_relay_state_leads_home() {
    let world = World::new().await;
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "x\r\nSet-Cookie: a=b",
    ] {
        let mut browser = Browser::new(&world);
        let redirect = browser.begin("/dns-records").await;
        let (response, _) = world.answer(&redirect, "user1");
        let consumed = world.consume(&response, hostile).await;
        assert!(
            consumed.location().starts_with("/login/complete?h="),
            "{hostile}"
        );
        assert_eq!(
            browser.get(consumed.location()).await.location(),
            "/",
            "{hostile}"
        );
    }
}

#[actix_web::test]
async fn hostile_return_addresses_lead_home() {
    let world = World::new().await;
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/.//evil.example",
        "/\t/evil.example",
    ] {
        let arrived = Browser::new(&world).sign_in("user1", hostile).await;
        assert_eq!(arrived.location(), "/", "{hostile}");
        let mut browser = Browser::signed_in(&world, "user1").await;
        let query: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
        assert_eq!(
            browser
                .get(&format!("/login?redirectTo={query}"))
                .await
                .location(),
            "/",
            "{hostile}"
        );
    }
}

#[actix_web::test]
async fn refused_answers_make_no_user_and_no_session() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let redirect = browser.begin("/").await;
    let (response, relay) = world.answer(&redirect, "user1");
    let tampered = response.replacen('A', "B", 1);
    for wrong in ["", "x", "<a/>", tampered.as_str()] {
        let refused = world.consume(wrong, &relay).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{wrong:.20}");
        assert_eq!(
            refused.cookies(),
            [],
            "a new browser's mark would end this browser's sign-in"
        );
        assert!(
            refused
                .body
                .contains("<a class=\"button\" href=\"/login\">Try again</a>"),
            "{}",
            refused.body
        );
        assert!(refused.body.contains("Whom to ask") && refused.body.contains("help@example.edu"));
        let said = refused.body.split("<main").nth(1).unwrap();
        assert!(
            !["samael", "xml", "base64", "digest", "signature_"]
                .iter()
                .any(|word| said.contains(word)),
            "{said}"
        );
    }
    // None of them used the request up.
    let consumed = world.consume(&response, &relay).await;
    assert_eq!(consumed.status, StatusCode::SEE_OTHER);
}

#[actix_web::test]
async fn an_answer_nobody_asked_for_starts_our_own_sign_in_once() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let first = browser.get("/login/again").await;
    assert!(first.location().starts_with("https://idp.example.edu/sso?"));
    let second = browser.get("/login/again").await;
    assert_eq!(second.status, StatusCode::FORBIDDEN);
    assert!(second.body.contains("not started here"));
}

#[actix_web::test]
async fn the_cookie_changes_at_every_sign_in_and_the_old_one_ends() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    let old = browser.jar[SESSION].clone();
    let mut other = Browser::new(&world);
    let redirect = other.begin("/").await;
    browser.jar.extend(other.jar);
    let (response, relay) = world.answer(&redirect, "user2");
    let consumed = world.consume(&response, &relay).await;
    browser.get(consumed.location()).await;
    assert_ne!(browser.jar[SESSION], old);
    assert_eq!(
        sessions::find(&world.store, keys::hash(&old))
            .await
            .unwrap(),
        None
    );
}

#[actix_web::test]
async fn two_user_names_never_share_a_label() {
    let world = World::new().await;
    let mut first = Browser::signed_in(&world, "john.smith").await;
    assert!(
        first
            .get("/")
            .await
            .body
            .contains("johnsmith.starchart.com")
    );
    let mut second = Browser::new(&world);
    assert_eq!(
        second.sign_in("johnsmith", "/dns-records").await.location(),
        "/label?redirectTo=/dns-records"
    );
    assert_eq!(
        second.get("/dns-records/new?a=b").await.location(),
        "/label?redirectTo=/dns-records/new%3Fa%3Db"
    );
    assert_eq!(second.get("/").await.location(), "/label");
    let page = second.get("/label?redirectTo=/dns-records/new").await;
    assert!(
        page.body
            .contains("name=\"redirectTo\" value=\"/dns-records/new\""),
        "{}",
        page.body
    );
    let hostile = second.get("/label?redirectTo=//evil.example").await;
    assert!(
        hostile.body.contains("name=\"redirectTo\" value=\"/\""),
        "{}",
        hostile.body
    );
    assert!(
        page.body
            .contains("is already the name of another person here")
    );
    assert!(!page.body.contains("value=\"johnsmith\""), "{}", page.body);
    let token = page.token();
    for refused in ["johnsmith", "www", "somebody-else", ""] {
        let reply = second
            .submit(
                actix_web::http::Method::POST,
                "/label",
                &token,
                &[("label", refused), ("redirectTo", "/x")],
            )
            .await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert!(
            reply.body.contains("name=\"redirectTo\" value=\"/x\""),
            "{refused}"
        );
    }
    let fields = [("label", "johnsmith2"), ("redirectTo", "/dns-records/new")];
    let reply = second
        .submit(actix_web::http::Method::POST, "/label", &token, &fields)
        .await;
    assert_eq!(reply.location(), "/dns-records/new");
    assert!(
        second
            .get("/")
            .await
            .body
            .contains("johnsmith2.starchart.com")
    );
    assert_eq!(second.get("/label").await.location(), "/", "only once");
}

#[actix_web::test]
async fn a_person_who_is_signed_in_needs_no_sign_in_page() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    assert_eq!(
        browser
            .get("/login?redirectTo=/dns-records")
            .await
            .location(),
        "/dns-records"
    );
    assert_eq!(browser.get("/admin").await.location(), "/");
    let stopped = browser.post("/", &[("intent", "stop-impersonation")]).await;
    assert_eq!(
        (stopped.status, stopped.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    for other in [
        &[("intent", "start-impersonation")][..],
        &[],
        &[("intent", "stop-impersonation"), ("username", "user2")],
    ] {
        assert_eq!(
            browser.post("/", other).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{other:?}"
        );
    }
}

#[actix_web::test]
async fn a_form_of_somebody_without_a_domain_is_not_lost_in_silence() {
    let world = World::new().await;
    Browser::signed_in(&world, "john.smith").await;
    let mut second = Browser::new(&world);
    let fields = [("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];
    let held = second
        .submit(
            actix_web::http::Method::POST,
            "/dns-records/new",
            "x",
            &fields,
        )
        .await;
    let (response, relay) = world.answer(held.location(), "johnsmith");
    let consumed = world.consume(&response, &relay).await;
    let arrived = second.get(consumed.location()).await;
    assert_eq!(arrived.location(), "/label?redirectTo=/dns-records/new");
    let page = second.get(arrived.location()).await;
    assert!(
        page.body.contains("The form that you sent was not saved"),
        "{}",
        page.body
    );
}

#[actix_web::test]
async fn a_suspended_person_reads_whom_to_ask() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    world.run("UPDATE users SET suspended_at = 1").await;
    assert_eq!(browser.get("/").await.location(), "/login?redirectTo=/");
    let refused = browser.sign_in("user1", "/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .body
            .contains("Your account at this service is suspended."),
        "{}",
        refused.body
    );
    assert!(
        refused
            .body
            .contains("Whom to ask: <a href=\"mailto:help@example.edu\">"),
        "{}",
        refused.body
    );
    assert!(!refused.body.contains("did not let you in"));
}
