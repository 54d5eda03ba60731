//! The `lookups` table.

use sea_orm::entity::prelude::*;

/// What the world answered for an RRset.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lookups")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) fqdn: String,
    #[sea_orm(column_name = "type")]
    pub(crate) rtype: String,
    pub(crate) requested_at: i64,
    /// Since when the servers are to be asked; none when they were.
    pub(crate) due_at: Option<i64>,
    pub(crate) asked_at: Option<i64>,
    /// The answers as JSON.
    pub(crate) answers: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
