//! The operator's verbs for the zone: pause, adopt, approve and audit.

use std::time::Duration;

use starchart_testkit::route53::Set;
use starchart_testkit::wait::{equal, eventually};

use crate::app::{ROOT, TestEnv};
use crate::audit::{audited, audited_since, published, remove, with_records};
use crate::browser::identity;
use crate::truth::{Ended, no_difference, signed_in, verb, zone_sets};

fn fqdn(name: &str) -> String {
    format!("{name}.user1.{ROOT}")
}

/// Returns the hash in the command at the end of a printed plan.
fn hash(printed: &Ended) -> String {
    printed
        .out
        .rsplit_once("--approve ")
        .unwrap_or_else(|| panic!("{}", printed.all))
        .1
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_pause_stops_publishing_until_an_approval() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let mut admin = app.browser();
    admin
        .sign_in(&env.idp, &identity("boss", &["admins"]))
        .await;
    let first = verb(&env, &["reconcile", "--pause", "the first reason"]).await;
    assert!(
        first.code == 0 && !first.out.contains("already"),
        "{}",
        first.all
    );
    let paused = verb(&env, &["reconcile", "--pause", "the zone moves house"]).await;
    assert!(
        paused.code == 0 && paused.out.contains("the zone moves house"),
        "{}",
        paused.all
    );
    assert!(
        paused
            .out
            .contains("this reason replaces: the first reason"),
        "{}",
        paused.all
    );
    assert_eq!(owner.create("www", "A", "192.168.1.1").await.status, 303);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(zone_sets(&env).is_empty());
    let row = owner.row(&fqdn("www"), "A").await.unwrap();
    assert_eq!(
        (row.key.as_str(), row.words.as_str()),
        ("paused", "Saved; publishing is paused")
    );
    let page = admin.get("/admin").await.body;
    assert!(
        page.contains("Publishing is paused") && page.contains("the zone moves house"),
        "{page}"
    );
    assert!(page.contains("starchart reconcile --dry-run"), "{page}");

    let plan = verb(&env, &["reconcile", "--dry-run"]).await;
    assert!(
        plan.out.contains("publishing is paused since")
            && plan.out.contains("the zone moves house"),
        "{}",
        plan.out
    );
    let held = format!(
        "held by the pause and published when it ends (1):\n  + {} A 192.168.1.1",
        fqdn("www")
    );
    assert!(
        plan.out.contains(&held) && !plan.out.contains("about to be published"),
        "pending changes are printed: {}",
        plan.out
    );
    let done = verb(&env, &["reconcile", "--approve", &hash(&plan)]).await;
    assert!(
        done.code == 0 && done.out.contains("publishing resumes"),
        "{}",
        done.all
    );
    assert!(
        env.zone.set(&fqdn("www"), "A").is_some(),
        "the command waits until it is there"
    );
    eventually("the page follows", async || {
        owner.clone().row(&fqdn("www"), "A").await.unwrap().key != "paused"
    })
    .await;
}

#[tokio::test]
async fn a_lost_registry_is_rebuilt_from_the_zone() {
    let (env, app, zone) = with_records(15).await;
    env.db.run("DELETE FROM zone_rrset").await;
    audited(&env, "clean").await;
    let mut admin = app.browser();
    admin
        .sign_in(&env.idp, &identity("boss", &["admins"]))
        .await;
    let page = admin.get("/admin").await.body;
    assert!(
        page.contains("15 RRsets") && page.contains("not in the registry"),
        "reported, and no plan needs an approval: {page}"
    );
    let plan = verb(&env, &["reconcile", "--dry-run"]).await;
    assert!(
        plan.out.contains("15 to adopt") && plan.out.contains("reconcile --adopt"),
        "{}",
        plan.out
    );
    env.zone
        .put(Set::new(&fqdn("n-1"), "A", 300, ["203.0.113.9"]))
        .unwrap();
    env.zone
        .put(Set::new(&fqdn("old"), "A", 300, ["203.0.113.8"]))
        .unwrap();
    env.zone
        .put(Set::new(&fqdn("n-2"), "CAA", 300, ["0 issue \";\""]))
        .unwrap();
    let mut owner = signed_in(&env, &app, "user1").await;

    let adopted = verb(&env, &["reconcile", "--adopt"]).await;
    assert!(
        adopted.code == 0 && adopted.out.contains("15 RRsets adopted"),
        "{}",
        adopted.all
    );
    assert!(
        adopted
            .out
            .contains(&format!("~ {} A 203.0.113.9 -> 10.1.0.2", fqdn("n-1"))),
        "{}",
        adopted.out
    );
    assert!(
        adopted.out.contains(&format!("\n  {} CAA", fqdn("n-2"))),
        "RRsets that stay foreign are printed: {}",
        adopted.out
    );
    assert!(
        adopted
            .out
            .contains(&format!("\n  {} A 203.0.113.8", fqdn("old"))),
        "{}",
        adopted.out
    );
    let row = owner.row(&fqdn("n-3"), "A").await.unwrap();
    assert_eq!(owner.edit(&row.id, "A", "192.168.5.5").await.status, 303);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(
        env.zone
            .set(&fqdn("n-1"), "A")
            .unwrap()
            .values
            .contains("203.0.113.9"),
        "nothing is sent before the approval"
    );
    assert!(
        !env.zone
            .set(&fqdn("n-3"), "A")
            .unwrap()
            .values
            .contains("192.168.5.5")
    );

    let again = verb(&env, &["reconcile", "--adopt"]).await;
    assert!(again.out.contains("\n0 RRsets adopted"), "{}", again.out);
    let done = verb(&env, &["reconcile", "--approve", &hash(&again)]).await;
    // The differences that the audit repairs by itself waited during the pause as well.
    assert!(
        done.code == 0 && done.out.contains("the zone is up to date"),
        "{}",
        done.all
    );
    assert!(
        env.zone
            .set(&fqdn("n-1"), "A")
            .unwrap()
            .values
            .contains("10.1.0.2")
    );
    assert!(
        env.zone
            .set(&fqdn("n-3"), "A")
            .unwrap()
            .values
            .contains("192.168.5.5")
    );
    assert_eq!(zone_sets(&env).len(), zone.len() + 2);
    no_difference(&env).await;
}

#[tokio::test]
async fn orphans_are_deleted_when_their_number_is_confirmed() {
    let (env, app, zone) = with_records(3).await;
    let bare = fqdn("old");
    let beside = fqdn("n-1");
    env.zone
        .put(Set::new(&bare, "A", 60, ["203.0.113.8"]))
        .unwrap();
    env.zone
        .put(Set::new(&bare, "TXT", 60, ["\"old\""]))
        .unwrap();
    env.zone
        .put(Set::new(&beside, "AAAA", 60, ["2001:db8::1"]))
        .unwrap();
    env.zone
        .put(Set::new(&bare, "CAA", 60, ["0 issue \";\""]))
        .unwrap();
    let before = env.zone.sets();
    let refused = verb(&env, &["reconcile", "--delete-orphans", "2"]).await;
    assert!(
        refused.code == 1 && refused.out.contains("there are 3 orphans"),
        "{}",
        refused.all
    );
    assert_eq!(env.zone.sets(), before);
    // An RRset that an operator wants to keep: it does not count.
    let kept = fqdn("kept");
    env.zone
        .put(Set::new(&kept, "MX", 60, ["10 mail.school.example."]))
        .unwrap();
    let before = env.zone.sets();
    for (arguments, words) in [
        (
            &["4", "--keep", "elsewhere.example"][..],
            "there is no orphan to keep at elsewhere.example",
        ),
        (
            &["4", "--keep", &kept][..],
            "there are 3 orphans besides those of --keep",
        ),
    ] {
        let arguments: Vec<&str> = ["reconcile", "--delete-orphans"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let refused = verb(&env, &arguments).await;
        assert!(
            refused.code == 1 && refused.out.contains(words),
            "{}",
            refused.all
        );
        assert_eq!(env.zone.sets(), before);
    }
    let done = verb(
        &env,
        &[
            "reconcile",
            "--delete-orphans",
            "3",
            "--keep",
            &format!("{kept}."),
        ],
    )
    .await;
    assert!(
        done.code == 0
            && done.out.contains("3 orphans are marked")
            && done.out.contains("the zone is up to date"),
        "{}",
        done.all
    );
    assert!(env.zone.set(&bare, "CAA").is_some(), "an operator's");
    assert!(env.zone.set(&kept, "MX").is_some(), "kept");
    assert_eq!(zone_sets(&env).len(), zone.len() + 2);
    no_difference(&env).await;
    drop(app);
}

#[tokio::test]
async fn an_audit_on_request_repairs_at_once() {
    let (env, app, zone) = with_records(3).await;
    drop(app);
    let env = env.set("AUDIT_FREQUENCY_S", "3600");
    let _app = env.start().await;
    remove(&env, [fqdn("n-1")]);
    let plan = verb(&env, &["reconcile", "--dry-run"]).await;
    assert!(
        plan.out.contains("starchart reconcile --now"),
        "{}",
        plan.out
    );
    let done = verb(&env, &["reconcile", "--now"]).await;
    assert!(
        done.code == 0 && done.out.contains("1 difference; 1 repaired"),
        "{}",
        done.all
    );
    assert_eq!(zone_sets(&env), zone);
    published(&env).await;
}

#[tokio::test]
async fn the_pause_after_a_wipe_ends_by_itself_only_for_an_empty_zone() {
    let env = TestEnv::new().await.set("AUDIT_FREQUENCY_S", "1");
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    let wiped = "REPLACE INTO zone_control (id, paused_at, paused_reason, paused_kind) \
                 VALUES (1, 1, 'wiped', 'wiped')";
    env.zone
        .put(Set::new(&fqdn("before"), "A", 300, ["203.0.113.8"]))
        .unwrap();
    // One that has read the empty zone would end the pause.
    audited_since(&env).await;
    env.db.run(wiped).await;
    audited(&env, "paused").await;
    assert_eq!(owner.create("www", "A", "192.168.1.1").await.status, 303);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(env.zone.set(&fqdn("www"), "A").is_none());
    remove(&env, [fqdn("before")]);
    eventually("goes on", async || env.zone.set(&fqdn("www"), "A")).await;
}

#[tokio::test]
async fn pending_work_is_reported() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut owner = signed_in(&env, &app, "user1").await;
    env.zone
        .put(Set::new(&fqdn("taken"), "A", 300, ["203.0.113.8"]))
        .unwrap();
    assert_eq!(owner.create("taken", "A", "192.168.1.1").await.status, 303);
    eventually("refused", async || {
        equal(
            owner.clone().row(&fqdn("taken"), "A").await.unwrap().key,
            "refused",
        )
    })
    .await;
    let printed = verb(&env, &["reconcile", "--dry-run"]).await;
    assert!(
        printed
            .out
            .contains("blocked by an RRset that is not owned")
            && printed.out.contains("--adopt makes 1 of these owned"),
        "{}",
        printed.out
    );
    assert!(
        !printed.out.contains("about to be published"),
        "{}",
        printed.out
    );
    assert_eq!(owner.create("www", "A", "192.168.1.1").await.status, 303);
    eventually("published", async || env.zone.set(&fqdn("www"), "A")).await;

    assert_eq!(
        verb(&env, &["wipe", "--confirm", &format!("{ROOT}:1")])
            .await
            .code,
        0
    );
    let mut owner = signed_in(&env, &app, "user1").await;
    for name in ["www", "new"] {
        assert_eq!(owner.create(name, "A", "192.168.1.1").await.status, 303);
    }
    let printed = verb(&env, &["reconcile", "--dry-run"]).await;
    let www = fqdn("www");
    let new = fqdn("new");
    let blocked = format!("not owned (1):\n  + {www} A 192.168.1.1, blocked by A 192.168.1.1\n");
    assert!(
        printed.out.contains(&blocked) && printed.out.contains("--adopt makes 1 of these owned"),
        "{}",
        printed.out
    );
    assert!(
        printed
            .out
            .contains(&format!("when it ends (1):\n  + {new} A 192.168.1.1\n")),
        "{}",
        printed.out
    );
    assert!(
        printed.out.contains("\nto resume publishing: starchart"),
        "there is no plan to be done: {}",
        printed.out
    );
    let done = verb(&env, &["reconcile", "--approve", &hash(&printed)]).await;
    assert!(
        done.out.contains(&format!(
            "1 name is refused by the DNS provider:\n  {www}: "
        )),
        "{}",
        done.out
    );
    assert!(
        done.out
            .ends_with("\nall other names are up to date in the zone")
            && done.code == 1,
        "{}",
        done.all
    );
    assert!(env.zone.set(&new, "A").is_some());
}
