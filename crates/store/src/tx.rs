//! Writing transactions: begun in the right mode, and repeated whole when locks were in the way.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::{
    DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use starchart_domain::time::Timestamp;

use crate::Store;
use crate::error::{Error, TransactionError};
use crate::reader::repeat_if_broken;

/// Tries of one transaction.
const TRIES: u32 = 5;

/// A transaction that writes. The body gets it by value and must not keep it.
#[derive(Clone)]
pub(crate) struct Tx {
    inner: Arc<DatabaseTransaction>,
    store: Store,
    now: Arc<OnceLock<Timestamp>>,
}

impl Tx {
    pub(crate) fn db(&self) -> &DatabaseTransaction {
        &self.inner
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the time of the transaction: what the database's clock said when it was first asked
    /// for. All rows that a transaction writes have the same.
    pub(crate) async fn now(&self) -> Result<Timestamp, Error> {
        if let Some(now) = self.now.get() {
            return Ok(*now);
        }
        let now = self.store.now_on(self.db()).await?;
        Ok(*self.now.get_or_init(|| now))
    }
}

/// Forgets recent sessions when it is dropped.
struct ForgetSessions<'a>(&'a Store);

impl Drop for ForgetSessions<'_> {
    fn drop(&mut self) {
        self.0.recent_sessions().forget();
    }
}

/// What one try came to.
enum Try<E> {
    Again(E),
    Final(E),
}

impl Store {
    /// Runs `body` in a transaction and commits it; an error rolls back. A deadlock, a
    /// lock timeout, a busy database or a connection that broke before COMMIT runs the whole body
    /// again, five times at most.
    pub(crate) async fn write<T, E, F, Running>(&self, body: F) -> Result<T, E>
    where
        F: Fn(Tx) -> Running + Send,
        Running: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: TransactionError,
    {
        let mut tries = 1;
        loop {
            match self.attempt(&body).await {
                Ok(done) => return Ok(done),
                Err(Try::Again(_)) if tries < TRIES => {
                    let pause = rand::random_range(1..=20_u64 << tries);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    tries += 1;
                }
                Err(Try::Again(fault) | Try::Final(fault)) => return Err(fault),
            }
        }
    }

    async fn attempt<T, E, F, Running>(&self, body: &F) -> Result<T, Try<E>>
    where
        F: Fn(Tx) -> Running + Send,
        Running: Future<Output = Result<T, E>> + Send,
        T: Send,
        E: TransactionError,
    {
        let begun = self.begin_write().await.map_err(|fault| match fault {
            Error::Busy(_) => Try::Again(fault.into()),
            // The pool has waited its time already.
            _ => Try::Final(fault.into()),
        })?;
        let tx = Tx {
            inner: Arc::new(begun),
            store: self.clone(),
            now: Arc::default(),
        };
        let outcome = body(tx.clone()).await;
        let kept =
            || Try::Final(Error::Corrupt("a transaction was kept by its body".to_owned()).into());
        let begun = Arc::into_inner(tx.inner).ok_or_else(kept)?;
        match outcome {
            Ok(done) => {
                // Also after a failure, and when the request is dropped meanwhile: the outcome of
                // the commit is unknown then.
                let forget = ForgetSessions(self);
                let committed = begun.commit().await;
                drop(forget);
                committed
                    .map(|()| done)
                    .map_err(|fault| match Error::from(fault) {
                        busy @ Error::Busy(_) => Try::Again(busy.into()),
                        Error::Unreachable(cause) => {
                            Try::Final(Error::OutcomeUnknown(cause).into())
                        }
                        fault => Try::Final(fault.into()),
                    })
            }
            Err(error) => {
                // A connection that cannot roll back is closed, which rolls back as well.
                if let Err(failed) = begun.rollback().await {
                    tracing::debug!(error = %failed, "rollback failed");
                }
                Err(match error.store_error() {
                    Some(Error::Busy(_) | Error::Unreachable(_)) => Try::Again(error),
                    Some(Error::ReadOnly(_)) => {
                        self.replace_connections();
                        Try::Final(error)
                    }
                    _ => Try::Final(error),
                })
            }
        }
    }

    async fn begin_write(&self) -> Result<DatabaseTransaction, Error> {
        let mode =
            (self.backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        let options = || TransactionOptions {
            sqlite_transaction_mode: mode,
            ..TransactionOptions::default()
        };
        Ok(repeat_if_broken(|| self.writer().begin_with_options(options())).await?)
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::sync::atomic::{AtomicU32, Ordering};

    use sea_orm::ConnectionTrait as _;
    use starchart_domain::secret::Secret;

    use super::*;
    use crate::{ConnectOptions, sql};

    /// Every try writes a row and then fails as often as it should.
    async fn tries(busy: u32, fault: fn() -> Error) -> (Result<(), Error>, u32, Option<i64>) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("db").display());
        let store = Store::connect(&ConnectOptions::new(Secret::new(url)))
            .await
            .unwrap();
        store
            .writer()
            .execute_unprepared("CREATE TABLE t (n INTEGER)")
            .await
            .unwrap();
        let count = AtomicU32::new(0);
        let body = |tx: Tx| {
            let ran = count.fetch_add(1, Ordering::SeqCst);
            async move {
                tx.db()
                    .execute_unprepared("INSERT INTO t (n) VALUES (1)")
                    .await?;
                if ran < busy { Err(fault()) } else { Ok(()) }
            }
        };
        let outcome = store.write(body).await;
        let rows = sql::number(store.reader(), "SELECT COUNT(*) AS n FROM t", vec![])
            .await
            .unwrap();
        (outcome, count.load(Ordering::SeqCst), rows)
    }

    #[tokio::test]
    async fn a_busy_transaction_is_repeated_whole() {
        let (outcome, ran, rows) = tries(4, || Error::Busy("locked".into())).await;
        assert!(outcome.is_ok());
        assert_eq!((ran, rows), (5, Some(1)), "four tries left nothing behind");
    }

    #[tokio::test]
    async fn five_tries_are_enough() {
        let (outcome, ran, rows) = tries(9, || Error::Busy("locked".into())).await;
        assert!(matches!(outcome, Err(Error::Busy(_))));
        assert_eq!((ran, rows), (5, Some(0)));
    }

    #[tokio::test]
    async fn what_did_not_go_away_is_not_repeated() {
        let (outcome, ran, rows) = tries(9, || Error::OutcomeUnknown("cut".into())).await;
        assert!(matches!(outcome, Err(Error::OutcomeUnknown(_))));
        assert_eq!((ran, rows), (1, Some(0)));
    }
}
