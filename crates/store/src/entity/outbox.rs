//! Mails.

use sea_orm::entity::prelude::*;

/// A mail that is owed, being sent, sent, or refused for good.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) kind: String,
    /// What it is about: `order:7`, `user:3`.
    pub(crate) thing: String,
    pub(crate) day: String,
    pub(crate) user_id: Option<i64>,
    pub(crate) recipient: String,
    /// The items, as JSON.
    pub(crate) detail: String,
    /// Without its angle brackets.
    pub(crate) message_id: String,
    pub(crate) state: String,
    pub(crate) claimed_by: Option<String>,
    pub(crate) claimed_until: Option<i64>,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: i64,
    pub(crate) refusal: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) sent_at: Option<i64>,
    /// Attempts of which nobody knows whether the mail went out.
    pub(crate) unclear: i32,
    pub(crate) failed_at: Option<i64>,
    /// It failed because its address takes no mail and never will.
    pub(crate) refused_address: bool,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
