#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::Ordering;

use actix_web::http::{Method, StatusCode};
use starchart_domain::user::{Subject, UserId};
use starchart_store::records::{self, Record};
use starchart_store::sessions;

use super::world::{Browser, World};
use crate::keys;

const WWW: &[(&str, &str)] = &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];

async fn owner(world: &World, browser: &Browser<'_>) -> UserId {
    let token = &browser.jar["__Host-session"];
    sessions::find(&world.store, keys::hash(token))
        .await
        .unwrap()
        .unwrap()
        .user
        .id
}

async fn all(world: &World, browser: &Browser<'_>) -> Vec<Record> {
    records::list(&world.store, owner(world, browser).await)
        .await
        .unwrap()
}

#[actix_web::test]
async fn a_record_is_made_changed_renewed_and_deleted() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    assert_eq!(
        browser.post("/dns-records/new", WWW).await.location(),
        "/dns-records"
    );
    assert_eq!(
        world.queue.0.load(Ordering::SeqCst),
        1,
        "the worker was told"
    );
    let list = browser.get("/dns-records").await;
    assert!(
        list.body.contains("www.user1.starchart.com")
            && list.body.contains("<strong>1 / 3</strong>")
    );
    assert!(
        list.body
            .contains("DNS Record &#34;www.user1.starchart.com&#34; has been successfully created")
    );
    assert!(
        list.body.contains("kept for examples"),
        "the note about the address"
    );
    assert!(
        !browser
            .get("/dns-records")
            .await
            .body
            .contains("successfully"),
        "messages are shown once"
    );

    let id = all(&world, &browser).await[0].id;
    let page = browser.get(&format!("/dns-records/{id}")).await;
    assert!(page.body.contains("Edit DNS Record") && page.body.contains("value=\"192.0.2.1\""));
    let fields = [
        ("subdomain", "www"),
        ("type", "CNAME"),
        ("value", "host.example.org"),
        ("id", "999999"),
    ];
    assert_eq!(
        browser
            .post(&format!("/dns-records/{id}"), &fields)
            .await
            .location(),
        "/dns-records"
    );
    let edited = all(&world, &browser).await;
    assert_eq!(
        (edited.len(), edited[0].id, edited[0].presentation.as_str()),
        (1, id, "host.example.org.")
    );

    let text = id.to_string();
    let renewed = browser
        .post(
            "/dns-records",
            &[("intent", "renew-dns-record"), ("id", &text)],
        )
        .await;
    assert_eq!(renewed.location(), "/dns-records");
    let list = browser.get("/dns-records").await;
    assert!(
        list.body
            .contains("DNS Record &#34;www.user1.starchart.com&#34; has been successfully renewed")
    );

    let states = browser.get("/dns-records/states").await;
    assert!(
        states
            .body
            .starts_with(&format!("[{{\"id\":{id},\"key\":\"saved\"")),
        "{}",
        states.body
    );
    assert!(
        browser
            .get(&format!("/dns-records/{id}/lookup"))
            .await
            .body
            .contains("dig +short www.user1.starchart.com CNAME")
    );

    assert!(
        browser
            .get(&format!("/dns-records/{id}/delete"))
            .await
            .body
            .contains("Are you sure?")
    );
    assert_eq!(
        all(&world, &browser).await.len(),
        1,
        "asking changes nothing"
    );
    browser
        .post(
            "/dns-records",
            &[("intent", "delete-dns-record"), ("id", &text)],
        )
        .await;
    assert!(all(&world, &browser).await.is_empty());
    assert_eq!(world.queue.0.load(Ordering::SeqCst), 4);
}

#[actix_web::test]
async fn the_original_sends_patch_and_delete() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = all(&world, &browser).await[0].id.to_string();
    let token = browser.any_token().await;
    let fields = [("id", id.as_str()), ("intent", "renew-dns-record")];
    assert_eq!(
        browser
            .submit(Method::PATCH, "/dns-records", &token, &fields)
            .await
            .location(),
        "/dns-records"
    );
    let wrong = browser
        .submit(Method::DELETE, "/dns-records", &token, &fields)
        .await;
    assert_eq!(
        wrong.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "renewing is no DELETE"
    );
    assert_eq!(all(&world, &browser).await.len(), 1);
    let reply = browser
        .submit(Method::DELETE, &format!("/dns-records/{id}"), &token, &[])
        .await;
    assert_eq!(reply.location(), "/dns-records");
    assert!(all(&world, &browser).await.is_empty());
}

#[actix_web::test]
async fn faults_stand_beside_what_was_typed() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    let fields = [
        ("subdomain", "a--\"><b>"),
        ("type", "A"),
        ("value", "300.1.1.1"),
        ("course", "OPS345"),
    ];
    let reply = browser.post("/dns-records/new", &fields).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    for words in [
        "Record name is invalid or inappropriate (only alphanumerical character, -, and _ allowed)",
        "Record value is invalid",
        "value=\"300.1.1.1\"",
        "value=\"OPS345\"",
        "value=\"a--&#34;&#62;&#60;b&#62;\"",
    ] {
        assert!(reply.body.contains(words), "{words}");
    }
    assert!(all(&world, &browser).await.is_empty());
    assert_eq!(world.queue.0.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn refusals_of_the_store_are_faults_of_the_form() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let twice = browser.post("/dns-records/new", WWW).await;
    assert!(
        twice.status == StatusCode::UNPROCESSABLE_ENTITY
            && twice.body.contains("You already have a record")
    );
    let cname = [
        ("subdomain", "www"),
        ("type", "CNAME"),
        ("value", "host.example.org"),
    ];
    let conflict = browser.post("/dns-records/new", &cname).await;
    assert!(
        conflict.status == StatusCode::UNPROCESSABLE_ENTITY
            && conflict.body.contains("has to be alone")
    );
    for name in ["a", "b"] {
        browser
            .post(
                "/dns-records/new",
                &[("subdomain", name), ("type", "A"), ("value", "192.0.2.1")],
            )
            .await;
    }
    let full = browser
        .post(
            "/dns-records/new",
            &[("subdomain", "c"), ("type", "A"), ("value", "192.0.2.1")],
        )
        .await;
    assert_eq!(full.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        full.body
            .contains("User has reached the maximum number of dns records")
    );
    assert_eq!(all(&world, &browser).await.len(), 3);
}

#[actix_web::test]
async fn a_foreign_record_is_as_absent_as_one_that_never_was() {
    let world = World::new().await;
    let (mut owner, mut other) = (
        Browser::signed_in(&world, "user1").await,
        Browser::signed_in(&world, "user2").await,
    );
    owner.post("/dns-records/new", WWW).await;
    let before = all(&world, &owner).await;
    let token = other.any_token().await;
    for id in [
        before[0].id.to_string(),
        "999999".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
        "x".to_owned(),
    ] {
        let mut bodies = Vec::new();
        for path in [
            format!("/dns-records/{id}"),
            format!("/dns-records/{id}/delete"),
            format!("/dns-records/{id}/lookup"),
        ] {
            bodies.push(other.get(&path).await);
        }
        bodies.push(
            other
                .submit(Method::POST, &format!("/dns-records/{id}"), &token, WWW)
                .await,
        );
        for (method, intent) in [
            (Method::PATCH, "renew-dns-record"),
            (Method::DELETE, "delete-dns-record"),
        ] {
            bodies.push(
                other
                    .submit(method.clone(), &format!("/dns-records/{id}"), &token, &[])
                    .await,
            );
            let fields = [("id", id.as_str()), ("intent", intent)];
            bodies.push(other.submit(method, "/dns-records", &token, &fields).await);
            bodies.push(
                other
                    .submit(Method::POST, "/dns-records", &token, &fields)
                    .await,
            );
        }
        for reply in bodies {
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{id}");
            assert!(!reply.body.contains("user1.starchart.com"));
        }
    }
    assert_eq!(all(&world, &owner).await, before);
    assert_eq!(other.get("/dns-records/states").await.body, "[]");
}

#[actix_web::test]
async fn fields_that_no_page_sends_are_refused() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    for extra in [
        "username",
        "owner_id",
        "expires_at",
        "role",
        "is_admin",
        "id",
        "user_id",
        "fqdn",
    ] {
        let fields: Vec<_> = WWW.iter().copied().chain([(extra, "1")]).collect();
        assert_eq!(
            browser.post("/dns-records/new", &fields).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{extra}"
        );
    }
    let twice: Vec<_> = WWW
        .iter()
        .copied()
        .chain([("value", "192.0.2.2")])
        .collect();
    assert_eq!(
        browser.post("/dns-records/new", &twice).await.status,
        StatusCode::BAD_REQUEST
    );
    let unknown = browser
        .post("/dns-records", &[("intent", "own-dns-record"), ("id", "1")])
        .await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(all(&world, &browser).await.is_empty());
}

#[actix_web::test]
async fn two_windows_do_not_overwrite_each_other_unseen() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = all(&world, &browser).await[0].id;
    let path = format!("/dns-records/{id}");
    let seen = |page: &str| {
        page.split("name=\"seen\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let both = seen(&browser.get(&path).await.body);
    browser
        .post(
            "/dns-records",
            &[("intent", "renew-dns-record"), ("id", &id.to_string())],
        )
        .await;
    let mut say = async |value: &str, note: &str, seen: &str| {
        let fields = [
            ("subdomain", "www"),
            ("type", "A"),
            ("value", value),
            ("description", note),
            ("seen", seen),
        ];
        let reply = browser.post(&path, &fields).await;
        (reply, all(&world, &browser).await[0].presentation.clone())
    };
    let (first, _) = say("192.0.2.8", "kept", &both).await;
    assert_eq!(
        first.location(),
        "/dns-records",
        "a renewal changes nothing of what it says"
    );
    assert_eq!(
        say("192.0.2.8", "kept", &both).await.0.location(),
        "/dns-records"
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM record_history").await,
        1,
        "sent twice is done once"
    );
    let (second, value) = say("192.0.2.9", "", &both).await;
    assert_eq!(
        (second.status, value.as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "192.0.2.8")
    );
    for words in [
        "after you had opened this page",
        ": Value 192.0.2.8; Description kept. What",
        "value=\"192.0.2.9\"",
    ] {
        assert!(second.body.contains(words), "{words}: {}", second.body);
    }
    assert!(!second.body.contains("Please correct"), "{}", second.body);
    let (third, value) = say("192.0.2.9", "", &seen(&second.body)).await;
    assert_eq!(
        (third.location(), value.as_str()),
        ("/dns-records", "192.0.2.9")
    );
}

#[actix_web::test]
async fn what_was_typed_for_a_record_that_is_gone_is_not_lost() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = all(&world, &browser).await[0].id.to_string();
    browser
        .post(
            "/dns-records",
            &[("intent", "delete-dns-record"), ("id", &id)],
        )
        .await;
    let late = browser
        .post(
            &format!("/dns-records/{id}"),
            &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.7")],
        )
        .await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    for words in [
        "was deleted, or its time was over",
        "action=\"/dns-records/new\"",
        "value=\"192.0.2.7\"",
    ] {
        assert!(late.body.contains(words), "{words}: {}", late.body);
    }
    assert!(all(&world, &browser).await.is_empty());
}

#[actix_web::test]
async fn a_form_posted_after_the_session_ended_survives_the_sign_in() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    let form = browser.get("/dns-records/new").await;
    let (token, owner) = (
        form.token(),
        form.body
            .split("name=\"owner\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap(),
    );
    let session = browser.jar["__Host-session"].clone();
    sessions::end(&world.store, keys::hash(&session), "request")
        .await
        .unwrap();
    let fields = [
        ("subdomain", "kept"),
        ("type", "TXT"),
        ("value", "a & b=ü"),
        ("course", "OPS345"),
        ("owner", owner),
    ];
    let reply = browser
        .submit(Method::POST, "/dns-records/new", &token, &fields)
        .await;
    assert!(
        reply.location().starts_with("https://idp.example.edu/sso?"),
        "{} {}",
        reply.status,
        reply.body
    );
    let (response, relay) = world.answer(reply.location(), "user1");
    let consumed = world.consume(&response, &relay).await;
    let page = browser.get(consumed.location()).await;
    assert_eq!(page.status, StatusCode::OK);
    for words in [
        "Your form was kept.",
        "value=\"kept\"",
        "value=\"a &#38; b=ü\"",
        "value=\"OPS345\"",
        "action=\"/dns-records/new\"",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(all(&world, &browser).await.is_empty(), "it was not obeyed");
    let sent = browser
        .submit(Method::POST, "/dns-records/new", &page.token(), &fields)
        .await;
    assert_eq!(
        sent.location(),
        "/dns-records",
        "the page's own token is good"
    );
    assert_eq!(all(&world, &browser).await.len(), 1);
}

#[actix_web::test]
async fn a_wish_to_delete_after_the_session_ended_is_asked_again() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let id = all(&world, &browser).await[0].id.to_string();
    let token = browser.any_token().await;
    sessions::end(
        &world.store,
        keys::hash(&browser.jar["__Host-session"]),
        "request",
    )
    .await
    .unwrap();
    let fields = [("id", id.as_str()), ("intent", "delete-dns-record")];
    let reply = browser
        .submit(Method::POST, "/dns-records", &token, &fields)
        .await;
    let (response, relay) = world.answer(reply.location(), "user1");
    let consumed = world.consume(&response, &relay).await;
    let arrived = browser.get(consumed.location()).await;
    assert_eq!(arrived.location(), format!("/dns-records/{id}/delete"));
    assert!(
        browser
            .get(arrived.location())
            .await
            .body
            .contains("Your session had ended")
    );
    assert_eq!(all(&world, &browser).await.len(), 1);
}

#[actix_web::test]
async fn look_alike_names_are_two_people() {
    let world = World::new().await;
    let mut plain = Browser::signed_in(&world, "jose").await;
    plain.post("/dns-records/new", WWW).await;
    let mut accent = Browser::new(&world);
    assert_eq!(
        accent.sign_in("josé", "/").await.location(),
        "/label",
        "é makes no label"
    );
    let choice = accent.get("/label").await;
    assert!(!choice.body.contains("value=\"jose\""), "{}", choice.body);
    assert_ne!(
        Subject::parse("josé").unwrap(),
        Subject::parse("jose").unwrap()
    );
    let token = choice.token();
    assert_eq!(
        accent
            .submit(Method::POST, "/label", &token, &[("label", "jose2")])
            .await
            .location(),
        "/"
    );
    assert!(
        accent
            .get("/dns-records")
            .await
            .body
            .contains("Create your first DNS Record!")
    );
}

#[actix_web::test]
async fn a_page_stops_looking_for_news_two_minutes_after_the_newest_change() {
    let world = World::new().await;
    let mut browser = Browser::signed_in(&world, "user1").await;
    browser.post("/dns-records/new", WWW).await;
    let lookup = format!("/dns-records/{}/lookup", all(&world, &browser).await[0].id);
    for (later, looks) in [
        (0, true),
        (110_000, true),
        (121_000, false),
        (3_600_000, false),
    ] {
        world.store.set_clock_offset(later);
        for path in ["/dns-records", lookup.as_str()] {
            let page = browser.get(path).await;
            assert_eq!(
                page.body.contains("http-equiv=\"refresh\""),
                looks,
                "{path} {later}"
            );
            assert_eq!(
                page.body.contains("id=\"look-again\" data-follow=\"0\">"),
                !looks,
                "{path} {later}"
            );
            assert!(
                page.body
                    .contains(&format!("<a href=\"{path}\">Look again</a>")),
                "{path} {later}"
            );
        }
    }
}
