//! The `tokens` table.

use sea_orm::entity::prelude::*;

/// An API token of a user, found by the first characters of its secret.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) name: String,
    pub(crate) prefix: String,
    /// The SHA-256 of the secret.
    pub(crate) hash: Vec<u8>,
    /// The rights as JSON.
    pub(crate) rights: String,
    /// The networks as they are typed; empty for every address.
    pub(crate) networks: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) idle_ms: Option<i64>,
    pub(crate) last_used_at: Option<i64>,
    pub(crate) last_used_from: Option<String>,
    /// The `User-Agent` of the client.
    pub(crate) last_used_by: Option<String>,
    pub(crate) ended_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::UserId",
        to = "super::user::Column::Id"
    )]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
