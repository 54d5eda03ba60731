//! The pause of publishing.

use sea_orm::entity::prelude::*;

/// What made a pause, where that decides how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum PauseKind {
    /// A wipe: the audit ends the pause where the zone holds nothing.
    #[sea_orm(string_value = "wiped")]
    Wiped,
}

/// One row, whose id is [`ID`].
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "zone_control")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i32,
    pub(crate) paused_at: Option<i64>,
    pub(crate) paused_reason: Option<String>,
    pub(crate) paused_kind: Option<PauseKind>,
}

/// The id of the one row.
pub(crate) const ID: i32 = 1;

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
