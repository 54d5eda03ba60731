//! An admin acts as another user.

use super::*;

on_both!(
    only_a_live_session_of_an_admin_gives_the_right,
    only_users_with_a_label_who_are_no_admins_can_be_impersonated,
    impersonation_rotates_the_token_and_expires,
    impersonation_ends_with_the_right_to_it,
    an_old_sign_in_changes_no_user,
);

async fn only_a_live_session_of_an_admin_gives_the_right(world: &World) {
    let user = world.user("user1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    assert_eq!(session(&world.store, 1).await.unwrap().admin(), None);
    let (_, right) = admin(world, "user3", 3).await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    assert_eq!(
        session(&world.store, 4).await.unwrap().admin(),
        None,
        "not while impersonating"
    );
    // The right was given before, and is gone.
    promote(world, right.id(), false).await;
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(
        matches!(deleted, Err(AdminError::NoLongerAdmin)),
        "{deleted:?}"
    );
}

async fn only_users_with_a_label_who_are_no_admins_can_be_impersonated(world: &World) {
    let (me, right) = admin(world, "user3", 3).await;
    let (other, _) = admin(world, "han.solo", 4).await;
    let newcomer = users::sign_in(&world.store, &identity("user4"))
        .await
        .unwrap()
        .id;
    let (suspended, deleted) = (world.user("user5").await.id, world.user("user6").await.id);
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {suspended}"
        ))
        .await
        .unwrap();
    world
        .run(&format!(
            "UPDATE users SET deleted_at = 1 WHERE id = {deleted}"
        ))
        .await
        .unwrap();
    let mut refusals = Vec::new();
    for who in [me.id, other.id, newcomer, suspended, deleted, UserId(4_711)] {
        refusals.push(
            impersonate(world, &right, who, 3, 9)
                .await
                .unwrap_err()
                .to_string(),
        );
    }
    let nobody = "no such user";
    assert_eq!(
        refusals[..3],
        [
            "that is your own account",
            "that is an admin",
            "no domain was chosen yet"
        ]
    );
    assert_eq!(refusals[3..], [nobody, nobody, nobody]);
    let still = session(&world.store, 3).await.unwrap();
    assert!(still.impersonation.is_none() && session(&world.store, 9).await.is_none());
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_trail").await, 0);
}

async fn impersonation_rotates_the_token_and_expires(world: &World) {
    let user = world.user("user1").await;
    let (me, right) = admin(world, "user3", 3).await;
    let other_process = world.another().await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    assert_eq!(
        session(&other_process, 3).await,
        None,
        "the old token is nobody's"
    );
    let seen = session(&other_process, 4).await.unwrap();
    assert_eq!((seen.user.id, seen.signed_in().id), (user.id, me.id));
    let left = seen
        .impersonation
        .unwrap()
        .until
        .since(world.store.now().await.unwrap());
    assert!(
        (IMPERSONATION_MS - 60_000..=IMPERSONATION_MS).contains(&left),
        "{left}"
    );
    let (_, second) = admin(world, "han.solo", 12).await;
    let refused = impersonate(world, &second, user.id, 4, 13).await;
    assert!(
        matches!(refused, Err(AdminError::NoLongerAdmin)),
        "in another admin's session: {refused:?}"
    );
    assert!(
        !admin::stop_impersonating(&world.store, [3; 32], [9; 32], "request")
            .await
            .unwrap(),
        "by a token of before"
    );
    assert!(
        admin::stop_impersonating(&world.store, [4; 32], [5; 32], "request")
            .await
            .unwrap()
    );
    assert!(
        !admin::stop_impersonating(&world.store, [5; 32], [6; 32], "request")
            .await
            .unwrap(),
        "nobody is"
    );
    assert_eq!(session(&other_process, 4).await, None);
    assert_eq!(
        session(&other_process, 5).await.unwrap().admin(),
        Some(right.clone())
    );

    impersonate(world, &right, user.id, 5, 6).await.unwrap();
    world.store.set_clock_offset(IMPERSONATION_MS - 60_000);
    assert_eq!(session(&world.store, 6).await.unwrap().user.id, user.id);
    world.store.set_clock_offset(IMPERSONATION_MS + 1_000);
    let own = session(&world.store, 6).await.unwrap();
    assert_eq!(
        (own.user.id, own.impersonated_before),
        (me.id, Some(user.id)),
        "the session is the admin's again"
    );
    assert_eq!(
        session(&other_process, 6)
            .await
            .unwrap()
            .impersonated_before,
        Some(user.id),
        "a page of then is known as that"
    );
    assert!(
        admin::stop_impersonating(&world.store, [6; 32], [7; 32], "request")
            .await
            .unwrap()
    );
    impersonate(world, &right, user.id, 7, 8).await.unwrap();
    sessions::end(&world.store, [8; 32], "signing out")
        .await
        .unwrap();
    sessions::end(&world.store, [8; 32], "again").await.unwrap();
    // Each end once: the admin's click, the time, the sign-out.
    for (action, count) in [("impersonation.start", 3), ("impersonation.end", 3)] {
        let lines = format!(
            "SELECT COUNT(*) FROM audit_trail WHERE action = '{action}' AND actor_id = {} \
             AND on_behalf_of = {} AND object = 'user1'",
            me.id, user.id
        );
        assert_eq!(world.number(&lines).await, count, "{action}");
    }
}

async fn impersonation_ends_with_the_right_to_it(world: &World) {
    let user = world.user("user1").await;
    let (me, right) = admin(world, "user3", 3).await;
    impersonate(world, &right, user.id, 3, 4).await.unwrap();
    let shown = async || {
        session(&world.store, 4)
            .await
            .map(|session| session.user.id)
    };
    for (on, off) in [
        (
            format!("is_admin = 0 WHERE id = {}", me.id),
            format!("is_admin = 1 WHERE id = {}", me.id),
        ),
        (
            format!("is_admin = 1 WHERE id = {}", user.id),
            format!("is_admin = 0 WHERE id = {}", user.id),
        ),
        (
            format!("suspended_at = 1 WHERE id = {}", user.id),
            format!("suspended_at = NULL WHERE id = {}", user.id),
        ),
        (
            format!("deleted_at = 1 WHERE id = {}", user.id),
            format!("deleted_at = NULL WHERE id = {}", user.id),
        ),
    ] {
        assert_eq!(shown().await, Some(user.id));
        world.run(&format!("UPDATE users SET {on}")).await.unwrap();
        assert_eq!(shown().await, Some(me.id), "{on}");
        world.run(&format!("UPDATE users SET {off}")).await.unwrap();
        assert_eq!(shown().await, Some(me.id), "over is over");
        impersonate(world, &right, user.id, 4, 4).await.unwrap();
    }
    let ends = "SELECT COUNT(*) FROM audit_trail WHERE action = 'impersonation.end' \
                AND detail = 'no longer allowed'";
    assert_eq!(world.number(ends).await, 4, "each is in the trail, once");
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            me.id
        ))
        .await
        .unwrap();
    assert_eq!(
        shown().await,
        None,
        "an admin who is suspended is out altogether"
    );
}

async fn an_old_sign_in_changes_no_user(world: &World) {
    let user = world.user("user1").await;
    let (_, right) = admin(world, "user3", 3).await;
    world.store.set_clock_offset(RECENT_SIGN_IN_MS + 60_000);
    assert!(matches!(
        impersonate(world, &right, user.id, 3, 4).await,
        Err(AdminError::SignInAgain)
    ));
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert!(
        matches!(deleted, Err(AdminError::SignInAgain)),
        "{deleted:?}"
    );
    assert!(users::get(&world.store, user.id).await.unwrap().is_some());
}
