//! `starchart health`: the container's own check.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use starchart_settings::{Settings, Sources};

pub(crate) async fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let port = Settings::read(&Sources::of_process(env_file))?.settings.app.port;
    let status =
        crate::http::status_of(port, "/healthcheck").await.with_context(|| format!("nothing answers on port {port}"))?;
    println!("{}", if status == 200 { "ready" } else { "not ready" });
    Ok(ExitCode::from(u8::from(status != 200)))
}
