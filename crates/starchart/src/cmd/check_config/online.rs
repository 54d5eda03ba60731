//! Tries each server that the settings name, with the parts that `run` uses.

use std::fmt;
use std::time::{Duration, Instant};

use starchart_dns::propagation::Propagation;
use starchart_dns::provider::{Provider, ProviderError};
use starchart_domain::error::error_chain;
use starchart_settings::{Redis, Settings};
use starchart_store::{ConnectError, SchemaState, Store};

use crate::cmd::Parts;
use crate::wire;

/// The time limit of one trial.
const LIMIT: Duration = Duration::from_secs(45);

/// What came of one trial.
pub(super) enum Outcome {
    Works(String),
    /// The feature is off, and why.
    Off(String),
    Fails(String),
}

/// One line of the output.
pub(super) struct Line {
    settings: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Line {
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Fails(_))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match &self.outcome {
            Outcome::Works(text) => ("works", text),
            Outcome::Off(text) => ("off", text),
            Outcome::Fails(text) => ("FAILS", text),
        };
        let text = text.replace(['\n', '\r'], " ");
        let ms = self.took.as_millis();
        write!(f, "{}: {word} ({ms} ms): {text}", self.settings)
    }
}

/// Tries all servers at once and returns one line for each.
pub(super) async fn try_servers(settings: &Settings, parts: &Parts) -> Vec<Line> {
    let provider = parts.provider.as_ref();
    let servers_setting = match settings.zone.dns_servers.is_empty() {
        true => "ROOT_DOMAIN (name servers)",
        false => "DNS_SERVERS",
    };
    let lines = tokio::join!(
        timed("DATABASE_URL", database(settings)),
        timed("REDIS_URL", redis(settings)),
        timed("SAML_IDP_METADATA_PATH", metadata(parts)),
        timed("SMTP_HOST", mail(settings, parts)),
        timed(
            provider.capabilities().zone_setting,
            zone(settings, provider)
        ),
        timed(servers_setting, name_servers(settings, provider)),
        timed("LETS_ENCRYPT_DIRECTORY_URL", authority(parts)),
    );
    let (database, redis, metadata, mail, zone, servers, authority) = lines;
    vec![database, redis, metadata, mail, zone, servers, authority]
}

async fn timed(settings: &'static str, trial: impl Future<Output = Outcome>) -> Line {
    let start = Instant::now();
    let outcome = tokio::time::timeout(LIMIT, trial)
        .await
        .unwrap_or_else(|_| Outcome::Fails(format!("no result within {} s", LIMIT.as_secs())));
    Line {
        settings,
        outcome,
        took: start.elapsed(),
    }
}

async fn database(settings: &Settings) -> Outcome {
    let store = match Store::connect(&wire::connect_options(settings)).await {
        Ok(store) => store,
        Err(error @ ConnectError::Unreachable(_)) => {
            return Outcome::Fails(format!("{error}; check host, port and firewall"));
        }
        Err(error) => return Outcome::Fails(error.to_string()),
    };
    let outcome = match (store.check_rights().await, store.schema().await) {
        (Err(error), _) => Outcome::Fails(error_chain(&error)),
        (Ok(()), Err(error)) => Outcome::Fails(error_chain(&error)),
        (Ok(()), Ok(state)) => schema(&state),
    };
    store.close().await;
    outcome
}

fn schema(state: &SchemaState) -> Outcome {
    let text = match state {
        SchemaState::Fits => "the user has all rights, the schema is up to date".to_owned(),
        SchemaState::Pending(count) => {
            format!("the user has all rights, {count} migrations are pending")
        }
        SchemaState::HalfWiped => "an interrupted wipe is finished at the next start".to_owned(),
        SchemaState::Newer(_) => "the schema is newer than this program".to_owned(),
        SchemaState::PreRelease => {
            return Outcome::Fails(starchart_store::Error::PreReleaseSchema.to_string());
        }
    };
    Outcome::Works(text)
}

async fn redis(settings: &Settings) -> Outcome {
    let url = match &settings.redis {
        Redis::Url(url) => url,
        Redis::InProcess => return Outcome::Off("memory: one process only".to_owned()),
        Redis::Disabled => return Outcome::Off("none: no wake-ups".to_owned()),
    };
    match starchart_jobs::check(url).await {
        Ok(()) => Outcome::Works("Redis counts for us".to_owned()),
        Err(error) => Outcome::Fails(format!(
            "{}; check host, port, user and password",
            error_chain(&error)
        )),
    }
}

async fn metadata(parts: &Parts) -> Outcome {
    match parts.saml.warnings(wire::clock()).len() {
        0 => Outcome::Works("the identity provider's metadata is valid".to_owned()),
        count => Outcome::Works(format!("usable, with the warnings above ({count})")),
    }
}

async fn mail(settings: &Settings, parts: &Parts) -> Outcome {
    let Some(mailer) = &parts.mailer else {
        let reason = settings.mail.disabled_reason().unwrap_or("no sender");
        return Outcome::Off(reason.to_owned());
    };
    match mailer.check().await {
        Ok(()) => Outcome::Works("signed in, no mail was sent".to_owned()),
        Err(fault) => {
            let advice = fault.advice().unwrap_or_default();
            Outcome::Fails(format!("{fault}. {advice}"))
        }
    }
}

/// Compares the zone's domain with ROOT_DOMAIN and reads the RRsets at its apex.
async fn zone(settings: &Settings, provider: &dyn Provider) -> Outcome {
    let root = settings.zone.root_domain.as_str();
    let fails = |error: ProviderError| {
        let names = settings.zone.provider.access_settings().join(", ");
        Outcome::Fails(format!("{error}; check {names}"))
    };
    let domain = match provider.domain().await {
        Ok(domain) if domain != root => {
            return Outcome::Fails(format!(
                "it is the zone of {domain}, but ROOT_DOMAIN is {root}; correct one of them"
            ));
        }
        // `run` accepts credentials that may not read the zone's name.
        Err(ProviderError::Denied(_)) => None,
        Err(error) => return fails(error),
        Ok(domain) => Some(domain),
    };
    match (provider.read(root).await, domain) {
        (Ok(_), Some(domain)) => Outcome::Works(format!("the zone of {domain} can be read")),
        (Ok(_), None) => Outcome::Works("can be read, but its name cannot".to_owned()),
        (Err(error), _) => fails(error),
    }
}

/// Asks every name server of the zone for a record at its apex; any answer will do.
async fn name_servers(settings: &Settings, provider: &dyn Provider) -> Outcome {
    let configured = settings.zone.dns_servers.iter().map(ToString::to_string);
    let propagation = Propagation::new(configured.collect());
    let servers = match propagation.servers(provider).await {
        Ok(servers) => servers,
        Err(error) => return Outcome::Fails(format!("the zone's list cannot be read: {error}")),
    };
    let silent = servers
        .list_silent(settings.zone.root_domain.as_str())
        .await;
    let count = servers.servers().len();
    match silent.is_empty() {
        true => Outcome::Works(format!("all {count} name servers answer")),
        false => Outcome::Fails(format!(
            "{} of {count} do not answer for the zone ({}); check their names, and that UDP and \
             TCP port 53 are open from here",
            silent.len(),
            silent.join("; ")
        )),
    }
}

async fn authority(parts: &Parts) -> Outcome {
    match &parts.certificates {
        Err(reason) => Outcome::Off(reason.clone()),
        Ok(authority) => match authority.check_directory().await {
            Ok(()) => Outcome::Works("the CA's directory can be read".to_owned()),
            Err(error) => {
                let advice = error.advice().unwrap_or_default();
                Outcome::Fails(format!("{error}. {advice}"))
            }
        },
    }
}
