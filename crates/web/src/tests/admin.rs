#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use starchart_store::admin::RECENT_SIGN_IN_MS;
use starchart_store::sessions::IMPERSONATION_MS;

use super::test_app::{Browser, TestApp};
use crate::{Protection, route_table};

const SESSION: &str = "__Host-session";
const WWW: &[(&str, &str)] = &[("subdomain", "www"), ("type", "A"), ("value", "192.0.2.1")];

async fn sign_in_admin(test_app: &TestApp) -> Browser<'_> {
    Browser::signed_in(test_app, "user3").await
}

async fn impersonate(browser: &mut Browser<'_>, username: &str) -> super::test_app::Reply {
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

async fn stop_impersonation(browser: &mut Browser<'_>) -> super::test_app::Reply {
    browser.post("/", &[("intent", "stop-impersonation")]).await
}

/// Returns the user name in the header.
async fn header_user(browser: &mut Browser<'_>) -> String {
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
async fn an_admin_searches_users_page_by_page() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "user1")
        .await
        .post("/dns-records/new", WWW)
        .await;
    let mut browser = sign_in_admin(&test_app).await;
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
    assert!(!page.contains("<table"), "no search yet");

    let found = browser.get("/admin?searchText=USER").await.body;
    for words in [
        "2 users found.",
        "user1@example.edu",
        "user1.starchart.com",
        "user1 &#60;b&#62;&#38;",
        "This is your own account.",
    ] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert_eq!(
        found.matches("name=\"searchText\"").count(),
        1,
        "existing scripts expect a single field"
    );
    assert_eq!(found.matches("aria-label=\"Impersonate user\"").count(), 2);
    assert_eq!(
        found
            .matches("type=\"submit\" disabled aria-label=\"Impersonate user\"")
            .count(),
        1,
        "the admin's own row"
    );
    assert_eq!(
        found
            .matches("type=\"button\" disabled aria-label=\"Delete user\"")
            .count(),
        1,
        "the admin's own row"
    );
    let none = browser.get("/admin?searchText=%25%25%25").await;
    assert!(none.status == StatusCode::OK && none.body.contains("No users were found."));
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
        test_app.execute_sql(&sql).await;
    }
    let first = browser.get("/admin?searchText=many").await.body;
    assert!(
        first.contains("25 users found, page 1 of 2.")
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
    for page in ["0", "-1", "x", "4294967295"] {
        assert_eq!(
            browser
                .get(&format!("/admin?searchText=many&page={page}"))
                .await
                .status,
            StatusCode::OK,
            "{page}"
        );
    }
}

#[actix_web::test]
async fn only_admins_can_use_the_admin_routes() {
    let test_app = TestApp::new().await;
    let mut user = Browser::signed_in(&test_app, "user1").await;
    let mut impersonating = sign_in_admin(&test_app).await;
    impersonate(&mut impersonating, "user1").await;
    let mut demoted = Browser::signed_in(&test_app, "han.solo").await;
    test_app
        .execute_sql("UPDATE users SET is_admin = 0 WHERE subject = 'han.solo'")
        .await;
    let routes: Vec<_> = route_table()
        .filter(|info| info.path.starts_with("/admin"))
        .collect();
    assert_eq!(routes.len(), 8);
    for info in routes {
        assert_eq!(info.protection, Protection::Admin, "{}", info.path);
        for browser in [&mut user, &mut impersonating, &mut demoted] {
            let token = browser.csrf_token().await;
            let mut fields = vec![("intent", "delete-user"), ("username", "user3")];
            fields.retain(|(name, _)| info.fields.contains(name));
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
        !user.get("/").await.body.contains("/admin")
            && !impersonating.get("/").await.body.contains("/admin")
    );
}

#[actix_web::test]
async fn an_impersonation_is_visible_and_both_user_names_are_in_the_trail() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "user1").await;
    let mut browser = sign_in_admin(&test_app).await;
    let before = browser.jar.clone();
    let started = impersonate(&mut browser, "user1").await;
    assert_eq!(
        (started.status, started.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_ne!(browser.jar[SESSION], before[SESSION]);
    let mut stale = Browser {
        test_app: &test_app,
        jar: before,
    };
    assert_eq!(
        stale.get("/").await.location(),
        "/login?redirectTo=/",
        "the old session token is invalid"
    );
    assert_eq!(header_user(&mut browser).await, "Impersonating: user1");
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

    let impersonation_token = browser.jar[SESSION].clone();
    assert_eq!(stop_impersonation(&mut browser).await.location(), "/");
    assert!(browser.jar[SESSION] != impersonation_token);
    assert_eq!(header_user(&mut browser).await, "user3");
    stale.jar.insert(SESSION.to_owned(), impersonation_token);
    assert_eq!(
        stale.get("/").await.location(),
        "/login?redirectTo=/",
        "the session token of the impersonation is invalid too"
    );
    assert!(
        browser
            .get("/dns-records")
            .await
            .body
            .contains("Create your first DNS Record!"),
        "the record belongs to the impersonated user"
    );
    let trail = browser.get("/admin/trail?user=user1").await.body;
    for action in ["impersonation.start", "record.create", "impersonation.end"] {
        assert!(trail.contains(action), "{action}: {trail}");
    }
    assert_eq!(
        trail
            .matches("<span class=\"literal\">user3</span> as <span class=\"literal\">user1</span>")
            .count(),
        3
    );
    // Signing out during an impersonation signs the admin out.
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
async fn a_refused_impersonation_says_why() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "han.solo").await;
    Browser::signed_in(&test_app, "user1").await;
    test_app
        .execute_sql("UPDATE users SET label = NULL WHERE subject = 'user1'")
        .await;
    let mut browser = sign_in_admin(&test_app).await;
    for (username, reason) in [
        ("user3", "This is your own account."),
        ("han.solo", "Admins cannot be impersonated."),
        ("user1", "This user has not chosen a domain yet."),
        ("nobody", "No user has this user name"),
        ("\u{7}", "No user has this user name"),
    ] {
        let refused = impersonate(&mut browser, username).await;
        assert_eq!(refused.location(), "/admin", "{username}");
        assert!(
            browser.get("/admin").await.body.contains(reason),
            "{username}"
        );
        assert_eq!(header_user(&mut browser).await, "user3");
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
    test_app.store.set_clock_offset(RECENT_SIGN_IN_MS + 60_000);
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
async fn a_form_opened_during_an_impersonation_is_refused_after_it_expires() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "user1").await;
    let mut browser = sign_in_admin(&test_app).await;
    impersonate(&mut browser, "user1").await;
    let old_token = browser.get("/dns-records/new").await.token();
    test_app.store.set_clock_offset(IMPERSONATION_MS + 1_000);
    let refused = browser
        .submit(Method::POST, "/dns-records/new", &old_token, WWW)
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .body
            .contains("an impersonation has started or ended")
    );
    assert_eq!(
        header_user(&mut browser).await,
        "user3",
        "the session of the admin goes on"
    );
    assert!(
        browser
            .get("/dns-records")
            .await
            .body
            .contains("Create your first DNS Record!")
    );
    // Ending the impersonation works from the old page too.
    let stopped = browser
        .submit(
            Method::POST,
            "/",
            &old_token,
            &[("intent", "stop-impersonation")],
        )
        .await;
    assert_eq!(
        (stopped.status, stopped.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    impersonate(&mut browser, "user1").await;
    let old_token = browser.get("/dns-records/new").await.token();
    test_app
        .store
        .set_clock_offset(2 * IMPERSONATION_MS + 2_000);
    assert_eq!(
        browser
            .submit(Method::POST, "/logout", &old_token, &[])
            .await
            .location(),
        "/logout"
    );
}

#[actix_web::test]
async fn deleting_a_user_asks_first_and_ends_their_sessions_at_once() {
    let test_app = TestApp::new().await;
    let mut user = Browser::signed_in(&test_app, "user1").await;
    user.post("/dns-records/new", WWW).await;
    let mut browser = sign_in_admin(&test_app).await;
    let confirmation = browser
        .get("/admin/delete?username=user1&searchText=user1")
        .await
        .body;
    for words in [
        "1 record leaves the zone at once",
        "1 session ends at once",
        "The domain user1.starchart.com stays reserved for this user",
        "Deleting is not a ban",
        "Are you sure? You can't undo this action afterwards.",
        ">Cancel</a>",
        ">Delete</button>",
        "href=\"/admin?searchText=user1\"",
    ] {
        assert!(confirmation.contains(words), "{words}: {confirmation}");
    }
    assert_eq!(
        user.get("/").await.status,
        StatusCode::OK,
        "the confirmation page changes nothing"
    );
    assert_eq!(
        browser.get("/admin/delete?username=nobody").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/admin/delete?username=user3").await.location(),
        "/admin"
    );
    let wake_ups = test_app.queue.wake_ups();
    let fields = [
        ("intent", "delete-user"),
        ("username", "user1"),
        ("found", "user1"),
    ];
    let done = browser.post("/admin", &fields).await;
    assert_eq!(done.location(), "/admin?searchText=user1");
    let list = browser.get(done.location()).await.body;
    assert!(
        list.contains("User was deleted") && list.contains("No users were found."),
        "{list}"
    );
    assert_eq!(
        test_app.queue.wake_ups(),
        wake_ups + 1,
        "the worker is woken"
    );
    assert_eq!(user.get("/").await.location(), "/login?redirectTo=/");
    assert!(list.contains("1 name waits"));
    for username in ["user1", "user3"] {
        browser
            .post(
                "/admin",
                &[("intent", "delete-user"), ("username", username)],
            )
            .await;
    }
    assert_eq!(
        header_user(&mut browser).await,
        "user3",
        "admins cannot delete themselves"
    );
    let back = Browser::signed_in(&test_app, "user1")
        .await
        .get("/")
        .await
        .body;
    assert!(back.contains("user1.starchart.com"), "the domain stayed");
}

#[actix_web::test]
async fn refused_names_and_mails_can_be_retried() {
    let test_app = TestApp::new().await;
    Browser::signed_in(&test_app, "user1")
        .await
        .post("/dns-records/new", WWW)
        .await;
    test_app
        .execute_sql(
            "UPDATE names SET refused_generation = generation, refusal = 'a <foreign> set', \
             next_attempt_at = 9000000000000",
        )
        .await;
    test_app
        .execute_sql(
            "INSERT INTO outbox (kind, topic, day, user_id, recipient, detail, message_id, state, \
             refusal, next_attempt_at, created_at) VALUES ('record_expiring', 'x', '2026-01-01', \
             1, 'x@example.edu', '', 'm', 'failed', '550 <no>', 0, 0)",
        )
        .await;
    let mut browser = sign_in_admin(&test_app).await;
    let page = browser.get("/admin").await.body;
    for words in [
        "a &#60;foreign&#62; set",
        "550 &#60;no&#62;",
        "record expiring",
        "value=\"www.user1.starchart.com\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let retry = async |browser: &mut Browser<'_>, intent: &str, item: &str| {
        browser
            .post("/admin", &[("intent", intent), ("item", item)])
            .await;
        browser.get("/admin").await.body
    };
    assert!(
        retry(&mut browser, "retry-record", "www.user1.starchart.com")
            .await
            .contains("The retry has started.")
    );
    assert!(
        retry(&mut browser, "retry-record", "other.user1.starchart.com")
            .await
            .contains("nothing left to retry")
    );
    let sent = retry(&mut browser, "retry-mail", "1").await;
    assert!(sent.contains("The retry has started.") && !sent.contains("550"));
    let bad = browser
        .post("/admin", &[("intent", "retry-mail"), ("item", "x")])
        .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let trail = browser.get("/admin/trail?action=retry").await.body;
    assert!(trail.contains("name.retry") && trail.contains("mail.retry"));
}

#[actix_web::test]
async fn admin_searches_are_rate_limited() {
    let test_app = TestApp::with(|config| config.limits.admin_searches_per_minute = 3).await;
    let mut browser = sign_in_admin(&test_app).await;
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
        "the dashboard without a search is not limited"
    );
}

#[actix_web::test]
async fn the_audit_trail_is_read_page_by_page() {
    let test_app = TestApp::new().await;
    let mut browser = sign_in_admin(&test_app).await;
    let lines: Vec<String> = (0..120)
        .map(|n| format!("(1, 1, 'test.line', 'object-{n:03}', '=cmd|x', 'r')"))
        .collect();
    test_app
        .execute_sql(&format!(
            "INSERT INTO audit_trail (at, actor_id, action, object, detail, request_id) VALUES {}",
            lines.join(", ")
        ))
        .await;
    let mut path = "/admin/trail?action=test.line&object=object".to_owned();
    let mut seen = Vec::new();
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
            .get("/admin/trail?user=nobody")
            .await
            .body
            .contains("No entries match the filter.")
    );
    assert_eq!(
        browser.get("/admin/trail?before=x").await.status,
        StatusCode::NOT_FOUND
    );
}
