//! `starchart health`: the container's own check.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use starchart_settings::{Settings, Sources};

/// What to ask.
#[derive(Args)]
pub(crate) struct Options {
    /// Ask whether it is ready now, that is, whether its database answers too. Without, a process
    /// that was ready once and answers is well: another one in its place would not bring the
    /// database back.
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
