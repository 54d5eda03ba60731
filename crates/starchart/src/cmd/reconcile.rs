//! `starchart reconcile`: compares the whole zone with the database.

pub(crate) mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args};
use starchart_domain::plural::pluralize;
use starchart_settings::{Problems, Settings};
use starchart_store::import;
use starchart_store::{Store, zone};
use starchart_worker::Context;
use starchart_worker::reconcile::{
    self, Adoption, ApprovalOutcome, Audited, HASH_MIN_LEN, OrphanDeletion, Plan, PublishOutcome,
};
use tokio_util::sync::CancellationToken;

/// Compare the whole zone with the database, and repair or approve the differences.
#[derive(Args)]
#[group(skip)]
#[command(group = ArgGroup::new("action")
    .required(true)
    .args(["dry_run", "approve", "adopt", "pause", "now", "delete_orphans"]))]
pub(crate) struct Options {
    /// List the zone and print its differences from the database; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Carry out the plan with this hash (its first 8 digits or more) and resume publishing. If the
    /// current plan has another hash, change nothing and exit with 1.
    #[arg(long, value_name = "HASH", value_parser = hash)]
    approve: Option<String>,
    /// Rebuild the ownership registry from the zone: each RRset at the name and type of a record
    /// becomes owned. Publishing is paused until the plan is approved.
    #[arg(long)]
    adopt: bool,
    /// Pause publishing until a plan is approved.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pause: Option<String>,
    /// Audit now: repair drift, unless the plan needs approval.
    #[arg(long)]
    now: bool,
    /// Delete all orphans that --dry-run lists, except those of --keep. COUNT confirms their
    /// number; if it is another one, change nothing and exit with 1.
    #[arg(long, value_name = "COUNT")]
    delete_orphans: Option<usize>,
    /// With --delete-orphans: keep the orphans at this name, which do not count. Repeatable.
    #[arg(long, value_name = "NAME", requires = "delete_orphans", value_parser = name)]
    keep: Vec<String>,
}

/// Parses an FQDN as the report prints it.
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
            "give {HASH_MIN_LEN} or more of the hexadecimal digits that `starchart reconcile \
             --dry-run` prints"
        ));
    }
    Ok(text)
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 500 {
        return Err("give a reason of 1 to 500 characters; users read it".to_owned());
    }
    Ok(text.to_owned())
}

/// How long to wait until an approved plan is published.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(600);
/// The delay between two attempts to audit while another process audits.
const AUDIT_POLL: Duration = Duration::from_millis(500);

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

/// Connects to the database and the zone; `None` when the process was asked to stop meanwhile.
async fn context(env_file: Option<PathBuf>) -> anyhow::Result<Option<Context>> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::database::connect(&loaded.settings, &stop).await? else {
        return Ok(None);
    };
    super::schema_fits(&store).await?;
    context_with_store(&loaded.settings, store, stop).map(Some)
}

pub(crate) fn context_with_store(
    settings: &Settings,
    store: Store,
    stop: CancellationToken,
) -> anyhow::Result<Context> {
    let provider = crate::wire::provider(settings).map_err(Problems::from)?;
    let certificates = Err("not needed to compare the zone".to_owned());
    let queue = Arc::new(starchart_jobs::NullQueue);
    Ok(crate::wire::worker(
        settings,
        store,
        provider,
        &certificates,
        None,
        queue,
        stop,
    ))
}

async fn dry_run(context: &Context) -> anyhow::Result<ExitCode> {
    let plan = reconcile::plan(context).await?;
    report::plan(context, &plan).await?;
    report::next_steps(&plan, &report::hold(context).await?);
    println!("{}; nothing was changed", differences(&plan));
    Ok(ExitCode::SUCCESS)
}

/// Fails while an import is pending, because the plan lacks the records that it will create.
async fn require_no_pending_import(context: &Context) -> anyhow::Result<()> {
    match report::required_import(import::progress(&context.store).await?) {
        Some(instruction) => bail!("{instruction}; nothing was changed"),
        None => Ok(()),
    }
}

async fn count_refused(context: &Context) -> anyhow::Result<usize> {
    Ok(zone::list_refusals(&context.store).await?.len())
}

async fn approve(context: &Context, hash: &str) -> anyhow::Result<ExitCode> {
    require_no_pending_import(context).await?;
    let refused_before = count_refused(context).await?;
    match reconcile::approve(context, hash).await? {
        ApprovalOutcome::AnotherPlan(plan) => {
            report::plan(context, &plan).await?;
            println!(
                "The plan is now {}, not {hash}. Nothing was changed.",
                plan.short_hash()
            );
            println!(
                "To approve it: starchart reconcile --approve {}",
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
            let differences = plan.differences();
            println!("plan {} approved: {differences}", plan.short_hash());
            if differences.unclaimed > 0 {
                let stay = pluralize(differences.unclaimed, "RRset stays", "RRsets stay");
                println!("{stay} in the zone without an owner: `starchart reconcile --adopt`");
            }
            let unmarked = differences.changes() - marked;
            if unmarked > 0 {
                let changed = pluralize(unmarked, "name was", "names were");
                println!("{changed} changed by users in the meantime and published as changed");
            }
            if let Some(reason) = lifted {
                println!("publishing was paused: {reason}");
            }
            if let Some(reason) = paused {
                println!("publishing was paused again in the meantime: {reason}");
                println!("look at the plan and approve it again: starchart reconcile --dry-run");
                return Ok(ExitCode::from(1));
            }
            println!("publishing resumes");
            publish_and_report(context, refused_before).await
        }
    }
}

/// Audits in this process, after any audit that another process makes now.
async fn audit(context: &Context) -> anyhow::Result<Audited> {
    let mut printed = false;
    loop {
        let last = zone::find_audit(&context.store)
            .await?
            .and_then(|row| row.last)
            .map(|(at, _)| at);
        if let Some(audited) = reconcile::audit(context, last).await? {
            return Ok(audited);
        }
        if !std::mem::replace(&mut printed, true) {
            println!("waiting for the audit of another process");
        }
        tokio::select! {
            () = tokio::time::sleep(AUDIT_POLL) => {}
            () = context.stop.cancelled() => bail!("stopped; nothing was changed"),
        }
    }
}

/// Publishes what is marked, together with running workers, and prints the result. Exits with 1
/// unless all of it is in the zone; names that were refused before do not count.
///
/// `refused_before` is their number before the verb changed anything: running servers publish what
/// it marks at once, so one may be refused before this begins.
async fn publish_and_report(context: &Context, refused_before: usize) -> anyhow::Result<ExitCode> {
    let PublishOutcome {
        unpublished,
        gave_up,
    } = reconcile::publish_until_done(context, PUBLISH_TIMEOUT).await?;
    match gave_up {
        Some(reason) => {
            println!(
                "{} not published: {reason}",
                pluralize(unpublished, "name is", "names are")
            )
        }
        None if unpublished > 0 => {
            println!(
                "{} not published yet; the running servers continue",
                pluralize(unpublished, "name is", "names are")
            );
        }
        None => {}
    }
    let refused = zone::list_refusals(&context.store).await?;
    if !refused.is_empty() {
        report::refused(&refused);
    }
    match (unpublished, refused.is_empty()) {
        (0, true) => println!("the zone is up to date"),
        (0, false) => println!("all other names are up to date in the zone"),
        _ => {}
    }
    let is_incomplete = unpublished > 0 || refused.len() > refused_before;
    Ok(ExitCode::from(u8::from(is_incomplete)))
}

pub(crate) async fn adopt(context: &Context) -> anyhow::Result<ExitCode> {
    let Adoption { adopted, plan } = reconcile::adopt(context).await?;
    report::plan(context, &plan).await?;
    println!(
        "{} adopted; {} owned now",
        pluralize(adopted, "RRset", "RRsets"),
        pluralize(plan.owned, "is", "are")
    );
    report::next_steps(&plan, &report::hold(context).await?);
    Ok(ExitCode::SUCCESS)
}

fn differences(plan: &Plan) -> String {
    pluralize(plan.differences().total(), "difference", "differences")
}

async fn pause(context: &Context, reason: &str) -> anyhow::Result<ExitCode> {
    let before = zone::pause_by_operator(&context.store, context.root.as_str(), reason).await?;
    println!("publishing is paused: {reason}");
    if let Some(before) = before {
        println!(
            "it was already paused since {}; this reason replaces: {}",
            before.since.rfc3339(),
            before.reason
        );
        if before.after_wipe {
            println!(
                "the pause after the wipe would have ended when the zone is empty; this one does \
                 not"
            );
        }
    }
    println!(
        "To resume: starchart reconcile --dry-run, then --approve with the hash that it prints."
    );
    Ok(ExitCode::SUCCESS)
}

async fn now(context: &Context) -> anyhow::Result<ExitCode> {
    require_no_pending_import(context).await?;
    let refused_before = count_refused(context).await?;
    let Audited {
        plan,
        repaired,
        approval_reason,
        pause,
        ..
    } = audit(context).await?;
    report::plan(context, &plan).await?;
    if approval_reason.is_some() || pause.is_some() {
        report::next_steps(&plan, &report::hold(context).await?);
        println!("{}; nothing was changed", differences(&plan));
        return Ok(ExitCode::from(u8::from(plan.differences().total() > 0)));
    }
    println!("{}; {repaired} repaired", differences(&plan));
    if repaired > 0 {
        publish_and_report(context, refused_before).await
    } else {
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) async fn delete_orphans(
    context: &Context,
    count: usize,
    keep: &[String],
) -> anyhow::Result<ExitCode> {
    let refused_before = count_refused(context).await?;
    match reconcile::delete_orphans(context, count, keep).await? {
        OrphanDeletion::NothingToKeep(names) => {
            println!(
                "there is no orphan to keep at {}; nothing was changed",
                names.join(", ")
            );
            Ok(ExitCode::from(1))
        }
        OrphanDeletion::AnotherCount(orphans) => {
            report::orphans(context, &orphans).await?;
            let kept = if keep.is_empty() {
                ""
            } else {
                " besides those of --keep"
            };
            let found = match orphans.len() {
                1 => "is 1 orphan".to_owned(),
                many => format!("are {many} orphans"),
            };
            println!("there {found}{kept}, not {count}; nothing was changed");
            Ok(ExitCode::from(1))
        }
        OrphanDeletion::Marked { orphans, unmarked } => {
            report::orphans(context, &orphans).await?;
            println!(
                "{} marked for deletion",
                pluralize(orphans.len(), "orphan is", "orphans are")
            );
            if unmarked > 0 {
                let remaining = pluralize(unmarked, "orphan remains", "orphans remain");
                println!(
                    "{remaining}, because another process took the publish lease; run this again"
                );
            }
            if let Some(reason) = zone::pause_reason(&context.store).await? {
                println!("they are deleted when publishing resumes; it is paused: {reason}");
                return Ok(ExitCode::from(u8::from(unmarked > 0)));
            }
            let exit_code = publish_and_report(context, refused_before).await?;
            Ok(if unmarked > 0 {
                ExitCode::from(1)
            } else {
                exit_code
            })
        }
    }
}
