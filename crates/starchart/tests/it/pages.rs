//! Every route: its answer to each kind of user, to other methods and hosts, and its headers.

use reqwest::Method;
use starchart_web::{RouteInfo, route_table};

use crate::app::{APP_URL, ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::raw::exchange;
use crate::truth::signed_in;

/// Each route with its answer to a guest, to the owner of the record in the path, and to another
/// user: the status, and the Location without its query, or that of the identity provider. A route
/// without a line fails the test.
const EXPECTED: &str = "
GET / | 303 /login | 200 | 200
POST / | to the IdP | 422 | 422
GET /login | 200 | 303 / | 303 /
POST /login | to the IdP | 303 / | 303 /
POST /login/callback | 403 | 403 | 403
GET /login/complete | 403 | 303 / | 303 /
GET /login/again | to the IdP | 303 / | 303 /
GET /logout | 303 / | 303 / | 303 /
POST /logout | 303 /login | 303 /logout | 303 /logout
GET /logout/callback | 303 /login | 303 /login | 303 /login
GET /sp | 200 | 200 | 200
GET /label | 303 /login | 303 / | 303 /
POST /label | to the IdP | 303 / | 303 /
GET /dns-records | 303 /login | 200 | 200
POST /dns-records | to the IdP | 303 /dns-records | 404
PATCH /dns-records | to the IdP | 303 /dns-records | 404
DELETE /dns-records | to the IdP | 303 /dns-records | 404
GET /dns-records/new | 303 /login | 200 | 200
POST /dns-records/new | to the IdP | 303 /dns-records | 303 /dns-records
POST /dns-records/new/check | to the IdP | 200 | 200
POST /dns-records/{id}/check | to the IdP | 200 | 404
GET /dns-records/selected | 303 /login | 404 | 404
POST /dns-records/selected | to the IdP | 422 | 422
GET /dns-records/paste | 303 /login | 200 | 200
POST /dns-records/paste | to the IdP | 422 | 422
GET /dns-records/zone-file | 303 /login | 200 | 200
GET /dns-records/zone-file/compare | 303 /login | 200 | 200
POST /dns-records/zone-file/compare | to the IdP | 422 | 422
GET /dns-records/states | 303 /login | 200 | 200
GET /dns-records/instructions | 303 /login | 200 | 200
GET /dns-records/history | 303 /login | 200 | 200
POST /dns-records/history | to the IdP | 404 | 404
GET /dns-records/{id} | 303 /login | 200 | 404
POST /dns-records/{id} | to the IdP | 303 /dns-records | 404
PATCH /dns-records/{id} | to the IdP | 303 /dns-records | 404
DELETE /dns-records/{id} | to the IdP | 303 /dns-records | 404
GET /dns-records/{id}/delete | 303 /login | 200 | 404
GET /dns-records/{id}/lookup | 303 /login | 200 | 404
POST /dns-records/{id}/lookup | to the IdP | 303 /dns-records/{id}/lookup | 404
GET /certificate | 303 /login | 200 | 200
POST /certificate | to the IdP | 303 /certificate | 303 /certificate
PATCH /certificate | to the IdP | 303 /certificate | 303 /certificate
DELETE /certificate | to the IdP | 303 /certificate | 303 /certificate
GET /certificate/state | 303 /login | 200 | 200
GET /certificate/information | 303 /login | 200 | 200
GET /certificate/delete | 303 /login | 303 /certificate | 303 /certificate
GET /certificate/revoke | 303 /login | 200 | 200
POST /certificate/revoke | to the IdP | 422 | 422
GET /certificate/download/privateKey | 303 /login | 404 | 404
GET /certificate/download/bundle | 303 /login | 404 | 404
GET /certificate/download/zip | 303 /login | 404 | 404
GET /certificate/download/kubernetes | 303 /login | 404 | 404
POST /certificate/machines | to the IdP | 303 /certificate | 303 /certificate
POST /certificate/download/p12 | to the IdP | 404 | 404
GET /certificate/download/{part} | 303 /login | 404 | 404
GET /admin | 303 /login | 303 / | 303 /
POST /admin | to the IdP | 303 / | 303 /
GET /admin/delete | 303 /login | 303 / | 303 /
GET /admin/words | 303 /login | 303 / | 303 /
POST /admin/words | to the IdP | 303 / | 303 /
GET /admin/tokens | 303 /login | 303 / | 303 /
POST /admin/tokens | to the IdP | 303 / | 303 /
GET /admin/trail | 303 /login | 303 / | 303 /
GET /tokens | 303 /login | 200 | 200
POST /tokens | to the IdP | 303 /tokens | 303 /tokens
GET /tokens/new | 303 /login | 200 | 200
POST /tokens/new | to the IdP | 422 | 422
GET /tokens/{id}/end | 303 /login | 404 | 404
# No cookie counts in the API.
GET /api/v1/auth/tokens/ | 401 | 401 | 401
GET /api/v1/auth/tokens/{id}/ | 401 | 401 | 401
DELETE /api/v1/auth/tokens/{id}/ | 401 | 401 | 401
GET /api/openapi.json | 200 | 200 | 200
GET /api/docs | 200 | 200 | 200
GET /api/v1/domains/ | 401 | 401 | 401
GET /api/v1/domains/{domain}/ | 401 | 401 | 401
GET /api/v1/domains/{domain}/zonefile/ | 401 | 401 | 401
GET /api/v1/domains/{domain}/rrsets/ | 401 | 401 | 401
POST /api/v1/domains/{domain}/rrsets/ | 401 | 401 | 401
PATCH /api/v1/domains/{domain}/rrsets/ | 401 | 401 | 401
PUT /api/v1/domains/{domain}/rrsets/ | 401 | 401 | 401
GET /api/v1/domains/{domain}/rrsets/{subname}/{type}/ | 401 | 401 | 401
PATCH /api/v1/domains/{domain}/rrsets/{subname}/{type}/ | 401 | 401 | 401
PUT /api/v1/domains/{domain}/rrsets/{subname}/{type}/ | 401 | 401 | 401
DELETE /api/v1/domains/{domain}/rrsets/{subname}/{type}/ | 401 | 401 | 401
GET /api/v1/records/ | 401 | 401 | 401
POST /api/v1/records/ | 401 | 401 | 401
GET /api/v1/records/{id}/ | 401 | 401 | 401
PATCH /api/v1/records/{id}/ | 401 | 401 | 401
DELETE /api/v1/records/{id}/ | 401 | 401 | 401
POST /api/v1/records/{id}/renew/ | 401 | 401 | 401
GET /api/v1/history/ | 401 | 401 | 401
GET /api/v1/certificate/ | 401 | 401 | 401
POST /api/v1/certificate/ | 401 | 401 | 401
GET /api/v1/certificate/{part}/ | 401 | 401 | 401
GET /api/v1/certificate/{part} | 401 | 401 | 401
GET /api/v1/account/ | 401 | 401 | 401
GET /api | 401 | 401 | 401
GET /api/v1/servers | 401 | 401 | 401
GET /api/v1/servers/{server} | 401 | 401 | 401
GET /api/v1/servers/{server}/zones | 401 | 401 | 401
GET /api/v1/servers/{server}/zones/{zone} | 401 | 401 | 401
PATCH /api/v1/servers/{server}/zones/{zone} | 401 | 401 | 401
PUT /api/v1/servers/{server}/zones/{zone}/notify | 401 | 401 | 401
POST /httpreq/present | 401 | 401 | 401
POST /httpreq/present/ | 401 | 401 | 401
POST /httpreq/cleanup | 401 | 401 | 401
POST /httpreq/cleanup/ | 401 | 401 | 401
POST /acme-dns/register | 401 | 401 | 401
POST /acme-dns/update | 401 | 401 | 401
POST /acme-dns/update/ | 401 | 401 | 401
GET /nic/update | 401 | 401 | 401
GET /nic/update/ | 401 | 401 | 401
GET /dyndns/update | 401 | 401 | 401
GET /dyndns/update/ | 401 | 401 | 401
GET /acme-dns/health | 200 | 200 | 200
GET /nic/address | 200 | 200 | 200
GET /healthcheck | 200 | 200 | 200
GET /alive | 200 | 200 | 200
GET /version | 200 | 200 | 200
GET /robots.txt | 200 | 200 | 200
GET /favicon.ico | 200 | 200 | 200
GET /manifest.json | 200 | 200 | 200
GET /static/{path:.*} | 200 | 200 | 200
";

/// Returns the lines of [`EXPECTED`]: the route, and its answers.
fn expected() -> impl Iterator<Item = (&'static str, [&'static str; 3])> {
    let lines = EXPECTED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| match line.split(" | ").collect::<Vec<_>>()[..] {
        [route, guest, owner, other] => (route, [guest, owner, other].map(in_full)),
        _ => panic!("not a route and three answers: {line}"),
    })
}

fn in_full(answer: &'static str) -> &'static str {
    match answer {
        "to the IdP" => "303 https://idp.school.example/sso",
        answer => answer,
    }
}

/// Returns what a route answers a guest, the owner of the record, and another user.
pub fn expected_of(route: &RouteInfo) -> [&'static str; 3] {
    let name = format!("{} {}", route.method, route.path);
    let found = expected().find(|(route, _)| *route == name);
    found.unwrap_or_else(|| panic!("no line for {name}")).1
}

fn path(route: &RouteInfo, id: &str) -> String {
    route
        .path
        .replace("{id}", id)
        .replace("{path:.*}", "app.css")
        .replace("{part}", "chain")
        .replace("{domain}", &format!("user1.{ROOT}"))
        .replace("{subname}", "www")
        .replace("{type}", "A")
        .replace("{server}", "localhost")
        .replace("{zone}", &format!("user1.{ROOT}."))
}

/// Sends the request to a route that its own page sends.
pub async fn ask(browser: &mut Browser, route: &RouteInfo, id: &str) -> Page {
    let method: Method = route.method.as_str().parse().unwrap();
    if method == Method::GET {
        return browser.get(&path(route, id)).await;
    }
    let page = if browser.is_signed_in().await {
        "/dns-records/new"
    } else {
        "/login"
    };
    let token = browser.get(page).await.csrf_token();
    let value = |name: &str| match name {
        "id" => id.to_owned(),
        "intent" if route.path == "/certificate" => match method {
            Method::DELETE => "delete-certificate".to_owned(),
            Method::PATCH => "renew-certificate".to_owned(),
            _ => "request-certificate".to_owned(),
        },
        "intent" if method == Method::DELETE => "delete-dns-record".to_owned(),
        "intent" => "renew-dns-record".to_owned(),
        "subdomain" => format!("n{}", rand::random::<u32>()),
        "type" => "A".to_owned(),
        "value" => "192.0.2.9".to_owned(),
        "entry" => "0".to_owned(),
        "password" => "correct-horse".to_owned(),
        _ => String::new(),
    };
    let mut form: Vec<(String, String)> = route
        .fields
        .iter()
        .filter(|name| **name != "sloUsername")
        .map(|name| ((*name).to_owned(), value(name)))
        .collect();
    form.push(("csrf_token".to_owned(), token));
    let request = browser
        .request(method, &path(route, id))
        .header("Origin", APP_URL)
        .header("Sec-Fetch-Site", "same-origin");
    browser.send(request.form(&form)).await
}

pub fn class(page: &Page) -> String {
    match page.location() {
        "" => page.status.to_string(),
        location => format!(
            "{} {}",
            page.status,
            location.split(['?', '#']).next().unwrap()
        ),
    }
}

#[tokio::test]
async fn every_route_answers_every_kind_of_user_as_listed() {
    let env = TestEnv::new().await.set("USER_DNS_RECORD_LIMIT", "1000");
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let mut other = signed_in(&env, &app, "user2").await;
    for route in route_table() {
        let [for_guest, for_owner, for_other] = expected_of(route);
        let (method, route_path) = (&route.method, route.path);
        if owner.session().is_none() || !owner.is_signed_in().await {
            owner = signed_in(&env, &app, "user1").await;
        }
        if other.session().is_none() {
            other = signed_in(&env, &app, "user2").await;
        }
        let name = format!("w{}", rand::random::<u32>());
        assert_eq!(owner.create(&name, "A", "192.0.2.1").await.status, 303);
        let id = env
            .db
            .number("SELECT MAX(id) FROM dns_records")
            .await
            .to_string();
        let before = row_of(&env, &id).await;
        let class = |page: &Page| class(page).replace(&format!("/{id}/"), "/{id}/");
        assert_eq!(
            class(&ask(&mut app.browser(), route, &id).await),
            for_guest,
            "{method} {route_path} for a guest"
        );
        assert_eq!(
            class(&ask(&mut other, route, &id).await),
            for_other,
            "{method} {route_path} for another user"
        );
        assert_eq!(
            row_of(&env, &id).await,
            before,
            "{method} {route_path}: the record is as it was"
        );
        assert_eq!(
            class(&ask(&mut owner, route, &id).await),
            for_owner,
            "{method} {route_path} for the owner"
        );
    }
    assert_eq!(route_table().count(), expected().count(), "a line too many");
}

async fn row_of(env: &TestEnv, id: &str) -> i64 {
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(updated_at + CRC32(input) + CRC32(fqdn)), 0) AS SIGNED) \
         FROM dns_records WHERE id = {id}"
    );
    env.db.number(&sql).await
}

#[tokio::test]
async fn get_requests_change_nothing() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    owner.create("www", "A", "192.0.2.1").await;
    let id = owner.record_ids().await.remove(0);
    let state = async || {
        let mut numbers = vec![row_of(&env, &id).await];
        for what in [
            "COUNT(*) FROM dns_records",
            "COUNT(*) FROM record_history",
            "COALESCE(SUM(generation), 0) FROM names",
            "COUNT(*) FROM users",
            "COUNT(*) FROM sessions WHERE ended_at IS NULL",
            "COUNT(*) FROM login_requests",
            "COUNT(*) FROM audit_trail",
        ] {
            numbers.push(
                env.db
                    .number(&format!("SELECT CAST((SELECT {what}) AS SIGNED)"))
                    .await,
            );
        }
        numbers
    };
    let before = state().await;
    for route in route_table().filter(|route| route.method.as_str() == "GET") {
        // As an image on a foreign page requests it, with the fields of unsafe routes in the query.
        for query in ["", "?intent=delete-dns-record&id=1", "?_method=DELETE"] {
            for method in [Method::GET, Method::HEAD] {
                let path = format!("{}{query}", path(route, &id));
                let request = owner
                    .request(method, &path)
                    .header("Sec-Fetch-Site", "cross-site");
                let status = owner.send(request).await.status;
                assert!(status < 500, "{path}: {status}");
            }
        }
    }
    assert_eq!(state().await, before);
    assert!(owner.is_signed_in().await);
}

#[tokio::test]
async fn other_methods_and_other_hosts_are_refused() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    for route in route_table() {
        let path = path(route, "1");
        let has = |method: &str| {
            route_table().any(|other| other.path == route.path && other.method == method)
        };
        let others = ["TRACE", "OPTIONS", "PUT", "BREW", "PROPFIND"].into_iter();
        for method in others.filter(|method| !has(method)) {
            let request = browser
                .request(method.parse().unwrap(), &path)
                .header("Origin", APP_URL);
            let refused = browser.send(request).await;
            assert_eq!(refused.status, 405, "{method} {path}: {}", refused.body);
            assert!(
                refused.header("allow").contains(route.method.as_str()),
                "{path}: {}",
                refused.header("allow")
            );
        }
        for host in [
            "evil.example",
            &format!("x.user1.{ROOT}"),
            "127.0.0.1",
            "names.school.example.evil.example",
        ] {
            let head = format!(
                "{} {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: names.school.example\r\n\
                 X-Forwarded-Proto: https\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
                route.method
            );
            let answer = exchange(app.port, head, Vec::new(), 0).await;
            let expected = if route.any_host { 200 } else { 421 };
            assert_eq!(
                answer.status(),
                expected,
                "{} {path} for {host}: {}",
                route.method,
                answer.text()
            );
            assert!(
                !answer.text().contains(host),
                "it is repeated nowhere: {}",
                answer.text()
            );
        }
    }
    let two = "GET /login HTTP/1.1\r\nHost: names.school.example\r\nHost: evil.example\r\n\
               Connection: close\r\n\r\n";
    let status = exchange(app.port, two.to_owned(), Vec::new(), 0)
        .await
        .status();
    assert!((400..500).contains(&status), "two hosts: {status}");
    for path in [
        "/nowhere",
        "/dns-records/x/y",
        "/.env",
        "/static/../Cargo.toml",
        "/static/%2e%2e/app.rs",
        "/DNS-RECORDS",
    ] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    owner.create("www", "A", "192.0.2.1").await;
    let id = owner.record_ids().await.remove(0);
    let mut pages: Vec<(String, Page)> = Vec::new();
    for (who, mut browser) in [("guest", app.browser()), ("owner", owner)] {
        for route in route_table() {
            // A sign-out would make the browser a guest.
            if route.path == "/logout" && route.method.as_str() == "POST" {
                continue;
            }
            pages.push((
                format!("{who}: {} {}", route.method, route.path),
                ask(&mut browser, route, &id).await,
            ));
        }
        for path in ["/nowhere", "/dns-records/999999999", "/dns-records/"] {
            pages.push((format!("{who}: {path}"), browser.get(path).await));
        }
    }
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                  font-src 'self'; connect-src 'self'; manifest-src 'self'; \
                  form-action 'self' https://idp.school.example; base-uri 'none'; \
                  frame-ancestors 'none'";
    for (what, page) in &pages {
        assert!(page.status < 500, "{what}: {}", page.body);
        for (name, value) in [
            ("content-security-policy", policy),
            (
                "strict-transport-security",
                "max-age=31536000; includeSubDomains",
            ),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(page.header(name), value, "{what}: {name}");
        }
        assert!(
            page.header("access-control-allow-origin").is_empty()
                && page.header("server").is_empty(),
            "{what}"
        );
        assert!(page.header("x-request-id").len() >= 16, "{what}");
        let is_file = ["/static", "/favicon", "/manifest"]
            .iter()
            .any(|file| what.contains(file));
        assert!(
            is_file || page.header("cache-control") == "no-store",
            "{what}: {}",
            page.header("cache-control")
        );
        if page.header("content-type").starts_with("text/html") {
            no_inline_code(what, &page.body);
        }
    }
    assert!(
        pages
            .iter()
            .filter(|(_, page)| page.header("content-type").starts_with("text/html"))
            .count()
            > 15
    );
}

/// Asserts that a page has no inline script or style, and no event or style attribute. Text between
/// quotes is an attribute's value and is skipped.
pub fn no_inline_code(what: &str, body: &str) {
    let mut rest = body;
    while let Some((_, from)) = rest.split_once('<') {
        let mut tag = String::new();
        let mut end = from.len();
        let mut quoted = false;
        for (at, c) in from.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = at;
                    break;
                }
                _ if quoted => continue,
                _ => {}
            }
            tag.push(c.to_ascii_lowercase());
        }
        let whole = &from[..end];
        assert!(!tag.starts_with("style"), "{what}: <{whole}>");
        assert!(
            !tag.starts_with("script") || whole.contains("src=\"/static/"),
            "{what}: <{whole}>"
        );
        let names = tag
            .split_whitespace()
            .skip(1)
            .map(|part| part.split('=').next().unwrap());
        for name in names {
            assert!(
                !name.starts_with("on") && name != "style" && name != "srcdoc",
                "{what}: <{whole}>"
            );
        }
        let runs = ["href", "src", "action"].map(|name| format!("{name}=\"javascript:"));
        assert!(
            !runs.iter().any(|link| whole.to_lowercase().contains(link)),
            "{what}: <{whole}>"
        );
        rest = &from[end..];
    }
}

#[tokio::test]
async fn health_checks_and_old_bookmarks_are_answered() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut guest = app.browser();
    for (slashed, clean) in [
        ("/dns-records/", "/dns-records"),
        (
            "/login/?redirectTo=/dns-records",
            "/login?redirectTo=/dns-records",
        ),
        ("/dns-records/instructions///", "/dns-records/instructions"),
        ("/evil.example/", "/evil.example"),
    ] {
        let moved = guest.get(slashed).await;
        assert_eq!((moved.status, moved.location()), (301, clean), "{slashed}");
    }
    let away = exchange(
        app.port,
        "GET //evil.example/ HTTP/1.1\r\nHost: names.school.example\r\nConnection: close\r\n\r\n"
            .to_owned(),
        Vec::new(),
        0,
    )
    .await;
    assert!(
        !away.text().to_lowercase().contains("location: //"),
        "{}",
        away.text()
    );

    let version = guest.get("/version").await;
    let version: serde_json::Value = serde_json::from_str(&version.body).unwrap();
    for key in ["version", "commit", "built", "schema"] {
        assert!(
            version[key].as_str().is_some_and(|value| !value.is_empty()),
            "{key}: {version}"
        );
    }
    let health = guest.get("/healthcheck").await;
    assert_eq!(
        (health.status, health.body.as_str()),
        (200, "{\"status\":\"ok\"}")
    );
    let metadata = guest.get("/sp").await;
    assert!(
        metadata.header("content-type").starts_with("text/xml"),
        "{}",
        metadata.header("content-type")
    );
    assert!(
        metadata
            .body
            .contains(&format!("entityID=\"{APP_URL}/sp\"")),
        "{}",
        metadata.body
    );
    assert!(
        metadata
            .body
            .contains(&format!("Location=\"{APP_URL}/login/callback\"")),
        "{}",
        metadata.body
    );

    let ask = |encoding: &str| {
        format!(
            "GET /login HTTP/1.1\r\nHost: names.school.example\r\nAccept-Encoding: {encoding}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    for (encoding, magic) in [
        ("identity", b"<!DOCTYPE".as_slice()),
        ("gzip", &[0x1f, 0x8b]),
    ] {
        let answer = exchange(app.port, ask(encoding), Vec::new(), 0).await;
        assert_eq!(
            answer
                .text()
                .to_lowercase()
                .contains("content-encoding: gzip"),
            encoding == "gzip",
            "{}",
            answer.text()
        );
        assert!(
            answer
                .answer
                .windows(magic.len())
                .any(|octets| octets == magic),
            "{encoding}"
        );
    }
}
