//! Mails.

use sea_orm::entity::prelude::*;
use starchart_domain::notice::NoticeKind;

/// How far a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub(crate) enum State {
    /// Is due at `next_attempt_at`.
    #[sea_orm(string_value = "pending")]
    Pending,
    /// A sender has it until `claimed_until`.
    #[sea_orm(string_value = "sending")]
    Sending,
    /// Taken by the mail server.
    #[sea_orm(string_value = "sent")]
    Sent,
    /// Rejected for good, or given up.
    #[sea_orm(string_value = "failed")]
    Failed,
}

/// A [`NoticeKind`], stored as its word; the domain knows no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DeriveValueType)]
#[sea_orm(
    value_type = "String",
    column_type = "String(StringLen::N(64))",
    from_str = "Kind::parse",
    to_str = "Kind::as_str"
)]
pub(crate) struct Kind(pub(crate) NoticeKind);

impl Kind {
    fn parse(text: &str) -> Result<Self, DbErr> {
        let unknown = || DbErr::Type(format!("unknown kind of mail: {text}"));
        NoticeKind::parse(text).map(Self).ok_or_else(unknown)
    }

    fn as_str(&self) -> &'static str {
        self.0.as_str()
    }
}

/// A mail and its delivery.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) kind: Kind,
    /// What it is about: `order:7`, `user:3`.
    pub(crate) topic: String,
    /// `YYYY-MM-DD`, UTC. Kind, topic and day are unique together.
    pub(crate) day: String,
    pub(crate) user_id: Option<i64>,
    pub(crate) recipient: String,
    /// The items, as JSON.
    pub(crate) detail: String,
    /// Without its angle brackets.
    pub(crate) message_id: String,
    pub(crate) state: State,
    pub(crate) claimed_by: Option<String>,
    pub(crate) claimed_until: Option<i64>,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: i64,
    /// What the mail server said last.
    pub(crate) refusal: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) sent_at: Option<i64>,
    /// Attempts after which it is unknown whether the mail server has the mail: incremented before
    /// each attempt, decremented when its outcome is known.
    pub(crate) unknown_outcomes: i32,
    pub(crate) failed_at: Option<i64>,
    /// Whether it failed because its address takes no mail and never will.
    pub(crate) address_rejected: bool,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::UserId",
        to = "super::user::Column::Id"
    )]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

#[cfg(test)]
mod tests {
    use sea_orm::Value;

    use super::*;

    #[test]
    fn every_kind_is_stored_as_its_word() {
        for &kind in NoticeKind::ALL {
            assert_eq!(Value::from(Kind(kind)), kind.as_str().into());
            assert_eq!(Kind::parse(kind.as_str()).ok(), Some(Kind(kind)));
        }
        assert!(Kind::parse("unknown").is_err());
    }
}
