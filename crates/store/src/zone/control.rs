//! The pause: while it lasts, nothing is sent to the zone.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, UpdateMany,
};
use starchart_domain::time::Timestamp;

use crate::entity::zone_control::{ActiveModel, Column, Entity as Control, ID, PauseKind};
use crate::trail::{self, Action, TrailEntry};
use crate::tx::Tx;
use crate::{Error, Store};

/// The reason of the pause after a wipe.
const WIPED_REASON: &str = "the database was wiped and the zone was left as it is. Where the zone \
     is empty this ends by itself; else `starchart reconcile --adopt` shows what stands there, and \
     `starchart reconcile --approve HASH` with the hash it prints lets publishing go on";

/// A pause of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// When the pause began.
    pub since: Timestamp,
    /// Why, for users and operators to read.
    pub reason: String,
    /// Whether a wipe made it, so that it ends by itself where the zone holds no user's RRsets.
    pub after_wipe: bool,
}

/// The reason of the pause, when publishing is paused.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn pause_reason(store: &Store) -> Result<Option<String>, Error> {
    Ok(find_pause(store).await?.map(|pause| pause.reason))
}

/// Finds the pause, when publishing is paused.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn find_pause(store: &Store) -> Result<Option<Pause>, Error> {
    find_pause_on(store.reader()).await
}

/// Finds the pause inside a transaction.
pub(crate) async fn find_pause_on(on: &impl ConnectionTrait) -> Result<Option<Pause>, Error> {
    let row = Control::find_by_id(ID).one(on).await?;
    Ok(row.and_then(|row| {
        Some(Pause {
            since: Timestamp::from_millis(row.paused_at?),
            reason: row.paused_reason.unwrap_or_default(),
            after_wipe: row.paused_kind == Some(PauseKind::Wiped),
        })
    }))
}

/// Pauses publishing until a plan is approved ([`resume_from`]) or [`resume`] is called. Replaces
/// the reason of an earlier pause.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn pause(store: &Store, reason: &str) -> Result<(), Error> {
    store
        .write(|tx| async move { set_pause(&tx, reason, None).await })
        .await
}

/// Pauses publishing after a wipe: the audit ends this pause where the zone holds nothing.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn pause_after_wipe(store: &Store) -> Result<(), Error> {
    store
        .write(|tx| async move { set_pause(&tx, WIPED_REASON, Some(PauseKind::Wiped)).await })
        .await
}

/// Pauses publishing unless it is paused already. Returns the pause that is in force then.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn pause_unless_paused(store: &Store, reason: &str) -> Result<Pause, Error> {
    store
        .write(|tx| async move { keep_or_set_pause(&tx, reason).await })
        .await
}

pub(super) async fn keep_or_set_pause(tx: &Tx, reason: &str) -> Result<Pause, Error> {
    if find_pause_on(tx.db()).await?.is_none() {
        set_pause(tx, reason, None).await?;
    }
    find_pause_on(tx.db())
        .await?
        .ok_or_else(|| Error::Corrupt("the pause that was just made is missing".to_owned()))
}

async fn set_pause(tx: &Tx, reason: &str, kind: Option<PauseKind>) -> Result<(), Error> {
    let row = ActiveModel {
        id: Set(ID),
        paused_at: Set(Some(tx.now().await?.as_millis())),
        paused_reason: Set(Some(reason.to_owned())),
        paused_kind: Set(kind),
    };
    let replace = OnConflict::column(Column::Id)
        .update_columns([Column::PausedAt, Column::PausedReason, Column::PausedKind])
        .to_owned();
    Control::insert(row)
        .on_conflict(replace)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

fn end_pause() -> UpdateMany<Control> {
    Control::update_many()
        .col_expr(Column::PausedAt, Expr::value(None::<i64>))
        .col_expr(Column::PausedReason, Expr::value(None::<String>))
        .col_expr(Column::PausedKind, Expr::value(None::<String>))
        .filter(Column::Id.eq(ID))
}

/// Resumes publishing.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn resume(store: &Store) -> Result<(), Error> {
    store
        .write(|tx| async move {
            end_pause().exec(tx.db()).await?;
            Ok(())
        })
        .await
}

/// Resumes publishing if this pause is still in force. Returns false when it is over, or when
/// another pause or another reason came after it.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn resume_from(store: &Store, seen: &Pause) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let end = end_pause()
                .filter(Column::PausedAt.eq(seen.since.as_millis()))
                .filter(Column::PausedReason.eq(seen.reason.as_str()));
            Ok(end.exec(tx.db()).await?.rows_affected == 1)
        })
        .await
}

/// Resumes publishing if a wipe made the pause. Returns whether it did.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn resume_after_wipe(store: &Store) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            let end = end_pause().filter(Column::PausedKind.eq(PauseKind::Wiped));
            Ok(end.exec(tx.db()).await?.rows_affected == 1)
        })
        .await
}

/// Pauses publishing for an operator, as [`pause`] does, and adds a line to the trail. Returns the
/// pause that this one replaced.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn pause_by_operator(
    store: &Store,
    zone: &str,
    reason: &str,
) -> Result<Option<Pause>, Error> {
    store
        .write(|tx| async move {
            let before = find_pause_on(tx.db()).await?;
            set_pause(&tx, reason, None).await?;
            let instead = before.as_ref().map_or_else(String::new, |pause| {
                format!(", instead of: {}", pause.reason)
            });
            let line = TrailEntry {
                object: zone,
                detail: &format!("by an operator: {reason}{instead}"),
                ..TrailEntry::new(Action::ZonePause)
            };
            trail::write_entry(&tx, &line).await?;
            Ok(before)
        })
        .await
}

/// Adds a line to the trail that an operator approved a plan, before anything of it is done.
///
/// # Errors
/// The database does not answer or refuses the statements.
pub async fn record_approval(store: &Store, zone: &str, detail: &str) -> Result<(), Error> {
    store
        .write(|tx| async move {
            // An operator with a shell on the server is no user.
            let line = TrailEntry {
                object: zone,
                detail,
                ..TrailEntry::new(Action::ZoneApprove)
            };
            trail::write_entry(&tx, &line).await
        })
        .await
}
