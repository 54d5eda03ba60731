//! The `starchart_wipe` table, which no migration creates and no wipe drops.

use sea_orm::entity::prelude::*;

/// How far a wipe is. An "armed" wipe was begun by hand while a flag could wipe: its row is deleted
/// when the wipe is complete, so that the flag still can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub(crate) enum State {
    /// Tables are being dropped.
    #[sea_orm(string_value = "wiping")]
    Wiping,
    #[sea_orm(string_value = "wiping, armed")]
    WipingArmed,
    /// The new tables exist; publishing may not be paused yet.
    #[sea_orm(string_value = "made")]
    Made,
    #[sea_orm(string_value = "made, armed")]
    MadeArmed,
    /// The wipe is complete, and a flag that is still set does not wipe again.
    #[sea_orm(string_value = "done")]
    Done,
}

impl State {
    pub(crate) fn is_armed(self) -> bool {
        matches!(self, Self::WipingArmed | Self::MadeArmed)
    }

    /// The same progress of a wipe that prevents the next one by a flag.
    pub(crate) fn disarmed(self) -> Self {
        match self {
            Self::WipingArmed => Self::Wiping,
            Self::MadeArmed => Self::Made,
            state => state,
        }
    }
}

/// The progress of the last wipe: one row, whose id is [`ID`], or none while a flag may wipe.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "starchart_wipe")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i32,
    pub(crate) state: State,
    pub(crate) changed_at: i64,
}

/// The id of the one row.
pub(crate) const ID: i32 = 1;

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
