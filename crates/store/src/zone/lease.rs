//! Leases: one process at a time, told apart by a fence that only grows.

use starchart_domain::time::Timestamp;

use crate::error::is_taken;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// A lease that was held when it was given; every write checks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is for: `publish`.
    pub name: String,
    /// The process that has it.
    pub holder: String,
    /// Grows with every new holder.
    pub fence: i64,
    /// When it ends, by the database's clock.
    pub expires_at: Timestamp,
}

/// Takes the lease for `ttl_ms` milliseconds, unless somebody has it, be it the same holder.
pub async fn acquire_lease(
    store: &Store,
    name: &str,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<Lease>, Error> {
    store
        .write(|tx| acquire_within(tx, name, holder, ttl_ms))
        .await
}

async fn acquire_within(
    tx: Tx,
    name: &str,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<Lease>, Error> {
    let now = tx.now().await?;
    let expires_at = now.plus(ttl_ms);
    let take = "UPDATE leases SET holder = ?, fence = fence + 1, expires_at = ?, taken_at = ? WHERE name = ? AND expires_at <= ?";
    let values = vec![
        holder.into(),
        expires_at.as_millis().into(),
        now.as_millis().into(),
        name.into(),
        now.as_millis().into(),
    ];
    if sql::touch(tx.db(), take, values).await? == 0 {
        let known = sql::number(
            tx.db(),
            "SELECT fence AS n FROM leases WHERE name = ?",
            vec![name.into()],
        )
        .await?;
        if known.is_some() {
            return Ok(None);
        }
        let create =
            "INSERT INTO leases (name, holder, fence, expires_at, taken_at) VALUES (?, ?, 1, ?, ?)";
        match sql::run(
            tx.db(),
            create,
            vec![
                name.into(),
                holder.into(),
                expires_at.as_millis().into(),
                now.as_millis().into(),
            ],
        )
        .await
        {
            Ok(_) => {}
            Err(fault) if is_taken(&fault) => return Ok(None),
            Err(fault) => return Err(fault.into()),
        }
    }
    let fence = sql::number(
        tx.db(),
        "SELECT fence AS n FROM leases WHERE name = ?",
        vec![name.into()],
    )
    .await?;
    let fence = fence.ok_or_else(|| Error::Corrupt(format!("lease {name}")))?;
    Ok(Some(Lease {
        name: name.to_owned(),
        holder: holder.to_owned(),
        fence,
        expires_at,
    }))
}

/// Makes the lease end `ttl_ms` milliseconds from now; false: it was lost.
pub async fn extend(store: &Store, lease: &mut Lease, ttl_ms: i64) -> Result<bool, Error> {
    let held = &*lease;
    let expires_at = store.write(|tx| extend_within(tx, held, ttl_ms)).await?;
    if let Some(expires_at) = expires_at {
        lease.expires_at = expires_at;
    }
    Ok(expires_at.is_some())
}

async fn extend_within(tx: Tx, lease: &Lease, ttl_ms: i64) -> Result<Option<Timestamp>, Error> {
    end_in(&tx, lease, ttl_ms).await
}

/// Gives the lease back, when it is still held.
pub async fn release(store: &Store, lease: &Lease) -> Result<(), Error> {
    store.write(|tx| release_within(tx, lease)).await
}

async fn release_within(tx: Tx, lease: &Lease) -> Result<(), Error> {
    end_in(&tx, lease, 0).await.map(drop)
}

async fn end_in(tx: &Tx, lease: &Lease, ttl_ms: i64) -> Result<Option<Timestamp>, Error> {
    let Some(now) = hold(tx, lease, 0).await? else {
        return Ok(None);
    };
    let end = now.plus(ttl_ms);
    let sql = "UPDATE leases SET expires_at = ? WHERE name = ?";
    sql::touch(
        tx.db(),
        sql,
        vec![end.as_millis().into(), lease.name.as_str().into()],
    )
    .await?;
    Ok(Some(end))
}

/// The fence: locks the lease's row, if it is still this lease and more than `margin_ms`
/// milliseconds are left, and says what time it is. The anchor of every write in `zone`.
///
/// Whoever takes the lease later changes `fence` under the same row lock, so a transaction that
/// passed here commits before the next holder begins.
pub(crate) async fn hold(
    tx: &Tx,
    lease: &Lease,
    margin_ms: i64,
) -> Result<Option<Timestamp>, Error> {
    let now = tx.now().await?;
    let sql = "UPDATE leases SET fence = fence WHERE name = ? AND holder = ? AND fence = ? AND expires_at > ?";
    let values = vec![
        lease.name.as_str().into(),
        lease.holder.as_str().into(),
        lease.fence.into(),
        now.plus(margin_ms).as_millis().into(),
    ];
    Ok((sql::touch(tx.db(), sql, values).await? == 1).then_some(now))
}
