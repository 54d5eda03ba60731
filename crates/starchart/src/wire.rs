//! Makes the parts of the program from the settings and connects them.

pub(crate) mod mail;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::Data;
use anyhow::Context as _;
use starchart_acme::authority::Authority;
use starchart_acme::{AcmeConfig, AcmeConfigError, LetsEncrypt};
use starchart_dns::engine::zone_verifier::ZoneVerifier;
use starchart_dns::propagation::{NameServer, Propagation};
use starchart_dns::provider::Provider;
use starchart_dns::provider::route53::{Route53, Route53Config};
use starchart_domain::time::Timestamp;
use starchart_domain::words::NameRules;
use starchart_jobs::{
    Counters, InProcessQueue, LocalCounters, NullQueue, Queue, RedisOptions, RedisQueue,
    SharedCounters,
};
use starchart_mail::Mailer;
use starchart_saml::{MetadataError, ServiceProvider, ServiceProviderConfig};
use starchart_settings::{Aws, DnsProvider, Problem, Redis, Settings};
use starchart_store::{ConnectError, ConnectOptions, Store};
use starchart_web::{App, Readiness, VersionInfo, WebConfig};
use tokio_util::sync::CancellationToken;

use crate::build;
use crate::role::Role;

/// Returns this machine's time, for certificate checks and log lines only; rows use the database's
/// clock.
pub(crate) fn clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Returns the connection options of the database.
pub(crate) fn connect_options(settings: &Settings) -> ConnectOptions {
    ConnectOptions {
        url: settings.database.url.secret.clone(),
        max_connections: settings.database.url.connection_limit,
        key_encryption_keys: settings.certificates.key_encryption_keys.clone(),
        message_host: message_host(settings),
        ..Default::default()
    }
}

/// Checks that the store takes the options, without connecting.
///
/// # Errors
/// DATABASE_URL or KEY_ENCRYPTION_KEYS cannot be used.
pub(crate) fn check_database_options(settings: &Settings) -> Result<(), Problem> {
    connect_options(settings).check().map_err(|error| {
        let name = match error {
            ConnectError::Keys(_) => "KEY_ENCRYPTION_KEYS",
            _ => "DATABASE_URL",
        };
        Problem {
            name: name.to_owned(),
            advice: error.to_string(),
        }
    })
}

/// Returns the host of Message-IDs: the sender's domain, or the host of APP_URL.
pub(crate) fn message_host(settings: &Settings) -> String {
    let of_sender = settings
        .mail
        .sender
        .as_deref()
        .and_then(|sender| sender.rsplit_once('@'))
        .map(|(_, domain)| domain);
    of_sender
        .or_else(|| settings.app.url.host_str())
        .unwrap_or("localhost")
        .to_owned()
}

/// Makes the SAML service provider.
///
/// # Errors
/// The identity provider's metadata cannot be parsed or trusted.
pub(crate) fn saml(settings: &Settings, now: Timestamp) -> Result<ServiceProvider, MetadataError> {
    let at = |path: &str| format!("{}{path}", settings.app.url.as_str().trim_end_matches('/'));
    let config = ServiceProviderConfig {
        entity_id: at("/sp"),
        acs_url: at("/login/callback"),
        slo_url: at("/logout/callback"),
        idp_metadata_xml: settings.sign_in.idp_metadata.clone(),
        clock_skew: settings.sign_in.clock_skew,
        attributes: settings.sign_in.attributes.clone(),
        require_https_acs: settings.environment.is_production(),
        decryption_key: settings.sign_in.decryption_key.clone(),
    };
    ServiceProvider::new(config, now)
}

/// Makes the web application. `dns_provider` is the name of the DNS provider.
pub(crate) fn web(
    settings: &Settings,
    dns_provider: &'static str,
    certificates: &Certificates,
    saml: Arc<ServiceProvider>,
    queue: Arc<dyn Queue>,
    counters: Arc<dyn Counters>,
    readiness: Arc<Readiness>,
) -> Data<App> {
    let config = WebConfig {
        app_url: settings.app.url.clone(),
        site: settings.app.site.clone(),
        root_domain: settings.zone.root_domain.clone(),
        name_lists: settings.names.clone(),
        limits: settings.limits,
        api: settings.api.clone(),
        session_secrets: settings.sign_in.session_secrets.clone(),
        group_names: settings.sign_in.groups.clone(),
        trusted_proxies: settings.app.trusted_proxies.clone(),
        form_action_origins: settings.sign_in.form_action_origins.clone(),
        lookup_server: settings
            .zone
            .dns_servers
            .first()
            .map(|server| (server.host.clone(), server.port)),
        dns_provider,
        version: VersionInfo {
            version: build::VERSION.to_owned(),
            commit: build::COMMIT.to_owned(),
            built: build::built(),
            schema: starchart_store::schema_version(),
        },
        development: !settings.environment.is_production(),
        caa_identities: settings.certificates.caa_identities.clone(),
        certificates_off: certificates.as_ref().err().cloned(),
    };
    Data::new(App::new(config, saml, queue, counters, readiness))
}

/// Returns the rules for names: the lists of the settings with the entries that admins added.
///
/// # Errors
/// The database does not answer.
pub(crate) async fn name_rules(
    settings: &Settings,
    store: &Store,
) -> Result<NameRules, starchart_store::Error> {
    let added = starchart_store::words::list_entries(store).await?;
    let entries = added.iter().map(|(kind, entry)| (*kind, entry.as_str()));
    let contact = settings.app.site.support.clone();
    Ok(NameRules::new(&settings.names, entries, contact))
}

/// Makes the counters of rate limits, in Redis or in this process.
///
/// # Errors
/// REDIS_URL is invalid.
pub(crate) fn counters(settings: &Settings) -> anyhow::Result<Arc<dyn Counters>> {
    Ok(match &settings.redis {
        Redis::Url(url) => Arc::new(SharedCounters::new(url).context("REDIS_URL")?),
        Redis::InProcess | Redis::Disabled => Arc::new(LocalCounters::default()),
    })
}

/// Makes the queue that carries wake-ups.
///
/// # Errors
/// REDIS_URL is invalid.
pub(crate) fn queue(settings: &Settings, role: Role) -> Result<Arc<dyn Queue>, Problem> {
    let url = match &settings.redis {
        Redis::Url(url) => url.clone(),
        Redis::InProcess => return Ok(Arc::new(InProcessQueue::default())),
        Redis::Disabled => return Ok(Arc::new(NullQueue)),
    };
    // In a container this is the id of the container.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let process = format!(
        "{}-{}-{:016x}",
        role.as_str(),
        host.trim(),
        rand::random::<u64>()
    );
    let is_worker = role != Role::Web;
    let options = RedisOptions {
        url,
        process,
        is_worker,
        keep_finished: settings.timers.job_removal_every,
    };
    match RedisQueue::new(options) {
        Ok(queue) => Ok(Arc::new(queue)),
        Err(error) => Err(Problem {
            name: "REDIS_URL".to_owned(),
            advice: error.to_string(),
        }),
    }
}

/// Makes the client of the DNS provider. It sends no request before the first call.
///
/// # Errors
/// The settings do not name a hosted zone.
pub(crate) fn provider(settings: &Settings) -> Result<Arc<dyn Provider>, Problem> {
    match &settings.zone.provider {
        DnsProvider::Route53(aws) => route53(aws),
    }
}

fn route53(aws: &Aws) -> Result<Arc<dyn Provider>, Problem> {
    let hosted_zone_id = aws.zone_id.clone().ok_or_else(|| Problem {
        name: "AWS_ROUTE53_HOSTED_ZONE_ID".to_owned(),
        advice: "set the id of the hosted zone, or try `starchart demo`, which needs none"
            .to_owned(),
    })?;
    let config = Route53Config {
        hosted_zone_id,
        region: aws.region.clone(),
        access_key_id: aws.access_key_id.clone(),
        secret_access_key: aws.secret_access_key.clone(),
        session_token: aws.session_token.clone(),
        endpoint_url: aws.endpoint.as_ref().map(ToString::to_string),
        requests_per_second: aws.requests_per_second,
    };
    Ok(Arc::new(Route53::new(&config)))
}

/// Makes the context of the background jobs.
pub(crate) fn worker(
    settings: &Settings,
    store: Store,
    provider: Arc<dyn Provider>,
    certificates: &Certificates,
    mailer: Option<Arc<Mailer>>,
    queue: Arc<dyn Queue>,
    stop: CancellationToken,
) -> starchart_worker::Context {
    starchart_worker::Context {
        store,
        root: settings.zone.root_domain.clone(),
        provider,
        zone_verifier: Arc::new(ZoneVerifier::new(settings.zone.root_domain.clone())),
        propagation: Arc::new(Propagation::new(
            settings
                .zone
                .dns_servers
                .iter()
                .map(ToString::to_string)
                .collect(),
        )),
        resolvers: settings
            .zone
            .public_resolvers
            .iter()
            .map(|address| NameServer {
                name: match address.port() {
                    53 => address.ip().to_string(),
                    _ => address.to_string(),
                },
                addresses: vec![*address],
            })
            .collect(),
        authority: certificates.as_ref().ok().cloned(),
        issuance: settings.certificates.issuance,
        mailer,
        outages: Arc::default(),
        timers: settings.timers,
        queue,
        holder: format!("{}-{:016x}", std::process::id(), rand::random::<u64>()),
        stop,
    }
}

/// The certificate authority, or the reason why certificates are off.
pub(crate) type Certificates = Result<Arc<dyn Authority>, String>;

/// Makes the client of the certificate authority. It sends no request before the first order.
///
/// # Errors
/// The account key or the authority's root certificate is invalid.
pub(crate) fn certificates(settings: &Settings) -> Result<Certificates, Problem> {
    let certificates = &settings.certificates;
    if let Some(reason) = certificates.disabled_reason() {
        return Ok(Err(reason.to_owned()));
    }
    let (Some(directory), Some(account_key)) = (
        certificates.directory.clone(),
        certificates.account_key.clone(),
    ) else {
        return Ok(Err("the account is not complete".to_owned()));
    };
    let config = AcmeConfig {
        directory_url: directory,
        account_key,
        account_email: certificates.account_email.clone(),
        ca_root_path: certificates.ca_root.clone(),
        profile: certificates.profile.clone(),
    };
    match LetsEncrypt::new(&config) {
        Ok(authority) => Ok(Ok(Arc::new(authority))),
        Err(AcmeConfigError { setting, fault }) => Err(Problem {
            name: setting.to_owned(),
            advice: fault,
        }),
    }
}
