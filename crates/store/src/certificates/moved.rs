//! Certificates that another application had issued.

use starchart_domain::certificate::{OrderStep, automatic_renewal_at};
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::rows;
use crate::import::IssuedCertificate;
use crate::tx::Tx;
use crate::vault::Place;
use crate::{Error, sql};

/// A certificate with its key.
pub(crate) struct MovedCertificate {
    pub(crate) key: Secret,
    pub(crate) issued: IssuedCertificate,
    /// When its person was told that it ends.
    pub(crate) told: Option<Timestamp>,
    /// Whether it is the one in use; else it was replaced, and no key is kept.
    pub(crate) in_use: bool,
}

/// Keeps a certificate, its key sealed. It renews itself as any.
pub(crate) async fn put_certificate(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    moved: &MovedCertificate,
    now: Timestamp,
) -> Result<i64, Error> {
    let MovedCertificate {
        key,
        issued,
        told,
        in_use,
    } = moved;
    // Somebody may have got one here since the plan was made.
    let in_use = *in_use && rows::active(tx.db(), owner).await?.is_none();
    let insert = "INSERT INTO certificates (user_id, domain, state, certificate, chain, not_before, not_after, renew_at, \
         created_at, ended_at, notified_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = vec![
        owner.0.into(),
        domain.into(),
        if in_use { "active" } else { "replaced" }.into(),
        issued.certificate.as_str().into(),
        issued.chain.as_str().into(),
        issued.not_before.as_millis().into(),
        issued.not_after.as_millis().into(),
        automatic_renewal_at(issued.not_before, issued.not_after)
            .as_millis()
            .into(),
        issued.not_before.as_millis().into(),
        (!in_use).then_some(now.as_millis()).into(),
        told.map(Timestamp::as_millis).into(),
    ];
    let done = sql::run(tx.db(), insert, values).await?;
    let id = i64::try_from(done.last_insert_id())
        .map_err(|_| Error::Corrupt("the id of a certificate".to_owned()))?;
    if in_use {
        rows::put_key(
            tx,
            id,
            tx.store()
                .vault()
                .seal(owner, Place::Certificate(id), key)?,
        )
        .await?;
    }
    Ok(id)
}

/// What the person of a request reads that was under way elsewhere.
const ASK_AGAIN: &str = "This request was under way when the names moved here, and did not move with them. Please ask again.";

/// Shows a request that was under way as one that failed, unless one is under way here.
pub(crate) async fn ask_again(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if rows::live_order(tx.db(), owner).await?.is_some() {
        return Ok(());
    }
    // As the sweep's: it counts towards no limit of the person.
    let insert = "INSERT INTO certificate_orders (user_id, domain, step, problem, automatic, next_step_at, created_at, \
         updated_at, finished_at) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)";
    let at = sea_orm::Value::from(now.as_millis());
    let values = vec![
        owner.0.into(),
        domain.into(),
        OrderStep::Failed.as_str().into(),
        ASK_AGAIN.into(),
        at.clone(),
        at.clone(),
        at.clone(),
        at,
    ];
    sql::touch(tx.db(), insert, values).await.map(drop)
}
