//! The audit: look, mend what is little, refuse what is much.

use starchart_dns::audit::is_empty_zone;
use starchart_domain::time::Timestamp;
use starchart_jobs::Job;
use starchart_store::lease::{self, LeaseName};
use starchart_store::zone::{self, AuditOutcome, AuditRow, Pause};
use tracing::{debug, error, info, warn};

use super::{Approval, Look, Plan, ReconcileError, look, result_of};
use crate::Context;
use crate::handlers::keep::keep;

/// The lease, in milliseconds; the listing of a large zone takes longer and renews it.
const LEASE_MS: i64 = 10_000;

/// What an audit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// What it found.
    pub plan: Plan,
    /// What was done about it.
    pub outcome: AuditOutcome,
    /// Differences that were marked for publish.
    pub repaired: usize,
    /// Why an operator has to approve the plan.
    pub refused_because: Option<String>,
    /// The pause that holds.
    pub pause: Option<Pause>,
}

/// Audits the zone, one process at a time. `last`: when the last audit ended as the caller knows
/// it; none is made when somebody else made one since, or makes one now.
///
/// # Errors
/// As [`super::plan`]; the row about audits says so too.
pub async fn audit(
    context: &Context,
    last: Option<Timestamp>,
) -> Result<Option<Audited>, ReconcileError> {
    let store = &context.store;
    let Some(lease) = lease::acquire(store, LeaseName::Audit, &context.holder, LEASE_MS).await?
    else {
        return Ok(None);
    };
    let row = zone::find_audit(store).await?;
    let done = match ended(row.as_ref()) == last {
        false => Ok(None),
        true => tokio::select! {
            done = audit_with_lease(context, row.as_ref()) => done.map(Some),
            never = keep(store, lease.clone(), LEASE_MS) => match never {},
        },
    };
    match &done {
        Err(ReconcileError::Store(error)) if error.is_temporary() => {}
        Err(
            fault @ (ReconcileError::Zone(_)
            | ReconcileError::NotOurs(_)
            | ReconcileError::Store(_)),
        ) => {
            failed(context, row.as_ref(), fault).await?;
        }
        _ => {}
    }
    lease::release(store, &lease).await?;
    done
}

/// When the last audit ended.
pub(crate) fn ended(row: Option<&AuditRow>) -> Option<Timestamp> {
    row.and_then(|row| row.last.as_ref()).map(|(at, _)| *at)
}

async fn audit_with_lease(
    context: &Context,
    row: Option<&AuditRow>,
) -> Result<Audited, ReconcileError> {
    let store = &context.store;
    let Look { listed, view, plan } = look(context).await?;
    let mut pause = zone::find_pause(store).await?;
    if pause.as_ref().is_some_and(|pause| pause.after_wipe) && is_empty_zone(&listed, &context.root)
    {
        info!("the zone holds nothing: the pause of the wipe ends");
        zone::resume_after_wipe(store).await?;
        context.queue.wake(Job::Publish);
        // Another pause may have come in this moment.
        pause = zone::find_pause(store).await?;
    }
    let verdict = plan.approval();
    let refused_because = match &verdict {
        Approval::Required(why) => Some(why.clone()),
        Approval::NotNeeded | Approval::Automatic => None,
    };
    let (outcome, repaired) = match (&pause, &verdict) {
        (Some(_), _) => (AuditOutcome::Paused, 0),
        (None, Approval::Required(_)) => (AuditOutcome::Refused, 0),
        (None, Approval::NotNeeded | Approval::Automatic) => {
            match mend(context, &view, &plan).await? {
                0 => (AuditOutcome::Clean, 0),
                some => (AuditOutcome::Repaired, some),
            }
        }
    };
    let orphan = |orphan: &super::Orphan| {
        (
            orphan.name.clone(),
            orphan.rtype.as_str().to_owned(),
            orphan.joined_values(),
        )
    };
    let orphans: Vec<_> = plan.orphans.iter().map(orphan).collect();
    zone::record_orphans(store, &orphans).await?;
    zone::record_audit(
        store,
        &result_of(&plan, outcome, repaired as u64, refused_because.clone()),
    )
    .await?;
    let audited = Audited {
        plan,
        outcome,
        repaired,
        refused_because,
        pause,
    };
    tell(&audited, row);
    Ok(audited)
}

/// Marks what differs for publish; how many differences that were.
pub(super) async fn mend(
    context: &Context,
    view: &zone::Snapshot,
    plan: &Plan,
) -> Result<usize, ReconcileError> {
    let found = plan.zone_state();
    if found.is_empty() {
        return Ok(0);
    }
    let marked = zone::mark_drift(&context.store, view, &found).await?;
    context.queue.wake(Job::Publish);
    let taken = plan
        .changes
        .iter()
        .filter(|(name, _)| marked.contains(name));
    Ok(taken.map(|(_, changes)| changes.len()).sum())
}

/// A refused plan is said once, not at every audit.
fn tell(audited: &Audited, row: Option<&AuditRow>) {
    let Audited {
        plan,
        outcome,
        repaired,
        refused_because,
        ..
    } = audited;
    let (differences, foreign, orphans) =
        (plan.differences(), plan.foreign.len(), plan.orphans.len());
    let hash = plan.hash();
    let before = row
        .and_then(|row| row.last.as_ref())
        .map(|(_, result)| result);
    let is_news =
        before.is_none_or(|before| before.outcome != *outcome || before.plan_hash != hash);
    match outcome {
        AuditOutcome::Refused if is_news => error!(
            because = refused_because.as_deref().unwrap_or_default(),
            %differences,
            plan = plan.short_hash(),
            "the zone differs too much from the database, nothing of it is changed: look at the plan with `starchart reconcile \
             --dry-run`, then mend the database, or let the plan be done with `starchart reconcile --approve {}`",
            plan.short_hash()
        ),
        AuditOutcome::Paused if is_news && differences.total() > 0 => {
            warn!(%differences, plan = plan.short_hash(), "the zone differs from the database; nothing is changed during the pause");
        }
        AuditOutcome::Repaired => {
            warn!(repaired, %differences, foreign, orphans, "the zone had drifted; publish puts it right")
        }
        _ if is_news => {
            info!(
                sets = plan.listed,
                owned = plan.owned,
                foreign,
                orphans,
                "audited the zone"
            )
        }
        _ => debug!(
            sets = plan.listed,
            owned = plan.owned,
            foreign,
            orphans,
            "audited the zone"
        ),
    }
}

async fn failed(
    context: &Context,
    row: Option<&AuditRow>,
    fault: &ReconcileError,
) -> Result<(), ReconcileError> {
    let text = fault.to_string();
    let is_news = row
        .and_then(|row| row.problem.as_ref())
        .is_none_or(|(_, before)| *before != text);
    match fault {
        ReconcileError::NotOurs(_) if is_news => error!(error = text, "the zone cannot be audited"),
        _ if is_news => warn!(error = text, "the zone cannot be audited now"),
        _ => debug!(error = text, "the zone cannot be audited now"),
    }
    Ok(zone::record_failed_audit(&context.store, &text).await?)
}
