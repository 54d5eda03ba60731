//! Every scope of a token with every verb, name, type and channel, over HTTP: the answer is that of
//! a small model, and what a token may not see or change is neither told nor changed.
//!
//! Each request is sent twice: with and without a row at the name that it is about. If the token
//! may not read that row, both answers are the same.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "the numbers of cases are printed")]

mod model;
mod requests;
mod world;

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use starchart_domain::token::TokenRights;

use super::test_app::{HOST, Reply, TestApp};
use model::{
    CERTIFICATE_SCOPES, Cell, Holds, OWNER, ROOT, SCOPES, Scope, cells, has_certificate,
    may_set_address, stored,
};
use requests::{
    Action, Api, ELSEWHERE, Expected, NARROW, POWERDNS, Plain, RECORDS, RRSETS, expect, request,
};
use world::World;

/// Sends requests to one application.
trait Sender {
    async fn send(&self, request: Plain, secret: &str) -> Reply;
    async fn token(&self, user: &str, rights: TokenRights) -> String;
}

/// An application that is made once: making it takes longer than a request.
struct Client<'a, F> {
    test_app: &'a TestApp,
    call: F,
}

impl<F: AsyncFn(TestRequest) -> Reply> Sender for Client<'_, F> {
    async fn send(&self, request: Plain, secret: &str) -> Reply {
        let basic = || format!("Basic {}", STANDARD.encode(format!("user:{secret}")));
        let (name, value) = match request.api {
            Api::Rest => ("authorization", format!("Token {secret}")),
            Api::PowerDns | Api::AcmeDns => ("x-api-key", secret.to_owned()),
            Api::Httpreq | Api::DynDns => ("authorization", basic()),
        };
        let mut sent = TestRequest::with_uri(&request.path)
            .method(request.method)
            .insert_header(("host", HOST))
            .insert_header((name, value));
        if !request.body.is_empty() {
            sent = sent
                .insert_header(("content-type", "application/json"))
                .set_payload(request.body);
        }
        (self.call)(sent).await
    }

    async fn token(&self, user: &str, rights: TokenRights) -> String {
        self.test_app.token(user, rights).await
    }
}

fn stored_rights(rights: &Value) -> TokenRights {
    serde_json::from_value(rights.clone()).unwrap()
}

async fn application() -> TestApp {
    TestApp::with(|config| {
        config.api.requests_per_minute = u32::MAX;
        config.limits.record_writes_per_minute = u32::MAX;
        config.limits.records_per_user = None;
    })
    .await
}

/// Every case of these verbs, in the order in which they are tried: all scopes (by their place)
/// with one cell, first without its row.
fn cases(actions: &[Action]) -> Vec<(Cell, bool, usize, Action)> {
    let mut cases = Vec::new();
    for cell in cells() {
        for is_there in [false, true] {
            for scope in 0..SCOPES.len() {
                let tried = actions
                    .iter()
                    .map(|action| (cell, is_there, scope, *action));
                cases.extend(tried.filter(|(cell, _, _, action)| is_tried(*action, cell)));
            }
        }
    }
    cases
}

/// Whether there is such a request. A list is read for one type of each name.
fn is_tried(action: Action, cell: &Cell) -> bool {
    use Action::{
        ListDomains, ListHistory, ListRecords, ListRrsets, ShowAccount, ShowZone, ShowZoneFile,
    };
    let is_list = matches!(
        action,
        ListDomains
            | ListHistory
            | ListRecords
            | ListRrsets
            | ShowAccount
            | ShowZone(_)
            | ShowZoneFile
    );
    let has_number = (cell.holds == Holds::Record).then_some(1);
    (!is_list || cell.rtype == "TXT") && request(action, cell, has_number).is_some()
}

/// What is the same in two answers that tell the same.
fn told(reply: &Reply) -> (u16, String) {
    let id = reply.header("x-request-id");
    (reply.status.as_u16(), reply.body.replace(id, ""))
}

/// Sends every request of these verbs and compares its answer, and the rows, with the model.
async fn try_all(actions: &[Action]) {
    let test_app = application().await;
    let client = Client {
        test_app: &test_app,
        call: test_app.sender().await,
    };
    let mut world = World::new(&client, &test_app.database_url()).await;
    let mut secrets = Vec::new();
    for scope in SCOPES {
        let rights = stored_rights(&stored(scope));
        secrets.push(client.token(OWNER, rights).await);
    }
    let mut without: BTreeMap<String, (u16, String)> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut before = world.dump().await;
    for (cell, is_there, scope, action) in cases(actions) {
        if world.restore((!is_there).then_some(cell)).await {
            before = world.dump().await;
        }
        let (secret, scope) = (&secrets[scope], SCOPES[scope]);
        let sent = request(action, &cell, world.ids.get(&cell.number).copied()).unwrap();
        let echoed = sent.body.clone();
        let reply = client.send(sent, secret).await;
        let after = world.dump().await;
        let what = format!(
            "{action:?} {cell:?} (there: {is_there}) by {scope:?}: {}",
            reply.body
        );

        let expected = expect(action, scope, &cell, is_there);
        check_answer(&reply, expected, &what);
        let shown = shown(&reply, &echoed);
        assert_eq!(shown.contains(&cell), expected.shows, "{what}");
        check_secrets(&shown, scope, &what);
        let mut names = vec![cell.fqdn()];
        if action == Action::MoveRecord {
            names.push(format!("{ELSEWHERE}.{OWNER}.{ROOT}"));
        }
        assert_eq!(
            after.differs_at(&before, &names),
            expected.changes,
            "{what}"
        );
        // A line about no name belongs to the change.
        if expected.changes {
            names.push(String::new());
            world.is_changed();
        }
        assert!(
            after.is_same_elsewhere(&before, &names),
            "elsewhere: {what}"
        );

        before = after;
        let key = format!("{action:?} {cell:?} {scope:?}");
        let told = told(&reply);
        let hidden = !cell.is_readable(scope);
        match without.remove(&key) {
            // What is written has the time at which it was.
            Some(other) if hidden && expected.changes => assert_eq!(told.0, other.0, "{what}"),
            Some(other) if hidden => assert_eq!(told, other, "{what}"),
            Some(_) => {}
            None => drop(without.insert(key, told)),
        }
        *counts.entry(cell.relation).or_default() += 1;
    }
    println!("{} cases: {counts:?}", counts.values().sum::<usize>());
}

fn check_answer(reply: &Reply, expected: Expected, what: &str) {
    assert_eq!(reply.status.as_u16(), expected.status, "{what}");
    assert!(reply.body.contains(expected.part), "{what}");
    assert!(reply.cookies().is_empty(), "{what}");
}

/// Returns the cells whose values an answer shows, besides those that the request has.
fn shown(reply: &Reply, echoed: &str) -> Vec<Cell> {
    let is_shown = |cell: &Cell| {
        let marker = cell.marker();
        reply.body.contains(&marker) && !echoed.contains(&marker)
    };
    cells().into_iter().filter(is_shown).collect()
}

/// Checks that the answer has nothing of what the token may not read.
fn check_secrets(shown: &[Cell], scope: Scope, what: &str) {
    for cell in shown {
        // An update of a host's addresses answers with all that the host has then.
        let is_address = cell.rtype == "AAAA" && may_set_address(scope, cell.name);
        assert!(
            cell.is_readable(scope) || is_address,
            "{}: {what}",
            cell.marker()
        );
    }
}

#[actix_web::test]
async fn rrsets_are_within_the_scope() {
    try_all(RRSETS).await;
}

#[actix_web::test]
async fn records_are_within_the_scope() {
    try_all(RECORDS).await;
}

#[actix_web::test]
async fn powerdns_is_within_the_scope() {
    try_all(POWERDNS).await;
}

#[actix_web::test]
async fn challenges_and_addresses_are_within_the_scope() {
    try_all(NARROW).await;
}

#[test]
fn thousands_of_cases_are_tried() {
    let all = [RRSETS, RECORDS, POWERDNS, NARROW];
    let count: usize = all.iter().map(|actions| cases(actions).len()).sum();
    println!("{count} cases");
    assert!(count >= 2_000, "{count}");
    for relation in [
        "own",
        "sibling",
        "base",
        "foreign",
        "root",
        "wildcard",
        "_acme-challenge",
    ] {
        for actions in all {
            let mut cases = cases(actions).into_iter();
            assert!(
                cases.any(|(cell, ..)| cell.relation == relation),
                "{relation}"
            );
        }
    }
}

#[actix_web::test]
async fn the_certificate_and_other_tokens_are_within_the_scope() {
    let test_app = application().await;
    super::certificate::with_certificate(&test_app, OWNER, 60).await;
    let client = Client {
        test_app: &test_app,
        call: test_app.sender().await,
    };
    let other = client.token(OWNER, TokenRights::default()).await;
    let other_id = test_app.query_number("SELECT MAX(id) FROM tokens").await;
    let orders = "SELECT COUNT(*) FROM certificate_orders";
    let before = test_app.query_number(orders).await;
    let mut count = 0;
    for scope in CERTIFICATE_SCOPES {
        let secret = client.token(OWNER, stored_rights(&stored(scope))).await;
        let reads = has_certificate(scope, &["read", "read_key"]);
        let reads_key = has_certificate(scope, &["read_key"]);
        let requests = has_certificate(scope, &["request"]);
        let certificate = |part: &str| format!("/api/v1/certificate/{part}");
        let tokens = |id: &str| format!("/api/v1/auth/tokens/{id}");
        let when = |allowed: bool, status: u16| if allowed { status } else { 403 };
        for (method, path, status) in [
            (Method::GET, certificate(""), when(reads || requests, 200)),
            (Method::GET, certificate("certificate/"), when(reads, 200)),
            (Method::GET, certificate("chain/"), when(reads, 200)),
            (Method::GET, certificate("fullchain/"), when(reads, 200)),
            (Method::GET, certificate("key/"), when(reads_key, 200)),
            (Method::GET, certificate("bundle/"), when(reads_key, 200)),
            (Method::GET, certificate("key"), when(reads_key, 200)),
            (Method::GET, certificate("nothing/"), 404),
            // It is not due.
            (Method::POST, certificate(""), when(requests, 409)),
            (Method::GET, tokens(""), 200),
            (Method::GET, tokens(&format!("{other_id}/")), 404),
            (Method::DELETE, tokens(&format!("{other_id}/")), 404),
        ] {
            let sent = Plain {
                api: Api::Rest,
                method,
                path,
                body: String::new(),
            };
            let what = format!("{sent:?} by {scope:?}");
            let reply = client.send(sent, &secret).await;
            assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.body);
            let has_key = reply.body.contains("PRIVATE KEY");
            let asks_key = ["/key", "/bundle"].iter().any(|part| what.contains(part));
            assert_eq!(has_key, reads_key && asks_key, "{what}");
            let has_part = reply.body.contains("BEGIN CERTIFICATE");
            assert!(!has_part || reads || reads_key, "{what}");
            assert!(!reply.body.contains(&other[..11]), "{what}");
            count += 1;
        }
    }
    println!("{count} cases");
    assert_eq!(test_app.query_number(orders).await, before);
    let live = "SELECT COUNT(*) FROM tokens WHERE ended_at IS NOT NULL";
    assert_eq!(test_app.query_number(live).await, 0);
}
