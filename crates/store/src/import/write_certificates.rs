//! Writes certificates and requests of the original's database.

use rand::Rng as _;
use sea_orm::{EntityTrait, Set};
use starchart_domain::certificate::OrderStep;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::IssuedCertificate;
use crate::Error;
use crate::certificates::rows;
use crate::entity::certificate::{self, State};
use crate::entity::certificate_order;
use crate::tx::Tx;
use crate::vault::KeyRow;

/// The authority is asked first about imported certificates within this time, in milliseconds.
const FIRST_QUESTION_MS: i64 = 6 * 60 * 60 * 1_000;

/// A certificate with its key.
pub(super) struct ImportedCertificate {
    pub(super) key: Secret,
    pub(super) issued: IssuedCertificate,
    /// When the original sent the mail about its approaching end.
    pub(super) notified_at: Option<Timestamp>,
    /// Whether it is the active one; otherwise it was replaced, and its key is not kept.
    pub(super) in_use: bool,
}

/// Inserts a certificate with its key sealed, and returns its id. The renewal sweep renews it like
/// any other.
pub(super) async fn insert_certificate(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    imported: &ImportedCertificate,
    now: Timestamp,
) -> Result<i64, Error> {
    let issued = &imported.issued;
    // The user may have got a certificate here since the import was planned.
    let in_use = imported.in_use && rows::find_active(tx.db(), owner).await?.is_none();
    let row = certificate::ActiveModel {
        user_id: Set(owner.0),
        domain: Set(domain.to_owned()),
        state: Set(if in_use {
            State::Active
        } else {
            State::Replaced
        }),
        certificate: Set(issued.certificate.clone()),
        chain: Set(issued.chain.clone()),
        not_before: Set(issued.not_before.as_millis()),
        not_after: Set(issued.not_after.as_millis()),
        renew_at: Set(issued.validity().renewal_at().as_millis()),
        ari_check_at: Set(in_use.then(|| spread(now).as_millis())),
        created_at: Set(issued.not_before.as_millis()),
        ended_at: Set((!in_use).then_some(now.as_millis())),
        notified_at: Set(imported.notified_at.map(Timestamp::as_millis)),
        ..Default::default()
    };
    let inserted = certificate::Entity::insert(row).exec(tx.db()).await?;
    let id = inserted.last_insert_id;
    if in_use {
        let key_row = KeyRow::Certificate(id);
        let sealed = tx.store().vault().seal(owner, key_row, &imported.key)?;
        rows::set_key(tx, id, sealed).await?;
    }
    Ok(id)
}

/// A time within the next hours, so that the authority is not asked about all certificates at once.
fn spread(now: Timestamp) -> Timestamp {
    now.plus(rand::rng().random_range(0..FIRST_QUESTION_MS))
}

/// What the owner of a request reads that was in progress in the original.
const ASK_AGAIN: &str = "This request was under way when the names moved here, and did not move \
     with them. Please ask again.";

/// Inserts a request that was in progress in the original as a failed order, unless the user has a
/// pending order here.
pub(super) async fn insert_failed_request(
    tx: &Tx,
    owner: UserId,
    domain: &str,
    now: Timestamp,
) -> Result<(), Error> {
    if rows::find_pending_order(tx.db(), owner).await?.is_some() {
        return Ok(());
    }
    let order = certificate_order::ActiveModel {
        user_id: Set(owner.0),
        domain: Set(domain.to_owned()),
        step: Set(OrderStep::Failed.into()),
        problem: Set(Some(ASK_AGAIN.to_owned())),
        // Automatic orders do not count towards the user's daily limit.
        automatic: Set(true),
        next_step_at: Set(now.as_millis()),
        created_at: Set(now.as_millis()),
        updated_at: Set(now.as_millis()),
        finished_at: Set(Some(now.as_millis())),
        ..Default::default()
    };
    certificate_order::Entity::insert(order)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}
