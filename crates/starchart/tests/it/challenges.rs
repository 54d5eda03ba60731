//! Answers to DNS challenges that users' own ACME clients write, through httpreq and the API of
//! acme-dns.

use reqwest::Method;
use serde_json::{Value, json};
use starchart_domain::token::TokenSecret;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::truth::{no_difference, signed_in};

/// Creates a token with these rights for a user who has signed in.
pub async fn token_for(env: &TestEnv, username: &str, rights: &Value) -> String {
    let count = env.db.number("SELECT COUNT(*) FROM tokens").await;
    let secret = TokenSecret::from_random(&[u8::try_from(count).unwrap() + 1; 32]);
    let (prefix, hash) = (secret.prefix(), hex::encode(secret.hash()));
    let insert = format!(
        "INSERT INTO tokens \
         (user_id, name, prefix, hash, rights, networks, created_at, expires_at) \
         SELECT id, 'test', '{prefix}', X'{hash}', '{rights}', '', created_at, \
         created_at + 86400000 FROM users WHERE username = '{username}'"
    );
    env.db.run(&insert).await;
    secret.expose().to_owned()
}

/// The rights to get certificates for these names.
pub fn challenges(names: &[&str]) -> Value {
    let names: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    json!({ "challenges": names })
}

/// A value that an ACME client could compute.
pub fn value(digit: u8) -> String {
    char::from(digit).to_string().repeat(43)
}

/// A program with a token.
pub struct Program {
    browser: Browser,
    secret: String,
}

impl Program {
    pub fn new(app: &App, secret: String) -> Self {
        Self {
            browser: app.browser(),
            secret,
        }
    }

    /// Sends a request of httpreq as lego does.
    async fn httpreq(&self, verb: &str, name: &str, value: &str) -> Page {
        let body = json!({ "fqdn": format!("{name}."), "value": value });
        let request = self
            .browser
            .request(Method::POST, &format!("/httpreq/{verb}"));
        receive(request.basic_auth("lego", Some(&self.secret)).json(&body)).await
    }

    /// Sends a request of httpreq as certbot-lego-httpreq does.
    async fn httpreq_form(&self, verb: &str, name: &str, value: &str) -> Page {
        let fields = [("fqdn", format!("{name}.")), ("value", value.to_owned())];
        let request = self
            .browser
            .request(Method::POST, &format!("/httpreq/{verb}"));
        receive(
            request
                .basic_auth("certbot", Some(&self.secret))
                .form(&fields),
        )
        .await
    }

    /// Sends an update as clients of acme-dns do.
    async fn acme_dns(&self, subdomain: &str, txt: &str) -> Page {
        let body = json!({ "subdomain": subdomain, "txt": txt });
        let request = self.browser.request(Method::POST, "/acme-dns/update");
        let request = request.header("X-Api-User", "lego");
        receive(request.header("X-Api-Key", &self.secret).json(&body)).await
    }

    /// Sends a GET request with Basic credentials.
    pub async fn get(&self, path: &str) -> Page {
        let request = self.browser.request(Method::GET, path);
        receive(request.basic_auth("router", Some(&self.secret))).await
    }
}

pub async fn receive(request: reqwest::RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    Page {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

impl TestEnv {
    /// Waits until the TXT RRset in the zone has these values of challenges, and their TTL.
    async fn answers(&self, name: &str, values: &[&str]) {
        let mut wanted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        wanted.sort();
        eventually(&format!("{name} answers {wanted:?}"), async || {
            let set = self.zone.set(name, "TXT");
            let ttl = set.as_ref().map(|set| set.ttl);
            let mut shown: Vec<String> = set
                .map(|set| set.values.into_iter().collect())
                .unwrap_or_default();
            shown.sort();
            let is_right = shown == wanted && ttl.is_none_or(|ttl| ttl == 60);
            if is_right {
                Ok(())
            } else {
                Err(format!("{shown:?}, TTL {ttl:?}"))
            }
        })
        .await;
    }
}

#[tokio::test]
async fn httpreq_answers_in_the_zone_until_the_client_removes_it() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let token = token_for(&env, "user1", &challenges(&["www", "@"])).await;
    let client = Program::new(&app, token);
    let name = format!("_acme-challenge.www.user1.{ROOT}");
    let (one, two) = (value(b'1'), value(b'2'));

    let answered = client.httpreq("present", &name, &one).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    assert!(
        answered.body.contains(&format!("\"{one}\"")),
        "acme.sh looks for it"
    );
    assert!(answered.set_cookies().is_empty());
    let second = client.httpreq_form("present/", &name, &two).await;
    assert_eq!(second.status, 200, "{}", second.body);
    env.answers(&name, &[&one, &two]).await;
    assert_eq!(
        client.httpreq("present", &name, &one).await.status,
        200,
        "once more"
    );
    assert_eq!(owner.record_ids().await, [] as [String; 0], "no records");

    assert_eq!(
        client.httpreq_form("cleanup", &name, &one).await.status,
        200
    );
    env.answers(&name, &[&two]).await;
    for _ in 0..2 {
        assert_eq!(client.httpreq("cleanup/", &name, &two).await.status, 200);
    }
    env.answers(&name, &[]).await;

    let base = format!("_acme-challenge.user1.{ROOT}");
    assert_eq!(client.httpreq("present", &base, &one).await.status, 200);
    env.answers(&base, &[&one]).await;
    no_difference(&env).await;
    let lines = "SELECT COUNT(*) FROM audit_trail WHERE action LIKE 'challenge.%' \
                 AND detail LIKE '%by the token test (sc_%'";
    assert_eq!(env.db.number(lines).await, 5);
}

#[tokio::test]
async fn an_account_of_acme_dns_is_a_token() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    let token = token_for(&env, "user1", &challenges(&["www"])).await;
    let client = Program::new(&app, token.clone());
    let host = format!("www.user1.{ROOT}");
    let name = format!("_acme-challenge.{host}");
    let path = |request: reqwest::RequestBuilder| request.basic_auth("user1", Some(&token));
    let register = client.browser.request(Method::POST, "/acme-dns/register");
    let account = receive(path(register)).await;
    assert_eq!(account.status, 201, "{}", account.body);
    let account: Value = serde_json::from_str(&account.body).unwrap();
    assert_eq!(
        account,
        json!({
            "username": format!("user1.{ROOT}"), "password": token, "fulldomain": name,
            "subdomain": host, "allowfrom": [],
        })
    );
    let values = [value(b'1'), value(b'2'), value(b'3')];
    for value in &values {
        let updated = client.acme_dns(&host, value).await;
        assert_eq!(updated.status, 200, "{}", updated.body);
        let body: Value = serde_json::from_str(&updated.body).unwrap();
        assert_eq!(body, json!({ "txt": value }));
    }
    env.answers(&name, &[&values[1], &values[2]]).await;
    let health = client.browser.request(Method::GET, "/acme-dns/health");
    assert_eq!(receive(health).await.status, 200);
}

#[tokio::test]
async fn a_refusal_has_the_words_of_its_protocol() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    signed_in(&env, &app, "user2").await;
    let token = token_for(&env, "user1", &challenges(&["www", "alias"])).await;
    let client = Program::new(&app, token);
    let stranger = Program::new(
        &app,
        TokenSecret::from_random(&[99; 32]).expose().to_owned(),
    );
    let alias = owner
        .create("_acme-challenge.alias", "CNAME", "acme.example.com")
        .await;
    assert_eq!(alias.status, 303, "{}", alias.body);
    let host = |name: &str| format!("{name}.{ROOT}");
    let good = value(b'1');
    for (by, name, text, status, reason, acme_dns) in [
        (
            &stranger,
            "www.user1",
            &*good,
            401,
            "Invalid token",
            "forbidden",
        ),
        (&client, "mail.user1", &good, 403, "token", "forbidden"),
        (&client, "user1", &good, 403, "token", "forbidden"),
        (&client, "a.www.user1", &good, 403, "token", "forbidden"),
        (
            &client,
            "www.user2",
            &good,
            422,
            "another domain",
            "bad_subdomain",
        ),
        (
            &client,
            "example.com",
            &good,
            422,
            "another domain",
            "bad_subdomain",
        ),
        (
            &client,
            "*.www.user1",
            &good,
            422,
            "leave the * out",
            "bad_subdomain",
        ),
        (
            &client,
            "alias.user1",
            &good,
            422,
            "has a CNAME record",
            "bad_subdomain",
        ),
        (
            &client,
            "www.user1",
            "short",
            422,
            "43 characters",
            "bad_txt",
        ),
    ] {
        let name = host(name);
        let refused = by
            .httpreq("present", &format!("_acme-challenge.{name}"), text)
            .await;
        assert_eq!(refused.status, status, "{name}: {}", refused.body);
        assert_eq!(
            refused.header("content-type"),
            "application/problem+json",
            "{name}"
        );
        assert!(refused.body.contains(reason), "{name}: {}", refused.body);
        let refused = by.acme_dns(&name, text).await;
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(
            (refused.status, &body["error"]),
            (status, &json!(acme_dns)),
            "{name}"
        );
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{name}: {detail}");
    }
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM client_challenges")
            .await,
        0
    );

    for n in 0..20 {
        let name = format!("_acme-challenge.{}", host("www.user1"));
        let answered = client.httpreq("present", &name, &value(b'a' + n)).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
    }
    let over = client.acme_dns(&host("www.user1"), &good).await;
    assert_eq!(over.status, 422, "{}", over.body);
    assert!(
        over.body.contains("20 answers to challenges"),
        "{}",
        over.body
    );
    let register = client.browser.request(Method::POST, "/acme-dns/register");
    let register = receive(register).await;
    assert_eq!(register.status, 401);
    assert!(register.body.contains("API token"), "{}", register.body);
    eventually("in the zone", async || {
        let set = env
            .zone
            .set(&format!("_acme-challenge.{}", host("www.user1")), "TXT");
        equal(set.map(|set| set.values.len()), Some(20))
    })
    .await;
}
