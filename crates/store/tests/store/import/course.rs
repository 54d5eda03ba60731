//! How an import begins, breaks off, goes on and ends.

use sqlx::Connection as _;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_import_changes_nothing_and_brings_nothing_back() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1", "student2", "stu.dent2"]),
        record(7, "student1", ("one", "A", "10.0.0.1"), 90, None),
        record(
            8,
            "student1",
            ("one", "CNAME", "pages.example.com"),
            90,
            None,
        ),
        record(9, "student2", ("two", "A", "10.0.0.2"), -3, None),
        certificate(1, "student1", "student1.starchart.com", 60, "issued"),
        certificate(2, "student2", "student2.starchart.com", 60, "pending"),
    ];
    let db = original(&rows.concat()).await;
    let checksums = async || {
        let mut sums = Vec::new();
        for table in ["`User`", "DnsRecord", "Certificate", "Challenge"] {
            sums.push(db.checksum(table).await);
        }
        sums
    };
    let source = checksums().await;
    let first = apply(&world, &db).await.unwrap();
    assert!(first.counts.to_do > 0);
    let size = sizes(&world).await;
    let second = apply(&world, &db).await.unwrap();
    assert_eq!(
        (second.counts.to_do, second.counts.done),
        (0, first.counts.to_do)
    );
    assert_eq!(second.by_topic(), first.by_topic(), "the report stays");
    assert_eq!(sizes(&world).await, size);
    assert_eq!(
        checksums().await,
        source,
        "the original's rows stay as they are"
    );

    // What users do afterwards is kept.
    let who = sign_in(&world, "student1", "student1").await;
    records::delete(&world.store, who.id, RecordId(7), &who.context)
        .await
        .unwrap();
    certificates::delete(&world.store, who.id, &who.context)
        .await
        .unwrap();
    zone::resume(&world.store).await.unwrap();
    let third = apply(&world, &db).await.unwrap();
    assert_eq!(third.counts.to_do, 0, "{:?}", third.lines);
    assert!(
        records::list(&world.store, who.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        zone::pause_reason(&world.store).await.unwrap(),
        None,
        "nothing to do pauses nothing"
    );

    // What the original got since comes too, unless its number was given here.
    world.create(&who, "mine", "A", "10.0.0.9").await.unwrap();
    let taken = world.number("SELECT MAX(id) FROM dns_records").await;
    let late = record(taken, "student1", ("late", "A", "10.0.0.3"), 90, None)
        + &record(taken + 5, "student1", ("later", "A", "10.0.0.4"), 90, None)
        + &record(taken + 6, "student1", ("mine", "A", "10.0.0.5"), 90, None);
    db.run(&late).await;
    let fourth = apply(&world, &db).await.unwrap();
    assert_eq!((fourth.counts.to_do, fourth.counts.new_records), (3, 1));
    let out = lines(&fourth, Topic::RecordLeftOut).join("\n");
    assert!(
        out.contains("has this number already") && out.contains("at this name since"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_import_continues() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1"]),
        record(1, "student1", ("www", "A", "10.0.0.1"), -1, None),
        record(
            2,
            "student1",
            ("www", "CNAME", "pages.example.com"),
            90,
            None,
        ),
        certificate(2, "student1", "student1.starchart.com", 60, "issued"),
    ];
    let db = original(&rows.concat()).await;
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let rules = Rules::new();
    let asked = std::sync::atomic::AtomicU32::new(0);
    let broken = |key: &Secret, certificate: &str, chain: &str| match asked
        .fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    {
        0 => read_certificate(key, certificate, chain),
        _ => Err("the disk broke".to_owned()),
    };
    let fault = import::apply(
        &world.store,
        &original,
        &Options {
            certificate: &broken,
            ..rules.options()
        },
    )
    .await
    .unwrap_err();
    assert!(fault.to_string().contains("the disk broke"), "{fault}");
    let Progress::Begun(begun) = import::progress(&world.store).await.unwrap() else {
        panic!("it was begun")
    };
    assert!(
        import::pause_if_pending(&world.store)
            .await
            .unwrap()
            .unwrap()
            .contains("began")
    );

    world.later(DAY_MS);
    let report = apply(&world, &db).await.unwrap();
    assert_eq!((report.counts.done, report.counts.to_do), (3, 1));
    assert_eq!(
        lines(&report, Topic::Ended).len(),
        1,
        "lines of what was done before are said again"
    );
    let out = lines(&report, Topic::RecordLeftOut).join("\n");
    assert!(
        out.ends_with("a CNAME stands alone, and #1 A is older"),
        "the reason stays: {out}"
    );
    assert_eq!(
        world.number("SELECT expires_at FROM dns_records").await,
        begun.plus(30 * DAY_MS).as_millis()
    );
    assert!(matches!(
        import::progress(&world.store).await.unwrap(),
        Progress::Finished(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_import_at_a_time() {
    let world = World::mysql().await;
    let db = original(
        &(user_rows(&["student1"]) + &record(1, "student1", ("www", "A", "10.0.0.1"), 90, None)),
    )
    .await;
    let both = futures_util::future::join(apply(&world, &db), apply(&world, &db)).await;
    let one = both.0.unwrap().counts;
    let other = both.1.unwrap().counts;
    assert_eq!(
        one.to_do + other.to_do,
        2,
        "one does it, the other finds nothing to do"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_made_meanwhile_are_kept() {
    let world = World::mysql().await;
    let db = original(
        &(user_rows(&["student1"]) + &record(1, "student1", ("www", "A", "10.0.0.1"), 90, None)),
    )
    .await;
    // Users are here, and the first name does not come.
    let stop = "CREATE TRIGGER stop BEFORE INSERT ON names FOR EACH ROW SIGNAL SQLSTATE '45000'";
    world.run(stop).await.unwrap();
    apply(&world, &db).await.unwrap_err();
    world.run("DROP TRIGGER stop").await.unwrap();
    let who = sign_in(&world, "student1", "student1").await;
    let made = world.create(&who, "mine", "A", "10.0.0.9").await.unwrap();
    assert!(made.id.0 > 1);
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(
        (
            report.counts.new_records,
            lines(&report, Topic::RecordLeftOut).len()
        ),
        (1, 0)
    );
    let mut ids: Vec<i64> = records::list(&world.store, who.id)
        .await
        .unwrap()
        .iter()
        .map(|record| record.id.0)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, made.id.0]);
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_imported_is_reported() {
    let db = original("").await;
    let sqlite = World::sqlite().await;
    assert!(matches!(
        look(&sqlite, &db).await,
        Err(ImportError::Embedded)
    ));

    let world = World::mysql().await;
    let other = Original::open(&Secret::new(world.url())).await.unwrap_err();
    assert!(
        other.to_string().contains("lacks the table User"),
        "{other}"
    );
    db.run("ALTER TABLE DnsRecord DROP COLUMN course").await;
    let other = Original::open(&Secret::new(db.url())).await.unwrap_err();
    assert!(
        other
            .to_string()
            .contains("lacks the column DnsRecord.course"),
        "{other}"
    );

    let who = world.user("user1").await;
    world.create(&who, "www", "A", "10.0.0.1").await.unwrap();
    let made = world.number("SELECT MAX(id) FROM dns_records").await;
    let rows =
        user_rows(&["student1"]) + &record(made, "student1", ("www", "A", "10.0.0.1"), 90, None);
    let db = original(&rows).await;
    assert!(matches!(
        look(&world, &db).await,
        Err(ImportError::NotEmpty(1))
    ));
    assert!(matches!(
        apply(&world, &db).await,
        Err(ImportError::NotEmpty(1))
    ));
    assert_eq!(zone::pause_reason(&world.store).await.unwrap(), None);

    // Records without a conflict stay beside the imported ones.
    db.run(&format!(
        "UPDATE DnsRecord SET id = {} WHERE id = {made}",
        made + 100
    ))
    .await;
    assert_eq!(apply(&world, &db).await.unwrap().counts.new_records, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_is_not_waited_for() {
    let world = World::mysql().await;
    let db = original(
        &(user_rows(&["student1"]) + &record(7, "student1", ("www", "A", "10.0.0.1"), 90, None)),
    )
    .await;
    let mut held = sqlx::MySqlConnection::connect(&world.url()).await.unwrap();
    sqlx::raw_sql("START TRANSACTION; SELECT COUNT(*) FROM dns_records")
        .execute(&mut held)
        .await
        .unwrap();
    let fault = apply(&world, &db).await.unwrap_err();
    assert!(matches!(fault, ImportError::InUse), "{fault}");
    held.close().await.unwrap();
    assert_eq!(
        apply(&world, &db).await.unwrap().counts.new_records,
        1,
        "it goes on when asked again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_is_paused_beside_the_originals_tables() {
    let world = World::mysql().await;
    assert_eq!(import::pause_if_pending(&world.store).await.unwrap(), None);
    OriginalDatabase::empty().build(&world.url()).await.unwrap();
    assert_eq!(
        import::progress(&world.store).await.unwrap(),
        Progress::Pending
    );
    let reason = import::pause_if_pending(&world.store)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        zone::pause_reason(&world.store).await.unwrap().as_deref(),
        Some(reason)
    );
    assert!(import::skip(&world.store).await.unwrap());
    assert_eq!(zone::pause_reason(&world.store).await.unwrap(), None);
    assert_eq!(import::pause_if_pending(&world.store).await.unwrap(), None);

    assert!(
        import::skip(&world.store).await.unwrap(),
        "it may be said twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_originals_tables_may_be_in_our_database() {
    let world = World::mysql().await;
    OriginalDatabase::empty().build(&world.url()).await.unwrap();
    import::pause_if_pending(&world.store).await.unwrap();
    world
        .run(
            &(user_rows(&["student1"])
                + &record(1, "student1", ("www", "A", "10.0.0.1"), 90, None)),
        )
        .await
        .unwrap();
    let original = Original::open(&Secret::new(world.url())).await.unwrap();
    import::apply(&world.store, &original, &Rules::new().options())
        .await
        .unwrap();
    assert!(matches!(
        import::progress(&world.store).await.unwrap(),
        Progress::Finished(_)
    ));
    let reason = zone::pause_reason(&world.store).await.unwrap().unwrap();
    assert!(
        reason.contains("were imported"),
        "the reason is a new one: {reason}"
    );
    assert!(
        !import::skip(&world.store).await.unwrap(),
        "what was done cannot be unwanted"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM DnsRecord").await, 1);
}
