//! State that all handlers share.

use std::sync::{Arc, OnceLock};

use starchart_domain::words::NameRules;
use starchart_jobs::{Counters, Queue};
use starchart_saml::ServiceProvider;
use starchart_store::{Store, token_usage};

use crate::config::{VersionInfo, WebConfig};
use crate::cookies::CookiePolicy;
use crate::errors::Failure;
use crate::headers::SecurityHeaders;
use crate::metrics::RequestMetrics;
use crate::name_rules::NameRulesCache;
use crate::pages::SupportContact;
use crate::rate_limits::RateLimiter;
use crate::readiness::Readiness;
use crate::signing::SigningKeys;
use crate::token_usage::UsageCounters;

/// Seconds after which a client may retry while the store is not attached yet.
const STORE_RETRY_AFTER_S: u64 = 10;
/// Characters of the commit in the version label.
const SHORT_COMMIT_LENGTH: usize = 7;

/// State that all handlers share. The store may become available after the port is open: pass it
/// to [`App::attach_store`].
pub struct App {
    store: OnceLock<Store>,
    /// Carries wake-ups to the worker.
    pub queue: Arc<dyn Queue>,
    /// The SAML service provider.
    pub saml: Arc<ServiceProvider>,
    /// Settings of the web.
    pub config: WebConfig,
    /// Shared with the code that starts and drains the process.
    pub readiness: Arc<Readiness>,
    /// Counts and durations of requests.
    pub metrics: RequestMetrics,
    pub(crate) keys: SigningKeys,
    pub(crate) cookies: CookiePolicy,
    pub(crate) security_headers: SecurityHeaders,
    pub(crate) limits: RateLimiter,
    pub(crate) names: NameRulesCache,
    pub(crate) usage: UsageCounters,
    pub(crate) support: Option<SupportContact>,
}

impl App {
    /// Creates the state without a store. With empty `session_secrets` no form is ever accepted.
    pub fn new(
        config: WebConfig,
        saml: Arc<ServiceProvider>,
        queue: Arc<dyn Queue>,
        counters: Arc<dyn Counters>,
        readiness: Arc<Readiness>,
    ) -> Self {
        Self {
            store: OnceLock::new(),
            keys: SigningKeys::new(&config.session_secrets),
            cookies: CookiePolicy::new(config.app_url.scheme() == "https"),
            security_headers: SecurityHeaders::new(&config, &saml.idp_origins()),
            limits: RateLimiter::new(config.limits, &config.api, counters),
            metrics: RequestMetrics::default(),
            usage: UsageCounters::default(),
            names: NameRulesCache::new(config.name_lists.clone(), config.site.support.clone()),
            support: config
                .site
                .support
                .as_deref()
                .and_then(SupportContact::parse),
            queue,
            saml,
            config,
            readiness,
        }
    }

    /// Sets the store; until then handlers that need it answer 503. Ignores a second store.
    pub fn attach_store(&self, store: Store) {
        if self.store.set(store).is_err() {
            tracing::warn!("ignored a second store: the web has one already");
        }
    }

    /// Returns the store, or a failure with status 503 before [`App::attach_store`].
    pub(crate) fn store(&self) -> Result<&Store, Failure> {
        self.store.get().ok_or(Failure::Unavailable {
            retry_after: STORE_RETRY_AFTER_S,
        })
    }

    /// Stores how many requests API tokens have made since the last call. What cannot be stored is
    /// kept for the next one; what a process has counted when it is killed is lost.
    pub async fn store_token_usage(&self) {
        let Some(store) = self.store.get() else {
            return;
        };
        let counted = self.usage.take();
        if let Err(error) = token_usage::add(store, &counted).await {
            tracing::debug!(%error, "the counts of tokens' requests were not stored");
            self.usage.put_back(&counted);
        }
    }

    /// Returns the rules for names as they are now.
    pub(crate) async fn name_rules(&self) -> Result<Arc<NameRules>, Failure> {
        Ok(self.names.get(self.store()?).await?)
    }

    /// Returns our own origin as browsers send it in `Origin`: `https://host` or
    /// `https://host:port`.
    pub(crate) fn origin(&self) -> String {
        self.config.app_url.origin().ascii_serialization()
    }

    /// Returns version and short commit, for the footer and for the URLs of static files.
    pub(crate) fn version_label(&self) -> String {
        let VersionInfo {
            version, commit, ..
        } = &self.config.version;
        let short: String = commit
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(SHORT_COMMIT_LENGTH)
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
