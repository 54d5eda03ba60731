//! A token that is refused after a change on one process is refused by every process, in the words
//! of each protocol. All words are in a table of `starchart-web`'s tests.

use reqwest::{Method, header};
use serde_json::json;

use crate::admin::admin;
use crate::app::{App, ROOT, TestEnv};
use crate::browser::Page;
use crate::truth::signed_in;

/// Where a protocol's clients put the secret.
#[derive(Clone, Copy)]
enum Place {
    Token,
    Basic,
    Key,
}

/// What the clients of a protocol send, and what they are told.
struct Client {
    protocol: &'static str,
    place: Place,
    method: Method,
    path: String,
    body: String,
    /// The status, and a part of the body, of a token that is not accepted.
    refused: (u16, &'static str),
    /// The same of one whose rights do not cover the request.
    out_of_scope: (u16, &'static str),
}

/// Returns a client of each protocol that changes what belongs to a user.
fn clients(user: &str) -> [Client; 5] {
    let domain = format!("{user}.{ROOT}");
    let rrset = json!([{ "subname": "www", "type": "A", "records": ["192.0.2.1"] }]);
    let patch = json!({ "rrsets": [{
        "name": format!("www.{domain}."),
        "type": "A",
        "ttl": 300,
        "changetype": "REPLACE",
        "records": [{ "content": "192.0.2.1", "disabled": false }],
    }] });
    let value = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
    let challenge = json!({ "fqdn": format!("_acme-challenge.{domain}."), "value": value });
    let update = json!({ "subdomain": domain, "txt": value });
    let client = |protocol, place, method, path, body, (refused, out_of_scope)| Client {
        protocol,
        place,
        method,
        path,
        body,
        refused,
        out_of_scope,
    };
    [
        client(
            "rest",
            Place::Token,
            Method::PUT,
            format!("/api/v1/domains/{domain}/rrsets/"),
            rrset.to_string(),
            ((401, "\"Invalid token."), (403, "no right")),
        ),
        client(
            "powerdns",
            Place::Key,
            Method::PATCH,
            format!("/api/v1/servers/localhost/zones/{ROOT}."),
            patch.to_string(),
            (
                (401, "{\"error\":\"Invalid token."),
                (422, "{\"error\":\"The token may not"),
            ),
        ),
        client(
            "httpreq",
            Place::Basic,
            Method::POST,
            "/httpreq/present".to_owned(),
            challenge.to_string(),
            ((401, "\"Invalid token."), (403, "no right")),
        ),
        client(
            "acme-dns",
            Place::Key,
            Method::POST,
            "/acme-dns/update".to_owned(),
            update.to_string(),
            (
                (401, "\"error\":\"forbidden\""),
                (403, "\"error\":\"forbidden\""),
            ),
        ),
        client(
            "dyndns",
            Place::Basic,
            Method::GET,
            format!("/nic/update?hostname=home.{domain}&myip=192.0.2.1"),
            String::new(),
            ((401, "badauth\n"), (200, "nohost\n")),
        ),
    ]
}

impl Client {
    async fn send(&self, app: &App, secret: &str) -> Page {
        let mut browser = app.browser();
        let request = browser.request(self.method.clone(), &self.path);
        let request = match self.place {
            Place::Token => request.header(header::AUTHORIZATION, format!("Token {secret}")),
            Place::Basic => request.basic_auth("user", Some(secret)),
            Place::Key => request.header("X-Api-Key", secret),
        };
        let request = match self.body.is_empty() {
            true => request,
            false => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(self.body.clone()),
        };
        browser.send(request).await
    }
}

/// Creates a token of the user for each client, which both processes accept.
async fn accepted(env: &TestEnv, apps: &[&App; 2], user: &str) -> Vec<(Client, String)> {
    let mut all = Vec::new();
    for client in clients(user) {
        let secret = env.token(user).await;
        for app in apps {
            let page = client.send(app, &secret).await;
            let is_accepted = (200..300).contains(&page.status) && !page.body.contains("nohost");
            assert!(is_accepted, "{}: {}", client.protocol, page.body);
        }
        all.push((client, secret));
    }
    all
}

/// Checks that both processes refuse every token.
async fn both_refuse(
    apps: &[&App; 2],
    all: &[(Client, String)],
    why: &str,
    expected: impl Fn(&Client) -> (u16, &'static str),
) {
    for (client, secret) in all {
        for app in apps {
            let page = client.send(app, secret).await;
            let (status, part) = expected(client);
            let what = format!("{why}, {}: {}", client.protocol, page.body);
            assert_eq!(page.status, status, "{what}");
            assert!(page.body.contains(part), "{what}");
        }
    }
}

#[tokio::test]
async fn what_one_process_is_told_all_processes_refuse() {
    let env = TestEnv::new().await;
    let (one, two) = (env.start().await, env.start().await);
    let apps = [&one, &two];
    let mut admin = admin(&env, &one).await;
    for (user, why, sql) in [
        ("user1", "expired", "expires_at = 1"),
        ("user2", "unused", "idle_ms = 1000, last_used_at = 1"),
        ("user4", "another network", "networks = '192.0.2.0/24'"),
    ] {
        signed_in(&env, &one, user).await;
        let all = accepted(&env, &apps, user).await;
        env.db.run(&format!("UPDATE tokens SET {sql}")).await;
        both_refuse(&apps, &all, why, |client| client.refused).await;
    }

    signed_in(&env, &one, "user5").await;
    let all = accepted(&env, &apps, "user5").await;
    env.db.run("UPDATE tokens SET rights = '{}'").await;
    both_refuse(&apps, &all, "no rights", |client| client.out_of_scope).await;

    // On pages of the first process.
    let mut browser = signed_in(&env, &one, "user6").await;
    let all = accepted(&env, &apps, "user6").await;
    for _ in &all {
        let id = "SELECT MAX(id) FROM tokens WHERE ended_at IS NULL";
        let id = env.db.number(id).await;
        let question = browser.get(&format!("/tokens/{id}/end")).await;
        browser.submit(&question.form("/tokens")).await;
    }
    both_refuse(&apps, &all, "ended", |client| client.refused).await;

    signed_in(&env, &one, "user7").await;
    let all = accepted(&env, &apps, "user7").await;
    let suspend = "UPDATE users SET suspended_at = 1 WHERE subject = 'user7'";
    env.db.run(suspend).await;
    both_refuse(&apps, &all, "suspended", |client| client.refused).await;
    let release = "UPDATE users SET suspended_at = NULL WHERE subject = 'user7'";
    env.db.run(release).await;

    let question = admin.get("/admin/delete?username=user7").await;
    let deleted = admin.submit(&question.form("/admin")).await;
    assert_eq!(deleted.status, 303, "{}", deleted.body);
    both_refuse(&apps, &all, "deleted", |client| client.refused).await;
}
