#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use starchart_acme::authority::AuthorityError;
use starchart_acme::keys;
use starchart_dns::propagation::Propagation;
use starchart_domain::certificate::budget::{RateLimit, WEEK_MS};
use starchart_domain::certificate::{ChallengeName, ChallengeValue, OrderStep, challenge_name};
use starchart_store::certificates::{self, OrderView};
use starchart_store::client_challenges::{self, ChallengeChange};

use super::*;
use crate::tests::{TestUser, World};

const HOUR_MS: i64 = 60 * 60 * 1_000;

async fn with_order() -> (World, TestUser) {
    let world = World::new().await;
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    (world, user)
}

async fn order(world: &World, user: &TestUser) -> OrderView {
    let overview = certificates::load_overview(world.store(), user.id).await;
    overview.unwrap().order.unwrap()
}

#[tokio::test]
async fn an_order_is_advanced_until_the_certificate_is_issued() {
    let (world, user) = with_order().await;
    let issued = world.issue_certificate(&user).await;
    let mut calls = world.authority.calls();
    calls.dedup();
    let expected = [
        "new order",
        "fetch order",
        "respond to challenges",
        "fetch order",
        "finalize",
        "fetch order",
        "download chain",
    ];
    assert_eq!(calls, expected);
    let key = certificates::load_private_key(world.store(), user.id, issued.id).await;
    let key = key.unwrap().unwrap();
    assert!(keys::matches_certificate(&key, &issued.certificate).unwrap());

    let woken = world.woken().await;
    assert!(woken.contains(&WakeUp::Publish) && woken.contains(&WakeUp::Mail));
    world.publish().await;
    let challenge = challenge_name(user.base.as_str());
    assert!(
        world.provider.values(&challenge, "TXT").is_empty(),
        "the challenge values are deleted"
    );
}

#[tokio::test]
async fn an_answer_of_a_client_at_the_same_name_stays() {
    let (world, user) = with_order().await;
    let name = ChallengeName::of_host(user.base.as_str(), &user.base).unwrap();
    let value = ChallengeValue::parse(&"1".repeat(43)).unwrap();
    let add = ChallengeChange::Add(&value);
    let audit = user.audit_context();
    let added = client_challenges::change(world.store(), user.id, &name, add, &audit).await;
    assert!(added.unwrap());
    world.advance_orders(1).await;
    let values = || world.provider.values(name.fqdn(), "TXT");
    assert!(
        values().len() > 1,
        "beside those of the order: {:?}",
        values()
    );
    world.issue_certificate(&user).await;
    world.publish().await;
    assert_eq!(values(), [format!("\"{}\"", value.as_str())]);
}

#[tokio::test]
async fn validation_waits_for_the_name_servers() {
    let (world, user) = with_order().await;
    world.run(&Certificate).await;
    world.publish().await;
    assert_eq!(order(&world, &user).await.step, OrderStep::Publishing);
    world.later(1_000);
    let outcome = world.run(&Certificate).await;
    assert!(matches!(outcome, Outcome::Again(_)), "{outcome:?}");
    assert_eq!(order(&world, &user).await.step, OrderStep::Publishing);
    assert!(!world.authority.calls().contains(&"respond to challenges"));
}

#[tokio::test]
async fn validation_starts_unchecked_when_no_name_server_answers() {
    let mut world = World::new().await;
    // Nothing listens there.
    world.context.propagation = Arc::new(Propagation::new(vec!["127.0.0.1:1".to_owned()]));
    let user = world.user("kepler").await;
    world.request_certificate(&user).await;
    world.run(&Certificate).await;
    world.publish().await;
    world.run(&crate::jobs::track::Track).await;
    world.later(61_000);
    world.issue_certificate(&user).await;
    let calls = world.authority.calls();
    assert!(calls.contains(&"respond to challenges"), "{calls:?}");
}

#[tokio::test]
async fn a_rate_limit_is_respected() {
    let (world, user) = with_order().await;
    let retry_after = Some(Duration::from_secs(7_200));
    let detail = "too many orders".to_owned();
    let limited = AuthorityError::RateLimited {
        retry_after,
        detail,
    };
    world.authority.fail("new order", limited);
    assert_eq!(world.run(&Certificate).await, Outcome::Done);
    let problem = order(&world, &user).await.problem.unwrap();
    assert!(problem.contains("too many orders"), "{problem}");
    world.authority.recover();
    world.later(HOUR_MS);
    world.run(&Certificate).await;
    assert_eq!(world.authority.calls(), ["new order"]);
    world.later(HOUR_MS + 1_000);
    world.run(&Certificate).await;
    assert_eq!(order(&world, &user).await.step, OrderStep::Publishing);
}

#[tokio::test]
async fn an_order_in_progress_is_read_again_when_the_authority_asks_for_it() {
    for (wait_s, is_explained) in [(10, false), (3_600, true)] {
        let (world, user) = with_order().await;
        world.authority.ask_to_wait(Duration::from_secs(wait_s));
        let step_ms = i64::try_from(wait_s).unwrap() * 1_000;
        let mut calls = Vec::new();
        // Publishing and the name servers need no wait; then each answer asks for one.
        for _ in 0..400 {
            world.run(&Certificate).await;
            world.publish().await;
            world.run(&crate::jobs::track::Track).await;
            if world.authority.calls().contains(&"respond to challenges") {
                break;
            }
            world.later(1_000);
        }
        for _ in 0..4 {
            let before = world.authority.calls().len();
            world.run(&Certificate).await;
            world.later(step_ms - 2_000);
            world.run(&Certificate).await;
            assert_eq!(world.authority.calls().len(), before, "too early");
            world.later(3_000);
            world.run(&Certificate).await;
            calls.push(world.authority.calls()[before..].to_vec());
        }
        let look = vec!["fetch order"];
        let expected = [
            vec!["fetch order", "finalize"],
            look.clone(),
            look.clone(),
            look,
        ];
        assert_eq!(calls, expected, "{wait_s} s");
        let waiting = order(&world, &user).await;
        assert_eq!(waiting.problem.is_some(), is_explained, "{waiting:?}");
        world.authority.recover();
        world.later(step_ms + 1_000);
        world.run(&Certificate).await;
        assert_eq!(world.authority.calls().last(), Some(&"download chain"));
    }
}

#[tokio::test]
async fn a_refused_order_fails_with_the_reason() {
    let (world, user) = with_order().await;
    let refused = AuthorityError::Refused("the name is on a list".to_owned());
    world.authority.fail("new order", refused);
    world.run(&Certificate).await;
    let order = order(&world, &user).await;
    assert_eq!(order.step, OrderStep::Failed);
    let problem = order.problem.unwrap();
    assert!(problem.contains("the name is on a list"), "{problem}");
}

#[tokio::test]
async fn an_order_that_another_process_advances_is_left_alone() {
    let (world, user) = with_order().await;
    let due = orders::list_due(world.store(), 1).await.unwrap();
    let claimed = orders::claim(world.store(), due[0], "two", CLAIM_MS).await;
    assert!(claimed.unwrap().is_some());
    world.run(&Certificate).await;
    assert!(world.authority.calls().is_empty());
    world.later(CLAIM_MS + 1_000);
    world.issue_certificate(&user).await;
}

#[tokio::test]
async fn without_an_authority_nothing_happens() {
    let (mut world, user) = with_order().await;
    world.context.authority = None;
    assert_eq!(world.run(&Certificate).await, Outcome::Done);
    assert_eq!(order(&world, &user).await.step, OrderStep::Requested);
}

#[tokio::test]
async fn an_order_beyond_the_budget_waits_for_its_turn() {
    let mut world = World::new().await;
    world.context.issuance.certificates = RateLimit::per_period(1, WEEK_MS);
    let first = world.user("kepler").await;
    world.request_certificate(&first).await;
    world.issue_certificate(&first).await;
    let second = world.user("brahe").await;
    world.request_certificate(&second).await;
    let asked = world.authority.calls().len();
    world.advance_orders(1).await;
    let waiting = order(&world, &second).await;
    assert_eq!(waiting.step, OrderStep::Requested);
    assert_eq!(waiting.waiting_before, Some(0));
    let (until, now) = (
        waiting.retry_at.unwrap(),
        world.store().now().await.unwrap(),
    );
    assert!(until > now && until <= now.plus(WEEK_MS), "{until:?}");
    assert!(waiting.problem.unwrap().contains("waits for its turn"));
    assert_eq!(world.authority.calls().len(), asked, "nothing was ordered");
    // Longer than an order may take once it has its turn.
    world.later(WEEK_MS);
    world.issue_certificate(&second).await;
}

#[tokio::test]
async fn after_a_refusal_for_too_many_the_next_order_is_not_sent() {
    let (world, _) = with_order().await;
    let refused = AuthorityError::RateLimited {
        retry_after: Some(std::time::Duration::from_secs(7_200)),
        detail: "too many certificates".to_owned(),
    };
    world.authority.fail("new order", refused);
    world.advance_orders(1).await;
    world.authority.recover();
    let asked = world.authority.calls().len();
    let other = world.user("brahe").await;
    world.request_certificate(&other).await;
    world.advance_orders(1).await;
    assert_eq!(world.authority.calls().len(), asked);
    assert_eq!(order(&world, &other).await.waiting_before, Some(0));
}
