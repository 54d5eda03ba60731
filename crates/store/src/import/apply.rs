//! Doing what was planned, a few hundred rows in a transaction.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend};
use starchart_domain::import::LabelAssignment;
use starchart_domain::record::RecordType;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::certificates::{self, What};
use super::ledger::{self, Entry, Kind};
use super::people::Person;
use super::plan::{self, Plan, PlannedName};
use super::report::{Line, Report, Topic};
use super::{ImportError, Options, Original, state};
use crate::certificates::import::{ImportedCertificate, insert_certificate, insert_failed_request};
use crate::lease::{self, Lease, LeaseName};
use crate::outbox::SentNotice;
use crate::progress::ProgressLog;
use crate::records::moved::{MovedName, put_names};
use crate::tx::Tx;
use crate::users::{MovedUser, put_users};
use crate::{Error, SchemaState, Store, outbox};

/// Rows of one transaction.
const BATCH: usize = 500;
/// The lease; it is renewed while the import runs.
const LEASE: Duration = Duration::from_secs(15);
/// The same, in milliseconds.
const LEASE_MS: i64 = 15_000;
/// How long to wait for the lease of one that died.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two lines about that.
const SAY: Duration = Duration::from_secs(5);

/// Says what would become of each row. Writes nothing.
///
/// # Errors
/// A database does not answer, or an import cannot be made into this one.
pub async fn look(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Report, ImportError> {
    check(store).await?;
    Ok(plan::plan(store, original, options).await?.report)
}

/// Takes the rows over, and says what became of each. Publishing is paused before the first
/// name comes. One that died is gone on with.
///
/// # Errors
/// A database does not answer, an import cannot be made into this one, or another runs.
pub async fn apply(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Report, ImportError> {
    check(store).await?;
    let lease = lease(store).await?;
    let outcome = tokio::select! {
        outcome = apply_held(store, &lease, original, options) => outcome,
        lost = keep(store, lease.clone()) => Err(lost),
    };
    // A lease that cannot be given back ends by itself, and what was done is said in any case.
    if !matches!(
        tokio::time::timeout(LEASE, lease::release(store, &lease)).await,
        Ok(Ok(()))
    ) {
        tracing::debug!("the lease of the import ends by itself");
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

async fn lease(store: &Store) -> Result<Lease, ImportError> {
    let holder = format!("import-{:016x}", rand::random::<u64>());
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut say = tokio::time::Instant::now();
    loop {
        if let Some(lease) = lease::acquire(store, LeaseName::Import, &holder, LEASE_MS).await? {
            return Ok(lease);
        }
        let now = tokio::time::Instant::now();
        if now > until {
            return Err(ImportError::Running);
        }
        if now >= say {
            let at_most_s = until.saturating_duration_since(now).as_secs();
            tracing::info!(
                at_most_s,
                "another import runs, or ended without a word a moment ago: waiting for its end"
            );
            say = now + SAY;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Ends only when the lease is lost, or the database has not answered for as long as a lease.
async fn keep(store: &Store, mut lease: Lease) -> ImportError {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(LEASE / 4).await;
        match tokio::time::timeout(LEASE, lease::renew(store, &mut lease, LEASE_MS)).await {
            Ok(Ok(true)) => renewed = tokio::time::Instant::now(),
            Ok(Ok(false)) => return ImportError::Running,
            Ok(Err(fault)) if renewed.elapsed() > LEASE => return ImportError::Db(fault),
            Ok(Err(fault)) => {
                tracing::debug!(error = %fault, "the lease of the import could not be renewed yet")
            }
            Err(_) => {
                return ImportError::Db(Error::Unreachable(
                    "the lease of the import could not be renewed".into(),
                ));
            }
        }
    }
}

async fn apply_held(
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
        store.write(|tx| begin(tx, lease, started)).await?;
        // First, as what comes would give them another reason in an import that goes on with this
        // one.
        for entries in plan.left_out.chunks(BATCH) {
            store.write(|tx| note(tx, lease, entries)).await?;
        }
        reserve_ids(store, &plan).await?;
        let ids = put_people(store, lease, &mut plan).await?;
        put_records(store, lease, &plan, &ids).await?;
        put_certificates(store, lease, original, options, &plan, &ids).await?;
    }
    store.write(|tx| finish(tx, lease)).await?;
    Ok(plan.report)
}

/// Every transaction here begins so: whoever lost the lease writes nothing.
async fn assert_lease(tx: &Tx, lease: &Lease) -> Result<Timestamp, Error> {
    let now = lease::assert_lease(tx, lease, 0).await?;
    now.ok_or_else(|| Error::Fault("the import lost its lease: another one runs".into()))
}

async fn begin(tx: Tx, lease: &Lease, started: Timestamp) -> Result<(), Error> {
    assert_lease(&tx, lease).await?;
    state::mark(&tx, "started_at", started).await
}

async fn note(tx: Tx, lease: &Lease, entries: &[Entry]) -> Result<(), Error> {
    assert_lease(&tx, lease).await?;
    ledger::note(&tx, entries).await
}

async fn finish(tx: Tx, lease: &Lease) -> Result<(), Error> {
    let now = assert_lease(&tx, lease).await?;
    // An import that finds nothing at all has been made as well.
    state::mark(&tx, "started_at", now).await?;
    state::mark(&tx, "finished_at", now).await
}

/// Records that people make while the import runs get numbers beyond the original's.
async fn reserve_ids(store: &Store, plan: &Plan) -> Result<(), ImportError> {
    let records = plan.names.iter().flat_map(|name| &name.records);
    let Some(highest) = records.map(|planned| planned.record.id).max() else {
        return Ok(());
    };
    // A smaller number than the next one changes nothing.
    let reserve = format!(
        "ALTER TABLE dns_records AUTO_INCREMENT = {}",
        highest.saturating_add(1)
    );
    // It waits for everybody who reads the table, and everybody who comes later waits for it: not
    // for long, then. The setting goes with the connection.
    let own = store.endpoint().pool(1, PATIENCE);
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

/// Everybody's row here, by the place in the plan.
type Ids = HashMap<usize, UserId>;

async fn put_people(store: &Store, lease: &Lease, plan: &mut Plan) -> Result<Ids, Error> {
    let known = plan
        .people
        .iter()
        .enumerate()
        .filter_map(|(at, person)| Some((at, UserId(person.id?))));
    let mut ids: Ids = known.collect();
    let owed: Vec<usize> = (0..plan.people.len())
        .filter(|at| !plan.people[*at].entries.is_empty())
        .collect();
    let mut pace = ProgressLog::new("importing people", owed.len());
    for batch in owed.chunks(BATCH) {
        let people: Vec<&Person> = batch.iter().map(|at| &plan.people[*at]).collect();
        let (rows, lost) = store.write(|tx| people_within(tx, lease, &people)).await?;
        ids.extend(batch.iter().zip(rows).map(|(at, id)| (*at, id)));
        plan.report.lines.extend(lost);
        pace.step(batch.len());
    }
    Ok(ids)
}

async fn people_within(
    tx: Tx,
    lease: &Lease,
    people: &[&Person],
) -> Result<(Vec<UserId>, Vec<Line>), Error> {
    let now = assert_lease(&tx, lease).await?;
    let moved: Vec<MovedUser<'_>> = people
        .iter()
        .map(|person| MovedUser {
            subject: person.subject.as_str(),
            username: &person.account.username,
            display_name: &person.account.display_name,
            email: &person.account.email,
            groups: person.groups,
            label: person.deal.kept(),
            created_at: person.account.created_at,
        })
        .collect();
    let rows = put_users(&tx, &moved, now).await?;
    let (mut entries, mut lost) = (Vec::new(), Vec::new());
    for (person, row) in people.iter().zip(&rows) {
        for (nth, entry) in person.entries.iter().enumerate() {
            let mut entry = Entry {
                target: Some(row.id.0),
                ..entry.clone()
            };
            // Somebody signed in or chose this name between the plan and now.
            if let (0, Some(label), false) = (nth, person.deal.kept(), row.has_label) {
                let deal = LabelAssignment::Taken {
                    label: label.clone(),
                    by: None,
                };
                let line = Line {
                    topic: Topic::NoName,
                    text: format!("{}: {deal}", person.account.username),
                };
                lost.push(line.clone());
                entry.lines.push(line);
            }
            entries.push(entry);
        }
    }
    ledger::note(&tx, &entries).await?;
    Ok((rows.into_iter().map(|row| row.id).collect(), lost))
}

async fn put_records(store: &Store, lease: &Lease, plan: &Plan, ids: &Ids) -> Result<(), Error> {
    let mut batch: Vec<&PlannedName> = Vec::new();
    let mut size = 0;
    let mut pace = ProgressLog::new(
        "importing records",
        plan.names.iter().map(|name| name.records.len()).sum(),
    );
    for name in &plan.names {
        if size + name.records.len() > BATCH && !batch.is_empty() {
            store
                .write(|tx| records_within(tx, lease, &batch, ids, plan.started))
                .await?;
            pace.step(size);
            (batch, size) = (Vec::new(), 0);
        }
        size += name.records.len();
        batch.push(name);
    }
    if batch.is_empty() {
        return Ok(());
    }
    store
        .write(|tx| records_within(tx, lease, &batch, ids, plan.started))
        .await
}

fn owner(ids: &Ids, person: usize) -> Result<UserId, Error> {
    ids.get(&person)
        .copied()
        .ok_or_else(|| Error::Corrupt(format!("person {person} of the plan has no row")))
}

async fn records_within(
    tx: Tx,
    lease: &Lease,
    names: &[&PlannedName],
    ids: &Ids,
    started: Timestamp,
) -> Result<(), Error> {
    assert_lease(&tx, lease).await?;
    let (mut moved, mut entries) = (Vec::with_capacity(names.len()), Vec::new());
    let mut sent: BTreeMap<(UserId, String), SentNotice> = BTreeMap::new();
    for name in names {
        let mut records = Vec::with_capacity(name.records.len());
        for planned in &name.records {
            let (user, record) = (owner(ids, planned.person)?, &planned.record);
            if let Some(at) = record.told {
                let notice = sent.entry((user, at.date())).or_insert_with(|| SentNotice {
                    at,
                    items: Vec::new(),
                });
                notice.at = notice.at.max(at);
                let (rtype, end) = (record.rtype.as_str(), record.expires_at.as_millis());
                notice.items.push(outbox::record_item(
                    name.fqdn.clone(),
                    rtype,
                    &record.input,
                    end,
                ));
            }
            records.push((user, record));
            entries.push(Entry {
                kind: Kind::Record,
                source: record.id.to_string(),
                target: Some(record.id),
                lines: planned.lines.clone(),
            });
        }
        moved.push(MovedName {
            fqdn: &name.fqdn,
            owner: owner(ids, name.owner)?,
            refused: refused(name),
            records,
        });
    }
    let notices = outbox::insert_sent(&tx, &sent, started).await?;
    put_names(&tx, &moved, &notices, started).await?;
    ledger::note(&tx, &entries).await
}

/// The types of the name that no zone takes, and why.
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

async fn put_certificates(
    store: &Store,
    lease: &Lease,
    original: &Original,
    options: &Options<'_>,
    plan: &Plan,
    ids: &Ids,
) -> Result<(), ImportError> {
    let mut planned = plan.certificates.iter().peekable();
    let mut after = i64::MIN;
    let mut pace = ProgressLog::new("importing certificates", plan.certificates.len());
    // Both are in the order of the ids.
    while planned.peek().is_some() {
        let page = original.certificates(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let mut batch = Vec::new();
        for old in &page {
            let Some(next) = planned.next_if(|next| next.source == old.id) else {
                continue;
            };
            let entry = |target| Entry {
                kind: Kind::Certificate,
                source: old.id.to_string(),
                target,
                lines: next.lines.clone(),
            };
            let (user, domain) = (owner(ids, next.person)?, next.domain.as_str());
            let certificate = match &next.what {
                What::AskAgain => None,
                What::Issued { told, in_use, .. } => {
                    let (key, issued) =
                        certificates::read(old, options).map_err(ImportError::Row)?;
                    Some(ImportedCertificate {
                        key,
                        issued,
                        notified_at: *told,
                        in_use: *in_use,
                    })
                }
            };
            batch.push((user, domain, certificate, entry(None)));
        }
        store
            .write(|tx| certificates_within(tx, lease, &batch))
            .await?;
        pace.step(batch.len());
    }
    Ok(())
}

type Certificates<'a> = [(UserId, &'a str, Option<ImportedCertificate>, Entry)];

async fn certificates_within(tx: Tx, lease: &Lease, batch: &Certificates<'_>) -> Result<(), Error> {
    let now = assert_lease(&tx, lease).await?;
    let mut entries = Vec::with_capacity(batch.len());
    for (user, domain, certificate, entry) in batch {
        let target = match certificate {
            Some(certificate) => {
                Some(insert_certificate(&tx, *user, domain, certificate, now).await?)
            }
            None => insert_failed_request(&tx, *user, domain, now)
                .await
                .map(|()| None)?,
        };
        entries.push(Entry {
            target,
            ..entry.clone()
        });
    }
    ledger::note(&tx, &entries).await
}
