//! PowerDNS' API, with the requests that its clients send.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use serde_json::Value;
use starchart_domain::record::RecordType;
use starchart_domain::token::{Access, NamePattern, RecordRight, TokenRights};

use super::test_app::{HOST, Reply, TestApp};

const LOCALHOST: &str = "/api/v1/servers/localhost";
const ZONE: &str = "/api/v1/servers/localhost/zones/user1.starchart.com.";
const ROOT: &str = "/api/v1/servers/localhost/zones/starchart.com.";

fn writes(names: NamePattern, types: &[RecordType]) -> TokenRights {
    TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names,
            types: types.to_vec(),
        }],
        ..TokenRights::default()
    }
}

async fn send(test_app: &TestApp, secret: &str, (method, path, body): (&str, &str, &str)) -> Reply {
    let request = TestRequest::with_uri(path)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .insert_header(("host", HOST))
        .insert_header(("x-api-key", secret))
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_owned());
    test_app.send(request).await
}

/// A row of a table of requests: method, path, body, and the status and a part of the answer.
type Request<'a> = (&'a str, &'a str, &'a str, u16, &'a str);

async fn send_all(test_app: &TestApp, secret: &str, requests: &[Request<'_>]) {
    for (method, path, body, status, part) in requests.iter().copied() {
        let reply = send(test_app, secret, (method, path, body)).await;
        let what = format!("{method} {path} {body}: {}", reply.body);
        assert_eq!(reply.status.as_u16(), status, "{what}");
        assert!(reply.body.contains(part), "{what}");
    }
}

fn json(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[actix_web::test]
async fn clients_find_the_zone() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", writes(NamePattern::All, &[])).await;
    let id = r#""id":"user1.starchart.com.""#;
    send_all(
        &test_app,
        &secret,
        &[
            ("GET", "/api", "", 200, r#"[{"url":"/api/v1","version":1}]"#),
            ("GET", "/api/v1/servers", "", 200, r#""id":"localhost""#),
            (
                "GET",
                LOCALHOST,
                "",
                200,
                r#""daemon_type":"authoritative""#,
            ),
            (
                "GET",
                "/api/v1/servers/other",
                "",
                404,
                r#"{"error":"Not found."}"#,
            ),
            ("GET", &format!("{LOCALHOST}/zones"), "", 200, id),
            // Caddy asks for the zone that it found in the DNS.
            (
                "GET",
                &format!("{LOCALHOST}/zones?zone=starchart.com."),
                "",
                200,
                r#"[{"id":"starchart.com.","#,
            ),
            (
                "GET",
                &format!("{LOCALHOST}/zones?zone=user1.starchart.com"),
                "",
                200,
                r#"[{"id":"user1.starchart.com.","#,
            ),
            (
                "GET",
                &format!("{LOCALHOST}/zones?zone=user2.starchart.com."),
                "",
                200,
                "[]",
            ),
            // lexicon sends a body with everything.
            ("GET", ZONE, "{}", 200, r#""kind":"Native""#),
            ("GET", ZONE.trim_end_matches('.'), "", 200, id),
            ("GET", &ZONE.replace("user1", "USER1"), "", 200, id),
            (
                "GET",
                ROOT,
                "",
                200,
                r#""url":"/api/v1/servers/localhost/zones/starchart.com.""#,
            ),
            (
                "GET",
                &ZONE.replace("user1", "user2"),
                "",
                404,
                r#"{"error":"Not found."}"#,
            ),
            (
                "GET",
                &format!("{LOCALHOST}/zones/com."),
                "",
                404,
                r#"{"error":"Not found."}"#,
            ),
            ("PUT", &format!("{ZONE}/notify"), "", 200, "result"),
            (
                "PUT",
                &format!("{LOCALHOST}/zones/com./notify"),
                "",
                404,
                "Not found.",
            ),
            ("POST", &format!("{LOCALHOST}/zones"), "{}", 405, "error"),
            ("DELETE", ZONE, "", 405, "error"),
        ],
    )
    .await;
    let reply = send(&test_app, "sc_x", ("GET", ZONE, "")).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(json(&reply)["error"].is_string(), "{}", reply.body);
}

#[actix_web::test]
async fn rrsets_are_replaced_and_deleted() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", writes(NamePattern::All, &[])).await;
    let lexicon = r#"{"rrsets": [{"name": "_acme-challenge.www.user1.starchart.com.",
        "type": "TXT", "records": [{"content": "\"one\"", "disabled": false}], "ttl": 3600,
        "changetype": "REPLACE"}]}"#;
    let octodns = r#"{"rrsets": [
        {"name": "user1.starchart.com.", "type": "MX", "ttl": 300, "changetype": "REPLACE",
         "records": [{"content": "10 mx.example.com.", "disabled": false}]},
        {"name": "www.user1.starchart.com.", "type": "A", "ttl": 60, "changetype": "REPLACE",
         "records": [{"content": "192.0.2.1", "disabled": false}], "comments": []}]}"#;
    let lego_cleanup = r#"{"rrsets": [{"name": "_acme-challenge.www.user1.starchart.com.",
        "type": "TXT", "kind": "", "changetype": "DELETE", "ttl": 120, "records": []}]}"#;
    let cert_manager = r#"{"rrsets": [{"name": "www.user1.starchart.com.", "type": "A", "ttl": 60,
        "changetype": "REPLACE", "records": []}]}"#;
    send_all(
        &test_app,
        &secret,
        &[
            ("PATCH", ZONE, lexicon, 204, ""),
            ("PATCH", ROOT, octodns, 204, ""),
            (
                "GET",
                &format!("{ZONE}?rrsets=false"),
                "",
                200,
                r#""account":"""#,
            ),
            (
                "GET",
                &format!("{ZONE}?rrset_name=www.user1.starchart.com.&rrset_type=A"),
                "",
                200,
                r#""rrsets":[{"name":"www.user1.starchart.com.","type":"A","ttl":60,"#,
            ),
        ],
    )
    .await;
    let zone = json(&send(&test_app, &secret, ("GET", ZONE, "")).await);
    let root = json(&send(&test_app, &secret, ("GET", ROOT, "")).await);
    assert_eq!(zone["rrsets"], root["rrsets"]);
    assert_eq!(zone["rrsets"].as_array().unwrap().len(), 3, "{zone}");
    assert_eq!(zone["rrsets"][0]["records"][0]["content"], "\"one\"");
    assert_eq!(zone["rrsets"][0]["ttl"], 3_600);
    send_all(
        &test_app,
        &secret,
        &[
            ("PATCH", ROOT, lego_cleanup, 204, ""),
            ("PATCH", ROOT, lego_cleanup, 204, ""),
            ("PATCH", ZONE, cert_manager, 204, ""),
            ("PATCH", ZONE, r#"{"rrsets": []}"#, 204, ""),
        ],
    )
    .await;
    let zone = json(&send(&test_app, &secret, ("GET", ZONE, "")).await);
    assert_eq!(zone["rrsets"].as_array().unwrap().len(), 1, "{zone}");
    assert_eq!(zone["rrsets"][0]["type"], "MX");
    let external_dns = r#"{"rrsets": [{"name": "out.user1.starchart.com.", "type": "ALIAS",
        "ttl": 300, "changetype": "REPLACE", "records": [{"content": "host.example.net."}]}]}"#;
    let external_dns_delete = r#"{"rrsets": [{"name": "out.user1.starchart.com.",
        "type": "ALIAS", "changetype": "DELETE", "records": [{"content": "host.example.net."}]}]}"#;
    let dnscontrol = r#"{"name": "", "type": "", "nameservers": null, "rrsets": [{
        "name": "user1.starchart.com.", "type": "MX", "ttl": 0, "changetype": "DELETE",
        "records": null}]}"#;
    send_all(
        &test_app,
        &secret,
        &[
            ("PATCH", ZONE, external_dns, 204, ""),
            ("GET", ZONE, "", 200, r#""type":"CNAME","ttl":300"#),
            ("PATCH", ZONE, external_dns_delete, 204, ""),
            ("PATCH", ZONE, dnscontrol, 204, ""),
            ("GET", ZONE, "", 200, r#""rrsets":[]"#),
        ],
    )
    .await;
}

#[actix_web::test]
async fn a_change_that_is_refused_says_why_and_changes_nothing() {
    let test_app = TestApp::new().await;
    let secret = test_app.token("user1", writes(NamePattern::All, &[])).await;
    let patch = |name: &str, rtype: &str, content: &str| {
        let rrset = |name: &str, rtype: &str, content: &str| {
            serde_json::json!({
                "name": name,
                "type": rtype,
                "ttl": 300,
                "changetype": "REPLACE",
                "records": [{ "content": content, "disabled": false }],
            })
        };
        let good = rrset("good.user1.starchart.com.", "A", "192.0.2.1");
        let list = [good, rrset(name, rtype, content)];
        serde_json::json!({ "rrsets": list }).to_string()
    };
    let own = "www.user1.starchart.com.";
    for (name, rtype, content, part) in [
        ("www.user2.starchart.com.", "A", "192.0.2.1", "out of zone"),
        ("starchart.com.", "A", "192.0.2.1", "out of zone"),
        ("xuser1.starchart.com.", "A", "192.0.2.1", "out of zone"),
        ("www.example.com.", "A", "192.0.2.1", "out of zone"),
        (own, "A", "x", "RRset www.user1.starchart.com. IN A: "),
        (own, "NS", "ns.example.com.", "not offered"),
        (own, "TXT", "a b", "quotation marks"),
        (own, "MX", "mx.example.com.", "Priority"),
        (
            "_psl.user1.starchart.com.",
            "TXT",
            "\"x\"",
            "Public Suffix List",
        ),
        (
            "good.user1.starchart.com.",
            "A",
            "192.0.2.2",
            "same name and type",
        ),
        (
            "user1.starchart.com.",
            "CAA",
            "0 issue \"ca.example\"",
            "change the record on its page",
        ),
    ] {
        let body = patch(name, rtype, content);
        let reply = send(&test_app, &secret, ("PATCH", ROOT, &body)).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {}",
            reply.body
        );
        let error = json(&reply)["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{name} {rtype} {content}: {error}");
    }
    let disabled = patch(own, "A", "192.0.2.1").replace("false", "true");
    let extend = patch(own, "A", "192.0.2.1").replace("REPLACE", "EXTEND");
    for (body, part) in [
        (disabled.as_str(), "cannot be disabled"),
        (extend.as_str(), "REPLACE or DELETE"),
        ("{", "not what is expected"),
        ("{}", "not what is expected"),
        (
            r#"{"rrsets": [{"name": "www.user1.starchart.com."}]}"#,
            "not what is expected",
        ),
    ] {
        let reply = send(&test_app, &secret, ("PATCH", ZONE, body)).await;
        assert_eq!(
            reply.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {}",
            reply.body
        );
        assert!(reply.body.contains(part), "{body}: {}", reply.body);
    }
    assert_eq!(test_app.queue.wake_ups(), 0);
    assert_eq!(
        test_app
            .query_number("SELECT COUNT(*) FROM dns_records")
            .await,
        0
    );
}

#[actix_web::test]
async fn a_token_sees_and_changes_its_names_only() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let all = test_app.token("user1", writes(NamePattern::All, &[])).await;
    let rrset = |name: &str| {
        let body = serde_json::json!({ "rrsets": [{
            "name": name,
            "type": "A",
            "ttl": 300,
            "changetype": "REPLACE",
            "records": [{ "content": "192.0.2.1", "disabled": false }],
        }] });
        body.to_string()
    };
    for name in ["a.dev.user1.starchart.com.", "www.user1.starchart.com."] {
        let reply = send(&test_app, &all, ("PATCH", ZONE, &rrset(name))).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    }
    let dev = NamePattern::Subtree("dev".to_owned());
    let secret = test_app.token("user1", writes(dev, &[])).await;
    for path in [ZONE, ROOT] {
        let zone = json(&send(&test_app, &secret, ("GET", path, "")).await);
        assert_eq!(zone["rrsets"].as_array().unwrap().len(), 1, "{zone}");
        assert_eq!(zone["rrsets"][0]["name"], "a.dev.user1.starchart.com.");
    }
    for path in [ZONE, ROOT] {
        for (name, status) in [
            ("www.user1.starchart.com.", 422),
            ("user1.starchart.com.", 422),
            ("*.user1.starchart.com.", 422),
            ("www.user2.starchart.com.", 422),
            ("dev.user1.starchart.com.", 204),
            ("*.dev.user1.starchart.com.", 204),
        ] {
            let reply = send(&test_app, &secret, ("PATCH", path, &rrset(name))).await;
            assert_eq!(reply.status.as_u16(), status, "{name}: {}", reply.body);
        }
        let deletion = rrset("www.user1.starchart.com.").replace("REPLACE", "DELETE");
        let reply = send(&test_app, &secret, ("PATCH", path, &deletion)).await;
        assert_eq!(reply.status.as_u16(), 422, "{}", reply.body);
    }
    let zone = json(&send(&test_app, &all, ("GET", ZONE, "")).await);
    assert_eq!(zone["rrsets"].as_array().unwrap().len(), 4, "{zone}");
}
