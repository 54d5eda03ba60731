//! What waits for an admin's attention, in words.

use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;
use starchart_store::admin::HealthItems;
use starchart_store::zone::{AuditResult, AuditRow};

use super::MINUTE_MS;
use crate::views::{AttentionItem, AttentionKind};

/// Publishing is late when a name has waited for this long, in milliseconds.
const LATE_MS: i64 = MINUTE_MS;
/// Mail is late when one has waited for this long.
const MAIL_LATE_MS: i64 = 60 * MINUTE_MS;

/// How far publishing is, in a sentence.
pub(super) fn publishing(attention: &HealthItems) -> String {
    match (attention.unpublished, attention.oldest_unpublished_ms) {
        (0, _) | (_, None) if attention.refused_total == 0 => {
            "Every name is published as wanted.".to_owned()
        }
        (0, _) | (_, None) => "Every name is published as wanted, but for those below.".to_owned(),
        (n, Some(ms)) => {
            let names = pluralize(n, "name waits", "names wait");
            format!(
                "{names} to be published; the oldest has waited for {}.",
                span(ms)
            )
        }
    }
}

/// Most urgent first.
pub(super) fn items(attention: HealthItems) -> Vec<AttentionItem> {
    let note = |title: &str, thing: String, reason: &str| AttentionItem {
        kind: AttentionKind::Note,
        item: String::new(),
        title: title.to_owned(),
        thing,
        who: None,
        reason: reason.to_owned(),
        when: String::new(),
    };
    let mut items = Vec::new();
    if let Some(pause) = &attention.paused {
        let words = "Nothing is published until an operator approves the plan: starchart reconcile --dry-run prints it, and the \
             command that lets it be done.";
        let when = when(Some(pause.since), None);
        items.push(AttentionItem {
            when,
            ..note("Publishing is paused", pause.reason.clone(), words)
        });
    } else if let Some(ms) = attention.oldest_unpublished_ms.filter(|ms| *ms > LATE_MS) {
        let words = "Names should be published within seconds. Look whether the worker runs and Route53 answers.";
        items.push(note("Publishing is late", span(ms), words));
    }
    let paused = attention.paused.is_some();
    items.extend(
        attention
            .audit
            .into_iter()
            .flat_map(|audit| audit_items(audit, paused, note)),
    );
    if attention.pending_revocations > 0 {
        let owed = pluralize(attention.pending_revocations, "certificate", "certificates");
        items.push(note("Revocation owed", owed, "Of people who were deleted."));
    }
    if let Some(ms) = attention.oldest_mail_ms.filter(|ms| *ms > MAIL_LATE_MS) {
        items.push(note(
            "Mail is late",
            span(ms),
            "Look whether the worker runs and the mail server answers.",
        ));
    }
    let (names, mails) = (attention.refused_total, attention.mails.failed);
    let (shown_names, shown_mails) = (
        attention.refused.len() as u64,
        attention.failed_mails.len() as u64,
    );
    items.extend(attention.refused.into_iter().map(|name| AttentionItem {
        kind: AttentionKind::Name,
        title: "Refused record".to_owned(),
        when: when(name.since, name.next_try),
        item: name.fqdn.clone(),
        thing: name.fqdn,
        who: Some(name.username),
        reason: name.reason,
    }));
    if names > shown_names {
        items.push(note(
            "Refused record",
            pluralize(names - shown_names, "more name", "more names"),
            "",
        ));
    }
    items.extend(
        attention
            .failed_mails
            .into_iter()
            .map(|mail| AttentionItem {
                kind: AttentionKind::Mail,
                item: mail.id.to_string(),
                title: "Mail not sent".to_owned(),
                thing: mail.address,
                who: Some(mail.username).filter(|name| !name.is_empty()),
                reason: format!("{}: {}", mail.kind.as_str().replace('_', " "), mail.refusal),
                when: when(Some(mail.failed_at), None),
            }),
    );
    if mails > shown_mails {
        items.push(note(
            "Mail not sent",
            pluralize(mails - shown_mails, "more mail", "more mails"),
            "",
        ));
    }
    items.extend(
        attention
            .stuck_orders
            .into_iter()
            .map(|order| AttentionItem {
                title: "Certificate order does not move".to_owned(),
                who: Some(order.username),
                when: when(Some(order.since), Some(order.next_try)),
                ..note(
                    "",
                    order.domain,
                    &format!(
                        "Step {}, begun {}. {}",
                        order.step,
                        pluralize(order.starts, "time", "times"),
                        order.problem.unwrap_or_default()
                    ),
                )
            }),
    );
    items
}

/// What an audit of the zone left for an operator. During a pause its plan is part of what the
/// pause says.
fn audit_items(
    audit: AuditRow,
    paused: bool,
    note: impl Fn(&str, String, &str) -> AttentionItem,
) -> Vec<AttentionItem> {
    let mut items = Vec::new();
    if let Some((at, problem)) = audit.problem {
        let when = when(Some(at), None);
        items.push(AttentionItem {
            when,
            ..note("The zone cannot be audited", String::new(), &problem)
        });
    }
    let Some((
        at,
        AuditResult {
            refused_because,
            plan_hash,
            creates,
            deletes,
            replaces,
            unclaimed,
            ..
        },
    )) = audit.last
    else {
        return items;
    };
    if let Some(why) = refused_because.filter(|_| !paused) {
        let hash = plan_hash.get(..12).unwrap_or(&plan_hash);
        let words = format!(
            "{why}: {creates} to create, {deletes} to delete, {replaces} to replace. Nothing of it is done. Look at it with starchart \
             reconcile --dry-run; starchart reconcile --approve {hash} lets it be done."
        );
        let when = when(audit.refused_since, None);
        items.push(AttentionItem {
            when,
            ..note(
                "The zone differs from the database",
                format!("plan {hash}"),
                &words,
            )
        });
    }
    if unclaimed > 0 {
        let when = when(Some(at), None);
        let words = "They stand as wanted and are not known as ours, so nobody can change them here: starchart reconcile --adopt.";
        let sets = pluralize(unclaimed, "set", "sets");
        items.push(AttentionItem {
            when,
            ..note("Not known as ours", sets, words)
        });
    }
    items
}

fn when(since: Option<Timestamp>, next_try: Option<Timestamp>) -> String {
    let since = since.map(|at| format!("since {}", minute(at)));
    let next = next_try.map(|at| format!("tried again at {}", minute(at)));
    since.into_iter().chain(next).collect::<Vec<_>>().join(", ")
}

/// Date and time to the minute.
fn minute(at: Timestamp) -> String {
    let text = at.rfc3339();
    format!(
        "{} {} UTC",
        text.get(..10).unwrap_or_default(),
        text.get(11..16).unwrap_or_default()
    )
}

fn span(ms: i64) -> String {
    match u64::try_from(ms / 1_000).unwrap_or_default() {
        seconds @ 0..=119 => pluralize(seconds, "second", "seconds"),
        seconds @ 120..=7_199 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3_600),
    }
}
