//! Rows of `certificates` and `certificate_orders`.

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use starchart_domain::certificate::OrderStep;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::Certificate;
use crate::error::busy_if_taken;
use crate::tx::Tx;
use crate::vault::SealedKey;
use crate::{Error, sql};

/// A certificate, without its key.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct CertificateRow {
    pub(super) id: i64,
    pub(super) domain: String,
    pub(super) certificate: String,
    pub(super) chain: String,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) created_at: i64,
}

impl From<CertificateRow> for Certificate {
    fn from(row: CertificateRow) -> Self {
        Self {
            id: row.id,
            domain: row.domain,
            certificate: row.certificate,
            chain: row.chain,
            not_before: Timestamp::from_millis(row.not_before),
            not_after: Timestamp::from_millis(row.not_after),
            created_at: Timestamp::from_millis(row.created_at),
        }
    }
}

/// An order, without its key.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct OrderRow {
    pub(super) id: i64,
    pub(super) user_id: i64,
    pub(super) domain: String,
    pub(super) step: String,
    pub(super) order_url: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) replaces_id: Option<i64>,
    pub(super) starts: i32,
    pub(super) fence: i64,
    pub(super) problem: Option<String>,
    pub(super) retry_at: Option<i64>,
    pub(super) patient_until: Option<i64>,
    pub(super) dns_not_checked: bool,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) finished_at: Option<i64>,
    pub(super) automatic: bool,
    pub(super) failures: i32,
    pub(super) openings: i32,
}

impl OrderRow {
    pub(super) fn step(&self) -> Result<OrderStep, Error> {
        OrderStep::parse(&self.step)
            .ok_or_else(|| Error::Corrupt(format!("step {} of order {}", self.step, self.id)))
    }
}

const ORDER: &str = "SELECT id, user_id, domain, step, order_url, key_id, replaces_id, starts, fence, problem, retry_at, \
     patient_until, dns_not_checked, created_at, updated_at, finished_at, automatic, failures, openings FROM certificate_orders";

/// The person's certificate in use.
pub(super) async fn active(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<CertificateRow>, Error> {
    let look = "SELECT id, domain, certificate, chain, not_before, not_after, created_at FROM certificates \
         WHERE active_slot = ?";
    sql::one(on, look, vec![owner.0.into()]).await
}

/// Whether the person has a certificate in use or an order under way.
pub(super) async fn any(on: &impl ConnectionTrait, owner: UserId) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        #[expect(dead_code, reason = "that there is a row says it")]
        id: i64,
    }
    let look = "SELECT id FROM certificates WHERE active_slot = ? UNION ALL SELECT id FROM certificate_orders WHERE live_slot = ?";
    let found: Vec<Found> = sql::all(on, look, vec![owner.0.into(), owner.0.into()]).await?;
    Ok(!found.is_empty())
}

/// The person's order under way.
pub(super) async fn live_order(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<OrderRow>, Error> {
    sql::one(
        on,
        &format!("{ORDER} WHERE live_slot = ?"),
        vec![owner.0.into()],
    )
    .await
}

/// The person's latest order.
pub(super) async fn last_order(
    on: &impl ConnectionTrait,
    owner: UserId,
) -> Result<Option<OrderRow>, Error> {
    sql::one(
        on,
        &format!("{ORDER} WHERE user_id = ? ORDER BY id DESC LIMIT 1"),
        vec![owner.0.into()],
    )
    .await
}

/// The order of that id, whosever it is: for the worker.
pub(super) async fn order(on: &impl ConnectionTrait, id: i64) -> Result<Option<OrderRow>, Error> {
    sql::one(on, &format!("{ORDER} WHERE id = ?"), vec![id.into()]).await
}

/// When the person asked since then, oldest first.
pub(super) async fn asked_since(
    on: &impl ConnectionTrait,
    owner: UserId,
    since: Timestamp,
) -> Result<Vec<i64>, Error> {
    #[derive(FromQueryResult)]
    struct Asked {
        created_at: i64,
    }
    let look = "SELECT created_at FROM certificate_orders WHERE user_id = ? AND created_at > ? AND automatic = 0 \
         ORDER BY created_at";
    let rows: Vec<Asked> =
        sql::all(on, look, vec![owner.0.into(), since.as_millis().into()]).await?;
    Ok(rows.into_iter().map(|row| row.created_at).collect())
}

/// Opens an order. The caller holds the person's row and saw that none is live.
pub(super) async fn insert_order(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    replaces: Option<i64>,
    automatic: bool,
    now: Timestamp,
) -> Result<(), Error> {
    let insert = "INSERT INTO certificate_orders (user_id, domain, step, replaces_id, automatic, next_step_at, created_at, \
         updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let at = Value::from(now.as_millis());
    let values = vec![
        owner.0.into(),
        domain.into(),
        OrderStep::Requested.as_str().into(),
        replaces.into(),
        automatic.into(),
        at.clone(),
        at.clone(),
        at,
    ];
    sql::run(tx.db(), insert, values)
        .await
        .map(drop)
        .map_err(busy_if_taken)
}

/// The sealed key of the person's certificate in use, by the certificate's id.
pub(super) async fn sealed_key(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: i64,
) -> Result<Option<SealedKey>, Error> {
    let look = "SELECT key_id, key_nonce, key_ciphertext FROM certificates WHERE active_slot = ? AND id = ?";
    sealed(on, look, vec![owner.0.into(), id.into()]).await
}

/// Puts the sealed key of a certificate that has none.
pub(super) async fn put_key(tx: &Tx, id: i64, sealed: SealedKey) -> Result<(), Error> {
    let put = "UPDATE certificates SET key_id = ?, key_nonce = ?, key_ciphertext = ? WHERE id = ?";
    let values = vec![
        sealed.key_id.into(),
        sealed.nonce.into(),
        sealed.ciphertext.into(),
        id.into(),
    ];
    sql::touch(tx.db(), put, values).await.map(drop)
}

/// The sealed key of a running order.
pub(super) async fn sealed_order_key(
    on: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<SealedKey>, Error> {
    let look = "SELECT key_id, key_nonce, key_ciphertext FROM certificate_orders WHERE id = ?";
    sealed(on, look, vec![id.into()]).await
}

async fn sealed(
    on: &impl ConnectionTrait,
    look: &str,
    values: Vec<Value>,
) -> Result<Option<SealedKey>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        key_id: Option<String>,
        key_nonce: Option<Vec<u8>>,
        key_ciphertext: Option<Vec<u8>>,
    }
    let row: Option<Row> = sql::one(on, look, values).await?;
    Ok(row.and_then(|row| {
        Some(SealedKey {
            key_id: row.key_id?,
            nonce: row.key_nonce?,
            ciphertext: row.key_ciphertext?,
        })
    }))
}

/// Takes a certificate out of use and shreds its key.
pub(super) async fn end_certificate(
    tx: &Tx,
    id: i64,
    state: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let end = "UPDATE certificates SET state = ?, ended_at = COALESCE(ended_at, ?), key_id = NULL, key_nonce = NULL, \
         key_ciphertext = NULL WHERE id = ?";
    sql::touch(
        tx.db(),
        end,
        vec![state.into(), now.as_millis().into(), id.into()],
    )
    .await
    .map(drop)
}
