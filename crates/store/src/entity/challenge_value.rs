//! Values of pending ACME authorizations.

use sea_orm::entity::prelude::*;

use super::class::Class;

/// A value of the TXT RRset at an `_acme-challenge` name (RFC 8555 section 8.4).
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenge_values")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) fqdn: String,
    /// Part of the key to the name, so that no CNAME joins it.
    pub(crate) class: Class,
    pub(crate) order_id: i64,
    pub(crate) value: String,
    pub(crate) created_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::certificate_order::Entity",
        from = "Column::OrderId",
        to = "super::certificate_order::Column::Id"
    )]
    Order,
}

impl Related<super::certificate_order::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Order.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
