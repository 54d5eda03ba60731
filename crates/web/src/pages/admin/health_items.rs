//! What needs an admin's attention, in words.

use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;
use starchart_store::admin::{HealthItems, RefusedNameRow, StuckOrder};
use starchart_store::certificates::renewal_info::ExplainedRenewals;
use starchart_store::outbox::FailedMail;
use starchart_store::zone::{AuditResult, AuditRow};

const MINUTE_MS: i64 = 60 * 1_000;
/// Publishing is late when a name has been unpublished for this long, in milliseconds.
const PUBLISH_LATE_MS: i64 = MINUTE_MS;
/// Mail is late when one has been pending for this long, in milliseconds.
const MAIL_LATE_MS: i64 = 60 * MINUTE_MS;
/// Characters of a plan hash that identify the plan.
const PLAN_HASH_PREFIX: usize = 12;

/// What an admin can do about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HealthItemKind {
    /// A refused name: retry.
    Name,
    /// A mail that was not sent: retry.
    Mail,
    /// Nothing on these pages.
    Note,
}

/// Something that needs an admin's attention.
#[derive(Debug, Clone)]
pub(crate) struct HealthItem {
    pub(crate) kind: HealthItemKind,
    /// The field `item` of the retry form.
    pub(crate) retry_id: String,
    pub(crate) title: String,
    /// The affected name, address or amount; may be empty.
    pub(crate) object: String,
    /// The user name of the owner, when there is one.
    pub(crate) username: Option<String>,
    /// The reason, or what to do.
    pub(crate) reason: String,
    /// When it began and when the next attempt is, in words; may be empty.
    pub(crate) when: String,
}

impl HealthItem {
    /// Returns the intent of its retry form.
    pub(crate) fn intent(&self) -> Option<&'static str> {
        match self.kind {
            HealthItemKind::Name => Some("retry-record"),
            HealthItemKind::Mail => Some("retry-mail"),
            HealthItemKind::Note => None,
        }
    }
}

/// Describes in a sentence how far publishing is.
pub(super) fn describe_publishing(health: &HealthItems) -> String {
    match (health.unpublished, health.oldest_unpublished_ms) {
        (0, _) | (_, None) if health.refused_total == 0 => "Every name is published.".to_owned(),
        (0, _) | (_, None) => "Every name is published, except those listed below.".to_owned(),
        (n, Some(ms)) => {
            let names = pluralize(n, "name waits", "names wait");
            format!(
                "{names} to be published; the oldest has waited for {}.",
                duration(ms)
            )
        }
    }
}

/// Lists what needs attention, most urgent first. `provider` is the name of the DNS provider.
pub(super) fn list(health: HealthItems, provider: &str) -> Vec<HealthItem> {
    let is_paused = health.paused.is_some();
    let more_names = health.refused_total - health.refused.len() as u64;
    let more_mails = health.mails.failed - health.failed_mails.len() as u64;
    let mut items = Vec::new();
    items.extend(publishing_item(&health, provider));
    items.extend(
        health
            .audit
            .into_iter()
            .flat_map(|audit| audit_items(audit, is_paused)),
    );
    items.extend(
        health
            .explained_renewals
            .into_iter()
            .map(explained_renewals_item),
    );
    items.extend(
        health
            .renewal_info_problems
            .into_iter()
            .map(renewal_info_item),
    );
    if health.pending_revocations > 0 {
        items.push(note(
            "Revocation pending",
            pluralize(health.pending_revocations, "certificate", "certificates"),
            "Certificates of deleted users that are not revoked yet.",
        ));
    }
    if let Some(ms) = health.oldest_mail_ms.filter(|ms| *ms > MAIL_LATE_MS) {
        items.push(note(
            "Mail is late",
            duration(ms),
            "Check that the worker runs and that the mail server answers.",
        ));
    }
    items.extend(health.refused.into_iter().map(refused_name_item));
    if more_names > 0 {
        let names = pluralize(more_names, "more name", "more names");
        items.push(note("Refused record", names, ""));
    }
    items.extend(health.failed_mails.into_iter().map(failed_mail_item));
    if more_mails > 0 {
        let mails = pluralize(more_mails, "more mail", "more mails");
        items.push(note("Mail not sent", mails, ""));
    }
    items.extend(health.stuck_orders.into_iter().map(stuck_order_item));
    items
}

/// Returns the item that publishing is paused or late.
fn publishing_item(health: &HealthItems, provider: &str) -> Option<HealthItem> {
    if let Some(pause) = &health.paused {
        return Some(HealthItem {
            when: describe_times(Some(pause.since), None),
            ..note(
                "Publishing is paused",
                pause.reason.clone(),
                "Nothing is published until an operator approves the plan. \
                 starchart reconcile --dry-run prints the plan and the command that approves it.",
            )
        });
    }
    let ms = health
        .oldest_unpublished_ms
        .filter(|ms| *ms > PUBLISH_LATE_MS)?;
    Some(note(
        "Publishing is late",
        duration(ms),
        &format!(
            "Names should be published within seconds. Check that the worker runs and that \
             {provider} answers."
        ),
    ))
}

fn refused_name_item(name: RefusedNameRow) -> HealthItem {
    HealthItem {
        kind: HealthItemKind::Name,
        title: "Refused record".to_owned(),
        when: describe_times(name.since, name.next_try),
        retry_id: name.fqdn.clone(),
        object: name.fqdn,
        username: Some(name.username),
        reason: name.reason,
    }
}

fn explained_renewals_item(explained: ExplainedRenewals) -> HealthItem {
    let certificates = pluralize(explained.certificates, "certificate", "certificates");
    let renewed = explained.next_renewal.ceil_minute().to_minute();
    note(
        "The certificate authority explains its renewals",
        certificates,
        &format!(
            "The first is renewed from {renewed} on. The authority says why at {}",
            explained.url
        ),
    )
}

fn renewal_info_item((problem, certificates): (String, u64)) -> HealthItem {
    note(
        "No renewal information",
        pluralize(certificates, "certificate", "certificates"),
        &format!(
            "The certificate authority does not say when to renew them, so their own share of life \
             decides. The last attempt: {problem}"
        ),
    )
}

fn failed_mail_item(mail: FailedMail) -> HealthItem {
    HealthItem {
        kind: HealthItemKind::Mail,
        retry_id: mail.id.to_string(),
        title: "Mail not sent".to_owned(),
        object: mail.address,
        username: Some(mail.username).filter(|name| !name.is_empty()),
        reason: format!("{}: {}", mail.kind.as_str().replace('_', " "), mail.refusal),
        when: describe_times(Some(mail.failed_at), None),
    }
}

fn stuck_order_item(order: StuckOrder) -> HealthItem {
    let reason = format!(
        "Step {}, started {}. {}",
        order.step,
        pluralize(order.starts, "time", "times"),
        order.problem.unwrap_or_default()
    );
    HealthItem {
        username: Some(order.username),
        when: describe_times(Some(order.since), Some(order.next_try)),
        ..note("Certificate order is stuck", order.domain, &reason)
    }
}

/// Creates an item that an admin cannot retry.
fn note(title: &str, object: String, reason: &str) -> HealthItem {
    HealthItem {
        kind: HealthItemKind::Note,
        retry_id: String::new(),
        title: title.to_owned(),
        object,
        username: None,
        reason: reason.to_owned(),
        when: String::new(),
    }
}

/// Lists what the last zone audit left for an operator. While publishing is paused, the item about
/// the pause covers the plan too.
fn audit_items(audit: AuditRow, is_paused: bool) -> Vec<HealthItem> {
    let mut items = Vec::new();
    if let Some((at, problem)) = audit.problem {
        items.push(HealthItem {
            when: describe_times(Some(at), None),
            ..note("The zone cannot be audited", String::new(), &problem)
        });
    }
    let Some((at, result)) = audit.last else {
        return items;
    };
    let AuditResult {
        approval_reason,
        plan_hash,
        creates,
        deletes,
        replaces,
        unclaimed,
        ..
    } = result;
    if let Some(reason) = approval_reason.filter(|_| !is_paused) {
        let hash = plan_hash.get(..PLAN_HASH_PREFIX).unwrap_or(&plan_hash);
        let text = format!(
            "{reason}: {creates} to create, {deletes} to delete, {replaces} to replace. \
             The plan is not carried out. Review it with starchart reconcile --dry-run and \
             approve it with starchart reconcile --approve {hash}."
        );
        items.push(HealthItem {
            when: describe_times(audit.needs_approval_since, None),
            ..note(
                "The zone differs from the database",
                format!("plan {hash}"),
                &text,
            )
        });
    }
    if unclaimed > 0 {
        items.push(HealthItem {
            when: describe_times(Some(at), None),
            ..note(
                "RRsets not adopted",
                pluralize(unclaimed, "RRset", "RRsets"),
                "They are in the zone as the database wants them, but not in the registry of \
                 owned RRsets, so that they cannot be changed here. Adopt them with starchart \
                 reconcile --adopt.",
            )
        });
    }
    items
}

fn describe_times(since: Option<Timestamp>, next_attempt: Option<Timestamp>) -> String {
    let since = since.map(|at| format!("since {}", at.to_minute()));
    let next = next_attempt.map(|at| format!("next attempt at {}", at.to_minute()));
    since.into_iter().chain(next).collect::<Vec<_>>().join(", ")
}

fn duration(ms: i64) -> String {
    match u64::try_from(ms / 1_000).unwrap_or_default() {
        seconds @ 0..=119 => pluralize(seconds, "second", "seconds"),
        seconds @ 120..=7_199 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3_600),
    }
}
