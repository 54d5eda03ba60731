//! The commands of the program, one file each.

pub(crate) mod check_config;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod reconcile;
pub(crate) mod run;
pub(crate) mod seed;
pub(crate) mod send_test_mail;
pub(crate) mod wipe;

use std::path::PathBuf;
use std::sync::Arc;

use starchart_dns::provider::Provider;
use starchart_jobs::Queue;
use starchart_mail::Mailer;
use starchart_saml::{MetadataError, ServiceProvider};
use starchart_settings::{Loaded, Problem, Problems, Settings, Sources};
use starchart_store::{Error, SchemaState, Store};

use crate::role::Role;
use crate::wire::{self, Certificates};

/// The parts of a server process, made from the settings without a request.
struct Parts {
    saml: ServiceProvider,
    provider: Arc<dyn Provider>,
    certificates: Certificates,
    mailer: Option<Arc<Mailer>>,
    queue: Arc<dyn Queue>,
}

impl Parts {
    /// Makes every part. `run` and `check-config` both do, so that a value which a part refuses is
    /// a fault for both.
    ///
    /// # Errors
    /// Returns every fault with its setting.
    fn new(settings: &Settings, role: Role) -> Result<Self, Problems> {
        let saml = wire::saml(settings, wire::clock()).map_err(saml_problem);
        let provider = wire::provider(settings);
        let certificates = wire::certificates(settings);
        let mailer = wire::mail::mailer(settings);
        let queue = wire::queue(settings, role);
        let database = wire::check_database_options(settings);
        match (saml, provider, certificates, mailer, queue, database) {
            (Ok(saml), Ok(provider), Ok(certificates), Ok(mailer), Ok(queue), Ok(())) => Ok(Self {
                saml,
                provider,
                certificates,
                mailer,
                queue,
            }),
            (saml, provider, certificates, mailer, queue, database) => {
                let faults = [
                    saml.err(),
                    provider.err(),
                    certificates.err(),
                    mailer.err(),
                    queue.err(),
                    database.err(),
                ];
                Err(faults.into_iter().flatten().collect::<Vec<_>>().into())
            }
        }
    }
}

/// Names the setting that the service provider refused.
fn saml_problem(fault: MetadataError) -> Problem {
    match fault {
        MetadataError::DecryptionKey(advice) => Problem {
            name: "SAML_DECRYPTION_KEY".to_owned(),
            advice: advice.to_owned(),
        },
        fault => Problem {
            name: "SAML_IDP_METADATA_PATH".to_owned(),
            advice: format!("the identity provider's metadata cannot be used: {fault}"),
        },
    }
}

/// Verifies that the schema is up to date, so that a command may use the database.
///
/// # Errors
/// Migrations are pending; the message names the command that applies them.
async fn schema_fits(store: &Store) -> anyhow::Result<()> {
    match store.schema().await? {
        SchemaState::Fits | SchemaState::Newer(_) => Ok(()),
        SchemaState::PreRelease => Err(Error::PreReleaseSchema.into()),
        SchemaState::Pending(_) => {
            anyhow::bail!(
                "the database's schema is not up to date: run `starchart migrate` first; nothing \
                 was changed"
            )
        }
        SchemaState::HalfWiped => {
            anyhow::bail!(
                "a wipe of the database was begun and is not finished: run `starchart migrate` \
                 first, which finishes it (what is left \
                 of our old tables goes); nothing was changed"
            )
        }
    }
}

/// Reads the settings and starts logging.
fn begin(env_file: Option<PathBuf>) -> anyhow::Result<Loaded> {
    let loaded = Settings::read(&Sources::from_process(env_file))?;
    crate::telemetry::start(
        loaded.settings.app.log_level.as_str(),
        loaded.settings.environment.is_production(),
    );
    for notice in &loaded.notices {
        tracing::warn!(notice, "settings");
    }
    Ok(loaded)
}
