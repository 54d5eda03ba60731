//! The commands of the program, one file each.

pub(crate) mod check_config;
#[cfg(feature = "demo")]
pub(crate) mod demo;
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
use starchart_saml::{MetadataError, ServiceProvider};
use starchart_settings::{Loaded, Problem, Problems, Settings, Sources};
use starchart_store::{Error, SchemaState, Store};

/// Makes the parts that a server needs but other commands do not: the SAML service provider and the
/// client of the DNS provider.
///
/// # Errors
/// Returns every fault with its setting.
fn foreign_parts(settings: &Settings) -> Result<(ServiceProvider, Arc<dyn Provider>), Problems> {
    let saml = crate::wire::saml(settings, crate::wire::clock()).map_err(|fault| match fault {
        MetadataError::DecryptionKey(advice) => Problem {
            name: "SAML_DECRYPTION_KEY".to_owned(),
            advice: advice.to_owned(),
        },
        fault => Problem {
            name: "SAML_IDP_METADATA_PATH".to_owned(),
            advice: format!("the identity provider's metadata cannot be used: {fault}"),
        },
    });
    match (crate::wire::provider(settings), saml) {
        (Ok(provider), Ok(saml)) => Ok((saml, provider)),
        (provider, saml) => {
            let problems: Vec<Problem> = provider.err().into_iter().chain(saml.err()).collect();
            Err(problems.into())
        }
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
        loaded.settings.log_level.as_str(),
        loaded.settings.environment.is_production(),
    );
    for notice in &loaded.notices {
        tracing::warn!(notice, "settings");
    }
    Ok(loaded)
}
