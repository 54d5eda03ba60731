//! Outages of a database that is in use: what each is taken for, and that the same store works when
//! it is over.

use sqlx::{Connection as _, MySqlConnection};
use starchart_domain::secret::Secret;
use starchart_store::{ConnectOptions, Error, Store};
use starchart_testkit::mariadb::{MariaDb, TestDb};
use starchart_testkit::wait::eventually;

async fn run(root: &mut MySqlConnection, sql: &str) {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(root).await.unwrap();
}

/// Closes every connection of the store: a server applies changed rights to new ones.
async fn cut(root: &mut MySqlConnection) {
    let list = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE user = 'app'";
    let ids: Vec<i64> = sqlx::query_scalar(list)
        .fetch_all(&mut *root)
        .await
        .unwrap();
    for id in ids {
        let kill = sqlx::AssertSqlSafe(format!("KILL {id}"));
        // It may have ended meanwhile.
        let _ = sqlx::raw_sql(kill).execute(&mut *root).await;
    }
}

/// A server of its own, and a store on it as the user `app`, whose rights a test may change.
struct Started {
    store: Store,
    root: MySqlConnection,
    /// The name of the database.
    name: String,
    /// The statement that gives `app` all rights.
    grant: String,
    _db: TestDb,
    _server: MariaDb,
}

impl Started {
    async fn new() -> Self {
        let server = MariaDb::start().await;
        let db = TestDb::create_on(&server.url()).await;
        let mut root = MySqlConnection::connect(&server.url()).await.unwrap();
        let name = db.url().rsplit_once('/').unwrap().1.to_owned();
        let grant = format!("GRANT ALL ON {name}.* TO app");
        run(&mut root, "CREATE USER app IDENTIFIED BY 'one'").await;
        run(&mut root, &grant).await;
        let url = db.url().replace("root@", "app:one@");
        let options = ConnectOptions::new(Secret::new(url));
        let store = Store::connect(&options).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            root,
            name,
            grant,
            _db: db,
            _server: server,
        }
    }
}

type Check = fn(&Error) -> bool;

#[tokio::test]
async fn each_outage_is_classified_and_ends_without_a_new_store() {
    let mut started = Started::new().await;
    let (root, store) = (&mut started.root, &started.store);
    let (name, grant) = (&started.name, &started.grant);
    let is_denied: Check = |fault| matches!(fault, Error::Denied(_));
    for (begin, check, end, can_read) in [
        (
            "SET GLOBAL read_only = 1".to_owned(),
            (|fault| matches!(fault, Error::ReadOnly(_))) as Check,
            "SET GLOBAL read_only = 0".to_owned(),
            true,
        ),
        (
            format!("REVOKE INSERT ON {name}.* FROM app"),
            is_denied,
            grant.clone(),
            true,
        ),
        (
            format!("REVOKE UPDATE ON {name}.* FROM app"),
            is_denied,
            grant.clone(),
            true,
        ),
        (
            format!("REVOKE DELETE ON {name}.* FROM app"),
            is_denied,
            grant.clone(),
            true,
        ),
        (
            format!("REVOKE SELECT ON {name}.* FROM app"),
            is_denied,
            grant.clone(),
            false,
        ),
        (
            format!("REVOKE ALL ON {name}.* FROM app"),
            is_denied,
            grant.clone(),
            false,
        ),
        (
            "ALTER USER app IDENTIFIED BY 'two'".to_owned(),
            is_denied,
            "ALTER USER app IDENTIFIED BY 'one'".to_owned(),
            false,
        ),
        (
            "ALTER USER app ACCOUNT LOCK".to_owned(),
            is_denied,
            "ALTER USER app ACCOUNT UNLOCK".to_owned(),
            false,
        ),
    ] {
        // A connection that was opened before the last row's end still knows its rights.
        eventually(&begin, async || store.check_access().await).await;
        run(root, &begin).await;
        cut(root).await;
        let fault = store.check_access().await.unwrap_err();
        assert!(check(&fault) && fault.is_outage(), "{begin}: {fault:?}");
        assert_eq!(store.check_reading().await.is_ok(), can_read, "{begin}");
        run(root, &end).await;
        // The first trial may use a connection that was opened before.
        eventually(&end, async || store.check_access().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_fails_because_all_connections_were_cut_a_moment_ago() {
    let mut started = Started::new().await;
    let (root, store) = (&mut started.root, &started.store);
    for round in 0..200 {
        // Several connections, each used a moment ago.
        let uses = (0..8).map(|_| store.check_reading());
        let uses = futures_util::future::join_all(uses).await;
        assert!(uses.iter().all(Result::is_ok), "round {round}: {uses:?}");
        cut(root).await;
        let next = match round % 2 {
            0 => store.check_reading().await,
            _ => starchart_store::ticks::claim(store, "test", round)
                .await
                .map(drop),
        };
        assert!(next.is_ok(), "round {round}: {next:?}");
    }
}
