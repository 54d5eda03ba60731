//! Errors of a connection: temporary, or a setting to correct.

use std::time::Duration;

use sqlx::Connection as _;
use starchart_domain::secret::Secret;
use starchart_store::{ConnectError, ConnectOptions, Store};
use starchart_testkit::mariadb::{MariaDb, TestDb};
use starchart_testkit::server::free_port;

async fn connect(url: &str) -> ConnectError {
    let options = ConnectOptions {
        timeout: Duration::from_secs(2),
        ..ConnectOptions::new(Secret::new(url))
    };
    Store::connect(&options).await.unwrap_err()
}

#[tokio::test]
async fn invalid_urls_are_reported_at_once() {
    for url in [
        "",
        "postgres://a@b/c",
        "mysql://user@127.0.0.1",
        "mysql://",
        "sqlite::memory:",
        "sqlite:///no/such/folder/file",
    ] {
        let fault = connect(url).await;
        assert!(
            matches!(fault, ConnectError::Invalid(_)),
            "{url}: {fault:?}"
        );
    }
    let fault = connect("mysql://user:hunter2@127.0.0.1:port/db").await;
    assert!(
        !format!("{fault} {fault:?}").contains("hunter2"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn an_unreachable_database_is_temporary() {
    let fault = connect(&format!("mysql://root@127.0.0.1:{}/db", free_port())).await;
    assert!(matches!(fault, ConnectError::Unreachable(_)), "{fault:?}");
    // A server that accepts the connection and sends nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fault = connect(&format!(
        "mysql://root@127.0.0.1:{}/db",
        silent.local_addr().unwrap().port()
    ))
    .await;
    assert!(matches!(fault, ConnectError::Unreachable(_)), "{fault:?}");
}

#[tokio::test]
async fn a_wrong_user_or_database_is_permanent() {
    let db = TestDb::create().await;
    let fault = connect(&format!("{}x", db.url())).await;
    assert!(
        matches!(fault, ConnectError::UnknownDatabase(_)),
        "{fault:?}"
    );
    let (_, rest) = db
        .url()
        .split_once('@')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let fault = connect(&format!("mysql://nobody:wrong@{rest}")).await;
    assert!(matches!(fault, ConnectError::Denied(_)), "{fault:?}");
}

/// A store outlives its database's restart.
#[tokio::test]
async fn a_database_that_comes_back_is_used_again() {
    let port = free_port();
    let server = MariaDb::start_on(port).await;
    let db = TestDb::create_on(&server.url()).await;
    let options = ConnectOptions {
        timeout: Duration::from_secs(2),
        ..ConnectOptions::new(Secret::new(db.url()))
    };
    let store = Store::connect(&options).await.unwrap();
    store.ping().await.unwrap();
    drop(server);
    let fault = store.ping().await.unwrap_err();
    assert!(fault.is_temporary(), "{fault:?}");
    // Another folder, in which a new database is created.
    let again = MariaDb::start_on(port).await;
    let name = db.url().rsplit('/').next().unwrap().to_owned();
    let mut root = sqlx::MySqlConnection::connect(&again.url()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut root)
        .await
        .unwrap();
    store
        .ping()
        .await
        .unwrap_or_else(|fault| panic!("after the restart: {fault:?}"));
    drop((db, again));
}
