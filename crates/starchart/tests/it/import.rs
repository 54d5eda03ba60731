//! The import of the original's users, records, certificates and zone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use starchart_testkit::mariadb::TestDb;
use starchart_testkit::original::{GeneratedDatabase, OriginalDatabase};
use starchart_testkit::route53::Set;
use starchart_testkit::server::scratch;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::browser::{identity, path_of};
use crate::truth::{Ended, ended, signed_in, verb};

struct ImportTest {
    env: TestEnv,
    original: TestDb,
    built: GeneratedDatabase,
    /// The file with the original's `DATABASE_URL`, for `--from-file`.
    file: PathBuf,
}

impl ImportTest {
    async fn of(users: usize, records: usize) -> Self {
        let env = TestEnv::new().await.set(
            "KEY_ENCRYPTION_KEYS",
            "one:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
        );
        let original = TestDb::create().await;
        let built = OriginalDatabase {
            root: ROOT.to_owned(),
            users,
            records,
            seed: 7,
        }
        .build(&original.url())
        .await
        .unwrap();
        env.zone.load(built.zone.clone()).unwrap();
        let file = scratch("original").join("DATABASE_URL");
        std::fs::write(
            &file,
            format!("{}?connection_limit=5&schema=x\n", original.url()),
        )
        .unwrap();
        assert_eq!(verb(&env, &["migrate"]).await.code, 0);
        Self {
            env,
            original,
            built,
            file,
        }
    }

    async fn import(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["import", "--from-file", self.file.to_str().unwrap()];
        arguments.extend(more);
        verb(&self.env, &arguments).await
    }

    async fn number(&self, sql: &str) -> i64 {
        self.env.db.number(sql).await
    }

    /// Returns all RRsets of the zone.
    fn zone(&self) -> Vec<Set> {
        self.env.zone.sets()
    }
}

/// Returns the word after `before`, up to a space, a colon or the end of the line.
fn word_after<'a>(text: &'a str, before: &str) -> &'a str {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split([' ', '\n', ':']).next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_leaves_the_zone_unchanged() {
    let test = ImportTest::of(30, 150).await;
    let before = test.zone();
    let whole = scratch("report").join("report.txt");
    let dry_run = test.import(&["--report", whole.to_str().unwrap()]).await;
    assert_eq!(dry_run.code, 0, "{}", dry_run.all);
    assert!(
        dry_run.out.contains("The original has 30 users"),
        "{}",
        dry_run.out
    );
    assert!(
        dry_run.out.contains("Nothing was written."),
        "{}",
        dry_run.out
    );
    assert!(!dry_run.all.contains("mysql://"), "{}", dry_run.all);
    assert!(
        std::fs::read_to_string(&whole)
            .unwrap()
            .contains("the name admin is kept for the school")
    );
    assert_eq!(
        test.number("SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM dns_records)")
            .await,
        0
    );

    // The application runs during the import.
    let app = test.env.start().await;
    let applied = test.import(&["--apply"]).await;
    assert_eq!(applied.code, 0, "{}", applied.all);
    assert!(
        applied
            .out
            .contains("0 to create, 0 to delete, 0 to replace"),
        "{}",
        applied.out
    );
    assert!(
        applied.out.contains("publishing is paused"),
        "{}",
        applied.out
    );
    // The original's challenge values are orphans, too.
    let orphans =
        applied.out.matches("(new)").count() + applied.out.matches("(first seen ").count();
    assert!(orphans > test.built.orphans, "{}", applied.out);
    let again = test.import(&["--apply"]).await;
    assert!(
        again.code == 0
            && again
                .out
                .contains("New here: 0 users, 0 records, 0 certificates."),
        "{}",
        again.all
    );
    let hash = word_after(&again.out, "--approve ").to_owned();
    let approved = verb(&test.env, &["reconcile", "--approve", &hash]).await;
    assert_eq!(approved.code, 0, "{}", approved.all);
    assert_eq!(test.zone(), before, "an import changes nothing in the zone");
    let third = test.import(&["--apply"]).await;
    assert!(
        third.code == 0 && third.out.contains("Nothing is left to do"),
        "{}",
        third.all
    );

    // A user finds their records and certificate unchanged.
    let mut browser = signed_in(&test.env, &app, "student00001").await;
    let rows = browser.rows().await;
    let www = rows
        .iter()
        .find(|row| row.name == format!("www.student00001.{ROOT}") && row.rtype == "A")
        .unwrap();
    assert_eq!(
        (www.id.as_str(), www.value.as_str(), www.key.as_str()),
        ("101", "192.168.1.1", "in_sync")
    );
    let odd = rows.iter().find(|row| row.value.contains("%eth0")).unwrap();
    assert_eq!(odd.key, "refused", "{odd:?}");
    assert_eq!(
        browser.edit(&www.id, "A", "192.168.1.200").await.status,
        303
    );
    let set = || test.env.zone.set(&www.name, "A").map(|set| set.values);
    eventually("the edit", async || {
        equal(set(), Some(BTreeSet::from(["192.168.1.200".to_owned()])))
    })
    .await;
    for (part, begins) in [
        ("certificate", "-----BEGIN CERTIFICATE"),
        ("privateKey", "-----BEGIN"),
        ("chain", "-----BEGIN CERT"),
    ] {
        let page = browser.get(&format!("/certificate/download/{part}")).await;
        assert!(
            page.status == 200 && page.body.starts_with(begins),
            "{part}: {} {}",
            page.status,
            page.body
        );
    }
    // A user whose label belongs to another user chooses a label.
    let mut new_user = app.browser();
    let contested = ": the name student00008 stays with the older account";
    let loser = dry_run
        .out
        .lines()
        .find_map(|line| line.split_once(contested))
        .unwrap()
        .0
        .trim()
        .to_owned();
    let page = new_user
        .sign_in(&test.env.idp, &identity(&loser, &["students"]))
        .await;
    assert!(
        page.body.contains("value=\"student000082\""),
        "{}",
        page.body
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orphans_are_deleted_when_their_number_is_confirmed_and_nothing_else() {
    let test = ImportTest::of(20, 60).await;
    let early = verb(
        &test.env,
        &["import", "--orphans", "delete", "--count", "1"],
    )
    .await;
    assert_eq!(early.code, 1, "no record wants anything yet: {}", early.all);
    assert!(
        early.all.contains("is in the ownership registry yet"),
        "{}",
        early.all
    );
    assert_eq!(test.import(&["--apply"]).await.code, 0);
    let listed = verb(&test.env, &["import", "--orphans", "list"]).await;
    let count: usize = word_after(&listed.out, "--count ").parse().unwrap();
    assert!(
        listed.out.contains("10.99.") && listed.out.contains("gone.pages.example."),
        "{}",
        listed.out
    );
    assert!(
        !listed.out.contains(" CAA ") && !listed.out.contains(" NS "),
        "{}",
        listed.out
    );
    let hash = word_after(
        &verb(&test.env, &["reconcile", "--dry-run"]).await.out,
        "--approve ",
    )
    .to_owned();
    assert_eq!(
        verb(&test.env, &["reconcile", "--approve", &hash])
            .await
            .code,
        0
    );

    let before = test.zone();
    let wrong = verb(
        &test.env,
        &[
            "import",
            "--orphans",
            "delete",
            "--count",
            &(count + 1).to_string(),
        ],
    )
    .await;
    assert_eq!(wrong.code, 1, "{}", wrong.all);
    assert!(
        wrong
            .out
            .contains(&format!("there are {count} orphans, not {}", count + 1)),
        "{}",
        wrong.out
    );
    assert_eq!(
        verb(&test.env, &["import", "--orphans", "delete"])
            .await
            .code,
        2,
        "a number is needed"
    );
    assert_eq!(test.zone(), before);

    let gone = verb(
        &test.env,
        &[
            "import",
            "--orphans",
            "delete",
            "--count",
            &count.to_string(),
        ],
    )
    .await;
    assert_eq!(gone.code, 0, "{}", gone.all);
    let is_orphan =
        |set: &Set| set.name.starts_with("old-") || set.name.starts_with("_acme-challenge.");
    let expected: Vec<Set> = before.into_iter().filter(|set| !is_orphan(set)).collect();
    assert_eq!(test.zone(), expected);
    assert!(
        expected
            .iter()
            .filter(|set| set.rtype == "CAA" || set.name.starts_with("delegated."))
            .count()
            >= 4
    );
    let none = verb(&test.env, &["import", "--orphans", "list"]).await;
    assert!(
        none.out.contains("0 orphans; nothing was changed"),
        "{}",
        none.all
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_resumes() {
    let test = ImportTest::of(300, 6_000).await;
    let dry_run = test.import(&[]).await;
    let wanted: i64 = word_after(&dry_run.out, "users, ")
        .parse()
        .unwrap_or_default();
    assert!(wanted > 6_000, "{}", dry_run.out);
    let mut running = test.env.command(&[
        "import",
        "--from-file",
        test.file.to_str().unwrap(),
        "--apply",
    ]);
    let mut child = running
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let some = async || test.number("SELECT COUNT(*) FROM dns_records").await > 0;
    eventually("the first records", some).await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    let half = test.number("SELECT COUNT(*) FROM dns_records").await;
    assert_eq!(
        test.number("SELECT COUNT(*) FROM imports WHERE finished_at IS NULL")
            .await,
        1,
        "{half} records were there"
    );

    let applied = test.import(&["--apply"]).await;
    assert_eq!(applied.code, 0, "{}", applied.all);
    assert!(
        applied
            .out
            .contains("0 to create, 0 to delete, 0 to replace"),
        "{}",
        applied.out
    );
    let source = test.original.number("SELECT COUNT(*) FROM DnsRecord").await;
    let dealt_with = test
        .number("SELECT COUNT(*) FROM import_rows WHERE kind = 'record'")
        .await;
    assert_eq!(dealt_with, source);
    let kept = test
        .number("SELECT COUNT(*) FROM import_rows WHERE kind = 'record' AND target IS NOT NULL")
        .await;
    assert_eq!(test.number("SELECT COUNT(*) FROM dns_records").await, kept);
    assert_eq!(
        test.number("SELECT COUNT(*) FROM names WHERE is_unpublished = 1")
            .await,
        1,
        "only what no zone takes"
    );
}

#[tokio::test]
async fn beside_the_originals_tables_publishing_and_sign_in_wait_for_a_decision() {
    let env = TestEnv::new().await;
    let early = env.start().await;
    let mut browser = signed_in(&env, &early, "user1").await;
    let mut pending_login = early.browser();
    let students = identity("user2", &["students"]);
    let (seen, relay_state) = pending_login.ask_to_sign_in("/").await;
    OriginalDatabase::empty()
        .build(&env.db.url())
        .await
        .unwrap();
    assert_eq!(verb(&env, &["migrate"]).await.code, 0);
    let now = verb(&env, &["reconcile", "--now"]).await;
    assert!(
        now.code == 1 && now.all.contains("starchart import --skip"),
        "no server has paused yet: {}",
        now.all
    );
    let app = env.start().await;
    let log = app.server.log();
    assert!(
        log.contains("publishing is paused") && log.contains("starchart import"),
        "{log}"
    );
    assert_eq!(browser.create("www", "A", "192.168.1.1").await.status, 303);
    let mut new_user = app.browser();
    let button = new_user.get("/login").await.form("/login");
    let answered = pending_login
        .post_response(&env.idp.respond(&seen, &students).unwrap(), &relay_state)
        .await;
    let arrival = path_of(answered.location());
    for turned_away in [
        new_user.submit(&button).await,
        pending_login.get(&arrival).await,
    ] {
        assert_eq!(
            (turned_away.status, turned_away.header("retry-after")),
            (503, "900"),
            "{}",
            turned_away.body
        );
        assert!(
            turned_away.body.contains("being moved"),
            "{}",
            turned_away.body
        );
    }
    assert_eq!(env.db.number("SELECT COUNT(*) FROM users").await, 1);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(env.zone.set(&format!("www.user1.{ROOT}"), "A"), None);
    let plan = verb(&env, &["reconcile", "--dry-run"]).await;
    assert!(
        plan.out
            .contains("held until the import is done and its plan is approved (1)"),
        "{}",
        plan.out
    );
    assert!(
        plan.out
            .contains("no plan can be approved: the original's tables")
            && !plan.out.contains("--approve"),
        "{}",
        plan.out
    );
    for early in [
        &["import", "--orphans", "delete", "--count", "0"][..],
        &["reconcile", "--delete-orphans", "0"],
    ] {
        let early = verb(&env, early).await;
        assert!(
            early.code == 1 && early.all.contains("import --apply` first"),
            "{}",
            early.all
        );
    }
    let approved = verb(&env, &["reconcile", "--approve", "0123456789ab"]).await;
    assert!(
        approved.code == 1 && approved.all.contains("starchart import --skip"),
        "{}",
        approved.all
    );
    let skipped = ended(env.command(&["import", "--skip"])).await;
    assert_eq!(skipped.code, 0, "{}", skipped.all);
    let there = async || env.zone.set(&format!("www.user1.{ROOT}"), "A").is_some();
    eventually("published", there).await;
    assert_eq!(
        pending_login.get(&arrival).await.status,
        303,
        "what was begun is not used up"
    );
    assert!(pending_login.is_signed_in().await);
    let again = ended(env.command(&["import", "--skip"])).await;
    assert!(
        again.code == 0 && again.out.contains("It was noted before"),
        "{}",
        again.all
    );
    let neither = ended(env.command(&["import"])).await;
    assert_eq!(neither.code, 2, "{}", neither.all);
}

#[tokio::test]
async fn rows_that_cannot_be_imported_are_reported_and_wrong_flags_exit_2() {
    let env = TestEnv::new().await;
    assert_eq!(verb(&env, &["migrate"]).await.code, 0);
    let folder = scratch("from-file");
    for (name, text) in [
        ("empty", ""),
        ("nonsense", "hunter2"),
        ("other", &env.db.url()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let path = |name: &str| folder.join(name).display().to_string();
    for (file, words) in [
        (
            path("empty"),
            "is empty; write the original's DATABASE_URL into it",
        ),
        (path("missing"), "is missing"),
        (folder.display().to_string(), "is a directory"),
        (path("nonsense"), "DATABASE_URL must begin with mysql://"),
        (
            path("other"),
            "the database lacks the table User: this is not the original's database",
        ),
    ] {
        let refused = verb(&env, &["import", "--from-file", &file]).await;
        assert!(
            refused.code == 1 && refused.all.contains(words),
            "{}",
            refused.all
        );
        assert!(!refused.all.contains("hunter2"), "{}", refused.all);
    }
    let unwritable = verb(
        &env,
        &[
            "import",
            "--from-file",
            &path("other"),
            "--report",
            &path("no/such"),
        ],
    )
    .await;
    assert!(
        unwritable.code == 1 && unwritable.all.contains("cannot be written"),
        "before anything else: {}",
        unwritable.all
    );
    let none = verb(&env, &["import", "--skip"]).await;
    assert!(
        none.code == 1
            && none
                .all
                .contains("the original's tables are not in this database"),
        "{}",
        none.all
    );
    for wrong in [
        &["--skip", "--apply"][..],
        &["--orphans", "list", "--count", "1"],
        &["--orphans", "list", "--report", "x"],
    ] {
        let arguments: Vec<&str> = std::iter::once("import")
            .chain(wrong.iter().copied())
            .collect();
        let ended = verb(&env, &arguments).await;
        assert_eq!(ended.code, 2, "{wrong:?}: {}", ended.all);
    }
}

#[tokio::test]
async fn a_waiting_import_says_what_it_waits_for() {
    let test = ImportTest::of(5, 10).await;
    let held = "REPLACE INTO leases (name, holder, fence, expires_at, taken_at) \
         VALUES ('import', 'other', 1, UNIX_TIMESTAMP(NOW(3)) * 1000 + 3000, 1)";
    test.env.db.run(held).await;
    let applied = test.import(&["--apply"]).await;
    assert!(
        applied.code == 0 && applied.all.contains("waiting for its lease"),
        "{}",
        applied.all
    );
    test.env
        .db
        .run(&held.replace("'import'", "'publish'"))
        .await;
    let adopted = verb(&test.env, &["reconcile", "--adopt"]).await;
    assert!(
        adopted.code == 0
            && adopted
                .all
                .contains("waiting for another process to release the publish lease"),
        "{}",
        adopted.all
    );
    let lock =
        "SELECT GET_LOCK(CONCAT('starchart.', LEFT(SHA2(DATABASE(), 256), 40)), 0), SLEEP(2)";
    let (migrated, ()) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            verb(&test.env, &["migrate"]).await
        },
        test.env.db.run(lock)
    );
    assert!(
        migrated.code == 0 && migrated.all.contains("waiting for its lock"),
        "{}",
        migrated.all
    );
}
