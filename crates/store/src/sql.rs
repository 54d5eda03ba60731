//! The few statements that sea-query cannot build, and texts cut to the width of their column.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use crate::error::Error;

fn statement(on: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql, values)
}

/// Reads all rows of a statement.
pub(crate) async fn all<T: FromQueryResult>(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, Error> {
    let rows = on.query_all_raw(statement(on, sql, values)).await?;
    Ok(rows
        .iter()
        .map(|row| T::from_query_result(row, ""))
        .collect::<Result<_, _>>()?)
}

/// Reads the number in the column `n` of the first row; none when there is no row or it is null.
pub(crate) async fn number(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<i64>, Error> {
    match on.query_one_raw(statement(on, sql, values)).await? {
        Some(row) => Ok(row.try_get("", "n")?),
        None => Ok(None),
    }
}

/// Returns at most `max` characters of a text that comes from elsewhere, for a column of that
/// width.
pub(crate) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
