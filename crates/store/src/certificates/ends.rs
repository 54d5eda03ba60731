//! How orders end: with a certificate, without one, or given up.

use starchart_domain::certificate::{
    OrderStep, automatic_renewal_at, certificate_names, renewal_retry_ms,
};
use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::challenges;
use super::orders::{Claim, fenced};
use super::rows::{self, OrderRow};
use crate::tx::Tx;
use crate::vault::Place;
use crate::{Error, Store, outbox, sql, users};

/// What the authority issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// The intermediates, PEM.
    pub chain: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// What every end does: nobody's any more, and no key stays behind.
const END: &str = "step = ?, updated_at = ?, finished_at = ?, problem = ?, retry_at = NULL, claimed_by = NULL, \
     claimed_until = NULL, key_id = NULL, key_nonce = NULL, key_ciphertext = NULL";

fn end_values(step: OrderStep, problem: Option<String>, now: Timestamp) -> Vec<sea_orm::Value> {
    vec![
        step.as_str().into(),
        now.as_millis().into(),
        now.as_millis().into(),
        problem.into(),
    ]
}

pub(super) async fn issue_within(
    tx: Tx,
    store: &Store,
    claim: &Claim,
    issued: &IssuedCertificate,
) -> Result<bool, Error> {
    let now = tx.now().await?;
    let owner = claim.owner;
    if !users::lock(&tx, owner).await? {
        return Ok(false);
    }
    if is_suspended(&tx, owner).await? {
        give_up_held(&tx, claim, now).await?;
        return Ok(false);
    }
    let sealed = rows::sealed_order_key(tx.db(), claim.order).await?;
    if !fenced(
        &tx,
        claim,
        &format!("{END}, csr = NULL"),
        end_values(OrderStep::Issued, None, now),
        now,
    )
    .await?
    {
        return Ok(false);
    }
    let sealed = sealed
        .ok_or_else(|| Error::Corrupt(format!("order {} is issued and has no key", claim.order)))?;
    let key = store
        .vault()
        .open(owner, Place::Order(claim.order), &sealed)?;
    challenges::remove(&tx, owner, &claim.domain, now).await?;
    if let Some(old) = rows::active(tx.db(), owner).await? {
        rows::end_certificate(&tx, old.id, "replaced", now).await?;
    }
    let id = insert(&tx, claim, issued, "active", now).await?;
    // Sealed anew, because it belongs to another row now.
    let sealed = store.vault().seal(owner, Place::Certificate(id), &key)?;
    rows::put_key(&tx, id, sealed).await?;
    let link = "UPDATE certificate_orders SET certificate_id = ? WHERE id = ?";
    sql::touch(tx.db(), link, vec![id.into(), claim.order.into()]).await?;
    let until = Some(issued.not_after.date());
    owe(&tx, claim, NoticeKind::CertificateReady, until, None).await?;
    Ok(true)
}

/// Inserts the certificate without its key.
pub(super) async fn insert(
    tx: &Tx,
    claim: &Claim,
    issued: &IssuedCertificate,
    state: &str,
    now: Timestamp,
) -> Result<i64, Error> {
    let IssuedCertificate {
        certificate,
        chain,
        not_before,
        not_after,
    } = issued;
    let insert = "INSERT INTO certificates (user_id, domain, state, certificate, chain, not_before, not_after, renew_at, \
         created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = vec![
        claim.owner.0.into(),
        claim.domain.as_str().into(),
        state.into(),
        certificate.as_str().into(),
        chain.as_str().into(),
        not_before.as_millis().into(),
        not_after.as_millis().into(),
        automatic_renewal_at(*not_before, *not_after)
            .as_millis()
            .into(),
        now.as_millis().into(),
    ];
    let done = sql::run(tx.db(), insert, values).await?;
    i64::try_from(done.last_insert_id())
        .map_err(|_| Error::Corrupt("the id of a certificate".to_owned()))
}

async fn owe(
    tx: &Tx,
    claim: &Claim,
    kind: NoticeKind,
    on: Option<String>,
    reason: Option<String>,
) -> Result<(), Error> {
    let [wildcard, _] = certificate_names(&claim.domain);
    let notice = Notice {
        kind,
        items: vec![NoticeItem {
            name: wildcard,
            what: None,
            on,
            reason,
        }],
    };
    outbox::owe(tx, claim.owner, &format!("order:{}", claim.order), &notice).await
}

pub(super) async fn fail_within(tx: Tx, claim: &Claim, reason: &str) -> Result<bool, Error> {
    let now = tx.now().await?;
    if !users::lock(&tx, claim.owner).await? {
        return Ok(false);
    }
    let Some(order) = rows::order(tx.db(), claim.order).await? else {
        return Ok(false);
    };
    let reason = sql::cut(reason, 2_000);
    let values = end_values(OrderStep::Failed, Some(reason.clone()), now);
    if !fenced(
        &tx,
        claim,
        &format!("{END}{}", forgotten(&order)?),
        values,
        now,
    )
    .await?
    {
        return Ok(false);
    }
    challenges::remove(&tx, claim.owner, &claim.domain, now).await?;
    let before = if order.automatic {
        put_off_renewal(&tx, &order, now).await?
    } else {
        0
    };
    // A renewal that fails is tried again; its person is told once, and again when the end comes
    // near.
    if before == 0 {
        owe(
            &tx,
            claim,
            NoticeKind::CertificateFailed,
            None,
            Some(reason),
        )
        .await?;
    }
    Ok(true)
}

/// Lets the sweep wait before it renews again; says how often it had failed before.
async fn put_off_renewal(tx: &Tx, order: &OrderRow, now: Timestamp) -> Result<u32, Error> {
    let Some(certificate) = order.replaces_id else {
        return Ok(0);
    };
    let look = "SELECT COUNT(*) AS n FROM certificate_orders WHERE replaces_id = ? AND automatic = 1 AND step = ? AND id < ?";
    let values = vec![
        certificate.into(),
        OrderStep::Failed.as_str().into(),
        order.id.into(),
    ];
    let before = sql::number(tx.db(), look, values).await?.unwrap_or(0);
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    let put_off = "UPDATE certificates SET renew_at = ? WHERE id = ?";
    let at = now.plus(renewal_retry_ms(before)).as_millis();
    sql::touch(tx.db(), put_off, vec![at.into(), certificate.into()]).await?;
    Ok(before)
}

pub(super) async fn give_up_within(tx: Tx, claim: &Claim) -> Result<(), Error> {
    let now = tx.now().await?;
    // Whoever is suspended still has a row; whoever is deleted has a tombstone, which nobody locks
    // any more.
    users::lock(&tx, claim.owner).await?;
    give_up_held(&tx, claim, now).await
}

async fn give_up_held(tx: &Tx, claim: &Claim, now: Timestamp) -> Result<(), Error> {
    if fenced(tx, claim, "fence = fence + 1", vec![], now).await? {
        abandon_within(tx, claim.owner).await?;
    }
    Ok(())
}

/// What an end without a certificate does with the certificate request. Where it may have been
/// handed in, it stays with the order until the sweep has seen whether the authority issued a
/// certificate, whose key nobody has then.
fn forgotten(order: &OrderRow) -> Result<&'static str, Error> {
    let handed_in = matches!(order.step()?, OrderStep::KeySaved | OrderStep::Finalizing);
    Ok(if handed_in { "" } else { ", csr = NULL" })
}

/// Whether the person was suspended after the order was claimed.
async fn is_suspended(tx: &Tx, owner: UserId) -> Result<bool, Error> {
    let look = "SELECT COUNT(*) AS n FROM users WHERE id = ? AND suspended_at IS NOT NULL";
    Ok(sql::number(tx.db(), look, vec![owner.0.into()]).await? != Some(0))
}

/// Gives up the person's order under way, if there is one, with its values and its key; nothing is
/// issued to them afterwards. The caller holds the person's row. Where the certificate request may
/// have been handed in, it stays with the order until the worker has seen whether the authority
/// issued a certificate, which is then owed for revocation.
pub(crate) async fn abandon_within(tx: &Tx, owner: UserId) -> Result<bool, Error> {
    let Some(order) = rows::live_order(tx.db(), owner).await? else {
        return Ok(false);
    };
    let now = tx.now().await?;
    let also = forgotten(&order)?;
    let mut values = end_values(OrderStep::Abandoned, None, now);
    values.push(order.id.into());
    // The fence tells whoever works at it.
    let end = format!("UPDATE certificate_orders SET {END}, fence = fence + 1{also} WHERE id = ?");
    sql::touch(tx.db(), &end, values).await?;
    challenges::remove(tx, owner, &order.domain, now).await?;
    Ok(true)
}

/// Takes the person's certificates out of use, shreds their keys, and owes the revocation of each
/// that still lives: somebody has its key. The caller holds the person's row. Says how many are
/// owed.
pub(crate) async fn owe_revocation_within(tx: &Tx, owner: UserId) -> Result<u64, Error> {
    let at = sea_orm::Value::from(tx.now().await?.as_millis());
    let owe = "UPDATE certificates SET revocation_owed_at = ? \
         WHERE user_id = ? AND not_after > ? AND revoked_at IS NULL AND revocation_owed_at IS NULL";
    let owed = sql::touch(tx.db(), owe, vec![at.clone(), owner.0.into(), at.clone()]).await?;
    let end = "UPDATE certificates SET state = CASE WHEN state = 'active' THEN 'deleted' ELSE state END, \
         ended_at = COALESCE(ended_at, ?), key_id = NULL, key_nonce = NULL, key_ciphertext = NULL WHERE user_id = ?";
    sql::touch(tx.db(), end, vec![at, owner.0.into()]).await?;
    Ok(owed)
}
