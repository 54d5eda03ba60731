//! The store on both kinds of database: every test here runs on SQLite and on MariaDB (or the MySQL
//! of `STARCHART_TEST_MYSQL_URL`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "measurements are printed")]

/// Makes each function a test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::world::World::sqlite().await).await;
            })+
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::world::World::mysql().await).await;
            })+
        }
    };
}

mod admin;
mod certificates;
mod client_challenges;
mod connecting;
mod expiry;
mod history;
mod import;
mod login;
mod machines;
mod mails;
mod metrics;
mod outages;
mod owners;
mod publishing;
mod records;
mod schema;
mod tokens;
mod users;
mod wipe;
mod world;
mod zone;
