//! Names.

use sea_orm::ExprTrait;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, Expr};

use super::class::Class;

/// A name with its owner, its class and the progress of its last change. The generated column
/// `is_unpublished` is left out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "names")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) fqdn: String,
    pub(crate) user_id: i64,
    pub(crate) class: Class,
    /// Counts the changes; the zone shows `applied_generation`.
    pub(crate) generation: i64,
    pub(crate) applied_generation: i64,
    pub(crate) unpublished_since: Option<i64>,
    pub(crate) refused_generation: Option<i64>,
    pub(crate) refusal: Option<String>,
    /// The type of the set that was refused; none: the whole name.
    pub(crate) refusal_type: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) next_attempt_at: Option<i64>,
    pub(crate) change_id: Option<String>,
    pub(crate) sent_at: Option<i64>,
    pub(crate) in_sync_at: Option<i64>,
    pub(crate) answered_by: Option<i32>,
    pub(crate) answered_of: Option<i32>,
    pub(crate) answers_checked_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether the zone does not show the newest generation of a name. The database computes the column
/// for an index.
pub(crate) fn is_unpublished() -> Expr {
    Expr::col((Entity, Alias::new("is_unpublished"))).eq(1)
}
