//! Which requests a token is accepted for, and when it is not any more.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use starchart_domain::api::Protocol;
use starchart_domain::token::{Access, NamePattern, Networks, RecordRight, TokenRights};

use super::test_app::{Browser, HOST, Reply, TestApp};
use crate::{Channel, Protection, RouteInfo, route_table};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const TOKENS: &str = "/api/v1/auth/tokens/";

/// Rights to write all records.
fn all_records() -> TokenRights {
    TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: vec![],
        }],
        ..TokenRights::default()
    }
}

fn request(method: &Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(method.clone())
        .insert_header(("host", HOST))
}

async fn get_tokens(test_app: &TestApp, secret: &str) -> Reply {
    let authorization = format!("Token {secret}");
    let request = request(&Method::GET, TOKENS).insert_header(("authorization", authorization));
    test_app.send(request).await
}

fn example_path(route: &RouteInfo) -> String {
    route
        .path
        .replace("{id}", "1")
        .replace("{path:.*}", "app.css")
        .replace("{part}", "chain")
        .replace("{domain}", "user1.starchart.com")
        .replace("{subname}", "www")
        .replace("{type}", "A")
        .replace("{server}", "localhost")
        .replace("{zone}", "user1.starchart.com.")
}

#[actix_web::test]
async fn a_token_sees_itself_and_never_its_secret() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", all_records()).await;
    test_app.token("user1", TokenRights::default()).await;
    let reply = get_tokens(&test_app, &secret).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert!(reply.cookies().is_empty() && !reply.body.contains(&secret[11..]));
    let shown: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    let token = &shown[0];
    assert_eq!(token["prefix"], secret[..11]);
    assert_eq!(token["domain"], "user1.starchart.com");
    assert!(token["max_age"].is_string() && token["max_unused_period"].is_null());
    assert_eq!(token["allowed_subnets"][0], "0.0.0.0/0");
    assert_eq!(token["rights"]["records"][0]["names"], "all");
    assert!(!token["last_used"].is_null());

    let own = format!("{TOKENS}{}/", token["id"].as_str().unwrap());
    let authorization = ("authorization", format!("Bearer {secret}"));
    let send = |method: Method, path: &str| {
        test_app.send(request(&method, path).insert_header(authorization.clone()))
    };
    assert_eq!(send(Method::GET, &own).await.status, StatusCode::OK);
    for other in [format!("{TOKENS}2/"), format!("{TOKENS}x/")] {
        for method in [Method::GET, Method::DELETE] {
            let reply = send(method, &other).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{other}");
            let problem: Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(
                problem["detail"], "Not found.",
                "as deSEC's clients compare it"
            );
        }
    }
    let ended = send(Method::DELETE, &own).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    let refused = get_tokens(&test_app, &secret).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn routes_of_the_api_need_a_token_and_ignore_cookies() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let routes: Vec<_> = route_table()
        .filter(|info| info.protection == Protection::Token)
        .collect();
    assert!(!routes.is_empty());
    for route in routes {
        let what = format!("{} {}", route.method, route.path);
        let path = example_path(route);
        let guest = test_app.send(request(&route.method, &path)).await;
        let session = browser.send(request(&route.method, &path)).await;
        let wrong = request(&route.method, &path).insert_header(("authorization", "Token sc_x"));
        for reply in [guest, session, test_app.send(wrong).await] {
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{what}");
            assert!(reply.headers.contains_key("www-authenticate"), "{what}");
            assert!(reply.cookies().is_empty(), "{what}");
            let is_page = reply.body.contains("<html");
            assert!(!is_page && !reply.body.contains("user1"), "{what}");
        }
    }
}

#[actix_web::test]
async fn tokens_open_no_pages() {
    let test_app = TestApp::new().await;
    // An admin's token opens no page of admins either.
    let secret = test_app.token("user3", all_records()).await;
    Browser::signed_in(&test_app, "user3").await;
    let basic = STANDARD.encode(format!("user3:{secret}"));
    let pages = route_table().filter(|info| info.channel == Channel::Page);
    for route in pages.filter(|info| !matches!(info.protection, Protection::Public)) {
        for value in [format!("Token {secret}"), format!("Basic {basic}")] {
            let path = example_path(route);
            let query = format!("{path}?username=user3&password={secret}");
            let with = request(&route.method, &query)
                .insert_header(("authorization", value))
                .insert_header(("x-api-key", secret.as_str()));
            let with = test_app.send(with).await;
            let without = test_app.send(request(&route.method, &query)).await;
            let what = format!("{} {path}", route.method);
            assert_eq!(with.status, without.status, "{what}");
            // A sign-in has another request id each time.
            let target = |reply: &Reply| reply.location().split('?').next().map(str::to_owned);
            assert_eq!(target(&with), target(&without), "{what}");
            assert!(!with.body.contains("header-user"), "{what}");
        }
    }
}

#[actix_web::test]
async fn a_token_that_is_not_live_is_refused() {
    let test_app = TestApp::new().await;
    let ends: [(&str, &str); 4] = [
        ("ended", "UPDATE tokens SET ended_at = 1"),
        ("suspended", "UPDATE users SET suspended_at = 1"),
        ("deleted", "UPDATE users SET deleted_at = 1"),
        ("another hash", "UPDATE tokens SET hash = x'00'"),
    ];
    for (at, (what, sql)) in ends.into_iter().enumerate() {
        let secret = test_app.token(&format!("user1{at}"), all_records()).await;
        assert_eq!(get_tokens(&test_app, &secret).await.status, StatusCode::OK);
        test_app.execute_sql(sql).await;
        let reply = get_tokens(&test_app, &secret).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{what}");
        assert!(reply.body.contains("Invalid token."), "{}", reply.body);
    }
}

#[actix_web::test]
async fn a_token_ends_at_its_date_and_after_its_time_without_use() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", all_records()).await;
    let idle = test_app
        .token_with("user1", |new| new.idle_ms = Some(30 * DAY_MS))
        .await;
    let status = async |secret: &str, day: i64| {
        test_app.store.set_clock_offset(day * DAY_MS);
        get_tokens(&test_app, secret).await.status
    };
    for (day, expected) in [(29, StatusCode::OK), (58, StatusCode::OK)] {
        assert_eq!(status(&idle, day).await, expected, "{day}");
    }
    assert_eq!(
        status(&idle, 89).await,
        StatusCode::UNAUTHORIZED,
        "31 days unused"
    );
    assert_eq!(status(&secret, 89).await, StatusCode::OK);
    assert_eq!(
        status(&secret, 91).await,
        StatusCode::UNAUTHORIZED,
        "expired"
    );
}

#[actix_web::test]
async fn a_token_is_accepted_from_its_networks_only() {
    let proxies = |config: &mut crate::WebConfig| {
        config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    let test_app = TestApp::with(proxies).await;
    let networks = Networks::parse("192.0.2.0/24, 2001:db8::7").unwrap();
    let secret = test_app
        .token_with("user1", |new| new.networks = networks.clone())
        .await;
    for (peer, forwarded, is_accepted) in [
        ("192.0.2.9", "", true),
        ("198.51.100.1", "", false),
        ("198.51.100.1", "192.0.2.9", false),
        ("10.0.0.1", "192.0.2.9", true),
        ("10.0.0.1", "192.0.2.9, 198.51.100.1", false),
        ("10.0.0.1", "2001:db8::7", true),
        // Another address of the same /64.
        ("10.0.0.1", "2001:db8::8", false),
    ] {
        let mut request = request(&Method::GET, TOKENS)
            .insert_header(("authorization", format!("Token {secret}")))
            .peer_addr(format!("{peer}:1").parse().unwrap());
        if !forwarded.is_empty() {
            request = request.insert_header(("x-forwarded-for", forwarded));
        }
        let status = test_app.send(request).await.status;
        let what = format!("{peer} for {forwarded}");
        assert_eq!(status == StatusCode::OK, is_accepted, "{what}: {status}");
    }
}

#[actix_web::test]
async fn the_last_use_is_stored_once_a_minute() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", all_records()).await;
    let use_by = async |agent: &'static str| {
        let request = request(&Method::GET, TOKENS)
            .insert_header(("authorization", format!("Token {secret}")))
            .insert_header(("user-agent", agent))
            .peer_addr("192.0.2.9:1".parse().unwrap());
        assert_eq!(test_app.send(request).await.status, StatusCode::OK);
    };
    let count = async |agent: &str| {
        let sql = "SELECT COUNT(*) FROM tokens WHERE last_used_from = '192.0.2.9' AND ";
        let sql = format!("{sql} last_used_by = '{agent}'");
        test_app.query_number(&sql).await
    };
    use_by("lego/5").await;
    use_by("curl/8").await;
    assert_eq!((count("lego/5").await, count("curl/8").await), (1, 0));
    test_app.store.set_clock_offset(61_000);
    use_by("curl/8").await;
    assert_eq!(count("curl/8").await, 1);
}

#[actix_web::test]
async fn requests_are_counted_and_stored_together() {
    let test_app = TestApp::with(|config| config.api.requests_per_minute = 4).await;
    let secret = test_app
        .token_with("user1", |new| {
            new.rights = TokenRights::default();
            new.networks = Networks::parse("192.0.2.0/24").unwrap();
        })
        .await;
    let send = async |peer: &str, (name, value): (&str, String), path: &str| {
        let request = request(&Method::GET, path)
            .insert_header((name, value))
            .peer_addr(format!("{peer}:1").parse().unwrap());
        test_app.send(request).await.status.as_u16()
    };
    let token = || ("authorization", format!("Token {secret}"));
    let basic = STANDARD.encode(format!("user:{secret}"));
    let basic = || ("authorization", format!("Basic {basic}"));
    let host = "/nic/update?hostname=www.user1.starchart.com&myip=192.0.2.1";
    for (peer, header, path, status) in [
        ("192.0.2.1", token(), TOKENS, 200),
        ("192.0.2.1", token(), "/api/v1/certificate/", 403),
        ("192.0.2.1", token(), "/api/v1/records/1/", 404),
        ("198.51.100.1", token(), TOKENS, 401),
        // dyndns2 says it in the body.
        ("192.0.2.1", basic(), host, 200),
        ("192.0.2.1", token(), TOKENS, 429),
    ] {
        assert_eq!(send(peer, header, path).await, status, "{path}");
    }
    let rows = "SELECT COUNT(*) FROM token_usage";
    assert_eq!(
        test_app.query_number(rows).await,
        0,
        "nothing is written by a request"
    );
    test_app.app.store_token_usage().await;
    test_app.app.store_token_usage().await;
    assert_eq!(test_app.query_number(rows).await, 2);
    for (protocol, counts) in [("rest", [5, 2, 1, 1, 0]), ("dyndns", [1, 1, 0, 0, 0])] {
        let columns = ["requests", "refused", "throttled", "faulty", "failed"];
        for (column, count) in columns.into_iter().zip(counts) {
            let sql = format!("SELECT {column} FROM token_usage WHERE protocol = '{protocol}'");
            assert_eq!(
                test_app.query_number(&sql).await,
                count,
                "{protocol} {column}"
            );
        }
    }
}

#[actix_web::test]
async fn requests_are_limited_by_token_by_user_and_when_refused_by_address() {
    let slow = |config: &mut crate::WebConfig| config.api.requests_per_minute = 3;
    let test_app = TestApp::with(slow).await;
    let mut secrets = Vec::new();
    for _ in 0..3 {
        secrets.push(test_app.token("user1", all_records()).await);
    }
    let other = test_app.token("user2", all_records()).await;
    let mut statuses = Vec::new();
    // Three requests of each token, six of the user.
    for secret in [
        &secrets[0],
        &secrets[0],
        &secrets[0],
        &secrets[0],
        &secrets[1],
        &secrets[1],
        &secrets[1],
        &secrets[2],
    ] {
        statuses.push(get_tokens(&test_app, secret).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429, 200, 200, 200, 429]);
    assert_eq!(get_tokens(&test_app, &other).await.status, StatusCode::OK);
    let throttled = get_tokens(&test_app, &secrets[0]).await;
    let wait = throttled
        .headers
        .get("retry-after")
        .unwrap()
        .to_str()
        .unwrap();
    let sentence = format!("Request was throttled. Expected available in {wait} seconds.");
    assert!(throttled.body.contains(&sentence), "{}", throttled.body);

    let mut refused = Vec::new();
    while refused.last() != Some(&429) && refused.len() < 1_000 {
        refused.push(get_tokens(&test_app, "sc_x").await.status.as_u16());
    }
    assert!(refused.len() > 60, "{refused:?}");
    assert_eq!(refused.last(), Some(&429), "{refused:?}");
    assert_eq!(get_tokens(&test_app, &other).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_protocol_that_is_off_is_not_found() {
    let off = |config: &mut crate::WebConfig| {
        config.api.protocols.remove(&Protocol::Rest);
    };
    let test_app = TestApp::with(off).await;
    let secret = test_app.token("user1", all_records()).await;
    for route in route_table().filter(|info| info.channel == Channel::Rest) {
        let off = request(&route.method, &example_path(route))
            .insert_header(("authorization", format!("Token {secret}")));
        let reply = test_app.send(off).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", route.path);
    }
    let method = request(&Method::POST, TOKENS);
    assert_eq!(test_app.send(method).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn another_method_is_refused_in_the_words_of_the_channel() {
    let test_app = TestApp::new().await;
    let reply = test_app.send(request(&Method::POST, TOKENS)).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.headers.get("allow").unwrap(), "GET");
    let kind = reply.headers.get("content-type").unwrap();
    assert_eq!(kind, "application/problem+json");
}
