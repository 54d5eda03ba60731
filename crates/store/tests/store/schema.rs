//! Migrating: once, by one process, resumable; and old programs on newer schemas.

use futures_util::future::join_all;
use sqlx::Connection as _;
use starchart_store::{Error, Migrated, SchemaState, Store, WipeMark, WipeOutcome};

use crate::world::World;

on_both!(
    many_processes_migrate_once,
    a_migration_that_was_killed_continues,
    a_newer_schema_is_reported_and_left_alone,
    a_pre_release_schema_is_reported_and_can_be_wiped,
    a_schema_that_lacks_a_column_is_reported_and_can_be_wiped,
    a_locked_row_is_waited_for_and_a_deadlock_repeated,
    texts_are_compared_by_bytes,
);

/// Drops all tables that the migration created.
async fn drop_tables(world: &World) {
    for table in migration::tables().into_iter().rev() {
        world.run(&format!("DROP TABLE {table}")).await.unwrap();
    }
    world.run("DROP TABLE seaql_migrations").await.unwrap();
}

async fn many_processes_migrate_once(world: &World) {
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    drop_tables(world).await;
    let SchemaState::Pending(steps) = world.store.schema().await.unwrap() else {
        panic!("an empty database fits")
    };
    let stores = [
        world.another().await,
        world.another().await,
        world.another().await,
    ];
    let done = join_all(stores.iter().map(Store::migrate))
        .await
        .into_iter();
    let mut done: Vec<usize> = done.map(|migrated| migrated.unwrap().steps).collect();
    done.sort_unstable();
    assert_eq!(done, [0, 0, steps]);
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
}

async fn a_migration_that_was_killed_continues(world: &World) {
    // Killed between a step and the note that it was done, which MySQL does not do in one
    // transaction.
    let steps = world
        .number("SELECT COUNT(*) FROM seaql_migrations WHERE version >= 'm0015'")
        .await;
    let steps = usize::try_from(steps).unwrap();
    world
        .run("DELETE FROM seaql_migrations WHERE version >= 'm0015'")
        .await
        .unwrap();
    world.run("DROP TABLE outbox").await.unwrap();
    assert_eq!(
        world.store.schema().await.unwrap(),
        SchemaState::Pending(steps)
    );
    assert_eq!(
        world.store.migrate().await.unwrap(),
        Migrated { steps, wiped: None }
    );
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    assert_eq!(world.number("SELECT COUNT(*) FROM outbox").await, 0);
}

async fn a_newer_schema_is_reported_and_left_alone(world: &World) {
    world
        .run("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await
        .unwrap();
    assert_eq!(
        world.store.schema().await.unwrap(),
        SchemaState::Newer(vec!["m9999_later".to_owned()])
    );
    assert_eq!(
        world.store.migrate().await.unwrap(),
        Migrated {
            steps: 0,
            wiped: None
        }
    );
    // A program that was rolled back still serves.
    world.user("user1").await;
}

async fn a_pre_release_schema_is_reported_and_can_be_wiped(world: &World) {
    // The tables of such a build had other columns, and one table more.
    for statement in [
        "DELETE FROM seaql_migrations",
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m0001_users', 0)",
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m0041_import_rows', 0)",
        "CREATE TABLE acme_accounts (id INT NOT NULL PRIMARY KEY)",
        "ALTER TABLE zone_control ADD COLUMN approved_at BIGINT NULL",
    ] {
        world.run(statement).await.unwrap();
    }
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::PreRelease);
    let refused = world.store.migrate().await.unwrap_err();
    assert!(matches!(refused, Error::PreReleaseSchema), "{refused}");
    assert!(refused.to_string().contains("starchart wipe"), "{refused}");

    let wiped = world.store.wipe(WipeMark::Ignore, |_| true).await.unwrap();
    assert!(matches!(wiped, WipeOutcome::Wiped { .. }), "{wiped:?}");
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    let left = world.run("SELECT id FROM acme_accounts").await;
    assert!(left.is_err(), "the table is gone");
    let old = world.run("SELECT approved_at FROM zone_control").await;
    assert!(old.is_err(), "the tables are the current ones");
}

/// Some builds before the first release changed columns, but not the names of the steps.
async fn a_schema_that_lacks_a_column_is_reported_and_can_be_wiped(world: &World) {
    world
        .run("ALTER TABLE dns_records RENAME COLUMN presentation TO content")
        .await
        .unwrap();
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::PreRelease);
    let refused = world.store.migrate().await.unwrap_err();
    assert!(matches!(refused, Error::PreReleaseSchema), "{refused}");

    let wiped = world.store.wipe(WipeMark::Ignore, |_| true).await.unwrap();
    assert!(matches!(wiped, WipeOutcome::Wiped { .. }), "{wiped:?}");
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
}

/// Another connection holds what the store wants and wants what the store holds.
async fn a_locked_row_is_waited_for_and_a_deadlock_repeated(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let more = world.create(&user, "www", "A", "192.168.1.2");
    let disturb = async {
        if world.is_sqlite() {
            let mut db = sqlx::SqliteConnection::connect(&world.url()).await.unwrap();
            sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE users SET updated_at = 1")
                .execute(&mut db)
                .await
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            sqlx::raw_sql("COMMIT").execute(&mut db).await.unwrap();
        } else {
            let mut db = sqlx::MySqlConnection::connect(&world.url()).await.unwrap();
            // Much written, so that the store's transaction is the victim.
            sqlx::raw_sql("BEGIN").execute(&mut db).await.unwrap();
            for slot in 0..200 {
                sqlx::query("INSERT INTO ticks (job, slot, at) VALUES ('weight', ?, 1)")
                    .bind(slot)
                    .execute(&mut db)
                    .await
                    .unwrap();
            }
            sqlx::raw_sql("UPDATE names SET updated_at = 1")
                .execute(&mut db)
                .await
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            sqlx::raw_sql("UPDATE users SET updated_at = 1")
                .execute(&mut db)
                .await
                .unwrap();
            sqlx::raw_sql("COMMIT").execute(&mut db).await.unwrap();
        }
    };
    // The disturber first, by a head start.
    let late = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        more.await
    };
    let ((), made) = tokio::join!(disturb, late);
    made.unwrap();
    assert_eq!(world.unpublished().await[0].generation, 2);
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 2);
}

/// Whatever the database's own collation is.
async fn texts_are_compared_by_bytes(world: &World) {
    if world.is_sqlite() {
        return;
    }
    let loose = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() \
         AND table_name <> 'seaql_migrations' AND collation_name IS NOT NULL \
         AND collation_name <> 'utf8mb4_bin'";
    assert_eq!(world.number(loose).await, 0);
    let engines = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() \
                   AND engine <> 'InnoDB'";
    assert_eq!(world.number(engines).await, 0);
}
