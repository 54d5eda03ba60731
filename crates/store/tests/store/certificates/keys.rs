//! Private keys are sealed with their user and row.

use super::*;

on_both!(
    a_swapped_key_does_not_open,
    a_missing_key_encryption_key_is_reported,
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
