//! Values that users' own ACME clients write.

use sea_orm::entity::prelude::*;

use super::class::Class;

/// A value of the TXT RRset at an `_acme-challenge` name, which no order of ours has.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_challenges")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) fqdn: String,
    /// Part of the key to the name, so that no CNAME joins it.
    pub(crate) class: Class,
    pub(crate) value: String,
    /// Whether it goes when newer values follow, because its client removes none.
    pub(crate) is_rolling: bool,
    pub(crate) created_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
