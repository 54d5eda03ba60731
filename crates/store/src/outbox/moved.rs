//! Mails that another application has sent, so that nobody is told again and what they announced
//! may end.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::digest::thing;
use super::{Detail, Letter};
use crate::Error;
use crate::entity::outbox::{self, Column};
use crate::entity::user;
use crate::error::busy_if_taken;
use crate::tx::Tx;

/// What a person was told on one day.
#[derive(Debug, Clone)]
pub(crate) struct SentNotice {
    /// The last mail of that day.
    pub(crate) at: Timestamp,
    pub(crate) items: Vec<NoticeItem>,
}

/// Notes mails that told people of records that end, one a person and day; says which row stands
/// for which.
pub(crate) async fn note_sent(
    tx: &Tx,
    sent: &BTreeMap<(UserId, String), SentNotice>,
    now: Timestamp,
) -> Result<BTreeMap<(UserId, String), i64>, Error> {
    if sent.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut rows = find(tx, sent).await?;
    let of_them =
        user::Entity::find().filter(user::Column::Id.is_in(sent.keys().map(|(user, _)| user.0)));
    let addresses: Vec<(i64, String)> = of_them
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Email)
        .into_tuple()
        .all(tx.db())
        .await?;
    let addresses: BTreeMap<i64, String> = addresses.into_iter().collect();
    let mut new = Vec::new();
    for ((user, day), notice) in sent.iter().filter(|(key, _)| !rows.contains_key(*key)) {
        let letter = Letter {
            kind: NoticeKind::RecordExpiring.as_str(),
            thing: thing(*user),
            to: *user,
            recipient: addresses.get(&user.0).cloned().unwrap_or_default(),
            detail: Detail::of(&notice.items),
            day: day.clone(),
            due_at: notice.at,
        };
        let row = letter.row(tx, notice.at.min(now))?;
        new.push(outbox::ActiveModel {
            state: Set("sent".to_owned()),
            sent_at: Set(Some(notice.at.as_millis())),
            ..row
        });
    }
    if !new.is_empty() {
        outbox::Entity::insert_many(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_taken)?;
        rows = find(tx, sent).await?;
    }
    Ok(rows)
}

async fn find(
    tx: &Tx,
    sent: &BTreeMap<(UserId, String), SentNotice>,
) -> Result<BTreeMap<(UserId, String), i64>, Error> {
    let look = outbox::Entity::find()
        .filter(Column::Kind.eq(NoticeKind::RecordExpiring.as_str()))
        .filter(Column::Thing.is_in(sent.keys().map(|(user, _)| thing(*user))))
        .filter(Column::Day.is_in(sent.keys().map(|(_, day)| day.as_str())))
        .select_only()
        .column(Column::UserId)
        .column(Column::Day)
        .column(Column::Id);
    let found: Vec<(Option<i64>, String, i64)> = look.into_tuple().all(tx.db()).await?;
    Ok(found
        .into_iter()
        .filter_map(|(user, day, id)| Some(((UserId(user?), day), id)))
        .collect())
}
