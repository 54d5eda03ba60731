//! Records, their history, the certificate and the account.

use super::*;

const RECORDS: &str = "/api/v1/records/";

#[actix_web::test]
async fn a_record_is_created_changed_renewed_and_deleted() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let new = r#"{"subname":"www","type":"A","value":"10.0.0.1","description":"web"}"#;
    let created = client.send(Method::POST, RECORDS, Some(new)).await;
    assert_eq!(created.status, StatusCode::ACCEPTED, "{}", created.body);
    let record = json(&created);
    let url = record["url"].as_str().unwrap();
    assert_eq!(created.location(), url);
    assert_eq!(record["state"]["key"], "saved");
    assert_eq!(record["name"], "www.user1.starchart.com.");
    assert_eq!(record["description"], "web");
    assert!(record["warnings"].is_array(), "a private address");
    let path = url.strip_prefix("https://domains.example.edu").unwrap();
    let first = created.header("etag").to_owned();
    assert_eq!(client.get(path).await.header("etag"), first);

    let edit = r#"{"value":"203.0.113.9","description":null,"ports":"80"}"#;
    let with = [("if-match", first.as_str())];
    let edited = client
        .send_with(Method::PATCH, path, &with, Some(edit))
        .await;
    assert_eq!(edited.status, StatusCode::ACCEPTED, "{}", edited.body);
    let record = json(&edited);
    assert_eq!(record["value"], "203.0.113.9");
    assert_eq!(
        (&record["description"], &record["ports"]),
        (&Value::Null, &"80".into())
    );
    for (method, body) in [(Method::PATCH, Some(edit)), (Method::DELETE, None)] {
        let stale = client.send_with(method, path, &with, body).await;
        assert_eq!(
            stale.status,
            StatusCode::PRECONDITION_FAILED,
            "{}",
            stale.body
        );
    }
    let renewed = client
        .send(Method::POST, &format!("{path}renew/"), None)
        .await;
    assert_eq!(renewed.status, StatusCode::OK, "{}", renewed.body);
    let moved = r#"{"subname":"web","ttl":600}"#;
    let moved = json(&client.send(Method::PATCH, path, Some(moved)).await);
    assert_eq!(moved["subname"], "web");
    assert_eq!(
        (&moved["ttl"], &moved["ports"]),
        (&600.into(), &"80".into())
    );
    let now = client.get(path).await.header("etag").to_owned();
    let with = [("if-match", now.as_str())];
    let deleted = client.send_with(Method::DELETE, path, &with, None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.body);
    client
        .send_all(&[
            ("GET", path, "", 404, "Not found."),
            ("PATCH", path, "{}", 404, "Not found."),
            ("DELETE", path, "", 404, "Not found."),
            ("POST", &format!("{path}renew/"), "", 404, "Not found."),
            ("GET", "/api/v1/records/x/", "", 404, "Not found."),
            ("GET", RECORDS, "", 200, "[]"),
        ])
        .await;
    let history = json(&client.get("/api/v1/history/").await);
    let actions: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["delete", "edit", "renew", "edit", "create"]);
    assert!(
        history[0]["token"].as_str().unwrap().contains("sc_"),
        "{history}"
    );
    let of_record = format!("/api/v1/history/?record={}", record["id"]);
    assert_eq!(json(&client.get(&of_record).await), history);
    client
        .send_all(&[
            ("GET", "/api/v1/history/?record=99", "", 200, "[]"),
            ("GET", "/api/v1/history/?record=x", "", 400, "no number"),
            ("GET", "/api/v1/history/?cursor=x", "", 400, "cursor"),
        ])
        .await;
}

#[actix_web::test]
async fn a_record_is_refused_field_by_field() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    client
        .send_all(&[
            ("POST", RECORDS, "{", 400, "JSON parse error"),
            ("POST", RECORDS, "{}", 400, "missing field"),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"A","value":"x"}"#,
                422,
                r#""value""#,
            ),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"A","value":"192.0.2.1","owner":2}"#,
                400,
                "unknown field",
            ),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"NS","value":"a."}"#,
                422,
                r#""type""#,
            ),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"MX","value":"mx.example.com."}"#,
                422,
                r#""pointer":"/value","detail":"Priority is"#,
            ),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"TXT","value":"a b"}"#,
                422,
                "quotation",
            ),
            (
                "POST",
                RECORDS,
                r#"{"subname":"w","type":"A","value":"192.0.2.1","ttl":1}"#,
                422,
                r#""ttl""#,
            ),
            // The user's certificate would not be renewed any more.
            (
                "POST",
                RECORDS,
                r#"{"subname":"","type":"CAA","value":"0 issue \"ca.example\""}"#,
                409,
                r#""confirm""#,
            ),
        ])
        .await;
    let caa = r#"{"subname":"","type":"CAA","value":"0 issue \"ca.example\""}"#;
    let asked = json(&client.send(Method::POST, RECORDS, Some(caa)).await);
    let confirm = asked["confirm"].as_str().unwrap();
    let confirm: String = url::form_urlencoded::byte_serialize(confirm.as_bytes()).collect();
    let path = format!("{RECORDS}?confirm={confirm}");
    let confirmed = client.send(Method::POST, &path, Some(caa)).await;
    assert_eq!(confirmed.status, StatusCode::ACCEPTED, "{}", confirmed.body);
    assert_eq!(test_app.queue.wake_ups(), 1);
}

#[actix_web::test]
async fn other_types_of_bodies_are_refused() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let form = TestRequest::post()
        .uri(RECORDS)
        .insert_header(("host", HOST))
        .insert_header(("authorization", format!("Token {}", client.secret)))
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload("subname=www&type=A&value=192.0.2.1");
    let refused = test_app.send(form).await;
    assert_eq!(
        refused.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "{}",
        refused.body
    );
}

#[actix_web::test]
async fn a_record_of_another_user_or_beyond_the_rights_is_not_found() {
    let test_app = TestApp::new().await;
    let owner = Client::new(&test_app, "user1", everything()).await;
    let new = r#"{"subname":"www","type":"A","value":"203.0.113.9"}"#;
    let created = json(&owner.send(Method::POST, RECORDS, Some(new)).await);
    let path = format!("{RECORDS}{}/", created["id"]);
    let renew = format!("{path}renew/");
    let dev = || NamePattern::Subtree("dev".to_owned());
    let others = [
        Client::new(&test_app, "user2", everything()).await,
        Client::new(&test_app, "user1", records(Access::Write, dev(), &[])).await,
        Client::new(&test_app, "user1", TokenRights::default()).await,
    ];
    for client in &others {
        client
            .send_all(&[
                ("GET", &path, "", 404, "Not found."),
                (
                    "PATCH",
                    &path,
                    r#"{"value":"192.0.2.1"}"#,
                    404,
                    "Not found.",
                ),
                ("DELETE", &path, "", 404, "Not found."),
                ("POST", &renew, "", 404, "Not found."),
                ("GET", RECORDS, "", 200, "[]"),
                ("GET", "/api/v1/history/", "", 200, "[]"),
            ])
            .await;
    }
    let all = NamePattern::All;
    let reader = Client::new(&test_app, "user1", records(Access::Read, all, &[])).await;
    reader
        .send_all(&[
            ("GET", &path, "", 200, "203.0.113.9"),
            ("PATCH", &path, r#"{"value":"192.0.2.1"}"#, 403, "detail"),
            ("DELETE", &path, "", 403, "detail"),
            ("POST", &renew, "", 403, "detail"),
            ("POST", RECORDS, new, 403, "detail"),
        ])
        .await;
}

#[actix_web::test]
async fn the_certificate_is_requested_and_downloaded_by_its_rights() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let certificate = "/api/v1/certificate/";
    let key = "/api/v1/certificate/key/";
    client
        .send_all(&[
            (
                "GET",
                certificate,
                "",
                200,
                r#""certificate":null,"order":null"#,
            ),
            ("GET", key, "", 404, "Not found."),
            ("POST", certificate, "", 202, r#""step":"requested""#),
            ("POST", certificate, "", 409, "pending"),
            ("GET", certificate, "", 200, r#""step":"requested""#),
        ])
        .await;
    let nothing = Client::new(&test_app, "user1", TokenRights::default()).await;
    nothing
        .send_all(&[
            ("GET", certificate, "", 403, "detail"),
            ("GET", key, "", 403, "detail"),
            ("POST", certificate, "", 403, "detail"),
            (
                "GET",
                "/api/v1/account/",
                "",
                200,
                r#""domain":"user1.starchart.com""#,
            ),
        ])
        .await;
}
