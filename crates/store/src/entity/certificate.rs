//! Issued certificates.

use sea_orm::entity::prelude::*;
use starchart_domain::certificate::RevocationReason;

/// What a certificate is to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum State {
    /// In use; at most one per user.
    #[sea_orm(string_value = "active")]
    Active,
    /// A newer certificate took its place.
    #[sea_orm(string_value = "replaced")]
    Replaced,
    /// Deleted by its owner, or together with its owner.
    #[sea_orm(string_value = "deleted")]
    Deleted,
    /// Its `not_after` is past.
    #[sea_orm(string_value = "expired")]
    Expired,
}

/// [`RevocationReason`] as it is stored; the domain knows no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))")]
pub(crate) enum Reason {
    #[sea_orm(string_value = "keyCompromise")]
    KeyCompromise,
    #[sea_orm(string_value = "superseded")]
    Superseded,
    #[sea_orm(string_value = "cessationOfOperation")]
    CessationOfOperation,
}

impl From<RevocationReason> for Reason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::KeyCompromise => Self::KeyCompromise,
            RevocationReason::Superseded => Self::Superseded,
            RevocationReason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

/// The computed column that holds `user_id` while the state is active. It is in no model, so that
/// nothing writes it.
pub(crate) const ACTIVE_SLOT: &str = "active_slot";

/// A certificate. Its private key is sealed (see [`crate::vault`]) and present only while the
/// certificate is active.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificates")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) domain: String,
    pub(crate) state: State,
    /// The certificate of the domain, PEM.
    pub(crate) certificate: String,
    /// The certificates of the intermediates, PEM.
    pub(crate) chain: String,
    pub(crate) key_id: Option<String>,
    pub(crate) key_nonce: Option<Vec<u8>>,
    pub(crate) key_ciphertext: Option<Vec<u8>>,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// When the renewal sweep opens an order, unless a failure makes it wait.
    pub(crate) renew_at: i64,
    /// The earliest time of the next renewal after one that failed.
    pub(crate) next_renewal_at: Option<i64>,
    /// The ACME account that it was issued to; `None` when it was imported.
    pub(crate) account: Option<String>,
    /// When the authority is asked about its renewal; `None` when it is not asked any more.
    pub(crate) ari_check_at: Option<i64>,
    /// When the authority answered last.
    pub(crate) ari_answered_at: Option<i64>,
    /// The window of the last answer.
    pub(crate) ari_window_start: Option<i64>,
    pub(crate) ari_window_end: Option<i64>,
    /// The web page that explains the window.
    pub(crate) ari_explanation_url: Option<String>,
    /// Failed questions since the last answer.
    pub(crate) ari_failures: i32,
    /// Why the last question failed.
    pub(crate) ari_problem: Option<String>,
    pub(crate) created_at: i64,
    /// When it left the active state.
    pub(crate) ended_at: Option<i64>,
    /// Since when its revocation is pending.
    pub(crate) revocation_requested_at: Option<i64>,
    /// Why it is revoked; `None`: its owner needs it no more.
    pub(crate) revocation_reason: Option<Reason>,
    /// The earliest time of the next attempt to revoke it.
    pub(crate) next_revocation_at: Option<i64>,
    pub(crate) revocation_attempts: i32,
    pub(crate) revoked_at: Option<i64>,
    /// When the mail about its approaching end was queued.
    pub(crate) notified_at: Option<i64>,
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
    fn every_reason_is_stored_as_its_word() {
        for &reason in RevocationReason::ALL {
            assert_eq!(Reason::from(reason).to_value(), reason.as_str());
            assert_eq!(RevocationReason::from(Reason::from(reason)), reason);
        }
    }
}
