//! The `users` table.

use sea_orm::entity::prelude::*;

/// A user, or the tombstone that keeps subject and label of a deleted user.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) subject: String,
    pub(crate) username: String,
    pub(crate) display_name: String,
    pub(crate) email: String,
    pub(crate) is_student: bool,
    pub(crate) is_faculty: bool,
    pub(crate) is_admin: bool,
    pub(crate) groups_not_sent: bool,
    pub(crate) label: Option<String>,
    /// Incremented first by every writing transaction, which locks the row.
    pub(crate) lock_version: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) suspended_at: Option<i64>,
    pub(crate) deleted_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
