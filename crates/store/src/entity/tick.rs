//! The `ticks` table.

use sea_orm::entity::prelude::*;

/// The claim of a job for one period: the process that inserts the row runs it.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ticks")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) job: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) slot: i64,
    pub(crate) at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
