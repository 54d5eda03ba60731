//! The forms of the certificate.

use std::collections::BTreeSet;

use super::*;
use crate::actions::CertificateForm;
use crate::tests::certificate::{claim, issue_as};
use crate::tests::test_app::Browser;

const CERTIFICATE: &str = "/api/v1/certificate/";
const FIRST: [&str; 3] = [
    "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\nY2hhaW4=\n-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\na2V5\n-----END PRIVATE KEY-----\n",
];
const SECOND: [&str; 3] = [
    "-----BEGIN CERTIFICATE-----\ndHdv\n-----END CERTIFICATE-----\n",
    FIRST[1],
    FIRST[2],
];

fn path(form: CertificateForm) -> String {
    format!("{CERTIFICATE}{}/", form.key())
}

fn reading(read_key: bool) -> TokenRights {
    TokenRights {
        certificate: CertificateRights {
            read: !read_key,
            read_key,
            request: false,
        },
        ..TokenRights::default()
    }
}

impl Client<'_> {
    async fn download(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send_with(Method::GET, path, headers, None).await
    }
}

async fn issue(test_app: &TestApp, client: &Client<'_>, pem: [&str; 3]) {
    let opened = client.send(Method::POST, CERTIFICATE, None).await;
    assert_eq!(opened.status, StatusCode::ACCEPTED, "{}", opened.body);
    // A short life, so that it can be renewed at once.
    issue_as(test_app, &claim(test_app).await, 0, pem).await;
}

async fn audited(test_app: &TestApp) -> i64 {
    let keys = "SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.key'";
    test_app.query_number(keys).await
}

#[actix_web::test]
async fn each_form_is_read_by_its_right_and_unchanged_until_there_is_a_new_certificate() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    issue(&test_app, &client, FIRST).await;
    let public = Client::new(&test_app, "user1", reading(false)).await;
    let with_key = Client::new(&test_app, "user1", reading(true)).await;
    let mut etags = BTreeSet::new();
    // PKCS#12 needs a certificate that can be parsed, and has a test of its own.
    let forms = CertificateForm::ALL.iter().copied();
    for form in forms.filter(|form| *form != CertificateForm::Pkcs12) {
        let (path, key) = (path(form), form.key());
        let refused = public.download(&path, &[]).await;
        let expected = [StatusCode::OK, StatusCode::FORBIDDEN];
        assert_eq!(
            refused.status,
            expected[usize::from(form.has_key())],
            "{key}"
        );
        let before = audited(&test_app).await;
        let reply = with_key.download(&path, &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{key}: {}", reply.body);
        let read = i64::from(form.has_key());
        assert_eq!(audited(&test_app).await, before + read, "{key}");
        let caching = match form.has_key() {
            true => "no-store",
            false => "private, no-cache",
        };
        assert_eq!(reply.header("cache-control"), caching, "{key}");
        assert_eq!(reply.header("content-encoding"), "identity", "{key}");
        let etag = reply.header("etag");
        assert!(etag.starts_with('"'), "{key}: {etag}");
        for known in [etag, &format!("\"x\", W/{etag}"), "*"] {
            let same = with_key.download(&path, &[("if-none-match", known)]).await;
            assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{key} {known}");
            assert_eq!(
                (same.header("etag"), same.body.as_str()),
                (etag, ""),
                "{key}"
            );
            assert_eq!(same.header("cache-control"), caching, "{key}");
        }
        if form.has_key() {
            let hidden = public.download(&path, &[("if-none-match", etag)]).await;
            assert_eq!(hidden.status, StatusCode::FORBIDDEN, "{key}");
        }
        assert_eq!(
            audited(&test_app).await,
            before + read,
            "{key}: 304 is no download"
        );
        assert!(etags.insert((key, etag.to_owned())), "{key}");
    }
    let distinct: BTreeSet<&String> = etags.iter().map(|(_, etag)| etag).collect();
    assert_eq!(distinct.len(), etags.len(), "each form has its own");
    issue(&test_app, &client, SECOND).await;
    for (key, etag) in &etags {
        let path = format!("{CERTIFICATE}{key}/");
        let new = with_key.download(&path, &[("if-none-match", etag)]).await;
        assert_eq!(new.status, StatusCode::OK, "{key}");
    }
}

#[actix_web::test]
async fn key_and_chain_are_in_one_answer() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    issue(&test_app, &client, FIRST).await;
    let [certificate, chain, key] = FIRST;
    let bundle = client.get(&path(CertificateForm::Bundle)).await;
    assert_eq!(bundle.body, format!("{key}{certificate}{chain}"));
    let full = client.get(&path(CertificateForm::FullChain)).await;
    assert_eq!(full.body, format!("{certificate}{chain}"));
    // Without the final slash, and by a name that there is not.
    for (path, status) in [
        ("/api/v1/certificate/bundle", StatusCode::OK),
        ("/api/v1/certificate/full-chain", StatusCode::NOT_FOUND),
        ("/api/v1/certificate/privateKey", StatusCode::NOT_FOUND),
    ] {
        let request = TestRequest::with_uri(path)
            .insert_header(("host", HOST))
            .insert_header(("authorization", format!("Token {}", client.secret)));
        assert_eq!(test_app.send(request).await.status, status, "{path}");
    }
    let before = audited(&test_app).await;
    let head = TestRequest::with_uri("/api/v1/certificate/bundle")
        .method(Method::HEAD)
        .insert_header(("host", HOST))
        .insert_header(("authorization", format!("Token {}", client.secret)));
    let head = test_app.send(head).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(audited(&test_app).await, before, "HEAD sends no key");
}

#[actix_web::test]
async fn a_pkcs12_file_needs_a_password_in_a_header() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    let folder = tempfile::tempdir().unwrap();
    let _ = starchart_testkit::tls::Identity::generate(folder.path());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let pem = [read("cert.pem"), read("root.pem"), read("key.pem")];
    issue(&test_app, &client, pem.each_ref().map(String::as_str)).await;
    let path = path(CertificateForm::Pkcs12);
    let missing = client.download(&path, &[]).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    for (password, words) in [
        ("", "Choose a password"),
        ("12345", "at least 6 characters"),
        ("pass word", "without spaces"),
    ] {
        let refused = client
            .download(&path, &[("pkcs12-password", password)])
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{password}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        let detail = json(&refused)["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.starts_with("Header Pkcs12-Password: ") && detail.contains(words),
            "{password}: {detail}"
        );
    }
    let in_url = client
        .download(&format!("{path}?password=correct-horse"), &[])
        .await;
    assert_eq!(in_url.status, StatusCode::BAD_REQUEST);
    assert_eq!(audited(&test_app).await, 0);
    let password = ("pkcs12-password", "correct-horse");
    let reply = client.download(&path, &[password]).await;
    assert_eq!(reply.status, StatusCode::OK);
    let etag = reply.header("etag");
    assert!(etag.starts_with("W/\""), "{etag}");
    let same = client
        .download(&path, &[password, ("if-none-match", etag)])
        .await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    assert_eq!(audited(&test_app).await, 1);
}

#[actix_web::test]
async fn the_page_shows_which_machine_has_which_certificate() {
    let test_app = TestApp::new().await;
    let client = Client::new(&test_app, "user1", everything()).await;
    issue(&test_app, &client, FIRST).await;
    let path = path(CertificateForm::Bundle);
    let first = client.download(&path, &[("machine-name", "web1")]).await;
    let etag = first.header("etag").to_owned();
    let state = client.get(CERTIFICATE).await;
    assert_eq!(state.status, StatusCode::OK);
    client.download(&path, &[]).await;
    let known = [("machine-name", "web2"), ("if-none-match", etag.as_str())];
    let same = client.download(&path, &known).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    let machines = "SELECT COUNT(*) FROM machines";
    assert_eq!(test_app.query_number(machines).await, 3);
    issue(&test_app, &client, SECOND).await;
    client.download(&path, &[("machine-name", "web1")]).await;
    let mut browser = Browser::signed_in(&test_app, "user1").await;
    let page = browser.get("/certificate").await;
    let row = |page: &Reply, name: &str| {
        let mut rows = page.body.split("<tr role=\"row\">");
        rows.find(|row| row.contains(&format!(">{name}</span>")))
            .map(ToOwned::to_owned)
    };
    for (name, has) in [
        ("web1", "The newest"),
        ("web2", "An older one"),
        ("unnamed", "An older one"),
    ] {
        let row = row(&page, name).unwrap_or_else(|| panic!("{name}: {}", page.body));
        assert!(row.contains(has) && row.contains("by the token "), "{row}");
    }
    let tokens = browser.get("/tokens").await;
    assert!(
        tokens.body.contains("has the newest certificate"),
        "{}",
        tokens.body
    );
    assert!(tokens.body.contains("has an older certificate"));
    let web1 = test_app
        .query_number("SELECT id FROM machines WHERE name = 'web1'")
        .await;
    let id = web1.to_string();
    let mut other = Browser::signed_in(&test_app, "user2").await;
    other.post("/certificate/machines", &[("id", &id)]).await;
    assert_eq!(test_app.query_number(machines).await, 3, "of another user");
    let removed = browser.post("/certificate/machines", &[("id", &id)]).await;
    assert_eq!(removed.location(), "/certificate");
    let page = browser.get("/certificate").await;
    assert!(
        page.body.contains("web1 was removed from the list."),
        "{}",
        page.body
    );
    assert!(row(&page, "web1").is_none() && row(&page, "web2").is_some());
}
