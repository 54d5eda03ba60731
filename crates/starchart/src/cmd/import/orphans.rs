//! `starchart import --orphans`: lists or deletes RRsets that the original left in the zone.

use std::process::ExitCode;

use starchart_domain::plural::pluralize;
use starchart_worker::Context;
use starchart_worker::reconcile::plan;

use crate::cmd::reconcile::{self, report};

/// Prints the orphans and the command that deletes them.
pub(super) async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let plan = plan(context).await?;
    report::orphans(context, &plan.orphans).await?;
    println!(
        "{}; nothing was changed",
        pluralize(plan.orphans.len(), "orphan", "orphans")
    );
    if !plan.orphans.is_empty() {
        println!(
            "to delete them all: starchart import --orphans delete --count {}",
            plan.orphans.len()
        );
        println!("to keep some: --keep NAME for each, and a count without them");
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes the orphans except those at the names `keep`, if `count` is their number.
pub(super) async fn delete(
    context: &Context,
    count: usize,
    keep: &[String],
) -> anyhow::Result<ExitCode> {
    reconcile::delete_orphans(context, count, keep).await
}
