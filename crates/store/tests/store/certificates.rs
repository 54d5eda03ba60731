//! Certificates: what a person asks for, what the worker saves, and how orders end.

use futures_util::future::join_all;
use starchart_domain::certificate::{
    Answers, NextStep, Observations, ObservedZone, OrderStep, next_step,
};
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;
use starchart_store::certificates::orders::{
    self, Claim, ClaimedOrder, IssuedCertificate, Postponement,
};
use starchart_store::certificates::{self, RequestError, renewals};
use starchart_store::lease;
use starchart_store::trail::AuditContext;
use starchart_store::{Error, Store, VaultError, zone};

use crate::world::{Person, World, answers};

on_both!(
    an_order_goes_from_request_to_certificate,
    of_many_requests_one_makes_an_order,
    a_day_has_so_many_requests,
    a_renewal_is_taken_when_it_is_due,
    one_of_many_claims_an_order,
    a_holder_past_its_time_changes_nothing,
    starts_are_counted_until_a_step_is_done,
    a_wait_that_was_asked_for_is_kept_across_steps,
    a_failed_order_leaves_nothing_behind,
    a_swapped_key_does_not_open,
    without_keys_it_says_so,
    a_suspended_person_gets_nothing,
    a_deleted_certificate_is_out_of_use,
    a_certificate_is_renewed_once,
    what_came_of_an_order_that_was_given_up,
    a_person_hastens_a_patient_renewal,
);

const DAY: i64 = 24 * 60 * 60 * 1_000;
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";

fn act(by: UserId) -> AuditContext<'static> {
    AuditContext {
        actor: by,
        on_behalf_of: None,
        request_id: "test",
    }
}

impl World {
    async fn ask(&self, who: &Person) -> Result<certificates::OrderView, RequestError> {
        certificates::request(&self.store, who.id, who.base.as_str(), 3, &act(who.id)).await
    }

    /// Claims the one order that is due.
    async fn claim(&self) -> ClaimedOrder {
        let due = orders::list_due(&self.store, 10).await.unwrap();
        assert_eq!(due.len(), 1, "{due:?}");
        orders::claim(&self.store, due[0], "one", 10_000)
            .await
            .unwrap()
            .unwrap()
    }

    async fn certificates(&self, wanted: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM certificates WHERE {wanted}"))
            .await
    }

    /// Asks and walks to the saved key.
    async fn with_key(&self, who: &Person) -> Claim {
        self.ask(who).await.unwrap();
        self.key_saved().await
    }

    /// Walks the order that is due to its saved key.
    async fn key_saved(&self) -> Claim {
        let claim = self.claim().await.claim;
        let store = &self.store;
        assert!(
            orders::save_order_url(store, &claim, "https://ca.example/order/1")
                .await
                .unwrap()
        );
        assert!(
            orders::save_challenge_values(store, &claim, &["one".to_owned(), "two".to_owned()])
                .await
                .unwrap()
        );
        assert!(orders::mark_validating(store, &claim, false).await.unwrap());
        assert!(
            orders::save_key(store, &claim, &Secret::new(KEY), b"csr")
                .await
                .unwrap()
        );
        claim
    }

    /// Walks to a certificate that lives for so many days from now.
    async fn issued(&self, who: &Person, days: i64) -> certificates::Certificate {
        let claim = self.with_key(who).await;
        self.finish(&claim, days).await;
        certificates::load_overview(&self.store, who.id)
            .await
            .unwrap()
            .active
            .unwrap()
    }

    async fn finish(&self, claim: &Claim, days: i64) {
        assert!(orders::mark_finalizing(&self.store, claim).await.unwrap());
        assert!(
            orders::issue(&self.store, claim, &issued(&self.store, days).await)
                .await
                .unwrap()
        );
    }
}

async fn issued(store: &Store, days: i64) -> IssuedCertificate {
    let now = store.now().await.unwrap();
    let certificate = "CERTIFICATE".to_owned();
    let chain = "CHAIN".to_owned();
    IssuedCertificate {
        certificate,
        chain,
        not_before: now,
        not_after: now.plus(days * DAY),
    }
}

async fn an_order_goes_from_request_to_certificate(world: &World) {
    let user = world.person("user1").await;
    // At the limit of records, which challenges do not count against.
    let limit = user.record("www", "A", "192.168.1.1");
    starchart_store::records::create(&world.store, user.id, &limit, Some(1), &act(user.id))
        .await
        .unwrap();
    let asked = world.ask(&user).await.unwrap();
    assert_eq!(
        (asked.step, asked.problem, asked.dns),
        (OrderStep::Requested, None, None)
    );
    assert!(
        certificates::has_any(&world.store, user.id).await.unwrap(),
        "one is under way"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.request'")
            .await,
        1
    );

    let claim = world.with_key_and_way(&user).await;
    assert_eq!(
        orders::load_csr(&world.store, &claim).await.unwrap(),
        Some(b"csr".to_vec())
    );
    assert_eq!(
        orders::load_key(&world.store, &claim).await.unwrap(),
        Some(Secret::new(KEY))
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE step = 'key_saved'")
            .await,
        1
    );
    world.finish(&claim, 90).await;

    let overview = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap();
    let active = overview.active.unwrap();
    assert_eq!(
        (active.domain.as_str(), overview.order),
        (user.base.as_str(), None)
    );
    assert_eq!(
        (active.certificate.as_str(), active.chain.as_str()),
        ("CERTIFICATE", "CHAIN")
    );
    let key = certificates::load_private_key(&world.store, user.id, active.id)
        .await
        .unwrap();
    assert_eq!(key, Some(Secret::new(KEY)));
    let other = world.person("user2").await;
    let any = async |who: UserId| certificates::has_any(&world.store, who).await.unwrap();
    assert_eq!((any(user.id).await, any(other.id).await), (true, false));
    assert_eq!(
        certificates::load_private_key(&world.store, other.id, active.id)
            .await
            .unwrap(),
        None,
        "another's"
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    let dirty = zone::list_unpublished(&world.store, 10).await.unwrap();
    assert!(
        dirty
            .iter()
            .any(|name| name.fqdn == user.fqdn("_acme-challenge")),
        "its values leave the zone: {dirty:?}"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE key_id IS NULL AND csr IS NULL")
            .await,
        1
    );
}

impl World {
    /// As [`World::key_saved`], looking at the way of the values meanwhile.
    async fn with_key_and_way(&self, who: &Person) -> Claim {
        let store = &self.store;
        let fqdn = who.fqdn("_acme-challenge");
        let claim = self.claim().await.claim;
        assert!(
            orders::save_order_url(store, &claim, "https://ca.example/order/1")
                .await
                .unwrap()
        );
        assert!(
            orders::challenge_progress(store, &claim)
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            orders::save_challenge_values(store, &claim, &["one".to_owned()])
                .await
                .unwrap()
        );
        // Repeated after a kill, with other values.
        let values = ["one".to_owned(), "two".to_owned()];
        assert!(
            orders::save_challenge_values(store, &claim, &values)
                .await
                .unwrap()
        );
        let (seen, stored) = orders::challenge_progress(store, &claim)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((seen, stored), (ObservedZone::UnderWay, values.to_vec()));
        let lease = self.lease().await;
        let sent = self.publish(&lease, &fqdn, "C1").await;
        assert_eq!(
            sent.sets[0].1.as_ref().unwrap().values.len(),
            2,
            "both in one set"
        );
        let dns = async || {
            certificates::load_overview(store, who.id)
                .await
                .unwrap()
                .order
                .unwrap()
                .dns
        };
        assert_eq!(dns().await, Some(PublishState::Sent));
        zone::mark_in_sync(store, "C1").await.unwrap();
        zone::record_answers(store, &answers(&fqdn, sent.generation, 1, 2))
            .await
            .unwrap();
        assert_eq!(dns().await, Some(PublishState::Answered { by: 1, of: 2 }));
        let (seen, _) = orders::challenge_progress(store, &claim)
            .await
            .unwrap()
            .unwrap();
        assert!(
            matches!(
                seen,
                ObservedZone::InSync {
                    answers: Some(Answers { by: 1, of: 2 }),
                    ..
                }
            ),
            "{seen:?}"
        );
        lease::release(store, &lease).await.unwrap();
        assert!(orders::mark_validating(store, &claim, true).await.unwrap());
        assert!(
            certificates::load_overview(store, who.id)
                .await
                .unwrap()
                .order
                .unwrap()
                .dns_not_checked
        );
        assert!(
            orders::save_key(store, &claim, &Secret::new(KEY), b"csr")
                .await
                .unwrap()
        );
        claim
    }
}

async fn of_many_requests_one_makes_an_order(world: &World) {
    let user = world.person("user1").await;
    let answers = join_all((0..8).map(|_| world.ask(&user))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(_) | Err(RequestError::OrderInProgress))),
        "{answers:?}"
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders")
            .await,
        1
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM audit_trail").await, 1);
    // And the index says so, whatever the code does.
    let second = "INSERT INTO certificate_orders (user_id, domain, step, next_step_at, \
                  created_at, updated_at) SELECT user_id, domain, step, 1, 1, 1 \
                  FROM certificate_orders";
    assert!(world.run(second).await.is_err());
}

async fn a_day_has_so_many_requests(world: &World) {
    let user = world.person("user1").await;
    for _ in 0..3 {
        world.ask(&user).await.unwrap();
        let claim = world.claim().await.claim;
        assert!(orders::fail(&world.store, &claim, "no").await.unwrap());
    }
    // What the sweep opened does not count.
    world
        .run("UPDATE certificate_orders SET created_at = created_at - 3600000 WHERE id = 1")
        .await
        .unwrap();
    let refused = world.ask(&user).await.unwrap_err();
    let RequestError::TooManyRequests { limit: 3, next_at } = refused else {
        panic!("{refused:?}")
    };
    let wait = next_at.since(world.store.now().await.unwrap());
    assert!(
        (DAY - 3_700_000..=DAY - 3_500_000).contains(&wait),
        "{wait}"
    );
    world
        .run("UPDATE certificate_orders SET automatic = 1 WHERE id = 1")
        .await
        .unwrap();
    world.ask(&user).await.unwrap();
}

async fn a_renewal_is_taken_when_it_is_due(world: &World) {
    let user = world.person("user1").await;
    let first = world.issued(&user, 90).await;
    let early = world.ask(&user).await.unwrap_err();
    let RequestError::NotDue { from } = early else {
        panic!("{early:?}")
    };
    assert_eq!(from, first.not_after.plus(-30 * DAY));
    world.store.set_clock_offset(61 * DAY);
    let claim = world.with_key(&user).await;
    let overview = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap();
    assert_eq!(
        overview.active.as_ref(),
        Some(&first),
        "usable until the new one is there"
    );
    assert!(
        certificates::load_private_key(&world.store, user.id, first.id)
            .await
            .unwrap()
            .is_some()
    );
    world.finish(&claim, 90).await;
    let second = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .active
        .unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(
        world
            .certificates("state = 'replaced' AND key_ciphertext IS NULL")
            .await,
        1
    );
    assert_eq!(
        certificates::load_private_key(&world.store, user.id, first.id)
            .await
            .unwrap(),
        None
    );
}

async fn one_of_many_claims_an_order(world: &World) {
    let user = world.person("user1").await;
    world.ask(&user).await.unwrap();
    let id = orders::list_due(&world.store, 10).await.unwrap()[0];
    let other = world.another().await;
    let holders: Vec<String> = (0..10).map(|n| format!("holder{n}")).collect();
    let tries = holders.iter().enumerate().map(|(n, holder)| {
        let store = if n % 2 == 0 { &world.store } else { &other };
        orders::claim(store, id, holder, 10_000)
    });
    let got: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(got.len(), 1);
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
    let wait = orders::next_due_ms(&world.store).await.unwrap().unwrap();
    assert!((5_000..=10_000).contains(&wait), "{wait}");
    let pause = Postponement {
        for_ms: 500,
        problem: Some("busy".into()),
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: false,
    };
    assert!(
        orders::postpone(&world.store, &got[0].claim, &pause)
            .await
            .unwrap()
    );
    let order = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!(order.problem.as_deref(), Some("busy"));
    assert!(order.retry_at.is_some());
    world.store.set_clock_offset(600);
    let work = world.claim().await;
    assert_eq!((work.failures, work.facts.starts), (1, 1));
}

async fn a_holder_past_its_time_changes_nothing(world: &World) {
    let user = world.person("user1").await;
    let old = world.with_key(&user).await;
    let late = world.another().await;
    late.set_clock_offset(11_000);
    let id = orders::list_due(&late, 10).await.unwrap()[0];
    let new = orders::claim(&late, id, "two", 60_000)
        .await
        .unwrap()
        .unwrap()
        .claim;
    // By its own clock the first holder still has time; the fence says otherwise.
    let store = &world.store;
    assert!(!orders::extend_claim(store, &old, 10_000).await.unwrap());
    assert!(!orders::save_order_url(store, &old, "u").await.unwrap());
    assert!(
        !orders::save_challenge_values(store, &old, &["three".to_owned()])
            .await
            .unwrap()
    );
    assert!(!orders::mark_validating(store, &old, false).await.unwrap());
    assert!(
        !orders::save_key(store, &old, &Secret::new("other"), b"other")
            .await
            .unwrap()
    );
    assert!(!orders::mark_finalizing(store, &old).await.unwrap());
    assert!(!orders::restart(store, &old).await.unwrap());
    assert!(
        !orders::issue(store, &old, &issued(store, 90).await)
            .await
            .unwrap()
    );
    assert!(!orders::fail(store, &old, "no").await.unwrap());
    assert!(
        !orders::postpone(store, &old, &Postponement::default())
            .await
            .unwrap()
    );
    orders::abandon(store, &old).await.unwrap();
    assert_eq!(world.certificates("1 = 1").await, 0);
    assert_eq!(
        orders::load_csr(store, &new).await.unwrap(),
        Some(b"csr".to_vec())
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM challenge_values WHERE value IN ('one', 'two')")
            .await,
        2
    );
    assert!(
        orders::issue(&late, &new, &issued(store, 90).await)
            .await
            .unwrap(),
        "and the new one may"
    );
    assert!(
        !orders::issue(&late, &new, &issued(store, 90).await)
            .await
            .unwrap(),
        "once"
    );
    assert_eq!(world.certificates("state = 'active'").await, 1);
}

async fn starts_are_counted_until_a_step_is_done(world: &World) {
    let user = world.person("user1").await;
    world.ask(&user).await.unwrap();
    for start in 1..=4 {
        let work = world.claim().await;
        assert_eq!(work.facts.starts, start, "its process died each time");
        world
            .run("UPDATE certificate_orders SET claimed_until = 0")
            .await
            .unwrap();
    }
    let claim = world.claim().await.claim;
    assert!(
        orders::save_order_url(&world.store, &claim, "u")
            .await
            .unwrap()
    );
    world
        .run("UPDATE certificate_orders SET claimed_until = 0")
        .await
        .unwrap();
    assert_eq!(
        world.claim().await.facts.starts,
        2,
        "another step began anew"
    );
}

async fn a_wait_that_was_asked_for_is_kept_across_steps(world: &World) {
    let user = world.person("user1").await;
    world.ask(&user).await.unwrap();
    let first = world.claim().await;
    let asked = Postponement {
        for_ms: 5 * DAY,
        failed: Some(true),
        show_retry_time: true,
        requested_by_ca: true,
        ..Postponement::default()
    };
    assert!(
        orders::postpone(&world.store, &first.claim, &asked)
            .await
            .unwrap()
    );
    world.store.set_clock_offset(5 * DAY + 60_000);
    let obeyed = world.claim().await;
    assert!(
        orders::save_order_url(&world.store, &obeyed.claim, "https://ca.example/order/1")
            .await
            .unwrap()
    );
    assert!(
        orders::postpone(&world.store, &obeyed.claim, &Postponement::default())
            .await
            .unwrap()
    );
    let work = world.claim().await;
    let (kept, before) = (
        work.facts.patient_until.unwrap(),
        first.facts.created_at.plus(5 * DAY),
    );
    assert!(kept >= before && kept < before.plus(DAY), "{kept:?}");
    let now = world.store.now().await.unwrap();
    assert_eq!(
        next_step(&work.facts, &Observations::default(), now),
        NextStep::ReadOrder,
        "it still has time"
    );
    let short = Postponement {
        for_ms: 1_000,
        show_retry_time: true,
        requested_by_ca: true,
        ..Postponement::default()
    };
    assert!(
        orders::postpone(&world.store, &work.claim, &short)
            .await
            .unwrap()
    );
    world.store.set_clock_offset(5 * DAY + 70_000);
    assert!(
        world.claim().await.facts.patient_until > Some(kept),
        "the latest of them counts"
    );
}

async fn a_failed_order_leaves_nothing_behind(world: &World) {
    let user = world.person("user1").await;
    let claim = world.with_key(&user).await;
    assert!(
        orders::fail(&world.store, &claim, "CAA forbids")
            .await
            .unwrap()
    );
    let order = certificates::load_overview(&world.store, user.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!(
        (order.step, order.problem.as_deref()),
        (OrderStep::Failed, Some("CAA forbids"))
    );
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    let sql =
        "SELECT COUNT(*) FROM certificate_orders WHERE key_ciphertext IS NULL AND csr IS NOT NULL";
    assert_eq!(world.number(sql).await, 1, "no key stays");
    // The request may have been handed in: the sweep looks, and then it goes as well.
    let ended = renewals::list_unresolved_orders(&world.store, 10)
        .await
        .unwrap();
    assert_eq!(ended.len(), 1);
    renewals::resolve_order(&world.store, &ended[0], None)
        .await
        .unwrap();
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE csr IS NOT NULL")
            .await,
        0
    );
    // A new order, whose end hides the failure.
    let claim = world.with_key(&user).await;
    world.finish(&claim, 90).await;
    assert_eq!(
        certificates::load_overview(&world.store, user.id)
            .await
            .unwrap()
            .order,
        None
    );

    // Begun anew, the same: nothing of the first try stays.
    let other = world.person("user2").await;
    let claim = world.with_key(&other).await;
    assert!(orders::restart(&world.store, &claim).await.unwrap());
    let order = certificates::load_overview(&world.store, other.id)
        .await
        .unwrap()
        .order
        .unwrap();
    assert_eq!((order.step, order.dns), (OrderStep::Requested, None));
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    assert_eq!(orders::load_csr(&world.store, &claim).await.unwrap(), None);
}

async fn a_swapped_key_does_not_open(world: &World) {
    let one = world.person("user1").await;
    let two = world.person("user2").await;
    let first = world.issued(&one, 90).await;
    let second = world.issued(&two, 90).await;
    let dump =
        "SELECT COUNT(*) FROM certificates WHERE CAST(key_ciphertext AS CHAR) LIKE '%PRIVATE%'";
    assert_eq!(world.number(dump).await, 0);
    // Another's ciphertext with its nonce, as somebody who can write rows would put it into their
    // own.
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
    // The row given to another person does not help either.
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

async fn without_keys_it_says_so(world: &World) {
    let user = world.person("user1").await;
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

async fn a_suspended_person_gets_nothing(world: &World) {
    // Suspended while somebody is about to end the order.
    let late = world.person("user2").await;
    let claim = world.with_key(&late).await;
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            late.id
        ))
        .await
        .unwrap();
    assert!(
        !orders::issue(&world.store, &claim, &issued(&world.store, 90).await)
            .await
            .unwrap()
    );
    assert_eq!(
        renewals::list_unresolved_orders(&world.store, 10)
            .await
            .unwrap()
            .len(),
        1,
        "what came of it is asked for"
    );

    let user = world.person("user1").await;
    world.with_key(&user).await;
    world
        .run("UPDATE certificate_orders SET claimed_until = 0 WHERE finished_at IS NULL")
        .await
        .unwrap();
    world
        .run(&format!(
            "UPDATE users SET suspended_at = 1 WHERE id = {}",
            user.id
        ))
        .await
        .unwrap();
    let work = world.claim().await;
    assert!(work.facts.user_gone);
    orders::abandon(&world.store, &work.claim).await.unwrap();
    assert!(
        !orders::issue(&world.store, &work.claim, &issued(&world.store, 90).await)
            .await
            .unwrap()
    );
    assert_eq!(world.certificates("1 = 1").await, 0);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM challenge_values").await,
        0
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM certificate_orders WHERE key_ciphertext IS NOT NULL")
            .await,
        0
    );
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
}

async fn a_deleted_certificate_is_out_of_use(world: &World) {
    let user = world.person("user1").await;
    assert!(
        !certificates::delete(&world.store, user.id, &act(user.id))
            .await
            .unwrap()
    );
    let active = world.issued(&user, 90).await;
    let other = world.person("user2").await;
    assert!(
        !certificates::delete(&world.store, other.id, &act(other.id))
            .await
            .unwrap()
    );
    assert!(
        certificates::delete(&world.store, user.id, &act(user.id))
            .await
            .unwrap()
    );
    assert_eq!(
        certificates::load_overview(&world.store, user.id)
            .await
            .unwrap(),
        certificates::Overview::default()
    );
    assert_eq!(
        certificates::load_private_key(&world.store, user.id, active.id)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        world
            .certificates(
                "state = 'deleted' AND key_ciphertext IS NULL AND revocation_requested_at IS NULL"
            )
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM audit_trail WHERE action = 'certificate.delete'")
            .await,
        1
    );
    world.ask(&user).await.unwrap();
}

async fn a_certificate_is_renewed_once(world: &World) {
    let user = world.person("user1").await;
    world.issued(&user, 6).await;
    assert_eq!(
        renewals::open_due(&world.store, 10).await.unwrap(),
        0,
        "two thirds of its life first"
    );
    world
        .run("UPDATE certificates SET renew_at = NULL")
        .await
        .unwrap();
    assert_eq!(
        renewals::open_due(&world.store, 10).await.unwrap(),
        0,
        "nor without a moment of its own"
    );
    let other = world.another().await;
    for store in [&world.store, &other] {
        store.set_clock_offset(4 * DAY + 60_000);
    }
    let sweeps =
        (0..6).map(|n| renewals::open_due(if n % 2 == 0 { &world.store } else { &other }, 10));
    let opened: u64 = join_all(sweeps).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(opened, 1);

    // A failed one waits for an hour, then for two.
    for hours in [1, 2] {
        let work = world.claim().await;
        assert!(work.automatic);
        assert!(
            orders::fail(&world.store, &work.claim, "down")
                .await
                .unwrap()
        );
        assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 0);
        let wait = world.number("SELECT renew_at FROM certificates").await
            - world.store.now().await.unwrap().as_millis();
        assert!(
            (hours * 3_600_000 - 60_000..=hours * 3_600_000).contains(&wait),
            "{wait}"
        );
        world
            .run("UPDATE certificates SET renew_at = 1")
            .await
            .unwrap();
        assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    }
    let claim = world.key_saved().await;
    world.finish(&claim, 6).await;
    assert_eq!(world.certificates("state = 'active'").await, 1);
    assert_eq!(world.certificates("state = 'replaced'").await, 1);
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 0);
    world.ask(&user).await.unwrap_err();

    // The person's delete ends the sweep's renewal, too.
    world
        .run("UPDATE certificates SET renew_at = 1")
        .await
        .unwrap();
    assert_eq!(renewals::open_due(&world.store, 10).await.unwrap(), 1);
    assert!(
        certificates::delete(&world.store, user.id, &act(user.id))
            .await
            .unwrap()
    );
    assert!(orders::list_due(&world.store, 10).await.unwrap().is_empty());
}

async fn what_came_of_an_order_that_was_given_up(world: &World) {
    let store = &world.store;
    for name in ["user1", "user2"] {
        let user = world.person(name).await;
        let claim = world.with_key(&user).await;
        assert!(orders::mark_finalizing(store, &claim).await.unwrap());
        orders::abandon(store, &claim).await.unwrap();
    }
    let given_up = renewals::list_unresolved_orders(store, 10).await.unwrap();
    assert_eq!(given_up.len(), 2);
    assert_eq!(given_up[0].url, "https://ca.example/order/1");
    let came = issued(store, 90).await;
    for _ in 0..2 {
        renewals::resolve_order(store, &given_up[0], Some(&came))
            .await
            .unwrap();
    }
    renewals::resolve_order(store, &given_up[1], None)
        .await
        .unwrap();
    assert!(
        renewals::list_unresolved_orders(store, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        world
            .certificates("state = 'deleted' AND key_ciphertext IS NULL")
            .await,
        1
    );
    let owed = renewals::list_pending_revocations(store, 10).await.unwrap();
    assert_eq!(
        (owed.len(), owed[0].certificate.as_str()),
        (1, "CERTIFICATE")
    );
    // One that is not taken makes room for the others, for an hour, then for two.
    renewals::postpone_revocation(store, owed[0].id)
        .await
        .unwrap();
    for (minutes, due) in [(0, 0), (61, 1), (61, 0), (61 + 121, 1)] {
        store.set_clock_offset(minutes * 60_000);
        assert_eq!(
            renewals::list_pending_revocations(store, 10)
                .await
                .unwrap()
                .len(),
            due,
            "{minutes}"
        );
        if due == 1 {
            renewals::postpone_revocation(store, owed[0].id)
                .await
                .unwrap();
        }
    }
    store.set_clock_offset(DAY);
    renewals::mark_revoked(store, owed[0].id).await.unwrap();
    assert!(
        renewals::list_pending_revocations(store, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        Timestamp::from_millis(world.number("SELECT revoked_at FROM certificates").await)
            > came.not_before
    );
}

async fn a_person_hastens_a_patient_renewal(world: &World) {
    let user = world.person("user1").await;
    let store = &world.store;
    world.issued(&user, 6).await;
    let patient = Postponement {
        for_ms: DAY,
        failed: Some(true),
        show_retry_time: true,
        ..Postponement::default()
    };
    let asked_for = Postponement {
        requested_by_ca: true,
        ..patient.clone()
    };
    for (pause, due) in [(patient, 1), (asked_for, 0)] {
        world
            .run("UPDATE certificates SET renew_at = 1")
            .await
            .unwrap();
        world
            .run("UPDATE certificate_orders SET created_at = 1 WHERE finished_at IS NOT NULL")
            .await
            .unwrap();
        assert_eq!(renewals::open_due(store, 10).await.unwrap(), 1);
        let work = world.claim().await;
        assert!(orders::postpone(store, &work.claim, &pause).await.unwrap());
        assert!(orders::list_due(store, 10).await.unwrap().is_empty());
        let order = world.ask(&user).await.unwrap();
        assert_eq!((order.id, order.automatic), (work.claim.order, false));
        assert!(
            matches!(world.ask(&user).await, Err(RequestError::OrderInProgress)),
            "it is the person's own now"
        );
        assert_eq!(
            orders::list_due(store, 10).await.unwrap().len(),
            due,
            "the authority's own wait is kept: {pause:?}"
        );
        assert_eq!(order.retry_at.is_some(), due == 0);
        world
            .run(
                "UPDATE certificate_orders SET finished_at = 1, step = 'abandoned' \
                 WHERE finished_at IS NULL",
            )
            .await
            .unwrap();
    }
    assert_eq!(
        world
            .number(
                "SELECT COUNT(*) FROM audit_trail \
                 WHERE detail = 'the automatic renewal in progress'"
            )
            .await,
        2
    );
}
