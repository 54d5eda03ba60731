//! `starchart reconcile`: the whole zone against the database.

pub(crate) mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args};
use starchart_domain::plural::pluralize;
use starchart_settings::Settings;
use starchart_store::import;
use starchart_store::{Store, zone};
use starchart_worker::Context;
use starchart_worker::reconcile::{
    self, Adoption, ApprovalOutcome, Audited, HASH_MIN_LEN, Plan, PublishOutcome, Removal,
};
use tokio_util::sync::CancellationToken;

use crate::wire::Names;

/// What to do about the difference.
#[derive(Args)]
#[group(skip)]
#[command(group = ArgGroup::new("what").required(true).args(["dry_run", "approve", "adopt", "pause", "now", "delete_orphans"]))]
pub(crate) struct Options {
    /// List the zone, print what differs from the database, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Let the plan with this hash be done (8 digits or more of it) and let publishing go on.
    /// Another plan by now: 1, nothing is changed.
    #[arg(long, value_name = "HASH", value_parser = hash)]
    approve: Option<String>,
    /// Rebuild ownership from the zone: what stands where a record wants something becomes ours.
    /// Pauses publishing until the plan is approved.
    #[arg(long)]
    adopt: bool,
    /// Pause publishing until a plan is approved.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pause: Option<String>,
    /// Audit now: mend what has drifted, unless it is too much.
    #[arg(long)]
    now: bool,
    /// Delete all orphans that --dry-run lists, but those of --keep; their number, to confirm it.
    /// Another number by now: 1, nothing is changed.
    #[arg(long, value_name = "COUNT")]
    delete_orphans: Option<usize>,
    /// With --delete-orphans: what stands at this name stays, and does not count. May be repeated.
    #[arg(long, value_name = "NAME", requires = "delete_orphans", value_parser = name)]
    keep: Vec<String>,
}

/// A full name as the zone writes it.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if text.is_empty() {
        Err("give the full name as the list shows it".to_owned())
    } else {
        Ok(text)
    }
}

fn hash(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() < HASH_MIN_LEN
        || text.len() > 64
        || !text.bytes().all(|digit| digit.is_ascii_hexdigit())
    {
        return Err(format!(
            "give {HASH_MIN_LEN} or more of the hexadecimal digits that `starchart reconcile --dry-run` prints"
        ));
    }
    Ok(text)
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 500 {
        return Err("say in 1 to 500 characters why, people read it".to_owned());
    }
    Ok(text.to_owned())
}

/// How long an approved plan is waited for.
const BRING_IN: Duration = Duration::from_secs(600);

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let Some(context) = context(env_file).await? else {
        return Ok(ExitCode::from(1));
    };
    match options {
        Options {
            approve: Some(hash),
            ..
        } => approve(&context, &hash).await,
        Options {
            pause: Some(reason),
            ..
        } => pause(&context, &reason).await,
        Options {
            delete_orphans: Some(count),
            keep,
            ..
        } => delete_orphans(&context, count, &keep).await,
        Options { adopt: true, .. } => adopt(&context).await,
        Options { now: true, .. } => now(&context).await,
        _ => dry_run(&context).await,
    }
}

/// What a comparison needs; `None`: told to stop.
async fn context(env_file: Option<PathBuf>) -> anyhow::Result<Option<Context>> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::boot::connect(&loaded.settings, &stop).await? else {
        return Ok(None);
    };
    super::schema_fits(&store).await?;
    context_of(&loaded.settings, store, stop).map(Some)
}

/// What a comparison needs, with this database.
pub(crate) fn context_of(
    settings: &Settings,
    store: Store,
    stop: CancellationToken,
) -> anyhow::Result<Context> {
    let limiter = crate::wire::limiter(settings);
    let names = Names {
        zone: crate::wire::route53(settings, Arc::clone(&limiter))?,
        limiter,
    };
    let certificates = Err("not needed to compare".to_owned());
    let queue = Arc::new(starchart_jobs::NullQueue);
    Ok(crate::wire::worker(
        settings,
        store,
        names,
        &certificates,
        None,
        queue,
        stop,
    ))
}

async fn dry_run(context: &Context) -> anyhow::Result<ExitCode> {
    let plan = reconcile::plan(context).await?;
    report::plan(context, &plan).await?;
    report::what_next(&plan, &report::held(context).await?);
    println!("{}; nothing was changed", differences(&plan));
    Ok(ExitCode::SUCCESS)
}

/// Until the rows are all here, the plan is not what anybody wants.
async fn nothing_to_import(context: &Context) -> anyhow::Result<()> {
    match report::import_first(import::progress(&context.store).await?) {
        Some(first) => bail!("{first}; nothing was changed"),
        None => Ok(()),
    }
}

async fn approve(context: &Context, hash: &str) -> anyhow::Result<ExitCode> {
    nothing_to_import(context).await?;
    match reconcile::approve(context, hash).await? {
        ApprovalOutcome::AnotherPlan(plan) => {
            report::plan(context, &plan).await?;
            println!(
                "plan {}: another one than {hash} by now. Nothing was changed.",
                plan.short_hash()
            );
            println!(
                "Look at it, then: starchart reconcile --approve {}",
                plan.short_hash()
            );
            Ok(ExitCode::from(1))
        }
        ApprovalOutcome::Approved {
            plan,
            marked,
            lifted,
            paused,
        } => {
            let all = plan.differences();
            println!("plan {} approved: {all}", plan.short_hash());
            if all.unclaimed > 0 {
                let stay = pluralize(all.unclaimed, "set stays", "sets stay");
                println!("{stay} in the zone and not ours: `starchart reconcile --adopt`");
            }
            let elsewhere = all.changes() - marked;
            if elsewhere > 0 {
                let changed = pluralize(elsewhere, "of them was", "of them were");
                println!("{changed} changed by somebody in this moment and published as it is now");
            }
            if let Some(reason) = lifted {
                println!("it was paused: {reason}");
            }
            if let Some(reason) = paused {
                println!("publishing was paused again meanwhile and stays so: {reason}");
                println!("look at the plan and approve it again: starchart reconcile --dry-run");
                return Ok(ExitCode::from(1));
            }
            println!("publishing goes on");
            published(context).await
        }
    }
}

/// An audit of this process; one that another makes now is waited for.
async fn audited(context: &Context) -> anyhow::Result<Audited> {
    let mut said = false;
    loop {
        let last = zone::find_audit(&context.store)
            .await?
            .and_then(|row| row.last)
            .map(|(at, _)| at);
        if let Some(audited) = reconcile::audit(context, last).await? {
            return Ok(audited);
        }
        if !std::mem::replace(&mut said, true) {
            println!("another process is auditing in this moment; waiting for it");
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
            () = context.stop.cancelled() => bail!("stopped; nothing was changed"),
        }
    }
}

/// Publishes what is marked, together with the running servers. 1: not all of it is in the zone.
/// Names that were refused before are told, and are no part of it.
async fn published(context: &Context) -> anyhow::Result<ExitCode> {
    let before = zone::list_refusals(&context.store).await?.len();
    let PublishOutcome { left, gave_up } = reconcile::publish_until_done(context, BRING_IN).await?;
    match gave_up {
        Some(reason) => {
            println!(
                "{} not published: {reason}",
                pluralize(left, "name is", "names are")
            )
        }
        None if left > 0 => {
            println!(
                "{} still on the way; the running servers go on",
                pluralize(left, "name is", "names are")
            );
        }
        None => {}
    }
    let refused = zone::list_refusals(&context.store).await?;
    if !refused.is_empty() {
        report::refused(&refused);
    }
    match (left, refused.is_empty()) {
        (0, true) => println!("the zone has it"),
        (0, false) => println!("everything else of it is in the zone"),
        _ => {}
    }
    Ok(ExitCode::from(u8::from(left > 0 || refused.len() > before)))
}

pub(crate) async fn adopt(context: &Context) -> anyhow::Result<ExitCode> {
    let Adoption { adopted, plan } = reconcile::adopt(context).await?;
    report::plan(context, &plan).await?;
    println!(
        "{} adopted; {} ours now",
        pluralize(adopted, "set", "sets"),
        pluralize(plan.owned, "is", "are")
    );
    report::what_next(&plan, &report::held(context).await?);
    Ok(ExitCode::SUCCESS)
}

/// How many there are, in words.
fn differences(plan: &Plan) -> String {
    pluralize(plan.differences().total(), "difference", "differences")
}

async fn pause(context: &Context, reason: &str) -> anyhow::Result<ExitCode> {
    let before = zone::pause_by_operator(&context.store, context.root.as_str(), reason).await?;
    println!("publishing is paused: {reason}");
    if let Some(before) = before {
        println!(
            "it was paused already, since {}; this reason replaces: {}",
            before.since.rfc3339(),
            before.reason
        );
        if before.after_wipe {
            println!(
                "the pause of a wipe would have ended by itself where the zone is empty; this one does not"
            );
        }
    }
    println!(
        "To go on: starchart reconcile --dry-run, then --approve with the hash that it prints."
    );
    Ok(ExitCode::SUCCESS)
}

async fn now(context: &Context) -> anyhow::Result<ExitCode> {
    nothing_to_import(context).await?;
    let Audited {
        plan,
        repaired,
        refused_because,
        pause,
        ..
    } = audited(context).await?;
    report::plan(context, &plan).await?;
    if refused_because.is_some() || pause.is_some() {
        report::what_next(&plan, &report::held(context).await?);
        println!("{}; nothing was changed", differences(&plan));
        return Ok(ExitCode::from(u8::from(plan.differences().total() > 0)));
    }
    println!(
        "{}; {}",
        differences(&plan),
        pluralize(repaired, "is put right", "are put right")
    );
    if repaired > 0 {
        published(context).await
    } else {
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) async fn delete_orphans(
    context: &Context,
    count: usize,
    keep: &[String],
) -> anyhow::Result<ExitCode> {
    match reconcile::remove_orphans(context, count, keep).await? {
        Removal::NothingToKeep(names) => {
            println!(
                "no orphan stands at {}, so it cannot be kept; nothing was changed",
                names.join(", ")
            );
            Ok(ExitCode::from(1))
        }
        Removal::AnotherCount(orphans) => {
            report::orphans(context, &orphans).await?;
            let besides = if keep.is_empty() {
                ""
            } else {
                " besides those that are kept"
            };
            let there = match orphans.len() {
                1 => "is 1 orphan".to_owned(),
                many => format!("are {many} orphans"),
            };
            println!("there {there}{besides} by now, not {count}; nothing was changed");
            Ok(ExitCode::from(1))
        }
        Removal::Marked { orphans, left } => {
            report::orphans(context, &orphans).await?;
            println!(
                "{} marked",
                pluralize(orphans.len(), "orphan is", "orphans are")
            );
            if left > 0 {
                let still = pluralize(
                    left,
                    "was not reached and is an orphan",
                    "were not reached and are orphans",
                );
                println!("{still} still: another process took over; look again");
            }
            if let Some(reason) = zone::pause_reason(&context.store).await? {
                println!("they are deleted once publishing goes on; it is paused: {reason}");
                return Ok(ExitCode::from(u8::from(left > 0)));
            }
            let brought = published(context).await?;
            Ok(if left > 0 { ExitCode::from(1) } else { brought })
        }
    }
}
