//! `starchart run`, `serve` and `work`: starts a server process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::boot::{self, Service};
use crate::role::Role;

pub(crate) async fn run(env_file: Option<PathBuf>, role: Role) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let settings = loaded.settings;
    tracing::info!(
        pid = std::process::id(),
        version = crate::build::VERSION,
        commit = crate::build::COMMIT,
        environment = settings.environment.as_str(),
        "starting"
    );
    // Report faulty settings before waiting for anything.
    let parts = super::Parts::new(&settings, role)?;
    for warning in parts.saml.warnings(crate::wire::clock()) {
        tracing::warn!(
            warning = %warning,
            "SAML_IDP_METADATA_PATH: check the identity provider's metadata"
        );
    }
    boot::serve(Service {
        settings,
        role,
        saml: Arc::new(parts.saml),
        provider: parts.provider,
        certificates: parts.certificates,
        mailer: parts.mailer,
        queue: parts.queue,
        ready: None,
    })
    .await
}
