//! Leases.

use sea_orm::entity::prelude::*;

use crate::lease::LeaseName;

/// The newest holder of a lease, whether or not its time has run out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: LeaseName,
    pub(crate) holder: String,
    /// Grows by one with every new holder.
    pub(crate) fence: i64,
    pub(crate) expires_at: i64,
    /// When the holder acquired the lease; renewals do not change it.
    pub(crate) taken_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
