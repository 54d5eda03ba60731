//! Digests: one mail of a kind per user and day, with all its items.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::{Detail, NewMail};
use crate::Error;
use crate::entity::outbox::{self, Column, Kind, State};
use crate::entity::user;
use crate::error::busy_if_duplicate;
use crate::tx::Tx;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A digest waits this long for more items of the same run, in milliseconds.
const GATHER_MS: i64 = 5_000;

/// The items for each user.
pub(crate) type Digest = BTreeMap<UserId, Vec<NoticeItem>>;

/// Queues for each user one mail about all items, in the caller's transaction, which holds the
/// users' rows. Returns the id of each user's mail.
///
/// The items join the user's pending mail of this kind. Where there is none, and one was sent today
/// or is being sent, they make up the next day's mail: nothing is lost, and no two mails of a kind
/// are sent on one day.
pub(crate) async fn queue_digests(
    tx: &Tx,
    kind: NoticeKind,
    digest: &Digest,
    now: Timestamp,
) -> Result<BTreeMap<UserId, i64>, Error> {
    if digest.is_empty() {
        return Ok(BTreeMap::new());
    }
    let kind = Kind(kind);
    let addresses = find_addresses(tx, digest.keys().copied()).await?;
    let latest = find_latest(tx, kind, digest).await?;
    let mut ids = BTreeMap::new();
    let mut new = Vec::new();
    for (user, items) in digest {
        match latest.get(user) {
            // A mail that may have been taken keeps its text.
            Some(row) if row.state == State::Pending && row.unknown_outcomes == 0 => {
                append(tx, row, items, now).await?;
                ids.insert(*user, row.id);
            }
            row => {
                let (day, due_at) = next_free_day(row, now);
                new.push(NewMail {
                    kind,
                    topic: user_topic(*user),
                    to: *user,
                    recipient: addresses.get(user).cloned().unwrap_or_default(),
                    detail: Detail::new(items),
                    day,
                    due_at,
                });
            }
        }
    }
    ids.extend(insert(tx, new, now).await?);
    Ok(ids)
}

/// The topic of a digest.
pub(crate) fn user_topic(user: UserId) -> String {
    format!("user:{user}")
}

/// Finds the addresses of these users.
pub(crate) async fn find_addresses(
    tx: &Tx,
    users: impl Iterator<Item = UserId>,
) -> Result<BTreeMap<UserId, String>, Error> {
    let rows: Vec<(i64, String)> = user::Entity::find()
        .filter(user::Column::Id.is_in(users.map(|user| user.0)))
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Email)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, email)| (UserId(id), email))
        .collect())
}

/// Finds each user's newest mail of this kind.
async fn find_latest(
    tx: &Tx,
    kind: Kind,
    digest: &Digest,
) -> Result<BTreeMap<UserId, outbox::Model>, Error> {
    let topics = digest.keys().map(|user| user_topic(*user));
    let rows = outbox::Entity::find()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Topic.is_in(topics))
        .order_by_asc(Column::Day)
        .all(tx.db())
        .await?;
    // A later row replaces an earlier one.
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((UserId(row.user_id?), row)))
        .collect())
}

/// Adds items to a pending mail. A sender may have claimed it since it was read; then the whole
/// transaction is run again.
async fn append(
    tx: &Tx,
    row: &outbox::Model,
    items: &[NoticeItem],
    now: Timestamp,
) -> Result<(), Error> {
    let mut detail = Detail::parse(&row.detail, row.id)?;
    detail.add(items);
    let gathered_at = now.plus(GATHER_MS).as_millis();
    let appended = outbox::Entity::update_many()
        .set(outbox::ActiveModel {
            detail: Set(detail.to_json()?),
            next_attempt_at: Set(row.next_attempt_at.max(gathered_at)),
            ..Default::default()
        })
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq(State::Pending))
        .filter(Column::Attempts.eq(row.attempts))
        .exec(tx.db())
        .await?;
    match appended.rows_affected {
        1 => Ok(()),
        _ => Err(Error::Busy(format!("mail {} is being sent", row.id).into())),
    }
}

/// The first day without a mail of this kind, and when a mail of that day may be sent.
fn next_free_day(newest: Option<&outbox::Model>, now: Timestamp) -> (String, Timestamp) {
    let today = now.as_millis().div_euclid(DAY_MS);
    let start = |day: i64| Timestamp::from_millis(day.saturating_mul(DAY_MS));
    let Some(newest) = newest else {
        return (now.date(), now.plus(GATHER_MS));
    };
    let sent_on = match (newest.sent_at, newest.state) {
        (Some(at), _) => Timestamp::from_millis(at).date(),
        (None, State::Sending | State::Pending) => now.date(),
        (None, State::Sent | State::Failed) => String::new(),
    };
    let taken = newest.day.clone().max(sent_on);
    // One or two steps: the newest is of tomorrow at the latest, unless the clock was set back.
    let day = (today..today + 366)
        .find(|day| start(*day).date() > taken)
        .unwrap_or(today);
    let due_at = if day == today {
        now.plus(GATHER_MS)
    } else {
        start(day)
    };
    (start(day).date(), due_at)
}

/// Inserts mails and returns the id of each user's.
async fn insert(
    tx: &Tx,
    mails: Vec<NewMail>,
    now: Timestamp,
) -> Result<BTreeMap<UserId, i64>, Error> {
    if mails.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = mails
        .into_iter()
        .map(|mail| mail.row(tx, now))
        .collect::<Result<Vec<_>, _>>()?;
    let message_ids: Vec<String> = rows
        .iter()
        .map(|row| row.message_id.clone().take().unwrap_or_default())
        .collect();
    outbox::Entity::insert_many(rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    let inserted: Vec<(Option<i64>, i64)> = outbox::Entity::find()
        .filter(Column::MessageId.is_in(message_ids))
        .select_only()
        .column(Column::UserId)
        .column(Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(inserted
        .into_iter()
        .filter_map(|(user, id)| Some((UserId(user?), id)))
        .collect())
}
