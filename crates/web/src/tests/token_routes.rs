//! The routes' matrix of tokens: what each route of the API answers a token that may do everything
//! and one that may do nothing. A route without a row fails, and so does a row without a route.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::token::TokenRights;

use super::test_app::{HOST, Reply, TestApp};
use crate::{Channel, Protection, RouteInfo, route_table};

/// A record of user1 that is there before each request; `{id}` is its number.
const RECORD: &str = r#"[{"subname":"www","type":"A","records":["192.0.2.1"]}]"#;
/// An answer to a challenge.
const CHALLENGE: &str = r#"{"fqdn":"_acme-challenge.www.user1.starchart.com.",
    "value":"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"}"#;
const UPDATE: &str = r#"{"subdomain":"www.user1.starchart.com",
    "txt":"LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"}"#;
const RRSET: &str = r#"{"subname":"new","type":"A","records":["192.0.2.1"]}"#;
const VALUES: &str = r#"{"records":["192.0.2.2"]}"#;
const PATCH: &str = r#"{"rrsets":[{"name":"new.user1.starchart.com.","type":"A","ttl":300,
    "changetype":"REPLACE","records":[{"content":"192.0.2.2"}]}]}"#;
const NEW: &str = r#"{"subname":"more","type":"A","value":"192.0.2.1"}"#;
const EDIT: &str = r#"{"value":"192.0.2.3"}"#;
const RRSETS: &str = "/api/v1/domains/{domain}/rrsets/";
const RRSET_PATH: &str = "/api/v1/domains/{domain}/rrsets/{subname}/{type}/";
const ZONE: &str = "/api/v1/servers/{server}/zones/{zone}";

/// A route, its body, and the answers to a token that may do everything and to one that may do
/// nothing.
type Row = (&'static str, &'static str, &'static str, u16, u16);

const ROWS: &[Row] = &[
    // Of another token.
    ("GET", "/api/v1/auth/tokens/", "", 200, 200),
    ("GET", "/api/v1/auth/tokens/{id}/", "", 404, 404),
    ("DELETE", "/api/v1/auth/tokens/{id}/", "", 404, 404),
    ("GET", "/api/v1/domains/", "", 200, 200),
    ("GET", "/api/v1/domains/{domain}/", "", 200, 200),
    ("GET", "/api/v1/domains/{domain}/zonefile/", "", 200, 200),
    ("GET", RRSETS, "", 200, 200),
    ("POST", RRSETS, RRSET, 201, 403),
    ("PATCH", RRSETS, RRSET, 200, 403),
    ("PUT", RRSETS, RRSET, 200, 403),
    ("GET", RRSET_PATH, "", 200, 404),
    ("PATCH", RRSET_PATH, VALUES, 200, 403),
    ("PUT", RRSET_PATH, VALUES, 200, 403),
    ("DELETE", RRSET_PATH, "", 204, 403),
    ("GET", "/api/v1/records/", "", 200, 200),
    ("POST", "/api/v1/records/", NEW, 202, 403),
    ("GET", "/api/v1/records/{id}/", "", 200, 404),
    ("PATCH", "/api/v1/records/{id}/", EDIT, 202, 404),
    ("DELETE", "/api/v1/records/{id}/", "", 204, 404),
    ("POST", "/api/v1/records/{id}/renew/", "", 200, 404),
    ("GET", "/api/v1/history/", "", 200, 200),
    ("GET", "/api/v1/certificate/", "", 200, 403),
    ("POST", "/api/v1/certificate/", "", 202, 403),
    ("GET", "/api/v1/certificate/{part}", "", 404, 403),
    ("GET", "/api/v1/certificate/{part}/", "", 404, 403),
    ("GET", "/api/v1/account/", "", 200, 200),
    ("GET", "/api", "", 200, 200),
    ("GET", "/api/v1/servers", "", 200, 200),
    ("GET", "/api/v1/servers/{server}", "", 200, 200),
    ("GET", "/api/v1/servers/{server}/zones", "", 200, 200),
    ("GET", ZONE, "", 200, 200),
    ("PATCH", ZONE, PATCH, 204, 422),
    (
        "PUT",
        "/api/v1/servers/{server}/zones/{zone}/notify",
        "",
        200,
        200,
    ),
    ("POST", "/httpreq/present", CHALLENGE, 200, 403),
    ("POST", "/httpreq/present/", CHALLENGE, 200, 403),
    ("POST", "/httpreq/cleanup", CHALLENGE, 200, 403),
    ("POST", "/httpreq/cleanup/", CHALLENGE, 200, 403),
    // Only a token for one name is an account.
    ("POST", "/acme-dns/register", "", 400, 400),
    ("POST", "/acme-dns/update", UPDATE, 200, 403),
    ("POST", "/acme-dns/update/", UPDATE, 200, 403),
    // dyndns2 says it in the body.
    ("GET", "/nic/update", "", 200, 200),
    ("GET", "/nic/update/", "", 200, 200),
    ("GET", "/dyndns/update", "", 200, 404),
    ("GET", "/dyndns/update/", "", 200, 404),
];

fn all_rights() -> TokenRights {
    let rights = serde_json::json!({
        "records": [{ "access": "write", "names": "all", "types": [] }],
        "certificate": { "read": true, "read_key": true, "request": true },
    });
    serde_json::from_value(rights).unwrap()
}

fn path(route: &RouteInfo, id: i64) -> String {
    let path = route
        .path
        .replace("{id}", &id.to_string())
        .replace("{part}", "chain")
        .replace("{domain}", "user1.starchart.com")
        .replace("{subname}", "www")
        .replace("{type}", "A")
        .replace("{server}", "localhost")
        .replace("{zone}", "user1.starchart.com.");
    match route.channel {
        Channel::DynDns => format!("{path}?hostname=home.user1.starchart.com&myip=192.0.2.9"),
        _ => path,
    }
}

/// Sends a request with the secret where the clients of the protocol put it.
async fn send(
    sender: &impl AsyncFn(TestRequest) -> Reply,
    route: &RouteInfo,
    secret: &str,
    (id, body): (i64, &'static str),
) -> Reply {
    let basic = || format!("Basic {}", STANDARD.encode(format!("user:{secret}")));
    let (name, value) = match route.channel {
        Channel::PowerDns | Channel::AcmeDns => ("x-api-key", secret.to_owned()),
        Channel::Httpreq | Channel::DynDns => ("authorization", basic()),
        _ => ("authorization", format!("Token {secret}")),
    };
    let mut request = TestRequest::with_uri(&path(route, id))
        .method(route.method.clone())
        .insert_header(("host", HOST))
        .insert_header((name, value));
    if !body.is_empty() {
        request = request
            .insert_header(("content-type", "application/json"))
            .set_payload(body);
    }
    sender(request).await
}

#[actix_web::test]
async fn every_route_of_the_api_answers_a_token_as_listed() {
    let test_app = TestApp::with(|config| config.limits.records_per_user = None).await;
    let may_all = test_app.token("user1", all_rights()).await;
    let sender = test_app.sender().await;
    let may_nothing = test_app.token("user1", TokenRights::default()).await;
    let routes = || route_table().filter(|info| info.protection == Protection::Token);
    let put = routes().find(|info| info.path == RRSETS && info.method == "PUT");
    for route in routes() {
        let what = format!("{} {}", route.method, route.path);
        let row = ROWS
            .iter()
            .find(|(method, path, ..)| route.method == *method && route.path == *path);
        let Some(&(_, _, body, for_all, for_none)) = row else {
            panic!("no row for {what}");
        };
        send(&sender, put.unwrap(), &may_all, (0, RECORD)).await;
        let id = "SELECT MAX(id) FROM dns_records WHERE fqdn LIKE 'www.%'";
        let id = test_app.query_number(id).await;
        for (secret, status) in [(&may_nothing, for_none), (&may_all, for_all)] {
            // The number of no token.
            let id = if route.path.contains("tokens") {
                99
            } else {
                id
            };
            let reply = send(&sender, route, secret, (id, body)).await;
            assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.body);
            assert!(reply.cookies().is_empty(), "{what}");
            if route.channel == Channel::DynDns {
                let word = if secret == &may_all {
                    "192.0.2.9"
                } else {
                    "nohost"
                };
                assert!(reply.body.contains(word), "{what}: {}", reply.body);
            }
        }
    }
    assert_eq!(routes().count(), ROWS.len(), "a row too many");
}
