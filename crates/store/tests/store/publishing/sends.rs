//! Sends: pending, confirmed, lost, and recorded without a lease.

use super::*;

on_both!(
    a_send_is_pending_before_and_confirmed_after,
    an_unconfirmed_send_is_read_first,
    a_change_during_the_call_keeps_the_name_unpublished,
    an_unfenced_send_is_recorded_and_the_name_read_again,
    an_unfenced_send_survives_a_later_confirmation,
    a_send_that_was_not_seen_is_looked_for_again,
    a_send_that_was_not_seen_outlasts_later_sends_for_two_minutes,
);

async fn a_send_is_pending_before_and_confirmed_after(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;

    let first = world.outcome(&fqdn).await;
    assert_eq!(
        first,
        outcome(&fqdn, 1, &[(RecordType::A, Some(body(&["192.168.1.1"])))])
    );
    for _ in 0..2 {
        world.intend(&lease, &first).await;
    }
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (None, vec![Some(body(&["192.168.1.1"]))]),
        "a repeated send is one"
    );

    for _ in 0..2 {
        assert!(
            zone::confirm(store, &lease, std::slice::from_ref(&first), Some("C1"))
                .await
                .unwrap()
        );
    }
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![])
    );
    assert!(world.unpublished().await.is_empty());
    assert_eq!(zone::list_unsynced_changes(store).await.unwrap().len(), 1);

    world.delete(&user, record.id).await.unwrap();
    let second = world.outcome(&fqdn).await;
    assert_eq!(second, outcome(&fqdn, 2, &[(RecordType::A, None)]));
    world.intend(&lease, &second).await;
    let owned = world.work(&fqdn).await.owned.remove(0);
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![None]),
        "a removal on its way"
    );
    assert!(
        zone::confirm(store, &lease, &[second], Some("C2"))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn an_unconfirmed_send_is_read_first(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    world.intend(&lease, &name).await;
    lease::release(store, &lease).await.unwrap();

    let lease = world.lease().await;
    let work = world.work(&fqdn).await;
    assert!(work.owned[0].needs_read() && work.owned[0].is_ours(&body(&["192.168.1.1"])));
    // It was read, and there it stood.
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&name))
            .await
            .unwrap()
    );
    assert!(zone::confirm(store, &lease, &[name], None).await.unwrap());
    assert!(!world.owned().await[0].1.needs_read());
    assert!(world.unpublished().await.is_empty());
    assert!(
        zone::list_unsynced_changes(store).await.unwrap().is_empty(),
        "no change id to ask about"
    );
    assert_eq!(
        records::get(store, user.id, record.id)
            .await
            .unwrap()
            .unwrap()
            .state,
        PublishState::InSync
    );
    assert_eq!(
        zone::list_names_to_check(store, 10).await.unwrap().len(),
        1,
        "the name servers tell"
    );

    // It was read, and nothing stood there.
    let nothing = outcome(&fqdn, 1, &[(RecordType::A, None)]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn a_change_during_the_call_keeps_the_name_unpublished(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    world.intend(&lease, &name).await;
    world
        .edit(&user, record.id, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    zone::confirm(store, &lease, std::slice::from_ref(&name), Some("C1"))
        .await
        .unwrap();
    assert_eq!(world.unpublished().await[0].generation, 2);
    assert_eq!(
        records::get(store, user.id, record.id)
            .await
            .unwrap()
            .unwrap()
            .state,
        PublishState::Saved
    );
    world.publish(&lease, &fqdn, "C2").await;
    // An older result after a newer one changes no generation.
    zone::confirm(store, &lease, &[outcome(&fqdn, 1, &[])], None)
        .await
        .unwrap();
    assert!(world.unpublished().await.is_empty());
}

async fn an_unfenced_send_is_recorded_and_the_name_read_again(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let current = world.publish(&lease, &fqdn, "C1").await;
    assert!(world.unpublished().await.is_empty());

    let stale = outcome(
        &fqdn,
        1,
        &[
            (RecordType::A, Some(body(&["192.168.1.9"]))),
            (RecordType::Txt, None),
        ],
    );
    zone::record_unfenced_changes(store, &[stale])
        .await
        .unwrap();
    assert_eq!(world.unpublished().await[0].generation, 2);
    let work = world.work(&fqdn).await;
    let owned = &work.owned[0];
    assert_eq!(owned.confirmed, current.sets[0].1);
    assert!(owned.needs_read() && owned.is_ours(&body(&["192.168.1.9"])));
    assert_eq!(
        (work.owned[1].rtype, &work.owned[1].pending),
        (RecordType::Txt, &vec![None])
    );

    let read = outcome(
        &fqdn,
        work.generation,
        &[
            (RecordType::A, Some(body(&["192.168.1.9"]))),
            (RecordType::Txt, None),
        ],
    );
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&read))
            .await
            .unwrap()
    );
    let owned = world.owned().await;
    assert_eq!(owned.len(), 1);
    assert_eq!(
        (owned[0].1.confirmed.clone(), owned[0].1.needs_read()),
        (Some(body(&["192.168.1.9"])), false)
    );
}

/// The holder read its work before the late word came: neither its confirmation nor its refusal may
/// wipe that out.
async fn an_unfenced_send_survives_a_later_confirmation(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let name = world.outcome(&fqdn).await;
    let stale = outcome(&fqdn, 1, &[(RecordType::A, Some(body(&["192.168.1.9"])))]);
    let pending = async || world.owned().await.remove(0).1.pending;

    world.intend(&lease, &name).await;
    zone::record_unfenced_changes(store, std::slice::from_ref(&stale))
        .await
        .unwrap();
    assert_eq!(pending().await.len(), 2);
    assert!(
        zone::quarantine(store, &lease, &refused(&fqdn, 1, None, "no"))
            .await
            .unwrap()
    );
    assert_eq!(
        pending().await,
        stale
            .sets
            .iter()
            .map(|(_, body)| body.clone())
            .collect::<Vec<_>>()
    );
    world.intend(&lease, &name).await;
    zone::confirm(store, &lease, std::slice::from_ref(&name), Some("C1"))
        .await
        .unwrap();
    assert_eq!(
        pending().await,
        stale
            .sets
            .iter()
            .map(|(_, body)| body.clone())
            .collect::<Vec<_>>()
    );
    assert_eq!(world.unpublished().await.len(), 1, "and somebody will look");
}

/// A request may outlive its sender: what was sent and not seen is looked for again, and is ours
/// when it comes.
async fn a_send_that_was_not_seen_is_looked_for_again(world: &World) {
    let user = world.user("user1").await;
    let record = world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let lease = world.lease().await;
    let store = &world.store;
    let sent = world.outcome(&fqdn).await;
    world.intend(&lease, &sent).await;
    world.delete(&user, record.id).await.unwrap();
    // The next run reads the zone, finds nothing and has nothing to send.
    let nothing = outcome(&fqdn, 2, &[(RecordType::A, None)]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&nothing))
            .await
            .unwrap()
    );
    assert!(
        zone::confirm(store, &lease, &[outcome(&fqdn, 2, &[])], None)
            .await
            .unwrap()
    );
    assert!(world.unpublished().await.is_empty(), "not at once");
    world
        .run("UPDATE zone_rrset SET look_at = look_at - 2000")
        .await
        .unwrap();
    assert_eq!(world.unpublished().await[0].name, fqdn, "two seconds later");
    let owned = world.work(&fqdn).await.owned.remove(0);
    assert!(owned.needs_read() && owned.is_ours(&body(&["192.168.1.1"])));
    // It came: it is known now, and to be removed.
    let seen = outcome(&fqdn, 2, &[(RecordType::A, Some(body(&["192.168.1.1"])))]);
    assert!(
        zone::record_read(store, &lease, std::slice::from_ref(&seen))
            .await
            .unwrap()
    );
    let owned = world.owned().await.remove(0).1;
    assert_eq!(
        (owned.confirmed, owned.pending),
        (Some(body(&["192.168.1.1"])), vec![])
    );
    world.intend(&lease, &nothing).await;
    assert!(
        zone::confirm(store, &lease, std::slice::from_ref(&nothing), Some("C1"))
            .await
            .unwrap()
    );
    assert!(world.owned().await.is_empty());
}

async fn a_send_that_was_not_seen_outlasts_later_sends_for_two_minutes(world: &World) {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    let fqdn = user.fqdn("www");
    let store = &world.store;
    let lease = lease::acquire(store, LeaseName::Publish, "one", 600_000).await;
    let lease = lease.unwrap().unwrap();
    let sets = |body| outcome(&fqdn, 1, &[(RecordType::A, body)]);
    let lost = body(&["192.168.1.1"]);
    let later = [sets(Some(body(&["192.168.1.2"])))];
    let pending = async || world.owned().await.remove(0).1.pending;
    world.intend(&lease, &sets(Some(lost.clone()))).await;
    let read = zone::record_read(store, &lease, &[sets(None)]).await;
    assert!(read.unwrap());
    world.intend(&lease, &later[0]).await;
    assert!(zone::withdraw(store, &lease, &later).await.unwrap());
    assert_eq!(pending().await, [Some(lost.clone())], "withdrawn");
    world.intend(&lease, &later[0]).await;
    let confirm = async |change| {
        let confirmed = zone::confirm(store, &lease, &later, change).await;
        assert!(confirmed.unwrap());
    };
    confirm(Some("C1")).await;
    assert_eq!(pending().await, [Some(lost)], "confirmed");
    world.later(120_001);
    confirm(None).await;
    assert_eq!(pending().await, [], "two minutes later");
}
