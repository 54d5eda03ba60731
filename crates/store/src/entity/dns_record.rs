//! The `dns_records` table.

use sea_orm::entity::prelude::*;

use super::class::Class;

/// A record. The generated column `cname_slot` is left out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dns_records")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i64,
    pub(crate) fqdn: String,
    /// Part of the foreign key to `names`, which excludes a CNAME beside another record.
    pub(crate) class: Class,
    pub(crate) user_id: i64,
    #[sea_orm(column_name = "type")]
    pub(crate) rtype: String,
    /// The value as typed.
    pub(crate) input: String,
    /// The value in zone-file form.
    pub(crate) presentation: String,
    /// The SHA-256 of `presentation`.
    pub(crate) value_hash: Vec<u8>,
    /// The TTL of the RRset in seconds, in each of its rows.
    pub(crate) ttl: i64,
    pub(crate) ports: Option<String>,
    pub(crate) course: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) notified_at: Option<i64>,
    /// The row of `outbox` with the expiry notice.
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
