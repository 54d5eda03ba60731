//! `starchart check-config`: reads and checks all settings.

use std::path::PathBuf;
use std::process::ExitCode;

use starchart_settings::{Problems, Settings, Sources, render_check};

pub(crate) fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let loaded = Settings::read(&Sources::from_process(env_file))?;
    print!("{}", render_check(&loaded));
    let mut problems = Vec::new();
    match super::foreign_parts(&loaded.settings) {
        Ok((saml, _)) => saml
            .warnings(crate::wire::clock())
            .iter()
            .for_each(|warning| println!("SAML_IDP_METADATA_PATH: {warning}")),
        Err(faulty) => problems.extend(faulty.problems),
    }
    // A notice says why certificates are off; an unusable key or root certificate is a fault.
    if let Err(faulty) = crate::wire::certificates(&loaded.settings) {
        problems.extend(faulty.problems);
    }
    if !problems.is_empty() {
        return Err(Problems::from(problems).into());
    }
    println!("The settings are complete.");
    Ok(ExitCode::SUCCESS)
}
