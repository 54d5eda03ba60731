//! The outbox: no mail is lost, a mail is sent twice only after an unknown outcome, and admins see
//! failed mails.

use starchart_domain::expiry::NOTICE_MS;
use starchart_domain::notice::NoticeKind;
use starchart_store::admin::{self, Admin};
use starchart_store::expiry::{self, ExpiryStep};
use starchart_store::outbox::{self, ClaimedMail, FailedMail, MailCounts, SendOutcome};
use starchart_store::{metrics, sessions};

use crate::world::{DAY_MS, TestUser, World};

on_both!(
    a_claimed_mail_is_exclusive_until_the_claim_expires,
    a_deferred_mail_is_retried_and_given_up_in_the_end,
    two_unclear_attempts_are_the_last,
    what_was_not_tried_does_not_count,
    a_failed_mail_is_seen_and_tried_again,
    a_notice_mentions_only_what_still_ends,
    mails_of_deleted_users_are_not_sent,
    sent_mails_go_after_a_while_unless_a_record_needs_them,
    an_unreadable_mail_blocks_no_other,
    a_claim_is_extended_while_the_server_answers_slowly,
);

const LEASE_MS: i64 = 60_000;

/// A user with a mail that is due now.
async fn with_mail(world: &World) -> TestUser {
    let user = world.user("user1").await;
    world.create_www(&user).await;
    world.at_days(160.0);
    assert_eq!(
        expiry::run_step(&world.store, ExpiryStep::NotifyRecords, &[user.id])
            .await
            .unwrap(),
        1
    );
    world.later(10_000);
    user
}

async fn claim(world: &World) -> Option<ClaimedMail> {
    outbox::claim_next(&world.store, "one", LEASE_MS)
        .await
        .unwrap()
}

/// An admin, and the failed mails that admins see.
async fn failures(world: &World) -> (Admin, Vec<FailedMail>) {
    let user = world.user("admin1").await;
    world
        .run(&format!(
            "UPDATE users SET is_admin = 1 WHERE id = {}",
            user.id
        ))
        .await
        .unwrap();
    sessions::create(&world.store, user.id, [9; 32], None, None)
        .await
        .unwrap();
    let admin = sessions::find(&world.store, [9; 32])
        .await
        .unwrap()
        .unwrap()
        .admin()
        .unwrap();
    let failed = admin::list_health_items(&world.store, &admin)
        .await
        .unwrap()
        .failed_mails;
    (admin, failed)
}

async fn settle(world: &World, owed: &ClaimedMail, verdict: SendOutcome) -> bool {
    outbox::record_outcome(&world.store, owed, &verdict)
        .await
        .unwrap()
}

async fn count_mails(world: &World) -> MailCounts {
    metrics::read_snapshot(&world.store).await.unwrap().mails
}

async fn state(world: &World, state: &str) -> i64 {
    world
        .number(&format!(
            "SELECT COUNT(*) FROM outbox WHERE state = '{state}'"
        ))
        .await
}

async fn a_claimed_mail_is_exclusive_until_the_claim_expires(world: &World) {
    with_mail(world).await;
    assert!(outbox::has_due_mail(&world.store).await.unwrap());
    let first = claim(world).await.unwrap();
    assert_eq!(
        (first.name.as_str(), first.address.as_str(), first.attempt),
        ("Johannes Kepler", "user1@starchart.com", 1)
    );
    assert_eq!(first.notice.kind, NoticeKind::RecordExpiring);
    assert!(
        first.message_id.ends_with("@localhost"),
        "{}",
        first.message_id
    );
    assert!(claim(world).await.is_none());
    assert!(!outbox::has_due_mail(&world.store).await.unwrap());
    world.later(LEASE_MS);
    let second = claim(world).await.unwrap();
    assert_eq!(
        (second.id, &second.message_id, second.attempt),
        (first.id, &first.message_id, 2)
    );
    assert!(
        !settle(world, &first, SendOutcome::Sent).await,
        "a late sender has no say"
    );
    assert!(settle(world, &second, SendOutcome::Sent).await);
    assert!(!settle(world, &second, SendOutcome::Rejected("late".into())).await);
    assert_eq!(state(world, "sent").await, 1);
}

async fn a_deferred_mail_is_retried_and_given_up_in_the_end(world: &World) {
    with_mail(world).await;
    let mut attempts = 0;
    while let Some(owed) = claim(world).await {
        attempts += 1;
        assert_eq!(owed.attempt, attempts);
        assert!(
            settle(
                world,
                &owed,
                SendOutcome::Deferred {
                    after_ms: 1_000,
                    reason: "451 full".into()
                }
            )
            .await
        );
        assert!(claim(world).await.is_none(), "not before its time");
        world.later(1_000);
    }
    assert_eq!(attempts, 36);
    let (_, failed) = failures(world).await;
    assert_eq!(failed[0].refusal, "Given up: 451 full");
}

async fn two_unclear_attempts_are_the_last(world: &World) {
    with_mail(world).await;
    // A sender that died, and a mail server that did not answer.
    let first = claim(world).await.unwrap();
    world.later(LEASE_MS);
    let second = claim(world).await.unwrap();
    assert_eq!(second.message_id, first.message_id);
    assert!(
        settle(
            world,
            &second,
            SendOutcome::Unknown {
                after_ms: 1_000,
                reason: "no answer".into()
            }
        )
        .await
    );
    world.later(1_000);
    assert!(claim(world).await.is_none(), "a third copy may not come");
    assert_eq!(state(world, "failed").await, 1);
}

async fn what_was_not_tried_does_not_count(world: &World) {
    with_mail(world).await;
    for _ in 0..50 {
        let owed = claim(world).await.unwrap();
        assert_eq!(owed.attempt, 1);
        assert!(settle(world, &owed, SendOutcome::NotAttempted).await);
    }
    assert_eq!(state(world, "pending").await, 1);
}

async fn a_failed_mail_is_seen_and_tried_again(world: &World) {
    let user = with_mail(world).await;
    let before = count_mails(world).await;
    assert_eq!((before.pending, before.failed), (1, 0));
    assert!(before.oldest_pending_at.is_some());
    let owed = claim(world).await.unwrap();
    settle(
        world,
        &owed,
        SendOutcome::Rejected("550 no such user".into()),
    )
    .await;
    let counts = count_mails(world).await;
    assert_eq!(
        (counts.pending, counts.failed, counts.oldest_pending_at),
        (0, 1, None)
    );
    let (admin, mut failed) = failures(world).await;
    let failed = failed.remove(0);
    assert_eq!(
        (
            failed.user,
            failed.username.as_str(),
            failed.refusal.as_str()
        ),
        (Some(user.id), "user1", "550 no such user")
    );
    world
        .run("UPDATE users SET email = 'new@starchart.com' WHERE subject = 'user1'")
        .await
        .unwrap();
    assert!(
        admin::retry_mail(&world.store, &admin, failed.id, "r")
            .await
            .unwrap()
    );
    assert!(
        !admin::retry_mail(&world.store, &admin, failed.id, "r")
            .await
            .unwrap(),
        "it is owed again"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'mail.retry'")
            .await,
        1
    );
    let again = claim(world).await.unwrap();
    assert_eq!(
        (again.address.as_str(), again.attempt),
        ("new@starchart.com", 1)
    );
}

async fn a_notice_mentions_only_what_still_ends(world: &World) {
    let user = with_mail(world).await;
    let kept = world.create(&user, "other", "TXT", "x").await.unwrap();
    assert!(kept.expires_at.since(world.store.now().await.unwrap()) > NOTICE_MS);
    let owed = claim(world).await.unwrap();
    let named: Vec<&str> = owed
        .notice
        .items
        .iter()
        .map(|item| item.name.as_str())
        .collect();
    assert_eq!(named, ["www.user1.starchart.com"]);
    assert_eq!(owed.notice.items[0].what.as_deref(), Some("A 192.168.1.1"));
    settle(
        world,
        &owed,
        SendOutcome::Deferred {
            after_ms: 0,
            reason: "later".into(),
        },
    )
    .await;
    // The user renews while the mail server is away: nothing is left to say.
    world.renew_all(&user).await;
    assert!(claim(world).await.is_none());
    assert_eq!(world.number("SELECT COUNT(*) FROM outbox").await, 0);
}

async fn mails_of_deleted_users_are_not_sent(world: &World) {
    with_mail(world).await;
    world
        .run("UPDATE dns_records SET notice_id = NULL")
        .await
        .unwrap();
    world.run("UPDATE users SET deleted_at = 1").await.unwrap();
    assert!(!outbox::has_due_mail(&world.store).await.unwrap());
    assert!(claim(world).await.is_none());
    assert_eq!(outbox::purge(&world.store, DAY_MS).await.unwrap(), 1);
}

async fn sent_mails_go_after_a_while_unless_a_record_needs_them(world: &World) {
    let user = with_mail(world).await;
    let owed = claim(world).await.unwrap();
    settle(world, &owed, SendOutcome::Sent).await;
    world
        .run("UPDATE dns_records SET notice_id = NULL")
        .await
        .unwrap();
    world.later(DAY_MS);
    assert_eq!(
        outbox::purge(&world.store, 1).await.unwrap(),
        0,
        "it says that the user had one today"
    );
    world
        .run("UPDATE dns_records SET notice_id = (SELECT MAX(id) FROM outbox)")
        .await
        .unwrap();
    world.later(7 * DAY_MS);
    assert_eq!(
        outbox::purge(&world.store, 7 * DAY_MS).await.unwrap(),
        0,
        "the record goes by it"
    );
    world.renew_all(&user).await;
    assert_eq!(
        outbox::purge(&world.store, 9 * DAY_MS).await.unwrap(),
        0,
        "not yet"
    );
    assert_eq!(outbox::purge(&world.store, 7 * DAY_MS).await.unwrap(), 1);
}

async fn an_unreadable_mail_blocks_no_other(world: &World) {
    let user = with_mail(world).await;
    let unreadable = world.number("SELECT MAX(id) FROM outbox").await;
    world
        .run("UPDATE outbox SET detail = 'no JSON', next_attempt_at = 1")
        .await
        .unwrap();
    assert!(claim(world).await.is_none());
    assert_eq!(state(world, "failed").await, 1);
    // The user was not notified, so another notice is due.
    assert_eq!(
        expiry::run_step(&world.store, ExpiryStep::NotifyRecords, &[user.id])
            .await
            .unwrap(),
        1
    );
    world.later(DAY_MS);
    let owed = claim(world).await.unwrap();
    assert_ne!(owed.id, unreadable);
    settle(world, &owed, SendOutcome::NotAttempted).await;
    world
        .run("UPDATE outbox SET kind = 'of_a_newer_release' WHERE state = 'pending'")
        .await
        .unwrap();
    assert!(claim(world).await.is_none());
    assert_eq!(
        (state(world, "pending").await, state(world, "failed").await),
        (1, 1),
        "it waits for that release"
    );
    world
        .run("UPDATE outbox SET kind = 'record_expiring' WHERE state = 'pending'")
        .await
        .unwrap();
    world.later(60 * 60 * 1_000);
    assert_eq!(claim(world).await.unwrap().attempt, 1);
}

async fn a_claim_is_extended_while_the_server_answers_slowly(world: &World) {
    with_mail(world).await;
    let owed = claim(world).await.unwrap();
    for _ in 0..10 {
        world.later(LEASE_MS / 2);
        assert!(
            outbox::extend_claim(&world.store, &owed, LEASE_MS)
                .await
                .unwrap()
        );
        assert!(claim(world).await.is_none(), "nobody sends a second copy");
    }
    assert!(settle(world, &owed, SendOutcome::Sent).await);
    assert!(
        !outbox::extend_claim(&world.store, &owed, LEASE_MS)
            .await
            .unwrap()
    );
}
