//! RRsets under users' labels that no row explains and that Starchart did not make.

use sea_orm::entity::prelude::*;

/// An orphan as the last audit saw it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "zone_orphans")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) fqdn: String,
    #[sea_orm(primary_key, auto_increment = false, column_name = "type")]
    pub(crate) rtype: String,
    /// Its values, or the target of an alias.
    pub(crate) target: String,
    pub(crate) first_seen_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
