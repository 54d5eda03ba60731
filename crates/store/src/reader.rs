//! Reading statements, which are repeated once when their connection turns out to be broken.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::time::sleep;

use crate::connect::PING_AFTER_IDLE;
use crate::error::is_broken_connection;

/// The connections for single reading statements.
pub(crate) struct Reader {
    pool: DatabaseConnection,
}

impl Reader {
    pub(crate) fn new(pool: DatabaseConnection) -> Self {
        Self { pool }
    }

    /// Returns the connections themselves, without repeats.
    pub(crate) fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }
}

/// Runs the first statement on a connection, which has no effect when the connection is broken, and
/// repeats it then on another one.
///
/// A connection that was idle for longer than [`PING_AFTER_IDLE`] is pinged before its use, so only
/// one that was cut since its last use a moment ago can be broken. After that time all are pinged.
pub(crate) async fn repeat_if_broken<T, Running>(run: impl Fn() -> Running) -> Result<T, DbErr>
where
    Running: Future<Output = Result<T, DbErr>>,
{
    match run().await {
        Err(fault) if is_broken_connection(&fault) => {
            sleep(2 * PING_AFTER_IDLE).await;
            run().await
        }
        outcome => outcome,
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.pool.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        repeat_if_broken(|| self.pool.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        repeat_if_broken(|| self.pool.query_all_raw(statement.clone())).await
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::sync::atomic::{AtomicU32, Ordering};

    use sea_orm::{ConnAcquireErr, RuntimeErr, sqlx};

    use super::*;

    fn broken() -> DbErr {
        let cause = sqlx::Error::Io(ErrorKind::ConnectionReset.into());
        DbErr::Query(RuntimeErr::SqlxError(cause.into()))
    }

    #[tokio::test]
    async fn a_statement_is_repeated_once_and_only_after_a_broken_connection() {
        let no_connection = || DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        for (fault, failures, runs, works) in [
            (broken as fn() -> DbErr, 0, 1, true),
            (broken, 1, 2, true),
            (broken, 2, 2, false),
            // The pool has waited for its time already.
            (no_connection, 1, 1, false),
            (|| DbErr::Custom("another fault".to_owned()), 1, 1, false),
        ] {
            let count = AtomicU32::new(0);
            let outcome =
                repeat_if_broken(
                    async || match count.fetch_add(1, Ordering::SeqCst) < failures {
                        true => Err(fault()),
                        false => Ok(()),
                    },
                )
                .await;
            assert_eq!(
                (count.load(Ordering::SeqCst), outcome.is_ok()),
                (runs, works),
                "{:?} {failures} times",
                fault()
            );
        }
    }
}
