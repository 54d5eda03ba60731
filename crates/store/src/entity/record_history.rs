//! What records were.

use sea_orm::entity::prelude::*;

/// A record as it was until `archived_at`: added and never changed.
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
    /// What the person wrote.
    pub(crate) input: String,
    /// The value as Route53 gets it.
    pub(crate) presentation: String,
    pub(crate) preference: Option<i32>,
    pub(crate) ttl: i64,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) notified_at: Option<i64>,
    /// Why it came here: edit, delete, expiry.
    pub(crate) reason: String,
    /// Who did it, when it was not the owner.
    pub(crate) actor_id: Option<i64>,
    pub(crate) archived_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
