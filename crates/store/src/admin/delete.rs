//! Deleting a person: everything of theirs ends in one transaction; what remains is a tombstone
//! that keeps user name and domain, so that neither is ever somebody else's. Whoever comes back and
//! signs in gets both again, and nothing more.

use sea_orm::{FromQueryResult, Value};
use starchart_domain::plural::pluralize;
use starchart_domain::user::UserId;

use super::{Admin, AdminError, may_touch};
use crate::records::RecordError;
use crate::records::leave::retire_all;
use crate::sessions::IDLE_MS;
use crate::tx::Tx;
use crate::{Error, Store, certificates, sessions, sql, trail, users};

/// What a deletion would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionPreview {
    /// Records that leave the zone.
    pub records: u64,
    /// Certificates whose revocation is owed then: all that still live, in use or not.
    pub certificates: u64,
    /// Whether one is being ordered.
    pub order: bool,
    /// Browsers in which they are signed in.
    pub sessions: u64,
    /// Mails to them that were not sent yet.
    pub mails: u64,
    /// Whether they are suspended, which outlasts the deletion.
    pub suspended: bool,
}

/// What was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedUser {
    /// Records that leave the zone.
    pub records: u32,
    /// Certificates that are owed a revocation.
    pub certificates: u64,
    /// Orders that were given up.
    pub orders: u64,
    /// Sessions.
    pub sessions: u64,
    /// Mails that are not sent any more.
    pub mails: u64,
}

/// What deleting the person would end.
pub async fn preview_deletion(
    store: &Store,
    _: &Admin,
    person: UserId,
) -> Result<DeletionPreview, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        records: i64,
        certificates: i64,
        orders: i64,
        sessions: i64,
        mails: i64,
        suspended: i64,
    }
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM dns_records WHERE user_id = ?) AS records, \
         (SELECT COUNT(*) FROM certificates WHERE user_id = ? AND not_after > {now} AND revoked_at IS NULL \
          AND revocation_owed_at IS NULL) AS certificates, \
         (SELECT COUNT(*) FROM certificate_orders WHERE user_id = ? AND finished_at IS NULL) AS orders, \
         (SELECT COUNT(*) FROM sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > {now} \
          AND last_seen_at > {now} - {IDLE_MS}) AS sessions, \
         (SELECT COUNT(*) FROM outbox WHERE user_id = ? AND state <> 'sent') AS mails, \
         (SELECT COUNT(*) FROM users WHERE id = ? AND suspended_at IS NOT NULL) AS suspended",
        now = store.now_sql()
    );
    let values: Vec<Value> = vec![person.0.into(); 6];
    let row: Option<Row> = sql::one(store.reader(), &sql, values).await?;
    let row = row.ok_or_else(|| Error::Corrupt("a count gave no row".to_owned()))?;
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok(DeletionPreview {
        records: number(row.records),
        certificates: number(row.certificates),
        order: row.orders > 0,
        sessions: number(row.sessions),
        mails: number(row.mails),
        suspended: row.suspended > 0,
    })
}

/// Deletes the person. Afterwards their names are dirty: wake the publisher.
pub async fn delete_user(
    store: &Store,
    admin: &Admin,
    person: UserId,
    request_id: &str,
) -> Result<DeletedUser, AdminError> {
    store
        .write(|tx| delete_within(tx, admin, person, request_id))
        .await
}

async fn delete_within(
    tx: Tx,
    admin: &Admin,
    person: UserId,
    request_id: &str,
) -> Result<DeletedUser, AdminError> {
    if person == admin.id {
        return Err(AdminError::Oneself);
    }
    if !users::lock(&tx, person).await? {
        return Err(AdminError::NotFound);
    }
    let now = may_touch(&tx, admin).await?;
    let records = retire_all(&tx, person, admin.id)
        .await
        .map_err(only_fault)?;
    let orders = u64::from(certificates::abandon_within(&tx, person).await?);
    let certificates = certificates::owe_revocation_within(&tx, person).await?;
    let sessions = sessions::end_all_within(&tx, person, request_id).await?;
    let unsent = "DELETE FROM outbox WHERE user_id = ? AND state <> 'sent'";
    let mails = sql::touch(tx.db(), unsent, vec![person.0.into()]).await?;
    let subject = users::bury(&tx, person, now).await?;
    let done = DeletedUser {
        records,
        certificates,
        orders,
        sessions,
        mails,
    };
    let detail = [
        pluralize(records, "record", "records"),
        pluralize(
            certificates,
            "certificate owed a revocation",
            "certificates owed a revocation",
        ),
        pluralize(orders, "order", "orders"),
        pluralize(sessions, "session", "sessions"),
        pluralize(mails, "mail", "mails"),
    ]
    .join(", ");
    trail::write(
        &tx,
        &admin.audit_context(request_id),
        "user.delete",
        subject.as_str(),
        &detail,
    )
    .await?;
    Ok(done)
}

/// Of the reasons for which a record is not written only one can come from taking all away.
fn only_fault(error: RecordError) -> AdminError {
    match error {
        RecordError::Db(fault) => fault.into(),
        other => Error::Corrupt(format!(
            "a person's records could not be taken away: {other}"
        ))
        .into(),
    }
}
