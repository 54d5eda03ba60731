//! The audit: compares the zone with the database, repairs small drift, and holds large plans until
//! an operator approves them.

use starchart_dns::engine::audit::is_empty_zone;
use starchart_domain::time::Timestamp;
use starchart_jobs::WakeUp;
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::zone::{self, AuditOutcome, AuditRow, Pause, Snapshot};
use tracing::{debug, error, info, warn};

use super::{Approval, Comparison, Plan, ReconcileError, audit_result, compare_zone};
use crate::Context;
use crate::with_lease::{LeaseTerms, Release, with_lease};

/// The audit lease. Listing a large zone takes longer and renews it.
pub(crate) const LEASE: LeaseTerms = LeaseTerms::new(LeaseName::Audit, 10_000);

/// The part of the program that is logged when the zone cannot be audited.
const PART: &str = "audit";

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The differences between zone and database.
    pub plan: Plan,
    /// The action that the audit took.
    pub outcome: AuditOutcome,
    /// The number of differences that were marked for publish.
    pub repaired: usize,
    /// Why an operator has to approve the plan.
    pub approval_reason: Option<String>,
    /// The pause that is in force.
    pub pause: Option<Pause>,
}

/// Audits the zone, in one process at a time. `last` is the end of the last audit that the caller
/// knows. Returns `None` when another process has audited since then, or audits now.
///
/// # Errors
/// As [`super::plan`]. The error is also recorded in the audit's row.
pub async fn audit(
    context: &Context,
    last: Option<Timestamp>,
) -> Result<Option<Audited>, ReconcileError> {
    let work = async |_: &Lease| {
        let row = zone::find_audit(&context.store).await?;
        if last_audit_at(row.as_ref()) != last {
            return Ok(None);
        }
        audit_with_lease(context, row.as_ref()).await.map(Some)
    };
    match with_lease(context, LEASE, || Release::Now, work).await? {
        Some(audited) => audited,
        None => Ok(None),
    }
}

/// Audits the zone for the holder of the audit lease. `row` is the audit's row before.
///
/// # Errors
/// As [`super::plan`]. The error is also recorded in the audit's row, unless the database may
/// answer again soon.
pub(crate) async fn audit_with_lease(
    context: &Context,
    row: Option<&AuditRow>,
) -> Result<Audited, ReconcileError> {
    let done = compare_and_repair(context, row).await;
    match &done {
        Err(ReconcileError::Store(error)) if error.is_temporary() => {}
        Err(
            error @ (ReconcileError::Zone(_)
            | ReconcileError::WrongZone(_)
            | ReconcileError::Store(_)),
        ) => record_failure(context, error).await?,
        Ok(_) => context.outages.provider_works(PART),
        Err(_) => {}
    }
    done
}

/// Returns the end of the last audit.
pub(crate) fn last_audit_at(row: Option<&AuditRow>) -> Option<Timestamp> {
    row.and_then(|row| row.last.as_ref()).map(|(at, _)| *at)
}

async fn compare_and_repair(
    context: &Context,
    row: Option<&AuditRow>,
) -> Result<Audited, ReconcileError> {
    let store = &context.store;
    let Comparison {
        listed,
        snapshot,
        plan,
    } = compare_zone(context).await?;
    let mut pause = zone::find_pause(store).await?;
    let is_paused_by_wipe = pause.as_ref().is_some_and(|pause| pause.after_wipe);
    if is_paused_by_wipe && is_empty_zone(&listed, &context.root) {
        info!("the zone is empty, so publishing resumes after the wipe");
        zone::resume_after_wipe(store).await?;
        context.queue.wake(WakeUp::Publish);
        // An operator may have paused publishing in the meantime.
        pause = zone::find_pause(store).await?;
    }
    let approval = plan.approval();
    let approval_reason = match &approval {
        Approval::Required(reason) => Some(reason.clone()),
        Approval::NotNeeded | Approval::Automatic => None,
    };
    let (outcome, repaired) = match (&pause, &approval) {
        (Some(_), _) => (AuditOutcome::Paused, 0),
        (None, Approval::Required(_)) => (AuditOutcome::NeedsApproval, 0),
        (None, Approval::NotNeeded | Approval::Automatic) => {
            match repair(context, &snapshot, &plan).await? {
                0 => (AuditOutcome::Clean, 0),
                repaired => (AuditOutcome::Repaired, repaired),
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
    let result = audit_result(&plan, outcome, repaired as u64, approval_reason.clone());
    zone::record_audit(store, &result).await?;
    let audited = Audited {
        plan,
        outcome,
        repaired,
        approval_reason,
        pause,
    };
    log_result(&audited, row);
    Ok(audited)
}

/// Marks the differences of a plan for publish and returns how many were marked. Names that changed
/// since the snapshot are skipped.
pub(super) async fn repair(
    context: &Context,
    snapshot: &Snapshot,
    plan: &Plan,
) -> Result<usize, ReconcileError> {
    let zone_state = plan.zone_state();
    if zone_state.is_empty() {
        return Ok(0);
    }
    let marked = zone::mark_drift(&context.store, snapshot, &zone_state).await?;
    context.queue.wake(WakeUp::Publish);
    let marked_changes = plan
        .changes
        .iter()
        .filter(|(name, _)| marked.contains(name));
    Ok(marked_changes.map(|(_, changes)| changes.len()).sum())
}

/// Logs the result; a plan that was logged before only at debug level.
fn log_result(audited: &Audited, row: Option<&AuditRow>) {
    let Audited {
        plan,
        outcome,
        repaired,
        approval_reason,
        ..
    } = audited;
    let differences = plan.differences();
    let foreign = plan.foreign.len();
    let orphans = plan.orphans.len();
    let hash = plan.hash();
    let before = row
        .and_then(|row| row.last.as_ref())
        .map(|(_, result)| result);
    let is_new = before.is_none_or(|before| before.outcome != *outcome || before.plan_hash != hash);
    match outcome {
        AuditOutcome::NeedsApproval if is_new => error!(
            reason = approval_reason.as_deref().unwrap_or_default(),
            %differences,
            plan = plan.short_hash(),
            "the zone differs too much from the database, nothing was changed: look at the plan \
             with `starchart reconcile --dry-run`, then correct the database, or approve the plan \
             with `starchart reconcile --approve {}`",
            plan.short_hash()
        ),
        AuditOutcome::Paused if is_new && differences.total() > 0 => {
            warn!(
                %differences,
                plan = plan.short_hash(),
                "the zone differs from the database; publishing is paused, nothing was changed"
            );
        }
        AuditOutcome::Repaired => {
            warn!(repaired, %differences, foreign, orphans, "repairing drift in the zone")
        }
        _ if is_new => {
            info!(
                rrsets = plan.listed,
                owned = plan.owned,
                foreign,
                orphans,
                "audited the zone"
            )
        }
        _ => debug!(
            rrsets = plan.listed,
            owned = plan.owned,
            foreign,
            orphans,
            "audited the zone"
        ),
    }
}

async fn record_failure(context: &Context, error: &ReconcileError) -> Result<(), ReconcileError> {
    let message = error.to_string();
    match error {
        ReconcileError::WrongZone(_) => {
            let what = "cannot audit the zone: wrong or incomplete";
            context.outages.zone_is_wrong(PART, &message, what);
        }
        ReconcileError::Zone(error) => {
            let what = "cannot audit the zone, retrying";
            context.outages.provider_failed(PART, error, what);
        }
        _ => {
            let what = "cannot audit the zone";
            context.outages.job_is_broken(PART, &message, what);
        }
    }
    Ok(zone::record_failed_audit(&context.store, &message).await?)
}
