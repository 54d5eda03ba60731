//! What ends: people are told before, and what is over goes.
//!
//! A record goes only when it is over and its person was told long enough ago ([`GRACE_MS`]) by the
//! database's clock. Told means that the mail was sent, or that its address takes no mail and never
//! will: such an address would keep a record for ever. While a notice waits to be sent, its records
//! stay; one that was given up for another reason told nobody, and another is owed.
//!
//! Each step takes a few people and at most [`BATCH`] rows in one transaction: their rows are
//! locked, what is due is looked up under that lock, and mails, history, names and rows change
//! together. So a person who renews in the same moment wins or loses as a whole, and a run that
//! dies leaves nothing half done: what it did not reach is still due.

use sea_orm::{FromQueryResult, Value};
use starchart_domain::expiry::{GRACE_MS, NOTICE_MS, certificate_notice_at};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::outbox::{self, Digest};
use crate::tx::Tx;
use crate::{Error, Store, records, sql, users};

/// Rows that one transaction takes at most.
pub const BATCH: u64 = 500;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryStep {
    /// Records whose person was told long enough ago.
    ExpireRecords,
    /// Records that end soon.
    NotifyRecords,
    /// Certificates that have ended.
    ExpireCertificates,
    /// Certificates that end soon and were not renewed.
    NotifyCertificates,
}

impl ExpiryStep {
    /// Every step, in the order in which a run takes them.
    pub const ALL: [Self; 4] = [
        Self::ExpireRecords,
        Self::NotifyRecords,
        Self::ExpireCertificates,
        Self::NotifyCertificates,
    ];

    /// Its name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExpireRecords => "expire records",
            Self::NotifyRecords => "notify of expiring records",
            Self::ExpireCertificates => "expire certificates",
            Self::NotifyCertificates => "notify of expiring certificates",
        }
    }

    /// The table, and what holds for its rows that are due; the question marks are for
    /// [`Self::moments`].
    fn due(self) -> (&'static str, &'static str) {
        match self {
            Self::ExpireRecords => (
                "dns_records",
                "expires_at <= ? AND notified_at IS NOT NULL AND EXISTS (SELECT 1 FROM outbox o WHERE o.id = notice_id \
                 AND ((o.state = 'sent' AND o.sent_at <= ?) OR (o.state = 'failed' AND o.refused_address = 1 AND o.failed_at <= ?)))",
            ),
            Self::NotifyRecords => (
                "dns_records",
                "expires_at <= ? AND (notified_at IS NULL OR notice_id IS NULL \
                 OR NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = notice_id AND (o.state <> 'failed' OR o.refused_address = 1)))",
            ),
            Self::ExpireCertificates => ("certificates", "state = 'active' AND not_after <= ?"),
            Self::NotifyCertificates => (
                "certificates",
                "state = 'active' AND notified_at IS NULL AND not_after <= ? AND not_after > ?",
            ),
        }
    }

    fn moments(self, now: Timestamp) -> Vec<Value> {
        let at = |millis: i64| Value::from(now.plus(millis).as_millis());
        match self {
            Self::ExpireRecords => vec![at(0), at(-GRACE_MS), at(-GRACE_MS)],
            Self::NotifyRecords => vec![at(NOTICE_MS)],
            Self::ExpireCertificates => vec![at(0)],
            Self::NotifyCertificates => vec![at(NOTICE_MS), at(0)],
        }
    }
}

/// People of whom something is due, with how many rows, in the order of their ids, after `after`;
/// at most `limit`.
pub async fn list_due_users(
    store: &Store,
    step: ExpiryStep,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<(UserId, u64)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        user_id: i64,
        n: i64,
    }
    let (table, due) = step.due();
    let select = format!(
        "SELECT user_id, COUNT(*) AS n FROM {table} WHERE {due} AND user_id > ? GROUP BY user_id ORDER BY user_id LIMIT {limit}"
    );
    let mut values = step.moments(store.now().await?);
    values.push(after.map_or(i64::MIN, |user| user.0).into());
    let rows: Vec<Row> = sql::all(store.reader(), &select, values).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                UserId(row.user_id),
                u64::try_from(row.n).unwrap_or_default(),
            )
        })
        .collect())
}

/// Takes the step for these people: at most [`BATCH`] rows in one transaction. Says how many it
/// took; when that is [`BATCH`], there may be more.
pub async fn run_step(store: &Store, step: ExpiryStep, people: &[UserId]) -> Result<u64, Error> {
    if people.is_empty() {
        return Ok(0);
    }
    store.write(|tx| take_within(tx, step, people)).await
}

async fn take_within(tx: Tx, step: ExpiryStep, people: &[UserId]) -> Result<u64, Error> {
    users::lock_all(&tx, people).await?;
    let now = tx.now().await?;
    match step {
        ExpiryStep::ExpireRecords => end_records(&tx, people, now).await,
        ExpiryStep::NotifyRecords => tell_records(&tx, people, now).await,
        ExpiryStep::ExpireCertificates => end_certificates(&tx, people, now).await,
        ExpiryStep::NotifyCertificates => tell_certificates(&tx, people, now).await,
    }
}

#[derive(FromQueryResult)]
struct Record {
    id: i64,
    user_id: i64,
    fqdn: String,
    rtype: String,
    input: String,
    expires_at: i64,
}

/// Whoever a row belongs to, and how a mail names it.
trait Item {
    fn owner(&self) -> UserId;
    fn item(&self) -> NoticeItem;
}

impl Item for Record {
    fn owner(&self) -> UserId {
        UserId(self.user_id)
    }

    fn item(&self) -> NoticeItem {
        outbox::record_item(self.fqdn.clone(), &self.rtype, &self.input, self.expires_at)
    }
}

#[derive(FromQueryResult)]
struct Certificate {
    id: i64,
    user_id: i64,
    domain: String,
    not_before: i64,
    not_after: i64,
}

impl Item for Certificate {
    fn owner(&self) -> UserId {
        UserId(self.user_id)
    }

    fn item(&self) -> NoticeItem {
        let on = Timestamp::from_millis(self.not_after).date();
        NoticeItem {
            name: format!("*.{}", self.domain),
            what: None,
            on: Some(on),
            reason: None,
        }
    }
}

/// What is due of these people, read under their locks.
async fn due<T: FromQueryResult>(
    tx: &Tx,
    step: ExpiryStep,
    columns: &str,
    people: &[UserId],
    now: Timestamp,
) -> Result<Vec<T>, Error> {
    let ((table, due), places) = (step.due(), sql::places(people.len()));
    let select = format!(
        "SELECT {columns} FROM {table} WHERE {due} AND user_id IN ({places}) ORDER BY user_id, id LIMIT {BATCH}"
    );
    let mut values = step.moments(now);
    values.extend(people.iter().map(|user| Value::from(user.0)));
    sql::all(tx.db(), &select, values).await
}

const RECORD: &str = "id, user_id, fqdn, type AS rtype, input, expires_at";
const CERTIFICATE: &str = "id, user_id, domain, not_before, not_after";

fn by_person<T: Item>(rows: &[T]) -> Digest {
    let mut people = Digest::new();
    for row in rows {
        people.entry(row.owner()).or_default().push(row.item());
    }
    people
}

fn taken<T>(rows: &[T]) -> u64 {
    rows.len() as u64
}

fn ids(rows: impl Iterator<Item = i64>) -> (String, Vec<Value>) {
    let values: Vec<Value> = rows.map(Value::from).collect();
    (sql::places(values.len()), values)
}

async fn end_records(tx: &Tx, people: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Record> = due(tx, ExpiryStep::ExpireRecords, RECORD, people, now).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    records::end_all(tx, rows.iter().map(|row| (row.id, row.fqdn.as_str())), now).await?;
    outbox::digest(tx, NoticeKind::RecordExpired, &by_person(&rows), now).await?;
    Ok(taken(&rows))
}

async fn tell_records(tx: &Tx, people: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Record> = due(tx, ExpiryStep::NotifyRecords, RECORD, people, now).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mails = outbox::digest(tx, NoticeKind::RecordExpiring, &by_person(&rows), now).await?;
    records::note_told(tx, rows.iter().map(|row| row.id), &mails, now).await?;
    Ok(taken(&rows))
}

async fn end_certificates(tx: &Tx, people: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Certificate> =
        due(tx, ExpiryStep::ExpireCertificates, CERTIFICATE, people, now).await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let (places, of_them) = ids(rows.iter().map(|row| row.id));
    // Nobody needs the key of what no browser trusts.
    let end = format!(
        "UPDATE certificates SET state = 'expired', ended_at = ?, key_id = NULL, key_nonce = NULL, key_ciphertext = NULL \
         WHERE state = 'active' AND id IN ({places})"
    );
    let values = std::iter::once(now.as_millis().into())
        .chain(of_them)
        .collect();
    expect_all(
        sql::touch(tx.db(), &end, values).await?,
        &rows,
        "certificates",
    )?;
    outbox::digest(tx, NoticeKind::CertificateExpired, &by_person(&rows), now).await?;
    Ok(taken(&rows))
}

async fn tell_certificates(tx: &Tx, people: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let mut rows: Vec<Certificate> =
        due(tx, ExpiryStep::NotifyCertificates, CERTIFICATE, people, now).await?;
    rows.retain(|row| {
        certificate_notice_at(
            Timestamp::from_millis(row.not_before),
            Timestamp::from_millis(row.not_after),
        ) <= now
    });
    if rows.is_empty() {
        return Ok(0);
    }
    let (places, of_them) = ids(rows.iter().map(|row| row.id));
    let tell = format!("UPDATE certificates SET notified_at = ? WHERE id IN ({places})");
    let values = std::iter::once(now.as_millis().into())
        .chain(of_them)
        .collect();
    expect_all(
        sql::touch(tx.db(), &tell, values).await?,
        &rows,
        "certificates",
    )?;
    outbox::digest(tx, NoticeKind::CertificateExpiring, &by_person(&rows), now).await?;
    Ok(taken(&rows))
}

/// The person's lock was held, so that nobody else can have changed these rows.
fn expect_all<T>(found: u64, rows: &[T], what: &str) -> Result<(), Error> {
    if found == taken(rows) {
        Ok(())
    } else {
        Err(Error::Busy(
            format!("{what} changed under their lock").into(),
        ))
    }
}
