//! Users, labels and sessions.

use futures_util::future::join_all;
use starchart_domain::names::Label;
use starchart_domain::user::Groups;
use starchart_store::sessions::{self, ABSOLUTE_TIMEOUT_MS, IDLE_TIMEOUT_MS};
use starchart_store::users::{self, ClaimError, SignInError};
use starchart_store::{housekeeping, ticks, trail};
use starchart_testkit::wait::eventually;

use crate::world::{World, identity, name_id};

on_both!(
    look_alike_subjects_are_different_users,
    each_sign_in_renews_what_the_school_says,
    simultaneous_sign_ins_of_one_user_make_one_row,
    a_label_goes_to_one_user,
    a_label_is_chosen_once,
    a_suspended_user_is_signed_out_at_once,
    a_session_lives_until_it_ends,
    a_recent_session_is_forgotten_by_every_write_here_and_soon_elsewhere,
    sessions_end_by_idleness_and_by_age,
    a_tick_has_one_runner,
    expired_rows_are_purged,
);

async fn look_alike_subjects_are_different_users(world: &World) {
    let mut ids = Vec::new();
    for subject in ["josé", "jose", "john.smith", "johnsmith"] {
        ids.push(
            users::sign_in(&world.store, &identity(subject))
                .await
                .unwrap()
                .id,
        );
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let labels = ["jose2", "jose", "john-smith", "johnsmith"];
    for (id, label) in ids.iter().zip(labels) {
        users::claim_label(&world.store, *id, &Label::parse(label).unwrap())
            .await
            .unwrap();
    }
    for (id, label) in ids.iter().zip(labels) {
        let user = users::get(&world.store, *id).await.unwrap().unwrap();
        assert_eq!(user.label.unwrap().as_str(), label);
    }
    assert_eq!(
        users::sign_in(&world.store, &identity("JOHN.Smith"))
            .await
            .unwrap()
            .id,
        ids[2],
        "ASCII case folds"
    );
}

async fn each_sign_in_renews_what_the_school_says(world: &World) {
    let first = users::sign_in(&world.store, &identity("user1"))
        .await
        .unwrap();
    assert!(first.groups.student && first.label.is_none());
    let mut changed = identity("user1");
    changed.display_name = "Johannes 🔭 Kepler".to_owned();
    changed.email = "k".repeat(400);
    changed.groups = Groups {
        admin: true,
        not_sent: true,
        ..Groups::default()
    };
    let second = users::sign_in(&world.store, &changed).await.unwrap();
    assert_eq!((second.id, second.created_at), (first.id, first.created_at));
    assert_eq!(second.display_name, changed.display_name);
    assert_eq!(second.groups, changed.groups);
    assert_eq!(second.email.len(), 320, "cut, not refused");
    assert_eq!(
        users::get(&world.store, first.id).await.unwrap(),
        Some(second)
    );
}

async fn simultaneous_sign_ins_of_one_user_make_one_row(world: &World) {
    let other = world.another().await;
    let who = identity("user1");
    let sign_ins =
        (0..10).map(|n| users::sign_in(if n % 2 == 0 { &world.store } else { &other }, &who));
    let mut ids: Vec<_> = join_all(sign_ins)
        .await
        .into_iter()
        .map(|user| user.unwrap().id)
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn a_label_goes_to_one_user(world: &World) {
    let label = Label::parse("johnsmith").unwrap();
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(
            users::sign_in(&world.store, &identity(&format!("user{n}")))
                .await
                .unwrap()
                .id,
        );
    }
    let claims = join_all(
        ids.iter()
            .map(|id| users::claim_label(&world.store, *id, &label)),
    )
    .await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    assert!(
        claims
            .iter()
            .filter(|c| c.is_err())
            .all(|c| matches!(c, Err(ClaimError::Taken))),
        "{claims:?}"
    );
    let wanted = ["johnsmith", "john-smith"].map(|label| Label::parse(label).unwrap());
    assert_eq!(
        users::filter_free_labels(&world.store, &wanted)
            .await
            .unwrap(),
        wanted[1..]
    );
    // A tombstone keeps its label.
    world
        .run("UPDATE users SET deleted_at = 1 WHERE label = 'johnsmith'")
        .await
        .unwrap();
    assert_eq!(
        users::filter_free_labels(&world.store, &wanted)
            .await
            .unwrap(),
        wanted[1..]
    );
}

async fn a_label_is_chosen_once(world: &World) {
    let id = users::sign_in(&world.store, &identity("user1"))
        .await
        .unwrap()
        .id;
    let labels = ["one", "two", "three"].map(|label| Label::parse(label).unwrap());
    let claims = join_all(
        labels
            .iter()
            .map(|label| users::claim_label(&world.store, id, label)),
    )
    .await;
    assert_eq!(claims.iter().filter(|claim| claim.is_ok()).count(), 1);
    assert_eq!(
        claims
            .iter()
            .filter(|claim| matches!(claim, Err(ClaimError::AlreadyHas)))
            .count(),
        2,
        "{claims:?}"
    );
}

async fn a_suspended_user_is_signed_out_at_once(world: &World) {
    for column in ["suspended_at", "deleted_at"] {
        let id = users::sign_in(&world.store, &identity("user1"))
            .await
            .unwrap()
            .id;
        sessions::create(&world.store, id, [column.len() as u8; 32], None, None)
            .await
            .unwrap();
        assert!(
            sessions::find(&world.store, [column.len() as u8; 32])
                .await
                .unwrap()
                .is_some()
        );
        world
            .run(&format!("UPDATE users SET {column} = 1"))
            .await
            .unwrap();
        assert_eq!(
            sessions::find(&world.store, [column.len() as u8; 32])
                .await
                .unwrap(),
            None
        );
        assert_eq!(users::get(&world.store, id).await.unwrap(), None);
        if column == "suspended_at" {
            let refused = users::sign_in(&world.store, &identity("user1")).await;
            assert!(
                matches!(refused, Err(SignInError::Suspended)),
                "{refused:?}"
            );
            world
                .run("UPDATE users SET suspended_at = NULL")
                .await
                .unwrap();
        }
    }
}

async fn a_session_lives_until_it_ends(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    let found = users::get(&world.store, user.id).await.unwrap().unwrap();
    for n in 0..3 {
        sessions::create(
            &world.store,
            user.id,
            [n; 32],
            Some(&name_id()),
            Some("_index"),
        )
        .await
        .unwrap();
    }
    let session = sessions::find(&other, [0; 32]).await.unwrap().unwrap();
    assert_eq!(session.user, found);
    assert_eq!(
        (session.name_id, session.session_index.as_deref()),
        (Some(name_id()), Some("_index"))
    );
    assert_eq!(sessions::find(&other, [9; 32]).await.unwrap(), None);
    sessions::end(&world.store, [0; 32], "request")
        .await
        .unwrap();
    sessions::end(&world.store, [9; 32], "request")
        .await
        .unwrap();
    assert_eq!(
        sessions::find(&other, [0; 32]).await.unwrap(),
        None,
        "a stolen cookie after sign-out is a guest"
    );
    assert!(
        sessions::find(&other, [1; 32]).await.unwrap().is_some(),
        "the user's other sessions go on"
    );
}

async fn a_recent_session_is_forgotten_by_every_write_here_and_soon_elsewhere(world: &World) {
    let user = world.user("user1").await;
    let other = world.another().await;
    let is_live = async |store, token: u8| {
        let found = sessions::find_recent(store, [token; 32]).await;
        found.unwrap().is_some()
    };
    for token in 1..=2 {
        sessions::create(&world.store, user.id, [token; 32], None, None)
            .await
            .unwrap();
        assert!(is_live(&world.store, token).await && is_live(&other, token).await);
    }
    sessions::end(&world.store, [1; 32], "request")
        .await
        .unwrap();
    assert!(!is_live(&world.store, 1).await, "this process has ended it");
    let elsewhere = "the other process to notice the end of the session";
    eventually(elsewhere, async || !is_live(&other, 1).await).await;
    assert!(is_live(&world.store, 2).await && is_live(&other, 2).await);

    // Without a write of its own, a process answers from memory; on a slow machine it may have
    // read the session again.
    let from_memory = async || {
        assert!(is_live(&world.store, 2).await, "read again");
        let suspend = "UPDATE users SET suspended_at = 1";
        world.run(suspend).await.unwrap();
        let is_remembered = is_live(&world.store, 2).await;
        if !is_remembered {
            let lift = "UPDATE users SET suspended_at = NULL";
            world.run(lift).await.unwrap();
        }
        is_remembered
    };
    eventually("a session from memory", from_memory).await;
    sessions::end(&world.store, [9; 32], "request")
        .await
        .unwrap();
    assert!(
        !is_live(&world.store, 2).await,
        "any write of this process makes it read again"
    );
}

async fn sessions_end_by_idleness_and_by_age(world: &World) {
    let user = world.user("user1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    sessions::create(&world.store, user.id, [2; 32], None, None)
        .await
        .unwrap();
    let mut later = 0;
    while later < ABSOLUTE_TIMEOUT_MS - IDLE_TIMEOUT_MS {
        later += IDLE_TIMEOUT_MS - 10_000;
        world.store.set_clock_offset(later);
        assert!(
            sessions::find(&world.store, [1; 32])
                .await
                .unwrap()
                .is_some(),
            "used often enough"
        );
        assert_eq!(
            sessions::find(&world.store, [2; 32])
                .await
                .unwrap()
                .is_some(),
            later < IDLE_TIMEOUT_MS,
            "left alone"
        );
        if later < IDLE_TIMEOUT_MS {
            world
                .run("UPDATE sessions SET last_seen_at = 0 WHERE id = 2")
                .await
                .unwrap();
        }
    }
    world.store.set_clock_offset(ABSOLUTE_TIMEOUT_MS + 1_000);
    assert_eq!(
        sessions::find(&world.store, [1; 32]).await.unwrap(),
        None,
        "a day is a day"
    );
}

async fn a_tick_has_one_runner(world: &World) {
    let other = world.another().await;
    let claims = join_all(
        (0..20).map(|n| ticks::claim(if n % 2 == 0 { &world.store } else { &other }, "sweep", 7)),
    )
    .await;
    assert_eq!(
        claims
            .into_iter()
            .filter(|claim| *claim.as_ref().unwrap())
            .count(),
        1
    );
    assert!(ticks::claim(&world.store, "sweep", 8).await.unwrap());
    assert!(ticks::claim(&world.store, "other", 7).await.unwrap());
}

async fn expired_rows_are_purged(world: &World) {
    let user = world.user("user1").await;
    sessions::create(&world.store, user.id, [1; 32], None, None)
        .await
        .unwrap();
    ticks::claim(&world.store, "sweep", 7).await.unwrap();
    let entry = trail::TrailEntry {
        actor: Some(user.id),
        object: &"x".repeat(300),
        ..trail::TrailEntry::new(trail::Action::SessionStart)
    };
    trail::append(&world.store, &entry).await.unwrap();
    assert_eq!(
        housekeeping::purge(&world.store).await.unwrap(),
        0,
        "nothing is over yet"
    );
    world.store.set_clock_offset(40 * ABSOLUTE_TIMEOUT_MS);
    assert_eq!(housekeeping::purge(&world.store).await.unwrap(), 2);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM audit_trail").await,
        1,
        "the trail is not housekeeping's"
    );
}
