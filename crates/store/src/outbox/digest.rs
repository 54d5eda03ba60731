//! Digests: one mail of a kind to a person and day, however many things it is about.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use starchart_domain::notice::{NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::{Detail, Letter};
use crate::Error;
use crate::entity::outbox::{self, Column};
use crate::entity::user;
use crate::error::busy_if_taken;
use crate::tx::Tx;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A digest waits this long for more of the same run, in milliseconds.
const GATHER_MS: i64 = 5_000;

/// What each person is to be told.
pub(crate) type Digest = BTreeMap<UserId, Vec<NoticeItem>>;

/// Owes each person one mail about all items, in the caller's transaction, which holds the people's
/// rows; says in which mail of theirs the items are.
///
/// They join the person's mail of this kind that waits to be sent. Where there is none, and one
/// went out today or is being sent this moment, they make up the next day's: nothing is lost, and
/// no two mails of a kind come on one day.
pub(crate) async fn digest(
    tx: &Tx,
    kind: NoticeKind,
    people: &Digest,
    now: Timestamp,
) -> Result<BTreeMap<UserId, i64>, Error> {
    if people.is_empty() {
        return Ok(BTreeMap::new());
    }
    let addresses = addresses(tx, people).await?;
    let latest = latest(tx, kind, people).await?;
    let mut mails = BTreeMap::new();
    let mut letters = Vec::new();
    for (user, items) in people {
        match latest.get(user) {
            // An attempt that may have succeeded has said what it says.
            Some(row) if row.state == "owed" && row.unclear == 0 => {
                append(tx, row, items, now).await?;
                mails.insert(*user, row.id);
            }
            row => {
                let (day, due_at) = free_day(row, now);
                let recipient = addresses.get(user).cloned().unwrap_or_default();
                let detail = Detail::of(items);
                letters.push(Letter {
                    kind: kind.as_str(),
                    thing: thing(*user),
                    to: *user,
                    recipient,
                    detail,
                    day,
                    due_at,
                });
            }
        }
    }
    mails.extend(post(tx, letters, now).await?);
    Ok(mails)
}

/// What a digest is filed under.
pub(super) fn thing(user: UserId) -> String {
    format!("user:{user}")
}

async fn addresses(tx: &Tx, people: &Digest) -> Result<BTreeMap<UserId, String>, Error> {
    let of_them =
        user::Entity::find().filter(user::Column::Id.is_in(people.keys().map(|user| user.0)));
    let found: Vec<(i64, String)> = of_them
        .select_only()
        .column(user::Column::Id)
        .column(user::Column::Email)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(found
        .into_iter()
        .map(|(id, email)| (UserId(id), email))
        .collect())
}

/// Each person's newest mail of this kind.
async fn latest(
    tx: &Tx,
    kind: NoticeKind,
    people: &Digest,
) -> Result<BTreeMap<UserId, outbox::Model>, Error> {
    let things = people.keys().map(|user| thing(*user));
    let of_them = outbox::Entity::find()
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::Thing.is_in(things));
    let rows = of_them.order_by_asc(Column::Day).all(tx.db()).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((UserId(row.user_id?), row)))
        .collect())
}

/// Adds items to a mail that waits. Somebody who claims it this moment waits for the lock, or has
/// it: then the whole transaction is run again.
async fn append(
    tx: &Tx,
    row: &outbox::Model,
    items: &[NoticeItem],
    now: Timestamp,
) -> Result<(), Error> {
    let mut detail = Detail::read(&row.detail, row.id)?;
    detail.add(items);
    let change = outbox::Entity::update_many()
        .col_expr(Column::Detail, Expr::value(detail.write()?))
        .col_expr(
            Column::NextAttemptAt,
            Expr::value(row.next_attempt_at.max(now.plus(GATHER_MS).as_millis())),
        )
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq("owed"))
        .filter(Column::Attempts.eq(row.attempts));
    match change.exec(tx.db()).await?.rows_affected {
        1 => Ok(()),
        _ => Err(Error::Busy(format!("mail {} is being sent", row.id).into())),
    }
}

/// The first day on which the person gets no mail of this kind yet, and when it may go.
fn free_day(newest: Option<&outbox::Model>, now: Timestamp) -> (String, Timestamp) {
    let today = now.as_millis().div_euclid(DAY_MS);
    let start = |day: i64| Timestamp::from_millis(day.saturating_mul(DAY_MS));
    let Some(newest) = newest else {
        return (now.date(), now.plus(GATHER_MS));
    };
    let sent_on = match (newest.sent_at, newest.state.as_str()) {
        (Some(at), _) => Timestamp::from_millis(at).date(),
        (None, "sending" | "owed") => now.date(),
        _ => String::new(),
    };
    let taken = newest.day.clone().max(sent_on);
    // At most a step or two: the newest is of tomorrow at the latest, unless the clock was set
    // back.
    let day = (today..today + 366)
        .find(|day| start(*day).date() > taken)
        .unwrap_or(today);
    (
        start(day).date(),
        if day == today {
            now.plus(GATHER_MS)
        } else {
            start(day)
        },
    )
}

/// Writes new mails; says which row is whose.
async fn post(
    tx: &Tx,
    letters: Vec<Letter>,
    now: Timestamp,
) -> Result<BTreeMap<UserId, i64>, Error> {
    if letters.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = letters
        .into_iter()
        .map(|letter| letter.row(tx, now))
        .collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = rows
        .iter()
        .map(|row| row.message_id.clone().take().unwrap_or_default())
        .collect();
    outbox::Entity::insert_many(rows)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_taken)?;
    let written = outbox::Entity::find()
        .filter(Column::MessageId.is_in(ids))
        .select_only();
    let written: Vec<(Option<i64>, i64)> = written
        .column(Column::UserId)
        .column(Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(written
        .into_iter()
        .filter_map(|(user, id)| Some((UserId(user?), id)))
        .collect())
}
