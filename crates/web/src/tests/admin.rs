#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::Ordering;

use actix_web::http::{Method, StatusCode};
use starchart_store::admin::FRESH_MS;
use starchart_store::sessions::IMPERSONATION_MS;

use super::world::{Browser, World};
use crate::{Protection, route_table};

const SESSION: &str = "__Host-session";
const WWW: &[(&str, &str)] = &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];

async fn admin(world: &World) -> Browser<'_> {
    Browser::signed_in(world, "user3").await
}

async fn impersonate(browser: &mut Browser<'_>, username: &str) -> super::world::Reply {
    browser
        .post(
            "/admin",
            &[
                ("intent", "impersonate-user"),
                ("newEffectiveUsername", username),
                ("found", ""),
            ],
        )
        .await
}

async fn stop(browser: &mut Browser<'_>) -> super::world::Reply {
    browser.post("/", &[("intent", "stop-impersonation")]).await
}

/// Whose name stands in the header.
async fn shown(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/").await;
    page.body
        .split("id=\"header-user\">")
        .nth(1)
        .unwrap_or_default()
        .split('<')
        .next()
        .unwrap()
        .to_owned()
}

#[actix_web::test]
async fn an_admin_finds_people_page_by_page_and_by_a_link() {
    let world = World::new().await;
    Browser::signed_in(&world, "user1")
        .await
        .post("/dns-records/new", WWW)
        .await;
    let mut browser = admin(&world).await;
    let home = browser.get("/").await.body;
    assert!(home.contains("<h2 id=\"card-admin\">Admin</h2>") && home.contains("href=\"/admin\""));
    let page = browser.get("/admin").await.body;
    for words in [
        "<h1>Admin Dashboard</h1>",
        "<dt>Users</dt><dd>2</dd>",
        "<dt>Certificates</dt><dd>0</dd>",
        "<dt>DNS Records</dt><dd>1</dd>",
        "1 name waits to be published",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("<table"), "nobody was asked for");

    let found = browser.get("/admin?searchText=USER").await.body;
    for words in [
        "2 people found.",
        "user1@example.edu",
        "user1.starchart.com",
        "user1 &#60;b&#62;&#38;",
        "That is you.",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert_eq!(
        found.matches("name=\"searchText\"").count(),
        1,
        "scripts look for one"
    );
    assert_eq!(found.matches("aria-label=\"Impersonate user\"").count(), 2);
    assert_eq!(
        found
            .matches("type=\"submit\" disabled aria-label=\"Impersonate user\"")
            .count(),
        1,
        "one's own"
    );
    assert_eq!(
        found
            .matches("type=\"button\" disabled aria-label=\"Delete user\"")
            .count(),
        1,
        "one's own"
    );
    let nobody = browser.get("/admin?searchText=%25%25%25").await;
    assert!(nobody.status == StatusCode::OK && nobody.body.contains("Nobody was found."));
    let short = browser.get("/admin?searchText=us").await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("Type 3 letters or more.") && !short.body.contains("<table"));
    let posted = browser
        .post(
            "/admin",
            &[("intent", "search-users"), ("searchText", "a&b ü")],
        )
        .await;
    assert_eq!(posted.location(), "/admin?searchText=a%26b+%C3%BC");
    assert!(
        browser
            .get(posted.location())
            .await
            .body
            .contains("value=\"a&#38;b ü\"")
    );

    for n in 0..25 {
        let sql = format!(
            "INSERT INTO users (subject, username, display_name, email, created_at, updated_at) \
             VALUES ('many{n}', 'many{n}', 'Many', 'many{n:02}@example.edu', 0, 0)"
        );
        world.run(&sql).await;
    }
    let first = browser.get("/admin?searchText=many").await.body;
    assert!(
        first.contains("25 people found, page 1 of 2.")
            && first.contains("searchText=many&#38;page=2"),
        "{first}"
    );
    let second = browser.get("/admin?searchText=many&page=2").await.body;
    assert!(
        second.contains("many24@")
            && !second.contains("many19@")
            && second.contains("Previous page")
    );
    assert!(!second.contains("Next page"));
    for odd in ["0", "-1", "x", "4294967295"] {
        assert_eq!(
            browser
                .get(&format!("/admin?searchText=many&page={odd}"))
                .await
                .status,
            StatusCode::OK,
            "{odd}"
        );
    }
}

#[actix_web::test]
async fn nobody_but_admins_gets_in() {
    let world = World::new().await;
    let mut person = Browser::signed_in(&world, "user1").await;
    let mut helping = admin(&world).await;
    impersonate(&mut helping, "user1").await;
    let mut demoted = Browser::signed_in(&world, "han.solo").await;
    world
        .run("UPDATE users SET is_admin = 0 WHERE subject = 'han.solo'")
        .await;
    let routes: Vec<_> = route_table()
        .filter(|info| info.path.starts_with("/admin"))
        .collect();
    assert_eq!(routes.len(), 4);
    for info in routes {
        assert_eq!(info.protection, Protection::Admin, "{}", info.path);
        for browser in [&mut person, &mut helping, &mut demoted] {
            let token = browser.any_token().await;
            let fields = [("intent", "delete-user"), ("username", "user3")];
            let reply = match info.method {
                Method::GET => {
                    browser
                        .get(&format!("{}?username=user3&searchText=user", info.path))
                        .await
                }
                _ => {
                    browser
                        .submit(info.method.clone(), info.path, &token, &fields)
                        .await
                }
            };
            assert_eq!(
                (reply.status, reply.location()),
                (StatusCode::SEE_OTHER, "/"),
                "{} {}",
                info.method,
                info.path
            );
        }
    }
    assert!(
        !person.get("/").await.body.contains("/admin")
            && !helping.get("/").await.body.contains("/admin")
    );
}

#[actix_web::test]
async fn impersonation_shows_itself_and_both_names_stand_in_the_trail() {
    let world = World::new().await;
    Browser::signed_in(&world, "user1").await;
    let mut browser = admin(&world).await;
    let before = browser.jar.clone();
    let begun = impersonate(&mut browser, "user1").await;
    assert_eq!(
        (begun.status, begun.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_ne!(browser.jar[SESSION], before[SESSION]);
    let mut stale = Browser {
        world: &world,
        jar: before,
    };
    assert_eq!(
        stale.get("/").await.location(),
        "/login?redirectTo=/",
        "the old token is nobody's"
    );
    assert_eq!(shown(&mut browser).await, "Impersonating: user1");
    let page = browser.get("/dns-records/new").await.body;
    for words in [
        "You are <strong>user3</strong>",
        ">Stop Impersonating</button>",
        ">Sign Out</button>",
        "user1.starchart.com",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(
        browser.post("/dns-records/new", WWW).await.location(),
        "/dns-records"
    );
    assert!(
        browser
            .get("/dns-records")
            .await
            .body
            .contains("www.user1.starchart.com")
    );
    let key = browser.get("/certificate/download/privateKey").await;
    assert_ne!(key.status, StatusCode::OK);

    let helping = browser.jar[SESSION].clone();
    assert_eq!(stop(&mut browser).await.location(), "/");
    assert!(browser.jar[SESSION] != helping);
    assert_eq!(shown(&mut browser).await, "user3");
    stale.jar.insert(SESSION.to_owned(), helping);
    assert_eq!(
        stale.get("/").await.location(),
        "/login?redirectTo=/",
        "nor is the one of the impersonation"
    );
    assert!(
        browser
            .get("/dns-records")
            .await
            .body
            .contains("Create your first DNS Record!"),
        "it was not the admin's own"
    );
    let trail = browser.get("/admin/trail?person=user1").await.body;
    for action in ["impersonation.start", "record.create", "impersonation.end"] {
        assert!(trail.contains(action), "{action}: {trail}");
    }
    assert_eq!(
        trail
            .matches("<span class=\"literal\">user3</span> as <span class=\"literal\">user1</span>")
            .count(),
        3
    );
    // Signing out while impersonating signs the admin out.
    impersonate(&mut browser, "user1").await;
    assert_eq!(browser.post("/logout", &[]).await.location(), "/logout");
    assert!(
        browser
            .get("/logout")
            .await
            .body
            .contains("value=\"user3\""),
        "the school is asked to sign out the admin"
    );
}

#[actix_web::test]
async fn some_are_not_impersonated_and_it_says_why() {
    let world = World::new().await;
    Browser::signed_in(&world, "han.solo").await;
    Browser::signed_in(&world, "user1").await;
    world
        .run("UPDATE users SET label = NULL WHERE subject = 'user1'")
        .await;
    let mut browser = admin(&world).await;
    for (who, why) in [
        ("user3", "That is your own account."),
        ("han.solo", "Admins are not impersonated."),
        ("user1", "They have not chosen a domain yet"),
        ("nobody", "There is nobody with that user name"),
        ("\u{7}", "There is nobody with that user name"),
    ] {
        let refused = impersonate(&mut browser, who).await;
        assert_eq!(refused.location(), "/admin", "{who}");
        assert!(browser.get("/admin").await.body.contains(why), "{who}");
        assert_eq!(shown(&mut browser).await, "user3");
    }
    for fields in [
        &[("intent", "impersonate-user")][..],
        &[("intent", "x")],
        &[],
        &[("intent", "delete-user")],
    ] {
        assert_eq!(
            browser.post("/admin", fields).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{fields:?}"
        );
    }
    world.store.set_clock_offset(FRESH_MS + 60_000);
    impersonate(&mut browser, "user1").await;
    assert!(
        browser
            .get("/admin")
            .await
            .body
            .contains("within 4 hours of signing in")
    );
}

#[actix_web::test]
async fn when_the_time_is_over_no_open_form_writes_into_the_admins_own_account() {
    let world = World::new().await;
    Browser::signed_in(&world, "user1").await;
    let mut browser = admin(&world).await;
    impersonate(&mut browser, "user1").await;
    let open = browser.get("/dns-records/new").await.token();
    world.store.set_clock_offset(IMPERSONATION_MS + 1_000);
    let refused = browser
        .submit(Method::POST, "/dns-records/new", &open, WWW)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .body
            .contains("your time in another person's place was")
            || refused.body.contains("another person&#39;s place")
    );
    assert_eq!(shown(&mut browser).await, "user3", "the session goes on");
    assert!(
        browser
            .get("/dns-records")
            .await
            .body
            .contains("Create your first DNS Record!")
    );
    // To leave may be said on the old page too.
    let stopped = browser
        .submit(
            Method::POST,
            "/",
            &open,
            &[("intent", "stop-impersonation")],
        )
        .await;
    assert_eq!(
        (stopped.status, stopped.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    impersonate(&mut browser, "user1").await;
    let open = browser.get("/dns-records/new").await.token();
    world.store.set_clock_offset(2 * IMPERSONATION_MS + 2_000);
    assert_eq!(
        browser
            .submit(Method::POST, "/logout", &open, &[])
            .await
            .location(),
        "/logout"
    );
}

#[actix_web::test]
async fn who_is_deleted_is_told_first_and_gone_at_once() {
    let world = World::new().await;
    let mut person = Browser::signed_in(&world, "user1").await;
    person.post("/dns-records/new", WWW).await;
    let mut browser = admin(&world).await;
    let ask = browser
        .get("/admin/delete?username=user1&searchText=user1")
        .await
        .body;
    for words in [
        "1 record leaves the zone at once",
        "1 session of theirs ends at once",
        "The domain user1.starchart.com stays theirs",
        "Deleting is not a ban",
        "Are you sure? You can't undo this action afterwards.",
        ">Cancel</a>",
        ">Delete</button>",
        "href=\"/admin?searchText=user1\"",
    ] {
        assert!(ask.contains(words), "{words}: {ask}");
    }
    assert_eq!(
        person.get("/").await.status,
        StatusCode::OK,
        "asking changes nothing"
    );
    assert_eq!(
        browser.get("/admin/delete?username=nobody").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/admin/delete?username=user3").await.location(),
        "/admin"
    );
    let woken = world.queue.0.load(Ordering::SeqCst);
    let fields = [
        ("intent", "delete-user"),
        ("username", "user1"),
        ("found", "user1"),
    ];
    let done = browser.post("/admin", &fields).await;
    assert_eq!(done.location(), "/admin?searchText=user1");
    let list = browser.get(done.location()).await.body;
    assert!(
        list.contains("User was deleted") && list.contains("Nobody was found."),
        "{list}"
    );
    assert_eq!(
        world.queue.0.load(Ordering::SeqCst),
        woken + 1,
        "the worker was told"
    );
    assert_eq!(person.get("/").await.location(), "/login?redirectTo=/");
    assert!(list.contains("1 name waits"));
    for gone in ["user1", "user3"] {
        browser
            .post("/admin", &[("intent", "delete-user"), ("username", gone)])
            .await;
    }
    assert_eq!(shown(&mut browser).await, "user3", "oneself is not deleted");
    let back = Browser::signed_in(&world, "user1")
        .await
        .get("/")
        .await
        .body;
    assert!(back.contains("user1.starchart.com"), "the domain stayed");
}

#[actix_web::test]
async fn what_was_refused_is_tried_again() {
    let world = World::new().await;
    Browser::signed_in(&world, "user1")
        .await
        .post("/dns-records/new", WWW)
        .await;
    let far = "refused_generation = generation, refusal = 'a <foreign> set', next_attempt_at = 9000000000000";
    world.run(&format!("UPDATE names SET {far}")).await;
    world
        .run(
            "INSERT INTO outbox (kind, thing, day, user_id, recipient, detail, message_id, state, refusal, next_attempt_at, \
             created_at) VALUES ('record_expiring', 'x', '2026-01-01', 1, 'x@example.edu', '', 'm', 'failed', '550 <no>', 0, 0)",
        )
        .await;
    let mut browser = admin(&world).await;
    let page = browser.get("/admin").await.body;
    for words in [
        "a &#60;foreign&#62; set",
        "550 &#60;no&#62;",
        "record expiring",
        "value=\"www.user1.starchart.com\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let again = async |browser: &mut Browser<'_>, intent: &str, item: &str| {
        browser
            .post("/admin", &[("intent", intent), ("item", item)])
            .await;
        browser.get("/admin").await.body
    };
    assert!(
        again(&mut browser, "retry-record", "www.user1.starchart.com")
            .await
            .contains("It is tried again now.")
    );
    assert!(
        again(&mut browser, "retry-record", "other.user1.starchart.com")
            .await
            .contains("nothing left to try again")
    );
    let sent = again(&mut browser, "retry-mail", "1").await;
    assert!(sent.contains("It is tried again now.") && !sent.contains("550"));
    let bad = browser
        .post("/admin", &[("intent", "retry-mail"), ("item", "x")])
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let trail = browser.get("/admin/trail?action=retry").await.body;
    assert!(trail.contains("name.retry") && trail.contains("mail.retry"));
}

#[actix_web::test]
async fn searches_are_counted() {
    let world = World::with(|config| config.rate_limits.admin_searches_per_minute = 3).await;
    let mut browser = admin(&world).await;
    for _ in 0..3 {
        assert_eq!(
            browser.get("/admin?searchText=user").await.status,
            StatusCode::OK
        );
    }
    let refused = browser.get("/admin?searchText=user").await;
    assert!(
        refused.status == StatusCode::TOO_MANY_REQUESTS
            && refused.headers.contains_key("retry-after")
    );
    assert_eq!(
        browser.get("/admin/trail").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        browser.get("/admin").await.status,
        StatusCode::OK,
        "the dashboard itself is no search"
    );
}

#[actix_web::test]
async fn the_trail_goes_back_page_by_page() {
    let world = World::new().await;
    let mut browser = admin(&world).await;
    let lines: Vec<String> = (0..120)
        .map(|n| format!("(1, 1, 'test.line', 'object-{n:03}', '=cmd|x', 'r')"))
        .collect();
    world
        .run(&format!(
            "INSERT INTO audit_trail (at, actor_id, action, object, detail, request_id) VALUES {}",
            lines.join(", ")
        ))
        .await;
    let (mut path, mut seen) = (
        "/admin/trail?action=test.line&object=object".to_owned(),
        Vec::new(),
    );
    loop {
        let page = browser.get(&path).await.body;
        seen.extend(
            page.split(">object-")
                .skip(1)
                .map(|rest| rest[..3].parse::<u32>().unwrap()),
        );
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else {
            break;
        };
        path = next.split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(seen, (0..120).rev().collect::<Vec<_>>());
    assert!(
        browser
            .get("/admin/trail?person=nobody")
            .await
            .body
            .contains("No line fits.")
    );
    assert_eq!(
        browser.get("/admin/trail?before=x").await.status,
        StatusCode::NOT_FOUND
    );
}
