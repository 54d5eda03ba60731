//! Statements, written once for all databases: `?` for values, backticks around reserved words,
//! nothing that only one knows.

use sea_orm::{ConnectionTrait, DbErr, ExecResult, FromQueryResult, QueryResult, Statement, Value};

use crate::error::Error;

fn statement(on: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(on.get_database_backend(), sql, values)
}

/// Runs a statement. The plain error is kept, because the caller may ask which constraint said no.
pub(crate) async fn run(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<ExecResult, DbErr> {
    on.execute_raw(statement(on, sql, values)).await
}

/// Runs a statement and says how many rows it found. On MySQL too these are the rows found, not the
/// rows changed (sqlx sets CLIENT_FOUND_ROWS).
pub(crate) async fn touch(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64, Error> {
    Ok(run(on, sql, values).await?.rows_affected())
}

/// The rows as `T`.
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

/// The first row as `T`.
pub(crate) async fn one<T: FromQueryResult>(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, Error> {
    let row = first(on, sql, values).await?;
    Ok(row.map(|row| T::from_query_result(&row, "")).transpose()?)
}

/// The number in the first column, named `n`; none when there is no row or it is null.
pub(crate) async fn number(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<i64>, Error> {
    match first(on, sql, values).await? {
        Some(row) => Ok(row.try_get("", "n")?),
        None => Ok(None),
    }
}

async fn first(
    on: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, Error> {
    Ok(on.query_one_raw(statement(on, sql, values)).await?)
}

/// `?, ?, ?` for a list of that length, which must not be empty.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Texts as values.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Value> {
    texts.into_iter().map(Value::from).collect()
}

/// ` WHERE fqdn IN (...)` for these names, nothing for all; with the values.
pub(crate) fn at_names(fqdns: Option<&[String]>) -> (String, Vec<Value>) {
    match fqdns {
        Some(names) => (
            format!(" WHERE fqdn IN ({})", places(names.len())),
            texts(names.iter().map(String::as_str)),
        ),
        None => (String::new(), vec![]),
    }
}

/// At most `max` characters of a text that comes from elsewhere, for a column of that width.
pub(crate) fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
