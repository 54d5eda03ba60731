//! `starchart migrate`: applies pending migrations.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use starchart_domain::plural::pluralize;
use starchart_store::{Migrated, SchemaState};

pub(crate) async fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::database::connect(&loaded.settings, &stop).await? else {
        return Ok(ExitCode::from(1));
    };
    if store.schema().await? == SchemaState::HalfWiped {
        println!(
            "a wipe of the database was begun and is not finished: finishing it; what is left of \
             our old tables goes"
        );
    }
    let Migrated { steps, wiped } = store
        .migrate()
        .await
        .context("the schema cannot be migrated")?;
    if let Some(tables) = wiped {
        for table in &tables {
            println!("dropped and recreated: {table}");
        }
        println!(
            "the wipe is finished ({}); the zone was not changed, and publishing is paused: \
             starchart reconcile --dry-run",
            pluralize(tables.len(), "table", "tables")
        );
    }
    println!(
        "{} applied, the schema is up to date",
        pluralize(steps, "migration", "migrations")
    );
    Ok(ExitCode::SUCCESS)
}
