//! `starchart export`: prints a user's records as a zone file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use starchart_domain::zone_file::{self, ZoneRecord};
use starchart_settings::{Settings, Sources};
use starchart_store::Store;
use starchart_store::{records, users};

/// Print a user's records as a zone file, with their notes and expiry as comments.
#[derive(Args)]
pub(crate) struct Options {
    /// The user's name at the identity provider, or their label.
    #[arg(long, value_name = "NAME")]
    user: String,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    // Without the log, which goes where the zone file goes.
    let settings = Settings::read(&Sources::from_process(env_file))?.settings;
    let store = Store::connect(&crate::wire::connect_options(&settings))
        .await
        .context("the database cannot be reached")?;
    super::schema_fits(&store).await?;
    let Some(user) = users::find_by_name(&store, &options.user).await? else {
        bail!("--user: no user has the name or the label {}", options.user);
    };
    let Some(label) = &user.label else {
        bail!("--user: {} has no label yet, so no records", user.username);
    };
    let base = settings.zone.root_domain.base(label);
    let all = records::list(&store, user.id).await?;
    let records: Vec<ZoneRecord> = all.iter().map(ZoneRecord::from).collect();
    let now = store.now().await?.to_minute();
    let heading = format!("The DNS records of {base} at {now}");
    print!("{}", zone_file::write(&base, &heading, &records));
    Ok(ExitCode::SUCCESS)
}
