//! The worker's side of orders: which are due, who works at one, and what is saved before each call
//! to the authority.
//!
//! Whoever works at an order claims it for some seconds. Every write of the holder begins with an
//! UPDATE of the order's row that demands holder, fence and time left, so that a holder that was
//! stopped past its time changes nothing, and neither does one whose order was given up meanwhile.
//! A write that touches more than the order's row locks the person first, as everybody does.

use sea_orm::Value;
use starchart_domain::certificate::{Answers, ObservedZone, OrderFacts, OrderStep};
use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::rows::{self, OrderRow};
use super::{challenges, ends};
use crate::tx::Tx;
use crate::vault::Place;
use crate::{Error, Store, sql, users};

pub use super::ends::IssuedCertificate;

/// The right to work at an order; every write checks it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The order.
    pub order: i64,
    /// Whose it is.
    pub owner: UserId,
    /// The base domain.
    pub domain: String,
    holder: String,
    fence: i64,
}

impl Claim {
    /// Of an order that has ended: no fenced write takes it.
    pub(super) fn of_ended(order: i64, owner: UserId, domain: String) -> Self {
        Self {
            order,
            owner,
            domain,
            holder: String::new(),
            fence: -1,
        }
    }
}

/// A claimed order, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOrder {
    /// The right to work at it.
    pub claim: Claim,
    /// What its next step depends on.
    pub facts: OrderFacts,
    /// Its URL at the authority.
    pub url: Option<String>,
    /// Whether the renewal sweep opened it, so that nobody waits.
    pub automatic: bool,
    /// How often in a row the authority did not help.
    pub failures: u32,
}

/// Until when an order is left alone, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Postponement {
    /// Milliseconds from now.
    pub for_ms: i64,
    /// What to tell the person; none: it goes well.
    pub problem: Option<String>,
    /// Whether the authority did not help this time; else it did, or was not asked.
    pub failed: Option<bool>,
    /// Whether the person is told when it is asked again.
    pub show_retry_time: bool,
    /// Whether the authority asked for this wait, so that nothing shortens it and the order has
    /// longer.
    pub requested_by_ca: bool,
}

/// Orders whose time has come and that nobody works at, those that wait longest first.
pub async fn list_due(store: &Store, limit: u64) -> Result<Vec<i64>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        id: i64,
    }
    let due = format!(
        "SELECT id FROM certificate_orders WHERE finished_at IS NULL AND next_step_at <= {now} \
         AND (claimed_until IS NULL OR claimed_until <= {now}) ORDER BY next_step_at, id LIMIT {limit}",
        now = store.now_sql()
    );
    let rows: Vec<Row> = sql::all(store.reader(), &due, vec![]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Milliseconds until the next order is due, or its holder's time is over; zero when one is due
/// now. `None`: there are none.
pub async fn next_due_ms(store: &Store) -> Result<Option<i64>, Error> {
    let now = store.now_sql();
    let look = format!(
        "SELECT MIN(CASE WHEN claimed_until > next_step_at THEN claimed_until ELSE next_step_at END) - {now} AS n \
         FROM certificate_orders WHERE finished_at IS NULL"
    );
    Ok(sql::number(store.reader(), &look, vec![])
        .await?
        .map(|ms| ms.max(0)))
}

/// Claims the order for `ttl_ms` milliseconds and counts the start. `None`: somebody has it, or it
/// is not due.
pub async fn claim(
    store: &Store,
    order: i64,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<ClaimedOrder>, Error> {
    store
        .write(|tx| claim_within(tx, order, holder, ttl_ms))
        .await
}

async fn claim_within(
    tx: Tx,
    order: i64,
    holder: &str,
    ttl_ms: i64,
) -> Result<Option<ClaimedOrder>, Error> {
    let now = tx.now().await?;
    let take = "UPDATE certificate_orders SET claimed_by = ?, claimed_until = ?, fence = fence + 1, starts = starts + 1 \
         WHERE id = ? AND finished_at IS NULL AND next_step_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)";
    let at = Value::from(now.as_millis());
    let values = vec![
        holder.into(),
        now.plus(ttl_ms).as_millis().into(),
        order.into(),
        at.clone(),
        at,
    ];
    if sql::touch(tx.db(), take, values).await? == 0 {
        return Ok(None);
    }
    let row = rows::order(tx.db(), order)
        .await?
        .ok_or_else(|| Error::Corrupt(format!("order {order}")))?;
    let gone = "SELECT COUNT(*) AS n FROM users WHERE id = ? AND deleted_at IS NULL AND suspended_at IS NULL";
    let user_gone = sql::number(tx.db(), gone, vec![row.user_id.into()]).await? != Some(1);
    work(row, holder, user_gone).map(Some)
}

fn work(row: OrderRow, holder: &str, user_gone: bool) -> Result<ClaimedOrder, Error> {
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    let facts = OrderFacts {
        step: row.step()?,
        has_url: row.order_url.is_some(),
        has_key: row.key_id.is_some(),
        created_at: Timestamp::from_millis(row.created_at),
        step_since: Timestamp::from_millis(row.updated_at),
        patient_until: row.patient_until.map(Timestamp::from_millis),
        starts: count(row.starts),
        openings: count(row.openings),
        user_gone,
    };
    let owner = UserId(row.user_id);
    let claim = Claim {
        order: row.id,
        owner,
        domain: row.domain,
        holder: holder.to_owned(),
        fence: row.fence,
    };
    Ok(ClaimedOrder {
        claim,
        facts,
        url: row.order_url,
        automatic: row.automatic,
        failures: count(row.failures),
    })
}

/// The fence: changes the order's row as `set` says, if the claim still holds.
pub(super) async fn fenced(
    tx: &Tx,
    claim: &Claim,
    set: &str,
    mut values: Vec<Value>,
    now: Timestamp,
) -> Result<bool, Error> {
    let update = format!(
        "UPDATE certificate_orders SET {set} WHERE id = ? AND claimed_by = ? AND fence = ? AND claimed_until > ? \
         AND finished_at IS NULL"
    );
    values.extend([
        claim.order.into(),
        claim.holder.as_str().into(),
        claim.fence.into(),
        now.as_millis().into(),
    ]);
    Ok(sql::touch(tx.db(), &update, values).await? == 1)
}

/// Makes the claim end `ttl_ms` milliseconds from now; false: it was lost.
pub async fn extend_claim(store: &Store, claim: &Claim, ttl_ms: i64) -> Result<bool, Error> {
    store.write(|tx| extend_within(tx, claim, ttl_ms)).await
}

async fn extend_within(tx: Tx, claim: &Claim, ttl_ms: i64) -> Result<bool, Error> {
    let now = tx.now().await?;
    fenced(
        &tx,
        claim,
        "claimed_until = ?",
        vec![now.plus(ttl_ms).as_millis().into()],
        now,
    )
    .await
}

/// Gives the claim back until the order is due again. False: it was lost.
pub async fn postpone(store: &Store, claim: &Claim, pause: &Postponement) -> Result<bool, Error> {
    store.write(|tx| pause_within(tx, claim, pause)).await
}

async fn pause_within(tx: Tx, claim: &Claim, pause: &Postponement) -> Result<bool, Error> {
    let now = tx.now().await?;
    let until = now.plus(pause.for_ms).as_millis();
    let mut set = "claimed_by = NULL, claimed_until = NULL, starts = 0, next_step_at = ?, problem = ?, retry_at = ?".to_owned();
    set.push_str(match pause.failed {
        Some(true) => ", failures = failures + 1",
        Some(false) => ", failures = 0",
        None => "",
    });
    let problem = pause
        .problem
        .as_deref()
        .map(|problem| sql::cut(problem, 2_000));
    let mut values = vec![
        until.into(),
        problem.into(),
        pause.show_retry_time.then_some(until).into(),
    ];
    if pause.requested_by_ca {
        set.push_str(", patient_until = CASE WHEN patient_until > ? THEN patient_until ELSE ? END");
        values.extend([Value::from(until), until.into()]);
    }
    fenced(&tx, claim, &set, values, now).await
}

/// What every step forward does.
const FORWARD: &str =
    "starts = 1, problem = NULL, retry_at = NULL, failures = 0, step = ?, updated_at = ?";

async fn forward(
    tx: &Tx,
    claim: &Claim,
    step: OrderStep,
    also: &str,
    values: Vec<Value>,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut all = vec![Value::from(step.as_str()), now.as_millis().into()];
    all.extend(values);
    fenced(tx, claim, &format!("{FORWARD}{also}"), all, now).await
}

/// Saves the order's URL. False: the claim was lost.
pub async fn save_order_url(store: &Store, claim: &Claim, url: &str) -> Result<bool, Error> {
    store.write(|tx| opened_within(tx, claim, url)).await
}

async fn opened_within(tx: Tx, claim: &Claim, url: &str) -> Result<bool, Error> {
    let now = tx.now().await?;
    forward(
        &tx,
        claim,
        OrderStep::Ordered,
        ", openings = openings + 1, order_url = ?",
        vec![url.into()],
        now,
    )
    .await
}

/// Saves the values of the pending authorizations, which makes their name dirty. False: the claim
/// was lost.
pub async fn save_challenge_values(
    store: &Store,
    claim: &Claim,
    values: &[String],
) -> Result<bool, Error> {
    store.write(|tx| publish_within(tx, claim, values)).await
}

async fn publish_within(tx: Tx, claim: &Claim, values: &[String]) -> Result<bool, Error> {
    let now = tx.now().await?;
    if !users::lock(&tx, claim.owner).await?
        || !forward(&tx, claim, OrderStep::Publishing, "", vec![], now).await?
    {
        return Ok(false);
    }
    challenges::put(&tx, claim.owner, &claim.domain, claim.order, values, now).await?;
    Ok(true)
}

/// Where the order's values are, and which they are; none when it has none.
pub async fn challenge_progress(
    store: &Store,
    claim: &Claim,
) -> Result<Option<(ObservedZone, Vec<String>)>, Error> {
    let Some((way, values)) =
        challenges::standing(store.reader(), &claim.domain, claim.order).await?
    else {
        return Ok(None);
    };
    let since = way.in_sync_at.map(Timestamp::from_millis);
    let seen = match (way.state(RecordType::Txt), since) {
        (PublishState::Refused { reason }, _) => ObservedZone::Refused(reason),
        (PublishState::InSync, Some(since)) => ObservedZone::InSync {
            since,
            answers: None,
        },
        (PublishState::Answered { by, of }, Some(since)) => ObservedZone::InSync {
            since,
            answers: Some(Answers { by, of }),
        },
        _ => ObservedZone::UnderWay,
    };
    Ok(Some((seen, values)))
}

/// Notes that the authority was asked to look. `unchecked`: no name server could be asked before.
/// False: the claim was lost.
pub async fn mark_validating(store: &Store, claim: &Claim, unchecked: bool) -> Result<bool, Error> {
    store
        .write(|tx| validating_within(tx, claim, unchecked))
        .await
}

async fn validating_within(tx: Tx, claim: &Claim, unchecked: bool) -> Result<bool, Error> {
    let now = tx.now().await?;
    let also = if unchecked {
        ", dns_not_checked = 1"
    } else {
        ""
    };
    forward(&tx, claim, OrderStep::Validating, also, vec![], now).await
}

/// Saves the private key, sealed, and the certificate request. False: the claim was lost.
pub async fn save_key(
    store: &Store,
    claim: &Claim,
    key: &Secret,
    csr_der: &[u8],
) -> Result<bool, Error> {
    let sealed = store
        .vault()
        .seal(claim.owner, Place::Order(claim.order), key)?;
    let values = vec![
        sealed.key_id.into(),
        sealed.nonce.into(),
        sealed.ciphertext.into(),
        csr_der.to_vec().into(),
    ];
    store
        .write(|tx| save_key_within(tx, claim, values.clone()))
        .await
}

async fn save_key_within(tx: Tx, claim: &Claim, values: Vec<Value>) -> Result<bool, Error> {
    let now = tx.now().await?;
    let also = ", key_id = ?, key_nonce = ?, key_ciphertext = ?, csr = ?";
    forward(&tx, claim, OrderStep::KeySaved, also, values, now).await
}

/// The saved certificate request (DER).
pub async fn load_csr(store: &Store, claim: &Claim) -> Result<Option<Vec<u8>>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        csr: Option<Vec<u8>>,
    }
    let look = "SELECT csr FROM certificate_orders WHERE id = ?";
    let row: Option<Row> = sql::one(store.reader(), look, vec![claim.order.into()]).await?;
    Ok(row.and_then(|row| row.csr))
}

/// The saved private key, opened.
pub async fn load_key(store: &Store, claim: &Claim) -> Result<Option<Secret>, Error> {
    let Some(sealed) = rows::sealed_order_key(store.reader(), claim.order).await? else {
        return Ok(None);
    };
    Ok(Some(store.vault().open(
        claim.owner,
        Place::Order(claim.order),
        &sealed,
    )?))
}

/// Notes that the certificate request was handed in. False: the claim was lost.
pub async fn mark_finalizing(store: &Store, claim: &Claim) -> Result<bool, Error> {
    store.write(|tx| finalizing_within(tx, claim)).await
}

async fn finalizing_within(tx: Tx, claim: &Claim) -> Result<bool, Error> {
    let now = tx.now().await?;
    forward(&tx, claim, OrderStep::Finalizing, "", vec![], now).await
}

/// The order ended at the authority: forgets its URL, key and values, to begin with another. False:
/// the claim was lost.
pub async fn restart(store: &Store, claim: &Claim) -> Result<bool, Error> {
    store.write(|tx| begin_anew_within(tx, claim)).await
}

async fn begin_anew_within(tx: Tx, claim: &Claim) -> Result<bool, Error> {
    let now = tx.now().await?;
    let also =
        ", order_url = NULL, key_id = NULL, key_nonce = NULL, key_ciphertext = NULL, csr = NULL";
    if !users::lock(&tx, claim.owner).await?
        || !forward(&tx, claim, OrderStep::Requested, also, vec![], now).await?
    {
        return Ok(false);
    }
    challenges::remove(&tx, claim.owner, &claim.domain, now).await?;
    Ok(true)
}

/// Ends the order with its certificate, in one transaction: the certificate takes the old one's
/// place, the values are gone, and a mail is owed. False: the claim was lost.
pub async fn issue(
    store: &Store,
    claim: &Claim,
    issued: &IssuedCertificate,
) -> Result<bool, Error> {
    store
        .write(|tx| ends::issue_within(tx, store, claim, issued))
        .await
}

/// Ends the order without a certificate, for the reason given in plain words. False: the claim was
/// lost.
pub async fn fail(store: &Store, claim: &Claim, reason: &str) -> Result<bool, Error> {
    store.write(|tx| ends::fail_within(tx, claim, reason)).await
}

/// Gives the order up, because its person is gone.
pub async fn abandon(store: &Store, claim: &Claim) -> Result<(), Error> {
    store.write(|tx| ends::give_up_within(tx, claim)).await
}
