//! The `import_rows` table.

use sea_orm::entity::prelude::*;

/// The table of the original's database that a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum Kind {
    #[sea_orm(string_value = "user")]
    User,
    #[sea_orm(string_value = "record")]
    Record,
    #[sea_orm(string_value = "certificate")]
    Certificate,
}

/// A row of the original's database that was imported or left out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "import_rows")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) kind: Kind,
    /// The primary key in the original's table.
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) source: String,
    /// The key of the row created for it; none if it was left out.
    pub(crate) target: Option<i64>,
    /// The report's lines about the row, as JSON.
    pub(crate) notes: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
