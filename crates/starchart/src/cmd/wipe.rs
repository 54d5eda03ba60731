//! `starchart wipe`: drops and recreates all tables.

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) async fn run(
    env_file: Option<PathBuf>,
    options: crate::wipe::Options,
) -> anyhow::Result<ExitCode> {
    let settings = super::begin(env_file)?.settings;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::database::connect(&settings, &stop).await? else {
        return Ok(ExitCode::from(1));
    };
    crate::wipe::by_hand(&store, &settings, &options, &stop).await
}
