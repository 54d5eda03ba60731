//! `starchart run`, `serve` and `work`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::boot::{self, Service};
use crate::wire::Names;

/// Which parts of the program this process is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Pages and work.
    Both,
    /// Pages only.
    Pages,
    /// Work only; the port answers health checks.
    Work,
}

impl Parts {
    /// The command.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Both => "run",
            Self::Pages => "serve",
            Self::Work => "work",
        }
    }
}

pub(crate) async fn run(env_file: Option<PathBuf>, parts: Parts) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let settings = loaded.settings;
    tracing::info!(
        pid = std::process::id(),
        version = crate::build::VERSION,
        commit = crate::build::COMMIT,
        environment = settings.environment.as_str(),
        "starting"
    );
    // What an operator must mend comes first, before anything is waited for.
    let saml = super::saml_of(&settings)?;
    for warning in saml.warnings(crate::wire::clock()) {
        tracing::warn!(warning = %warning, "SAML_IDP_METADATA_PATH: look at the identity provider's metadata");
    }
    let limiter = crate::wire::limiter(&settings);
    let names = Names {
        zone: crate::wire::route53(&settings, Arc::clone(&limiter))?,
        limiter,
    };
    let certificates = crate::wire::certificates(&settings)?;
    let mailer = crate::wire::mail::mailer(&settings)?;
    let (saml, queue) = (Arc::new(saml), crate::wire::queue(&settings, parts)?);
    boot::serve(Service {
        settings,
        parts,
        saml,
        names,
        certificates,
        mailer,
        queue,
        ready: None,
    })
    .await
}
