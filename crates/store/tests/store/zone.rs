//! The whole zone: what an audit reads, marks and keeps; adoption; and the kinds of a pause.

use starchart_domain::plan::PublishedName;
use starchart_domain::publish::PublishState;
use starchart_domain::record::RecordType;
use starchart_store::lease::{self, LeaseName};
use starchart_store::records;
use starchart_store::zone::{
    self, Adopted, AdoptionGoal, AdoptionReason, AuditOutcome, AuditResult,
};

use crate::world::{World, body, outcome, refused};

on_both!(
    drift_becomes_work_that_knows_what_stands,
    what_moves_is_left_alone,
    a_set_without_a_name_is_brought_to_publish,
    adoption_makes_ours_what_stands,
    what_is_adopted_to_be_deleted_is_owed_at_once,
    an_audit_is_kept_in_one_row,
    orphans_keep_the_time_when_they_were_first_seen,
    a_pause_has_a_kind,
);

const KEEP: AdoptionReason<'_> = AdoptionReason {
    zone: "starchart.com",
    detail: "by a test",
    goal: AdoptionGoal::Keep("adopted"),
};

async fn drift_becomes_work_that_knows_what_stands(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    for name in ["edited", "gone", "ghost"] {
        world.create(&user, name, "A", "192.168.1.1").await.unwrap();
        world.publish(&lease, &user.fqdn(name), "C1").await;
    }
    world
        .run(&format!(
            "DELETE FROM dns_records WHERE fqdn = '{}'",
            user.fqdn("ghost")
        ))
        .await
        .unwrap();
    let view = zone::read_snapshot(store).await.unwrap();
    assert!(view.in_flight(&view.hashes()).is_empty());
    let found = [
        outcome(
            &user.fqdn("edited"),
            0,
            &[(RecordType::A, Some(body(&["203.0.113.9"])))],
        ),
        outcome(&user.fqdn("gone"), 0, &[(RecordType::A, None)]),
        outcome(&user.fqdn("ghost"), 0, &[(RecordType::A, None)]),
    ];
    assert_eq!(
        zone::mark_drift(store, &view, &found).await.unwrap().len(),
        3
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        3
    );
    assert_eq!(zone::list_unpublished(store, 10).await.unwrap().len(), 3);
    let work = |name: &str| {
        let fqdn = user.fqdn(name);
        async move { zone::read_work(store, &[fqdn]).await.unwrap().remove(0) }
    };
    let edited = work("edited").await;
    assert_eq!(
        edited.owned[0].confirmed,
        Some(body(&["203.0.113.9"])),
        "what stands is what publish has to delete"
    );
    assert!(!edited.owned[0].needs_read() && edited.desired[0].body == body(&["192.168.1.1"]));
    assert!(work("gone").await.owned.is_empty() && work("ghost").await.owned.is_empty());
    assert!(
        zone::mark_drift(store, &view, &found)
            .await
            .unwrap()
            .is_empty(),
        "once"
    );
    let asked = store.now().await.unwrap();
    world.later(10);
    world
        .create(&user, "later", "A", "192.168.1.1")
        .await
        .unwrap();
    assert_eq!(
        zone::count_unpublished_at(store, asked).await.unwrap(),
        3,
        "what people ask for later is another matter"
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        4
    );
}

async fn what_moves_is_left_alone(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    let record = world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    world
        .create(&user, "dirty", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("www"), "C1").await;
    let before = zone::read_snapshot(store).await.unwrap();
    assert_eq!(
        before
            .in_flight(&before.hashes())
            .into_iter()
            .collect::<Vec<_>>(),
        [user.fqdn("dirty")]
    );
    // Changed and published while the zone was listed: clean again, and still not to be judged.
    world.renew(&user, record.id).await.unwrap();
    world.publish(&lease, &user.fqdn("www"), "C2").await;
    let after = zone::read_snapshot(store).await.unwrap();
    assert!(
        after
            .in_flight(&before.hashes())
            .contains(&user.fqdn("www"))
    );
    let found = [
        outcome(&user.fqdn("www"), 0, &[(RecordType::A, None)]),
        outcome(&user.fqdn("dirty"), 0, &[(RecordType::A, None)]),
    ];
    assert!(
        zone::mark_drift(store, &before, &found)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        zone::mark_drift(store, &after, &found).await.unwrap().len(),
        1,
        "the clean one, as it is now"
    );
    // A send that may still come is publish's.
    let sent = world.outcome(&user.fqdn("www")).await;
    assert!(zone::intend(store, &lease, 0, &[sent]).await.unwrap());
    let pending = zone::read_snapshot(store).await.unwrap();
    assert!(
        pending
            .in_flight(&pending.hashes())
            .contains(&user.fqdn("www"))
    );
}

async fn a_set_without_a_name_is_brought_to_publish(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    let fqdn = user.fqdn("www");
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &fqdn, "C1").await;
    world
        .run("DELETE FROM dns_records; DELETE FROM names")
        .await
        .unwrap();
    let view = zone::read_snapshot(store).await.unwrap();
    let found = [outcome(
        &fqdn,
        0,
        &[(RecordType::A, Some(body(&["192.168.1.9"])))],
    )];
    assert_eq!(
        zone::mark_drift(store, &view, &found).await.unwrap().len(),
        1
    );
    let again = zone::read_snapshot(store).await.unwrap();
    assert!(
        zone::mark_drift(store, &again, &found)
            .await
            .unwrap()
            .is_empty(),
        "it is on its way"
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        1
    );
    assert!(
        zone::list_unpublished(store, 10).await.unwrap().is_empty(),
        "not in the same moment"
    );
    world.later(2_100);
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].fqdn,
        fqdn
    );
    assert_eq!(zone::list_unpublished(store, 0).await.unwrap().len(), 0);
    let work = zone::read_work(store, std::slice::from_ref(&fqdn))
        .await
        .unwrap()
        .remove(0);
    assert!(work.desired.is_empty() && work.owned[0].needs_read());
    let lease = lease::acquire(store, LeaseName::Publish, "two", 600_000)
        .await
        .unwrap()
        .unwrap_or(lease);
    let read = outcome(&fqdn, 0, &[(RecordType::A, Some(body(&["192.168.1.9"])))]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    let gone = outcome(&fqdn, 0, &[(RecordType::A, None)]);
    assert!(
        zone::intend(store, &lease, 0, std::slice::from_ref(&gone))
            .await
            .unwrap()
    );
    assert!(
        zone::confirm(store, &lease, Some("C2"), &[gone])
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        0
    );
}

async fn adoption_makes_ours_what_stands(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    world
        .create(&user, "same", "A", "192.168.1.1")
        .await
        .unwrap();
    world
        .create(&user, "refused", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("same"), "C1").await;
    let generation = zone::read_snapshot(store).await.unwrap().names[&user.fqdn("refused")].0;
    assert!(
        zone::quarantine(
            store,
            &lease,
            &refused(&user.fqdn("refused"), generation, None, "not ours")
        )
        .await
        .unwrap()
    );
    world.run("DELETE FROM zone_rrset").await.unwrap();
    world
        .run(&format!(
            "UPDATE names SET sent_at = NULL, in_sync_at = NULL WHERE fqdn = '{}'",
            user.fqdn("same")
        ))
        .await
        .unwrap();
    assert!(zone::list_unpublished(store, 10).await.unwrap().is_empty());
    let stand = [
        outcome(
            &user.fqdn("refused"),
            0,
            &[(RecordType::A, Some(body(&["203.0.113.9"])))],
        ),
        outcome(
            &user.fqdn("same"),
            0,
            &[(RecordType::A, Some(body(&["192.168.1.1"])))],
        ),
    ];
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap().sets,
        2
    );
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap().sets,
        0,
        "may be repeated"
    );
    assert_eq!(
        zone::pause_reason(store).await.unwrap().as_deref(),
        Some("adopted")
    );
    zone::resume(store).await.unwrap();
    let owned = world.owned().await;
    assert_eq!(owned.len(), 2);
    assert_eq!(owned[0].1.confirmed, Some(body(&["203.0.113.9"])));
    assert_eq!(
        zone::list_unpublished(store, 10).await.unwrap()[0].fqdn,
        user.fqdn("refused"),
        "tried again at once"
    );
    assert!(
        zone::list_names_to_check(store, 10)
            .await
            .unwrap()
            .is_empty(),
        "nobody is asked about what has long stood"
    );
    let rows = records::list(store, user.id).await.unwrap();
    assert_eq!(
        rows.iter()
            .find(|row| row.name == user.fqdn("same"))
            .unwrap()
            .state,
        PublishState::InSync
    );
    lease::release(store, &lease).await.unwrap();
    assert_eq!(
        zone::adopt(store, &lease, &stand, KEEP).await.unwrap(),
        Adopted::default(),
        "only with the lease"
    );
    assert_eq!(
        zone::pause_reason(store).await.unwrap(),
        None,
        "what was not begun pauses nothing"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'zone.adopt'")
            .await,
        2
    );
}

async fn what_is_adopted_to_be_deleted_is_owed_at_once(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    let lease = world.lease().await;
    world
        .create(&user, "beside", "A", "192.168.1.1")
        .await
        .unwrap();
    world.publish(&lease, &user.fqdn("beside"), "C1").await;
    let left = Some(body(&["203.0.113.9"]));
    let stand = ["bare", "beside"]
        .map(|name| outcome(&user.fqdn(name), 0, &[(RecordType::Mx, left.clone())]));
    let deed = AdoptionReason {
        goal: AdoptionGoal::Delete,
        ..KEEP
    };
    let adopted = zone::adopt(store, &lease, &stand, deed).await.unwrap();
    assert_eq!(
        (adopted.sets, adopted.names.len(), adopted.complete),
        (2, 2, true)
    );
    assert_eq!(
        zone::count_unpublished_at(store, store.now().await.unwrap())
            .await
            .unwrap(),
        2
    );
    assert_eq!(zone::pause_reason(store).await.unwrap(), None);
    let work = zone::read_work(store, &[user.fqdn("bare"), user.fqdn("beside")])
        .await
        .unwrap();
    for name in work {
        let set = name
            .owned
            .iter()
            .find(|set| set.rtype == RecordType::Mx)
            .unwrap();
        assert_eq!(
            set.confirmed, left,
            "publish deletes exactly what stands at {}",
            name.name
        );
    }
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'zone.delete-orphans'")
            .await,
        1
    );
}

fn result(outcome: AuditOutcome, repaired: u64) -> AuditResult {
    AuditResult {
        outcome,
        plan_hash: "ab".repeat(32),
        listed: 9,
        owned: 8,
        creates: 1,
        deletes: 2,
        replaces: 3,
        unclaimed: 4,
        foreign: 6,
        orphans: 5,
        repaired,
        refused_because: (outcome == AuditOutcome::Refused).then(|| "too much".to_owned()),
    }
}

async fn an_audit_is_kept_in_one_row(world: &World) {
    let store = &world.store;
    assert_eq!(zone::find_audit(store).await.unwrap(), None);
    zone::record_failed_audit(store, "away").await.unwrap();
    let row = zone::find_audit(store).await.unwrap().unwrap();
    assert_eq!((row.last, row.problem.unwrap().1.as_str()), (None, "away"));
    zone::record_audit(store, &result(AuditOutcome::Refused, 0))
        .await
        .unwrap();
    let first = zone::find_audit(store).await.unwrap().unwrap();
    let (at, kept) = first.last.clone().unwrap();
    assert_eq!(kept, result(AuditOutcome::Refused, 0));
    assert_eq!(
        (first.refused_since, first.refused_total, first.problem),
        (Some(at), 1, None)
    );
    world.later(1_000);
    zone::record_audit(store, &result(AuditOutcome::Refused, 0))
        .await
        .unwrap();
    assert_eq!(
        zone::find_audit(store)
            .await
            .unwrap()
            .unwrap()
            .refused_since,
        Some(at),
        "since the first"
    );
    for repaired in [3, 4] {
        zone::record_audit(store, &result(AuditOutcome::Repaired, repaired))
            .await
            .unwrap();
    }
    let last = zone::find_audit(store).await.unwrap().unwrap();
    assert_eq!(
        (last.refused_since, last.refused_total, last.repaired_total),
        (None, 2, 7)
    );
}

async fn orphans_keep_the_time_when_they_were_first_seen(world: &World) {
    let store = &world.store;
    let orphan = |name: &str, target: &str| (name.to_owned(), "A".to_owned(), target.to_owned());
    zone::record_orphans(
        store,
        &[
            orphan("a.u.root", "192.0.2.1"),
            orphan("b.u.root", "192.0.2.1"),
        ],
    )
    .await
    .unwrap();
    let first = zone::list_orphans(store).await.unwrap();
    world.later(5_000);
    zone::record_orphans(
        store,
        &[
            orphan("b.u.root", "192.0.2.2"),
            orphan("c.u.root", "192.0.2.1"),
        ],
    )
    .await
    .unwrap();
    let then = zone::list_orphans(store).await.unwrap();
    let names: Vec<_> = then
        .iter()
        .map(|row| (row.fqdn.as_str(), row.target.as_str()))
        .collect();
    assert_eq!(
        names,
        [("b.u.root", "192.0.2.2"), ("c.u.root", "192.0.2.1")]
    );
    assert_eq!(then[0].first_seen_at, first[1].first_seen_at);
    assert!(then[1].first_seen_at.since(first[0].first_seen_at) >= 5_000);
}

async fn a_pause_has_a_kind(world: &World) {
    let store = &world.store;
    assert_eq!(zone::find_pause(store).await.unwrap(), None);
    zone::pause_after_wipe(store).await.unwrap();
    let wiped = zone::find_pause(store).await.unwrap().unwrap();
    assert!(wiped.after_wipe && wiped.reason.contains("--approve"));
    assert_eq!(
        zone::pause_unless_paused(store, "another").await.unwrap(),
        wiped
    );
    zone::pause(store, "by hand").await.unwrap();
    let by_hand = zone::find_pause(store).await.unwrap().unwrap();
    assert!(
        !by_hand.after_wipe && by_hand.reason == "by hand",
        "{by_hand:?}"
    );
    zone::record_approval(store, "starchart.com", "by an operator")
        .await
        .unwrap();
    assert!(
        !zone::resume_from(store, &wiped).await.unwrap()
            && !zone::resume_after_wipe(store).await.unwrap()
    );
    assert_eq!(
        zone::find_pause(store).await.unwrap(),
        Some(by_hand.clone()),
        "another pause than the one that was seen stays"
    );
    assert!(zone::resume_from(store, &by_hand).await.unwrap());
    assert_eq!(zone::find_pause(store).await.unwrap(), None);
    zone::pause_after_wipe(store).await.unwrap();
    assert!(zone::resume_after_wipe(store).await.unwrap());
    assert_eq!(zone::find_pause(store).await.unwrap(), None);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'zone.approve'")
            .await,
        1
    );
}

/// 50,000 records whose registry was lost, in one transaction for each 500 names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_sets_are_adopted_in_seconds() {
    let world = World::mysql().await;
    let user = world.person("user1").await;
    world
        .create(&user, "www", "A", "192.168.1.1")
        .await
        .unwrap();
    let digit = "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION \
                 SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)";
    let numbers = format!(
        "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d n \
         FROM {digit} a, {digit} b, {digit} c, {digit} e, {digit} f WHERE f.d < 5) m"
    );
    let columns = "class, user_id, type, input, presentation, value_hash, ttl, created_at, \
                   updated_at, expires_at";
    world
        .run(&format!(
            "INSERT INTO names (fqdn, user_id, class, created_at, updated_at) \
             SELECT CONCAT('n', n, '.{base}'), {id}, 'other', 0, 0 FROM {numbers}; \
             INSERT INTO dns_records (fqdn, {columns}) \
             SELECT CONCAT('n', m.n, '.{base}'), {columns} FROM dns_records, {numbers}",
            base = user.base,
            id = user.id
        ))
        .await
        .unwrap();
    let mut lease = world.lease().await;
    assert!(
        lease::renew(&world.store, &mut lease, 600_000)
            .await
            .unwrap()
    );
    let view = zone::read_snapshot(&world.store).await.unwrap();
    let stand: Vec<PublishedName> = view
        .desired
        .keys()
        .map(|name| outcome(name, 0, &[(RecordType::A, Some(body(&["192.168.1.1"])))]))
        .collect();
    assert_eq!(
        zone::adopt(&world.store, &lease, &stand, KEEP)
            .await
            .unwrap()
            .sets,
        50_001
    );
    assert!(
        zone::read_snapshot(&world.store)
            .await
            .unwrap()
            .in_flight(&view.hashes())
            .len()
            > 50_000
    );
}
