//! Answers to challenges that users' own ACME clients write.

use futures_util::future::join_all;
use starchart_domain::certificate::{
    CHALLENGE_TYPE, CLIENT_VALUES_MAX, ChallengeName, ChallengeValue,
};
use starchart_domain::plan::NameToPublish;
use starchart_domain::record::RecordType;
use starchart_store::client_challenges::{self, ChallengeChange, ChallengeError};
use starchart_store::records::RecordError;
use starchart_store::{admin, certificates};

use crate::admin::admin;
use crate::world::{DAY_MS, TestUser, World};

on_both!(
    a_value_is_published_and_removed,
    what_is_as_wanted_is_not_written,
    values_of_a_client_records_and_our_order_are_one_rrset,
    a_cname_and_values_exclude_each_other,
    a_user_has_so_many_values_and_no_more,
    rolling_values_leave_the_two_newest,
    replaced_values_are_those_and_no_others,
    values_go_after_seven_days,
    a_deleted_user_leaves_no_value,
    parallel_clients_do_not_exceed_the_limit,
);

pub(crate) fn value(n: usize) -> ChallengeValue {
    ChallengeValue::parse(&format!("{n:0>43}")).unwrap()
}

pub(crate) fn challenge(user: &TestUser, host: &str) -> ChallengeName {
    let host = match host {
        "@" => user.base.to_string(),
        host => user.fqdn(host),
    };
    ChallengeName::of_host(&host, &user.base).unwrap()
}

impl World {
    pub(crate) async fn answer(
        &self,
        user: &TestUser,
        host: &str,
        change: ChallengeChange<'_>,
    ) -> Result<bool, ChallengeError> {
        let name = challenge(user, host);
        client_challenges::change(&self.store, user.id, &name, change, &user.context).await
    }

    async fn add(&self, user: &TestUser, host: &str, n: usize) -> Result<bool, ChallengeError> {
        self.answer(user, host, ChallengeChange::Add(&value(n)))
            .await
    }

    /// The numbers of the values at a name, the oldest first.
    async fn values(&self, user: &TestUser, host: &str) -> Vec<usize> {
        let name = challenge(user, host);
        let all = client_challenges::list(&self.store, user.id).await.unwrap();
        let at_name = all.iter().filter(|value| value.fqdn == name.fqdn());
        at_name.map(|value| value.value.parse().unwrap()).collect()
    }

    /// TTL and values of the one RRset that rows want at a name.
    async fn txt(&self, fqdn: &str) -> Option<(u32, Vec<String>)> {
        let NameToPublish { mut desired, .. } = self.work(fqdn).await;
        assert!(desired.len() <= 1, "{desired:?}");
        let set = desired.pop()?;
        assert_eq!(set.rtype, CHALLENGE_TYPE);
        Some((set.body.ttl, set.body.values.to_vec()))
    }

    async fn generation(&self, fqdn: &str) -> i64 {
        self.number(&format!(
            "SELECT generation FROM names WHERE fqdn = '{fqdn}'"
        ))
        .await
    }

    async fn trail_lines(&self, action: &str) -> i64 {
        let lines = format!("SELECT COUNT(*) FROM audit_trail WHERE action = '{action}'");
        self.number(&lines).await
    }
}

fn quoted(n: usize) -> String {
    format!("\"{}\"", value(n).as_str())
}

async fn a_value_is_published_and_removed(world: &World) {
    let user = world.user("user1").await;
    let fqdn = user.fqdn("_acme-challenge.www");
    assert!(world.add(&user, "www", 1).await.unwrap());
    assert_eq!(world.txt(&fqdn).await, Some((60, vec![quoted(1)])));
    assert_eq!(world.unpublished().await.len(), 1);
    let lease = world.lease().await;
    world.publish(&lease, &fqdn, "C1").await;
    assert_eq!(world.unpublished().await, []);
    assert!(
        world
            .answer(&user, "www", ChallengeChange::Remove(&value(1)))
            .await
            .unwrap()
    );
    assert_eq!(world.txt(&fqdn).await, None);
    assert_eq!(world.unpublished().await.len(), 1, "to be deleted");
    for action in ["challenge.answer", "challenge.remove"] {
        assert_eq!(world.trail_lines(action).await, 1, "{action}");
    }
}

async fn what_is_as_wanted_is_not_written(world: &World) {
    let user = world.user("user1").await;
    let fqdn = user.fqdn("_acme-challenge.www");
    world.add(&user, "www", 1).await.unwrap();
    let locks = "SELECT MAX(lock_version) FROM users";
    let before = world.number(locks).await;
    let kept = [value(1)];
    for change in [
        ChallengeChange::Add(&value(1)),
        ChallengeChange::Roll(&value(1)),
        ChallengeChange::Remove(&value(2)),
        ChallengeChange::Replace(&kept),
    ] {
        assert!(
            !world.answer(&user, "www", change).await.unwrap(),
            "{change:?}"
        );
    }
    assert!(
        !world
            .answer(&user, "api", ChallengeChange::Replace(&[]))
            .await
            .unwrap()
    );
    assert_eq!(world.number(locks).await, before, "not even a lock");
    assert_eq!(world.generation(&fqdn).await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM names").await, 1);
    assert_eq!(world.trail_lines("challenge.answer").await, 1);
}

async fn values_of_a_client_records_and_our_order_are_one_rrset(world: &World) {
    let user = world.user("user1").await;
    let store = &world.store;
    // A record of the user and a client's value.
    world.add(&user, "www", 1).await.unwrap();
    let text = world
        .create(&user, "_acme-challenge.www", "TXT", "by hand")
        .await;
    let fqdn = user.fqdn("_acme-challenge.www");
    let both = vec![quoted(1), "\"by hand\"".to_owned()];
    assert_eq!(
        world.txt(&fqdn).await,
        Some((300, both)),
        "the record's TTL"
    );
    world.delete(&user, text.unwrap().id).await.unwrap();
    assert_eq!(world.txt(&fqdn).await, Some((60, vec![quoted(1)])));

    // Our own order at the base domain.
    let fqdn = user.fqdn("_acme-challenge");
    world.add(&user, "@", 7).await.unwrap();
    let domain = user.base.as_str();
    let requested = certificates::request(store, user.id, domain, 3, &user.context).await;
    requested.unwrap();
    let claim = world.key_saved().await;
    let all = vec![quoted(7), "\"one\"".to_owned(), "\"two\"".to_owned()];
    assert_eq!(world.txt(&fqdn).await, Some((300, all)));
    world.finish(&claim, 90).await;
    assert_eq!(world.txt(&fqdn).await, Some((60, vec![quoted(7)])));
    world
        .answer(&user, "@", ChallengeChange::Remove(&value(7)))
        .await
        .unwrap();
    assert_eq!(world.txt(&fqdn).await, None);
}

async fn a_cname_and_values_exclude_each_other(world: &World) {
    let user = world.user("user1").await;
    let alias = world
        .create(&user, "_acme-challenge.www", "CNAME", "acme.example.com")
        .await
        .unwrap();
    let refused = world.add(&user, "www", 1).await;
    assert!(matches!(refused, Err(ChallengeError::Cname)), "{refused:?}");
    assert_eq!(world.values(&user, "www").await, [] as [usize; 0]);
    world.delete(&user, alias.id).await.unwrap();
    world.add(&user, "www", 1).await.unwrap();
    let again = world
        .create(&user, "_acme-challenge.www", "CNAME", "acme.example.com")
        .await;
    assert!(
        matches!(again, Err(RecordError::AnswersChallenges)),
        "{again:?}"
    );
    // A CNAME at the host itself is none at its challenge.
    world
        .create(&user, "www", "CNAME", "www.example.com")
        .await
        .unwrap();
    world.add(&user, "www", 2).await.unwrap();
    let behind_us = format!(
        "UPDATE names SET class = 'cname' WHERE fqdn = '{}'",
        user.fqdn("_acme-challenge.www")
    );
    assert!(
        world.run(&behind_us).await.is_err(),
        "a constraint holds it"
    );
}

async fn a_user_has_so_many_values_and_no_more(world: &World) {
    let (user, other) = (world.user("user1").await, world.user("user2").await);
    let max = CLIENT_VALUES_MAX as usize;
    for n in 0..max {
        world.add(&user, &format!("h{}", n % 3), n).await.unwrap();
    }
    let over = world.add(&user, "www", max).await;
    assert!(
        matches!(over, Err(ChallengeError::LimitReached)),
        "{over:?}"
    );
    let rolling = world
        .answer(&user, "www", ChallengeChange::Roll(&value(max)))
        .await;
    assert!(
        matches!(rolling, Err(ChallengeError::LimitReached)),
        "{rolling:?}"
    );
    // One for one fits.
    let swapped = [value(max)];
    let mut at_h0 = world.values(&user, "h0").await;
    assert!(at_h0.len() > 1);
    world
        .answer(&user, "h0", ChallengeChange::Replace(&swapped))
        .await
        .unwrap();
    at_h0 = world.values(&user, "h0").await;
    assert_eq!(at_h0, [max]);
    world.add(&other, "www", 1).await.unwrap();
    // They are no records.
    let limit = Some(1);
    let new = user.record("www", "A", "192.168.1.1");
    let made =
        starchart_store::records::create(&world.store, user.id, &new, limit, &user.context).await;
    made.unwrap();
}

async fn rolling_values_leave_the_two_newest(world: &World) {
    let user = world.user("user1").await;
    world.add(&user, "www", 100).await.unwrap();
    for n in 1..=4 {
        let rolled = world
            .answer(&user, "www", ChallengeChange::Roll(&value(n)))
            .await;
        assert!(rolled.unwrap());
    }
    assert_eq!(world.values(&user, "www").await, [100, 3, 4]);
    // One that is sent again becomes the newest; one that was added does not roll.
    for n in [3, 100, 5] {
        let value = value(n);
        let roll = ChallengeChange::Roll(&value);
        world.answer(&user, "www", roll).await.unwrap();
    }
    assert_eq!(world.values(&user, "www").await, [100, 3, 5]);
    world
        .answer(&user, "@", ChallengeChange::Roll(&value(6)))
        .await
        .unwrap();
    assert_eq!(
        world.values(&user, "www").await,
        [100, 3, 5],
        "at another name"
    );
}

async fn replaced_values_are_those_and_no_others(world: &World) {
    let user = world.user("user1").await;
    for (wanted, changes) in [
        (vec![1, 2], true),
        (vec![2, 1], false),
        (vec![2, 2, 3], true),
        (vec![], true),
        (vec![], false),
    ] {
        let values: Vec<ChallengeValue> = wanted.iter().map(|n| value(*n)).collect();
        let changed = world
            .answer(&user, "www", ChallengeChange::Replace(&values))
            .await;
        assert_eq!(changed.unwrap(), changes, "{wanted:?}");
        let mut expected = wanted.clone();
        expected.sort_unstable();
        expected.dedup();
        let mut present = world.values(&user, "www").await;
        present.sort_unstable();
        assert_eq!(present, expected);
    }
}

async fn values_go_after_seven_days(world: &World) {
    let user = world.user("user1").await;
    world.add(&user, "www", 1).await.unwrap();
    world.add(&user, "@", 2).await.unwrap();
    world.at_days(1.0);
    world.add(&user, "www", 3).await.unwrap();
    world.at_days(6.9);
    assert_eq!(client_challenges::expire(&world.store).await.unwrap(), 0);
    world.at_days(7.1);
    let fqdn = user.fqdn("_acme-challenge.www");
    let before = world.generation(&fqdn).await;
    assert_eq!(client_challenges::expire(&world.store).await.unwrap(), 2);
    assert_eq!(client_challenges::expire(&world.store).await.unwrap(), 0);
    assert_eq!(world.values(&user, "www").await, [3]);
    assert_eq!(world.values(&user, "@").await, [] as [usize; 0]);
    assert_eq!(world.generation(&fqdn).await, before + 1);
    assert_eq!(world.txt(&fqdn).await, Some((60, vec![quoted(3)])));
}

async fn a_deleted_user_leaves_no_value(world: &World) {
    let (user, other) = (world.user("user1").await, world.user("user2").await);
    let (_, right) = admin(world, "user3", 3).await;
    for of in [&user, &other] {
        world.add(of, "www", 1).await.unwrap();
        world.add(of, "@", 2).await.unwrap();
    }
    let lease = world.lease().await;
    for host in ["_acme-challenge", "_acme-challenge.www"] {
        world.publish(&lease, &user.fqdn(host), "C1").await;
        world.publish(&lease, &other.fqdn(host), "C2").await;
    }
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert_eq!(deleted.unwrap().records, 0);
    let left = client_challenges::list(&world.store, user.id)
        .await
        .unwrap();
    assert_eq!(left, []);
    assert_eq!(world.values(&other, "www").await, [1]);
    let unpublished = world.unpublished().await;
    let names: Vec<&str> = unpublished.iter().map(|work| work.name.as_str()).collect();
    let expected = [
        user.fqdn("_acme-challenge"),
        user.fqdn("_acme-challenge.www"),
    ];
    assert_eq!(names, expected);
    assert!(unpublished.iter().all(|work| work.desired.is_empty()));
    let late = world.add(&user, "www", 3).await;
    assert!(matches!(late, Err(ChallengeError::NoUser)), "{late:?}");
}

async fn parallel_clients_do_not_exceed_the_limit(world: &World) {
    let user = world.user("user1").await;
    let max = CLIENT_VALUES_MAX as usize;
    let clients = (0..max + 5).map(|n| {
        let (world, user) = (&world, &user);
        async move { world.add(user, &format!("h{}", n % 4), n).await }
    });
    let done = join_all(clients).await;
    let added = done.iter().filter(|done| matches!(done, Ok(true))).count();
    assert_eq!(added, max, "{done:?}");
    let rows = "SELECT COUNT(*) FROM client_challenges";
    assert_eq!(world.number(rows).await, i64::from(CLIENT_VALUES_MAX));
    world.later(8 * DAY_MS);
    let expired = client_challenges::expire(&world.store).await.unwrap();
    assert_eq!(expired, u64::from(CLIENT_VALUES_MAX));
    assert_eq!(world.number(rows).await, 0);
    let cname = RecordType::Cname;
    let free = world
        .create(&user, "_acme-challenge.h0", cname.as_str(), "example.com")
        .await;
    free.unwrap();
}
