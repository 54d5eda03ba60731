//! A plan in words, for a terminal.

use std::collections::BTreeMap;

use starchart_store::zone::{self, Pause};
use starchart_worker::Context;
use starchart_worker::reconcile::{Orphan, Plan, Verdict};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What was compared, what is not ours, and what differs.
pub(crate) async fn plan(context: &Context, plan: &Plan) -> anyhow::Result<()> {
    let others = plan.foreign.len() + plan.orphans.len() + plan.unclaimed.len();
    println!("{} sets in the zone, {others} of them not ours", plan.listed);
    if !plan.foreign.is_empty() {
        println!("not ours, never touched ({}):", plan.foreign.len());
        plan.foreign.iter().for_each(|(name, rtype)| println!("  {name} {rtype}"));
    }
    orphans(context, &plan.orphans).await?;
    plan.lines().iter().for_each(|line| println!("{line}"));
    let waiting = plan.waiting_lines();
    if !waiting.is_empty() {
        println!("{} changes wait to be published as their owners made them, and need no approval:", waiting.len());
        waiting.iter().for_each(|line| println!("  {line}"));
    }
    Ok(())
}

/// The orphans, with what they hold and since when they are known.
pub(crate) async fn orphans(context: &Context, orphans: &[Orphan]) -> anyhow::Result<()> {
    if orphans.is_empty() {
        return Ok(());
    }
    let now = context.store.now().await?;
    let rows = zone::orphans(&context.store).await?.into_iter();
    let ages: BTreeMap<(String, String), i64> =
        rows.map(|row| ((row.fqdn, row.rtype), now.since(row.first_seen_at).max(0) / DAY_MS)).collect();
    println!("orphans, under people's domains and of no record; touched by nothing but --delete-orphans ({}):", orphans.len());
    for orphan in orphans {
        let seen = match ages.get(&(orphan.name.clone(), orphan.rtype.as_str().to_owned())) {
            None => "new".to_owned(),
            Some(0) => "first seen today".to_owned(),
            Some(1) => "first seen a day ago".to_owned(),
            Some(days) => format!("first seen {days} days ago"),
        };
        println!("  {} {} {} ({seen})", orphan.name, orphan.rtype, orphan.target());
    }
    Ok(())
}

/// Whether the plan is done by itself, and what an operator can do.
pub(crate) fn what_next(plan: &Plan, pause: Option<&Pause>) {
    let (differences, hash) = (plan.differences(), plan.short_hash());
    println!("plan {hash}: {differences}");
    if differences.unclaimed > 0 {
        println!("{} sets (=) stand as wanted and are not known as ours: starchart reconcile --adopt", differences.unclaimed);
    }
    match (plan.verdict(), pause) {
        (verdict, Some(pause)) => {
            // A pause is no reason to say less about what the plan would do.
            if let Verdict::NeedsApproval(why) = verdict {
                println!("look twice: {why}");
            }
            println!("publishing is paused since {}: {}", pause.since.rfc3339(), pause.reason);
            println!("to let the plan be done and publishing go on: starchart reconcile --approve {hash}");
        }
        (Verdict::Nothing, None) => {}
        (Verdict::ByItself, None) => println!("the next audit puts it right by itself; at once: starchart reconcile --now"),
        (Verdict::NeedsApproval(why), None) => {
            println!("not done by itself: {why}");
            println!("to let it be done: starchart reconcile --approve {hash}");
        }
    }
}
