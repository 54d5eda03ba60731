//! Reading the audit trail.

use sea_orm::{FromQueryResult, Value};
use starchart_domain::time::Timestamp;
use starchart_domain::user::Subject;

use super::Admin;
use super::search::pattern;
use crate::{Error, Store, sql};

/// Lines on one page.
pub const TRAIL_ROWS: usize = 50;

/// Which lines; an empty text is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// The user name of who did it or in whose account it was done.
    pub user: String,
    /// A part of what was done: `record`, `record.delete`.
    pub action: String,
    /// A part of what it was done to.
    pub object: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailLine {
    /// The row.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it; none when nobody was signed in.
    pub actor: Option<String>,
    /// In whose account, when an admin did it as somebody else.
    pub on_behalf_of: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// More about it.
    pub detail: String,
    /// The request it came with.
    pub request_id: String,
}

/// One page of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailPage {
    /// Newest first.
    pub lines: Vec<TrailLine>,
    /// Where the next, older page begins.
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

/// The lines that fit, newest first; with `before`, only those older than that line.
pub async fn list_trail(
    store: &Store,
    _: &Admin,
    filter: &TrailFilter,
    before: Option<i64>,
) -> Result<TrailPage, Error> {
    let (mut wheres, mut values): (Vec<&str>, Vec<Value>) =
        (vec!["t.id < ?"], vec![before.unwrap_or(i64::MAX).into()]);
    if !filter.user.is_empty() {
        // Somebody with an impossible name has done nothing.
        let subject = Subject::parse(&filter.user)
            .map(|subject| subject.as_str().to_owned())
            .unwrap_or_default();
        wheres.push("(a.subject = ? OR b.subject = ?)");
        values.extend([subject.clone().into(), subject.into()]);
    }
    for (text, clause) in [
        (&filter.action, "LOWER(t.action) LIKE ? ESCAPE '!'"),
        (&filter.object, "LOWER(t.object) LIKE ? ESCAPE '!'"),
    ] {
        if !text.is_empty() {
            wheres.push(clause);
            values.push(pattern(text).into());
        }
    }
    let select = format!(
        "SELECT t.id AS id, t.at AS at, a.username AS actor, b.username AS behalf, t.action AS action, t.object AS object, \
         t.detail AS detail, t.request_id AS request_id FROM audit_trail t \
         LEFT JOIN users a ON a.id = t.actor_id LEFT JOIN users b ON b.id = t.on_behalf_of \
         WHERE {} ORDER BY t.id DESC LIMIT {}",
        wheres.join(" AND "),
        TRAIL_ROWS + 1
    );
    let mut rows: Vec<Row> = sql::all(store.reader(), &select, values).await?;
    let more = rows.len() > TRAIL_ROWS;
    rows.truncate(TRAIL_ROWS);
    let lines: Vec<TrailLine> = rows.into_iter().map(TrailLine::from).collect();
    let older = lines.last().map(|line| line.id).filter(|_| more);
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
