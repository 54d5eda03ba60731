//! The `login_requests` table.

use sea_orm::entity::prelude::*;

/// A SAML request, bound to the browser's pre-login cookie by its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "login_requests")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) request_id: String,
    pub(crate) browser_hash: Vec<u8>,
    pub(crate) relay_hash: Vec<u8>,
    pub(crate) return_to: String,
    pub(crate) saved_form: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) consumed_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
