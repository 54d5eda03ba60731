//! An admin deletes a user.

use super::*;

on_both!(
    a_deleted_user_leaves_only_a_tombstone,
    a_deletion_and_writes_at_once_leave_nothing_behind,
);

async fn a_deleted_user_leaves_only_a_tombstone(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let ((me, right), (second, second_right)) = (
        admin(world, "user3", 3).await,
        admin(world, "han.solo", 4).await,
    );
    for (who, name, kind, value) in [
        (&user, "www", "A", "192.168.1.1"),
        (&user, "www", "TXT", "text"),
        (&user, "alias", "CNAME", "example.com"),
        (&other, "www", "A", "192.168.1.9"),
    ] {
        world.create(who, name, kind, value).await.unwrap();
    }
    furnish(world, &user).await;
    furnish(world, &other).await;
    for of in [&user, &other] {
        lookups::request(&world.store, &of.fqdn("www"), RecordType::A)
            .await
            .unwrap();
    }
    let lease = world.lease().await;
    world.publish(&lease, &user.fqdn("www"), "C1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    sessions::create(&world.store, other.id, [2; 32], None, None)
        .await
        .unwrap();
    impersonate(world, &second_right, user.id, 4, 5)
        .await
        .unwrap();

    let ahead = admin::preview_deletion(&world.store, &right, user.id)
        .await
        .unwrap();
    assert_eq!(
        (
            ahead.records,
            ahead.certificates,
            ahead.order,
            ahead.sessions,
            ahead.mails
        ),
        (3, 2, true, 1, 1)
    );
    assert!(!ahead.suspended);
    let refused = admin::delete_user(&world.store, &right, me.id, "request").await;
    assert!(matches!(refused, Err(AdminError::Oneself)), "{refused:?}");
    let done = admin::delete_user(&world.store, &right, user.id, "request")
        .await
        .unwrap();
    assert_eq!(
        (
            done.records,
            done.certificates,
            done.orders,
            done.sessions,
            done.mails
        ),
        (3, 2, 1, 1, 1)
    );
    let again = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(matches!(again, Err(AdminError::NotFound)), "{again:?}");

    let count = async |what: &str, of: &TestUser| {
        let (table, also) = what.split_once(' ').unwrap_or((what, ""));
        world
            .number(&format!(
                "SELECT COUNT(*) FROM {table} WHERE user_id = {} {also}",
                of.id
            ))
            .await
    };
    let ended = "AND action = 'user-deleted'";
    assert_eq!(
        count(
            &format!("record_history {ended} AND actor_id = {}", me.id),
            &user
        )
        .await,
        3
    );
    for (what, left) in [
        ("dns_records", 0),
        ("names AND is_unpublished = 0", 0),
        ("names", 3),
        ("certificates AND state = 'active'", 0),
        ("certificates AND key_id IS NOT NULL", 0),
        ("certificates AND revocation_requested_at > 0", 2),
        (
            "certificate_orders AND step = 'abandoned' AND finished_at > 0 \
             AND key_ciphertext IS NULL AND fence = 1",
            1,
        ),
        ("outbox", 0),
        ("sessions AND ended_at IS NULL", 0),
    ] {
        assert_eq!(count(what, &user).await, left, "{what}");
    }
    for (what, left) in [
        ("dns_records", 1),
        (
            "certificates AND state = 'active' AND revocation_requested_at IS NULL \
             AND key_id IS NOT NULL",
            1,
        ),
        (
            "certificate_orders AND finished_at IS NULL AND key_id IS NOT NULL",
            1,
        ),
        ("outbox", 1),
        ("sessions AND ended_at IS NULL", 1),
    ] {
        assert_eq!(count(what, &other).await, left, "another user's {what}");
    }
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        1,
        "another user's"
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM lookups").await,
        1,
        "another user's"
    );
    assert_eq!(
        session(&world.store, 5).await.unwrap().user.id,
        second.id,
        "who was in their place is not any more"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM sessions WHERE impersonated_id IS NOT NULL")
            .await,
        0
    );
    let gone = world.outcome(&user.fqdn("www")).await;
    assert!(
        gone.sets.len() == 2 && gone.sets.iter().all(|(_, body)| body.is_none()),
        "{gone:?}"
    );
    let line = "SELECT COUNT(*) FROM audit_trail WHERE action = 'user.delete' \
                AND object = 'user1' AND detail LIKE '3 records, 2 %'";
    assert_eq!(world.number(line).await, 1);
    assert_eq!(
        world
            .number(
                "SELECT COUNT(*) FROM users WHERE email = '' AND display_name = '' \
                 AND deleted_at > 0"
            )
            .await,
        1
    );
    assert_eq!(
        admin::count_totals(&world.store, &right)
            .await
            .unwrap()
            .users,
        3
    );

    // Deletion is no ban.
    let back = users::sign_in(&world.store, &identity("user1"))
        .await
        .unwrap();
    assert_eq!(
        (back.id, back.label.unwrap().to_string()),
        (user.id, "user1".to_owned())
    );
    assert_eq!(records::list(&world.store, user.id).await.unwrap(), []);
    assert_eq!(
        session(&world.store, 1).await,
        None,
        "sessions of before stay ended"
    );
    world
        .create(&user, "www", "CNAME", "example.com")
        .await
        .unwrap();
}

async fn a_deletion_and_writes_at_once_leave_nothing_behind(world: &World) {
    let user = world.user("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    let other = world.another().await;
    let new: Vec<_> = (0..12)
        .map(|n| user.record(&format!("h{n}"), "A", "192.168.1.1"))
        .collect();
    let creates = join_all(
        new.iter()
            .map(|new| records::create(&other, user.id, new, None, &user.context)),
    );
    let (made, deleted) = tokio::join!(
        creates,
        admin::delete_user(&world.store, &right, user.id, "request")
    );
    let made = made.iter().filter(|made| made.is_ok()).count();
    assert_eq!(
        usize::try_from(deleted.unwrap().records).unwrap(),
        made,
        "each came before or was refused"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM dns_records").await, 0);
}
