//! The `token_usage` table.

use sea_orm::entity::prelude::*;

/// The requests of a token by one protocol in ten minutes.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "token_usage")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) token_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) protocol: String,
    /// When the ten minutes begin.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) slot: i64,
    /// All of them, whatever they came to.
    pub(crate) requests: i64,
    /// Those that were not allowed: 401 and 403.
    pub(crate) refused: i64,
    /// Those that were too many: 429.
    pub(crate) throttled: i64,
    /// Those with another fault of the client: all other 4xx.
    pub(crate) faulty: i64,
    /// Those that failed here: 5xx.
    pub(crate) failed: i64,
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
