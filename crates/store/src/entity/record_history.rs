//! The `record_history` table.

use sea_orm::entity::prelude::*;

/// Why a version of a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Reason {
    #[sea_orm(string_value = "edit")]
    Edit,
    #[sea_orm(string_value = "delete")]
    Delete,
    #[sea_orm(string_value = "expiry")]
    Expiry,
    #[sea_orm(string_value = "user-deleted")]
    UserDeleted,
}

/// A version of a record that ended at `archived_at`. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "record_history")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) record_id: i64,
    pub(crate) user_id: i64,
    pub(crate) fqdn: String,
    #[sea_orm(column_name = "type")]
    pub(crate) rtype: String,
    /// The value as typed.
    pub(crate) input: String,
    /// The value in zone-file form.
    pub(crate) presentation: String,
    pub(crate) ttl: i64,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) notified_at: Option<i64>,
    pub(crate) reason: Reason,
    /// The user who did it, if not the owner.
    pub(crate) actor_id: Option<i64>,
    pub(crate) archived_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
