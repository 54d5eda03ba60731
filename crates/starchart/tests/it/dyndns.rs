//! Dynamic addresses, as routers update them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use starchart_testkit::wait::eventually;

use crate::app::{App, ROOT, TestEnv};
use crate::challenges::{Program, receive, token_for};
use crate::raw::exchange;
use crate::truth::{no_difference, signed_in};

/// A test environment whose user has a token for the addresses of `home` and `@`.
async fn with_router() -> (TestEnv, App, String) {
    let env = TestEnv::new()
        .await
        .set("API_REQUESTS_PER_MINUTE", "100000");
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    let token = token_for(&env, "user1", &json!({ "addresses": ["home", "@"] })).await;
    (env, app, token)
}

impl TestEnv {
    /// Waits until the RRset in the zone has these values, with the TTL of a minute.
    async fn has_addresses(&self, name: &str, rtype: &str, wanted: &[&str]) {
        eventually(&format!("{name} {rtype} is {wanted:?}"), async || {
            let set = self.zone.set(name, rtype);
            let ttl = set.as_ref().map_or(60, |set| set.ttl);
            let shown: Vec<String> = set
                .map(|set| set.values.into_iter().collect())
                .unwrap_or_default();
            let is_right = shown == wanted && ttl == 60;
            if is_right {
                Ok(())
            } else {
                Err(format!("{shown:?}, TTL {ttl}"))
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_host_follows_the_address_of_its_router() {
    let (env, app, token) = with_router().await;
    let router = Program::new(&app, token);
    let (home, base) = (format!("home.user1.{ROOT}"), format!("user1.{ROOT}"));
    for (query, answer) in [
        // The client's own address is that which the proxy reports.
        (
            format!("/nic/update?system=dyndns&hostname={home}"),
            "good 203.0.113.7\n",
        ),
        (
            format!("/nic/update?hostname={home}&myip=203.0.113.7"),
            "nochg 203.0.113.7\n",
        ),
        (
            format!("/nic/update/?hostname={home},{base}&myip=198.51.100.2"),
            "good 198.51.100.2\ngood 198.51.100.2\n",
        ),
        (
            format!("/nic/update?hostname={home}&myip=198.51.100.2,2001:db8::2"),
            "good 198.51.100.2,2001:db8::2\n",
        ),
        (
            format!("/dyndns/update?hostname={home}&myipv4=preserve&myipv6=2001:db8:1::/48"),
            "good 198.51.100.2,2001:db8:1::2\n",
        ),
        (
            format!("/dyndns/update?hostname={home}&myipv4=preserve&myipv6=preserve"),
            "nochg 198.51.100.2,2001:db8:1::2\n",
        ),
    ] {
        let page = router.get(&query).await;
        assert_eq!((page.status, &*page.body), (200, answer), "{query}");
        assert!(page.set_cookies().is_empty());
    }
    env.has_addresses(&home, "A", &["198.51.100.2"]).await;
    env.has_addresses(&home, "AAAA", &["2001:db8:1::2"]).await;
    env.has_addresses(&base, "A", &["198.51.100.2"]).await;
    let removed = router
        .get(&format!("/dyndns/update?hostname={home}&myipv4="))
        .await;
    assert_eq!(
        (removed.status, &*removed.body),
        (200, "good 2001:db8:1::2\n")
    );
    env.has_addresses(&home, "A", &[]).await;
    env.has_addresses(&home, "AAAA", &["2001:db8:1::2"]).await;
    no_difference(&env).await;
}

#[tokio::test]
async fn a_router_that_speaks_http_1_0_is_answered_at_once() {
    let (env, app, token) = with_router().await;
    let credentials = STANDARD.encode(format!("home.user1.{ROOT}:{token}"));
    // As inadyn sends it; the user name is the host.
    let head = format!(
        "GET /nic/update?myip=198.51.100.3 HTTP/1.0\r\nHost: names.school.example\r\n\
         Authorization: Basic {credentials}\r\nUser-Agent: inadyn/2.10.0\r\n\r\n"
    );
    let answer = exchange(app.port, head, Vec::new(), 0).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(
        answer.text().ends_with("\r\n\r\ngood 198.51.100.3\n"),
        "{}",
        answer.text()
    );
    env.has_addresses(&format!("home.user1.{ROOT}"), "A", &["198.51.100.3"])
        .await;
    // Others have no header for credentials.
    let path = format!("/nic/update?username=x&password={token}&hostname=home.user1.{ROOT}");
    let request = app.browser().request(reqwest::Method::GET, &path);
    let page = receive(request).await;
    assert_eq!((page.status, &*page.body), (200, "good 203.0.113.7\n"));
    let own = receive(app.browser().request(reqwest::Method::GET, "/nic/address")).await;
    assert_eq!((own.status, &*own.body), (200, "203.0.113.7\n"));
}

#[tokio::test]
async fn a_refusal_is_a_word_that_routers_know() {
    let (env, app, token) = with_router().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    signed_in(&env, &app, "user2").await;
    let alias = owner.create("home", "CNAME", "example.com").await;
    assert_eq!(alias.status, 303, "{}", alias.body);
    let router = Program::new(&app, token);
    let stranger = Program::new(&app, "sc_not_a_token".to_owned());
    let ip = "myip=198.51.100.2";
    for (by, query, words, desec) in [
        (
            &stranger,
            format!("hostname=user1.{ROOT}&{ip}"),
            "badauth",
            401,
        ),
        (
            &router,
            format!("hostname=www.user1.{ROOT}&{ip}"),
            "nohost",
            404,
        ),
        (
            &router,
            format!("hostname=user2.{ROOT}&{ip}"),
            "nohost",
            404,
        ),
        (
            &router,
            format!("hostname=home.user1.{ROOT}&{ip}"),
            "nohost",
            404,
        ),
        (&router, format!("hostname=home&{ip}"), "notfqdn", 400),
        (&router, ip.to_owned(), "notfqdn", 400),
        (
            &router,
            format!("hostname=user1.{ROOT}&myip=127.0.0.1"),
            "dnserr",
            400,
        ),
        (
            &router,
            format!("hostname=user1.{ROOT}&myip=home"),
            "dnserr",
            400,
        ),
        (
            &router,
            format!("hostname=user1.{ROOT},home&{ip}"),
            "good 198.51.100.2\nnotfqdn",
            400,
        ),
    ] {
        let status = if desec == 401 { 401 } else { 200 };
        let page = by.get(&format!("/nic/update?{query}")).await;
        let expected = format!("{words}\n");
        assert_eq!((page.status, &page.body), (status, &expected), "{query}");
        let page = by.get(&format!("/dyndns/update?{query}")).await;
        let expected = expected.replace("good", "nochg");
        assert_eq!((page.status, &page.body), (desec, &expected), "{query}");
    }
    let asked = receive(app.browser().request(reqwest::Method::GET, "/nic/update")).await;
    assert_eq!((asked.status, &*asked.body), (401, "badauth\n"));
    assert!(asked.header("www-authenticate").starts_with("Basic "));
}

#[tokio::test]
async fn a_thousand_updates_that_change_nothing_write_nothing() {
    let (env, app, token) = with_router().await;
    let router = Program::new(&app, token);
    let path = format!("/nic/update?hostname=home.user1.{ROOT}&myip=198.51.100.2");
    assert_eq!(router.get(&path).await.body, "good 198.51.100.2\n");
    env.has_addresses(&format!("home.user1.{ROOT}"), "A", &["198.51.100.2"])
        .await;
    let writes = async || {
        let mut numbers = Vec::new();
        for sql in [
            "SELECT lock_version FROM users WHERE username = 'user1'",
            "SELECT CAST(SUM(generation) AS SIGNED) FROM names",
            "SELECT COUNT(*) FROM record_history",
            "SELECT COUNT(*) FROM audit_trail",
        ] {
            numbers.push(env.db.number(sql).await);
        }
        numbers
    };
    let before = writes().await;
    let changes = env.zone.batches().len();
    for _ in 0..1_000 {
        let page = router.get(&path).await;
        assert_eq!((page.status, &*page.body), (200, "nochg 198.51.100.2\n"));
    }
    assert_eq!(writes().await, before);
    assert_eq!(env.zone.batches().len(), changes, "nothing was published");
}
