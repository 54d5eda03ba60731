//! The ownership registry: the RRsets that Starchart put into the zone or is about to put there.

use sea_orm::entity::prelude::*;

/// One RRset of the registry. A row that has neither a confirmed body nor pending sends is deleted.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "zone_rrset")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) fqdn: String,
    #[sea_orm(primary_key, auto_increment = false, column_name = "type")]
    pub(crate) rtype: String,
    /// The confirmed TTL; null together with `values`.
    pub(crate) ttl: Option<i32>,
    /// The confirmed values: a JSON array of texts.
    pub(crate) values: Option<String>,
    /// The pending sends, as JSON.
    pub(crate) pending: String,
    /// When to read the zone for a pending send.
    pub(crate) look_at: Option<i64>,
    pub(crate) updated_at: i64,
}

/// Without a foreign key: an RRset may outlive the row of its name.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "super::name::Entity",
        from = "Column::Fqdn",
        to = "super::name::Column::Fqdn"
    )]
    Name,
}

impl Related<super::name::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Name.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
