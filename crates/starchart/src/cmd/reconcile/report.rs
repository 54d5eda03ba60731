//! A plan in words, for a terminal.

use std::collections::BTreeMap;

use starchart_domain::plural::pluralize;
use starchart_store::import::{self, Progress};
use starchart_store::zone::{self, Pause};
use starchart_worker::Context;
use starchart_worker::reconcile::{Approval, BlockedRrset, Orphan, Plan, RefusedName};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// RefusedName names that are listed at the end of a command.
const SHOWN: usize = 20;

/// What keeps publishing from going on.
pub(super) enum Held {
    /// Nothing.
    No,
    /// An operator, a wipe, an import or an adoption; an approval ends it.
    Paused(Pause),
    /// Rows of the original that are not all here; what to do. Nothing can be approved before.
    Import(&'static str),
}

/// What keeps publishing from going on now.
pub(super) async fn held(context: &Context) -> anyhow::Result<Held> {
    if let Some(first) = import_first(import::progress(&context.store).await?) {
        return Ok(Held::Import(first));
    }
    Ok(zone::find_pause(&context.store)
        .await?
        .map_or(Held::No, Held::Paused))
}

/// What has to be done before any plan can be approved.
pub(super) fn import_first(progress: Progress) -> Option<&'static str> {
    match progress {
        Progress::Owed => Some(
            "the original's tables stand in this database and were not imported: run `starchart import --from-file PATH`, or \
             `starchart import --skip` where none is wanted",
        ),
        Progress::Begun(_) => {
            Some("an import was cut off: run `starchart import --from-file PATH --apply` again")
        }
        Progress::None | Progress::Finished(_) | Progress::Skipped => None,
    }
}

/// What was compared, what is not ours, what differs, and what waits.
pub(crate) async fn plan(context: &Context, plan: &Plan) -> anyhow::Result<()> {
    let others = plan.foreign.len() + plan.orphans.len() + plan.unclaimed.len();
    println!(
        "{} in the zone, {others} of them not ours",
        pluralize(plan.listed, "set", "sets")
    );
    let foreign: Vec<String> = plan
        .foreign
        .iter()
        .map(|(name, rtype)| format!("{name} {rtype}"))
        .collect();
    list("not ours, never touched", &foreign);
    orphans(context, &plan.orphans).await?;
    plan.lines().iter().for_each(|line| println!("{line}"));
    waiting(plan, &held(context).await?);
    Ok(())
}

/// What publish has still to do, and what stands against it. No part of the plan.
fn waiting(plan: &Plan, held: &Held) {
    let way = match held {
        Held::No => "to be published as their owners made them, without an approval",
        Held::Paused(_) => {
            "held back by the pause; no part of the plan, and published as their owners made them when it ends"
        }
        Held::Import(_) => {
            "held back until the import is done and the plan that follows it is approved"
        }
    };
    list(way, &plan.unpublished_lines());
    let blocked: Vec<String> = plan.blocked.iter().map(BlockedRrset::line).collect();
    list(
        "kept out by something that stands there and is not known as ours",
        &blocked,
    );
    match plan
        .blocked
        .iter()
        .filter(|other| other.is_adoptable)
        .count()
    {
        0 => {}
        some => println!("  starchart reconcile --adopt makes {some} of what stands there ours"),
    }
    let refused: Vec<String> = plan.refused.iter().flat_map(RefusedName::lines).collect();
    list(
        "refused by the zone; tried again now and then, and when the owner changes the record",
        &refused,
    );
}

/// A heading with the number of lines, and the lines; nothing when there are none.
fn list(heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("{heading} ({}):", lines.len());
        lines.iter().for_each(|line| println!("  {line}"));
    }
}

/// Names that the zone refused, with the reasons.
pub(super) fn refused(names: &BTreeMap<String, String>) {
    println!(
        "{} refused by the zone:",
        pluralize(names.len(), "name is", "names are")
    );
    names
        .iter()
        .take(SHOWN)
        .for_each(|(name, reason)| println!("  {name}: {reason}"));
    if names.len() > SHOWN {
        println!(
            "  … and {} more; the admin page lists them",
            names.len() - SHOWN
        );
    }
}

/// The orphans, with what they hold and since when they are known.
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
        "orphans, under people's domains and of no record; touched by nothing but --delete-orphans ({}):",
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

/// Whether the plan is done by itself, and what an operator can do.
pub(super) fn what_next(plan: &Plan, held: &Held) {
    let (differences, hash, verdict) = (plan.differences(), plan.short_hash(), plan.approval());
    println!("plan {hash}: {differences}");
    if differences.unclaimed > 0 {
        println!(
            "{} as wanted and not known as ours: starchart reconcile --adopt",
            pluralize(differences.unclaimed, "set (=) stands", "sets (=) stand")
        );
    }
    match (verdict, held) {
        (verdict, Held::No) => match verdict {
            Approval::NotNeeded => {}
            Approval::Automatic => println!(
                "the next audit puts it right by itself; at once: starchart reconcile --now"
            ),
            Approval::Required(why) => {
                println!("not done by itself: {why}");
                println!("to let it be done: starchart reconcile --approve {hash}");
            }
        },
        (_, Held::Import(first)) => {
            println!("nothing is published, and no plan can be approved: {first}")
        }
        (verdict, Held::Paused(pause)) => {
            // A pause is no reason to say less about what the plan would do.
            if let Approval::Required(why) = &verdict {
                println!("look twice: {why}");
            }
            println!(
                "publishing is paused since {}: {}",
                pause.since.rfc3339(),
                pause.reason
            );
            let what = if verdict == Approval::NotNeeded {
                "publishing"
            } else {
                "the plan be done and publishing"
            };
            println!("to let {what} go on: starchart reconcile --approve {hash}");
        }
    }
}
