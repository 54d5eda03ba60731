//! Cross-site requests: every unsafe route refuses them.

use reqwest::Method;
use starchart_web::{Protection, RouteInfo, route_table};

use crate::app::{APP_URL, ROOT, TestEnv};
use crate::browser::{Browser, Page, identity};

/// Returns the form fields that would do the most harm on this route.
fn fields(route: &RouteInfo, id: &str) -> Vec<(String, String)> {
    let value = |name: &str| match name {
        "id" => id,
        "intent" if route.path == "/certificate" && route.method.as_str() == "DELETE" => {
            "delete-certificate"
        }
        "intent" if route.path == "/certificate" => "renew-certificate",
        "intent" if route.method.as_str() == "PATCH" => "renew-dns-record",
        "intent" => "delete-dns-record",
        "subdomain" => "forged",
        "type" => "A",
        "value" => "192.0.2.66",
        "redirectTo" => "/",
        "label" => "forged",
        "sloUsername" => "user1",
        _ => "",
    };
    // On that route an empty form signs out.
    let names = route.fields.iter().filter(|name| **name != "sloUsername");
    names
        .map(|name| ((*name).to_owned(), value(name).to_owned()))
        .collect()
}

struct Attack {
    what: &'static str,
    headers: Vec<(&'static str, String)>,
    token: Option<String>,
}

impl Attack {
    fn kept_for_later(&self) -> bool {
        self.what.ends_with("token") && self.token.as_deref().is_some_and(|token| !token.is_empty())
    }
}

fn attacks(own: &str, others: &str, of_guest: &str) -> Vec<Attack> {
    let attack = |what, headers: &[(&'static str, &str)], token: Option<&str>| Attack {
        what,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        token: token.map(str::to_owned),
    };
    let sibling = format!("https://x.user1.{ROOT}");
    let ours = ("origin", APP_URL);
    let same = ("sec-fetch-site", "same-origin");
    vec![
        attack("no Origin", &[], Some(own)),
        attack(
            "a Referer alone",
            &[("referer", &format!("{APP_URL}/dns-records"))],
            Some(own),
        ),
        attack(
            "a foreign Origin",
            &[("origin", "https://evil.example")],
            Some(own),
        ),
        attack(
            "a foreign Origin that lies",
            &[("origin", "https://evil.example"), same],
            Some(own),
        ),
        attack("Origin null", &[("origin", "null")], Some(own)),
        attack("a neighbour's Origin", &[("origin", &sibling)], Some(own)),
        attack(
            "plain http",
            &[("origin", &APP_URL.replace("https", "http"))],
            Some(own),
        ),
        attack(
            "another port",
            &[("origin", &format!("{APP_URL}:8443"))],
            Some(own),
        ),
        attack(
            "two Origins",
            &[ours, ("origin", "https://evil.example")],
            Some(own),
        ),
        attack("same-site", &[("sec-fetch-site", "same-site")], Some(own)),
        attack("cross-site", &[("sec-fetch-site", "cross-site")], Some(own)),
        attack("typed by hand", &[("sec-fetch-site", "none")], Some(own)),
        attack(
            "our Origin, same-site",
            &[ours, ("sec-fetch-site", "same-site")],
            Some(own),
        ),
        attack(
            "our Origin, cross-site",
            &[ours, ("sec-fetch-site", "cross-site")],
            Some(own),
        ),
        attack("no token", &[ours, same], None),
        attack("an empty token", &[ours, same], Some("")),
        attack("another session's token", &[ours, same], Some(others)),
        attack("a guest's token", &[ours, same], Some(of_guest)),
        attack(
            "an edited token",
            &[ours, same],
            Some(&own.chars().rev().collect::<String>()),
        ),
    ]
}

async fn send(browser: &mut Browser, route: &RouteInfo, id: &str, attack: &Attack) -> Page {
    let mut form = fields(route, id);
    form.extend(
        attack
            .token
            .clone()
            .map(|token| ("csrf_token".to_owned(), token)),
    );
    let mut request = browser.request(
        route.method.as_str().parse().unwrap(),
        &route.path.replace("{id}", id),
    );
    for (name, value) in &attack.headers {
        request = request.header(*name, value);
    }
    browser.send(request.form(&form)).await
}

/// Counts the rows that a forged request could change.
async fn rows(env: &TestEnv) -> Vec<i64> {
    let mut numbers = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM dns_records",
        "SELECT COUNT(*) FROM record_history",
        "SELECT CAST(COALESCE(SUM(updated_at), 0) AS SIGNED) FROM dns_records",
        "SELECT CAST(COALESCE(SUM(generation), 0) AS SIGNED) FROM names",
        "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL",
        "SELECT COUNT(*) FROM login_requests",
        "SELECT COUNT(*) FROM certificate_orders",
        "SELECT COUNT(*) FROM certificates WHERE state = 'active'",
        "SELECT COUNT(*) FROM users WHERE label = 'forged'",
        "SELECT COUNT(*) FROM tokens",
    ] {
        numbers.push(env.db.number(sql).await);
    }
    numbers
}

#[tokio::test]
async fn no_unsafe_route_accepts_a_cross_site_request() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    let mut other = app.browser();
    browser
        .sign_in(&env.idp, &identity("user1", &["students"]))
        .await;
    other
        .sign_in(&env.idp, &identity("user2", &["students"]))
        .await;
    browser.create("www", "A", "192.0.2.1").await;
    let id = browser.record_ids().await.remove(0);
    let own = browser.get("/dns-records/new").await.csrf_token();
    let others = other.get("/dns-records/new").await.csrf_token();
    let before = rows(&env).await;
    let unsafe_routes: Vec<&RouteInfo> = route_table()
        .filter(|route| route.method.as_str() != "GET")
        // No cookie counts there: see tokens.rs.
        .filter(|route| route.protection != Protection::Token)
        .collect();
    assert!(unsafe_routes.len() > 8, "the table is read");
    for route in unsafe_routes {
        if route.path == "/login/callback" {
            continue; // The identity provider's page posts this one: see saml.rs.
        }
        // A new browser for each route, because of the limit of sign-ins that one browser can
        // begin.
        let mut guest = app.browser();
        let of_guest = guest.get("/login").await.csrf_token();
        for attack in attacks(&own, &others, &of_guest) {
            let what = format!("{} {} with {}", route.method, route.path, attack.what);
            let refused = send(&mut browser, route, &id, &attack).await;
            assert_eq!(refused.status, 403, "{what}: {}", refused.body);
            assert!(
                refused.set_cookies().is_empty(),
                "{what}: {:?}",
                refused.set_cookies()
            );
            assert_eq!(rows(&env).await, before, "{what}");
        }
        // No sign-in begins for a guest.
        for attack in attacks(&of_guest, &others, &others) {
            let what = format!(
                "a guest's {} {} with {}",
                route.method, route.path, attack.what
            );
            let answer = send(&mut guest, route, &id, &attack).await;
            // A guest's token is not valid for a route that needs a session. A form of our own
            // origin is then kept and shown again after the sign-in; it changes nothing.
            let kept = attack.kept_for_later() && !matches!(route.path, "/login" | "/logout");
            let expected = if kept { 303 } else { 403 };
            assert_eq!(answer.status, expected, "{what}: {}", answer.body);
            assert!(
                !kept
                    || answer
                        .location()
                        .starts_with("https://idp.school.example/sso?"),
                "{what}: {}",
                answer.location()
            );
        }
        env.db
            .run("DELETE FROM login_requests WHERE consumed_at IS NULL")
            .await;
        assert_eq!(rows(&env).await, before, "{} {}", route.method, route.path);
    }
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn our_own_form_is_accepted_with_and_without_fetch_metadata() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = app.browser();
    browser
        .sign_in(&env.idp, &identity("user1", &["students"]))
        .await;
    for (n, headers) in [
        vec![("origin", APP_URL)],
        vec![("sec-fetch-site", "same-origin")],
        vec![("origin", APP_URL), ("sec-fetch-site", "same-origin")],
    ]
    .into_iter()
    .enumerate()
    {
        let form = browser
            .get("/dns-records/new")
            .await
            .form("/dns-records/new");
        let form = form
            .with("subdomain", &format!("n{n}"))
            .with("type", "A")
            .with("value", "192.0.2.1");
        let mut request = browser
            .request(Method::POST, "/dns-records/new")
            .form(&form.fields);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let created = browser.send(request).await;
        assert_eq!(created.status, 303, "{}", created.body);
    }
    assert_eq!(browser.record_ids().await.len(), 3);
}
