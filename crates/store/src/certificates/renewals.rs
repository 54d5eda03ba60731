//! What is done for certificates without being asked: renewals, and what is owed for people who are
//! gone.

use sea_orm::FromQueryResult;
use starchart_domain::certificate::renewal_retry_ms;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::ends::{self, IssuedCertificate};
use super::orders::Claim;
use super::rows;
use crate::tx::Tx;
use crate::{Error, Store, sql, users};

/// Opens orders for up to `limit` certificates whose time to be renewed has come and whose person
/// has none under way. Says how many were opened. However many processes sweep at once, each
/// certificate gets one.
pub async fn open_due(store: &Store, limit: u64) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Due {
        id: i64,
        user_id: i64,
    }
    let due = format!(
        "SELECT c.id, c.user_id FROM certificates c JOIN users u ON u.id = c.user_id WHERE c.state = 'active' \
         AND {DUE} <= {} AND u.deleted_at IS NULL AND u.suspended_at IS NULL AND NOT EXISTS \
         (SELECT o.id FROM certificate_orders o WHERE o.user_id = c.user_id AND o.finished_at IS NULL) \
         ORDER BY c.not_after LIMIT {limit}",
        store.now_sql()
    );
    let rows: Vec<Due> = sql::all(store.reader(), &due, vec![]).await?;
    let mut opened = 0;
    for row in rows {
        opened += u64::from(
            store
                .write(|tx| open_within(tx, row.id, UserId(row.user_id)))
                .await?,
        );
    }
    Ok(opened)
}

/// When a certificate is renewed. An imported one has no moment of its own yet.
const DUE: &str = "COALESCE(c.renew_at, c.not_after - (c.not_after - c.not_before) / 3)";

async fn open_within(tx: Tx, id: i64, owner: UserId) -> Result<bool, Error> {
    if !users::lock(&tx, owner).await? {
        return Ok(false);
    }
    // Looked at again under the lock: another sweep, the person, or a minute may have changed it.
    let now = tx.now().await?;
    let look = format!(
        "SELECT COUNT(*) AS n FROM certificates c WHERE c.id = ? AND c.active_slot = ? AND {DUE} <= ?"
    );
    let values = vec![id.into(), owner.0.into(), now.as_millis().into()];
    if sql::number(tx.db(), &look, values).await? != Some(1)
        || rows::live_order(tx.db(), owner).await?.is_some()
    {
        return Ok(false);
    }
    let Some(active) = rows::active(tx.db(), owner).await? else {
        return Ok(false);
    };
    rows::insert_order(&tx, owner, &active.domain, Some(id), true, now).await?;
    Ok(true)
}

/// An order that ended without a certificate after its certificate request may have been handed in:
/// the authority may have issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedOrder {
    claim: Claim,
    /// Its URL at the authority.
    pub url: String,
    /// When it ended.
    pub at: Timestamp,
}

/// Orders of which it is not known yet whether a certificate came of them.
pub async fn list_unresolved_orders(
    store: &Store,
    limit: u64,
) -> Result<Vec<UnresolvedOrder>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        user_id: i64,
        domain: String,
        order_url: String,
        finished_at: i64,
    }
    let look = format!(
        "SELECT id, user_id, domain, order_url, finished_at FROM certificate_orders WHERE step IN ('abandoned', 'failed') \
         AND csr IS NOT NULL AND order_url IS NOT NULL AND finished_at IS NOT NULL ORDER BY id LIMIT {limit}"
    );
    let rows: Vec<Row> = sql::all(store.reader(), &look, vec![]).await?;
    let order = |row: Row| UnresolvedOrder {
        claim: Claim::of_ended(row.id, UserId(row.user_id), row.domain),
        url: row.order_url,
        at: Timestamp::from_millis(row.finished_at),
    };
    Ok(rows.into_iter().map(order).collect())
}

/// Ends the question: keeps what was issued as a certificate that is out of use, without a key and
/// owed for revocation, or notes that nothing was.
pub async fn resolve_order(
    store: &Store,
    order: &UnresolvedOrder,
    issued: Option<&IssuedCertificate>,
) -> Result<(), Error> {
    store.write(|tx| settle_within(tx, order, issued)).await
}

async fn settle_within(
    tx: Tx,
    order: &UnresolvedOrder,
    issued: Option<&IssuedCertificate>,
) -> Result<(), Error> {
    let now = tx.now().await?;
    let claim = &order.claim;
    // The person before the order, as everybody does; somebody who was deleted has a tombstone,
    // which nobody locks any more.
    users::lock(&tx, claim.owner).await?;
    // Once, also when two processes ask.
    let forget = "UPDATE certificate_orders SET csr = NULL WHERE id = ? AND csr IS NOT NULL";
    if sql::touch(tx.db(), forget, vec![claim.order.into()]).await? == 0 {
        return Ok(());
    }
    let Some(issued) = issued else { return Ok(()) };
    let id = ends::insert(&tx, claim, issued, "deleted", now).await?;
    let owe = "UPDATE certificates SET ended_at = ?, revocation_owed_at = ? WHERE id = ?";
    sql::touch(
        tx.db(),
        owe,
        vec![now.as_millis().into(), now.as_millis().into(), id.into()],
    )
    .await?;
    let link = "UPDATE certificate_orders SET certificate_id = ? WHERE id = ?";
    sql::touch(tx.db(), link, vec![id.into(), claim.order.into()])
        .await
        .map(drop)
}

/// A certificate whose revocation is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRevocation {
    /// The row.
    pub id: i64,
    /// The certificate, PEM.
    pub certificate: String,
}

/// Revocations that are owed and may be tried now, oldest first; a certificate past its end needs
/// none.
pub async fn list_pending_revocations(
    store: &Store,
    limit: u64,
) -> Result<Vec<PendingRevocation>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        certificate: String,
    }
    let look = format!(
        "SELECT id, certificate FROM certificates WHERE revocation_owed_at IS NOT NULL AND revoked_at IS NULL \
         AND not_after > {now} AND (revoke_at IS NULL OR revoke_at <= {now}) ORDER BY revocation_owed_at, id LIMIT {limit}",
        now = store.now_sql()
    );
    let rows: Vec<Row> = sql::all(store.reader(), &look, vec![]).await?;
    Ok(rows
        .into_iter()
        .map(|row| PendingRevocation {
            id: row.id,
            certificate: row.certificate,
        })
        .collect())
}

/// Notes that the authority revoked it.
pub async fn mark_revoked(store: &Store, id: i64) -> Result<(), Error> {
    store.write(|tx| revoked_within(tx, id)).await
}

async fn revoked_within(tx: Tx, id: i64) -> Result<(), Error> {
    let now = tx.now().await?.as_millis();
    let note = "UPDATE certificates SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
    sql::touch(tx.db(), note, vec![now.into(), id.into()])
        .await
        .map(drop)
}

/// The authority did not take it: it is tried again later, each time after a longer wait, so that
/// the others have their turn.
pub async fn postpone_revocation(store: &Store, id: i64) -> Result<(), Error> {
    store.write(|tx| put_off_within(tx, id)).await
}

async fn put_off_within(tx: Tx, id: i64) -> Result<(), Error> {
    let now = tx.now().await?;
    let tried = sql::number(
        tx.db(),
        "SELECT revoke_tries AS n FROM certificates WHERE id = ?",
        vec![id.into()],
    )
    .await?;
    let at = now
        .plus(renewal_retry_ms(
            tried
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or_default(),
        ))
        .as_millis();
    let put_off =
        "UPDATE certificates SET revoke_at = ?, revoke_tries = revoke_tries + 1 WHERE id = ?";
    sql::touch(tx.db(), put_off, vec![at.into(), id.into()])
        .await
        .map(drop)
}
