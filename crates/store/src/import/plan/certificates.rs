//! Plans the import of certificates and of requests for them.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use starchart_domain::import::{ImportedExpiry, classify_expiry};
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;

use super::model::{Owners, Plan, PlannedCertificate, PlannedRequest};
use crate::entity::certificate::{self, Column, State};
use crate::import::ledger::{Kind, Ledger};
use crate::import::read::OldCertificate;
use crate::import::report::{Line, Topic};
use crate::import::{ImportError, IssuedCertificate, Options, Original};
use crate::progress::ProgressLog;
use crate::{Error, Store};

/// Parses a certificate of the original's database with its key.
pub(in crate::import) fn parse(
    old: &OldCertificate,
    options: &Options<'_>,
) -> Result<(Secret, IssuedCertificate), String> {
    let (Some(key), Some(certificate)) = (&old.private_key, &old.certificate) else {
        return Err("the certificate or its key is missing".to_owned());
    };
    let key = Secret::new(key.as_str());
    let chain = old.chain.as_deref().unwrap_or_default();
    let issued = (options.certificate)(&key, certificate, chain)?;
    Ok((key, issued))
}

/// Plans all certificates and requests.
pub(super) async fn add(
    plan: &mut Plan,
    store: &Store,
    original: &Original,
    owners: &Owners,
    options: &Options<'_>,
    ledger: &Ledger,
) -> Result<(), ImportError> {
    let can_seal = store.vault().can_seal();
    let mut after = i64::MIN;
    let mut progress = ProgressLog::without_end("reading certificates of the original");
    loop {
        let page = original.certificates(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for old in &page {
            plan.report.counts.certificates += 1;
            if !plan.is_done(ledger, Kind::Certificate, &old.id.to_string()) {
                add_row(plan, old, owners, options, can_seal);
            }
            progress.step(1);
        }
    }
    let in_use = list_users_with_certificate(store.reader()).await?;
    choose_newest(plan, &in_use);
    Ok(())
}

/// What happens to a row of the original's table.
enum RowPlan {
    /// It is imported for this user.
    Import {
        user: usize,
        request: PlannedRequest,
    },
    /// It is left out, for this reason.
    LeaveOut(String),
    /// Not imported, because the request failed.
    Failed,
    /// Not imported, because the certificate has expired.
    Expired,
    /// Keys cannot be sealed. A later import imports it.
    Postpone,
}

fn add_row(
    plan: &mut Plan,
    old: &OldCertificate,
    owners: &Owners,
    options: &Options<'_>,
    can_seal: bool,
) {
    let domain = old.domain.to_lowercase();
    let domain = domain.strip_prefix("*.").unwrap_or(&domain);
    let source = old.id.to_string();
    let line = |topic, why: &str| {
        let owner = old.owner.as_deref().unwrap_or("nobody");
        Line {
            topic,
            text: format!("#{source} *.{domain} of {owner}{why}"),
        }
    };
    match plan_row(plan, old, domain, owners, options, can_seal) {
        RowPlan::Import { user, request } => {
            let lines = match request {
                PlannedRequest::InProgress => vec![line(Topic::AskAgain, "")],
                PlannedRequest::Issued { .. } => {
                    plan.report.counts.new_certificates += 1;
                    Vec::new()
                }
            };
            plan.report.lines.extend(lines.iter().cloned());
            plan.certificates.push(PlannedCertificate {
                source: old.id,
                user,
                domain: domain.to_owned(),
                request,
                lines,
            });
        }
        RowPlan::LeaveOut(why) => {
            let line = line(Topic::CertificateLeftOut, &format!(": {why}"));
            plan.leave_out(Kind::Certificate, source, vec![line]);
        }
        RowPlan::Failed => {
            plan.report.counts.failed_requests += 1;
            plan.leave_out(Kind::Certificate, source, Vec::new());
        }
        RowPlan::Expired => {
            plan.report.counts.ended_certificates += 1;
            plan.leave_out(Kind::Certificate, source, Vec::new());
        }
        RowPlan::Postpone => plan.report.lines.push(line(Topic::NoKeys, "")),
    }
}

fn plan_row(
    plan: &Plan,
    old: &OldCertificate,
    domain: &str,
    owners: &Owners,
    options: &Options<'_>,
    can_seal: bool,
) -> RowPlan {
    if old.status == "failed" {
        return RowPlan::Failed;
    }
    let owner = old.owner.as_ref();
    let Some(user) = owner.and_then(|owner| owners.get(owner).copied()) else {
        return RowPlan::LeaveOut("its account is missing or left out".to_owned());
    };
    let base = plan.users[user]
        .label()
        .map(|label| options.root.base(label));
    if base.is_none_or(|base| base.as_str() != domain) {
        let why = "the domain is not this user's here; \
             a certificate for the new one can be asked for";
        return RowPlan::LeaveOut(why.to_owned());
    }
    match old.status.as_str() {
        "pending" => RowPlan::Import {
            user,
            request: PlannedRequest::InProgress,
        },
        "issued" => match parse(old, options) {
            Err(why) => RowPlan::LeaveOut(why),
            Ok((_, issued)) if issued.not_after <= plan.started => RowPlan::Expired,
            Ok(_) if !can_seal => RowPlan::Postpone,
            Ok((_, issued)) => RowPlan::Import {
                user,
                request: issued_request(old, &issued, plan.started),
            },
        },
        other => RowPlan::LeaveOut(format!("unknown status {other}")),
    }
}

fn issued_request(
    old: &OldCertificate,
    issued: &IssuedCertificate,
    now: Timestamp,
) -> PlannedRequest {
    let last_notified = old.last_notified.map(Timestamp::from_millis);
    let notified_at = match classify_expiry(issued.not_after, last_notified, now) {
        ImportedExpiry::Notified(at) => Some(at),
        ImportedExpiry::NotNotified | ImportedExpiry::Expired => None,
    };
    PlannedRequest::Issued {
        not_after: issued.not_after,
        notified_at,
        in_use: false,
    }
}

/// Lists the ids of users who have an active certificate here.
async fn list_users_with_certificate(on: &impl ConnectionTrait) -> Result<HashSet<i64>, Error> {
    let users: Vec<i64> = certificate::Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::State.eq(State::Active))
        .into_tuple()
        .all(on)
        .await?;
    Ok(users.into_iter().collect())
}

/// Makes each user's certificate that expires last the active one, unless the user has one
/// here.
fn choose_newest(plan: &mut Plan, in_use_here: &HashSet<i64>) {
    let mut newest: BTreeMap<usize, (Timestamp, i64)> = BTreeMap::new();
    for certificate in &plan.certificates {
        let has_none_here = plan.users[certificate.user]
            .id
            .is_none_or(|id| !in_use_here.contains(&id));
        if let (PlannedRequest::Issued { not_after, .. }, true) =
            (&certificate.request, has_none_here)
        {
            let key = (*not_after, certificate.source);
            let best = newest.entry(certificate.user).or_insert(key);
            *best = (*best).max(key);
        }
    }
    for certificate in &mut plan.certificates {
        if let PlannedRequest::Issued { in_use, .. } = &mut certificate.request {
            *in_use = newest
                .get(&certificate.user)
                .is_some_and(|(_, source)| *source == certificate.source);
        }
    }
}
