//! Searching users.

use sea_orm::sea_query::{Expr, Func, LikeExpr, SimpleExpr};
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, EntityTrait, ExprTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use starchart_domain::time::Timestamp;

use super::Admin;
use crate::entity::certificate::{self, State};
use crate::entity::certificate_order::{self, Step};
use crate::entity::dns_record;
use crate::entity::user::{self, Column};
use crate::users::User;
use crate::{Error, Store};

/// Users on one page.
pub const PAGE_ROWS: u32 = 20;

/// A user who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user as sign-in knows it.
    pub user: User,
    /// Whether an operator has suspended the user, in the database.
    pub suspended: bool,
    /// How many records the user has.
    pub records: u64,
    /// The state of the user's certificate.
    pub certificate: CertificateStatus,
}

/// The state of a user's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// The user has neither certificate nor order.
    None,
    /// The first order is pending.
    Pending,
    /// A certificate is active.
    Issued {
        /// The end of its validity.
        until: Timestamp,
    },
    /// No certificate is active, and the last order failed.
    Failed,
}

/// One page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, ordered by e-mail address.
    pub rows: Vec<UserRow>,
    /// How many users were found on all pages.
    pub total: u64,
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    user: user::Model,
    records: i64,
    not_after: Option<i64>,
    pending: i64,
    last_step: Option<String>,
}

/// Searches users whose e-mail address, name, user name or domain contains the text, in any case.
/// On SQLite, which lower-cases ASCII only, other letters match as typed. Pages count from 0.
pub async fn search_users(
    store: &Store,
    _: &Admin,
    text: &str,
    page: u32,
) -> Result<UserPage, Error> {
    let found = user::Entity::find()
        .filter(Column::DeletedAt.is_null())
        .filter(contains(text));
    let total = found.clone().count(store.reader()).await?;
    let rows: Vec<Row> = found
        .column_as(record_count(), "records")
        .column_as(certificate_end(), "not_after")
        .column_as(pending_order_count(), "pending")
        .column_as(last_order_step(), "last_step")
        .order_by_asc(Column::Email)
        .order_by_asc(Column::Id)
        .limit(u64::from(PAGE_ROWS))
        .offset(u64::from(page) * u64::from(PAGE_ROWS))
        .into_model()
        .all(store.reader())
        .await?;
    let rows = rows
        .into_iter()
        .map(UserRow::try_from)
        .collect::<Result<_, _>>()?;
    Ok(UserPage { rows, total })
}

fn contains(text: &str) -> Condition {
    let lower = |column: Column| {
        Expr::expr(Func::lower(Expr::col((user::Entity, column)))).like(like(pattern(text)))
    };
    let as_typed =
        |column: Column| Expr::col((user::Entity, column)).like(like(literal_pattern(text)));
    Condition::any()
        .add(lower(Column::Email))
        .add(lower(Column::DisplayName))
        .add(lower(Column::Username))
        // Labels are lower-case.
        .add(Expr::col((user::Entity, Column::Label)).like(like(pattern(text))))
        .add(as_typed(Column::Email))
        .add(as_typed(Column::DisplayName))
}

fn record_count() -> SimpleExpr {
    use dns_record::{Column, Entity};
    let of_user = Expr::col((Entity, Column::UserId)).equals((user::Entity, user::Column::Id));
    let records = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "n")
        .filter(of_user);
    Expr::SubQuery(None, Box::new(records.into_query().into()))
}

fn certificate_end() -> SimpleExpr {
    use certificate::{Column, Entity};
    let of_user = Expr::col((Entity, Column::UserId)).equals((user::Entity, user::Column::Id));
    let active = Entity::find()
        .select_only()
        .column_as(Column::NotAfter.max(), "n")
        .filter(of_user)
        .filter(Column::State.eq(State::Active));
    Expr::SubQuery(None, Box::new(active.into_query().into()))
}

fn pending_order_count() -> SimpleExpr {
    use certificate_order::{Column, Entity};
    let of_user = Expr::col((Entity, Column::UserId)).equals((user::Entity, user::Column::Id));
    let pending = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "n")
        .filter(of_user)
        .filter(Column::FinishedAt.is_null());
    Expr::SubQuery(None, Box::new(pending.into_query().into()))
}

fn last_order_step() -> SimpleExpr {
    use certificate_order::{Column, Entity};
    let of_user = Expr::col((Entity, Column::UserId)).equals((user::Entity, user::Column::Id));
    let last = Entity::find()
        .select_only()
        .column(Column::Step)
        .filter(of_user)
        .order_by_desc(Column::Id)
        .limit(1);
    Expr::SubQuery(None, Box::new(last.into_query().into()))
}

/// The escape character of LIKE patterns. Not the backslash, which MySQL reads as an escape in
/// string literals already.
pub(super) const LIKE_ESCAPE: char = '!';

fn like(pattern: String) -> LikeExpr {
    LikeExpr::new(pattern).escape(LIKE_ESCAPE)
}

/// A LIKE pattern for texts that contain this one, literally and in lower case.
pub(super) fn pattern(text: &str) -> String {
    literal_pattern(&text.to_lowercase())
}

/// A LIKE pattern for texts that contain this one as typed.
fn literal_pattern(text: &str) -> String {
    let escaped: String = text.chars().flat_map(escape).collect();
    format!("%{escaped}%")
}

fn escape(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | LIKE_ESCAPE)
        .then_some(LIKE_ESCAPE)
        .into_iter()
        .chain(std::iter::once(c))
}

impl TryFrom<Row> for UserRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let has_failed = row.last_step == Some(Step::Failed.to_value());
        let certificate = match (row.not_after, row.pending) {
            (Some(until), _) => CertificateStatus::Issued {
                until: Timestamp::from_millis(until),
            },
            (None, 1..) => CertificateStatus::Pending,
            (None, _) if has_failed => CertificateStatus::Failed,
            (None, _) => CertificateStatus::None,
        };
        Ok(Self {
            suspended: row.user.suspended_at.is_some(),
            user: row.user.try_into()?,
            records: u64::try_from(row.records).unwrap_or_default(),
            certificate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_search_text_are_escaped() {
        assert_eq!(pattern("A_b%!\\É"), "%a!_b!%!!\\é%");
    }
}
