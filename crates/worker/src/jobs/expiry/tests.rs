#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_store::records;

use super::*;
use crate::jobs::audit::Audit;
use crate::jobs::mail::Mail;
use crate::tests::mail_server::MailServer;
use crate::tests::{DAY_MS, MAIL_GATHERED_MS, TestUser, World};

/// A day on which a record is due for its notice.
const NOTICE_DAY: i64 = 156;
/// Days from there until it has expired.
const UNTIL_EXPIRED: i64 = 31;

/// Publishes a record, and moves on to the day of its notice.
async fn with_record_to_notify() -> (World, TestUser, MailServer) {
    let mut world = World::new().await;
    let server = MailServer::start().await;
    world.context.mailer = Some(server.mailer());
    let user = world.user("kepler").await;
    world.record(&user, "www", "A", "192.0.2.1").await;
    world.publish().await;
    world.woken().await;
    world.later(NOTICE_DAY * DAY_MS);
    (world, user, server)
}

async fn record_count(world: &World, user: &TestUser) -> usize {
    records::list(world.store(), user.id).await.unwrap().len()
}

#[tokio::test]
async fn a_user_is_warned_and_then_the_record_is_removed() {
    let (world, user, server) = with_record_to_notify().await;
    let start = StartTime::default();
    let expiry = Expiry::new(start.clone());
    world.run(&Audit::new(start)).await;
    assert_eq!(world.run(&expiry).await, Outcome::Done);
    assert_eq!(world.woken().await, [WakeUp::Publish, WakeUp::Mail]);
    assert_eq!(record_count(&world, &user).await, 1);
    world.later(MAIL_GATHERED_MS);
    world.run(&Mail).await;
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains(&user.fqdn("www")), "{}", mails[0]);

    world.later(UNTIL_EXPIRED * DAY_MS);
    assert_eq!(world.run(&expiry).await, Outcome::Done);
    assert_eq!(record_count(&world, &user).await, 0);
    world.publish().await;
    assert!(world.provider.values(&user.fqdn("www"), "A").is_empty());
}

#[tokio::test]
async fn no_record_is_removed_before_an_audit_of_this_process() {
    let (world, user, _server) = with_record_to_notify().await;
    world.run(&Expiry::new(StartTime::default())).await;
    world.later(MAIL_GATHERED_MS);
    world.run(&Mail).await;
    world.later(UNTIL_EXPIRED * DAY_MS);

    let start = StartTime::default();
    let expiry = Expiry::new(start.clone());
    world.run(&expiry).await;
    assert_eq!(record_count(&world, &user).await, 1);
    world.run(&Audit::new(start)).await;
    world.run(&expiry).await;
    assert_eq!(record_count(&world, &user).await, 0, "the run is repeated");
}

#[tokio::test]
async fn a_record_stays_while_its_notice_is_not_sent() {
    let (world, user, _server) = with_record_to_notify().await;
    let start = StartTime::default();
    let expiry = Expiry::new(start.clone());
    world.run(&Audit::new(start)).await;
    world.run(&expiry).await;
    world.later(UNTIL_EXPIRED * DAY_MS);
    world.run(&expiry).await;
    assert_eq!(record_count(&world, &user).await, 1);
}

#[tokio::test]
async fn a_slot_has_one_complete_run() {
    let (world, _, _server) = with_record_to_notify().await;
    let expiry = Expiry::new(StartTime::default());
    world.run(&expiry).await;
    let idle = Check::Skip(Outcome::Done);
    assert_eq!(expiry.check(&world.context).await.unwrap(), idle);
    world.later(DAY_MS);
    assert_eq!(expiry.check(&world.context).await.unwrap(), Check::Due);
}

#[tokio::test]
async fn a_lost_lease_ends_the_run_before_the_next_step() {
    let (world, _, _server) = with_record_to_notify().await;
    let lease = world.lease(LeaseName::Expiry).await;
    world.later(61_000);
    world.other_lease(LeaseName::Expiry).await.unwrap();
    let expiry = Expiry::new(StartTime::default());
    let outcome = expiry.run(&world.context, Some(&lease)).await.unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(world.number("SELECT COUNT(*) FROM outbox").await, 0);
    assert_eq!(
        expiry.check(&world.context).await.unwrap(),
        Check::Due,
        "the other process completes the run"
    );
}

#[test]
fn users_are_grouped_by_the_rows_of_a_transaction() {
    let users: Vec<(UserId, u64)> = [(1, 300), (2, 300), (3, 100), (4, 2_000), (5, 1)]
        .map(|(n, c)| (UserId(n), c))
        .into();
    let cut: Vec<Vec<i64>> = groups(&users)
        .iter()
        .map(|group| group.iter().map(|user| user.0).collect())
        .collect();
    assert_eq!(cut, [vec![1], vec![2, 3], vec![4], vec![5]]);
}
