//! The last audit of the zone.

use sea_orm::entity::prelude::*;

/// How an audit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum AuditOutcome {
    /// The zone is as rows want, but for names in flight.
    #[sea_orm(string_value = "clean")]
    Clean,
    /// Drift was marked for publish.
    #[sea_orm(string_value = "repaired")]
    Repaired,
    /// Nothing was done: the plan needs an operator's approval.
    #[sea_orm(string_value = "needs_approval")]
    NeedsApproval,
    /// Nothing was done, because publishing is paused.
    #[sea_orm(string_value = "paused")]
    Paused,
    /// An operator approved the plan.
    #[sea_orm(string_value = "approved")]
    Approved,
}

impl AuditOutcome {
    /// The outcome as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Repaired => "repaired",
            Self::NeedsApproval => "needs_approval",
            Self::Paused => "paused",
            Self::Approved => "approved",
        }
    }
}

/// One row, whose id is [`ID`]. `at` is null until an audit has completed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "zone_audits")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i32,
    pub(crate) at: Option<i64>,
    pub(crate) outcome: Option<AuditOutcome>,
    pub(crate) plan_hash: Option<String>,
    pub(crate) listed: i64,
    pub(crate) owned: i64,
    pub(crate) creates: i64,
    pub(crate) deletes: i64,
    pub(crate) replaces: i64,
    pub(crate) unclaimed: i64,
    pub(crate) foreign_sets: i64,
    pub(crate) orphans: i64,
    pub(crate) repaired: i64,
    pub(crate) repaired_total: i64,
    pub(crate) needing_approval_total: i64,
    pub(crate) needs_approval_since: Option<i64>,
    pub(crate) approval_reason: Option<String>,
    /// Why the last audit failed; null when it completed.
    pub(crate) problem: Option<String>,
    pub(crate) problem_at: Option<i64>,
}

/// The id of the one row.
pub(crate) const ID: i32 = 1;

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
