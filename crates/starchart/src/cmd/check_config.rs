//! `starchart check-config`: reads and checks all settings; with `--online` also tries every server
//! that they name.

mod online;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use starchart_settings::{Settings, Sources, render_check};

use crate::role::Role;

/// How far to check.
#[derive(Args)]
pub(crate) struct Options {
    /// Also try the database, Redis, the mail server, the zone, its name servers and the CA. Exit
    /// code 0: all work, 1: one does not. Nothing is sent or kept.
    #[arg(long)]
    online: bool,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let loaded = Settings::read(&Sources::from_process(env_file))?;
    print!("{}", render_check(&loaded));
    let parts = super::Parts::new(&loaded.settings, Role::All)?;
    for warning in parts.saml.warnings(crate::wire::clock()) {
        println!("SAML_IDP_METADATA_PATH: {warning}");
    }
    println!("The settings are complete.");
    if !options.online {
        return Ok(ExitCode::SUCCESS);
    }
    let lines = online::try_servers(&loaded.settings, &parts).await;
    for line in &lines {
        println!("{line}");
    }
    Ok(match lines.iter().any(online::Line::is_failure) {
        true => ExitCode::from(1),
        false => ExitCode::SUCCESS,
    })
}
