//! Mails that are owed: rows, until somebody has sent them.
//!
//! # What is promised
//!
//! A mail is owed in the transaction that makes it due, so none is lost and none is sent for what
//! did not happen. It keeps its Message-ID at every attempt. A sender claims the row for a while
//! before it speaks to the mail server and says afterwards what became of it; one that dies gives
//! it back when its time is over. An attempt counts before it is made, and counts as unclear until
//! its outcome is known: after two unclear ones the mail is given up, so that a person gets at most
//! one copy too many.

mod digest;
mod look;
mod moved;
mod sending;
mod told;

use rand::Rng as _;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, PaginatorTrait, QueryFilter, Set};
use serde::{Deserialize, Serialize};
use starchart_domain::notice::{Notice, NoticeItem};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::outbox::{self, Column};
use crate::entity::user;
use crate::error::busy_if_taken;
use crate::tx::Tx;
use crate::{Error, sql};

pub(crate) use digest::{Digest, digest};
pub use look::{FailedMail, MailCounts, purge};
pub(crate) use look::{count_mails, failed, retry_within};
pub(crate) use moved::{SentNotice, note_sent};
pub use sending::{
    ClaimedMail, SendOutcome, claim_next, extend_claim, has_due_mail, record_outcome,
};
pub(crate) use told::item as record_item;

/// Things that one mail lists at most; more are only counted.
const ITEMS: usize = 1_000;
/// Characters of a value that a mail shows; a TXT record may have thousands.
const WHAT: usize = 200;

/// Owes a mail in the caller's transaction, which holds the person's row: one of a kind for a
/// `thing` (`order:7`, `user:3`) and a day of the database's clock; a second changes nothing. It
/// goes to the address that the person has now.
pub(crate) async fn owe(tx: &Tx, to: UserId, thing: &str, notice: &Notice) -> Result<(), Error> {
    let now = tx.now().await?;
    let same = outbox::Entity::find()
        .filter(Column::Kind.eq(notice.kind.as_str()))
        .filter(Column::Thing.eq(thing))
        .filter(Column::Day.eq(now.date()));
    if same.count(tx.db()).await? > 0 {
        return Ok(());
    }
    let person = user::Entity::find_by_id(to.0).one(tx.db()).await?;
    let person =
        person.ok_or_else(|| Error::Corrupt(format!("a mail for user {to}, who has no row")))?;
    let letter = Letter {
        kind: notice.kind.as_str(),
        thing: thing.to_owned(),
        to,
        recipient: person.email,
        detail: Detail::of(&notice.items),
        day: now.date(),
        due_at: now,
    };
    let row = letter.row(tx, now)?;
    outbox::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_taken)?;
    Ok(())
}

/// A mail before it has a row.
struct Letter {
    kind: &'static str,
    thing: String,
    to: UserId,
    recipient: String,
    detail: Detail,
    day: String,
    due_at: Timestamp,
}

impl Letter {
    fn row(self, tx: &Tx, now: Timestamp) -> Result<outbox::ActiveModel, Error> {
        Ok(outbox::ActiveModel {
            id: NotSet,
            kind: Set(self.kind.to_owned()),
            thing: Set(self.thing),
            day: Set(self.day),
            user_id: Set(Some(self.to.0)),
            recipient: Set(self.recipient),
            detail: Set(self.detail.write()?),
            message_id: Set(message_id(tx.store().message_host())),
            state: Set("owed".to_owned()),
            claimed_by: Set(None),
            claimed_until: Set(None),
            attempts: Set(0),
            next_attempt_at: Set(self.due_at.as_millis()),
            refusal: Set(None),
            created_at: Set(now.as_millis()),
            sent_at: Set(None),
            unclear: Set(0),
            failed_at: Set(None),
            refused_address: Set(false),
        })
    }
}

/// A new Message-ID without its angle brackets (RFC 5322 section 3.6.4).
fn message_id(host: &str) -> String {
    let random: u128 = rand::rng().random();
    format!("{random:032x}@{}", sql::cut(host, 150))
}

/// What a mail is about, as it is stored. The domain knows no JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Detail {
    items: Vec<Item>,
    /// Items beyond [`ITEMS`], counted and not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    more: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Item {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Detail {
    fn of(items: &[NoticeItem]) -> Self {
        let mut detail = Self::default();
        detail.add(items);
        detail
    }

    fn add(&mut self, items: &[NoticeItem]) {
        let room = ITEMS.saturating_sub(self.items.len());
        self.items.extend(items.iter().take(room).map(Item::of));
        let left_out = u32::try_from(items.len().saturating_sub(room)).unwrap_or(u32::MAX);
        self.more = self.more.saturating_add(left_out);
    }

    fn read(text: &str, id: i64) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|_| Error::Corrupt(format!("detail of mail {id}")))
    }

    fn write(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|fault| Error::Fault(Box::new(fault)))
    }

    fn into_items(self) -> Vec<NoticeItem> {
        let item = |item: Item| NoticeItem {
            name: item.name,
            what: item.what,
            on: item.on,
            reason: item.reason,
        };
        self.items.into_iter().map(item).collect()
    }
}

impl Item {
    fn of(item: &NoticeItem) -> Self {
        Self {
            name: item.name.clone(),
            what: item.what.as_deref().map(shorten),
            on: item.on.clone(),
            reason: item.reason.clone(),
        }
    }
}

/// The beginning of a long value.
fn shorten(value: &str) -> String {
    let short = sql::cut(value, WHAT);
    if short.len() < value.len() {
        format!("{short}…")
    } else {
        short
    }
}
