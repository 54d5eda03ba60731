//! Records.

use sea_orm::entity::prelude::*;

/// A record. `cname_slot` is the database's own.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dns_records")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) fqdn: String,
    /// Part of the key to the name, so that a CNAME stands alone.
    pub(crate) class: String,
    pub(crate) user_id: i64,
    #[sea_orm(column_name = "type")]
    pub(crate) rtype: String,
    /// What the person wrote.
    pub(crate) input: String,
    /// The value as Route53 gets it.
    pub(crate) presentation: String,
    /// The SHA-256 of `presentation`.
    pub(crate) value_hash: Vec<u8>,
    pub(crate) preference: Option<i32>,
    pub(crate) ttl: i64,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) notified_at: Option<i64>,
    /// The mail that told its person so.
    pub(crate) notice_id: Option<i64>,
}

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
