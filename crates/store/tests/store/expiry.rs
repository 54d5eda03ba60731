//! Expiry: a record is removed only after its owner was notified, and outdated rows are deleted.

use futures_util::future::join_all;
use starchart_domain::notice::NoticeKind;
use starchart_store::expiry::{self, ExpiryStep};
use starchart_store::outbox::{self, SendOutcome};
use starchart_store::records::{self, RecordError};
use starchart_store::ticks;

use crate::world::{DAY_MS, TestUser, World};

on_both!(
    a_record_exists_all_of_the_day_that_its_notice_and_its_page_name,
    five_hundred_records_of_a_day_are_one_notice_and_one_mail,
    no_record_is_deleted_before_its_notice_was_sent,
    an_address_that_takes_no_mail_counts_as_notified_after_the_grace,
    a_notice_that_was_given_up_notified_nobody,
    a_renewal_in_the_same_moment_wins_or_loses_as_a_whole,
    an_expired_records_name_is_unpublished_and_its_history_kept,
    no_two_mails_of_a_kind_on_one_day,
    certificates_are_notified_and_expired,
    a_slot_is_claimed_once,
);

/// Everything that is due at this moment, as a run takes it.
async fn sweep(world: &World) -> [u64; 4] {
    let mut rows = [0; 4];
    for (n, step) in ExpiryStep::ALL.iter().copied().enumerate() {
        let users = expiry::list_due_users(&world.store, step, None, 1_000)
            .await
            .unwrap();
        for (user, _) in users {
            loop {
                let taken = expiry::run_step(&world.store, step, &[user]).await.unwrap();
                rows[n] += taken;
                if taken < expiry::BATCH {
                    break;
                }
            }
        }
    }
    rows
}

/// Sends all that is due; kinds and numbers of things.
async fn send(world: &World) -> Vec<(NoticeKind, usize)> {
    let mut sent = Vec::new();
    world.later(10_000);
    while let Some(owed) = outbox::claim_next(&world.store, "one", 60_000)
        .await
        .unwrap()
    {
        assert!(
            outbox::record_outcome(&world.store, &owed, &SendOutcome::Sent)
                .await
                .unwrap()
        );
        for item in &owed.notice.items {
            let on = item.on.as_deref().unwrap();
            assert!(on.ends_with(" UTC"), "{on}: a date names its clock");
        }
        sent.push((owed.notice.kind, owed.notice.items.len()));
    }
    sent
}

async fn count(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM dns_records").await
}

async fn person_with(world: &World, name: &str, records: usize) -> TestUser {
    let user = world.user(name).await;
    for n in 0..records {
        world
            .create(&user, &format!("r{n}"), "A", "192.168.1.1")
            .await
            .unwrap();
    }
    user
}

async fn five_hundred_records_of_a_day_are_one_notice_and_one_mail(world: &World) {
    let user = person_with(world, "user1", 1).await;
    world.copies(&user, 500).await;
    person_with(world, "user2", 2).await;
    world.at_days(140.0);
    assert_eq!(sweep(world).await, [0, 0, 0, 0], "too early");
    world.at_days(155.0);
    assert_eq!(sweep(world).await, [0, 502, 0, 0]);
    assert_eq!(sweep(world).await, [0, 0, 0, 0], "told once");
    assert_eq!(
        send(world).await,
        [
            (NoticeKind::RecordExpiring, 500),
            (NoticeKind::RecordExpiring, 2)
        ]
    );
    world.at_days(190.0);
    assert_eq!(sweep(world).await, [502, 0, 0, 0]);
    assert_eq!(count(world).await, 0);
    assert_eq!(
        send(world).await,
        [
            (NoticeKind::RecordExpired, 500),
            (NoticeKind::RecordExpired, 2)
        ]
    );
    assert_eq!(sweep(world).await, [0, 0, 0, 0]);
}

async fn no_record_is_deleted_before_its_notice_was_sent(world: &World) {
    person_with(world, "user1", 3).await;
    world.at_days(200.0);
    assert_eq!(
        sweep(world).await,
        [0, 3, 0, 0],
        "long over, and nobody was told"
    );
    // The mail server is away for a day, for a week, for a month.
    for days in [201.0, 208.0, 230.0] {
        world.at_days(days);
        assert_eq!(sweep(world).await, [0, 0, 0, 0]);
        assert_eq!(count(world).await, 3);
    }
    assert_eq!(send(world).await, [(NoticeKind::RecordExpiring, 3)]);
    world.at_days(236.5);
    assert_eq!(
        sweep(world).await,
        [0, 0, 0, 0],
        "seven days are left to react"
    );
    world.at_days(238.5);
    assert_eq!(sweep(world).await, [3, 0, 0, 0]);
    assert_eq!(send(world).await, [(NoticeKind::RecordExpired, 3)]);
}

/// The days after its creation on which the record is announced, one of them in time and one when
/// the mail server had been away for weeks.
async fn a_record_exists_all_of_the_day_that_its_notice_and_its_page_name(world: &World) {
    for (name, announced) in [("user1", 155.0), ("user2", 200.0)] {
        world.at_days(0.0);
        let user = person_with(world, name, 1).await;
        let list = async || records::list(&world.store, user.id).await.unwrap();
        let now = async || world.store.now().await.unwrap();
        world.at_days(announced);
        assert_eq!(sweep(world).await[1], 1);
        world.later(10_000);
        let mail = outbox::claim_next(&world.store, "one", 60_000).await;
        let mail = mail.unwrap().unwrap();
        let named = mail.notice.items[0].on.clone().unwrap();
        let page = list().await[0].last_day(now().await).to_day();
        assert_eq!(page, named, "while the mail is being sent");
        outbox::record_outcome(&world.store, &mail, &SendOutcome::Sent)
            .await
            .unwrap();
        let record = list().await.remove(0);
        let last_day = record.last_day(now().await);
        assert_eq!(last_day.to_day(), named);
        assert_eq!(last_day == record.expires_at, announced < 180.0);

        let next_day = last_day.start_of_day().plus(DAY_MS);
        world.at(next_day.plus(-60_000)).await;
        assert_eq!(sweep(world).await, [0, 0, 0, 0], "{named} is not over");
        assert_eq!(list().await[0].last_day(now().await).to_day(), named);
        world.at(next_day.plus(1)).await;
        assert_eq!(sweep(world).await, [1, 0, 0, 0], "{named} is over");
        assert_eq!(send(world).await, [(NoticeKind::RecordExpired, 1)]);
    }
}

async fn an_address_that_takes_no_mail_counts_as_notified_after_the_grace(world: &World) {
    person_with(world, "user1", 1).await;
    world.at_days(200.0);
    sweep(world).await;
    world.later(10_000);
    let owed = outbox::claim_next(&world.store, "one", 60_000)
        .await
        .unwrap()
        .unwrap();
    outbox::record_outcome(
        &world.store,
        &owed,
        &SendOutcome::InvalidAddress("550 no such user".into()),
    )
    .await
    .unwrap();
    world.at_days(206.5);
    assert_eq!(sweep(world).await, [0, 0, 0, 0]);
    world.at_days(208.5);
    assert_eq!(sweep(world).await, [1, 0, 0, 0]);
}

async fn a_notice_that_was_given_up_notified_nobody(world: &World) {
    person_with(world, "user1", 1).await;
    world.at_days(200.0);
    sweep(world).await;
    world.later(10_000);
    let owed = outbox::claim_next(&world.store, "one", 60_000)
        .await
        .unwrap()
        .unwrap();
    outbox::record_outcome(
        &world.store,
        &owed,
        &SendOutcome::Rejected("552 5.3.4 too big".into()),
    )
    .await
    .unwrap();
    world.at_days(208.0);
    assert_eq!(
        sweep(world).await,
        [0, 1, 0, 0],
        "another is owed, and the record stays"
    );
    assert_eq!(sweep(world).await, [0, 0, 0, 0]);
    assert_eq!(send(world).await, [(NoticeKind::RecordExpiring, 1)]);
    world.at_days(216.5);
    assert_eq!(sweep(world).await, [1, 0, 0, 0]);
}

async fn a_renewal_in_the_same_moment_wins_or_loses_as_a_whole(world: &World) {
    let user = person_with(world, "user1", 30).await;
    world.at_days(155.0);
    sweep(world).await;
    send(world).await;
    world.at_days(190.0);
    let all = records::list(&world.store, user.id).await.unwrap();
    let renewals = join_all(all.iter().map(|record| world.renew(&user, record.id)));
    let users = [user.id];
    let (renewed, ended) = tokio::join!(
        renewals,
        expiry::run_step(&world.store, ExpiryStep::ExpireRecords, &users)
    );
    let ended = ended.unwrap();
    let mut lived = 0;
    for outcome in renewed {
        match outcome {
            Ok(_) => lived += 1,
            Err(RecordError::NotFound) => {}
            Err(fault) => panic!("{fault}"),
        }
    }
    assert_eq!(ended + lived, 30, "each is renewed or gone");
    assert_eq!(count(world).await, i64::try_from(lived).unwrap());
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM record_history WHERE action = 'expiry'")
            .await,
        i64::try_from(ended).unwrap()
    );
}

async fn an_expired_records_name_is_unpublished_and_its_history_kept(world: &World) {
    let user = person_with(world, "user1", 0).await;
    world.create_www(&user).await;
    world
        .create(&user, "www", "TXT", "two of one name")
        .await
        .unwrap();
    world
        .create(&user, "mail", "CNAME", "example.com")
        .await
        .unwrap();
    world.at_days(155.0);
    sweep(world).await;
    send(world).await;
    let before = world
        .number("SELECT generation FROM names WHERE fqdn = 'www.user1.starchart.com'")
        .await;
    world.at_days(190.0);
    assert_eq!(sweep(world).await, [3, 0, 0, 0]);
    assert_eq!(
        world
            .number("SELECT generation FROM names WHERE fqdn = 'www.user1.starchart.com'")
            .await,
        before + 1
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM names WHERE is_unpublished = 1")
            .await,
        2
    );
    let kept = "SELECT COUNT(*) FROM record_history WHERE action = 'expiry' \
                AND at > 0 AND request_id = '' AND actor_id IS NULL";
    assert_eq!(world.number(kept).await, 3);
    let again = world.create_www(&user).await;
    assert_eq!(again.name, "www.user1.starchart.com");
}

async fn no_two_mails_of_a_kind_on_one_day(world: &World) {
    let user = person_with(world, "user1", 1).await;
    // At the beginning of a day, whatever time it is.
    world.at_start_of_day(156).await;
    sweep(world).await;
    assert_eq!(send(world).await.len(), 1);
    // Another comes due on the same day: it waits for the next, with a third.
    world.due_now(&user, "late1").await;
    assert_eq!(sweep(world).await[1], 1);
    world.due_now(&user, "late2").await;
    assert_eq!(sweep(world).await[1], 1);
    assert!(send(world).await.is_empty());
    world.at_start_of_day(157).await;
    assert_eq!(send(world).await, [(NoticeKind::RecordExpiring, 2)]);
    // While the mail server is away for days, all goes into the mail that waits.
    for day in 158..=160 {
        world.at_start_of_day(day).await;
        world.due_now(&user, &format!("day{day}")).await;
        assert_eq!(sweep(world).await[1], 1);
    }
    assert_eq!(send(world).await, [(NoticeKind::RecordExpiring, 3)]);
}

async fn certificates_are_notified_and_expired(world: &World) {
    let user = person_with(world, "user1", 0).await;
    world.certificate(&user, 90).await;
    world.at_days(67.0);
    assert_eq!(
        sweep(world).await,
        [0, 0, 0, 0],
        "it renews by itself first"
    );
    world.at_days(67.6);
    assert_eq!(sweep(world).await, [0, 0, 0, 1]);
    assert_eq!(send(world).await, [(NoticeKind::CertificateExpiring, 1)]);
    assert_eq!(sweep(world).await, [0, 0, 0, 0]);
    world.at_days(90.5);
    assert_eq!(sweep(world).await, [0, 0, 1, 0]);
    assert_eq!(send(world).await, [(NoticeKind::CertificateExpired, 1)]);
    let over = "SELECT COUNT(*) FROM certificates WHERE state = 'expired' \
                AND ended_at IS NOT NULL AND key_ciphertext IS NULL";
    assert_eq!(world.number(over).await, 1);
    assert_eq!(sweep(world).await, [0, 0, 0, 0]);
}

async fn a_slot_is_claimed_once(world: &World) {
    let stores = [
        world.another().await,
        world.another().await,
        world.another().await,
    ];
    let mut claimed = 0;
    for slot in 0..20 {
        let tries = join_all(
            stores
                .iter()
                .map(|store| ticks::claim(store, "expiry", slot)),
        )
        .await;
        claimed += tries
            .into_iter()
            .filter(|mine| *mine.as_ref().unwrap())
            .count();
        assert!(
            ticks::is_claimed(&world.store, "expiry", slot)
                .await
                .unwrap()
        );
        assert!(
            !ticks::is_claimed(&world.store, "expiry", slot + 1)
                .await
                .unwrap()
        );
    }
    assert_eq!(claimed, 20);
    assert_eq!(DAY_MS, 86_400_000);
}
