//! Mails that are pending: rows, until the mail server has them.
//!
//! # What is promised
//!
//! A mail is queued in the transaction that makes it due, so none is lost and none is sent for what
//! did not happen. It keeps its Message-ID at every attempt. A sender claims the row for a while
//! before it speaks to the mail server and records the outcome afterwards; the claim of one that
//! dies expires. An attempt counts before it is made, and its outcome counts as unknown until it is
//! recorded: after two unknown outcomes the mail is given up, so that a user gets at most one copy
//! too many.

mod admin;
mod digest;
mod items;
mod sending;

use rand::Rng as _;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, SelectExt, Set};
use serde::{Deserialize, Serialize};
use starchart_domain::notice::{Notice, NoticeItem};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use crate::entity::outbox::{self, Column, Kind, State};
use crate::entity::user;
use crate::error::busy_if_duplicate;
use crate::tx::Tx;
use crate::{Error, sql};

pub use admin::{FailedMail, MailCounts, purge};
pub(crate) use admin::{count_mails, list_failed, retry};
pub(crate) use digest::{Digest, find_addresses, queue_digests, user_topic};
pub(crate) use items::record_item;
pub use sending::{
    ClaimedMail, SendOutcome, claim_next, extend_claim, has_due_mail, record_outcome,
};

/// Items that one mail lists at most; more are only counted.
const MAX_ITEMS: usize = 1_000;
/// Characters of a value that a mail shows; a TXT record may have thousands.
const MAX_VALUE_LENGTH: usize = 200;

/// Queues a mail in the caller's transaction, which holds the user's row: one of a kind for a
/// `topic` (`order:7`, `user:3`) and a day of the database's clock; a second changes nothing. It
/// goes to the address that the user has now.
pub(crate) async fn queue_mail(
    tx: &Tx,
    to: UserId,
    topic: &str,
    notice: &Notice,
) -> Result<(), Error> {
    let now = tx.now().await?;
    let same = outbox::Entity::find()
        .filter(Column::Kind.eq(Kind(notice.kind)))
        .filter(Column::Topic.eq(topic))
        .filter(Column::Day.eq(now.date()));
    if same.exists(tx.db()).await? {
        return Ok(());
    }
    let user = user::Entity::find_by_id(to.0)
        .one(tx.db())
        .await?
        .ok_or_else(|| Error::Corrupt(format!("a mail for user {to}, who has no row")))?;
    let mail = NewMail {
        kind: Kind(notice.kind),
        topic: topic.to_owned(),
        to,
        recipient: user.email,
        detail: Detail::new(&notice.items),
        day: now.date(),
        due_at: now,
    };
    outbox::Entity::insert(mail.row(tx, now)?)
        .exec_without_returning(tx.db())
        .await
        .map_err(busy_if_duplicate)?;
    Ok(())
}

/// A mail before it has a row.
pub(crate) struct NewMail {
    pub(crate) kind: Kind,
    pub(crate) topic: String,
    pub(crate) to: UserId,
    pub(crate) recipient: String,
    pub(crate) detail: Detail,
    pub(crate) day: String,
    pub(crate) due_at: Timestamp,
}

impl NewMail {
    pub(crate) fn row(self, tx: &Tx, now: Timestamp) -> Result<outbox::ActiveModel, Error> {
        Ok(outbox::ActiveModel {
            id: NotSet,
            kind: Set(self.kind),
            topic: Set(self.topic),
            day: Set(self.day),
            user_id: Set(Some(self.to.0)),
            recipient: Set(self.recipient),
            detail: Set(self.detail.to_json()?),
            message_id: Set(message_id(tx.store().message_host())),
            state: Set(State::Pending),
            claimed_by: Set(None),
            claimed_until: Set(None),
            attempts: Set(0),
            next_attempt_at: Set(self.due_at.as_millis()),
            refusal: Set(None),
            created_at: Set(now.as_millis()),
            sent_at: Set(None),
            unknown_outcomes: Set(0),
            failed_at: Set(None),
            address_rejected: Set(false),
        })
    }
}

/// A new Message-ID without its angle brackets (RFC 5322 section 3.6.4).
fn message_id(host: &str) -> String {
    let random: u128 = rand::rng().random();
    format!("{random:032x}@{}", sql::cut(host, 150))
}

/// The items of a mail as they are stored, as JSON. The domain's types know no JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detail {
    items: Vec<Item>,
    /// Items beyond [`MAX_ITEMS`], counted and not listed.
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
    pub(crate) fn new(items: &[NoticeItem]) -> Self {
        let mut detail = Self::default();
        detail.add(items);
        detail
    }

    fn add(&mut self, items: &[NoticeItem]) {
        let room = MAX_ITEMS.saturating_sub(self.items.len());
        self.items.extend(items.iter().take(room).map(Item::new));
        let left_out = u32::try_from(items.len().saturating_sub(room)).unwrap_or(u32::MAX);
        self.more = self.more.saturating_add(left_out);
    }

    /// Parses the `detail` of the mail with this id.
    fn parse(json: &str, id: i64) -> Result<Self, Error> {
        serde_json::from_str(json).map_err(|_| Error::Corrupt(format!("detail of mail {id}")))
    }

    fn to_json(&self) -> Result<String, Error> {
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
    fn new(item: &NoticeItem) -> Self {
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
    let short = sql::cut(value, MAX_VALUE_LENGTH);
    if short.len() < value.len() {
        format!("{short}…")
    } else {
        short
    }
}
