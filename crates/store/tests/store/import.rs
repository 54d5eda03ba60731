//! The original's rows, taken over. Its database is always MySQL, and so is ours then.

use starchart_domain::names::RootDomain;
use starchart_domain::record::RecordId;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::{GroupNames, UserId};
use starchart_store::expiry::{self, Step};
use starchart_store::import::{self, ImportError, Issued, Options, Original, Progress, Report, Topic};
use starchart_store::records::{self, RecordError};
use starchart_store::{certificates, users, zone};
use starchart_testkit::mariadb::TestDb;
use starchart_testkit::original::School;

use crate::world::{DAY_MS, Person, World, identity, root};

/// A database in the original's schema with these rows; each statement ends in a semicolon.
async fn original(rows: &str) -> TestDb {
    let db = TestDb::create().await;
    School::empty().build(&db.url()).await.unwrap();
    if !rows.is_empty() {
        db.run(rows).await;
    }
    db
}

/// People, the first the oldest.
fn people(usernames: &[&str]) -> String {
    let row = |(n, username): (usize, &&str)| {
        format!(
            "('{username}', 'Student {n}', '{n}@school.example', 'mycustomdomain-students, mycustomdomain-admins-not', \
             '2025-01-{:02} 10:00:00.123', '2025-02-01 10:00:00')",
            n + 1
        )
    };
    let rows: Vec<String> = usernames.iter().enumerate().map(row).collect();
    format!("INSERT INTO `User` VALUES {};", rows.join(", "))
}

/// A record that ends in `days`; `told`: how many days ago its person was.
fn record(id: i64, username: &str, what: (&str, &str, &str), days: i64, told: Option<i64>) -> String {
    let (subdomain, rtype, value) = what;
    let told = told.map_or("NULL".to_owned(), |ago| format!("UTC_TIMESTAMP(3) - INTERVAL {ago} DAY"));
    format!(
        "INSERT INTO DnsRecord (id, username, subdomain, type, value, course, createdAt, updatedAt, expiresAt, lastNotified) \
         VALUES ({id}, '{username}', '{subdomain}', '{rtype}', '{value}', 'course1', '2025-03-01 08:00:00', \
         '2025-03-01 08:00:00', UTC_TIMESTAMP(3) + INTERVAL {days} DAY, {told});"
    )
}

/// A certificate that ends in `days`, as [`read_certificate`] reads it.
fn certificate(id: i64, username: &str, domain: &str, days: i64, status: &str) -> String {
    format!(
        "INSERT INTO Certificate (id, username, domain, orderUrl, privateKey, certificate, chain, status) VALUES ({id}, \
         '{username}', '{domain}', 'url{id}', 'key{id}', 'certificate{id} {days}', 'chain', '{status}');"
    )
}

/// Certificates here are `certificateN DAYS` and fit the key `keyN`.
fn read_certificate(key: &Secret, certificate: &str, chain: &str) -> Result<Issued, String> {
    let (name, days) = certificate.split_once(' ').ok_or("no certificate")?;
    if key.expose().strip_prefix("key") != name.strip_prefix("certificate") {
        return Err("the private key is another certificate's".to_owned());
    }
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let end = Timestamp::from_millis(i64::try_from(today).unwrap() + days.parse::<i64>().unwrap() * DAY_MS);
    Ok(Issued { certificate: name.to_owned(), chain: chain.to_owned(), not_before: end.plus(-90 * DAY_MS), not_after: end })
}

struct Rules {
    root: RootDomain,
    groups: GroupNames,
}

impl Rules {
    fn new() -> Self {
        Self { root: root(), groups: GroupNames::with_prefix("mycustomdomain") }
    }

    fn options(&self) -> Options<'_> {
        Options { root: &self.root, groups: &self.groups, certificate: &read_certificate }
    }
}

async fn apply(world: &World, db: &TestDb) -> Result<Report, ImportError> {
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::apply(&world.store, &original, &Rules::new().options()).await;
    original.close().await;
    report
}

async fn look(world: &World, db: &TestDb) -> Result<Report, ImportError> {
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::look(&world.store, &original, &Rules::new().options()).await;
    original.close().await;
    report
}

fn lines(report: &Report, topic: Topic) -> Vec<String> {
    let mut lines: Vec<String> =
        report.by_topic().get(&topic).map_or(Vec::new(), |lines| lines.iter().map(|line| (*line).to_owned()).collect());
    lines.sort();
    lines
}

/// How many rows each of our tables has that an import writes.
async fn sizes(world: &World) -> Vec<i64> {
    let mut sizes = Vec::new();
    for table in
        ["users", "names", "dns_records", "certificates", "certificate_orders", "outbox", "import_rows", "zone_control"]
    {
        sizes.push(world.number(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    sizes
}

async fn user(world: &World, username: &str) -> UserId {
    UserId(world.number(&format!("SELECT id FROM users WHERE subject = '{}'", username.to_lowercase())).await)
}

/// The person with the label, for what they do themselves.
async fn person(world: &World, username: &str, label: &str) -> Person {
    let id = user(world, username).await;
    let label = starchart_domain::names::Label::assigned(label).unwrap();
    let act = starchart_store::audit::Act { by: id, on_behalf_of: None, request_id: "request" };
    Person { id, base: root().base(&label), act }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_with_their_labels_and_sign_in_to_them() {
    let world = World::mysql().await;
    // Somebody is here already.
    let here = users::sign_in(&world.store, &identity("student4")).await.unwrap();
    let db = original(&people(&["Stu.Dent1", "student1", "ad.min", "student_3", "student4", "kürzel"])).await;
    let report = apply(&world, &db).await.unwrap();
    assert_eq!((report.counts.people, report.counts.new_people), (6, 5));
    assert_eq!(
        lines(&report, Topic::NoName),
        [
            "ad.min: the name admin is kept for the school",
            "kürzel: kürzel can be no name here",
            "student1: the name student1 stays with the older account Stu.Dent1",
            "student_3: student_3 can be no name here",
        ]
    );
    let mut who = identity("STU.dent1");
    who.username = "Stu.Dent1".to_owned();
    let user = users::sign_in(&world.store, &who).await.unwrap();
    assert_eq!(user.label.unwrap().as_str(), "student1");
    assert_eq!(user.created_at.rfc3339(), "2025-01-01T10:00:00Z");
    let user = users::sign_in(&world.store, &identity("student4")).await.unwrap();
    assert_eq!((user.id, user.label.unwrap().as_str()), (here.id, "student4"), "whoever is here gets the label");
    assert_eq!(world.number("SELECT COUNT(*) FROM users WHERE is_student = 1").await, 6);
    assert_eq!(world.number("SELECT COUNT(*) FROM users WHERE is_admin = 1").await, 0, "groups count by exact name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_names_that_differ_in_case_are_one_person() {
    let world = World::mysql().await;
    let rows = "ALTER TABLE DnsRecord DROP FOREIGN KEY DnsRecord_username_fkey; \
         ALTER TABLE Certificate DROP FOREIGN KEY Certificate_username_fkey; ALTER TABLE `User` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; \
         ALTER TABLE DnsRecord CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; \
         ALTER TABLE Certificate CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;";
    let records =
        record(5, "Student1", ("one", "A", "10.0.0.1"), 90, None) + &record(6, "student1", ("two", "A", "10.0.0.2"), 90, None);
    let db = original(&format!("{rows}{}{records}", people(&["student1", "Student1"]))).await;
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(lines(&report, Topic::OnePerson), ["Student1 goes on as student1"]);
    let all = records::list(&world.store, user(&world, "student1").await).await.unwrap();
    assert_eq!(all.iter().map(|record| record.id.0).collect::<Vec<_>>(), [5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_stay_as_they_are() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1"]),
        record(7, "student1", ("WWW", "A", "192.168.1.1"), 90, None),
        record(9, "STUDENT1", ("www", "MX", "Mail.Example.com"), 90, None),
        record(8, "student1", ("loop", "A", "127.0.0.1"), 90, None),
        record(900, "student1", ("link", "AAAA", "fe80::1%eth0"), 90, None),
        record(20, "student1", ("same", "AAAA", "2001:0db8::1"), 90, None),
        record(10, "student1", ("same", "AAAA", "2001:db8::1"), 90, None),
        record(11, "student1", ("both", "A", "10.0.0.1"), 90, None),
        record(12, "student1", ("both", "CNAME", "pages.example.com"), 90, None),
        record(13, "student1", ("_acme-challenge", "TXT", "by hand"), 90, None),
        certificate(1, "student1", "student1.starchart.com", 1, "pending"),
        "INSERT INTO Challenge VALUES (3, 'student1.starchart.com', 'x', 1);".to_owned(),
        record(14, "student1", ("odd", "TXT", "left behind"), 90, None),
        "UPDATE DnsRecord SET challengeId = 3 WHERE id = 14;".to_owned(),
    ];
    let db = original(&rows.concat()).await;
    let looked = look(&world, &db).await.unwrap();
    assert_eq!(sizes(&world).await, [0; 8], "a look writes nothing");
    let report = apply(&world, &db).await.unwrap();
    assert_eq!(report.by_topic(), looked.by_topic(), "what was said is what is done");
    assert_eq!((report.counts.records, report.counts.new_records), (10, 6));
    assert_eq!(
        lines(&report, Topic::RecordLeftOut),
        [
            "#12 both.student1.starchart.com CNAME pages.example.com: a CNAME stands alone, and #11 A is older",
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
        lines(&report, Topic::Rule)[0].contains("#8 loop.student1.starchart.com A 127.0.0.1 of student1: this is a loopback")
    );
    assert_eq!(lines(&report, Topic::NotInZone).len(), 1);

    let who = person(&world, "student1", "student1").await;
    let all = records::list(&world.store, who.id).await.unwrap();
    let seen: Vec<_> = all.iter().map(|r| (r.id.0, r.name.as_str(), r.content.as_str(), r.typed.as_str())).collect();
    let base = "student1.starchart.com";
    assert_eq!(
        seen,
        [
            (11, &*format!("both.{base}"), "10.0.0.1", "10.0.0.1"),
            (900, &format!("link.{base}"), "fe80::1%eth0", "fe80::1%eth0"),
            (8, &format!("loop.{base}"), "127.0.0.1", "127.0.0.1"),
            (10, &format!("same.{base}"), "2001:db8::1", "2001:db8::1"),
            (7, &format!("www.{base}"), "192.168.1.1", "192.168.1.1"),
            (9, &format!("www.{base}"), "10 mail.example.com.", "Mail.Example.com"),
        ]
    );
    assert_eq!(all[0].course.as_deref(), Some("course1"));
    assert_eq!(all[0].created_at.rfc3339(), "2025-03-01T08:00:00Z");
    let states: Vec<String> = all.iter().map(|record| format!("{:?}", record.state)).collect();
    assert!(states[1].starts_with("Refused") && states.iter().filter(|state| *state == "InSync").count() == 5, "{states:?}");
    let dirty = zone::dirty(&world.store, 100).await.unwrap();
    assert_eq!(dirty, [], "what stands in the zone is not sent again, and what cannot stand there waits");
    assert!(zone::paused(&world.store).await.unwrap().is_some());

    let next = world.create(&who, "fresh", "A", "10.0.0.9").await.unwrap();
    assert!(next.id.0 > 900, "new records get numbers beyond the original's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_import_changes_nothing_and_brings_nothing_back() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1", "student2", "stu.dent2"]),
        record(7, "student1", ("one", "A", "10.0.0.1"), 90, None),
        record(8, "student1", ("one", "CNAME", "pages.example.com"), 90, None),
        record(9, "student2", ("two", "A", "10.0.0.2"), -3, None),
        certificate(1, "student1", "student1.starchart.com", 60, "issued"),
        certificate(2, "student2", "student2.starchart.com", 60, "pending"),
    ];
    let db = original(&rows.concat()).await;
    let checksums = async |n: i64| {
        let mut sums = Vec::new();
        for table in ["`User`", "DnsRecord", "Certificate", "Challenge"] {
            sums.push(db.number(&format!("SELECT COUNT(*) + {n} FROM {table}")).await);
        }
        sums
    };
    let source = checksums(0).await;
    let first = apply(&world, &db).await.unwrap();
    assert!(first.counts.to_do > 0);
    let size = sizes(&world).await;
    let second = apply(&world, &db).await.unwrap();
    assert_eq!((second.counts.to_do, second.counts.done), (0, first.counts.to_do));
    assert_eq!(second.by_topic(), first.by_topic(), "the report stays");
    assert_eq!(sizes(&world).await, size);
    assert_eq!(checksums(0).await, source);

    // What people do afterwards stands.
    let who = person(&world, "student1", "student1").await;
    records::delete(&world.store, who.id, RecordId(7), &who.act).await.unwrap();
    certificates::delete(&world.store, who.id, &who.act).await.unwrap();
    zone::resume(&world.store).await.unwrap();
    let third = apply(&world, &db).await.unwrap();
    assert_eq!(third.counts.to_do, 0, "{:?}", third.lines);
    assert!(records::list(&world.store, who.id).await.unwrap().is_empty());
    assert_eq!(zone::paused(&world.store).await.unwrap(), None, "nothing to do pauses nothing");

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
    assert!(out.contains("has this number already") && out.contains("at this name since"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_mailed_again_and_nothing_goes_untold() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1", "student2"]),
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
    assert_eq!(world.number("SELECT COUNT(*) FROM outbox WHERE state <> 'sent'").await, 0, "an import mails nobody");
    let step = async |step: Step| {
        let due = expiry::people(&world.store, step, None, 100).await.unwrap();
        let people: Vec<UserId> = due.iter().map(|(user, _)| *user).collect();
        expiry::take(&world.store, step, &people).await.unwrap()
    };
    let left = async || {
        let mut ids = Vec::new();
        for id in 1..=6 {
            if world.number(&format!("SELECT COUNT(*) FROM dns_records WHERE id = {id}")).await == 1 {
                ids.push(id);
            }
        }
        ids
    };
    assert_eq!(step(Step::EndRecords).await, 0, "nothing goes at once");
    assert_eq!(step(Step::TellRecords).await, 2, "the untold one, and the one that had ended");
    assert_eq!(step(Step::TellRecords).await, 0);
    world.later(5 * DAY_MS + DAY_MS / 2);
    assert_eq!(step(Step::EndRecords).await, 2 - 1 + 1, "told long ago: {:?}", left().await);
    assert_eq!(left().await, [2, 3, 4, 5]);
    world.later(2 * DAY_MS);
    step(Step::EndRecords).await;
    assert_eq!(left().await, [3, 4, 5], "the mail to the others was not sent here");
    world.run("UPDATE outbox SET state = 'sent', sent_at = created_at WHERE state = 'owed'").await.unwrap();
    world.later(15 * DAY_MS);
    step(Step::EndRecords).await;
    assert_eq!(left().await, [3, 5], "what had ended lives 30 days more");
    world.later(10 * DAY_MS);
    step(Step::EndRecords).await;
    assert_eq!(left().await, [5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_come_sealed_and_the_newest_is_in_use() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1", "stu.dent1", "student2", "student3", "student4"]),
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
    let without =
        starchart_store::Store::connect(&starchart_store::ConnectOptions::new(Secret::new(world.url()))).await.unwrap();
    let source = Original::open(&Secret::new(db.url())).await.unwrap();
    let report = import::apply(&without, &source, &Rules::new().options()).await.unwrap();
    assert_eq!(lines(&report, Topic::NoKeys).len(), 2, "without keys the certificates wait");
    assert_eq!(world.number("SELECT COUNT(*) FROM certificates").await, 0);

    let report = apply(&world, &db).await.unwrap();
    assert_eq!((report.counts.new_certificates, report.counts.to_do), (2, 2));
    assert_eq!(lines(&report, Topic::NoKeys), Vec::<String>::new());
    let out = lines(&report, Topic::CertificateLeftOut);
    assert!(out.len() == 2 && out[0].contains("#4 ") && out[0].contains("not this person's"), "{out:?}");
    assert!(out[1].contains("#5 ") && out[1].contains("another certificate's"), "{out:?}");
    assert_eq!(lines(&report, Topic::AskAgain), ["#6 *.student3.starchart.com of student3"]);

    let owner = user(&world, "student1").await;
    let overview = certificates::overview(&world.store, owner).await.unwrap();
    let active = overview.active.unwrap();
    assert_eq!((active.certificate.as_str(), active.chain.as_str()), ("certificate2", "chain"));
    let key = certificates::private_key(&world.store, owner, active.id).await.unwrap().unwrap();
    assert_eq!(key.expose(), "key2");
    assert_eq!(world.number("SELECT COUNT(*) FROM certificates WHERE state = 'replaced' AND key_id IS NULL").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM certificates WHERE key_ciphertext LIKE '%key2%'").await, 0);
    let third = certificates::overview(&world.store, user(&world, "student3").await).await.unwrap();
    assert!(third.order.unwrap().problem.unwrap().ends_with("Please ask again."));
    assert_eq!(certificates::overview(&world.store, user(&world, "student4").await).await.unwrap().order, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_shared_a_domain_keep_their_records() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1", "stu.dent1"]),
        record(1, "student1", ("shared", "A", "10.0.0.1"), 90, None),
        record(2, "stu.dent1", ("shared", "A", "10.0.0.2"), 90, None),
        record(3, "stu.dent1", ("theirs", "A", "10.0.0.3"), 90, None),
    ];
    let report = apply(&world, &original(&rows.concat()).await).await.unwrap();
    assert_eq!(
        lines(&report, Topic::ElsewhereRecord),
        [
            "#2 shared.student1.starchart.com A 10.0.0.2 of stu.dent1",
            "#3 theirs.student1.starchart.com A 10.0.0.3 of stu.dent1",
        ]
    );
    let (keeper, other) = (person(&world, "student1", "student1").await, person(&world, "stu.dent1", "other").await);
    assert!(matches!(world.create(&keeper, "theirs", "A", "10.0.0.9").await, Err(RecordError::NameTaken)));
    world.create(&keeper, "shared", "A", "10.0.0.9").await.unwrap();
    world.renew(&other, RecordId(2)).await.unwrap();
    let new = other.record("www", "A", "10.0.0.2");
    let moved = records::edit(&world.store, other.id, RecordId(2), &new, &other.act).await.unwrap();
    assert_eq!(moved.name, "www.other.starchart.com");
    records::delete(&world.store, other.id, RecordId(3), &other.act).await.unwrap();
    world.create(&keeper, "theirs", "A", "10.0.0.9").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_broke_off_goes_on() {
    let world = World::mysql().await;
    let rows = [
        people(&["student1"]),
        record(1, "student1", ("www", "A", "10.0.0.1"), -1, None),
        certificate(2, "student1", "student1.starchart.com", 60, "issued"),
    ];
    let db = original(&rows.concat()).await;
    let original = Original::open(&Secret::new(db.url())).await.unwrap();
    let rules = Rules::new();
    let asked = std::sync::atomic::AtomicU32::new(0);
    let broken = |key: &Secret, certificate: &str, chain: &str| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => read_certificate(key, certificate, chain),
        _ => Err("the disk broke".to_owned()),
    };
    let fault = import::apply(&world.store, &original, &Options { certificate: &broken, ..rules.options() }).await.unwrap_err();
    assert!(fault.to_string().contains("the disk broke"), "{fault}");
    let Progress::Begun(begun) = import::progress(&world.store).await.unwrap() else { panic!("it was begun") };
    assert!(import::hold_back(&world.store).await.unwrap().unwrap().contains("begun"));

    world.later(DAY_MS);
    let report = apply(&world, &db).await.unwrap();
    assert_eq!((report.counts.done, report.counts.to_do), (2, 1));
    assert_eq!(lines(&report, Topic::Ended).len(), 1, "lines of what was done before are said again");
    assert_eq!(world.number("SELECT expires_at FROM dns_records").await, begun.plus(30 * DAY_MS).as_millis());
    assert!(matches!(import::progress(&world.store).await.unwrap(), Progress::Finished(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_import_at_a_time() {
    let world = World::mysql().await;
    let db = original(&(people(&["student1"]) + &record(1, "student1", ("www", "A", "10.0.0.1"), 90, None))).await;
    let both = futures_util::future::join(apply(&world, &db), apply(&world, &db)).await;
    let (one, other) = (both.0.unwrap().counts, both.1.unwrap().counts);
    assert_eq!(one.to_do + other.to_do, 2, "one does it, the other finds nothing to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_imported_is_said() {
    let db = original("").await;
    let sqlite = World::sqlite().await;
    assert!(matches!(look(&sqlite, &db).await, Err(ImportError::Embedded)));

    let world = World::mysql().await;
    let other = Original::open(&Secret::new(world.url())).await.unwrap_err();
    assert!(other.to_string().contains("lacks the table User"), "{other}");
    db.run("ALTER TABLE DnsRecord DROP COLUMN course").await;
    let other = Original::open(&Secret::new(db.url())).await.unwrap_err();
    assert!(other.to_string().contains("lacks the column DnsRecord.course"), "{other}");

    let who = world.person("user1").await;
    world.create(&who, "www", "A", "10.0.0.1").await.unwrap();
    let db = original("").await;
    assert!(matches!(look(&world, &db).await, Err(ImportError::NotEmpty(1))));
    assert!(matches!(apply(&world, &db).await, Err(ImportError::NotEmpty(1))));
    assert_eq!(zone::paused(&world.store).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_the_originals_tables_publishing_waits() {
    let world = World::mysql().await;
    assert_eq!(import::hold_back(&world.store).await.unwrap(), None);
    School::empty().build(&world.url()).await.unwrap();
    assert_eq!(import::progress(&world.store).await.unwrap(), Progress::Owed);
    let reason = import::hold_back(&world.store).await.unwrap().unwrap();
    assert_eq!(zone::paused(&world.store).await.unwrap().as_deref(), Some(reason));
    assert!(import::skip(&world.store).await.unwrap());
    assert_eq!(zone::paused(&world.store).await.unwrap(), None);
    assert_eq!(import::hold_back(&world.store).await.unwrap(), None);

    // From the same database, and wanted after all.
    world.run(&(people(&["student1"]) + &record(1, "student1", ("www", "A", "10.0.0.1"), 90, None))).await.unwrap();
    let original = Original::open(&Secret::new(world.url())).await.unwrap();
    import::apply(&world.store, &original, &Rules::new().options()).await.unwrap();
    assert!(matches!(import::progress(&world.store).await.unwrap(), Progress::Finished(_)));
    assert!(!import::skip(&world.store).await.unwrap(), "what was done cannot be unwanted");
    assert_eq!(world.number("SELECT COUNT(*) FROM DnsRecord").await, 1);
}
