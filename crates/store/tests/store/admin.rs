//! What only admins do: find, impersonate and delete users, and read the trail.

mod deletion;
mod impersonation;
mod lists;
mod words;

use futures_util::future::join_all;
use starchart_domain::record::RecordType;
use starchart_domain::user::{Groups, UserId};
use starchart_store::admin::{
    self, Admin, AdminError, CertificateStatus, PAGE_ROWS, RECENT_SIGN_IN_MS, TrailFilter,
};
use starchart_store::sessions::{self, IMPERSONATION_MS, Session};
use starchart_store::{Store, lookups, records, users};

use crate::world::{TestUser, World, identity};

/// Creates an admin and a session for them, whose token repeats the byte `token`.
pub(crate) async fn admin(world: &World, name: &str, token: u8) -> (TestUser, Admin) {
    let user = world.user(name).await;
    promote(world, user.id, true).await;
    sessions::create(&world.store, user.id, [token; 32], None, None)
        .await
        .unwrap();
    let right = session(&world.store, token).await.unwrap().admin().unwrap();
    (user, right)
}

async fn promote(world: &World, who: UserId, is_admin: bool) {
    world
        .run(&format!(
            "UPDATE users SET is_admin = {} WHERE id = {who}",
            u8::from(is_admin)
        ))
        .await
        .unwrap();
}

async fn session(store: &Store, token: u8) -> Option<Session> {
    sessions::find(store, [token; 32]).await.unwrap()
}

pub(crate) async fn impersonate(
    world: &World,
    right: &Admin,
    who: UserId,
    old: u8,
    new: u8,
) -> Result<users::User, AdminError> {
    admin::impersonate(&world.store, right, who, [old; 32], [new; 32], "request").await
}

/// An active certificate, two older ones, an order under way with its challenge, a client's answer,
/// a mail.
pub(crate) async fn furnish(world: &World, user: &TestUser) {
    let id = user.id;
    let name = format!("_acme-challenge.{}", user.base);
    let soon = world
        .store
        .now()
        .await
        .unwrap()
        .plus(86_400_000)
        .as_millis();
    for (state, until) in [("active", soon), ("replaced", soon), ("replaced", 1)] {
        let sql = format!(
            "INSERT INTO certificates (user_id, domain, state, certificate, chain, key_id, \
             key_nonce, key_ciphertext, not_before, not_after, renew_at, created_at) \
             VALUES ({id}, 'd', '{state}', 'c', 'c', 'k', 'n', 'secret', 0, {until}, {until}, 0)"
        );
        world.run(&sql).await.unwrap();
    }
    let statements = [
        format!(
            "INSERT INTO certificate_orders (user_id, domain, step, key_id, key_ciphertext, \
             next_step_at, created_at, updated_at) VALUES ({id}, 'd', 'publishing', 'k', \
             'secret', 0, 0, 0)"
        ),
        format!(
            "INSERT INTO names (fqdn, user_id, class, generation, applied_generation, created_at, \
             updated_at) VALUES ('{name}', {id}, 'other', 1, 1, 0, 0)"
        ),
        format!(
            "INSERT INTO challenge_values (fqdn, order_id, value, created_at) \
             SELECT '{name}', id, 'proof', 0 FROM certificate_orders WHERE user_id = {id}"
        ),
        format!(
            "INSERT INTO client_challenges (user_id, fqdn, value, created_at) \
             VALUES ({id}, '{name}', 'answer', 0)"
        ),
        format!(
            "INSERT INTO outbox (kind, topic, day, user_id, recipient, detail, message_id, \
             next_attempt_at, created_at) VALUES ('record_expiring', 'user:{id}', '2026-01-01', \
             {id}, 'x@example.com', '', 'm{id}', 0, 0)"
        ),
    ];
    for statement in statements {
        world.run(&statement).await.unwrap();
    }
}
