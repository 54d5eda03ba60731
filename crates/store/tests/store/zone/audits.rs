//! Results of audits, orphans, and the pause after a wipe.

use super::*;

on_both!(
    an_audit_is_kept_in_one_row,
    orphans_keep_the_time_when_they_were_first_seen,
    a_pause_has_a_kind,
);

async fn an_audit_is_kept_in_one_row(world: &World) {
    let store = &world.store;
    assert_eq!(zone::find_audit(store).await.unwrap(), None);
    zone::record_failed_audit(store, "away").await.unwrap();
    let row = zone::find_audit(store).await.unwrap().unwrap();
    assert_eq!((row.last, row.problem.unwrap().1.as_str()), (None, "away"));
    zone::record_audit(store, &result(AuditOutcome::NeedsApproval, 0))
        .await
        .unwrap();
    let first = zone::find_audit(store).await.unwrap().unwrap();
    let (at, kept) = first.last.clone().unwrap();
    assert_eq!(kept, result(AuditOutcome::NeedsApproval, 0));
    assert_eq!(
        (
            first.needs_approval_since,
            first.needing_approval_total,
            first.problem
        ),
        (Some(at), 1, None)
    );
    world.later(1_000);
    zone::record_audit(store, &result(AuditOutcome::NeedsApproval, 0))
        .await
        .unwrap();
    assert_eq!(
        zone::find_audit(store)
            .await
            .unwrap()
            .unwrap()
            .needs_approval_since,
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
        (
            last.needs_approval_since,
            last.needing_approval_total,
            last.repaired_total
        ),
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
