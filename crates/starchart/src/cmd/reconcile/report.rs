//! Prints plans on a terminal.

use std::collections::BTreeMap;

use starchart_domain::plural::pluralize;
use starchart_store::import::{self, Progress};
use starchart_store::zone::{self, Pause};
use starchart_worker::Context;
use starchart_worker::reconcile::{Approval, BlockedRrset, Orphan, Plan, RefusedChanges};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The maximum of refused names printed at the end of a command.
const MAX_REFUSED: usize = 20;

const IMPORT_REQUIRED: &str = "the original's tables are in this database and were not imported: \
    run `starchart import --from-file PATH`, or `starchart import --skip` if no import is wanted";
const IMPORT_INTERRUPTED: &str =
    "an import was interrupted: run `starchart import --from-file PATH --apply` again";

/// Why publishing is held.
pub(super) enum Hold {
    /// Publishing is not held.
    None,
    /// Publishing is paused until an approval.
    Paused(Pause),
    /// An import is pending, with the instruction to run it; no plan can be approved before.
    Import(&'static str),
}

/// Finds out whether publishing is held now.
pub(super) async fn hold(context: &Context) -> anyhow::Result<Hold> {
    if let Some(instruction) = required_import(import::progress(&context.store).await?) {
        return Ok(Hold::Import(instruction));
    }
    Ok(zone::find_pause(&context.store)
        .await?
        .map_or(Hold::None, Hold::Paused))
}

/// Returns the instruction to run a pending import; no plan can be approved before.
pub(super) fn required_import(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Pending => Some(IMPORT_REQUIRED),
        Progress::Begun(_) => Some(IMPORT_INTERRUPTED),
        Progress::None | Progress::Finished(_) | Progress::Skipped => None,
    }
}

/// Prints a plan: foreign RRsets, orphans, differences and unpublished changes.
pub(crate) async fn plan(context: &Context, plan: &Plan) -> anyhow::Result<()> {
    let not_owned = plan.foreign.len() + plan.orphans.len() + plan.unclaimed.len();
    println!(
        "{} in the zone, {not_owned} of them not owned by Starchart",
        pluralize(plan.listed, "RRset", "RRsets")
    );
    let foreign: Vec<String> = plan
        .foreign
        .iter()
        .map(|(name, rtype)| format!("{name} {rtype}"))
        .collect();
    list("foreign, never changed", &foreign);
    orphans(context, &plan.orphans).await?;
    plan.lines().iter().for_each(|line| println!("{line}"));
    unpublished(plan, &hold(context).await?);
    Ok(())
}

/// Prints unpublished changes, which are no part of the plan.
fn unpublished(plan: &Plan, hold: &Hold) {
    let heading = match hold {
        Hold::None => "unpublished changes of users, about to be published",
        Hold::Paused(_) => {
            "unpublished changes of users, held by the pause and published when it ends"
        }
        Hold::Import(_) => {
            "unpublished changes of users, held until the import is done and its plan is approved"
        }
    };
    list(heading, &plan.unpublished_lines());
    let blocked: Vec<String> = plan.blocked.iter().map(BlockedRrset::line).collect();
    list("blocked by an RRset that is not owned", &blocked);
    match plan
        .blocked
        .iter()
        .filter(|blocked| blocked.is_adoptable)
        .count()
    {
        0 => {}
        count => println!("  starchart reconcile --adopt makes {count} of these owned"),
    }
    let refused: Vec<String> = plan
        .refused
        .iter()
        .flat_map(RefusedChanges::lines)
        .collect();
    list(
        "refused by the DNS provider; retried periodically and when the record changes",
        &refused,
    );
}

/// Prints a heading with the number of lines, and the lines; nothing when there are none.
fn list(heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("{heading} ({}):", lines.len());
        lines.iter().for_each(|line| println!("  {line}"));
    }
}

/// Prints refused names with the reasons.
pub(super) fn refused(names: &BTreeMap<String, String>) {
    println!(
        "{} refused by the DNS provider:",
        pluralize(names.len(), "name is", "names are")
    );
    names
        .iter()
        .take(MAX_REFUSED)
        .for_each(|(name, reason)| println!("  {name}: {reason}"));
    if names.len() > MAX_REFUSED {
        println!(
            "  … and {} more; the admin page lists them",
            names.len() - MAX_REFUSED
        );
    }
}

/// Prints orphans with their values and the time since an audit first saw them.
pub(crate) async fn orphans(context: &Context, orphans: &[Orphan]) -> anyhow::Result<()> {
    if orphans.is_empty() {
        return Ok(());
    }
    let now = context.store.now().await?;
    let rows = zone::list_orphans(&context.store).await?.into_iter();
    let ages: BTreeMap<(String, String), i64> = rows
        .map(|row| {
            (
                (row.fqdn, row.rtype),
                now.since(row.first_seen_at).max(0) / DAY_MS,
            )
        })
        .collect();
    println!(
        "orphans, at users' names but of no record; only --delete-orphans changes them ({}):",
        orphans.len()
    );
    for orphan in orphans {
        let seen = match ages.get(&(orphan.name.clone(), orphan.rtype.as_str().to_owned())) {
            None => "new".to_owned(),
            Some(0) => "first seen today".to_owned(),
            Some(days) => format!("first seen {} ago", pluralize(*days, "day", "days")),
        };
        println!(
            "  {} {} {} ({seen})",
            orphan.name,
            orphan.rtype,
            orphan.joined_values()
        );
    }
    Ok(())
}

/// Prints whether the plan needs approval, and the commands that an operator can run.
pub(super) fn next_steps(plan: &Plan, hold: &Hold) {
    let differences = plan.differences();
    let hash = plan.short_hash();
    let approval = plan.approval();
    println!("plan {hash}: {differences}");
    if differences.unclaimed > 0 {
        println!(
            "{} as desired but not owned: starchart reconcile --adopt",
            pluralize(differences.unclaimed, "RRset (=) is", "RRsets (=) are")
        );
    }
    match (approval, hold) {
        (approval, Hold::None) => match approval {
            Approval::NotNeeded => {}
            Approval::Automatic => {
                println!("the next audit repairs it; to repair it now: starchart reconcile --now")
            }
            Approval::Required(reason) => {
                println!("needs approval: {reason}");
                println!("to approve it: starchart reconcile --approve {hash}");
            }
        },
        (_, Hold::Import(instruction)) => {
            println!("nothing is published and no plan can be approved: {instruction}")
        }
        (approval, Hold::Paused(pause)) => {
            // A pause must not hide that the plan is large.
            if let Approval::Required(reason) = &approval {
                println!("check the plan carefully: {reason}");
            }
            println!(
                "publishing is paused since {}: {}",
                pause.since.rfc3339(),
                pause.reason
            );
            let effect = if approval == Approval::NotNeeded {
                "resume publishing"
            } else {
                "approve the plan and resume publishing"
            };
            println!("to {effect}: starchart reconcile --approve {hash}");
        }
    }
}
