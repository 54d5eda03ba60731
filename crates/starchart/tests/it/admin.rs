//! The admin page: an admin finds, impersonates and deletes users; other users cannot.

use starchart_testkit::html::{Form, forms};
use starchart_testkit::wait::{equal, eventually};
use starchart_web::route_table;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page, identity};
use crate::pages::{self, class, no_inline_code};
use crate::truth::{no_difference, signed_in, zone_sets};

pub async fn admin(env: &TestEnv, app: &App) -> Browser {
    let mut browser = app.browser();
    browser
        .sign_in(&env.idp, &identity("user3", &["admins"]))
        .await;
    browser
}

/// Returns the name in the page header: the effective user.
async fn shown(browser: &mut Browser) -> String {
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

/// Returns the form with this intent for this user.
fn form_about(page: &Page, intent: &str, field: &str, username: &str) -> Form {
    let about =
        |form: &Form| form.value("intent") == Some(intent) && form.value(field) == Some(username);
    forms(&page.body)
        .into_iter()
        .find(about)
        .unwrap_or_else(|| panic!("no {intent} for {username}: {}", page.body))
}

/// Finds the user on the admin page and impersonates them.
async fn impersonate(browser: &mut Browser, username: &str) {
    let found = browser
        .get(&format!("/admin?searchText={username}@school"))
        .await;
    let begun = browser
        .submit(&form_about(
            &found,
            "impersonate-user",
            "newEffectiveUsername",
            username,
        ))
        .await;
    assert_eq!(
        (begun.status, begun.location()),
        (303, "/"),
        "{}",
        begun.body
    );
}

/// Deletes the user, and returns the page that asked for confirmation.
pub async fn delete(browser: &mut Browser, username: &str) -> Page {
    let ask = browser
        .get(&format!(
            "/admin/delete?username={username}&searchText={username}"
        ))
        .await;
    assert_eq!(ask.status, 200, "{}", ask.body);
    let done = browser
        .submit(&form_about(&ask, "delete-user", "username", username))
        .await;
    assert_eq!(
        (done.status, done.location()),
        (303, format!("/admin?searchText={username}").as_str()),
        "{}",
        done.body
    );
    ask
}

#[tokio::test]
async fn an_impersonation_records_admin_and_user_in_the_trail() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let two = env.start().await;
    let mut owner = signed_in(&env, &one, "user1").await;
    let mut browser = admin(&env, &one).await;
    let before = browser.clone();
    impersonate(&mut browser, "user1").await;
    assert_eq!(
        shown(&mut browser.at(two.port)).await,
        "Impersonating: user1",
        "on every process"
    );
    assert!(!before.is_signed_in().await, "the earlier token is invalid");
    let helped = browser
        .at(two.port)
        .create("helped", "A", "192.0.2.7")
        .await;
    assert_eq!(helped.status, 303, "{}", helped.body);
    let name = format!("helped.user1.{ROOT}");
    eventually("it is published", async || env.zone.set(&name, "A")).await;
    assert_eq!(
        owner.record_ids().await.len(),
        1,
        "the record belongs to the user"
    );
    let helping = browser.clone();
    let stopped = browser
        .get("/dns-records")
        .await
        .form("/")
        .with("intent", "stop-impersonation");
    assert_eq!(browser.submit(&stopped).await.location(), "/");
    assert_eq!(shown(&mut browser.at(two.port)).await, "user3");
    assert!(!helping.is_signed_in().await && browser.record_ids().await.is_empty());
    let both = "SELECT COUNT(*) FROM audit_trail t \
                JOIN users a ON a.id = t.actor_id JOIN users b ON b.id = t.on_behalf_of \
                WHERE a.username = 'user3' AND b.username = 'user1' \
                AND action IN ('impersonation.start', 'record.create', 'impersonation.end')";
    assert_eq!(env.db.number(both).await, 3);
    let trail = browser.get("/admin/trail?user=user1&action=record").await;
    assert!(
        trail.body.contains(&name) && trail.body.contains(">user3</span> as <span"),
        "{}",
        trail.body
    );
}

#[tokio::test]
async fn a_deleted_user_disappears_from_zone_and_pages() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    let two = env.start().await;
    let mut gone = signed_in(&env, &one, "user1").await;
    let mut stays = signed_in(&env, &one, "user2").await;
    for (name, rtype, value) in [
        ("www", "A", "192.0.2.1"),
        ("www", "TXT", "text"),
        ("alias", "CNAME", "example.com"),
    ] {
        assert_eq!(gone.create(name, rtype, value).await.status, 303);
    }
    assert_eq!(stays.create("www", "A", "192.0.2.2").await.status, 303);
    eventually("published", async || equal(zone_sets(&env).len(), 4)).await;
    // An active certificate, and an order whose next step is never due.
    let user = "(SELECT id FROM users WHERE subject = 'user1')";
    env.db
        .run(&format!(
            "INSERT INTO certificates (user_id, domain, state, certificate, chain, key_id, \
             key_nonce, key_ciphertext, not_before, not_after, renew_at, created_at) \
             VALUES ({user}, 'user1.{ROOT}', 'active', 'c', 'c', 'k', 'n', 'secret', 0, \
             9000000000000, 9000000000000, 0)"
        ))
        .await;
    env.db
        .run(&format!(
            "INSERT INTO certificate_orders \
             (user_id, domain, step, next_step_at, created_at, updated_at) \
             VALUES ({user}, 'user1.{ROOT}', 'requested', 9000000000000, 0, 0)"
        ))
        .await;
    let mut browser = admin(&env, &two).await;
    let ask = delete(&mut browser, "user1").await;
    for words in [
        "3 records leave the zone",
        "1 certificate is revoked soon",
        "pending certificate order is abandoned",
        "stays reserved for this user",
    ] {
        assert!(ask.body.contains(words), "{words}: {}", ask.body);
    }
    eventually("signed out on both", async || {
        !gone.is_signed_in().await && !gone.at(two.port).is_signed_in().await
    })
    .await;
    eventually("gone from the zone", async || {
        equal(zone_sets(&env).len(), 1)
    })
    .await;
    assert!(stays.is_signed_in().await && stays.record_ids().await.len() == 1);
    for (what, left) in [
        (
            "certificates WHERE state = 'deleted' AND revocation_requested_at > 0 \
             AND key_ciphertext IS NULL",
            1,
        ),
        (
            "certificate_orders WHERE step = 'abandoned' AND finished_at > 0",
            1,
        ),
        ("certificate_orders WHERE finished_at IS NULL", 0),
        ("record_history WHERE action = 'user-deleted'", 3),
        (
            "audit_trail WHERE action = 'user.delete' AND object = 'user1'",
            1,
        ),
    ] {
        assert_eq!(
            env.db.number(&format!("SELECT COUNT(*) FROM {what}")).await,
            left,
            "{what}"
        );
    }
    let dashboard = browser.get("/admin").await;
    assert!(
        dashboard.body.contains("Revocation pending")
            && dashboard.body.contains("User was deleted"),
        "{}",
        dashboard.body
    );
    no_difference(&env).await;

    // A deleted user can sign in again and gets the same domain.
    let mut back = signed_in(&env, &one, "user1").await;
    assert!(back.record_ids().await.is_empty());
    assert_eq!(back.create("www", "CNAME", "example.org").await.status, 303);
    eventually("published again", async || {
        env.zone.set(&format!("www.user1.{ROOT}"), "CNAME")
    })
    .await;
}

#[tokio::test]
async fn every_route_checks_admins_impersonators_and_suspended_users() {
    let env = TestEnv::new()
        .await
        .set("USER_DNS_RECORD_LIMIT", "1000")
        .set("RATE_LIMIT_ADMIN_SEARCHES_PER_MINUTE", "100000");
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let out = signed_in(&env, &app, "user4").await;
    let mut admin = admin(&env, &app).await;
    delete(&mut admin, "user4").await;
    let mut helping = None;
    for route in route_table() {
        let [guest, of_owner, of_other] = pages::expected_of(route);
        let (method, path) = (route.method.as_str(), route.path);
        let what = format!("{method} {path}");
        let of_admin = match (method, path) {
            ("GET", "/admin" | "/admin/tokens" | "/admin/trail" | "/admin/words") => "200",
            // An unknown intent; an intent without a user.
            ("POST", "/admin" | "/admin/tokens" | "/admin/words") => "422",
            ("GET", "/admin/delete") => "404",
            _ => of_other,
        };
        let while_helping = match path.strip_prefix("/certificate/download/") {
            // Those with the private key.
            Some("privateKey" | "bundle" | "zip" | "kubernetes" | "p12") => "403",
            _ => of_owner,
        };
        assert_eq!(
            owner
                .create(&format!("w{}", rand::random::<u32>()), "A", "192.0.2.1")
                .await
                .status,
            303
        );
        let id = env
            .db
            .number("SELECT MAX(id) FROM dns_records")
            .await
            .to_string();
        let class = |page: &Page| class(page).replace(&format!("/{id}/"), "/{id}/");
        assert_eq!(
            class(&pages::ask(&mut out.clone(), route, &id).await),
            guest,
            "{what} for a deleted user"
        );
        // Some routes sign out.
        if !admin.is_signed_in().await {
            admin = self::admin(&env, &app).await;
        }
        assert_eq!(
            class(&pages::ask(&mut admin, route, &id).await),
            of_admin,
            "{what} for an admin"
        );
        let mut helper = match helping.take() {
            Some(helper) => helper,
            None => impersonating(&env, &app, "user1").await,
        };
        assert_eq!(
            class(&pages::ask(&mut helper, route, &id).await),
            while_helping,
            "{what} while impersonating"
        );
        helping = helper.is_signed_in().await.then_some(helper);
    }
}

async fn impersonating(env: &TestEnv, app: &App, username: &str) -> Browser {
    let mut browser = admin(env, app).await;
    impersonate(&mut browser, username).await;
    browser
}

#[tokio::test]
async fn hostile_names_are_escaped_in_list_and_trail() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "=cmd|'/c calc'!A0",
    ];
    for (n, text) in hostile.iter().enumerate() {
        let mut who = identity(&format!("user{}", n + 10), &["students"]);
        who.display_name = (*text).to_owned();
        who.email = format!("{text}@school.example");
        let mut browser = app.browser();
        browser.sign_in(&env.idp, &who).await;
        browser.create("www", "A", "192.0.2.1").await;
        env.db
            .run(&format!(
                "UPDATE users SET username = CONCAT('{}', id) WHERE subject = 'user{}'",
                text.replace('\'', "''"),
                n + 10
            ))
            .await;
    }
    let mut browser = admin(&env, &app).await;
    for path in [
        "/admin?searchText=school.example",
        "/admin/trail",
        "/admin/trail?user=%22%3E%3Cscript%3E",
        "/admin?searchText=%22%3E%3Cscript%3E",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        no_inline_code(path, &page.body);
        assert!(
            !page.body.contains("<img src=x") && !page.body.contains("<script>alert"),
            "{path}: {}",
            page.body
        );
    }
    let list = browser.get("/admin?searchText=school.example").await.body;
    assert!(
        list.contains("5 users found") && list.contains("&#60;script&#62;alert(1)"),
        "{list}"
    );
}
