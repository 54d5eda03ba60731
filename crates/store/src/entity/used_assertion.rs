//! The `used_assertions` table.

use sea_orm::entity::prelude::*;

/// The SHA-256 of the ID of an accepted assertion, until the assertion expires.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "used_assertions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id_hash: Vec<u8>,
    pub(crate) expires_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
