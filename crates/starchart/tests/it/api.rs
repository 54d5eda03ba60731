//! The API on the real binary: what programs write is in the zone.

use reqwest::Method;
use serde_json::{Value, json};
use starchart_testkit::openapi::{ApiAnswer, Contract};
use starchart_testkit::wait::eventually;

use crate::app::{App, ROOT, TestEnv};
use crate::browser::{Browser, Page};
use crate::challenges::{receive, token_for};
use crate::truth::{no_difference, signed_in};

impl TestEnv {
    /// Creates a token that may write all records of a user who has signed in.
    pub async fn token(&self, username: &str) -> String {
        let all = json!({"records": [{"access": "write", "names": "all", "types": []}]});
        token_for(self, username, &all).await
    }
}

/// A program with a token.
struct Program {
    browser: Browser,
    secret: String,
    contract: Contract,
}

impl Program {
    async fn new(app: &App, secret: String) -> Self {
        let browser = app.browser();
        let document = browser.clone().get("/api/openapi.json").await;
        Self {
            browser,
            secret,
            contract: Contract::new(serde_json::from_str(&document.body).unwrap()),
        }
    }

    /// Sends a request of the REST API, whose answer has to be described.
    async fn rest(&self, method: Method, path: &str, body: Option<Value>) -> Page {
        let mut request = self
            .browser
            .request(method.clone(), path)
            .header("Authorization", format!("Token {}", self.secret));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let page = receive(request).await;
        let answer = ApiAnswer {
            status: page.status,
            content_type: page.header("content-type"),
            body: &page.body,
        };
        let described = self.contract.check(method.as_str(), path, answer);
        assert_eq!(described, Ok(()), "{method} {path}: {}", page.body);
        page
    }

    /// Sends a request of PowerDNS' API.
    async fn powerdns(&self, method: Method, path: &str, body: Option<Value>) -> Page {
        let mut request = self
            .browser
            .request(method, path)
            .header("X-API-Key", &self.secret);
        if let Some(body) = body {
            request = request.json(&body);
        }
        receive(request).await
    }
}

#[tokio::test]
async fn a_program_that_waits_finds_its_change_in_the_zone() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    let program = Program::new(&app, env.token("user1").await).await;
    let rrsets = format!("/api/v1/domains/user1.{ROOT}/rrsets/");
    let values = |name: &str, rtype: &str| {
        let set = env.zone.set(&format!("{name}.user1.{ROOT}"), rtype);
        set.map(|set| set.values.into_iter().collect::<Vec<_>>().join(" "))
    };

    let new = json!({ "subname": "www", "type": "A", "value": "192.0.2.1" });
    let records = "/api/v1/records/";
    let created = program
        .rest(Method::POST, &format!("{records}?wait=in_sync"), Some(new))
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(values("www", "A").as_deref(), Some("192.0.2.1"));
    let record: Value = serde_json::from_str(&created.body).unwrap();
    assert_eq!(record["state"]["in_sync"], true, "{record}");

    // Without waiting, its URL says how far it is.
    let path = format!("{records}{}/", record["id"]);
    let edit = json!({ "value": "192.0.2.2" });
    let edited = program.rest(Method::PATCH, &path, Some(edit)).await;
    assert_eq!(edited.status, 202, "{}", edited.body);
    assert!(edited.location().ends_with(&path), "{}", edited.location());
    eventually("the record is in the zone", async || {
        let page = program.rest(Method::GET, &path, None).await;
        let record: Value = serde_json::from_str(&page.body).unwrap();
        record["state"]["in_sync"] == true
    })
    .await;
    assert_eq!(values("www", "A").as_deref(), Some("192.0.2.2"));

    let put = json!([
        { "subname": "a", "type": "TXT", "ttl": 60, "records": ["\"one\"", "\"two\""] },
        { "subname": "www", "type": "A", "records": [] },
    ]);
    let put = program
        .rest(Method::PUT, &format!("{rrsets}?wait=in_sync"), Some(put))
        .await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(values("a", "TXT").as_deref(), Some("\"one\" \"two\""));
    assert_eq!(values("www", "A"), None);
    let path = format!("{rrsets}a.../TXT/?wait=in_sync");
    let deleted = program.rest(Method::DELETE, &path, None).await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    assert_eq!(values("a", "TXT"), None);
    no_difference(&env).await;
}

/// The requests of lego, certbot's plugins, acme.sh and octoDNS for one challenge, in their order.
#[tokio::test]
async fn clients_of_powerdns_answer_a_challenge() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    let program = Program::new(&app, env.token("user1").await).await;
    let servers = "/api/v1/servers/localhost";
    let (own, root) = (
        format!("{servers}/zones/user1.{ROOT}."),
        format!("{servers}/zones/{ROOT}."),
    );
    let name = format!("_acme-challenge.www.user1.{ROOT}");
    let rrset = |changetype: &str, value: Option<&str>| {
        let records = value.map(|value| json!({ "content": value, "disabled": false }));
        let records: Vec<Value> = records.into_iter().collect();
        Some(json!({ "rrsets": [{
            "name": format!("{name}."),
            "type": "TXT",
            "ttl": 120,
            "changetype": changetype,
            "records": records,
        }] }))
    };
    let value = "\"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0\"";
    let (put, end) = (rrset("REPLACE", Some(value)), rrset("DELETE", None));
    let emptied = rrset("REPLACE", None);
    type Step<'a> = (Method, &'a str, Option<Value>, u16);
    let clients: [(&str, &[Step<'_>], &[Step<'_>]); 3] = [
        (
            "lego",
            &[
                (Method::GET, "/api", None, 200),
                (Method::GET, &root, None, 200),
                (Method::PATCH, &root, put.clone(), 204),
            ],
            &[
                (Method::GET, &root, None, 200),
                (Method::PATCH, &root, end, 204),
            ],
        ),
        (
            "lexicon",
            &[
                (Method::GET, &own, Some(json!({})), 200),
                (Method::PATCH, &own, put.clone(), 204),
            ],
            &[(Method::PATCH, &own, emptied.clone(), 204)],
        ),
        (
            "acme.sh",
            &[
                (Method::GET, &format!("{servers}/zones"), None, 200),
                (Method::PATCH, &own, put, 204),
                (Method::PUT, &format!("{own}/notify"), None, 200),
            ],
            &[(Method::PATCH, &own, emptied, 204)],
        ),
    ];
    for (client, present, cleanup) in clients {
        for (steps, shown) in [(present, Some(value)), (cleanup, None)] {
            for (method, path, body, status) in steps {
                let page = program.powerdns(method.clone(), path, body.clone()).await;
                assert_eq!(
                    page.status, *status,
                    "{client} {method} {path}: {}",
                    page.body
                );
            }
            env.shows(&name, "TXT", shown).await;
        }
    }
    no_difference(&env).await;
}

/// Clients that write at the same time: none is lost, and no answer is a fault of ours.
#[tokio::test]
async fn clients_at_the_same_time_do_not_lose_changes() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    let program = Program::new(&app, env.token("user1").await).await;
    let rrsets = format!("/api/v1/domains/user1.{ROOT}/rrsets/?wait=in_sync");
    let requests = (0..12).map(|n| {
        let item = json!({ "subname": format!("h{n}"), "type": "A", "records": ["192.0.2.1"] });
        program.rest(Method::PUT, &rrsets, Some(json!([item])))
    });
    for page in futures_util::future::join_all(requests).await {
        assert_eq!(page.status, 200, "{}", page.body);
    }
    for n in 0..12 {
        env.shows(&format!("h{n}.user1.{ROOT}"), "A", Some("192.0.2.1"))
            .await;
    }
    // The same RRset: each request replaces it whole, so the last one counts.
    let requests = (1..=8).map(|n| {
        let address = format!("192.0.2.{n}");
        let item = json!({ "subname": "same", "type": "A", "records": [address] });
        program.rest(Method::PUT, &rrsets, Some(json!([item])))
    });
    let pages = futures_util::future::join_all(requests).await;
    let mut taken = Vec::new();
    for (n, page) in (1..=8).zip(&pages) {
        match page.status {
            200 => taken.push(format!("192.0.2.{n}")),
            status => assert_eq!(status, 503, "{}", page.body),
        }
    }
    // What stands is one of the changes that were answered with success.
    let set = program
        .rest(
            Method::GET,
            &format!("/api/v1/domains/user1.{ROOT}/rrsets/same/A/"),
            None,
        )
        .await;
    let records: Value = serde_json::from_str(&set.body).unwrap();
    let records = records["records"].as_array().unwrap();
    assert!(
        records.len() == 1 && taken.iter().any(|taken| records[0] == *taken.as_str()),
        "{taken:?}: {}",
        set.body
    );
    no_difference(&env).await;
}
