#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::to_bytes;
use actix_web::cookie::Cookie;
use actix_web::http::header::{HeaderMap, LOCATION, SET_COOKIE};
use actix_web::http::{Method, StatusCode};
use actix_web::{App as ActixApp, test, web};
use sqlx::Connection;
use starchart_domain::names::RootDomain;
use starchart_domain::secret::Secret;
use starchart_domain::user::GroupNames;
use starchart_jobs::{Job, LocalCounters, Queue};
use starchart_saml::issuer::{AuthnRequest, Issuer, SamlIdentity, parse_authn_request};
use starchart_saml::{AttributeNames, ServiceProvider, ServiceProviderConfig};
use starchart_store::{ConnectOptions, Store};
use url::Url;

use crate::{App, RateLimits, Readiness, VersionInfo, WebConfig, configure};

pub(super) const ORIGIN: &str = "https://domains.example.edu";
pub(super) const HOST: &str = "domains.example.edu";
const SIGN_ON: &str = "https://idp.example.edu/sso";

/// Counts what it is told.
#[derive(Default)]
pub(super) struct Counting(pub(super) AtomicUsize);

#[async_trait::async_trait]
impl Queue for Counting {
    fn wake(&self, _: Job) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    async fn next(&self) -> Job {
        std::future::pending().await
    }
}

/// A running web and its identity provider.
pub(super) struct World {
    pub(super) app: web::Data<App>,
    pub(super) store: Store,
    pub(super) queue: Arc<Counting>,
    issuer: Issuer,
    folder: tempfile::TempDir,
}

/// An answer, read to its end.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn location(&self) -> &str {
        self.headers
            .get(LOCATION)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(super) fn cookies(&self) -> Vec<Cookie<'static>> {
        self.headers
            .get_all(SET_COOKIE)
            .map(|line| Cookie::parse(line.to_str().unwrap().to_owned()).unwrap())
            .collect()
    }

    /// The token of the first form.
    pub(super) fn token(&self) -> String {
        let at = self
            .body
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .unwrap();
        at.split('"').next().unwrap().to_owned()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut WebConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("web.db").display()
        );
        // Development only: 32 zero octets.
        let key_encryption_keys = vec![(
            "test".to_owned(),
            Secret::new(format!("{}=", "A".repeat(43))),
        )];
        let options = ConnectOptions {
            key_encryption_keys,
            ..ConnectOptions::new(Secret::new(url))
        };
        let store = Store::connect(&options).await.unwrap();
        store.migrate().await.unwrap();
        let issuer = Issuer::generate("https://idp.example.edu/metadata").unwrap();
        let mut config = config();
        change(&mut config);
        let saml = Arc::new(provider(&issuer, store.now().await.unwrap()));
        let queue = Arc::new(Counting::default());
        let counters = Arc::new(LocalCounters::default());
        let app = App::new(
            config,
            saml,
            Arc::clone(&queue) as Arc<dyn Queue>,
            counters,
            Arc::new(Readiness::default()),
        );
        app.attach_store(store.clone());
        Self {
            app: web::Data::new(app),
            store,
            queue,
            issuer,
            folder,
        }
    }

    /// What only an operator does, straight in the database.
    pub(super) async fn run(&self, sql: &str) {
        let url = format!("sqlite://{}", self.folder.path().join("web.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut database)
            .await
            .unwrap();
    }

    /// A number that an operator reads straight from the database.
    pub(super) async fn number(&self, sql: &str) -> i64 {
        let url = format!("sqlite://{}", self.folder.path().join("web.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut database)
            .await
            .unwrap()
    }

    pub(super) async fn send(&self, request: test::TestRequest) -> Reply {
        let service =
            test::init_service(ActixApp::new().configure(configure(self.app.clone()))).await;
        let response = test::call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body())
            .await
            .unwrap_or_else(|_| panic!("a body that breaks off"));
        Reply {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// The identity provider's answer to the redirect that was sent.
    pub(super) fn answer(&self, redirect: &str, username: &str) -> (String, String) {
        let url = Url::parse(redirect).unwrap();
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let seen: AuthnRequest = parse_authn_request(&query["SAMLRequest"]).unwrap();
        let is_admin = ["user3", "han.solo"].contains(&username);
        let group = if is_admin {
            "mycustomdomain-admins"
        } else {
            "mycustomdomain-students"
        };
        let person = SamlIdentity {
            username: username.to_owned(),
            display_name: format!("{username} <b>&"),
            email: format!("{username}@example.edu"),
            groups: vec![group.to_owned()],
        };
        (
            self.issuer.respond(&seen, &person).unwrap(),
            query["RelayState"].clone(),
        )
    }
}

fn config() -> WebConfig {
    WebConfig {
        app_url: Url::parse(ORIGIN).unwrap(),
        app_name: "My.Custom.Domain".to_owned(),
        school_name: "School".to_owned(),
        support_contact: Some("help@example.edu".to_owned()),
        root_domain: RootDomain::parse("starchart.com").unwrap(),
        record_limit: Some(3),
        session_secrets: vec![Secret::new("a test secret that is long enough for it")],
        group_names: GroupNames::with_prefix("mycustomdomain"),
        trusted_proxies: Vec::new(),
        form_action_origins: Vec::new(),
        lookup_server: None,
        version: VersionInfo {
            version: "0.1.0".to_owned(),
            commit: "abcdef0123".to_owned(),
            built: "2026-11-21".to_owned(),
            schema: "m0001".to_owned(),
        },
        development: false,
        certificates_off: None,
        rate_limits: RateLimits {
            sign_in_per_minute: 300,
            record_writes_per_minute: 300,
            ..RateLimits::default()
        },
    }
}

fn provider(issuer: &Issuer, now: starchart_domain::time::Timestamp) -> ServiceProvider {
    let config = ServiceProviderConfig {
        entity_id: format!("{ORIGIN}/sp"),
        acs_url: format!("{ORIGIN}/login/callback"),
        slo_url: format!("{ORIGIN}/logout/callback"),
        idp_metadata_xml: issuer
            .metadata_xml(SIGN_ON, Some("https://idp.example.edu/slo"))
            .unwrap(),
        clock_skew_s: 60,
        attributes: AttributeNames {
            subject: "sAMAccountName".to_owned(),
            display_name: "displayname".to_owned(),
            email: "email".to_owned(),
            group: "group".to_owned(),
        },
        require_https_acs: true,
    };
    ServiceProvider::new(config, now).unwrap()
}

/// A browser: it keeps cookies, and says where its forms come from.
pub(super) struct Browser<'a> {
    pub(super) world: &'a World,
    pub(super) jar: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        Self {
            world,
            jar: BTreeMap::new(),
        }
    }

    /// A browser in which this person has signed in.
    pub(super) async fn signed_in(world: &'a World, username: &str) -> Self {
        let mut browser = Self::new(world);
        let arrived = browser.sign_in(username, "/").await;
        assert_eq!(arrived.status, StatusCode::SEE_OTHER, "{}", arrived.body);
        browser
    }

    pub(super) async fn get(&mut self, path: &str) -> Reply {
        let request = test::TestRequest::with_uri(path).insert_header(("host", HOST));
        self.send(request).await
    }

    /// Asks for a path as a page of ours does (`same-origin`), or somebody else.
    pub(super) async fn get_from(&mut self, site: &str, path: &str) -> Reply {
        let request = test::TestRequest::with_uri(path)
            .insert_header(("host", HOST))
            .insert_header(("sec-fetch-site", site));
        self.send(request).await
    }

    /// Posts with the token of `/login` or of a form of the signed-in person.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = self.any_token().await;
        self.submit(Method::POST, path, &token, fields).await
    }

    pub(super) async fn submit(
        &mut self,
        method: Method,
        path: &str,
        token: &str,
        fields: &[(&str, &str)],
    ) -> Reply {
        let request = test::TestRequest::with_uri(path)
            .method(method)
            .insert_header(("host", HOST))
            .insert_header(("origin", ORIGIN))
            .insert_header(("sec-fetch-site", "same-origin"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(body(token, fields));
        self.send(request).await
    }

    /// The token that a page of this browser carries now.
    pub(super) async fn any_token(&mut self) -> String {
        let page = self.get("/login").await;
        let page = if page.status == StatusCode::OK {
            page
        } else {
            self.get("/dns-records/instructions").await
        };
        page.token()
    }

    pub(super) async fn send(&mut self, mut request: test::TestRequest) -> Reply {
        for (name, value) in &self.jar {
            request = request.cookie(Cookie::new(name.clone(), value.clone()));
        }
        let reply = self.world.send(request).await;
        for cookie in reply.cookies() {
            if cookie.max_age().is_some_and(|age| age.is_zero()) {
                self.jar.remove(cookie.name());
            } else {
                self.jar
                    .insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        reply
    }

    /// From our sign-in button to the identity provider: its address.
    pub(super) async fn begin(&mut self, redirect_to: &str) -> String {
        let reply = self.post("/login", &[("redirectTo", redirect_to)]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        assert!(
            reply.location().starts_with(SIGN_ON),
            "{}",
            reply.location()
        );
        reply.location().to_owned()
    }

    /// The whole way.
    pub(super) async fn sign_in(&mut self, username: &str, redirect_to: &str) -> Reply {
        let redirect = self.begin(redirect_to).await;
        let (response, relay) = self.world.answer(&redirect, username);
        let consumed = self.world.consume(&response, &relay).await;
        assert_eq!(consumed.status, StatusCode::SEE_OTHER, "{}", consumed.body);
        self.get(consumed.location()).await
    }
}

impl World {
    /// The post of the identity provider's page, without cookies of ours: it comes from another
    /// site.
    pub(super) async fn consume(&self, response: &str, relay: &str) -> Reply {
        let request = test::TestRequest::post()
            .uri("/login/callback")
            .insert_header(("host", HOST))
            .insert_header(("origin", "https://idp.example.edu"))
            .insert_header(("sec-fetch-site", "cross-site"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(body(
                "",
                &[("SAMLResponse", response), ("RelayState", relay)],
            ));
        self.send(request).await
    }
}

pub(super) fn body(token: &str, fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if !token.is_empty() {
        form.append_pair("csrf_token", token);
    }
    form.extend_pairs(fields).finish()
}
