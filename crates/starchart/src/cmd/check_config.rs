//! `starchart check-config`.

use std::path::PathBuf;
use std::process::ExitCode;

use starchart_settings::{Settings, Sources, render_check};

pub(crate) fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let loaded = Settings::read(&Sources::of_process(env_file))?;
    println!("{}", render_check(&loaded));
    for warning in super::saml_of(&loaded.settings)?.warnings(crate::wire::clock()) {
        println!("SAML_IDP_METADATA_PATH: {warning}");
    }
    // The notices said why there is none; a key or a root that cannot be used is a fault.
    let _ = crate::wire::certificates(&loaded.settings)?;
    Ok(ExitCode::SUCCESS)
}
