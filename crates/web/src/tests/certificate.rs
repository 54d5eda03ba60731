#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::rc::Rc;
use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use starchart_domain::secret::Secret;
use starchart_domain::user::UserId;
use starchart_store::certificates::orders::{self, Claim, IssuedCertificate, Postponement};
use starchart_store::{certificates, sessions, users};

use super::world::{Browser, HOST, Reply, World};
use crate::actor::Person;
use crate::errors::{self, Failure};
use crate::forms::Form;
use crate::visit::Visit;
use crate::{keys, routes};

const DAY: i64 = 24 * 60 * 60 * 1_000;
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nVerySecretIndeed\n-----END PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nleaf\n-----END CERTIFICATE-----\n";
const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nintermediate\n-----END CERTIFICATE-----\n";
const KEY_PATH: &str = "/certificate/download/privateKey";
const PENDING: &str =
    "We have received your request, and will notify you by email when your certificate is ready.";

async fn owner(world: &World, browser: &Browser<'_>) -> UserId {
    let token = &browser.jar["__Host-session"];
    sessions::find(&world.store, keys::hash(token))
        .await
        .unwrap()
        .unwrap()
        .user
        .id
}

/// What the worker does with the one order that is due.
async fn claim(world: &World) -> Claim {
    let due = orders::list_due(&world.store, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    orders::claim(&world.store, due[0], "test", 600_000)
        .await
        .unwrap()
        .unwrap()
        .claim
}

async fn ordered(world: &World, claim: &Claim) {
    assert!(
        orders::save_order_url(&world.store, claim, "https://ca.example/order/1")
            .await
            .unwrap()
    );
}

/// From the order to a certificate that lives for so many days from now.
async fn issue(world: &World, claim: &Claim, days: i64) {
    let store = &world.store;
    ordered(world, claim).await;
    assert!(
        orders::save_challenge_values(store, claim, &["one".to_owned(), "two".to_owned()])
            .await
            .unwrap()
    );
    assert!(orders::mark_validating(store, claim, false).await.unwrap());
    assert!(
        orders::save_key(store, claim, &Secret::new(KEY), b"csr")
            .await
            .unwrap()
    );
    assert!(orders::mark_finalizing(store, claim).await.unwrap());
    let now = store.now().await.unwrap();
    let issued = IssuedCertificate {
        certificate: CERTIFICATE.to_owned(),
        chain: CHAIN.to_owned(),
        not_before: now,
        not_after: now.plus(days * DAY),
    };
    assert!(orders::issue(store, claim, &issued).await.unwrap());
}

/// A browser of a person with a certificate for so many days.
async fn with_certificate<'a>(world: &'a World, username: &str, days: i64) -> Browser<'a> {
    let mut browser = Browser::signed_in(world, username).await;
    assert_eq!(
        browser.post("/certificate", &[]).await.location(),
        "/certificate"
    );
    issue(world, &claim(world).await, days).await;
    browser
}

fn header(reply: &Reply, name: &str) -> String {
    reply
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

async fn state(browser: &mut Browser<'_>) -> serde_json::Value {
    let reply = browser.get("/certificate/state").await;
    assert_eq!(reply.status, StatusCode::OK);
    serde_json::from_str(&reply.body).unwrap()
}

#[actix_web::test]
async fn a_certificate_is_requested_followed_and_deleted() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    let none = browser.get("/certificate").await;
    assert!(
        none.body.contains("Request a Certificate") && none.body.contains("*.user1.starchart.com"),
        "{}",
        none.body
    );
    assert!(browser.get("/").await.body.contains("Create Certificate"));
    assert_eq!(state(&mut browser).await["again_s"], 0);

    assert_eq!(
        browser
            .post("/certificate", &[("intent", "request-certificate")])
            .await
            .location(),
        "/certificate"
    );
    assert_eq!(
        world.queue.0.load(Ordering::SeqCst),
        1,
        "the worker was told"
    );
    let pending = browser.get("/certificate").await;
    assert!(pending.body.contains(PENDING) && !pending.body.contains("Request a Certificate"));
    assert!(browser.get("/").await.body.contains("Manage Certificate"));
    let asked = state(&mut browser).await;
    assert_eq!(
        (&asked["again_s"], &asked["steps"][1]["state"]),
        (&1.into(), &"now".into()),
        "{asked}"
    );
    assert!(
        pending.body.contains(&format!(
            "data-shape=\"{}\"",
            asked["shape"].as_str().unwrap()
        )),
        "the page is as it was"
    );
    world.store.set_clock_offset(120_000);
    assert_eq!(state(&mut browser).await["again_s"], 5);
    world.store.set_clock_offset(0);

    let claim = claim(&world).await;
    ordered(&world, &claim).await;
    assert!(
        orders::save_challenge_values(&world.store, &claim, &["one".to_owned()])
            .await
            .unwrap()
    );
    let publishing = state(&mut browser).await;
    assert_eq!(
        publishing["shape"], asked["shape"],
        "only the steps have moved"
    );
    let step = &publishing["steps"][2];
    assert_eq!(
        (&step["state"], &step["title"]),
        (&"now".into(), &"Putting the proof into the DNS".into()),
        "{publishing}"
    );
    assert_eq!(
        step["detail"],
        "A TXT record is about to be sent to Route53."
    );
    world
        .run("UPDATE names SET applied_generation = generation, in_sync_at = 1, answered_by = 2, answered_of = 4 WHERE fqdn LIKE '_acme%'")
        .await;
    assert_eq!(
        state(&mut browser).await["steps"][2]["detail"],
        "2 of 4 name servers answer with it."
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("2 of 4 name servers answer with it.")
    );
    issue(&world, &claim, 90).await;

    let issued = state(&mut browser).await;
    assert!(
        issued["shape"] != asked["shape"]
            && issued["steps"] == serde_json::json!([])
            && issued["again_s"] == 0
    );
    let page = browser.get("/certificate").await;
    let now = world.store.now().await.unwrap();
    for words in [
        now.date(),
        now.plus(90 * DAY).date(),
        "disabled>Renew</button>".to_owned(),
        now.plus(60 * DAY).date(),
    ] {
        assert!(page.body.contains(&words), "{words}");
    }
    assert!(
        page.body
            .contains("Are you sure? You can't undo this action afterwards.")
    );

    assert!(
        browser
            .get("/certificate/delete")
            .await
            .body
            .contains("It is not revoked")
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Full Chain"),
        "asking changes nothing"
    );
    assert_eq!(
        browser
            .post("/certificate", &[("intent", "delete-certificate")])
            .await
            .location(),
        "/certificate"
    );
    let deleted = browser.get("/certificate").await;
    assert!(
        deleted
            .body
            .contains("Certificate has been successfully deleted.")
            && deleted.body.contains("Request a Certificate")
    );
    assert_eq!(
        browser.get("/certificate/delete").await.location(),
        "/certificate"
    );
    assert_eq!(
        browser.get_from("same-origin", KEY_PATH).await.status,
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn asking_for_the_state_leaves_the_message_to_the_page() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    browser
        .post("/certificate", &[("intent", "delete-certificate")])
        .await;
    state(&mut browser).await;
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Certificate has been successfully deleted.")
    );
}

#[actix_web::test]
async fn the_files_are_those_that_people_know() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    for (part, file, pem) in [
        (
            "certificate",
            "user1.starchart.com.certificate.pem",
            CERTIFICATE.to_owned(),
        ),
        (
            "privateKey",
            "user1.starchart.com.privkey.pem",
            KEY.to_owned(),
        ),
        ("chain", "user1.starchart.com.chain.pem", CHAIN.to_owned()),
        (
            "fullChain",
            "user1.starchart.com.bundle.pem",
            format!("{CERTIFICATE}{CHAIN}"),
        ),
    ] {
        let reply = browser
            .get_from("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (StatusCode::OK, pem.as_str()),
            "{part}"
        );
        assert_eq!(header(&reply, "content-type"), "application/x-pem-file");
        assert_eq!(
            header(&reply, "content-disposition"),
            format!("attachment; filename=\"{file}\"")
        );
        assert_eq!(header(&reply, "cache-control"), "no-store");
        assert_eq!(header(&reply, "x-content-type-options"), "nosniff");
    }
    for part in [
        "privatekey",
        "PRIVATEKEY",
        "key",
        "privkey.pem",
        "fullChain.pem",
    ] {
        let reply = browser.get(&format!("/certificate/download/{part}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{part}");
    }
}

#[actix_web::test]
async fn a_private_key_is_its_owners_and_given_out_from_our_page_only() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    let given =
        || world.number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'");
    for site in ["cross-site", "same-site", "", "same-origin, none"] {
        let reply = browser.get_from(site, KEY_PATH).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{site}");
        assert!(
            reply.body.contains("Download it from our own page")
                && !reply.body.contains("VerySecret"),
            "{site}"
        );
    }
    assert_eq!(
        browser.get(KEY_PATH).await.status,
        StatusCode::FORBIDDEN,
        "a browser that does not say"
    );
    assert_eq!(given().await, 0);
    for site in ["same-origin", "none"] {
        assert_eq!(browser.get_from(site, KEY_PATH).await.body, KEY, "{site}");
    }
    assert_eq!(given().await, 2, "each leaves a trace");
    let head = TestRequest::with_uri(KEY_PATH)
        .method(Method::HEAD)
        .insert_header(("host", HOST));
    let head = browser
        .send(head.insert_header(("sec-fetch-site", "same-origin")))
        .await;
    assert_eq!(
        (head.status, head.body.as_str(), given().await),
        (StatusCode::OK, "", 2),
        "a HEAD gives no key"
    );
    for path in [
        "/certificate",
        "/certificate/state",
        "/certificate/delete",
        "/certificate/information",
        "/",
    ] {
        let page = browser.get(path).await;
        assert!(
            !page.body.contains("VerySecret") && !page.body.contains("BEGIN PRIVATE"),
            "{path}"
        );
        assert_eq!(header(&page, "cache-control"), "no-store", "{path}");
    }
    let mut other = Browser::signed_in(&world, "user2").await;
    for part in ["certificate", "privateKey", "chain", "fullChain"] {
        let reply = other
            .get_from("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{part}");
        let guest = Browser::new(&world)
            .get_from("same-origin", &format!("/certificate/download/{part}"))
            .await;
        assert_eq!(
            guest.location(),
            format!("/login?redirectTo=/certificate/download/{part}")
        );
    }
    assert!(
        other
            .get("/certificate")
            .await
            .body
            .contains("Request a Certificate")
    );
}

#[actix_web::test]
async fn no_key_is_given_out_without_a_line_in_the_trail() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    world.run("DROP TABLE audit_trail").await;
    let reply = browser.get_from("same-origin", KEY_PATH).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!reply.body.contains("VerySecret"));
}

/// What the handlers are told when an admin acts as another person.
async fn acted_for(world: &World, owner: UserId, by: UserId, path: &str) -> (Rc<Visit>, Person) {
    let request = TestRequest::with_uri(path)
        .insert_header(("host", HOST))
        .insert_header(("sec-fetch-site", "same-origin"));
    let user = users::get(&world.store, owner).await.unwrap().unwrap();
    let base = world.app.config.root_domain.base(&user.label.unwrap());
    let visit = Visit::new(
        world.app.clone(),
        request.to_http_request(),
        "test".to_owned(),
    );
    (
        Rc::new(visit),
        Person {
            id: owner,
            base,
            impersonator: Some(by),
        },
    )
}

async fn text(answer: Result<HttpResponse, Failure>) -> String {
    String::from_utf8(
        to_bytes(answer.unwrap().into_body())
            .await
            .ok()
            .unwrap()
            .to_vec(),
    )
    .unwrap()
}

#[actix_web::test]
async fn an_admin_who_acts_as_another_person_gets_no_key() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    let (id, by) = (
        owner(&world, &browser).await,
        owner(&world, &Browser::signed_in(&world, "boss").await).await,
    );

    let (visit, person) = acted_for(&world, id, by, "/certificate").await;
    let page = text(routes::certificate::show(visit, person).await).await;
    assert!(
        page.contains("Full Chain") && page.contains("nobody gets a private key but its owner"),
        "{page}"
    );
    assert!(!page.contains(KEY_PATH) && !page.contains("VerySecret"));

    let (visit, person) = acted_for(&world, id, by, KEY_PATH).await;
    let failure = routes::certificate::private_key(Rc::clone(&visit), person)
        .await
        .unwrap_err();
    let answer = errors::answer(&visit, &failure);
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = text(Ok(answer)).await;
    assert!(
        page.contains("A private key is its owner&#39;s alone") && !page.contains("VerySecret"),
        "{page}"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'")
            .await,
        0
    );

    // Helping is allowed, and told with both names.
    let (visit, person) = acted_for(&world, id, by, "/certificate").await;
    let mut visit = Rc::into_inner(visit).unwrap();
    visit.form = Form::parse(b"intent=delete-certificate").unwrap();
    assert_eq!(
        routes::certificate::act(Rc::new(visit), person)
            .await
            .unwrap()
            .status(),
        StatusCode::SEE_OTHER
    );
    let told = format!("action = 'certificate.delete' AND actor_id = {by} AND on_behalf_of = {id}");
    assert_eq!(
        world
            .number(&format!("SELECT COUNT(*) FROM audit_trail WHERE {told}"))
            .await,
        1
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Request a Certificate")
    );
}

#[actix_web::test]
async fn a_failed_order_tells_why_and_offers_another() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/certificate", &[]).await;
    let first = claim(&world).await;
    assert!(
        orders::fail(&world.store, &first, "The authority found <no> TXT record.")
            .await
            .unwrap()
    );
    let page = browser.get("/certificate").await;
    for words in [
        "Request Unsuccessful",
        "The authority found &#60;no&#62; TXT record.",
        "Request a Certificate",
    ] {
        assert!(page.body.contains(words), "{words}");
    }
    assert!(!page.body.contains("http-equiv") && !page.body.contains(PENDING));
    assert_eq!(state(&mut browser).await["again_s"], 0);
    assert!(browser.get("/").await.body.contains("Create Certificate"));
    browser
        .post("/certificate", &[("intent", "request-certificate")])
        .await;
    assert!(browser.get("/certificate").await.body.contains(PENDING));
}

#[actix_web::test]
async fn a_wait_is_shown_with_its_reason_and_its_end() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/certificate", &[]).await;
    let before = state(&mut browser).await;
    let problem = Some("The certificate authority takes no more requests for now.".to_owned());
    let pause = Postponement {
        for_ms: 3 * 60 * 60 * 1_000,
        problem,
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: true,
    };
    let at = world.store.now().await.unwrap().plus(pause.for_ms);
    assert!(
        orders::postpone(&world.store, &claim(&world).await, &pause)
            .await
            .unwrap()
    );
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains("takes no more requests for now.")
            && page.body.contains("It goes on by itself at <strong>")
    );
    assert!(page.body.contains(&at.date()) && page.body.contains(" UTC</strong>"));
    let waiting = state(&mut browser).await;
    assert!(
        waiting["shape"] != before["shape"],
        "the page is loaded again"
    );
    assert_eq!(waiting["again_s"], 60, "nothing happens for long");
}

#[actix_web::test]
async fn an_unchecked_challenge_is_told() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/certificate", &[]).await;
    let claim = claim(&world).await;
    ordered(&world, &claim).await;
    assert!(
        orders::save_challenge_values(&world.store, &claim, &["one".to_owned()])
            .await
            .unwrap()
    );
    assert!(
        orders::mark_validating(&world.store, &claim, true)
            .await
            .unwrap()
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Not checked: no name server could be asked from here.")
    );
}

#[actix_web::test]
async fn a_renewal_is_taken_when_it_is_due_and_shows_both() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    assert_eq!(
        browser
            .post("/certificate", &[("intent", "renew-certificate")])
            .await
            .location(),
        "/certificate"
    );
    let early = browser.get("/certificate").await;
    let from = world.store.now().await.unwrap().plus(60 * DAY).date();
    assert!(
        early
            .body
            .contains(&format!("Your certificate can be renewed from {from} on.")),
        "{}",
        early.body
    );

    world
        .run(&format!(
            "UPDATE certificates SET not_before = not_before - {0}, not_after = not_after - {0}",
            61 * DAY
        ))
        .await;
    let due = browser.get("/certificate").await;
    assert!(
        due.body
            .contains("aria-describedby=\"renew-when\">Renew</button>")
            && due.body.contains("You may renew it now.")
    );
    let token = browser.any_token().await;
    assert_eq!(
        browser
            .submit(Method::PATCH, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    let both = browser.get("/certificate").await;
    assert!(
        both.body.contains(PENDING)
            && both.body.contains("Full Chain")
            && both.body.contains("disabled>Renew</button>")
    );
    assert_eq!(
        browser.get_from("same-origin", KEY_PATH).await.body,
        KEY,
        "the old one stays usable"
    );
    let order = claim(&world).await;
    assert!(
        orders::fail(&world.store, &order, "Nothing came of it.")
            .await
            .unwrap()
    );
    let failed = browser.get("/certificate").await;
    assert!(
        failed.body.contains("Request Unsuccessful") && failed.body.contains("stays usable until")
    );
}

#[actix_web::test]
async fn asking_again_changes_nothing_and_too_often_says_when() {
    let world = World::with(|config| config.rate_limits.certificate_requests_per_day = 2).await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    for _ in 0..3 {
        assert_eq!(
            browser.post("/certificate", &[]).await.location(),
            "/certificate"
        );
    }
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        1,
        "one order under way"
    );
    assert!(
        orders::fail(&world.store, &claim(&world).await, "x")
            .await
            .unwrap()
    );
    browser.post("/certificate", &[]).await;
    assert!(
        orders::fail(&world.store, &claim(&world).await, "x")
            .await
            .unwrap()
    );
    let refused = browser.post("/certificate", &[]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: i64 = header(&refused, "retry-after").parse().unwrap();
    assert!((86_000..=86_400).contains(&wait), "{wait}");
    assert!(
        refused
            .body
            .contains("You have asked for a certificate 2 times within 24 hours")
    );
    assert!(refused.body.contains("<h1>Certificate</h1>"));
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        2
    );
}

#[actix_web::test]
async fn whoever_cannot_ask_for_another_is_told_before_deleting() {
    let warned = async |daily: u32| {
        let world =
            World::with(|config| config.rate_limits.certificate_requests_per_day = daily).await;
        let mut browser = with_certificate(&world, "user1", 90).await;
        let mut pages = Vec::new();
        for path in ["/certificate/delete", "/certificate"] {
            pages.push(
                browser
                    .get(path)
                    .await
                    .body
                    .contains("a new one can be asked for at"),
            );
        }
        pages
    };
    assert_eq!(
        (warned(1).await, warned(2).await),
        (vec![true, true], vec![false, false])
    );
}

#[actix_web::test]
async fn where_certificates_are_off_the_page_says_whom_to_ask() {
    let off = |config: &mut crate::WebConfig| {
        config.certificates_off = Some("KEY_ENCRYPTION_KEYS is not set".to_owned())
    };
    let world = World::with(off).await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains("No certificates at the moment")
            && page.body.contains("mailto:help@example.edu")
    );
    assert!(
        !page.body.contains("Request a Certificate") && !page.body.contains("KEY_ENCRYPTION_KEYS")
    );
    assert_eq!(
        browser.post("/certificate", &[]).await.location(),
        "/certificate"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        0
    );
    assert_eq!(world.queue.0.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn wishes_that_no_page_expresses_are_refused() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    let token = browser.any_token().await;
    for (method, intent) in [
        (Method::POST, "own-certificate"),
        (Method::PATCH, "delete-certificate"),
        (Method::DELETE, "renew-certificate"),
    ] {
        let reply = browser
            .submit(
                method.clone(),
                "/certificate",
                &token,
                &[("intent", intent)],
            )
            .await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{method} {intent}"
        );
    }
    for extra in ["domain", "id", "username", "user_id"] {
        let reply = browser
            .post("/certificate", &[(extra, "user2.starchart.com")])
            .await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{extra}");
    }
    assert_eq!(
        browser
            .submit(Method::DELETE, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("Certificate has been successfully deleted.")
    );
    assert_eq!(
        browser
            .submit(Method::DELETE, "/certificate", &token, &[])
            .await
            .location(),
        "/certificate"
    );
    assert!(
        browser
            .get("/certificate")
            .await
            .body
            .contains("There was no certificate to delete.")
    );
}

#[actix_web::test]
async fn a_wish_after_the_session_ended_is_asked_again() {
    let world = World::new().await;
    let mut browser = with_certificate(&world, "user1", 90).await;
    for (intent, back) in [
        ("delete-certificate", "/certificate/delete"),
        ("renew-certificate", "/certificate"),
    ] {
        let token = browser.any_token().await;
        sessions::end(
            &world.store,
            keys::hash(&browser.jar["__Host-session"]),
            "request",
        )
        .await
        .unwrap();
        let reply = browser
            .submit(Method::POST, "/certificate", &token, &[("intent", intent)])
            .await;
        let (response, relay) = world.answer(reply.location(), "user1");
        let consumed = world.consume(&response, &relay).await;
        let arrived = browser.get(consumed.location()).await;
        assert_eq!(arrived.location(), back, "{intent}");
    }
    let user = owner(&world, &browser).await;
    assert!(
        certificates::load_overview(&world.store, user)
            .await
            .unwrap()
            .active
            .is_some()
    );
}
