//! Expiry: users are notified before, and what has expired is removed.
//!
//! A record is removed only after the day on which it expires, in UTC, and only if its owner was
//! notified long enough ago, both by the database's clock ([`removal_due`]): it exists all of the
//! day that the notice names. Notified means that the mail was sent, or that its address takes no
//! mail and never will: such an address would keep a record for ever. While a notice is pending its
//! records stay. A notice that was given up for another reason does not count, and another is
//! queued.
//!
//! Each step takes a few users and at most [`BATCH`] rows in one transaction: their rows are
//! locked, what is due is read under that lock, and mails, history, names and rows change together.
//! So a user who renews at the same moment succeeds or fails as a whole, and a run that dies leaves
//! nothing half done: what it did not reach is still due.

use sea_orm::sea_query::{CaseStatement, Expr, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, DerivePartialModel, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, Set,
};
use starchart_domain::certificate::NOTICE_SHARE;
use starchart_domain::expiry::{NOTICE_MS, removal_due};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;
use strum::VariantArray;

use crate::certificates::{has_share_left, key_deletion};
use crate::entity::certificate::{self, State as CertificateState};
use crate::entity::dns_record;
use crate::entity::outbox::{self, State as MailState};
use crate::outbox::{Digest, queue_digests, record_item};
use crate::tx::Tx;
use crate::{Error, Store, records, users};

/// Rows that one transaction takes at most.
pub const BATCH: u64 = 500;

/// The steps of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum ExpiryStep {
    /// Deletes records whose owner was notified long enough ago.
    ExpireRecords,
    /// Notifies owners of records that expire soon.
    NotifyRecords,
    /// Ends certificates that have expired.
    ExpireCertificates,
    /// Notifies owners of certificates that expire soon and were not renewed.
    NotifyCertificates,
}

impl ExpiryStep {
    /// Every step, in the order in which a run takes them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Its name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExpireRecords => "expire records",
            Self::NotifyRecords => "notify of expiring records",
            Self::ExpireCertificates => "expire certificates",
            Self::NotifyCertificates => "notify of expiring certificates",
        }
    }
}

/// Records that expire in this step.
fn expired_records(now: Timestamp) -> Select<dns_record::Entity> {
    use dns_record::Column;
    let due = removal_due(now);
    let was_notified = notified_at().lt(due.notified_before.as_millis());
    dns_record::Entity::find()
        .filter(Column::ExpiresAt.lt(due.expired_before.as_millis()))
        .filter(Column::NotifiedAt.is_not_null())
        .filter(Expr::exists(notice(was_notified)))
}

/// When the mail of the outbox notified its recipient: it was sent, or its address takes no mail.
/// NULL if it did neither.
fn notified_at() -> Expr {
    let was_sent = outbox::Column::State.eq(MailState::Sent);
    let cannot_be_sent = outbox::Column::State
        .eq(MailState::Failed)
        .and(outbox::Column::AddressRejected.eq(true));
    CaseStatement::new()
        .case(was_sent, outbox::Column::SentAt.into_expr())
        .case(cannot_be_sent, outbox::Column::FailedAt.into_expr())
        .into()
}

/// When the owner of the record in the enclosing query was notified of its expiry, as a scalar
/// subquery: NULL if that is still to be done.
pub(crate) fn record_notified_at() -> Expr {
    let mail = notices().expr(notified_at()).into_query();
    Expr::SubQuery(None, Box::new(mail.into()))
}

/// Records that expire soon and whose owner was not notified.
fn records_to_notify(now: Timestamp) -> Select<dns_record::Entity> {
    use dns_record::Column;
    let counts = outbox::Column::State
        .ne(MailState::Failed)
        .or(outbox::Column::AddressRejected.eq(true));
    let not_notified = Condition::any()
        .add(Column::NotifiedAt.is_null())
        .add(Column::NoticeId.is_null())
        .add(Expr::not_exists(notice(counts)));
    dns_record::Entity::find()
        .filter(Column::ExpiresAt.lte(now.plus(NOTICE_MS).as_millis()))
        .filter(not_notified)
}

/// The mail that is the record's notice, if it meets the condition.
fn notice(condition: Expr) -> SelectStatement {
    notices()
        .column(outbox::Column::Id)
        .filter(condition)
        .into_query()
}

/// The mail that is the notice of the record in the enclosing query, without columns.
fn notices() -> Select<outbox::Entity> {
    let of_record = Expr::col((outbox::Entity, outbox::Column::Id))
        .equals((dns_record::Entity, dns_record::Column::NoticeId));
    outbox::Entity::find().select_only().filter(of_record)
}

/// Active certificates that have expired.
fn expired_certificates(now: Timestamp) -> Select<certificate::Entity> {
    use certificate::Column;
    certificate::Entity::find()
        .filter(Column::State.eq(CertificateState::Active))
        .filter(Column::NotAfter.lte(now.as_millis()))
}

/// Active certificates that expire soon and whose owner was not notified.
fn certificates_to_notify(now: Timestamp) -> Select<certificate::Entity> {
    use certificate::Column;
    certificate::Entity::find()
        .filter(Column::State.eq(CertificateState::Active))
        .filter(Column::NotifiedAt.is_null())
        .filter(has_share_left(NOTICE_SHARE, now))
        .filter(Column::NotAfter.gt(now.as_millis()))
}

/// Lists users who have due rows, with the number of rows, in the order of their ids, after
/// `after`; at most `limit`.
pub async fn list_due_users(
    store: &Store,
    step: ExpiryStep,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<(UserId, u64)>, Error> {
    let now = store.now().await?;
    match step {
        ExpiryStep::ExpireRecords => count_by_user(store, expired_records(now), after, limit).await,
        ExpiryStep::NotifyRecords => {
            count_by_user(store, records_to_notify(now), after, limit).await
        }
        ExpiryStep::ExpireCertificates => {
            count_by_user(store, expired_certificates(now), after, limit).await
        }
        ExpiryStep::NotifyCertificates => {
            count_by_user(store, certificates_to_notify(now), after, limit).await
        }
    }
}

/// The columns that records and certificates share.
trait Expiring: EntityTrait {
    const ID: Self::Column;
    const USER_ID: Self::Column;
}

impl Expiring for dns_record::Entity {
    const ID: Self::Column = dns_record::Column::Id;
    const USER_ID: Self::Column = dns_record::Column::UserId;
}

impl Expiring for certificate::Entity {
    const ID: Self::Column = certificate::Column::Id;
    const USER_ID: Self::Column = certificate::Column::UserId;
}

async fn count_by_user<E: Expiring>(
    store: &Store,
    due: Select<E>,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<(UserId, u64)>, Error> {
    let after = after.map_or(i64::MIN, |user| user.0);
    let rows: Vec<(i64, i64)> = due
        .select_only()
        .column(E::USER_ID)
        .column_as(E::ID.count(), "due")
        .filter(E::USER_ID.gt(after))
        .group_by(E::USER_ID)
        .order_by_asc(E::USER_ID)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(user, due)| (UserId(user), u64::try_from(due).unwrap_or_default()))
        .collect())
}

/// Runs the step for these users on at most [`BATCH`] rows in one transaction. Returns the number
/// of rows; when that is [`BATCH`] there may be more.
pub async fn run_step(store: &Store, step: ExpiryStep, users: &[UserId]) -> Result<u64, Error> {
    if users.is_empty() {
        return Ok(0);
    }
    store
        .write(|tx| async move {
            users::lock_all(&tx, users).await?;
            let now = tx.now().await?;
            match step {
                ExpiryStep::ExpireRecords => expire_records(&tx, users, now).await,
                ExpiryStep::NotifyRecords => notify_records(&tx, users, now).await,
                ExpiryStep::ExpireCertificates => expire_certificates(&tx, users, now).await,
                ExpiryStep::NotifyCertificates => notify_certificates(&tx, users, now).await,
            }
        })
        .await
}

/// A row that a mail can name.
trait MailItem {
    fn owner(&self) -> UserId;
    /// Returns how a mail names the row that was taken at `now`.
    fn item(&self, now: Timestamp) -> NoticeItem;
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "dns_record::Entity")]
struct Record {
    id: i64,
    user_id: i64,
    fqdn: String,
    rtype: String,
    input: String,
}

impl MailItem for Record {
    fn owner(&self) -> UserId {
        UserId(self.user_id)
    }

    /// A removed record. What the announcement of an expiry says is read when it is sent.
    fn item(&self, now: Timestamp) -> NoticeItem {
        record_item(self.fqdn.clone(), &self.rtype, &self.input, now.to_minute())
    }
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "certificate::Entity")]
struct Certificate {
    id: i64,
    user_id: i64,
    domain: String,
    not_after: i64,
}

impl MailItem for Certificate {
    fn owner(&self) -> UserId {
        UserId(self.user_id)
    }

    fn item(&self, _: Timestamp) -> NoticeItem {
        NoticeItem {
            name: format!("*.{}", self.domain),
            what: None,
            on: Some(Timestamp::from_millis(self.not_after).to_minute()),
            reason: None,
        }
    }
}

/// The due rows of these users: at most [`BATCH`], in a fixed order.
fn of_users<E: Expiring>(due: Select<E>, users: &[UserId]) -> Select<E> {
    due.filter(E::USER_ID.is_in(users.iter().map(|user| user.0)))
        .order_by_asc(E::USER_ID)
        .order_by_asc(E::ID)
        .limit(BATCH)
}

fn digest<T: MailItem>(rows: &[T], now: Timestamp) -> Digest {
    let mut digest = Digest::new();
    for row in rows {
        digest.entry(row.owner()).or_default().push(row.item(now));
    }
    digest
}

fn count<T>(rows: &[T]) -> u64 {
    rows.len() as u64
}

async fn expire_records(tx: &Tx, users: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Record> = of_users(expired_records(now), users)
        .into_partial_model()
        .all(tx.db())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    records::expire(tx, rows.iter().map(|row| (row.id, row.fqdn.as_str())), now).await?;
    queue_digests(tx, NoticeKind::RecordExpired, &digest(&rows, now), now).await?;
    Ok(count(&rows))
}

async fn notify_records(tx: &Tx, users: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Record> = of_users(records_to_notify(now), users)
        .into_partial_model()
        .all(tx.db())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let mails = queue_digests(tx, NoticeKind::RecordExpiring, &digest(&rows, now), now).await?;
    records::set_notices(tx, rows.iter().map(|row| row.id), &mails, now).await?;
    Ok(count(&rows))
}

async fn expire_certificates(tx: &Tx, users: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Certificate> = of_users(expired_certificates(now), users)
        .into_partial_model()
        .all(tx.db())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    // The key goes too: no browser trusts its certificate any more.
    let expired = key_deletion(now)
        .set(certificate::ActiveModel {
            state: Set(CertificateState::Expired),
            ..Default::default()
        })
        .filter(certificate::Column::State.eq(CertificateState::Active))
        .filter(certificate::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx.db())
        .await?;
    expect_all(expired.rows_affected, &rows)?;
    queue_digests(tx, NoticeKind::CertificateExpired, &digest(&rows, now), now).await?;
    Ok(count(&rows))
}

async fn notify_certificates(tx: &Tx, users: &[UserId], now: Timestamp) -> Result<u64, Error> {
    let rows: Vec<Certificate> = of_users(certificates_to_notify(now), users)
        .into_partial_model()
        .all(tx.db())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let notified = certificate::Entity::update_many()
        .set(certificate::ActiveModel {
            notified_at: Set(Some(now.as_millis())),
            ..Default::default()
        })
        .filter(certificate::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(tx.db())
        .await?;
    expect_all(notified.rows_affected, &rows)?;
    queue_digests(
        tx,
        NoticeKind::CertificateExpiring,
        &digest(&rows, now),
        now,
    )
    .await?;
    Ok(count(&rows))
}

/// Fails unless the statement found every row: their owners' rows are locked, so that no other
/// transaction can have changed them.
fn expect_all(found: u64, rows: &[Certificate]) -> Result<(), Error> {
    if found == count(rows) {
        Ok(())
    } else {
        Err(Error::Busy(
            "certificates changed under their owners' locks".into(),
        ))
    }
}
