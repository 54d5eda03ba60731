//! Applies the plan of an import, a few hundred rows per transaction.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend};
use starchart_domain::import::LabelAssignment;
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::ledger::{self, Kind, LedgerEntry};
use super::plan::{self, Plan, PlannedName, PlannedRequest, PlannedUser};
use super::report::{Line, Report, Topic};
use super::write_certificates::{ImportedCertificate, insert_certificate, insert_failed_request};
use super::write_notices::{SentNotice, insert_sent};
use super::write_records::{ImportedName, insert_names};
use super::write_users::{ImportedUser, insert_users};
use super::{ImportError, Options, Original, state};
use crate::entity::import::Column;
use crate::lease::{self, Lease, LeaseName};
use crate::progress::ProgressLog;
use crate::tx::Tx;
use crate::{Error, SchemaState, Store, outbox};

/// The largest number of rows in one transaction.
const BATCH: usize = 500;
/// How long the lease lasts unless it is renewed.
const LEASE_TTL: Duration = Duration::from_secs(15);
const LEASE_TTL_MS: i64 = 15_000;
/// How long to wait for the lease of an import that crashed.
const LEASE_TIMEOUT: Duration = Duration::from_secs(20);
/// The interval of log lines while waiting for the lease.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Reports what an import would do with each row. Writes nothing.
///
/// # Errors
/// A database does not answer, or this one cannot take an import.
pub async fn preview(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Report, ImportError> {
    check(store).await?;
    Ok(plan::plan(store, original, options).await?.report)
}

/// Imports the rows and reports the result for each. Pauses publishing before the first name is
/// written, and resumes an import that crashed.
///
/// # Errors
/// A database does not answer, this one cannot take an import, or another import runs.
pub async fn apply(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Report, ImportError> {
    check(store).await?;
    let lease = acquire_lease(store).await?;
    let outcome = tokio::select! {
        outcome = apply_with_lease(store, &lease, original, options) => outcome,
        lost = renew_lease(store, lease.clone()) => Err(lost),
    };
    // A lease that cannot be released expires; the report is returned in any case.
    if !matches!(
        tokio::time::timeout(LEASE_TTL, lease::release(store, &lease)).await,
        Ok(Ok(()))
    ) {
        tracing::debug!("the lease of the import could not be released and will expire");
    }
    outcome
}

async fn check(store: &Store) -> Result<(), ImportError> {
    if store.backend() == DbBackend::Sqlite {
        return Err(ImportError::Embedded);
    }
    match store.schema().await? {
        SchemaState::Fits | SchemaState::Newer(_) => Ok(()),
        SchemaState::PreRelease => Err(Error::PreReleaseSchema.into()),
        SchemaState::Pending(_) | SchemaState::HalfWiped => Err(ImportError::Schema),
    }
}

/// Acquires the lease, and waits for the lease of an import that crashed.
async fn acquire_lease(store: &Store) -> Result<Lease, ImportError> {
    let holder = format!("import-{:016x}", rand::random::<u64>());
    let until = tokio::time::Instant::now() + LEASE_TIMEOUT;
    let mut log_at = tokio::time::Instant::now();
    loop {
        if let Some(lease) = lease::acquire(store, LeaseName::Import, &holder, LEASE_TTL_MS).await?
        {
            return Ok(lease);
        }
        let now = tokio::time::Instant::now();
        if now > until {
            return Err(ImportError::Running);
        }
        if now >= log_at {
            let at_most_s = until.saturating_duration_since(now).as_secs();
            tracing::info!(
                at_most_s,
                "another import runs or crashed a moment ago: waiting for its lease"
            );
            log_at = now + LOG_INTERVAL;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Renews the lease until it is lost, or until the database has not answered for [`LEASE_TTL`].
async fn renew_lease(store: &Store, mut lease: Lease) -> ImportError {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LEASE_TTL / 4).await;
        match tokio::time::timeout(LEASE_TTL, lease::renew(store, &mut lease, LEASE_TTL_MS)).await {
            Ok(Ok(true)) => renewed = tokio::time::Instant::now(),
            Ok(Ok(false)) => return ImportError::Running,
            Ok(Err(fault)) if renewed.elapsed() > LEASE_TTL => return ImportError::Db(fault),
            Ok(Err(fault)) => tracing::debug!(
                error = %fault,
                "the lease of the import could not be renewed; retrying"
            ),
            Err(_) => {
                return ImportError::Db(Error::Unreachable(
                    "the lease of the import could not be renewed".into(),
                ));
            }
        }
    }
}

async fn apply_with_lease(
    store: &Store,
    lease: &Lease,
    original: &Original,
    options: &Options<'_>,
) -> Result<Report, ImportError> {
    let mut plan = plan::plan(store, original, options).await?;
    if plan.report.counts.to_do > 0 {
        // Certificates alone change nothing in the zone.
        if !plan.names.is_empty() {
            state::pause(store).await?;
        }
        let started = plan.started;
        store
            .write(|tx| async move {
                assert_lease(&tx, lease).await?;
                state::set_once(&tx, Column::StartedAt, started).await
            })
            .await?;
        // Before the other rows, which would change the reasons if this import is resumed.
        for entries in plan.left_out.chunks(BATCH) {
            store
                .write(|tx| async move {
                    assert_lease(&tx, lease).await?;
                    ledger::record(&tx, entries).await
                })
                .await?;
        }
        reserve_ids(store, &plan).await?;
        let ids = import_users(store, lease, &mut plan).await?;
        import_records(store, lease, &plan, &ids).await?;
        import_certificates(store, lease, original, options, &plan, &ids).await?;
    }
    store
        .write(|tx| async move {
            let now = assert_lease(&tx, lease).await?;
            // An import without any row has begun as well.
            state::set_once(&tx, Column::StartedAt, now).await?;
            state::set_once(&tx, Column::FinishedAt, now).await
        })
        .await?;
    Ok(plan.report)
}

/// Locks the lease at the beginning of every transaction, so that nothing is written without it.
async fn assert_lease(tx: &Tx, lease: &Lease) -> Result<Timestamp, Error> {
    let now = lease::assert_lease(tx, lease, 0).await?;
    now.ok_or_else(|| Error::Fault("the import lost its lease: another import runs".into()))
}

/// Reserves the ids of the original's records, so that records created meanwhile get higher ids.
async fn reserve_ids(store: &Store, plan: &Plan) -> Result<(), ImportError> {
    let records = plan.names.iter().flat_map(|name| &name.records);
    let Some(highest) = records.map(|planned| planned.record.id).max() else {
        return Ok(());
    };
    // A value below the current one changes nothing. sea-query has no AUTO_INCREMENT for a table.
    let reserve = format!(
        "ALTER TABLE dns_records AUTO_INCREMENT = {}",
        highest.saturating_add(1)
    );
    // ALTER TABLE waits for open transactions on the table and blocks later ones, so its wait is
    // short. The session setting ends with the connection.
    let own = store.endpoint().pool(1, LEASE_TIMEOUT);
    let reserved = async {
        own.execute_unprepared("SET SESSION lock_wait_timeout = 10")
            .await?;
        own.execute_unprepared(&reserve).await
    };
    let reserved = reserved.await;
    own.close().await.map_err(Error::from)?;
    match reserved.map_err(Error::from) {
        Ok(_) => Ok(()),
        Err(Error::Busy(_)) => Err(ImportError::InUse),
        Err(fault) => Err(ImportError::Db(fault)),
    }
}

/// The id of each planned user, by the index in the plan.
type Ids = HashMap<usize, UserId>;

async fn import_users(store: &Store, lease: &Lease, plan: &mut Plan) -> Result<Ids, Error> {
    let known = plan
        .users
        .iter()
        .enumerate()
        .filter_map(|(at, user)| Some((at, UserId(user.id?))));
    let mut ids: Ids = known.collect();
    let pending: Vec<usize> = (0..plan.users.len())
        .filter(|at| !plan.users[*at].entries.is_empty())
        .collect();
    let mut progress = ProgressLog::new("importing users", pending.len());
    for batch in pending.chunks(BATCH) {
        let users: Vec<&PlannedUser> = batch.iter().map(|at| &plan.users[*at]).collect();
        let users = &users;
        let (rows, lost) = store
            .write(|tx| async move {
                let now = assert_lease(&tx, lease).await?;
                let imported: Vec<ImportedUser<'_>> = users
                    .iter()
                    .map(|user| ImportedUser {
                        subject: user.subject.as_str(),
                        username: &user.account.username,
                        display_name: &user.account.display_name,
                        email: &user.account.email,
                        groups: user.groups,
                        label: user.assignment.derived_label(),
                        created_at: user.account.created_at,
                    })
                    .collect();
                let rows = insert_users(&tx, &imported, now).await?;
                let mut entries = Vec::new();
                let mut lost = Vec::new();
                for (user, row) in users.iter().zip(&rows) {
                    for (nth, entry) in user.entries.iter().enumerate() {
                        let mut entry = LedgerEntry {
                            target: Some(row.id.0),
                            ..entry.clone()
                        };
                        // A user signed in or chose this label after the plan was made.
                        if let (0, Some(label), false) =
                            (nth, user.assignment.derived_label(), row.has_label)
                        {
                            let assignment = LabelAssignment::Taken {
                                label: label.clone(),
                                by: None,
                            };
                            let line = Line {
                                topic: Topic::NoName,
                                text: format!("{}: {assignment}", user.account.username),
                            };
                            lost.push(line.clone());
                            entry.lines.push(line);
                        }
                        entries.push(entry);
                    }
                }
                ledger::record(&tx, &entries).await?;
                Ok::<_, Error>((rows.into_iter().map(|row| row.id).collect::<Vec<_>>(), lost))
            })
            .await?;
        ids.extend(batch.iter().zip(rows).map(|(at, id)| (*at, id)));
        plan.report.lines.extend(lost);
        progress.step(batch.len());
    }
    Ok(ids)
}

async fn import_records(store: &Store, lease: &Lease, plan: &Plan, ids: &Ids) -> Result<(), Error> {
    let mut batch: Vec<&PlannedName> = Vec::new();
    let mut size = 0;
    let mut progress = ProgressLog::new(
        "importing records",
        plan.names.iter().map(|name| name.records.len()).sum(),
    );
    for name in &plan.names {
        if size + name.records.len() > BATCH && !batch.is_empty() {
            let full = &batch;
            store
                .write(|tx| async move { import_batch(&tx, lease, full, ids, plan.started).await })
                .await?;
            progress.step(size);
            (batch, size) = (Vec::new(), 0);
        }
        size += name.records.len();
        batch.push(name);
    }
    if batch.is_empty() {
        return Ok(());
    }
    let last = &batch;
    store
        .write(|tx| async move { import_batch(&tx, lease, last, ids, plan.started).await })
        .await
}

/// Returns the id of a user of the plan.
fn owner(ids: &Ids, user: usize) -> Result<UserId, Error> {
    ids.get(&user)
        .copied()
        .ok_or_else(|| Error::Corrupt(format!("user {user} of the plan has no row")))
}

/// Writes a batch of names with their records and expiry notices.
async fn import_batch(
    tx: &Tx,
    lease: &Lease,
    names: &[&PlannedName],
    ids: &Ids,
    started: Timestamp,
) -> Result<(), Error> {
    assert_lease(tx, lease).await?;
    let mut imported = Vec::with_capacity(names.len());
    let mut entries = Vec::new();
    let mut sent: BTreeMap<(UserId, String), SentNotice> = BTreeMap::new();
    for name in names {
        let mut records = Vec::with_capacity(name.records.len());
        for planned in &name.records {
            let record = &planned.record;
            let user = owner(ids, planned.user)?;
            if let Some(at) = record.notified_at {
                let notice = sent.entry((user, at.date())).or_insert_with(|| SentNotice {
                    at,
                    items: Vec::new(),
                });
                notice.at = notice.at.max(at);
                notice.items.push(outbox::record_item(
                    name.fqdn.clone(),
                    record.rtype.as_str(),
                    &record.input,
                    record.expires_at.to_day(),
                ));
            }
            records.push((user, record));
            entries.push(LedgerEntry {
                kind: Kind::Record,
                source: record.id.to_string(),
                target: Some(record.id),
                lines: planned.lines.clone(),
            });
        }
        imported.push(ImportedName {
            fqdn: &name.fqdn,
            owner: owner(ids, name.owner)?,
            refused: refused(name),
            records,
        });
    }
    let notices = insert_sent(tx, &sent, started).await?;
    insert_names(tx, &imported, &notices, started).await?;
    ledger::record(tx, &entries).await
}

/// The type of the name that no zone accepts (none: several types), and why.
fn refused(name: &PlannedName) -> Option<(Option<RecordType>, String)> {
    let mut refused = name
        .records
        .iter()
        .filter_map(|planned| Some((planned.record.rtype, planned.record.refusal.clone()?)));
    let (rtype, why) = refused.next()?;
    let only = refused.all(|(other, _)| other == rtype);
    Some((
        only.then_some(rtype),
        format!("No name server takes this value: {why}"),
    ))
}

async fn import_certificates(
    store: &Store,
    lease: &Lease,
    original: &Original,
    options: &Options<'_>,
    plan: &Plan,
    ids: &Ids,
) -> Result<(), ImportError> {
    let mut planned = plan.certificates.iter().peekable();
    let mut after = i64::MIN;
    let mut progress = ProgressLog::new("importing certificates", plan.certificates.len());
    // Both lists are sorted by id.
    while planned.peek().is_some() {
        let page = original.certificates(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut batch = Vec::new();
        for old in &page {
            let Some(next) = planned.next_if(|next| next.source == old.id) else {
                continue;
            };
            let entry = |target| LedgerEntry {
                kind: Kind::Certificate,
                source: old.id.to_string(),
                target,
                lines: next.lines.clone(),
            };
            let certificate = match &next.request {
                PlannedRequest::InProgress => None,
                PlannedRequest::Issued {
                    notified_at,
                    in_use,
                    ..
                } => {
                    let (key, issued) = plan::parse(old, options).map_err(ImportError::Row)?;
                    Some(ImportedCertificate {
                        key,
                        issued,
                        notified_at: *notified_at,
                        in_use: *in_use,
                    })
                }
            };
            let user = owner(ids, next.user)?;
            batch.push((user, next.domain.as_str(), certificate, entry(None)));
        }
        let certificates = &batch;
        store
            .write(|tx| async move {
                let now = assert_lease(&tx, lease).await?;
                let mut entries = Vec::with_capacity(certificates.len());
                for (user, domain, certificate, entry) in certificates {
                    let target = match certificate {
                        Some(certificate) => {
                            Some(insert_certificate(&tx, *user, domain, certificate, now).await?)
                        }
                        None => insert_failed_request(&tx, *user, domain, now)
                            .await
                            .map(|()| None)?,
                    };
                    entries.push(LedgerEntry {
                        target,
                        ..entry.clone()
                    });
                }
                ledger::record(&tx, &entries).await
            })
            .await?;
        progress.step(batch.len());
    }
    Ok(())
}
