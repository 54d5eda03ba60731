//! `starchart migrate`.

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) async fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::boot::connect(&loaded.settings, &stop).await? else { return Ok(ExitCode::from(1)) };
    let applied = store.migrate().await?;
    println!("{applied} migrations applied, the schema is up to date");
    Ok(ExitCode::SUCCESS)
}
