//! The servers of testkit: they start, do what other tests rely on, and stop.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_testkit::html::Form;
use starchart_testkit::http;
use starchart_testkit::mariadb::{MariaDb, TestDb};
use starchart_testkit::moto::Moto;
use starchart_testkit::redis::Redis;
use starchart_testkit::simplesamlphp::{ServiceProvider, Signed, SimpleSaml};

#[tokio::test]
async fn each_test_gets_its_own_database_that_is_dropped_with_it() {
    let server = MariaDb::start().await;
    let one = TestDb::create_on(&server.url()).await;
    let two = TestDb::create_on(&server.url()).await;
    one.run("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        .await;
    two.run("CREATE TABLE t (a INT UNIQUE)").await;
    let name = one.url().rsplit('/').next().unwrap_or_default().to_owned();
    drop(one);
    // Fails if the database of `one` still exists.
    two.run(&format!("CREATE DATABASE {name}")).await;
}

#[tokio::test]
async fn the_shared_server_creates_databases() {
    TestDb::create()
        .await
        .run("CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_bin)")
        .await;
}

#[tokio::test]
async fn a_redis_restarts_freezes_and_is_flushed() {
    let mut redis = Redis::start().await;
    let set = async |redis: &Redis| redis.command(&["SET", "key", "a value"]).await;
    assert_eq!(set(&redis).await, "+OK");
    assert_eq!(redis.command(&["GET", "key"]).await, "a value");
    redis.flush().await;
    assert_eq!(redis.number(&["EXISTS", "key"]).await, 0);
    set(&redis).await;
    redis.restart().await;
    assert_eq!(
        redis.number(&["EXISTS", "key"]).await,
        0,
        "on the same port, and empty"
    );
    redis.freeze();
    let thaw = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        redis.thaw();
        std::time::Instant::now()
    };
    let answer = async {
        set(&redis).await;
        std::time::Instant::now()
    };
    let (thawed_at, answered_at) = tokio::join!(thaw, answer);
    assert!(answered_at > thawed_at, "a frozen Redis answers nothing");
    redis.stop();
    assert!(std::net::TcpStream::connect(redis.url().trim_start_matches("redis://")).is_err());
}

#[tokio::test]
async fn moto_creates_a_zone() {
    let moto = Moto::start().await;
    let one = moto.create_zone("starchart.test").await;
    let two = moto.create_zone("other.test").await;
    assert!(!one.is_empty() && one != two, "{one} {two}");
}

#[tokio::test]
async fn a_user_signs_in_and_the_signatures_are_those_asked_for() {
    let mut provider = ServiceProvider::at("http://127.0.0.1:1");
    let idp = SimpleSaml::start(&provider).await;
    let client = http::client();
    let form = idp
        .login(&client, &login_url(&idp, &provider), "user1", "user1pass")
        .await;
    assert_eq!(form.action, provider.acs_url);
    assert_eq!(form.value("RelayState"), Some("a&b"));
    assert_eq!(signed_elements(&form), ["Response", "Assertion"]);

    // Signed in already, so the password is not asked for again.
    provider.signed = Signed::Assertion;
    idp.serve(&provider);
    let form = idp
        .login(&client, &login_url(&idp, &provider), "user1", "wrong")
        .await;
    assert_eq!(signed_elements(&form), ["Assertion"]);

    provider.signed = Signed::Response;
    idp.serve(&provider);
    let form = idp
        .login(&client, &login_url(&idp, &provider), "user1", "wrong")
        .await;
    assert_eq!(signed_elements(&form), ["Response"]);
}

#[tokio::test]
#[should_panic(expected = "no SAMLResponse for user1")]
async fn a_wrong_password_signs_nobody_in() {
    let provider = ServiceProvider::at("http://127.0.0.1:1");
    let idp = SimpleSaml::start(&provider).await;
    idp.login(
        &http::client(),
        &login_url(&idp, &provider),
        "user1",
        "user2pass",
    )
    .await;
}

/// Returns the URL of a login request (redirect binding, SAML 2.0 bindings section 3.4). Its
/// DEFLATE encoding is one stored block, which needs no compressor (RFC 1951 section 3.2.4).
fn login_url(idp: &SimpleSaml, provider: &ServiceProvider) -> String {
    let request = format!(
        r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
            xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
            ID="id-1" Version="2.0" IssueInstant="2026-01-01T00:00:00Z"
            AssertionConsumerServiceURL="{}">
            <saml:Issuer>{}</saml:Issuer>
        </samlp:AuthnRequest>"#,
        provider.acs_url, provider.entity_id
    );
    let length = u16::try_from(request.len()).unwrap_or_default();
    let mut deflated = vec![1];
    deflated.extend(length.to_le_bytes());
    deflated.extend((!length).to_le_bytes());
    deflated.extend(request.into_bytes());
    let service = format!("{}/saml2/idp/SSOService.php", idp.url());
    let mut url: reqwest::Url = service
        .parse()
        .unwrap_or_else(|error| panic!("{service}: {error}"));
    url.query_pairs_mut()
        .append_pair("SAMLRequest", &STANDARD.encode(deflated))
        .append_pair("RelayState", "a&b");
    url.into()
}

/// Returns the elements that a signature references, in the order of the document.
fn signed_elements(form: &Form) -> Vec<&'static str> {
    let response = STANDARD
        .decode(form.value("SAMLResponse").unwrap_or_default())
        .unwrap_or_default();
    let response = String::from_utf8_lossy(&response).into_owned();
    let id = |element: &str| {
        let tag = response.split_once(element).map_or("", |(_, rest)| rest);
        let id = tag
            .split_once("ID=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        id.map_or_else(String::new, |(id, _)| id.to_owned())
    };
    let signed = |element: &&str| {
        response.contains(&format!(
            "<ds:Reference URI=\"#{}\"",
            id(&format!("<{element} "))
        ))
    };
    let names = ["samlp:Response", "saml:Assertion"]
        .into_iter()
        .filter(signed);
    names
        .map(|name| name.split_once(':').map_or(name, |(_, local)| local))
        .collect()
}
