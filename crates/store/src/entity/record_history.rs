//! The `record_history` table.

use sea_orm::entity::prelude::*;

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum HistoryAction {
    /// The record was created.
    #[sea_orm(string_value = "create")]
    Create,
    /// It was created again after its end, with its former id.
    #[sea_orm(string_value = "restore")]
    Restore,
    /// Its name, value, TTL or notes were changed, and it was renewed; or its RRset's TTL was
    /// changed through another record.
    #[sea_orm(string_value = "edit")]
    Edit,
    /// The record was renewed.
    #[sea_orm(string_value = "renew")]
    Renew,
    /// A user deleted it.
    #[sea_orm(string_value = "delete")]
    Delete,
    /// The record had expired.
    #[sea_orm(string_value = "expiry")]
    Expiry,
    /// An admin deleted its owner.
    #[sea_orm(string_value = "user-deleted")]
    UserDeleted,
}

impl HistoryAction {
    /// Whether the change made the version in its row; every other change ended it.
    pub fn is_beginning(self) -> bool {
        matches!(self, Self::Create | Self::Restore)
    }

    /// Whether the record was gone afterwards.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Delete | Self::Expiry | Self::UserDeleted)
    }
}

/// A change of a record, with the version that it made or ended. Append-only.
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
    pub(crate) expires_at: i64,
    pub(crate) action: HistoryAction,
    /// The user who did it, if not the owner.
    pub(crate) actor_id: Option<i64>,
    /// Name and prefix of the API token by which it was done.
    pub(crate) token: Option<String>,
    /// The request that made the change; empty for none.
    pub(crate) request_id: String,
    pub(crate) at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
