//! The last audit of the zone.

use sea_orm::entity::prelude::*;

use crate::zone::AuditOutcome;

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
    pub(crate) refused_total: i64,
    pub(crate) refused_since: Option<i64>,
    pub(crate) refused_because: Option<String>,
    /// Why the last audit failed; null when it completed.
    pub(crate) problem: Option<String>,
    pub(crate) problem_at: Option<i64>,
}

/// The id of the one row.
pub(crate) const ID: i32 = 1;

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
