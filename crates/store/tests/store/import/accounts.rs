//! The import of users, their labels and their domains.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_keep_their_labels_and_sign_in() {
    let world = World::mysql().await;
    // A user exists already.
    let here = users::sign_in(&world.store, &identity("student4"))
        .await
        .unwrap();
    let db = original(&user_rows(&[
        "Stu.Dent1",
        "student1",
        "ad.min",
        "student_3",
        "student4",
        "kürzel",
    ]))
    .await;
    let report = apply(&world, &db).await.unwrap();
    assert_eq!((report.counts.users, report.counts.new_users), (6, 5));
    assert_eq!(
        lines(&report, Topic::NoName),
        [
            "ad.min: the name admin is kept for the school",
            "kürzel: kürzel is not a valid name",
            "student1: the name student1 stays with the older account Stu.Dent1",
            "student_3: student_3 is not a valid name",
        ]
    );
    let mut who = identity("STU.dent1");
    who.username = "Stu.Dent1".to_owned();
    let user = users::sign_in(&world.store, &who).await.unwrap();
    assert_eq!(user.label.unwrap().as_str(), "student1");
    assert_eq!(user.created_at.rfc3339(), "2025-01-01T10:00:00Z");
    let user = users::sign_in(&world.store, &identity("student4"))
        .await
        .unwrap();
    assert_eq!(
        (user.id, user.label.unwrap().as_str()),
        (here.id, "student4"),
        "whoever is here gets the label"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM users WHERE is_student = 1")
            .await,
        6
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM users WHERE is_admin = 1")
            .await,
        0,
        "groups count by exact name"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_names_that_differ_in_case_are_one_user() {
    let world = World::mysql().await;
    let rows = "ALTER TABLE DnsRecord DROP FOREIGN KEY DnsRecord_username_fkey; \
         ALTER TABLE Certificate DROP FOREIGN KEY Certificate_username_fkey; ALTER TABLE `User` \
         CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; \
         ALTER TABLE DnsRecord CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; \
         ALTER TABLE Certificate CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;";
    let records = record(5, "Student1", ("one", "A", "10.0.0.1"), 90, None)
        + &record(6, "student1", ("two", "A", "10.0.0.2"), 90, None);
    let db = original(&format!(
        "{rows}{}{records}",
        user_rows(&["student1", "Student1"])
    ))
    .await;
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(
        lines(&report, Topic::SharedSubject),
        ["Student1 goes on as student1"]
    );
    let all = records::list(&world.store, user(&world, "student1").await)
        .await
        .unwrap();
    assert_eq!(
        all.iter().map(|record| record.id.0).collect::<Vec<_>>(),
        [5, 6]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_who_shared_a_domain_keep_their_records() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1", "stu.dent1"]),
        record(1, "student1", ("shared", "A", "10.0.0.1"), 90, None),
        record(2, "stu.dent1", ("shared", "A", "10.0.0.2"), 90, None),
        record(3, "stu.dent1", ("theirs", "A", "10.0.0.3"), 90, None),
    ];
    let report = apply(&world, &original(&rows.concat()).await)
        .await
        .unwrap();
    assert_eq!(
        lines(&report, Topic::ElsewhereRecord),
        [
            "#2 shared.student1.starchart.com A 10.0.0.2 of stu.dent1",
            "#3 theirs.student1.starchart.com A 10.0.0.3 of stu.dent1",
        ]
    );
    let (keeper, other) = (
        sign_in(&world, "student1", "student1").await,
        sign_in(&world, "stu.dent1", "other").await,
    );
    assert!(matches!(
        world.create(&keeper, "theirs", "A", "10.0.0.9").await,
        Err(RecordError::NameTaken)
    ));
    world
        .create(&keeper, "shared", "A", "10.0.0.9")
        .await
        .unwrap();
    world.renew(&other, RecordId(2)).await.unwrap();
    let new = other.record("www", "A", "10.0.0.2");
    let moved = records::edit(&world.store, other.id, RecordId(2), &new, &other.context)
        .await
        .unwrap();
    assert_eq!(moved.name, "www.other.starchart.com");
    records::delete(&world.store, other.id, RecordId(3), &other.context)
        .await
        .unwrap();
    world
        .create(&keeper, "theirs", "A", "10.0.0.9")
        .await
        .unwrap();
}
