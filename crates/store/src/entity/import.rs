//! The `imports` table.

use sea_orm::entity::prelude::*;

/// The state of the import from the original's database: one row, or none.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i32,
    pub(crate) started_at: Option<i64>,
    pub(crate) finished_at: Option<i64>,
    /// When an operator chose not to import.
    pub(crate) skipped_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
