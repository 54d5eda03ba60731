//! What becomes of certificates, and of requests for them.

use std::collections::{BTreeMap, HashSet};

use sea_orm::FromQueryResult;
use starchart_domain::import::{ImportedExpiry, classify_expiry};
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;

use super::ledger::{Kind, Ledger};
use super::plan::{Owners, Plan};
use super::read::OldCertificate;
use super::report::{Line, Topic};
use super::{ImportError, IssuedCertificate, Options, Original};
use crate::progress::ProgressLog;
use crate::{Store, sql};

/// A row of the original that comes here.
pub(super) struct PlannedCertificate {
    /// Its number there.
    pub(super) source: i64,
    /// Whose it is, in [`Plan::users`].
    pub(super) person: usize,
    /// The base domain.
    pub(super) domain: String,
    pub(super) what: What,
    pub(super) lines: Vec<Line>,
}

pub(super) enum What {
    /// A certificate that still lives.
    Issued {
        not_after: Timestamp,
        /// When the person was told that it ends.
        told: Option<Timestamp>,
        /// Whether it is the person's newest; the others are out of use.
        in_use: bool,
    },
    /// A request that was under way.
    AskAgain,
}

/// Reads a certificate of the original with its key.
pub(super) fn read(
    old: &OldCertificate,
    options: &Options<'_>,
) -> Result<(Secret, IssuedCertificate), String> {
    let (Some(key), Some(certificate)) = (&old.private_key, &old.certificate) else {
        return Err("the certificate or its key is missing".to_owned());
    };
    let key = Secret::new(key.as_str());
    let issued =
        (options.certificate)(&key, certificate, old.chain.as_deref().unwrap_or_default())?;
    Ok((key, issued))
}

pub(super) async fn add(
    plan: &mut Plan,
    store: &Store,
    original: &Original,
    owners: &Owners,
    options: &Options<'_>,
    ledger: &Ledger,
) -> Result<(), ImportError> {
    let mut after = i64::MIN;
    let mut pace = ProgressLog::without_end("reading certificates of the original");
    loop {
        let page = original.certificates(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for old in &page {
            plan.report.counts.certificates += 1;
            if !plan.is_done(ledger, Kind::Certificate, &old.id.to_string()) {
                judge(plan, store, old, owners, options);
            }
            pace.step(1);
        }
    }
    put_in_use(plan, store).await
}

fn judge(
    plan: &mut Plan,
    store: &Store,
    old: &OldCertificate,
    owners: &Owners,
    options: &Options<'_>,
) {
    let domain = old.domain.to_lowercase();
    let domain = domain.strip_prefix("*.").unwrap_or(&domain).to_owned();
    let person = old
        .owner
        .as_ref()
        .and_then(|owner| owners.get(owner).copied());
    let line = |topic, why: &str| {
        let owner = old.owner.as_deref().unwrap_or("nobody");
        Line {
            topic,
            text: format!("#{} *.{domain} of {owner}{why}", old.id),
        }
    };
    let source = old.id.to_string();
    let out = |plan: &mut Plan, why: &str| {
        plan.leave_out(
            Kind::Certificate,
            old.id.to_string(),
            vec![line(Topic::CertificateLeftOut, why)],
        );
    };
    if old.status == "failed" {
        plan.report.counts.failed_requests += 1;
        return plan.leave_out(Kind::Certificate, source, Vec::new());
    }
    let Some(person) = person else {
        return out(plan, ": its account is missing or left out");
    };
    let base = plan.users[person]
        .label()
        .map(|label| options.root.base(label));
    if base.is_none_or(|base| base.as_str() != domain) {
        return out(
            plan,
            ": the domain is not this person's here; a certificate for the new one can be asked for",
        );
    }
    let what = match old.status.as_str() {
        "pending" => What::AskAgain,
        "issued" => match read(old, options) {
            Err(why) => return out(plan, &format!(": {why}")),
            Ok((_, issued)) if issued.not_after <= plan.started => {
                plan.report.counts.ended_certificates += 1;
                return plan.leave_out(Kind::Certificate, source, Vec::new());
            }
            Ok(_) if !store.vault().can_seal() => {
                // Not for good: nothing is noted.
                plan.report.lines.push(line(Topic::NoKeys, ""));
                return;
            }
            Ok((_, issued)) => {
                let told = match classify_expiry(
                    issued.not_after,
                    old.last_notified.map(Timestamp::from_millis),
                    plan.started,
                ) {
                    ImportedExpiry::Notified(at) => Some(at),
                    ImportedExpiry::NotNotified | ImportedExpiry::Expired => None,
                };
                What::Issued {
                    not_after: issued.not_after,
                    told,
                    in_use: false,
                }
            }
        },
        other => return out(plan, &format!(": unknown status {other}")),
    };
    let lines = match what {
        What::AskAgain => vec![line(Topic::AskAgain, "")],
        What::Issued { .. } => {
            plan.report.counts.new_certificates += 1;
            Vec::new()
        }
    };
    plan.report.lines.extend(lines.iter().cloned());
    plan.certificates.push(PlannedCertificate {
        source: old.id,
        person,
        domain,
        what,
        lines,
    });
}

/// Of each person's certificates the one that lives longest is in use, unless there is one here.
async fn put_in_use(plan: &mut Plan, store: &Store) -> Result<(), ImportError> {
    #[derive(FromQueryResult)]
    struct Row {
        user_id: i64,
    }
    let look = "SELECT user_id FROM certificates WHERE state = 'active'";
    let rows: Vec<Row> = sql::all(store.reader(), look, vec![])
        .await
        .map_err(ImportError::Db)?;
    let have: HashSet<i64> = rows.into_iter().map(|row| row.user_id).collect();
    let mut newest: BTreeMap<usize, (Timestamp, i64)> = BTreeMap::new();
    for certificate in &plan.certificates {
        let is_free = plan.users[certificate.person]
            .id
            .is_none_or(|id| !have.contains(&id));
        if let (What::Issued { not_after, .. }, true) = (&certificate.what, is_free) {
            let best = newest
                .entry(certificate.person)
                .or_insert((*not_after, certificate.source));
            *best = (*best).max((*not_after, certificate.source));
        }
    }
    for certificate in &mut plan.certificates {
        if let What::Issued { in_use, .. } = &mut certificate.what {
            *in_use = newest
                .get(&certificate.person)
                .is_some_and(|(_, source)| *source == certificate.source);
        }
    }
    Ok(())
}
