//! Records, notices, certificates.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_stay_as_they_are() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1"]),
        record(7, "student1", ("WWW", "A", "192.168.1.1"), 90, None),
        record(9, "STUDENT1", ("www", "MX", "Mail.Example.com"), 90, None),
        record(8, "student1", ("loop", "A", "127.0.0.1"), 90, None),
        record(900, "student1", ("link", "AAAA", "fe80::1%eth0"), 90, None),
        record(20, "student1", ("same", "AAAA", "2001:0db8::1"), 90, None),
        record(10, "student1", ("same", "AAAA", "2001:db8::1"), 90, None),
        record(11, "student1", ("both", "A", "10.0.0.1"), 90, None),
        record(
            12,
            "student1",
            ("both", "CNAME", "pages.example.com"),
            90,
            None,
        ),
        record(
            13,
            "student1",
            ("_acme-challenge", "TXT", "by hand"),
            90,
            None,
        ),
        certificate(1, "student1", "student1.starchart.com", 1, "pending"),
        "INSERT INTO Challenge VALUES (3, 'student1.starchart.com', 'x', 1);".to_owned(),
        record(14, "student1", ("odd", "TXT", "left behind"), 90, None),
        "UPDATE DnsRecord SET challengeId = 3 WHERE id = 14;".to_owned(),
    ];
    let db = original(&rows.concat()).await;
    let looked = look(&world, &db).await.unwrap();
    assert_eq!(sizes(&world).await, [0; 8], "a look writes nothing");
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(
        report.by_topic(),
        looked.by_topic(),
        "what was said is what is done"
    );
    assert_eq!((report.counts.records, report.counts.new_records), (10, 6));
    assert_eq!(
        lines(&report, Topic::RecordLeftOut),
        [
            "#12 both.student1.starchart.com CNAME pages.example.com: a CNAME stands alone, and \
             #11 A is older",
            "#20 same.student1.starchart.com AAAA 2001:0db8::1: the older record #10 says the same",
        ]
    );
    assert_eq!(
        lines(&report, Topic::Challenge),
        [
            "#13 _acme-challenge.student1.starchart.com TXT by hand of student1",
            "#14 odd.student1.starchart.com TXT left behind of student1",
        ]
    );
    assert_eq!(lines(&report, Topic::Rule).len(), 1);
    assert!(
        lines(&report, Topic::Rule)[0]
            .contains("#8 loop.student1.starchart.com A 127.0.0.1 of student1: this is a loopback")
    );
    assert_eq!(lines(&report, Topic::NotInZone).len(), 1);

    let who = sign_in(&world, "student1", "student1").await;
    let all = records::list(&world.store, who.id).await.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|r| {
            (
                r.id.0,
                r.name.as_str(),
                r.presentation.as_str(),
                r.input.as_str(),
            )
        })
        .collect();
    let base = "student1.starchart.com";
    assert_eq!(
        seen,
        [
            (11, &*format!("both.{base}"), "10.0.0.1", "10.0.0.1"),
            (900, &format!("link.{base}"), "fe80::1%eth0", "fe80::1%eth0"),
            (8, &format!("loop.{base}"), "127.0.0.1", "127.0.0.1"),
            (10, &format!("same.{base}"), "2001:db8::1", "2001:db8::1"),
            (7, &format!("www.{base}"), "192.168.1.1", "192.168.1.1"),
            (
                9,
                &format!("www.{base}"),
                "10 mail.example.com.",
                "Mail.Example.com"
            ),
        ]
    );
    assert_eq!(all[0].course.as_deref(), Some("course1"));
    assert_eq!(all[0].created_at.rfc3339(), "2025-03-01T08:00:00Z");
    let states: Vec<String> = all
        .iter()
        .map(|record| format!("{:?}", record.state))
        .collect();
    assert!(
        states[1].starts_with("Refused")
            && states.iter().filter(|state| *state == "InSync").count() == 5,
        "{states:?}"
    );
    let unpublished = zone::list_unpublished(&world.store, 100).await.unwrap();
    assert!(
        unpublished.is_empty(),
        "what stands in the zone is not sent again, and what cannot stand there waits"
    );
    assert!(zone::pause_reason(&world.store).await.unwrap().is_some());

    let next = world.create(&who, "fresh", "A", "10.0.0.9").await.unwrap();
    assert!(
        next.id.0 > 900,
        "new records get numbers beyond the original's"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notified_users_get_no_second_mail() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1", "student2"]),
        record(1, "student1", ("told", "A", "10.0.0.1"), 5, Some(25)),
        record(2, "student1", ("too", "A", "10.0.0.2"), 6, Some(25)),
        record(3, "student1", ("ended", "A", "10.0.0.3"), -2, Some(32)),
        record(4, "student2", ("untold", "A", "10.0.0.4"), 5, None),
        record(5, "student2", ("edited", "A", "10.0.0.5"), 150, Some(30)),
        record(6, "student1", ("lately", "A", "10.0.0.6"), 5, Some(2)),
    ];
    let db = original(&rows.concat()).await;
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(lines(&report, Topic::Ended).len(), 1);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM outbox WHERE state <> 'sent'")
            .await,
        0,
        "an import mails nobody"
    );
    let step = async |step: ExpiryStep| {
        let due = expiry::list_due_users(&world.store, step, None, 100)
            .await
            .unwrap();
        let users: Vec<UserId> = due.iter().map(|(user, _)| *user).collect();
        expiry::run_step(&world.store, step, &users).await.unwrap()
    };
    let left = async || {
        let mut ids = Vec::new();
        for id in 1..=6 {
            if world
                .number(&format!("SELECT COUNT(*) FROM dns_records WHERE id = {id}"))
                .await
                == 1
            {
                ids.push(id);
            }
        }
        ids
    };
    assert_eq!(
        step(ExpiryStep::ExpireRecords).await,
        0,
        "nothing goes at once"
    );
    assert_eq!(
        step(ExpiryStep::NotifyRecords).await,
        2,
        "the untold one, and the one that had ended"
    );
    assert_eq!(step(ExpiryStep::NotifyRecords).await, 0);
    // At every time of day the fifth day is over then, and the sixth is not.
    world.later(6 * DAY_MS);
    assert_eq!(
        step(ExpiryStep::ExpireRecords).await,
        2 - 1 + 1,
        "notified long ago: {:?}",
        left().await
    );
    assert_eq!(left().await, [2, 3, 4, 5]);
    world.later(2 * DAY_MS);
    step(ExpiryStep::ExpireRecords).await;
    assert_eq!(
        left().await,
        [3, 4, 5],
        "the mail to the others was not sent here"
    );
    world
        .run("UPDATE outbox SET state = 'sent', sent_at = created_at WHERE state = 'pending'")
        .await
        .unwrap();
    world.later(15 * DAY_MS);
    step(ExpiryStep::ExpireRecords).await;
    assert_eq!(left().await, [3, 5], "what had ended lives 30 days more");
    world.later(10 * DAY_MS);
    step(ExpiryStep::ExpireRecords).await;
    assert_eq!(left().await, [5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_come_sealed_and_the_newest_is_in_use() {
    let world = World::mysql().await;
    let rows = [
        user_rows(&["student1", "stu.dent1", "student2", "student3", "student4"]),
        certificate(1, "student1", "student1.starchart.com", 20, "issued"),
        certificate(2, "student1", "Student1.starchart.com", 60, "issued"),
        certificate(3, "student1", "student1.starchart.com", -5, "issued"),
        certificate(4, "stu.dent1", "student1.starchart.com", 60, "issued"),
        certificate(5, "student2", "student2.starchart.com", 60, "issued"),
        "UPDATE Certificate SET privateKey = 'key1' WHERE id = 5;".to_owned(),
        certificate(6, "student3", "student3.starchart.com", 0, "pending"),
        certificate(7, "student4", "student4.starchart.com", 0, "failed"),
    ];
    let db = original(&rows.concat()).await;
    let without = starchart_store::Store::connect(&starchart_store::ConnectOptions::new(
        Secret::new(world.url()),
    ))
    .await
    .unwrap();
    let source = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::apply(&without, &source, &Rules::new().options())
        .await
        .unwrap();
    assert_eq!(
        lines(&report, Topic::NoKeys).len(),
        2,
        "without keys the certificates wait"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM certificates").await, 0);

    let report = apply(&world, &db).await.unwrap();
    assert_eq!(
        (report.counts.new_certificates, report.counts.to_do),
        (2, 2)
    );
    assert_eq!(lines(&report, Topic::NoKeys), Vec::<String>::new());
    let out = lines(&report, Topic::CertificateLeftOut);
    assert!(
        out.len() == 2 && out[0].contains("#4 ") && out[0].contains("not this user's"),
        "{out:?}"
    );
    assert!(
        out[1].contains("#5 ") && out[1].contains("another certificate's"),
        "{out:?}"
    );
    assert_eq!(
        lines(&report, Topic::AskAgain),
        ["#6 *.student3.starchart.com of student3"]
    );

    assert_eq!(
        zone::pause_reason(&world.store).await.unwrap(),
        None,
        "certificates hold up no name"
    );
    let owner = user(&world, "student1").await;
    let overview = certificates::load_overview(&world.store, owner)
        .await
        .unwrap();
    let active = overview.active.unwrap();
    assert_eq!(
        (active.certificate.as_str(), active.chain.as_str()),
        ("certificate2", "chain")
    );
    let key = certificates::load_private_key(&world.store, owner, active.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.expose(), "key2");
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificates WHERE state = 'replaced' AND key_id IS NULL")
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificates WHERE key_ciphertext LIKE '%key2%'")
            .await,
        0
    );
    let third = certificates::load_overview(&world.store, user(&world, "student3").await)
        .await
        .unwrap();
    assert!(
        third
            .order
            .unwrap()
            .problem
            .unwrap()
            .ends_with("Please ask again.")
    );
    assert_eq!(
        certificates::load_overview(&world.store, user(&world, "student4").await)
            .await
            .unwrap()
            .order,
        None
    );
}
