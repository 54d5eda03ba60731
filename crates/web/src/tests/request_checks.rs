#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;

use super::test_app::{Browser, HOST, ORIGIN, TestApp, form_body};
use crate::{Protection, route_table};

fn example_path(path: &str) -> String {
    path.replace("{id}", "1")
        .replace("{path:.*}", "app.css")
        .replace("{part}", "chain")
}

#[actix_web::test]
async fn guests_are_redirected_from_protected_pages() {
    let test_app = TestApp::new().await;
    for info in route_table().filter(|info| info.method == Method::GET) {
        let path = example_path(info.path);
        let reply = Browser::new(&test_app).get(&path).await;
        if matches!(
            info.protection,
            Protection::Public | Protection::OptionalUser
        ) {
            assert!(!reply.location().starts_with("/login?redirectTo"), "{path}");
        } else if info.protection == Protection::Token {
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        } else {
            let expected = format!("/login?redirectTo={path}");
            assert_eq!(
                (reply.status, reply.location()),
                (StatusCode::SEE_OTHER, expected.as_str()),
                "{path}"
            );
        }
    }
}

#[actix_web::test]
async fn requests_for_other_hosts_are_refused() {
    let test_app = TestApp::new().await;
    for host in ["evil.example", "127.0.0.1", "x.user1.starchart.com"] {
        for path in [
            "/",
            "/login",
            "/sp",
            "/static/app.css",
            "/nowhere",
            "/dns-records/",
        ] {
            let reply = test_app
                .send(TestRequest::with_uri(path).insert_header(("host", host)))
                .await;
            assert_eq!(
                reply.status,
                StatusCode::MISDIRECTED_REQUEST,
                "{host} {path}"
            );
            assert!(!reply.body.contains(host));
            assert!(
                reply
                    .body
                    .contains("<a class=\"literal\" href=\"https://domains.example.edu\">"),
                "{}",
                reply.body
            );
        }
        for path in ["/healthcheck", "/version"] {
            assert_eq!(
                test_app
                    .send(TestRequest::with_uri(path).insert_header(("host", host)))
                    .await
                    .status,
                StatusCode::OK
            );
        }
    }
}

#[actix_web::test]
async fn unsupported_methods_and_paths_are_refused() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let plain = |method: &str, path: &str| {
        TestRequest::with_uri(path)
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .insert_header(("host", HOST))
    };
    for method in ["TRACE", "OPTIONS", "PUT", "PROPFIND", "CONNECTED"] {
        for path in ["/", "/dns-records", "/nowhere", "/dns-records/1"] {
            assert_eq!(
                browser.send(plain(method, path)).await.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
        }
    }
    let reply = browser.send(plain("PATCH", "/login")).await;
    assert_eq!(
        (
            reply.status,
            reply.headers.get("allow").unwrap().to_str().unwrap()
        ),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, POST")
    );
    for (method, path) in [("GET", "/nowhere"), ("PUT", "/dns-records")] {
        let signed_in = browser.send(plain(method, path)).await;
        assert!(
            signed_in.body.contains("id=\"header-user\">user1<"),
            "{method} {path}"
        );
        assert!(
            !test_app
                .send(plain(method, path))
                .await
                .body
                .contains("header-user"),
            "{method} {path}"
        );
    }
    assert_eq!(
        browser.send(plain("HEAD", "/login")).await.status,
        StatusCode::SEE_OTHER
    );
    let slash = browser.get("/dns-records/?a=b").await;
    assert_eq!(
        (slash.status, slash.location()),
        (StatusCode::MOVED_PERMANENTLY, "/dns-records?a=b")
    );
    assert_eq!(
        browser.get("//evil.example/").await.location(),
        "/evil.example"
    );
    assert_eq!(
        browser.get("/dns-records/1/2/3").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/static/../Cargo.toml").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        browser.get("/static/%2e%2e/Cargo.toml").await.status,
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn large_compressed_and_non_form_bodies_are_refused() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let post = |path: &str| {
        TestRequest::post()
            .uri(path)
            .insert_header(("host", HOST))
            .insert_header(("origin", ORIGIN))
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let declared = post("/login/callback")
        .insert_header(form)
        .insert_header(("content-length", "157286400"));
    assert_eq!(
        browser.send(declared).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let large = post("/dns-records/new")
        .insert_header(form)
        .set_payload(vec![b'a'; 65 * 1024]);
    assert_eq!(
        browser.send(large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let chunked = post("/login/callback")
        .insert_header(form)
        .insert_header(("transfer-encoding", "chunked"));
    assert_eq!(
        browser
            .send(chunked.set_payload(vec![b'a'; 600 * 1024]))
            .await
            .status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let bomb = post("/dns-records/new")
        .insert_header(form)
        .insert_header(("content-encoding", "gzip"))
        .set_payload("x");
    assert_eq!(
        browser.send(bomb).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    for kind in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
    ] {
        let foreign = post("/dns-records/new")
            .insert_header(("content-type", kind))
            .set_payload("subdomain=www");
        assert_eq!(
            browser.send(foreign).await.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind}"
        );
    }
}

#[actix_web::test]
async fn writes_are_rate_limited_per_user() {
    let test_app = TestApp::with(|config| config.limits.record_writes_per_minute = 3).await;
    let mut busy = Browser::signed_in(&test_app, "user1").await;
    let mut other = Browser::signed_in(&test_app, "user2").await;
    let mut replies = Vec::new();
    for _ in 0..4 {
        replies.push(busy.post("/dns-records/new", &[("type", "A")]).await);
    }
    assert!(
        replies[..3]
            .iter()
            .all(|reply| reply.status == StatusCode::UNPROCESSABLE_ENTITY)
    );
    assert_eq!(replies[3].status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = replies[3]
        .headers
        .get("retry-after")
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(
        other
            .post("/dns-records/new", &[("type", "A")])
            .await
            .status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[actix_web::test]
async fn machine_routes_answer() {
    let test_app = TestApp::new().await;
    let mut browser = Browser::new(&test_app);
    assert_eq!(
        browser.get("/healthcheck").await.body,
        "{\"status\":\"ok\"}"
    );
    assert!(
        browser
            .get("/version")
            .await
            .body
            .contains("\"commit\":\"abcdef0123\"")
    );
    let metadata = browser.get("/sp").await;
    assert!(
        metadata
            .headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("text/xml")
    );
    assert!(
        metadata
            .body
            .contains("https://domains.example.edu/login/callback")
    );
    let style = browser.get("/static/app.css?v=0.1.0-abcdef0").await;
    assert_eq!(
        style.headers.get("cache-control").unwrap(),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        browser
            .get("/static/app.css?v=other")
            .await
            .headers
            .get("cache-control")
            .unwrap(),
        "no-cache"
    );
    let etag = style
        .headers
        .get("etag")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let again = TestRequest::with_uri("/static/app.css")
        .insert_header(("host", HOST))
        .insert_header(("if-none-match", etag));
    assert_eq!(test_app.send(again).await.status, StatusCode::NOT_MODIFIED);
    assert!(
        browser
            .get("/manifest.json")
            .await
            .body
            .contains("My.Custom.Domain")
    );
    test_app.app.readiness.drain();
    let draining = browser.get("/healthcheck").await;
    assert_eq!(
        (draining.status, draining.body.as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "{\"status\":\"error\"}")
    );
    assert_eq!(
        browser.get("/login").await.status,
        StatusCode::OK,
        "requests are still answered"
    );
}

#[actix_web::test]
async fn kept_forms_and_sign_in_handles_of_guests_are_rate_limited() {
    let test_app = TestApp::with(|config| config.limits.sign_in_per_minute = 5).await;
    let value = "a".repeat(15 * 1024);
    let post = |path: &str, method: Method| {
        let request = TestRequest::with_uri(path)
            .method(method)
            .insert_header(("host", HOST))
            .insert_header(("origin", ORIGIN));
        let request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
        let fields = if path == "/dns-records/new" {
            vec![("value", value.as_str())]
        } else {
            vec![("id", "1")]
        };
        request.set_payload(form_body("x", &fields))
    };
    let writes = [
        ("/dns-records/new", Method::POST),
        ("/dns-records/1", Method::DELETE),
        ("/dns-records", Method::POST),
    ];
    for (path, method) in writes.iter().chain(&writes[..2]).cloned() {
        assert_eq!(
            test_app.send(post(path, method)).await.status,
            StatusCode::SEE_OTHER,
            "{path}"
        );
    }
    for (path, method) in writes {
        let reply = test_app.send(post(path, method)).await;
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(
            reply.headers.contains_key("retry-after") && reply.cookies().is_empty(),
            "{path}"
        );
    }
    let unknown = "/login/complete?h=x";
    for n in 0..6 {
        let status = test_app
            .send(TestRequest::with_uri(unknown).insert_header(("host", HOST)))
            .await
            .status;
        assert_eq!(
            status,
            if n < 5 {
                StatusCode::FORBIDDEN
            } else {
                StatusCode::TOO_MANY_REQUESTS
            },
            "{n}"
        );
    }
}
