//! The periodic audit: it repairs small drift, refuses a large plan, and never empties or fills
//! the zone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::{equal, eventually};

use crate::app::{App, ROOT, TestEnv};
use crate::browser::identity;
use crate::truth::{insert_records, no_difference, signed_in, verb, zone_sets};

/// Long enough for two audits at an interval of one second, and for publish.
const A_WHILE: Duration = Duration::from_secs(4);

type Zone = BTreeMap<(String, String), BTreeSet<String>>;

fn fqdn(name: &str) -> String {
    format!("{name}.user1.{ROOT}")
}

/// Starts an environment that audits every second, where user1 has `count` published records
/// `n-1`, `n-2`, ….
pub async fn with_records(count: usize) -> (TestEnv, App, Zone) {
    let env = TestEnv::new()
        .await
        .set("AUDIT_FREQUENCY_S", "1")
        .set("USER_DNS_RECORD_LIMIT", "400");
    let app = env.start().await;
    signed_in(&env, &app, "user1").await;
    insert_records(&env, "user1", "n", count).await;
    published(&env).await;
    let zone = zone_sets(&env);
    assert_eq!(zone.len(), count);
    (env, app, zone)
}

/// Waits until no name is unpublished.
pub async fn published(env: &TestEnv) {
    eventually("published", async || {
        equal(
            env.db
                .number("SELECT COUNT(*) FROM names WHERE is_unpublished = 1")
                .await,
            0,
        )
    })
    .await;
}

/// Waits until an audit that began after this call has ended with `outcome`.
pub async fn audited(env: &TestEnv, outcome: &str) {
    audited_since(env).await;
    let says = format!("SELECT COUNT(*) FROM zone_audits WHERE outcome = '{outcome}'");
    assert_eq!(env.db.number(&says).await, 1, "it ended {outcome}");
}

/// Waits until an audit that began after this call has ended.
pub async fn audited_since(env: &TestEnv) {
    let audits = "SELECT COALESCE(MAX(at), 0) FROM zone_audits";
    let since = "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    let since = env.db.number(since).await;
    // The next audit to end may have begun before this call, the one after it has not.
    for _ in 0..2 {
        let last = env.db.number(audits).await.max(since);
        eventually("the next audit", async || {
            env.db.number(audits).await > last
        })
        .await;
    }
}

pub fn errors(app: &App) -> Vec<String> {
    let lines = app
        .log_lines()
        .into_iter()
        .filter(|line| line["level"] == "ERROR" || line["level"] == "error");
    lines.map(|line| line.to_string()).collect()
}

/// Removes RRsets past the API, as an operator with the AWS console does.
pub fn remove(env: &TestEnv, names: impl IntoIterator<Item = String>) {
    names
        .into_iter()
        .for_each(|name| env.zone.remove(&name, "A").unwrap());
}

#[tokio::test]
async fn small_drift_is_repaired_and_foreign_sets_stay() {
    let (env, _app, mut zone) = with_records(4).await;
    let theirs = [
        Set::new(&fqdn("n-1"), "CAA", 60, ["0 issue \"ca.example\""]),
        Set::new(&fqdn("lent"), "NS", 60, ["ns.elsewhere.example."]),
        Set::new(&format!("user1.{ROOT}"), "CAA", 60, ["0 issue \";\""]),
        Set::new(&fqdn("old"), "A", 60, ["203.0.113.7"]),
        Set::new(
            &format!("mail.{ROOT}"),
            "MX",
            60,
            ["10 mail.school.example."],
        ),
        Set::alias(&format!("alias.{ROOT}"), "A", "lb.example.com."),
    ];
    for set in &theirs {
        env.zone.put(set.clone()).unwrap();
    }
    let untouched = zone_sets(&env);
    env.zone
        .put(Set::new(&fqdn("n-1"), "A", 60, ["203.0.113.1"]))
        .unwrap();
    env.zone
        .put(Set::new(
            &fqdn("n-2"),
            "A",
            300,
            ["10.1.0.3", "203.0.113.2"],
        ))
        .unwrap();
    remove(&env, [fqdn("n-3")]);
    eventually("repaired", async || equal(&zone_sets(&env), &untouched)).await;
    assert_eq!(env.zone.set(&fqdn("n-1"), "A").unwrap().ttl, 300);

    // A name without any row, and a name whose record was deleted from the table.
    env.db
        .run(&format!(
            "DELETE FROM dns_records WHERE fqdn IN ('{}', '{}')",
            fqdn("n-3"),
            fqdn("n-4")
        ))
        .await;
    env.db
        .run(&format!("DELETE FROM names WHERE fqdn = '{}'", fqdn("n-4")))
        .await;
    for name in ["n-3", "n-4"] {
        zone.remove(&(fqdn(name), "A".to_owned()));
        eventually("removed", async || {
            equal(env.zone.set(&fqdn(name), "A"), None)
        })
        .await;
    }
    audited(&env, "clean").await;
    for set in &theirs {
        assert!(
            env.zone
                .sets()
                .iter()
                .any(|found| found.name == set.name && found.values == set.values),
            "{set:?}"
        );
    }
    assert_eq!(zone_sets(&env).len(), zone.len() + theirs.len());
    assert_eq!(
        env.db.number("SELECT COUNT(*) FROM zone_rrset").await,
        2,
        "the registry has only RRsets that are in the zone"
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM zone_orphans").await, 1);
    assert_eq!(
        env.db
            .number("SELECT orphans + foreign_sets * 10 FROM zone_audits")
            .await,
        81
    );
    no_difference(&env).await;
}

#[tokio::test]
async fn drift_of_30_percent_is_repaired_and_more_needs_an_approval() {
    let (env, app, zone) = with_records(40).await;
    let mut admin = app.browser();
    admin
        .sign_in(&env.idp, &identity("boss", &["admins"]))
        .await;
    remove(&env, (1..=12).map(|n| fqdn(&format!("n-{n}"))));
    eventually("12 of 40 are repaired", async || {
        equal(&zone_sets(&env), &zone)
    })
    .await;
    published(&env).await;

    remove(&env, (1..=13).map(|n| fqdn(&format!("n-{n}"))));
    audited(&env, "needs_approval").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(zone_sets(&env).len(), 27, "13 of 40 are not");
    let said = errors(&app);
    assert_eq!(said.len(), 1, "said once: {said:?}");
    assert!(
        said[0].contains("starchart reconcile --approve"),
        "{said:?}"
    );

    // Users' changes are still published, at a removed name and at a new one.
    let mut owner = signed_in(&env, &app, "user1").await;
    let row = owner.row(&fqdn("n-1"), "A").await.unwrap();
    assert_eq!(owner.edit(&row.id, "A", "192.168.7.7").await.status, 303);
    assert_eq!(owner.create("new", "A", "192.168.7.8").await.status, 303);
    for (name, value) in [("n-1", "192.168.7.7"), ("new", "192.168.7.8")] {
        let is_in_zone = async || {
            env.zone
                .set(&fqdn(name), "A")
                .is_some_and(|set| set.values.contains(value))
        };
        eventually("an edit is published", is_in_zone).await;
    }
    // One difference less: 12 of 41 are repaired.
    eventually("and so are the others", async || {
        equal(zone_sets(&env).len(), 41)
    })
    .await;
    no_difference(&env).await;

    remove(
        &env,
        (1..=41).map(|n| {
            if n == 41 {
                fqdn("new")
            } else {
                fqdn(&format!("n-{n}"))
            }
        }),
    );
    audited(&env, "needs_approval").await;
    let page = admin.get("/admin").await.body;
    assert!(
        page.contains("The zone differs from the database")
            && page.contains("41 to create, 0 to delete"),
        "{page}"
    );
    let wrong = verb(&env, &["reconcile", "--approve", "00000000"]).await;
    assert_eq!(wrong.code, 1, "{}", wrong.all);
    assert!(
        wrong.out.contains("Nothing was changed")
            && wrong.out.contains(&format!("+ {}", fqdn("n-9"))),
        "{}",
        wrong.out
    );
    assert_eq!(zone_sets(&env).len(), 0);
    let hash = wrong
        .out
        .rsplit_once("--approve ")
        .unwrap()
        .1
        .trim()
        .to_owned();
    let right = verb(&env, &["reconcile", "--approve", &hash[..8]]).await;
    assert_eq!(right.code, 0, "{}", right.all);
    assert!(
        right.out.contains("41 to create") && right.out.contains("the zone is up to date"),
        "{}",
        right.out
    );
    assert_eq!(zone_sets(&env).len(), 41);
    let drift = "SELECT repaired_total FROM zone_audits";
    assert_eq!(
        env.db.number(drift).await,
        24,
        "12 and 12; what was approved is no drift"
    );
    let page = admin.get("/admin").await.body;
    assert!(!page.contains("The zone differs"), "{page}");
    let trail = admin.get("/admin/trail?action=zone.approve").await.body;
    assert!(
        trail.contains("by an operator: plan") && trail.contains("41 to create"),
        "{trail}"
    );
}

#[tokio::test]
async fn an_emptied_database_does_not_empty_the_zone() {
    let (env, app, zone) = with_records(3).await;
    env.db.run("DELETE FROM dns_records").await;
    audited(&env, "needs_approval").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(zone_sets(&env), zone);
    assert!(
        errors(&app)[0].contains("the database has no records"),
        "{:?}",
        errors(&app)
    );
    // Also if the names are deleted.
    env.db.run("DELETE FROM names").await;
    audited(&env, "needs_approval").await;
    assert_eq!(zone_sets(&env), zone);
    // An operator's approval confirms it.
    let plan = verb(&env, &["reconcile", "--dry-run"]).await.out;
    let hash = plan
        .rsplit_once("--approve ")
        .unwrap()
        .1
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let done = verb(&env, &["reconcile", "--approve", &hash]).await;
    assert!(
        done.code == 0 && done.out.contains("3 to delete"),
        "{}",
        done.all
    );
    eventually("deleted", async || zone_sets(&env).is_empty()).await;
}

#[tokio::test]
async fn the_id_of_another_zone_is_reported_and_cannot_be_approved() {
    let (env, app, _) = with_records(3).await;
    drop(app);
    let other = StrictRoute53::start("other.example").await;
    other
        .put(Set::new("www.other.example", "A", 60, ["203.0.113.1"]))
        .unwrap();
    let before = other.sets();
    let endpoint = env.zone.endpoint();
    let env = env
        .set("AWS_ENDPOINT_URL", &other.endpoint())
        .set("AUDIT_FREQUENCY_S", "3600");
    env.db.run("UPDATE zone_audits SET at = at - 61000").await;
    let app = env.start().await;
    // The killed process may have held the lease of the audit.
    eventually("reported", async || !errors(&app).is_empty()).await;
    let said = errors(&app);
    assert!(
        said[0].contains("AWS_ROUTE53_HOSTED_ZONE_ID") && said[0].contains("other.example"),
        "{said:?}"
    );
    for arguments in [
        &["--dry-run"][..],
        &["--approve", "0000000000"],
        &["--adopt"],
        &["--now"],
    ] {
        let arguments: Vec<&str> = std::iter::once("reconcile")
            .chain(arguments.iter().copied())
            .collect();
        let refused = verb(&env, &arguments).await;
        assert!(
            refused.code == 1 && refused.all.contains("AWS_ROUTE53_HOSTED_ZONE_ID"),
            "{}",
            refused.all
        );
    }
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM zone_control WHERE paused_at IS NOT NULL")
            .await,
        0
    );
    // Users' changes are stored but not sent to the other zone: neither the edit nor the deletion.
    let mut owner = signed_in(&env, &app, "user1").await;
    let edited = owner.row(&fqdn("n-1"), "A").await.unwrap();
    let deleted = owner.row(&fqdn("n-2"), "A").await.unwrap();
    assert_eq!(owner.edit(&edited.id, "A", "192.168.8.8").await.status, 303);
    assert_eq!(owner.delete(&deleted.id).await.status, 303);
    let reports = || {
        errors(&app)
            .iter()
            .filter(|line| line.contains("job cannot run") && line.contains("other.example"))
            .count()
    };
    eventually("reported by publish", async || equal(reports(), 1)).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(reports(), 1, "once");
    assert_eq!(
        env.db
            .number("SELECT COUNT(*) FROM names WHERE is_unpublished = 1")
            .await,
        2
    );
    assert_eq!(other.sets(), before);
    assert_eq!(other.counts().change, 0);
    drop(app);
    let env = env.set("AWS_ENDPOINT_URL", &endpoint);
    let _app = env.start().await;
    published(&env).await;
    assert!(
        env.zone
            .set(&fqdn("n-1"), "A")
            .unwrap()
            .values
            .contains("192.168.8.8")
    );
    assert!(env.zone.set(&fqdn("n-2"), "A").is_none());
}

#[tokio::test]
async fn a_restored_old_dump_changes_nothing_without_an_approval() {
    let (env, app, _) = with_records(30).await;
    let tables = ["names", "dns_records", "zone_rrset"];
    for table in tables {
        let columns = columns(table);
        env.db
            .run(&format!(
                "CREATE TABLE old_{table} AS SELECT {columns} FROM {table}"
            ))
            .await;
    }
    // Since the dump some records were deleted, some created and some changed.
    let gone = (1..=6)
        .map(|n| format!("'{}'", fqdn(&format!("n-{n}"))))
        .collect::<Vec<_>>()
        .join(",");
    env.db
        .run(&format!(
            "DELETE FROM dns_records WHERE fqdn IN ({gone}); \
             UPDATE names SET generation = generation + 1, unpublished_since = 1 \
             WHERE fqdn IN ({gone})"
        ))
        .await;
    insert_records(&env, "user1", "new", 20).await;
    let changed = (7..=12)
        .map(|n| format!("'{}'", fqdn(&format!("n-{n}"))))
        .collect::<Vec<_>>()
        .join(",");
    env.db
        .run(&format!(
            "UPDATE dns_records SET presentation = '192.168.3.3' WHERE fqdn IN ({changed}); \
             UPDATE names SET generation = generation + 1, unpublished_since = 1 \
             WHERE fqdn IN ({changed})"
        ))
        .await;
    published(&env).await;
    let now = zone_sets(&env);
    assert_eq!(now.len(), 44);
    drop(app);
    env.db
        .run(
            "SET FOREIGN_KEY_CHECKS = 0; DELETE FROM dns_records; DELETE FROM names; \
             DELETE FROM zone_rrset; DELETE FROM zone_audits",
        )
        .await;
    for table in tables {
        let columns = columns(table);
        env.db
            .run(&format!(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}"
            ))
            .await;
    }

    let app = env.start().await;
    audited(&env, "needs_approval").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(zone_sets(&env), now);
    assert!(!errors(&app).is_empty());
    let plan = verb(&env, &["reconcile", "--dry-run"]).await.out;
    assert!(
        plan.contains("6 to create, 0 to delete, 6 to replace"),
        "{plan}"
    );
    assert!(
        plan.contains(&format!("~ {} A 192.168.3.3 -> 10.1.0.8", fqdn("n-7"))),
        "{plan}"
    );
    assert!(
        plan.contains(&format!(
            "\n  {} A 10.1.0.2 (first seen today)",
            fqdn("new-1")
        )),
        "what came since is an orphan: {plan}"
    );
}

/// Returns the columns of a table without generated ones.
fn columns(table: &str) -> &'static str {
    match table {
        "names" => {
            "fqdn, user_id, class, generation, applied_generation, change_id, sent_at, in_sync_at, \
             created_at, updated_at"
        }
        "dns_records" => {
            "id, fqdn, class, user_id, type, input, presentation, value_hash, ttl, created_at, \
             updated_at, expires_at"
        }
        _ => "fqdn, type, ttl, `values`, pending, updated_at",
    }
}

#[tokio::test]
async fn pending_changes_are_not_drift() {
    let (env, app, _) = with_records(320).await;
    let mut owner = signed_in(&env, &app, "user2").await;
    // A listing has two pages, and calls are slow: names change before, between and after the
    // pages.
    env.zone.latency(Duration::from_millis(250));
    for round in 0..12 {
        let name = format!("live-{}", crate::truth::label_of(round));
        assert_eq!(owner.create(&name, "A", "192.168.1.1").await.status, 303);
        tokio::time::sleep(Duration::from_millis(600)).await;
        let row = owner
            .row(&format!("{name}.user2.{ROOT}"), "A")
            .await
            .unwrap();
        assert_eq!(owner.edit(&row.id, "A", "192.168.1.2").await.status, 303);
        if round % 2 == 0 {
            assert_eq!(owner.delete(&row.id).await.status, 303);
        }
    }
    env.zone.latency(Duration::ZERO);
    published(&env).await;
    audited(&env, "clean").await;
    assert_eq!(
        env.db
            .number("SELECT repaired_total + needing_approval_total FROM zone_audits")
            .await,
        0
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM zone_orphans").await, 0);
    no_difference(&env).await;
}

#[tokio::test]
async fn only_one_of_several_processes_audits() {
    let env = TestEnv::new().await;
    let one = env.start().await;
    eventually("audited", async || {
        equal(
            env.db
                .number("SELECT COUNT(*) FROM zone_audits WHERE at IS NOT NULL")
                .await,
            1,
        )
    })
    .await;
    drop(one);
    // The replicas of a stack start at the same time.
    let env = env.set("AUDIT_FREQUENCY_S", "3600");
    env.db.run("UPDATE zone_audits SET at = at - 61000").await;
    let before = env.zone.counts().list;
    let mut two = env.launch("run");
    let mut three = env.launch("work");
    two.until_ready().await;
    three.until_ready().await;
    tokio::time::sleep(Duration::from_secs(13)).await;
    assert_eq!(env.zone.counts().list - before, 1, "one listing for both");
}
