//! What is left of the certificate authority's rate limits.

use sea_orm::entity::prelude::*;

/// A bucket of the issuance budget (`domain::certificate::budget`).
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "issuance_buckets")]
pub(crate) struct Model {
    /// The limit, with the domain where it counts for one.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
    /// When it is full again, if nothing more is taken.
    pub(crate) full_at: i64,
    /// The time in which it refilled by one when that was counted; settings may change it.
    pub(crate) refill_ms: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
