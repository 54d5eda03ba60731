//! Writes users of the original's database, a batch in one statement.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, NotSet, QueryFilter, QuerySelect, Set};
use starchart_domain::names::Label;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{Groups, UserId};

use crate::entity::user::{self, Column};
use crate::error::busy_if_duplicate;
use crate::tx::Tx;
use crate::users::locking_update;
use crate::{Error, sql};

/// A user of the original's database.
pub(super) struct ImportedUser<'a> {
    pub(super) subject: &'a str,
    pub(super) username: &'a str,
    pub(super) display_name: &'a str,
    pub(super) email: &'a str,
    pub(super) groups: Groups,
    /// The label to assign.
    pub(super) label: Option<&'a Label>,
    pub(super) created_at: i64,
}

/// The row of an imported user.
pub(super) struct ImportedRow {
    pub(super) id: UserId,
    /// Whether the user has a label, from before or from this import.
    pub(super) has_label: bool,
}

/// Inserts the users that do not exist yet, in one statement, and returns all rows in the same
/// order. An existing user does not change, but gets the label if it has none. A label that another
/// user has or had is not assigned.
pub(super) async fn insert_users(
    tx: &Tx,
    users: &[ImportedUser<'_>],
    now: Timestamp,
) -> Result<Vec<ImportedRow>, Error> {
    let labels = users
        .iter()
        .filter_map(|imported| imported.label)
        .map(Label::as_str);
    let assigned = user::Entity::find()
        .filter(Column::Label.is_in(labels))
        .select_only()
        .column(Column::Label);
    let taken: Vec<String> = assigned.into_tuple().all(tx.db()).await?;
    let existing = find_rows(tx, users).await?;
    let new: Vec<user::ActiveModel> = users
        .iter()
        .filter(|imported| !existing.contains_key(imported.subject))
        .map(|imported| user::ActiveModel {
            id: NotSet,
            subject: Set(imported.subject.to_owned()),
            username: Set(sql::cut(imported.username, 191)),
            display_name: Set(sql::cut(imported.display_name, 255)),
            email: Set(sql::cut(imported.email, 320)),
            is_student: Set(imported.groups.student),
            is_faculty: Set(imported.groups.faculty),
            is_admin: Set(imported.groups.admin),
            groups_not_sent: Set(imported.groups.not_sent),
            label: Set(free(imported, &taken).map(str::to_owned)),
            lock_version: Set(0),
            created_at: Set(imported.created_at),
            updated_at: Set(now.as_millis()),
            suspended_at: Set(None),
            deleted_at: Set(None),
        })
        .collect();
    if !new.is_empty() {
        user::Entity::insert_many(new)
            .exec_without_returning(tx.db())
            .await
            .map_err(busy_if_duplicate)?;
    }
    for imported in users.iter().filter(|imported| {
        existing
            .get(imported.subject)
            .is_some_and(|(_, label)| label.is_none())
    }) {
        if let Some(label) = free(imported, &taken) {
            let assign = locking_update()
                .col_expr(Column::Label, Expr::value(label))
                .filter(Column::Subject.eq(imported.subject));
            assign
                .filter(Column::Label.is_null())
                .exec(tx.db())
                .await
                .map_err(busy_if_duplicate)?;
        }
    }
    let rows = find_rows(tx, users).await?;
    let row = |imported: &ImportedUser<'_>| match rows.get(imported.subject) {
        Some((id, label)) => Ok(ImportedRow {
            id: UserId(*id),
            has_label: label.is_some(),
        }),
        None => Err(Error::Corrupt(format!(
            "no row for subject {}",
            imported.subject
        ))),
    };
    users.iter().map(row).collect()
}

fn free<'a>(imported: &ImportedUser<'a>, taken: &[String]) -> Option<&'a str> {
    imported
        .label
        .map(Label::as_str)
        .filter(|label| !taken.iter().any(|taken| taken == label))
}

/// Finds the rows of those users that exist: id and label by subject.
async fn find_rows(
    tx: &Tx,
    users: &[ImportedUser<'_>],
) -> Result<HashMap<String, (i64, Option<String>)>, Error> {
    let found = user::Entity::find()
        .filter(Column::Subject.is_in(users.iter().map(|imported| imported.subject)))
        .select_only();
    let found = found
        .column(Column::Subject)
        .column(Column::Id)
        .column(Column::Label);
    let rows: Vec<(String, i64, Option<String>)> = found.into_tuple().all(tx.db()).await?;
    Ok(rows
        .into_iter()
        .map(|(subject, id, label)| (subject, (id, label)))
        .collect())
}
