//! `starchart import --orphans`: what the original left behind in the zone.

use std::process::ExitCode;

use anyhow::bail;
use starchart_store::import::{self, Progress};
use starchart_worker::Context;
use starchart_worker::reconcile::plan;

use crate::cmd::reconcile::{self, report};

/// Says which there are.
pub(super) async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let plan = plan(context).await?;
    report::orphans(context, &plan.orphans).await?;
    println!("{} orphans; nothing was changed", plan.orphans.len());
    if !plan.orphans.is_empty() {
        println!("to delete them all: starchart import --orphans delete --count {}", plan.orphans.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes all of them, if there are so many.
pub(super) async fn delete(context: &Context, count: usize) -> anyhow::Result<ExitCode> {
    // Before it everything in the zone looks like an orphan.
    if let Progress::Owed | Progress::Begun(_) = import::progress(&context.store).await? {
        bail!(
            "the import has not come to its end, so nobody knows yet which sets are orphans: `starchart import --apply` first"
        );
    }
    reconcile::delete_orphans(context, count).await
}
