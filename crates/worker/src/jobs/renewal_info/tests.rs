#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_acme::authority::RenewalInfo as Answer;
use starchart_domain::certificate::Validity;
use starchart_domain::certificate::renewal_info::RenewalWindow;
use starchart_store::certificates::{self, Certificate};

use super::*;
use crate::jobs::expiry::Expiry;
use crate::jobs::renewal::Renewal;
use crate::start_time::StartTime;
use crate::tests::{DAY_MS, TestUser, World};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const SIX_HOURS: Duration = Duration::from_secs(6 * 60 * 60);

/// A world with a certificate whose renewal information is to be asked for.
async fn with_certificate() -> (World, TestUser) {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    world.issue_certificate(&user).await;
    (world, user)
}

/// Answers with a window of this many hours after the certificate's start.
fn answer_hours(world: &World, start: i64, end: i64) {
    let at = move |validity: Validity, hours| validity.not_before.plus(hours * HOUR_MS);
    world.authority.answer_renewal_info(move |validity| {
        Ok(Answer {
            window: RenewalWindow {
                start: at(validity, start),
                end: at(validity, end),
            },
            retry_after: SIX_HOURS,
            explanation_url: None,
        })
    });
}

fn fail(world: &World, failure: RenewalInfoFailure) {
    world.authority.answer_renewal_info(move |_| {
        let detail = "no answer".to_owned();
        Err(RenewalInfoError { failure, detail })
    });
}

async fn active(world: &World, user: &TestUser) -> Certificate {
    let overview = certificates::load_overview(world.store(), user.id).await;
    overview.unwrap().active.unwrap()
}

/// Runs the job later, when the lease of the last run has expired, and returns the questions.
async fn ask_after(world: &World, ms: i64) -> usize {
    world.later(ms);
    world.run(&RenewalInfo).await;
    world.authority.take_questions().len()
}

#[tokio::test]
async fn the_authority_is_asked_at_once_and_again_at_retry_after() {
    let (world, user) = with_certificate().await;
    answer_hours(&world, 1_000, 1_040);
    assert_eq!(ask_after(&world, 0).await, 1);
    let validity = active(&world, &user).await.validity();
    let renew_at = active(&world, &user).await.renew_at;
    let hours = renew_at.since(validity.not_before) / HOUR_MS;
    assert!((1_000..1_040).contains(&hours), "{hours}");

    assert_eq!(
        ask_after(&world, 6 * HOUR_MS - 60_000).await,
        0,
        "too early"
    );
    assert_eq!(ask_after(&world, 60_000).await, 1);
    assert_eq!(
        active(&world, &user).await.renew_at,
        renew_at,
        "the window is the same"
    );
}

#[tokio::test]
async fn nothing_is_asked_and_nobody_woken_while_nothing_is_due() {
    let (world, _) = with_certificate().await;
    answer_hours(&world, 1_000, 1_040);
    assert_eq!(ask_after(&world, 0).await, 1);
    world.woken().await;
    let reads = "SELECT fence FROM leases WHERE name = 'renewal_info'";
    let fence = world.number(reads).await;
    assert_eq!(ask_after(&world, HOUR_MS).await, 0);
    assert_eq!(
        world.number(reads).await,
        fence,
        "not even the lease is taken"
    );
    assert!(world.woken().await.is_empty());
}

#[tokio::test]
async fn a_window_in_the_past_renews_now_and_the_order_names_the_certificate() {
    let (world, user) = with_certificate().await;
    answer_hours(&world, -48, -24);
    ask_after(&world, 0).await;
    world.later(DAY_MS);
    world.run(&Renewal).await;
    let old = active(&world, &user).await;
    let new = world.issue_certificate(&user).await;
    assert_ne!(old.id, new.id);
    assert_eq!(world.authority.replacements(), 1);
    let replacements = "SELECT COUNT(*) FROM certificate_orders WHERE is_replacement = 1";
    assert_eq!(world.number(replacements).await, 1);
}

#[tokio::test]
async fn replaced_deleted_and_expired_certificates_are_never_asked_about() {
    let (world, user) = with_certificate().await;
    answer_hours(&world, -48, -24);
    ask_after(&world, 0).await;
    world.later(DAY_MS);
    world.run(&Renewal).await;
    let new = world.issue_certificate(&user).await;
    // The new one is asked about, the replaced one is not.
    answer_hours(&world, 1_000, 1_040);
    world.later(DAY_MS);
    world.run(&RenewalInfo).await;
    assert_eq!(world.authority.take_questions(), [new.certificate]);

    // Expired, before the expiry job has seen it and afterwards.
    world.later(100 * DAY_MS);
    assert_eq!(ask_after(&world, 0).await, 0);
    world.run(&Expiry::new(StartTime::default())).await;
    assert_eq!(ask_after(&world, DAY_MS).await, 0);
    let next = "SELECT COUNT(*) FROM certificates WHERE ari_check_at IS NOT NULL";
    assert_eq!(world.number(next).await, 0);
}

#[tokio::test]
async fn failures_wait_and_leave_the_own_share_of_life_in_force() {
    let (world, user) = with_certificate().await;
    let own = active(&world, &user).await.renew_at;
    assert_eq!(own, active(&world, &user).await.validity().renewal_at());
    fail(&world, RenewalInfoFailure::LongTerm);
    assert_eq!(ask_after(&world, 0).await, 1);
    assert_eq!(
        ask_after(&world, 6 * HOUR_MS - 60_000).await,
        0,
        "six hours"
    );
    assert_eq!(ask_after(&world, 60_000).await, 1);

    let retry_after_ms = None;
    fail(&world, RenewalInfoFailure::Temporary { retry_after_ms });
    assert_eq!(ask_after(&world, 6 * HOUR_MS).await, 1);
    // Two failed before, so the back-off is four minutes.
    assert_eq!(ask_after(&world, 4 * 60_000 - 60_000).await, 0);
    assert_eq!(ask_after(&world, 60_000).await, 1);
    assert_eq!(active(&world, &user).await.renew_at, own);
    let shown = "SELECT COUNT(*) FROM certificates WHERE ari_problem = 'no answer'";
    assert_eq!(world.number(shown).await, 1);

    answer_hours(&world, 1_000, 1_040);
    assert_eq!(ask_after(&world, DAY_MS).await, 1);
    assert_ne!(active(&world, &user).await.renew_at, own);
    assert_eq!(world.number(shown).await, 0);
}

#[tokio::test]
async fn a_window_without_a_duration_is_no_answer() {
    let (world, user) = with_certificate().await;
    let own = active(&world, &user).await.renew_at;
    answer_hours(&world, 1_000, 1_000);
    assert_eq!(ask_after(&world, 0).await, 1);
    assert_eq!(active(&world, &user).await.renew_at, own);
    assert_eq!(ask_after(&world, HOUR_MS).await, 0);
    assert_eq!(ask_after(&world, 5 * HOUR_MS).await, 1);
}

#[tokio::test]
async fn an_authority_in_trouble_gets_one_group_of_questions_a_run() {
    let world = World::new().await;
    for n in 0..CONCURRENCY + 5 {
        let user = world.user(&format!("user{n}")).await;
        world.request_certificate(&user).await;
    }
    world.advance_orders(8).await;
    let retry_after_ms = None;
    fail(&world, RenewalInfoFailure::Temporary { retry_after_ms });
    assert_eq!(ask_after(&world, 0).await, CONCURRENCY);
    assert_eq!(ask_after(&world, INTERVAL_MS + 1_000).await, 5);
}

#[tokio::test]
async fn an_authority_without_renewal_information_is_asked_once_a_day() {
    let (world, user) = with_certificate().await;
    let own = active(&world, &user).await.renew_at;
    assert_eq!(ask_after(&world, 0).await, 1);
    assert_eq!(ask_after(&world, DAY_MS - HOUR_MS).await, 0);
    assert_eq!(ask_after(&world, HOUR_MS).await, 1);
    assert_eq!(active(&world, &user).await.renew_at, own);
}

#[tokio::test]
async fn admins_get_a_mail_when_a_renewal_is_brought_forward() {
    let (world, _) = with_certificate().await;
    world.user("admin").await;
    world
        .sql("UPDATE users SET is_admin = 1 WHERE subject = 'admin'")
        .await;
    answer_hours(&world, 1_000, 1_040);
    ask_after(&world, 0).await;
    let mails = "SELECT COUNT(*) FROM outbox WHERE kind = 'renewal_brought_forward'";
    assert_eq!(world.number(mails).await, 0);

    world.authority.answer_renewal_info(|validity| {
        Ok(Answer {
            window: RenewalWindow {
                start: validity.not_before.plus(-HOUR_MS),
                end: validity.not_before.plus(HOUR_MS),
            },
            retry_after: SIX_HOURS,
            explanation_url: Some("https://ca.example/incident".to_owned()),
        })
    });
    for _ in 0..2 {
        ask_after(&world, 6 * HOUR_MS).await;
        assert_eq!(world.number(mails).await, 1);
    }
    let names_both = "SELECT COUNT(*) FROM outbox WHERE kind = 'renewal_brought_forward' AND \
                      recipient LIKE 'admin@%' AND detail LIKE '%*.kepler.starchart.com%' AND \
                      detail LIKE '%https://ca.example/incident%'";
    assert_eq!(world.number(names_both).await, 1);
}
