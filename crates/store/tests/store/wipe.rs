//! Wiping: what goes, what stays, how often, and what a kill leaves.

use futures_util::future::join_all;
use starchart_store::{SchemaState, WipeMark, WipeOutcome, records, zone};

use crate::world::World;

on_both!(
    only_our_tables_are_dropped,
    a_flag_that_stays_set_wipes_once,
    an_empty_schema_is_only_initialised,
    without_consent_nothing_changes,
    many_processes_wipe_once,
    an_interrupted_wipe_is_finished_by_the_next_process,
    a_wipe_interrupted_after_the_new_tables_drops_nothing_more,
    a_wipe_by_hand_leaves_a_flag_as_it_was,
    a_later_versions_schema_is_not_wiped,
    another_programs_list_of_steps_stays,
);

const YES: fn(u64) -> bool = |_| true;

/// The original's tables in the same schema, and a foreign table that references ours.
const OTHERS: [&str; 8] = [
    "CREATE TABLE `User` (username VARCHAR(191) NOT NULL PRIMARY KEY)",
    "CREATE TABLE `DnsRecord` (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE `Certificate` (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE `Challenge` (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE `SystemState` (`unique` INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE `_prisma_migrations` (id VARCHAR(36) NOT NULL PRIMARY KEY)",
    "CREATE TABLE stickers (id INTEGER NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, \
     FOREIGN KEY (user_id) REFERENCES users (id))",
    "INSERT INTO `User` (username) VALUES ('user1')",
];

async fn wiped(world: &World, mark: WipeMark) -> Vec<String> {
    match world.store.wipe(mark, YES).await.unwrap() {
        WipeOutcome::Wiped { tables } => tables,
        other => panic!("{other:?}"),
    }
}

async fn count_users(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM users").await
}

async fn only_our_tables_are_dropped(world: &World) {
    for sql in OTHERS {
        world.run(sql).await.unwrap();
    }
    let user = world.user("user1").await;
    world.create_www(&user).await;
    world
        .run(&format!(
            "INSERT INTO stickers (id, user_id) VALUES (1, {})",
            user.id
        ))
        .await
        .unwrap();

    let tables = wiped(world, WipeMark::Respect).await;
    assert_eq!(
        tables[0], "seaql_migrations",
        "what is left must be known to be incomplete"
    );
    for table in [
        "users",
        "dns_records",
        "names",
        "zone_rrset",
        "certificates",
        "outbox",
        "record_history",
        "leases",
    ] {
        assert!(
            tables.iter().any(|dropped| dropped == table),
            "{table}: {tables:?}"
        );
        assert_eq!(
            world.number(&format!("SELECT COUNT(*) FROM {table}")).await,
            0,
            "{table}"
        );
    }
    for kept in [
        "`User`",
        "`DnsRecord`",
        "`Certificate`",
        "`Challenge`",
        "`SystemState`",
        "`_prisma_migrations`",
        "stickers",
    ] {
        let rows = i64::from(matches!(kept, "`User`" | "stickers"));
        assert_eq!(
            world.number(&format!("SELECT COUNT(*) FROM {kept}")).await,
            rows,
            "{kept}"
        );
    }
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    let reason = zone::pause_reason(&world.store).await.unwrap().unwrap();
    assert!(
        reason.contains("reconcile --adopt") && reason.contains("reconcile --approve HASH"),
        "{reason}"
    );
    let trail = "SELECT COUNT(*) FROM audit_trail WHERE action = 'database.wipe'";
    assert_eq!(
        (
            world.number(trail).await,
            world.number("SELECT COUNT(*) FROM audit_trail").await
        ),
        (1, 1)
    );
    // Foreign keys hold again, and life goes on.
    let user = world.user("user2").await;
    world.create_www(&user).await;
    assert_eq!(records::list(&world.store, user.id).await.unwrap().len(), 1);
}

async fn a_flag_that_stays_set_wipes_once(world: &World) {
    world.user("user1").await;
    wiped(world, WipeMark::Respect).await;
    world.user("user2").await;
    for _ in 0..3 {
        let outcome = world
            .store
            .wipe(WipeMark::Respect, |_| panic!("nobody is asked"))
            .await
            .unwrap();
        assert!(
            matches!(outcome, WipeOutcome::Already(at) if at.as_millis() > 0),
            "{outcome:?}"
        );
    }
    assert_eq!(count_users(world).await, 1);
    assert!(world.store.rearm_wipe().await.unwrap());
    assert!(
        !world.store.rearm_wipe().await.unwrap(),
        "it is armed already"
    );
    wiped(world, WipeMark::Respect).await;
    assert_eq!(count_users(world).await, 0);
    // By hand it wipes whatever the mark says, and no flag wipes once more because of it.
    world.user("user3").await;
    wiped(world, WipeMark::Ignore).await;
    assert_eq!(count_users(world).await, 0);
    assert!(matches!(
        world.store.wipe(WipeMark::Respect, YES).await.unwrap(),
        WipeOutcome::Already(_)
    ));
}

async fn an_empty_schema_is_only_initialised(world: &World) {
    wiped(world, WipeMark::Ignore).await;
    for table in migration_tables(world).await {
        world.run(&format!("DROP TABLE {table}")).await.unwrap();
    }
    world
        .run("CREATE TABLE `User` (username VARCHAR(191) NOT NULL PRIMARY KEY)")
        .await
        .unwrap();
    let refuse = |_| panic!("nothing is lost, so nobody is asked");
    assert_eq!(
        world.store.wipe(WipeMark::Respect, refuse).await.unwrap(),
        WipeOutcome::Initialised
    );
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    assert_eq!(
        zone::pause_reason(&world.store).await.unwrap(),
        None,
        "an ordinary first start"
    );
    world.user("user1").await;
    assert!(matches!(
        world.store.wipe(WipeMark::Respect, YES).await.unwrap(),
        WipeOutcome::Already(_)
    ));
    assert_eq!(count_users(world).await, 1);
}

/// The names that a wipe gives, with the mark's own table.
async fn migration_tables(world: &World) -> Vec<String> {
    let mut tables = wiped(world, WipeMark::Ignore).await;
    tables.push("starchart_wipe".to_owned());
    tables
}

async fn without_consent_nothing_changes(world: &World) {
    let user = world.user("user1").await;
    world.user("user2").await;
    world
        .run("UPDATE users SET deleted_at = 1 WHERE subject = 'user2'")
        .await
        .unwrap();
    world.create_www(&user).await;
    for mark in [WipeMark::Respect, WipeMark::Ignore] {
        let outcome = world.store.wipe(mark, |users| users == 0).await.unwrap();
        assert_eq!(
            outcome,
            WipeOutcome::Refused(1),
            "the deleted one does not count"
        );
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 1);
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    assert!(!world.store.rearm_wipe().await.unwrap(), "no mark was left");
}

async fn many_processes_wipe_once(world: &World) {
    world.user("user1").await;
    let stores = [
        world.another().await,
        world.another().await,
        world.another().await,
    ];
    let outcomes = join_all(
        stores
            .iter()
            .map(|store| store.wipe(WipeMark::Respect, YES)),
    )
    .await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, WipeOutcome::Wiped { .. }))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, WipeOutcome::Already(_)))
            .count(),
        2,
        "{outcomes:?}"
    );
    assert_eq!(count_users(world).await, 0);
}

/// Killed after some tables went, and killed before publishing was paused.
async fn an_interrupted_wipe_is_finished_by_the_next_process(world: &World) {
    let by_migrate = async |world: &World| world.store.migrate().await.map(drop).unwrap();
    let by_flag = async |world: &World| {
        let outcome = world
            .store
            .wipe(WipeMark::Respect, |_| panic!("it was allowed before"))
            .await
            .unwrap();
        assert!(matches!(outcome, WipeOutcome::Wiped { .. }), "{outcome:?}");
    };
    for half_dropped in [true, false] {
        for flag in [true, false] {
            world.user("user1").await;
            world.store.rearm_wipe().await.unwrap();
            wiped(world, WipeMark::Respect).await;
            zone::resume(&world.store).await.unwrap();
            world.user("user1").await;
            world
                .run("UPDATE starchart_wipe SET state = 'wiping'")
                .await
                .unwrap();
            if half_dropped {
                for table in ["seaql_migrations", "outbox", "zone_control", "dns_records"] {
                    world.run(&format!("DROP TABLE {table}")).await.unwrap();
                }
            }
            assert_eq!(
                world.store.schema().await.unwrap(),
                SchemaState::HalfWiped,
                "nothing may serve it"
            );
            assert!(
                !world.store.rearm_wipe().await.unwrap(),
                "what was begun stays known"
            );
            if flag {
                by_flag(world).await
            } else {
                by_migrate(world).await
            }
            assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
            assert_eq!(
                count_users(world).await,
                0,
                "half dropped: {half_dropped}, flag: {flag}"
            );
            assert!(zone::pause_reason(&world.store).await.unwrap().is_some());
        }
    }
}

async fn a_wipe_interrupted_after_the_new_tables_drops_nothing_more(world: &World) {
    wiped(world, WipeMark::Respect).await;
    zone::resume(&world.store).await.unwrap();
    // A user who has signed in since, at a replica that was not restarted.
    world.user("user1").await;
    world
        .run("UPDATE starchart_wipe SET state = 'made'")
        .await
        .unwrap();
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::HalfWiped);
    let migrated = world.store.migrate().await.unwrap();
    assert_eq!((migrated.steps, migrated.wiped), (0, Some(Vec::new())));
    assert_eq!(count_users(world).await, 1);
    assert!(zone::pause_reason(&world.store).await.unwrap().is_some());
    assert_eq!(world.store.schema().await.unwrap(), SchemaState::Fits);
    assert!(matches!(
        world.store.wipe(WipeMark::Respect, YES).await.unwrap(),
        WipeOutcome::Already(_)
    ));
}

async fn a_wipe_by_hand_leaves_a_flag_as_it_was(world: &World) {
    world.user("user1").await;
    wiped(world, WipeMark::Ignore).await;
    assert!(
        !world.store.rearm_wipe().await.unwrap(),
        "it was armed and is"
    );
    // After an interruption a wipe by hand drops nothing more, and finishing it disarms no flag.
    for (state, left) in [("wiping, armed", 0), ("made, armed", 1)] {
        world.user("user1").await;
        world.run("DELETE FROM starchart_wipe").await.unwrap();
        let mark =
            format!("INSERT INTO starchart_wipe (id, state, changed_at) VALUES (1, '{state}', 1)");
        world.run(&mark).await.unwrap();
        assert_eq!(
            world.store.wipe(WipeMark::Ignore, YES).await.unwrap(),
            WipeOutcome::HalfDone
        );
        assert_eq!(count_users(world).await, 1);
        world.store.migrate().await.unwrap();
        assert_eq!(
            (
                count_users(world).await,
                world.number("SELECT COUNT(*) FROM starchart_wipe").await
            ),
            (left, 0),
            "{state}"
        );
    }
    // A flag that finishes it has had its wipe.
    world
        .run("INSERT INTO starchart_wipe (id, state, changed_at) VALUES (1, 'wiping, armed', 1)")
        .await
        .unwrap();
    wiped(world, WipeMark::Respect).await;
    assert!(matches!(
        world.store.wipe(WipeMark::Respect, YES).await.unwrap(),
        WipeOutcome::Already(_)
    ));
}

async fn a_later_versions_schema_is_not_wiped(world: &World) {
    world.user("user1").await;
    world
        .run("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)")
        .await
        .unwrap();
    let refused = async || {
        for mark in [WipeMark::Respect, WipeMark::Ignore] {
            let outcome = world.store.wipe(mark, YES).await.unwrap();
            assert_eq!(
                outcome,
                WipeOutcome::Unknown(vec!["m9999_later".to_owned()])
            );
        }
        assert_eq!(count_users(world).await, 1);
    };
    refused().await;
    // Whatever of ours is missing beside it.
    world
        .run("DELETE FROM seaql_migrations WHERE version = 'm0041_import_rows'")
        .await
        .unwrap();
    refused().await;
}

async fn another_programs_list_of_steps_stays(world: &World) {
    let mut tables = wiped(world, WipeMark::Ignore).await;
    tables.retain(|table| table != "users");
    for table in tables {
        world.run(&format!("DROP TABLE {table}")).await.unwrap();
    }
    world
        .run(
            "CREATE TABLE seaql_migrations (version VARCHAR(255) NOT NULL PRIMARY KEY, \
             applied_at BIGINT NOT NULL)",
        )
        .await
        .unwrap();
    world
        .run("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20200101_their_own', 0)")
        .await
        .unwrap();
    // sea-orm could not make our tables beside steps that it does not know.
    let outcome = world.store.wipe(WipeMark::Ignore, YES).await.unwrap();
    assert_eq!(
        outcome,
        WipeOutcome::Unknown(vec!["m20200101_their_own".to_owned()])
    );
    assert_eq!(count_users(world).await, 0, "the table is there");
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM seaql_migrations WHERE version = 'm20200101_their_own'")
            .await,
        1
    );
}
