//! Private keys are sealed with their user and row.

use super::*;
use crate::world::encryption_key;

on_both!(
    a_swapped_key_does_not_open,
    a_missing_key_encryption_key_is_reported,
    keys_are_reencrypted_under_the_first_key,
    a_key_that_does_not_open_stops_no_other,
);

async fn a_swapped_key_does_not_open(world: &World) {
    let one = world.user("user1").await;
    let two = world.user("user2").await;
    let first = world.issued(&one, 90).await;
    let second = world.issued(&two, 90).await;
    let dump =
        "SELECT COUNT(*) FROM certificates WHERE CAST(key_ciphertext AS CHAR) LIKE '%PRIVATE%'";
    assert_eq!(world.number(dump).await, 0);
    // An attacker who can write rows copies another user's ciphertext and nonce into their own
    // row.
    let steal = format!(
        "UPDATE certificates SET key_nonce = (SELECT n FROM (SELECT key_nonce AS n \
         FROM certificates WHERE id = {a}) AS x), key_ciphertext = (SELECT c \
         FROM (SELECT key_ciphertext AS c FROM certificates WHERE id = {a}) AS y) WHERE id = {b}",
        a = first.id,
        b = second.id
    );
    world.run(&steal).await.unwrap();
    let stolen = certificates::load_private_key(&world.store, two.id, second.id)
        .await
        .unwrap_err();
    assert!(
        matches!(stolen, Error::Vault(VaultError::Sealed)),
        "{stolen:?}"
    );
    assert!(
        certificates::load_private_key(&world.store, one.id, first.id)
            .await
            .unwrap()
            .is_some()
    );
    // The row given to another user does not help either.
    world
        .run(&format!(
            "DELETE FROM certificates WHERE id = {}",
            second.id
        ))
        .await
        .unwrap_err();
    world
        .run("UPDATE certificate_orders SET certificate_id = NULL")
        .await
        .unwrap();
    world
        .run(&format!(
            "DELETE FROM certificates WHERE id = {}",
            second.id
        ))
        .await
        .unwrap();
    world
        .run(&format!(
            "UPDATE certificates SET user_id = {} WHERE id = {}",
            two.id, first.id
        ))
        .await
        .unwrap();
    assert!(
        certificates::load_private_key(&world.store, two.id, first.id)
            .await
            .is_err()
    );
}

async fn a_missing_key_encryption_key_is_reported(world: &World) {
    let user = world.user("user1").await;
    let active = world.issued(&user, 90).await;
    let options = starchart_store::ConnectOptions::new(Secret::new(world.url()));
    let store = Store::connect(&options).await.unwrap();
    let fault = certificates::load_private_key(&store, user.id, active.id)
        .await
        .unwrap_err();
    assert!(
        matches!(fault, Error::Vault(VaultError::NoKeys)),
        "{fault:?}"
    );
    assert!(fault.to_string().contains("KEY_ENCRYPTION_KEYS"), "{fault}");
}

/// A store with these keys, the one that encrypts first.
async fn store_with(world: &World, ids: &[&str]) -> Store {
    let options = starchart_store::ConnectOptions {
        key_encryption_keys: ids.iter().map(|id| encryption_key(id)).collect(),
        ..starchart_store::ConnectOptions::new(Secret::new(world.url()))
    };
    Store::connect(&options).await.unwrap()
}

async fn counts(store: &Store) -> Vec<(String, u64)> {
    rotation::count_by_encryption_key(store).await.unwrap()
}

async fn keys_are_reencrypted_under_the_first_key(world: &World) {
    let old = "one";
    let users = [world.user("user1").await, world.user("user2").await];
    let mut ids = Vec::new();
    for user in &users {
        ids.push(world.issued(user, 90).await.id);
    }
    let third = world.user("user3").await;
    let order = world.with_key(&third).await;

    let store = store_with(world, &["new", old]).await;
    let stale = rotation::list_stale_keys(&store).await.unwrap();
    assert_eq!(stale.len(), 3, "{stale:?}");
    // Stopped after the first one: both keys open what there is, and the rest is found again.
    assert!(rotation::reencrypt(&store, stale[0]).await.unwrap());
    assert!(
        !rotation::reencrypt(&store, stale[0]).await.unwrap(),
        "done"
    );
    let of = |new: u64, rest: u64| vec![("new".to_owned(), new), (old.to_owned(), rest)];
    assert_eq!(counts(&store).await, of(1, 2));
    for (user, id) in users.iter().zip(&ids) {
        let key = certificates::load_private_key(&store, user.id, *id).await;
        assert_eq!(key.unwrap().unwrap(), Secret::new(KEY));
    }
    for key in rotation::list_stale_keys(&store).await.unwrap() {
        assert!(rotation::reencrypt(&store, key).await.unwrap());
    }
    assert_eq!(counts(&store).await, of(3, 0));

    // The old key can go: the orders and certificates open without it.
    let store = store_with(world, &["new"]).await;
    let issued = issued(&store, 90).await;
    assert!(orders::mark_finalizing(&store, &order).await.unwrap());
    assert!(orders::issue(&store, &order, &issued).await.unwrap());
    let active = certificates::load_overview(&store, third.id).await.unwrap();
    ids.push(active.active.unwrap().id);
    for (user, id) in users.iter().chain([&third]).zip(&ids) {
        let key = certificates::load_private_key(&store, user.id, *id).await;
        assert_eq!(key.unwrap().unwrap(), Secret::new(KEY));
    }
    assert_eq!(counts(&store).await, [("new".to_owned(), 3)]);
}

async fn a_key_that_does_not_open_stops_no_other(world: &World) {
    let one = world.user("user1").await;
    let two = world.user("user2").await;
    let lost = world.issued(&one, 90).await.id;
    world.issued(&two, 90).await;
    let unknown = format!("UPDATE certificates SET key_id = 'lost' WHERE id = {lost}");
    world.run(&unknown).await.unwrap();
    let old = "one";
    let store = store_with(world, &["new", old]).await;
    let mut faults = Vec::new();
    for key in rotation::list_stale_keys(&store).await.unwrap() {
        if let Err(error) = rotation::reencrypt(&store, key).await {
            assert!(rotation::is_of_one_key(&error), "{error}");
            faults.push(format!("{key}: {error}"));
        }
    }
    let expected = format!("private key of certificate #{lost}: ");
    assert!(
        faults.len() == 1 && faults[0].starts_with(&expected) && faults[0].contains("`lost`"),
        "{faults:?}"
    );
    let of = |id: &str, keys: u64| (id.to_owned(), keys);
    assert_eq!(
        counts(&store).await,
        [of("new", 1), of(old, 0), of("lost", 1)]
    );
}
