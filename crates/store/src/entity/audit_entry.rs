//! The audit trail.

use sea_orm::entity::prelude::*;

/// An entry: who did what. Rows are added and never changed.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_trail")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) at: i64,
    /// The user who acted; none when no user was signed in.
    pub(crate) actor_id: Option<i64>,
    /// The user whom an admin impersonated.
    pub(crate) on_behalf_of: Option<i64>,
    pub(crate) action: String,
    pub(crate) object: String,
    pub(crate) detail: String,
    pub(crate) request_id: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::ActorId",
        to = "super::user::Column::Id"
    )]
    Actor,
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::OnBehalfOf",
        to = "super::user::Column::Id"
    )]
    OnBehalfOf,
}

impl ActiveModelBehavior for ActiveModel {}
