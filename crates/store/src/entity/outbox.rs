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

/// [`NoticeKind`] as it is stored; the domain knows no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(64))")]
pub(crate) enum Kind {
    #[sea_orm(string_value = "record_expiring")]
    RecordExpiring,
    #[sea_orm(string_value = "record_expired")]
    RecordExpired,
    #[sea_orm(string_value = "certificate_ready")]
    CertificateReady,
    #[sea_orm(string_value = "certificate_failed")]
    CertificateFailed,
    #[sea_orm(string_value = "certificate_expiring")]
    CertificateExpiring,
    #[sea_orm(string_value = "certificate_expired")]
    CertificateExpired,
}

impl From<NoticeKind> for Kind {
    fn from(kind: NoticeKind) -> Self {
        match kind {
            NoticeKind::RecordExpiring => Self::RecordExpiring,
            NoticeKind::RecordExpired => Self::RecordExpired,
            NoticeKind::CertificateReady => Self::CertificateReady,
            NoticeKind::CertificateFailed => Self::CertificateFailed,
            NoticeKind::CertificateExpiring => Self::CertificateExpiring,
            NoticeKind::CertificateExpired => Self::CertificateExpired,
        }
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
    use sea_orm::ActiveEnum as _;

    use super::*;

    #[test]
    fn every_kind_is_stored_as_its_word() {
        for kind in NoticeKind::ALL {
            assert_eq!(Kind::from(kind).to_value(), kind.as_str());
        }
    }
}
