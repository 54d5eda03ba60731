//! The `listed_words` table.

use sea_orm::entity::prelude::*;
use starchart_domain::words::ListKind;

/// A word or label that an admin added to a list of names.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listed_words")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    pub(crate) entry: String,
    pub(crate) added_by: i64,
    pub(crate) added_at: i64,
}

/// What an entry is about; each entry exists once in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(5))")]
pub(crate) enum Scope {
    #[sea_orm(string_value = "label")]
    Label,
    #[sea_orm(string_value = "word")]
    Word,
}

/// The list of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
pub(crate) enum Kind {
    #[sea_orm(string_value = "allowed")]
    Allowed,
    #[sea_orm(string_value = "refused")]
    Refused,
    #[sea_orm(string_value = "reserved")]
    Reserved,
}

impl From<ListKind> for Kind {
    fn from(kind: ListKind) -> Self {
        match kind {
            ListKind::Allowed => Self::Allowed,
            ListKind::Refused => Self::Refused,
            ListKind::Reserved => Self::Reserved,
        }
    }
}

impl From<Kind> for ListKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Allowed => Self::Allowed,
            Kind::Refused => Self::Refused,
            Kind::Reserved => Self::Reserved,
        }
    }
}

impl From<ListKind> for Scope {
    fn from(kind: ListKind) -> Self {
        match kind {
            ListKind::Reserved => Self::Label,
            ListKind::Allowed | ListKind::Refused => Self::Word,
        }
    }
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::user::Entity",
        from = "Column::AddedBy",
        to = "super::user::Column::Id"
    )]
    AddedBy,
}

impl ActiveModelBehavior for ActiveModel {}
