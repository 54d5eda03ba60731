//! What the binary hands over: settings as plain values, and the parts that run beside the web.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use starchart_domain::names::RootDomain;
use starchart_domain::secret::Secret;
use starchart_domain::user::GroupNames;
use starchart_jobs::{Counters, Queue};
use starchart_saml::ServiceProvider;
use starchart_store::Store;
use url::Url;

use crate::cookies::CookieNames;
use crate::errors::Failure;
use crate::headers::Policy;
use crate::keys::Keys;
use crate::limits::Limiters;
use crate::metrics::RequestMetrics;
use crate::views::Support;

/// What the web needs to know.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// APP_URL: the one address of the service; no path. https, or http on loopback in development.
    pub app_url: Url,
    /// APP_NAME, the heading.
    pub app_name: String,
    /// SCHOOL_NAME.
    pub school_name: String,
    /// SUPPORT_CONTACT.
    pub support_contact: Option<String>,
    /// ROOT_DOMAIN.
    pub root_domain: RootDomain,
    /// USER_DNS_RECORD_LIMIT.
    pub record_limit: Option<u32>,
    /// SESSION_SECRET: all verify, the first signs.
    pub session_secrets: Vec<Secret>,
    /// What the identity provider calls the groups.
    pub group_names: GroupNames,
    /// TRUSTED_PROXIES: only their X-Forwarded-For counts.
    pub trusted_proxies: Vec<IpNet>,
    /// SAML_FORM_ACTION_ORIGINS: origins the identity provider redirects to, beside its own.
    pub form_action_origins: Vec<String>,
    /// Where people can ask for their records when it is not the ordinary DNS (the demo's name
    /// server): host and port.
    pub lookup_server: Option<(String, u16)>,
    /// What is running.
    pub version: VersionInfo,
    /// Files are not cached by browsers.
    pub development: bool,
    /// Why no certificate can be asked for, if so; for operators, people only learn that it is so.
    pub certificates_off: Option<String>,
    /// RATE_LIMIT_*.
    pub rate_limits: RateLimits,
}

/// What `GET /version` says.
#[derive(Debug, Clone, serde::Serialize)]
pub struct VersionInfo {
    /// Of the program.
    pub version: String,
    /// Of its source.
    pub commit: String,
    /// The date it was built.
    pub built: String,
    /// The newest migration it knows.
    pub schema: String,
}

/// How often somebody may do something.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Sign-ins from one address in a minute (a class behind one NAT signs in within a minute).
    pub sign_in_per_minute: u32,
    /// Record writes of one person in a minute.
    pub record_writes_per_minute: u32,
    /// Certificates that one person may ask for in 24 hours.
    pub certificate_requests_per_day: u32,
    /// Searches of one admin in a minute.
    pub admin_searches_per_minute: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            sign_in_per_minute: 300,
            record_writes_per_minute: 30,
            admin_searches_per_minute: 60,
            certificate_requests_per_day: 3,
        }
    }
}

/// Whether this process wants to be given requests.
#[derive(Debug, Default)]
pub struct Readiness {
    /// Set at SIGTERM: `/healthcheck` says no while requests are still answered.
    pub draining: AtomicBool,
    /// Set once the schema was seen to fit; the health check looks by itself until then.
    pub schema_fits: AtomicBool,
    /// Set once the process was ready for the first time: from then on `/alive` says yes.
    pub was_ready: AtomicBool,
}

impl Readiness {
    /// Everything is there: the start is over.
    pub fn begin(&self) {
        self.was_ready.store(true, Ordering::SeqCst);
    }

    /// Whether the start is over; what happens to the database or at the end changes nothing about
    /// that.
    pub fn is_alive(&self) -> bool {
        self.was_ready.load(Ordering::SeqCst)
    }

    /// Asks for no more requests.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }
}

/// Everything the handlers share. The store arrives later than the port: set it with
/// [`App::attach_store`].
pub struct App {
    store: OnceLock<Store>,
    /// Wakes the worker.
    pub queue: Arc<dyn Queue>,
    /// The identity provider, as far as the web knows it.
    pub saml: Arc<ServiceProvider>,
    /// Settings.
    pub config: WebConfig,
    /// Shared with the process that drains.
    pub readiness: Arc<Readiness>,
    pub(crate) keys: Keys,
    pub(crate) cookies: CookieNames,
    pub(crate) policy: Policy,
    /// What was answered, for monitoring.
    pub metrics: RequestMetrics,
    pub(crate) limits: Limiters,
    pub(crate) support: Option<Support>,
}

impl App {
    /// Puts the parts together. `session_secrets` must not be empty, or no form is ever accepted.
    pub fn new(
        config: WebConfig,
        saml: Arc<ServiceProvider>,
        queue: Arc<dyn Queue>,
        counters: Arc<dyn Counters>,
        readiness: Arc<Readiness>,
    ) -> Self {
        Self {
            store: OnceLock::new(),
            keys: Keys::new(&config.session_secrets),
            cookies: CookieNames::new(config.app_url.scheme() == "https"),
            policy: Policy::new(&config, &saml.idp_origins()),
            limits: Limiters::new(config.rate_limits, counters),
            metrics: RequestMetrics::default(),
            support: config.support_contact.as_deref().and_then(Support::parse),
            queue,
            saml,
            config,
            readiness,
        }
    }

    /// Gives the handlers the database; before, they answer 503. A second store is ignored.
    pub fn attach_store(&self, store: Store) {
        if self.store.set(store).is_err() {
            tracing::warn!("the web has a store already");
        }
    }

    /// The database, once it is there.
    pub(crate) fn store(&self) -> Result<&Store, Failure> {
        self.store
            .get()
            .ok_or(Failure::Unavailable { retry_after: 10 })
    }

    /// The origin that browsers name in `Origin`: `https://host` or `https://host:port`.
    pub(crate) fn origin(&self) -> String {
        self.config.app_url.origin().ascii_serialization()
    }

    /// Shown at the foot, and part of the addresses of static files.
    pub(crate) fn version_label(&self) -> String {
        let VersionInfo {
            version, commit, ..
        } = &self.config.version;
        let short: String = commit
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(7)
            .collect();
        if short.is_empty() {
            version.clone()
        } else {
            format!("{version}-{short}")
        }
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("app_url", &self.config.app_url.as_str())
            .finish_non_exhaustive()
    }
}
