#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::cookie::Cookie;
use actix_web::http::header::{HeaderMap, LOCATION, SET_COOKIE};
use actix_web::http::{Method, StatusCode};
use actix_web::{App as ActixApp, test, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::Connection;
use starchart_domain::names::Label;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::token::{Networks, NewToken, TokenRights, TokenSecret};
use starchart_domain::user::{AttributeNames, Groups, Identity, Subject};
use starchart_jobs::{LocalCounters, Queue, WakeUp};
use starchart_saml::issuer::{AuthnRequest, Issuer, Response, SamlIdentity, parse_authn_request};
use starchart_saml::{ServiceProvider, ServiceProviderConfig};
use starchart_settings::{Settings, Sources};
use starchart_store::trail::AuditContext;
use starchart_store::{ConnectOptions, Store, tokens, users};
use url::Url;

use crate::{App, Readiness, VersionInfo, WebConfig, configure};

pub(crate) const ORIGIN: &str = "https://domains.example.edu";
pub(crate) const HOST: &str = "domains.example.edu";
const SIGN_ON: &str = "https://idp.example.edu/sso";

/// A queue that carries nothing and counts the wake-ups.
#[derive(Default)]
pub(crate) struct CountingQueue(AtomicUsize);

impl CountingQueue {
    pub(crate) fn wake_ups(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Queue for CountingQueue {
    fn wake(&self, _: WakeUp) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    async fn next(&self) -> WakeUp {
        std::future::pending().await
    }
}

/// The web application with a database, an identity provider and a counting queue.
pub(crate) struct TestApp {
    pub(crate) app: web::Data<App>,
    pub(crate) store: Store,
    pub(crate) queue: Arc<CountingQueue>,
    issuer: Issuer,
    folder: tempfile::TempDir,
}

/// A response with its whole body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get(LOCATION)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// Returns a header, or an empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub(crate) fn cookies(&self) -> Vec<Cookie<'static>> {
        self.headers
            .get_all(SET_COOKIE)
            .map(|line| Cookie::parse(line.to_str().unwrap().to_owned()).unwrap())
            .collect()
    }

    /// Returns the CSRF token of the first form.
    pub(crate) fn token(&self) -> String {
        let at = self
            .body
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .unwrap();
        at.split('"').next().unwrap().to_owned()
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut WebConfig)) -> Self {
        let created = Self::without_database(change).await;
        created.app.attach_store(created.store.clone());
        created
    }

    /// Creates the application of a process that has not reached its database.
    pub(crate) async fn without_database(change: impl FnOnce(&mut WebConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!(
            "sqlite://{}?mode=rwc",
            folder.path().join("web.db").display()
        );
        // 32 zero bytes.
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
        let settings = settings(folder.path());
        let attributes = settings.sign_in.attributes.clone();
        let mut config = config(settings);
        change(&mut config);
        let saml = Arc::new(provider(&issuer, attributes, store.now().await.unwrap()));
        let queue = Arc::new(CountingQueue::default());
        let counters = Arc::new(LocalCounters::default());
        let app = App::new(
            config,
            saml,
            Arc::clone(&queue) as Arc<dyn Queue>,
            counters,
            Arc::new(Readiness::default()),
        );
        Self {
            app: web::Data::new(app),
            store,
            queue,
            issuer,
            folder,
        }
    }

    pub(crate) fn database_url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("web.db").display())
    }

    /// Executes SQL in the database.
    pub(crate) async fn execute_sql(&self, sql: &str) {
        let url = self.database_url();
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut database)
            .await
            .unwrap();
    }

    /// Queries a number from the database.
    pub(crate) async fn query_number(&self, sql: &str) -> i64 {
        let url = self.database_url();
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut database)
            .await
            .unwrap()
    }

    /// Creates a token of this user, who gets their label if they have none, with these rights.
    /// Returns its secret.
    pub(crate) async fn token(&self, username: &str, rights: TokenRights) -> String {
        self.token_with(username, |new| new.rights = rights).await
    }

    /// Creates a token without rights, for 90 days and every network, after a change.
    pub(crate) async fn token_with(
        &self,
        username: &str,
        change: impl FnOnce(&mut NewToken),
    ) -> String {
        let identity = Identity {
            subject: Subject::parse(username).unwrap(),
            username: username.to_owned(),
            display_name: username.to_owned(),
            email: format!("{username}@example.edu"),
            groups: Groups::default(),
            name_id: None,
            session_index: None,
        };
        let user = users::sign_in(&self.store, &identity).await.unwrap();
        if user.label.is_none() {
            let label = Label::parse(username).unwrap();
            let claimed = users::claim_label(&self.store, user.id, &label).await;
            claimed.unwrap();
        }
        let now = self.store.now().await.unwrap();
        let mut new = NewToken {
            name: "test".to_owned(),
            rights: TokenRights::default(),
            networks: Networks::default(),
            expires_at: now.plus(90 * 24 * 60 * 60 * 1_000),
            idle_ms: None,
        };
        change(&mut new);
        let secret = TokenSecret::from_random(&rand::random());
        let context = AuditContext {
            actor: user.id,
            on_behalf_of: None,
            token: None,
            request_id: "test",
        };
        let created = tokens::create(&self.store, user.id, &new, &secret, &context).await;
        created.unwrap();
        secret.expose().to_owned()
    }

    /// Makes the application. That takes longer than a request: a test of many makes it once.
    pub(crate) async fn sender(&self) -> impl AsyncFn(test::TestRequest) -> Reply + use<> {
        let service =
            test::init_service(ActixApp::new().configure(configure(self.app.clone()))).await;
        async move |request: test::TestRequest| {
            let response = test::call_service(&service, request.to_request()).await;
            let status = response.status();
            let headers = response.headers().clone();
            let body = to_bytes(response.into_body())
                .await
                .unwrap_or_else(|_| panic!("incomplete body"));
            Reply {
                status,
                headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            }
        }
    }

    pub(crate) async fn send(&self, request: test::TestRequest) -> Reply {
        let send = self.sender().await;
        send(request).await
    }

    /// Returns the identity provider's response to a sign-in redirect, and the relay state.
    pub(crate) fn saml_response(&self, redirect: &str, username: &str) -> (String, String) {
        self.saml_response_with(redirect, username, |_| {})
    }

    /// Returns the same after a change, which is signed.
    pub(crate) fn saml_response_with(
        &self,
        redirect: &str,
        username: &str,
        change: impl FnOnce(&mut Response),
    ) -> (String, String) {
        let url = Url::parse(redirect).unwrap();
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let seen: AuthnRequest = parse_authn_request(&query["SAMLRequest"]).unwrap();
        let is_admin = ["user3", "han.solo"].contains(&username);
        let group = if is_admin {
            "mycustomdomain-admins"
        } else {
            "mycustomdomain-students"
        };
        let identity = SamlIdentity {
            username: username.to_owned(),
            display_name: format!("{username} <b>&"),
            email: format!("{username}@example.edu"),
            groups: vec![group.to_owned()],
        };
        let mut response = self.issuer.response(&seen, &identity);
        change(&mut response);
        let response = STANDARD.encode(response.sign(&self.issuer).unwrap());
        (response, query["RelayState"].clone())
    }
}

/// Returns the settings of a school that sets little, so that all others have their defaults.
fn settings(folder: &Path) -> Settings {
    std::fs::write(folder.join("idp.xml"), "<EntityDescriptor/>").unwrap();
    let variables = [
        ("STARCHART_ENV", "test"),
        ("APP_URL", ORIGIN),
        ("SUPPORT_CONTACT", "help@example.edu"),
        ("DATABASE_URL", "sqlite://web.db"),
        ("SESSION_SECRET", "a test secret that is long enough for it"),
        ("SAML_IDP_METADATA_PATH", "idp.xml"),
        ("USER_DNS_RECORD_LIMIT", "3"),
        ("RATE_LIMIT_RECORD_WRITES_PER_MINUTE", "300"),
    ];
    let sources = Sources {
        variables: BTreeMap::from(variables.map(|(name, value)| (name.into(), value.into()))),
        env_file: None,
        folder: folder.to_owned(),
        secrets: folder.join("secrets"),
    };
    Settings::read(&sources).unwrap().settings
}

fn config(settings: Settings) -> WebConfig {
    WebConfig {
        app_url: settings.app.url,
        site: settings.app.site,
        root_domain: settings.zone.root_domain,
        name_lists: settings.names,
        limits: settings.limits,
        api: settings.api,
        session_secrets: settings.sign_in.session_secrets,
        group_names: settings.sign_in.groups,
        trusted_proxies: settings.app.trusted_proxies,
        form_action_origins: settings.sign_in.form_action_origins,
        lookup_server: None,
        dns_provider: "Route53",
        version: VersionInfo {
            version: "0.1.0".to_owned(),
            commit: "abcdef0123".to_owned(),
            built: "2026-11-21".to_owned(),
            schema: "m0001".to_owned(),
        },
        development: false,
        caa_identities: settings.certificates.caa_identities,
        certificates_off: None,
    }
}

fn provider(issuer: &Issuer, attributes: AttributeNames, now: Timestamp) -> ServiceProvider {
    let config = ServiceProviderConfig {
        entity_id: format!("{ORIGIN}/sp"),
        acs_url: format!("{ORIGIN}/login/callback"),
        slo_url: format!("{ORIGIN}/logout/callback"),
        idp_metadata_xml: issuer
            .metadata_xml(SIGN_ON, Some("https://idp.example.edu/slo"))
            .unwrap(),
        clock_skew: Duration::from_secs(60),
        attributes,
        require_https_acs: true,
        decryption_key: None,
    };
    ServiceProvider::new(config, now).unwrap()
}

/// A browser that keeps cookies and sends `Origin` with its forms.
pub(crate) struct Browser<'a> {
    pub(crate) test_app: &'a TestApp,
    pub(crate) jar: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(test_app: &'a TestApp) -> Self {
        Self {
            test_app,
            jar: BTreeMap::new(),
        }
    }

    /// Creates a browser and signs this user in.
    pub(crate) async fn signed_in(test_app: &'a TestApp, username: &str) -> Self {
        let mut browser = Self::new(test_app);
        let signed_in = browser.sign_in(username, "/").await;
        assert_eq!(
            signed_in.status,
            StatusCode::SEE_OTHER,
            "{}",
            signed_in.body
        );
        browser
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        let request = test::TestRequest::with_uri(path).insert_header(("host", HOST));
        self.send(request).await
    }

    /// Requests a path with this value of `Sec-Fetch-Site`.
    pub(crate) async fn get_from_site(&mut self, site: &str, path: &str) -> Reply {
        let request = test::TestRequest::with_uri(path)
            .insert_header(("host", HOST))
            .insert_header(("sec-fetch-site", site));
        self.send(request).await
    }

    /// Posts a form with a valid CSRF token.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = self.csrf_token().await;
        self.submit(Method::POST, path, &token, fields).await
    }

    pub(crate) async fn submit(
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
            .set_payload(form_body(token, fields));
        self.send(request).await
    }

    /// Returns the CSRF token of a page that this browser can open.
    pub(crate) async fn csrf_token(&mut self) -> String {
        let page = self.get("/login").await;
        let page = if page.status == StatusCode::OK {
            page
        } else {
            self.get("/dns-records/instructions").await
        };
        page.token()
    }

    pub(crate) async fn send(&mut self, mut request: test::TestRequest) -> Reply {
        for (name, value) in &self.jar {
            request = request.cookie(Cookie::new(name.clone(), value.clone()));
        }
        let reply = self.test_app.send(request).await;
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

    /// Presses the sign-in button and returns the redirect URL to the identity provider.
    pub(crate) async fn start_sign_in(&mut self, redirect_to: &str) -> String {
        let reply = self.post("/login", &[("redirectTo", redirect_to)]).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        assert!(
            reply.location().starts_with(SIGN_ON),
            "{}",
            reply.location()
        );
        reply.location().to_owned()
    }

    /// Signs in and returns the last response.
    pub(crate) async fn sign_in(&mut self, username: &str, redirect_to: &str) -> Reply {
        let redirect = self.start_sign_in(redirect_to).await;
        let (response, relay) = self.test_app.saml_response(&redirect, username);
        let posted = self.test_app.post_saml_response(&response, &relay).await;
        assert_eq!(posted.status, StatusCode::SEE_OTHER, "{}", posted.body);
        self.get(posted.location()).await
    }
}

impl TestApp {
    /// Posts a SAML response as the identity provider's page does: cross-site and without cookies.
    pub(crate) async fn post_saml_response(&self, response: &str, relay: &str) -> Reply {
        let request = test::TestRequest::post()
            .uri("/login/callback")
            .insert_header(("host", HOST))
            .insert_header(("origin", "https://idp.example.edu"))
            .insert_header(("sec-fetch-site", "cross-site"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload(form_body(
                "",
                &[("SAMLResponse", response), ("RelayState", relay)],
            ));
        self.send(request).await
    }
}

pub(crate) fn form_body(token: &str, fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if !token.is_empty() {
        form.append_pair("csrf_token", token);
    }
    form.extend_pairs(fields).finish()
}
