//! Domains and RRsets, as clients of deSEC's API ask for them.

use super::*;

const RRSETS: &str = "/api/v1/domains/user1.starchart.com/rrsets/";

#[actix_web::test]
async fn a_client_of_desec_finds_its_domain() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let domain = r#""name":"user1.starchart.com""#;
    client
        .send_all(&[
            ("GET", "/api/v1/domains/", "", 200, domain),
            ("GET", "/api/v1/domains/?cursor=", "", 200, domain),
            (
                "GET",
                "/api/v1/domains/?owns_qname=_acme-challenge.www.user1.starchart.com",
                "",
                200,
                r#""minimum_ttl":60"#,
            ),
            (
                "GET",
                "/api/v1/domains/?owns_qname=USER1.Starchart.com.",
                "",
                200,
                domain,
            ),
            (
                "GET",
                "/api/v1/domains/?owns_qname=user2.starchart.com",
                "",
                200,
                "[]",
            ),
            (
                "GET",
                "/api/v1/domains/?owns_qname=xuser1.starchart.com",
                "",
                200,
                "[]",
            ),
            (
                "GET",
                "/api/v1/domains/?owns_qname=starchart.com",
                "",
                200,
                "[]",
            ),
            (
                "GET",
                "/api/v1/domains/user1.starchart.com/",
                "",
                200,
                r#""keys":[]"#,
            ),
            (
                "GET",
                "/api/v1/domains/User1.Starchart.com/",
                "",
                200,
                domain,
            ),
            (
                "GET",
                "/api/v1/domains/user2.starchart.com/zonefile/",
                "",
                404,
                "Not found.",
            ),
        ])
        .await;
    let absent = client.get("/api/v1/domains/user2.starchart.com/").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    assert_eq!(
        absent.body, r#"{"detail":"Not found."}"#,
        "octodns compares it"
    );
    let path = "/api/v1/domains/user1.starchart.com/zonefile/";
    let zone_file = client.get(path).await;
    assert_eq!(
        zone_file.header("content-type"),
        "text/dns",
        "desec-dns compares it"
    );
    let listed = json(&client.get("/api/v1/domains/").await);
    assert!(listed[0].get("keys").is_none(), "{listed}");
    assert!(!listed[0]["created"].is_null(), "{listed}");
}

#[actix_web::test]
async fn rrsets_are_created_changed_and_deleted_one_by_one() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let www = format!("{RRSETS}www/A/");
    let dots = format!("{RRSETS}www.../A/");
    let base = format!("{RRSETS}@/TXT/");
    let base_dots = format!("{RRSETS}.../TXT/");
    let text = format!("{RRSETS}t/TXT/");
    let new = r#"{"subname":"www","type":"A","ttl":3600,"records":["192.0.2.1"]}"#;
    client
        .send_all(&[
            ("GET", &www, "", 404, "Not found."),
            (
                "PATCH",
                &www,
                r#"{"records":["192.0.2.1"]}"#,
                404,
                "Not found.",
            ),
            (
                "PUT",
                &www,
                r#"{"records":["192.0.2.1"]}"#,
                404,
                "Not found.",
            ),
            ("DELETE", &www, "", 204, ""),
            (
                "POST",
                RRSETS,
                new,
                201,
                r#""name":"www.user1.starchart.com.""#,
            ),
            (
                "POST",
                RRSETS,
                new,
                400,
                r#""non_field_errors":["Another RRset"#,
            ),
            (
                "GET",
                &www,
                "",
                200,
                r#""records":["192.0.2.1"],"ttl":3600"#,
            ),
            ("GET", &dots, "", 200, r#""subname":"www""#),
            (
                "PATCH",
                &www,
                r#"{"ttl":60}"#,
                200,
                r#""records":["192.0.2.1"],"ttl":60"#,
            ),
            // nrdcg/desec sends an empty name.
            (
                "PATCH",
                &dots,
                r#"{"subname":"","records":["192.0.2.2"]}"#,
                200,
                r#""records":["192.0.2.2"],"ttl":60"#,
            ),
            (
                "PATCH",
                &www,
                r#"{"subname":"x"}"#,
                400,
                r#""subname":["Can only be written"#,
            ),
            (
                "PATCH",
                &www,
                r#"{"type":"TXT"}"#,
                400,
                r#""pointer":"/type","detail":"Can only be written"#,
            ),
            (
                "PATCH",
                &www,
                r#"{"records":["x"]}"#,
                400,
                r#""pointer":"/records/0""#,
            ),
            (
                "PATCH",
                &www,
                r#"{"records":"x"}"#,
                400,
                r#""records":["Expected a list"#,
            ),
            (
                "PATCH",
                &www,
                r#"{"ttl":5}"#,
                400,
                r#""ttl":["A TTL is at least 1 minute"#,
            ),
            (
                "PATCH",
                &www,
                r#"{"ttl":-5}"#,
                400,
                r#""ttl":["Expected a whole number."]"#,
            ),
            ("PATCH", &www, "[]", 400, "non_field_errors"),
            ("PATCH", &www, "{", 400, "JSON parse error"),
            (
                "PUT",
                &www,
                r#"{"ttl":60}"#,
                400,
                r#""records":["This field is required."]"#,
            ),
            (
                "PUT",
                &www,
                r#"{"ttl":90,"records":["192.0.2.3"]}"#,
                200,
                r#""ttl":90"#,
            ),
            ("PATCH", &www, r#"{"records":[]}"#, 204, ""),
            ("GET", &www, "", 404, "Not found."),
            (
                "POST",
                RRSETS,
                r#"{"type":"TXT","records":["\"v=spf1 -all\""]}"#,
                201,
                r#""subname":"","name":"user1.starchart.com.""#,
            ),
            ("GET", &base, "", 200, r#""records":["\"v=spf1 -all\""]"#),
            ("GET", &base_dots, "", 200, r#""type":"TXT""#),
            ("PUT", &base_dots, r#"{"records":[]}"#, 204, ""),
            (
                "POST",
                RRSETS,
                r#"{"subname":"t","type":"TXT","records":["a b"]}"#,
                400,
                "Value 1:",
            ),
            (
                "POST",
                RRSETS,
                r#"{"subname":"t","type":"TXT"}"#,
                400,
                "This field is required.",
            ),
            (
                "POST",
                RRSETS,
                r#"{"subname":"t","records":[]}"#,
                400,
                r#""pointer":"/type","detail":"This field"#,
            ),
            (
                "POST",
                RRSETS,
                r#"{"subname":"t","type":"NS","records":["a."]}"#,
                400,
                "SSHFP",
            ),
            (
                "POST",
                RRSETS,
                r#"{"subname":"t","type":"TXT","records":[]}"#,
                400,
                "at least one",
            ),
            ("GET", &text, "", 404, "Not found."),
            ("GET", &format!("{RRSETS}t/NS/"), "", 404, "Not found."),
            (
                "POST",
                &format!("{RRSETS}?wait=never"),
                new,
                400,
                "wait is in_sync",
            ),
        ])
        .await;
}

#[actix_web::test]
async fn lists_are_changed_together_or_not_at_all() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let validation = r#"{"subname":"_acme-challenge.www","type":"TXT","ttl":60,"#;
    let one = format!(r#"[{validation}"records":["\"one\""]}}]"#);
    let two = format!(r#"[{validation}"records":["\"one\"","\"two\""]}}]"#);
    let none = format!(r#"[{validation}"records":[]}}]"#);
    let faulty = r#"[
        {"subname":"good","type":"A","records":["192.0.2.1"]},
        {"subname":"bad","type":"A","ttl":1,"records":["192.0.2.1","x"]},
        {"subname":"good","type":"a","records":["192.0.2.2"]}
    ]"#;
    let patch = r#"[
        {"subname":"b","type":"A","records":["192.0.2.1"]},
        {"subname":"","type":"MX","records":["10 mx.example.com."]},
        {"subname":"absent","type":"A","records":[]}
    ]"#;
    let again = r#"[{"subname":"b","type":"A","ttl":900},{"subname":"","type":"MX","records":[]}]"#;
    client
        .send_all(&[
            // As certbot-dns-desec does.
            ("PUT", RRSETS, &one, 200, r#""records":["\"one\""]"#),
            (
                "PUT",
                RRSETS,
                &two,
                200,
                r#""records":["\"one\"","\"two\""]"#,
            ),
            ("PUT", RRSETS, &none, 200, "[]"),
            ("POST", RRSETS, "[]", 201, "[]"),
            ("PATCH", RRSETS, patch, 200, r#""10 mx.example.com.""#),
            ("PATCH", RRSETS, again, 200, r#""ttl":900"#),
            ("POST", RRSETS, patch, 400, "Another RRset"),
            ("PATCH", RRSETS, r#"["x"]"#, 400, "Expected a dictionary"),
            ("PATCH", RRSETS, "7", 400, "Expected a dictionary"),
            (
                "GET",
                &format!("{RRSETS}?type=A&subname=b"),
                "",
                200,
                r#""subname":"b""#,
            ),
            ("GET", &format!("{RRSETS}?type=TXT"), "", 200, "[]"),
            ("GET", &format!("{RRSETS}?subname="), "", 200, "[]"),
        ])
        .await;
    let refused = client.send(Method::PATCH, RRSETS, Some(faulty)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let faults = json(&refused);
    assert_eq!(faults[0], serde_json::json!({}));
    assert!(
        faults[1]["ttl"].is_array() && faults[1]["records"].is_array(),
        "{faults}"
    );
    assert!(faults[2]["non_field_errors"].is_array(), "{faults}");
    let listed = json(&client.get(RRSETS).await);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[actix_web::test]
async fn long_lists_come_in_pages() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let items: Vec<String> = (0..1_001)
        .map(|n| format!(r#"{{"subname":"h{n}","type":"A","records":["192.0.2.1"]}}"#))
        .collect();
    for part in items.chunks(400) {
        let body = format!("[{}]", part.join(","));
        let created = client.send(Method::POST, RRSETS, Some(&body)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    }
    let refused = client.get(RRSETS).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("Pagination required"),
        "{}",
        refused.body
    );
    let link = |reply: &Reply, relation: &str| -> Option<String> {
        // As desec-dns does.
        let entries = reply.header("link").split(", ");
        let mut found = entries.filter_map(|entry| {
            let (url, attribute) = entry.split_once("; ")?;
            let is_wanted = attribute == format!("rel=\"{relation}\"");
            is_wanted.then(|| url.trim_matches(['<', '>']).to_owned())
        });
        let url = found.next()?;
        url.strip_prefix("https://domains.example.edu")
            .map(str::to_owned)
    };
    let mut next = link(&refused, "first");
    let (mut seen, mut previous) = (Vec::new(), None::<String>);
    while let Some(path) = next {
        let page = client.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let back = link(&page, "prev");
        assert_eq!(back, previous, "the page before {path}");
        for rrset in json(&page).as_array().unwrap() {
            seen.push(rrset["subname"].as_str().unwrap().to_owned());
        }
        next = link(&page, "next");
        previous = Some(path);
    }
    assert_eq!(seen.len(), 1_001);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1_001);
    let wrong = client.get(&format!("{RRSETS}?cursor=%21")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn a_token_sees_and_changes_what_its_rights_cover() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let owner = Client::new(&test_app, "user1", everything()).await;
    let all = r#"[
        {"subname":"dev","type":"A","records":["192.0.2.1"]},
        {"subname":"a.dev","type":"TXT","records":["\"a\""]},
        {"subname":"","type":"A","records":["192.0.2.1"]},
        {"subname":"*","type":"A","records":["192.0.2.1"]}
    ]"#;
    let created = owner.send(Method::POST, RRSETS, Some(all)).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let dev = NamePattern::Subtree("dev".to_owned());
    let rights = records(Access::Write, dev, &[RecordType::A]);
    let client = Client::new(&test_app, "user1", rights).await;
    let names = json(&client.get(RRSETS).await);
    assert_eq!(names.as_array().unwrap().len(), 1, "{names}");
    assert_eq!(names[0]["subname"], "dev");
    let body = r#"{"records":["192.0.2.9"]}"#;
    let mixed = r#"[
        {"subname":"b.dev","type":"A","records":["192.0.2.1"]},
        {"subname":"www","type":"A","records":["192.0.2.1"]}
    ]"#;
    let outside = ["www/A", "dev/TXT", "a.dev/TXT", "@/A", "*/A", ".../A"];
    for path in outside.map(|rrset| format!("{RRSETS}{rrset}/")) {
        client
            .send_all(&[
                ("GET", &path, "", 404, "Not found."),
                ("DELETE", &path, "", 403, "detail"),
            ])
            .await;
    }
    let zone_file = client
        .get("/api/v1/domains/user1.starchart.com/zonefile/")
        .await;
    assert!(
        zone_file.body.contains("dev 300 IN A 192.0.2.1"),
        "{}",
        zone_file.body
    );
    assert!(!zone_file.body.contains("TXT"), "{}", zone_file.body);
    client
        .send_all(&[
            ("PATCH", &format!("{RRSETS}dev/A/"), body, 200, "192.0.2.9"),
            ("POST", RRSETS, mixed, 403, "detail"),
            ("GET", &format!("{RRSETS}b.dev/A/"), "", 404, "Not found."),
            ("DELETE", &format!("{RRSETS}dev/A/"), "", 204, ""),
        ])
        .await;
    let left = json(&owner.get(RRSETS).await);
    assert_eq!(left.as_array().unwrap().len(), 3, "{left}");
    let other = Client::new(&test_app, "user2", everything()).await;
    assert_eq!(other.get(RRSETS).await.status, StatusCode::NOT_FOUND);
}
