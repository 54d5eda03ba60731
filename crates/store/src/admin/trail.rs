//! Reading the audit trail.

use sea_orm::sea_query::{Expr, Func, LikeExpr};
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait,
};
use starchart_domain::time::Timestamp;
use starchart_domain::user::Subject;

use super::Admin;
use super::search::{LIKE_ESCAPE, pattern};
use crate::entity::audit_entry::{Column, Entity, Relation};
use crate::entity::user;
use crate::{Error, Store};

/// Lines on one page.
pub const TRAIL_ROWS: usize = 50;

/// Which lines to list; an empty text matches any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// The name of the actor, or of the user on whose behalf it was done.
    pub user: String,
    /// A part of the action: `record`, `record.delete`.
    pub action: String,
    /// A part of the object.
    pub object: String,
}

/// A line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailLine {
    /// The id of its row.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// The name of the user who did it; `None` when no user was signed in.
    pub actor: Option<String>,
    /// The name of the user whom an admin impersonated.
    pub on_behalf_of: Option<String>,
    /// The action as it is stored; a newer release may have written it.
    pub action: String,
    /// What it was done to.
    pub object: String,
    /// Details of the action.
    pub detail: String,
    /// The id of the request.
    pub request_id: String,
}

/// One page of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailPage {
    /// The lines, newest first.
    pub lines: Vec<TrailLine>,
    /// The `before` of the next, older page.
    pub older: Option<i64>,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    at: i64,
    actor: Option<String>,
    behalf: Option<String>,
    action: String,
    object: String,
    detail: String,
    request_id: String,
}

const ACTOR: &str = "actor_user";
const BEHALF: &str = "behalf_user";

/// Lists the lines that match, newest first; with `before`, only those older than that line.
pub async fn list_trail(
    store: &Store,
    _: &Admin,
    filter: &TrailFilter,
    before: Option<i64>,
) -> Result<TrailPage, Error> {
    let of_user = |alias: &'static str, column: user::Column| Expr::col((alias, column));
    let mut lines = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::At,
            Column::Action,
            Column::Object,
            Column::Detail,
            Column::RequestId,
        ])
        .column_as(of_user(ACTOR, user::Column::Username), "actor")
        .column_as(of_user(BEHALF, user::Column::Username), "behalf")
        .join_as(JoinType::LeftJoin, Relation::Actor.def(), ACTOR)
        .join_as(JoinType::LeftJoin, Relation::OnBehalfOf.def(), BEHALF)
        .filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    if !filter.user.is_empty() {
        // A name that is not valid matches no user.
        let subject = Subject::parse(&filter.user)
            .map(|subject| subject.as_str().to_owned())
            .unwrap_or_default();
        let is_actor = of_user(ACTOR, user::Column::Subject).eq(subject.as_str());
        let is_behalf = of_user(BEHALF, user::Column::Subject).eq(subject.as_str());
        lines = lines.filter(is_actor.or(is_behalf));
    }
    for (text, column) in [
        (&filter.action, Column::Action),
        (&filter.object, Column::Object),
    ] {
        if !text.is_empty() {
            let lower = Func::lower(Expr::col((Entity, column)));
            let like = LikeExpr::new(pattern(text)).escape(LIKE_ESCAPE);
            lines = lines.filter(Expr::expr(lower).like(like));
        }
    }
    let mut rows: Vec<Row> = lines
        .order_by_desc(Column::Id)
        .limit(TRAIL_ROWS as u64 + 1)
        .into_model()
        .all(store.reader())
        .await?;
    let has_more = rows.len() > TRAIL_ROWS;
    rows.truncate(TRAIL_ROWS);
    let lines: Vec<TrailLine> = rows.into_iter().map(TrailLine::from).collect();
    let older = lines.last().map(|line| line.id).filter(|_| has_more);
    Ok(TrailPage { lines, older })
}

impl From<Row> for TrailLine {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: Timestamp::from_millis(row.at),
            actor: row.actor,
            on_behalf_of: row.behalf,
            action: row.action,
            object: row.object,
            detail: row.detail,
            request_id: row.request_id,
        }
    }
}
