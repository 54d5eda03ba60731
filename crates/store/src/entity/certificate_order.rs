//! Orders at the certificate authority.

use sea_orm::entity::prelude::*;
use starchart_domain::certificate::OrderStep;

/// [`OrderStep`] as it is stored; the domain knows no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))")]
pub(crate) enum Step {
    #[sea_orm(string_value = "requested")]
    Requested,
    #[sea_orm(string_value = "ordered")]
    Ordered,
    #[sea_orm(string_value = "publishing")]
    Publishing,
    #[sea_orm(string_value = "validating")]
    Validating,
    #[sea_orm(string_value = "key_saved")]
    KeySaved,
    #[sea_orm(string_value = "finalizing")]
    Finalizing,
    #[sea_orm(string_value = "issued")]
    Issued,
    #[sea_orm(string_value = "failed")]
    Failed,
    #[sea_orm(string_value = "abandoned")]
    Abandoned,
}

impl From<OrderStep> for Step {
    fn from(step: OrderStep) -> Self {
        match step {
            OrderStep::Requested => Self::Requested,
            OrderStep::Ordered => Self::Ordered,
            OrderStep::Publishing => Self::Publishing,
            OrderStep::Validating => Self::Validating,
            OrderStep::KeySaved => Self::KeySaved,
            OrderStep::Finalizing => Self::Finalizing,
            OrderStep::Issued => Self::Issued,
            OrderStep::Failed => Self::Failed,
            OrderStep::Abandoned => Self::Abandoned,
        }
    }
}

impl From<Step> for OrderStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Requested => Self::Requested,
            Step::Ordered => Self::Ordered,
            Step::Publishing => Self::Publishing,
            Step::Validating => Self::Validating,
            Step::KeySaved => Self::KeySaved,
            Step::Finalizing => Self::Finalizing,
            Step::Issued => Self::Issued,
            Step::Failed => Self::Failed,
            Step::Abandoned => Self::Abandoned,
        }
    }
}

/// The computed column that holds `user_id` while the order is pending. It is in no model, so
/// that nothing writes it.
pub(crate) const PENDING_SLOT: &str = "pending_slot";

/// An order: a job that any process can resume after any step.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificate_orders")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) domain: String,
    pub(crate) step: Step,
    /// The order's URL at the authority.
    pub(crate) order_url: Option<String>,
    /// The ACME account of that order.
    pub(crate) account: Option<String>,
    /// Whether the authority accepted it as the replacement of a certificate (RFC 9773).
    pub(crate) is_replacement: bool,
    pub(crate) key_id: Option<String>,
    pub(crate) key_nonce: Option<Vec<u8>>,
    pub(crate) key_ciphertext: Option<Vec<u8>>,
    /// The certificate signing request, DER.
    pub(crate) csr: Option<Vec<u8>>,
    /// When the issuance budget had something for it; `None` while it waits for its turn.
    pub(crate) turn_at: Option<i64>,
    /// In how many milliseconds the certificate for new names that it took comes back; 0 for none.
    pub(crate) counted_ms: i64,
    /// The certificate that it renews.
    pub(crate) replaces_id: Option<i64>,
    /// The certificate that came of it.
    pub(crate) certificate_id: Option<i64>,
    /// How often the present step was begun; counted before it runs, so that a step that kills its
    /// process is not repeated for ever.
    pub(crate) starts: i32,
    pub(crate) next_step_at: i64,
    pub(crate) claimed_by: Option<String>,
    pub(crate) claimed_until: Option<i64>,
    /// Grows with every claim; a write with an older fence changes nothing.
    pub(crate) fence: i64,
    /// Why it waits or failed, for its owner.
    pub(crate) problem: Option<String>,
    /// When the authority is asked again, for its owner.
    pub(crate) retry_at: Option<i64>,
    pub(crate) dns_not_checked: bool,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) finished_at: Option<i64>,
    /// Whether the renewal sweep opened it.
    pub(crate) automatic: bool,
    /// Consecutive failures of the authority, for growing waits.
    pub(crate) failures: i32,
    /// Orders opened at the authority for it, since each may end there.
    pub(crate) openings: i32,
    /// The latest time until which the authority asked us to wait; it extends the deadline.
    pub(crate) ca_wait_until: Option<i64>,
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
    fn every_step_is_stored_as_its_word() {
        for &step in OrderStep::ALL {
            assert_eq!(Step::from(step).to_value(), step.as_str());
            assert_eq!(OrderStep::from(Step::from(step)), step);
        }
    }
}
