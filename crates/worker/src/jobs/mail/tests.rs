#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::jobs::expiry::Expiry;
use crate::start_time::StartTime;
use crate::tests::mail_server::{MailServer, mailer};
use crate::tests::{DAY_MS, MAIL_GATHERED_MS, World};

/// Queues the notice of a record that expires soon.
async fn with_pending_mail() -> (World, MailServer) {
    let mut world = World::new().await;
    let server = MailServer::start().await;
    world.context.mailer = Some(server.mailer());
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.later(156 * DAY_MS);
    world.run(&Expiry::new(StartTime::default())).await;
    world.later(MAIL_GATHERED_MS);
    (world, server)
}

async fn count(world: &World, state: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM outbox WHERE state = '{state}'");
    world.number(&sql).await
}

#[tokio::test]
async fn a_deferred_mail_is_retried() {
    let (world, server) = with_pending_mail().await;
    server.refuse("450 4.2.0 mailbox busy");
    assert_eq!(world.run(&Mail).await, Outcome::Done);
    assert_eq!(count(&world, "pending").await, 1);
    world.run(&Mail).await;
    assert!(server.mails().is_empty(), "not before a minute");
    world.later(BACK_OFF_MS + 1_000);
    world.run(&Mail).await;
    assert_eq!(count(&world, "sent").await, 1);
    assert_eq!(server.mails().len(), 1);
    assert!(world.other_lease(LeaseName::Mail).await.is_some());
}

#[tokio::test]
async fn a_rejected_address_gets_no_more_attempts() {
    let (world, server) = with_pending_mail().await;
    server.refuse("550 5.1.1 no such user");
    world.run(&Mail).await;
    let rejected = "SELECT COUNT(*) FROM outbox WHERE state = 'failed' AND address_rejected";
    assert_eq!(world.number(rejected).await, 1);
    world.later(DAY_MS);
    assert_eq!(world.run(&Mail).await, Outcome::Done);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn a_mail_is_given_up_after_many_attempts() {
    let (world, server) = with_pending_mail().await;
    let mut attempts = 0;
    while count(&world, "pending").await > 0 {
        server.refuse("450 4.2.0 mailbox busy");
        world.run(&Mail).await;
        world.later(BACK_OFF_MAX_MS + 1_000);
        attempts += 1;
        assert!(attempts < 100);
    }
    assert_eq!(count(&world, "failed").await, 1);
    assert_eq!(attempts, 36);
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn an_unreachable_server_costs_no_attempt() {
    let (mut world, _server) = with_pending_mail().await;
    // Nothing listens there.
    world.context.mailer = Some(mailer(1));
    let outcome = world.run(&Mail).await;
    assert!(
        matches!(outcome, Outcome::Again(after) if !after.is_zero()),
        "{outcome:?}"
    );
    assert_eq!(count(&world, "pending").await, 1);
    assert_eq!(world.number("SELECT attempts FROM outbox").await, 0);
}

#[tokio::test]
async fn no_mail_is_sent_without_the_lease_or_a_mailer() {
    let (mut world, server) = with_pending_mail().await;
    world.other_lease(LeaseName::Mail).await.unwrap();
    assert_eq!(world.run(&Mail).await, Outcome::Done);
    world.context.mailer = None;
    world.later(61_000);
    assert_eq!(world.run(&Mail).await, Outcome::Done);
    assert!(server.mails().is_empty());
    assert_eq!(count(&world, "pending").await, 1);
}

#[tokio::test]
async fn a_lost_lease_ends_the_run_before_the_next_mail() {
    let (world, server) = with_pending_mail().await;
    let lease = world.lease(LeaseName::Mail).await;
    world.later(61_000);
    world.other_lease(LeaseName::Mail).await.unwrap();
    let outcome = Mail.run(&world.context, Some(&lease)).await.unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert!(server.mails().is_empty());
}

#[test]
fn a_mail_is_retried_for_about_five_days() {
    let hours: i64 = (1..36).map(back_off_ms).sum::<i64>() / 3_600_000;
    assert!((100..140).contains(&hours), "{hours} h");
}
