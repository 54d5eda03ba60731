//! The `login_results` table.

use sea_orm::entity::prelude::*;

/// A validated identity, until its browser fetches it with the handle.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_results")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) handle_hash: Vec<u8>,
    pub(crate) request_id: String,
    /// JSON of the identity.
    pub(crate) identity: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::login_request::Entity",
        from = "Column::RequestId",
        to = "super::login_request::Column::RequestId"
    )]
    Request,
}

impl Related<super::login_request::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Request.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
