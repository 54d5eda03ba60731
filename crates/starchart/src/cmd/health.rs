//! `starchart health`: the container's health check.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use starchart_settings::{Settings, Sources};

/// Check a server that runs on this machine.
#[derive(Args)]
pub(crate) struct Options {
    /// Check readiness, including the database. Without this option only liveness is checked: a
    /// restart would not repair the database.
    #[arg(long)]
    ready: bool,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let port = Settings::read(&Sources::from_process(env_file))?
        .settings
        .app
        .port;
    let (path, yes, no) = match options.ready {
        true => ("/healthcheck", "ready", "not ready"),
        false => ("/alive", "alive", "not ready yet"),
    };
    let status = crate::http::status_of(port, path)
        .await
        .with_context(|| format!("nothing answers on port {port}"))?;
    println!("{}", if status == 200 { yes } else { no });
    Ok(ExitCode::from(u8::from(status != 200)))
}
