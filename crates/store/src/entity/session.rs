//! The `sessions` table.

use sea_orm::entity::prelude::*;

/// A session, found by the SHA-256 of its token. `user_id` is the user who signed in, also during
/// an impersonation.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) token_hash: Vec<u8>,
    pub(crate) user_id: i64,
    pub(crate) created_at: i64,
    pub(crate) last_seen_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) saml_name_id: Option<String>,
    pub(crate) saml_name_id_format: Option<String>,
    pub(crate) saml_name_qualifier: Option<String>,
    pub(crate) saml_sp_name_qualifier: Option<String>,
    pub(crate) saml_sp_provided_id: Option<String>,
    pub(crate) saml_session_index: Option<String>,
    pub(crate) impersonated_id: Option<i64>,
    pub(crate) impersonation_until: Option<i64>,
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
