#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_domain::certificate::{ChallengeName, ChallengeValue};
use starchart_store::client_challenges::ChallengeChange;

use super::*;
use crate::tests::World;

const OLD_TICK: &str = "INSERT INTO ticks (job, slot, at) VALUES ('old', 1, 1)";

async fn old_ticks(world: &World) -> i64 {
    world
        .number("SELECT COUNT(*) FROM ticks WHERE job = 'old'")
        .await
}

#[tokio::test]
async fn expired_rows_are_deleted_once_in_each_slot() {
    let world = World::new().await;
    world.sql(OLD_TICK).await;
    assert_eq!(world.run(&Housekeeping).await, Outcome::Done);
    assert_eq!(old_ticks(&world).await, 0);
    world.sql(OLD_TICK).await;
    world.run(&Housekeeping).await;
    assert_eq!(old_ticks(&world).await, 1, "a process has claimed the slot");
    world.later(SLOT_MS);
    world.run(&Housekeeping).await;
    assert_eq!(old_ticks(&world).await, 0);
}

#[tokio::test]
async fn sent_mails_are_kept_as_long_as_the_settings_say() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    let now = world
        .number("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)")
        .await;
    world
        .sql(&format!(
            "INSERT INTO outbox (kind, topic, day, user_id, recipient, detail, message_id, state, \
             next_attempt_at, created_at, sent_at) VALUES ('certificate_failed', 'order:1', \
             '2026-01-01', {}, 'kepler@school.example', '{{}}', 'one', 'sent', 0, {now}, {now})",
            user.id
        ))
        .await;
    let mails = async || world.number("SELECT COUNT(*) FROM outbox").await;
    world.later(6 * 86_400_000);
    world.run(&Housekeeping).await;
    assert_eq!(mails().await, 1);
    world.later(2 * 86_400_000);
    world.run(&Housekeeping).await;
    assert_eq!(mails().await, 0);
}

#[tokio::test]
async fn what_a_client_leaves_is_gone_from_the_zone_after_seven_days() {
    let world = World::new().await;
    let user = world.user("kepler").await;
    let name = ChallengeName::of_host(&user.fqdn("www"), &user.base).unwrap();
    let values = ["1", "2"].map(|digit| ChallengeValue::parse(&digit.repeat(43)).unwrap());
    let audit = user.audit_context();
    for value in &values {
        let add = ChallengeChange::Add(value);
        let added = client_challenges::change(world.store(), user.id, &name, add, &audit).await;
        assert!(added.unwrap());
        world.publish().await;
    }
    let published = || world.provider.values(name.fqdn(), "TXT");
    let quoted = values.map(|value| format!("\"{}\"", value.as_str()));
    assert_eq!(published(), quoted, "both are in the zone");
    world.later(6 * 86_400_000);
    world.run(&Housekeeping).await;
    world.publish().await;
    assert_eq!(published(), quoted);
    world.later(2 * 86_400_000);
    world.woken().await;
    world.run(&Housekeeping).await;
    assert!(world.woken().await.contains(&WakeUp::Publish));
    world.publish().await;
    assert!(published().is_empty());
}
