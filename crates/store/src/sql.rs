//! The few statements that sea-query cannot build, and texts cut to the width of their column.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

use crate::error::Error;

/// Every column of the database, as table and column. It reads the server's own tables.
const SELECT_COLUMNS_MYSQL: &str = "SELECT \
     CAST(CONCAT(TABLE_NAME, '.', LOWER(COLUMN_NAME)) AS CHAR) AS place \
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()";
/// The same for SQLite, with a function in FROM, which sea-query does not know.
const SELECT_COLUMNS_SQLITE: &str = "SELECT t.name || '.' || LOWER(c.name) AS place \
     FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'";

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

/// Lists every column of the database, as `table.column`. The column is in lower case.
pub(crate) async fn list_columns(on: &impl ConnectionTrait) -> Result<Vec<String>, Error> {
    let select = match on.get_database_backend() {
        DbBackend::Sqlite => SELECT_COLUMNS_SQLITE,
        _ => SELECT_COLUMNS_MYSQL,
    };
    let rows = on.query_all_raw(statement(on, select, vec![])).await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<String>("", "place")?))
        .collect()
}

/// Returns at most `max` characters of a text that comes from elsewhere, for a column of that
/// width.
pub(crate) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
