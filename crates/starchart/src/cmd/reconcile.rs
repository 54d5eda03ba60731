//! `starchart reconcile --dry-run`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use starchart_domain::plan::SetChange;
use starchart_domain::rrset::Rrset;

use crate::wire::Names;

/// What to do about the difference.
#[derive(Args)]
pub(crate) struct Options {
    /// List the zone, print what differs from the database, and change nothing.
    #[arg(long, required = true)]
    dry_run: bool,
}

pub(crate) async fn run(env_file: Option<PathBuf>, _: Options) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::boot::connect(&loaded.settings, &stop).await? else { return Ok(ExitCode::from(1)) };
    let limiter = crate::wire::limiter(&loaded.settings);
    let names = Names { zone: crate::wire::route53(&loaded.settings, Arc::clone(&limiter))?, limiter };
    let certificates = Err("not needed to compare".to_owned());
    let queue = Arc::new(starchart_jobs::Deaf);
    let context = crate::wire::worker(&loaded.settings, store, names, &certificates, None, queue, stop);
    let found = starchart_worker::reconcile(&context).await?;
    println!("{} sets in the zone, {} of them not ours", found.listed, found.foreign.len());
    for (name, changes) in &found.changes {
        for change in changes {
            println!("{}", line(name, change));
        }
    }
    let differences: usize = found.changes.iter().map(|(_, changes)| changes.len()).sum();
    println!("{differences} differences; nothing was changed");
    Ok(ExitCode::SUCCESS)
}

fn line(name: &str, change: &SetChange) -> String {
    let rtype = change.rtype();
    match change {
        SetChange::Create(set) => format!("+ {name} {rtype} {}", values(set)),
        SetChange::Delete(set) => format!("- {name} {rtype} {}", values(set)),
        SetChange::Replace { old, new } => format!("~ {name} {rtype} {} -> {}", values(old), values(new)),
    }
}

fn values(set: &Rrset) -> String {
    set.body.values.iter().cloned().collect::<Vec<_>>().join(", ")
}
