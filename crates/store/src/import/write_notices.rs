//! Writes the mails that the original has sent, so that no user is notified twice and the announced
//! records may expire.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::Error;
use crate::entity::outbox::{self, Column, Kind, State};
use crate::error::busy_if_duplicate;
use crate::outbox::{Detail, NewMail, find_addresses, user_topic};
use crate::tx::Tx;

/// The records that a user was notified of on one day.
#[derive(Debug, Clone)]
pub(super) struct SentNotice {
    /// When the last mail of that day was sent.
    pub(super) at: Timestamp,
    pub(super) items: Vec<NoticeItem>,
}

/// Ids of mails by user and day.
pub(super) type MailIds = BTreeMap<(UserId, String), i64>;

/// Inserts mails about expiring records as sent, one per user and day, and returns the ids of all
/// of them, of those that existed before as well.
pub(super) async fn insert_sent(
    tx: &Tx,
    sent: &BTreeMap<(UserId, String), SentNotice>,
    now: Timestamp,
) -> Result<MailIds, Error> {
    if sent.is_empty() {
        return Ok(BTreeMap::new());
    }
    let existing = find_ids(tx, sent).await?;
    let addresses = find_addresses(tx, sent.keys().map(|(user, _)| *user)).await?;
    let mut rows = Vec::new();
    for ((user, day), notice) in sent.iter().filter(|(key, _)| !existing.contains_key(*key)) {
        let mail = NewMail {
            kind: Kind(NoticeKind::RecordExpiring),
            topic: user_topic(*user),
            to: *user,
            recipient: addresses.get(user).cloned().unwrap_or_default(),
            detail: Detail::new(&notice.items),
            day: day.clone(),
            due_at: notice.at,
        };
        rows.push(outbox::ActiveModel {
            state: Set(State::Sent),
            sent_at: Set(Some(notice.at.as_millis())),
            ..mail.row(tx, notice.at.min(now))?
        });
    }
    if rows.is_empty() {
        return Ok(existing);
    }
    outbox::Entity::insert_many(rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    find_ids(tx, sent).await
}

async fn find_ids(
    tx: &Tx,
    sent: &BTreeMap<(UserId, String), SentNotice>,
) -> Result<MailIds, Error> {
    let rows: Vec<(Option<i64>, String, i64)> = outbox::Entity::find()
        .filter(Column::Kind.eq(Kind(NoticeKind::RecordExpiring)))
        .filter(Column::Topic.is_in(sent.keys().map(|(user, _)| user_topic(*user))))
        .filter(Column::Day.is_in(sent.keys().map(|(_, day)| day.as_str())))
        .select_only()
        .column(Column::UserId)
        .column(Column::Day)
        .column(Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|(user, day, id)| Some(((UserId(user?), day), id)))
        .collect())
}
