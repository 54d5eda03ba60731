//! The `machines` table.

use sea_orm::entity::prelude::*;

/// A machine that fetches the certificate of its user with an API token.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "machines")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    pub(crate) token_id: i64,
    /// What it calls itself.
    pub(crate) name: String,
    /// The certificate that it fetched last; it may be over.
    pub(crate) certificate_id: i64,
    pub(crate) first_seen_at: i64,
    /// Exact to a minute.
    pub(crate) last_seen_at: i64,
    /// Whether it was seen on two days or more.
    pub(crate) is_regular: bool,
    /// When a mail said that it had stopped, if it was not seen since.
    pub(crate) notified_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::token::Entity",
        from = "Column::TokenId",
        to = "super::token::Column::Id"
    )]
    Token,
}

impl Related<super::token::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Token.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
