//! The TTL of an RRset, which all of its records have (RFC 2181 section 5.2).

use starchart_domain::ttl::{Ttl, TtlChoice};
use starchart_store::records::{
    HistoryAction, HistoryEntry, HistoryFilter, Record, RecordChange, apply, list_history,
};

use super::*;

on_both!(
    all_records_of_an_rrset_get_the_ttl_that_is_set,
    what_sets_and_what_keeps_a_ttl,
    a_changed_ttl_is_in_the_history_of_each_record,
    a_double_submission_of_a_ttl_is_one_change,
    an_edit_renews_a_record_whose_ttl_was_changed_meanwhile,
    the_ttl_ends_with_the_rrset_and_comes_back,
    users_who_share_a_name_keep_their_own_ttl,
    parallel_changes_leave_one_ttl,
);

fn seconds(seconds: u32) -> Ttl {
    Ttl::from_seconds(seconds).unwrap()
}

/// A record that sets a TTL, or keeps it.
fn record(user: &TestUser, name: &str, rtype: &str, value: &str, ttl: Option<u32>) -> NewRecord {
    NewRecord {
        ttl: match ttl {
            Some(ttl) => TtlChoice::Set(seconds(ttl)),
            None => TtlChoice::KeepOr(Ttl::DEFAULT),
        },
        ..user.record(name, rtype, value)
    }
}

impl World {
    async fn apply(&self, user: &TestUser, changes: &[RecordChange<'_>]) -> Vec<Record> {
        let done = apply(&self.store, user.id, changes, None, &user.context).await;
        done.unwrap()
    }

    async fn create_for(&self, user: &TestUser, new: &NewRecord) -> Record {
        self.apply(user, &[RecordChange::Create(new)])
            .await
            .remove(0)
    }

    async fn edit_to(&self, user: &TestUser, id: RecordId, new: &NewRecord) -> Record {
        let seen = None;
        let edit = RecordChange::Edit { id, new, seen };
        self.apply(user, &[edit]).await.remove(0)
    }

    /// The TTLs that the rows of a type want at a name.
    async fn desired_ttl(&self, fqdn: &str, rtype: RecordType) -> Option<u32> {
        let work = self.work(fqdn).await;
        let set = work.desired.iter().find(|set| set.rtype == rtype)?;
        Some(set.body.ttl)
    }

    async fn history(&self, user: &TestUser, id: RecordId) -> Vec<HistoryEntry> {
        let of_record = HistoryFilter {
            record: Some(id),
            ..HistoryFilter::default()
        };
        list_history(&self.store, user.id, of_record, 100)
            .await
            .unwrap()
    }
}

async fn all_records_of_an_rrset_get_the_ttl_that_is_set(world: &World) {
    let user = world.user("user1").await;
    let first = world.create_www(&user).await;
    let second = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let other_type = world.create(&user, "www", "TXT", "text").await.unwrap();
    let other_name = world
        .create(&user, "app", "A", "192.168.1.1")
        .await
        .unwrap();
    assert_eq!(first.ttl, Ttl::DEFAULT);
    let generation = world.work(&first.name).await.generation;

    world.later(DAY_MS);
    let slow = record(&user, "www", "A", "192.168.1.1", Some(3_600));
    let edited = world.edit_to(&user, first.id, &slow).await;
    assert_eq!(edited.ttl, seconds(3_600));
    let now = async |id| {
        let found = records::get(&world.store, user.id, id).await;
        found.unwrap().unwrap()
    };
    let changed = now(second.id).await;
    assert_eq!(changed.ttl, seconds(3_600));
    assert_eq!(changed.expires_at, second.expires_at, "not renewed by it");
    assert_ne!(edited.expires_at, first.expires_at, "renewed");
    for same in [other_type, other_name] {
        assert_eq!(now(same.id).await.ttl, Ttl::DEFAULT, "{}", same.name);
    }
    assert_eq!(
        world.desired_ttl(&first.name, RecordType::A).await,
        Some(3_600)
    );
    let work = world.work(&first.name).await;
    assert_eq!(work.generation, generation + 1, "published again");
}

/// What is at `www` before: a value and its TTL. Then the changes, each as in the test below, and
/// the TTLs of A and AAAA at `www` afterwards.
type Case = (
    &'static [(&'static str, u32)],
    &'static [(&'static str, &'static str, Option<u32>)],
    [Option<u32>; 2],
);

const CASES: [Case; 12] = [
    (&[], &[("create", "192.0.2.9", None)], [Some(300), None]),
    (&[], &[("create", "192.0.2.9", Some(60))], [Some(60), None]),
    (
        &[("192.0.2.1", 3_600)],
        &[("create", "192.0.2.9", None)],
        [Some(3_600), None],
    ),
    (
        &[("192.0.2.1", 3_600)],
        &[("create", "192.0.2.9", Some(60))],
        [Some(60), None],
    ),
    (
        &[("192.0.2.1", 3_600)],
        &[("create", "2001:db8::9", None)],
        [Some(3_600), Some(300)],
    ),
    // The lowest of several; one that is set counts before one that is kept.
    (
        &[],
        &[
            ("create", "192.0.2.8", Some(600)),
            ("create", "192.0.2.9", Some(120)),
            ("create", "192.0.2.7", None),
        ],
        [Some(120), None],
    ),
    (
        &[("192.0.2.1", 60)],
        &[
            ("create", "192.0.2.8", None),
            ("create", "192.0.2.9", Some(7_200)),
        ],
        [Some(7_200), None],
    ),
    // The only record is replaced by another one of its RRset.
    (
        &[("192.0.2.1", 3_600)],
        &[("delete", "192.0.2.1", None), ("create", "192.0.2.9", None)],
        [Some(3_600), None],
    ),
    (
        &[("192.0.2.1", 3_600)],
        &[("delete", "192.0.2.1", None)],
        [None, None],
    ),
    // A record that moves to a new RRset brings its TTL, and takes that of an old one.
    (
        &[("192.0.2.1", 3_600)],
        &[("192.0.2.1", "2001:db8::9", None)],
        [None, Some(3_600)],
    ),
    (
        &[("192.0.2.1", 3_600), ("2001:db8::1", 60)],
        &[("192.0.2.1", "2001:db8::9", None)],
        [None, Some(60)],
    ),
    (
        &[("192.0.2.1", 3_600), ("192.0.2.2", 3_600)],
        &[("renew", "192.0.2.1", None)],
        [Some(3_600), None],
    ),
];

async fn what_sets_and_what_keeps_a_ttl(world: &World) {
    let user = world.user("user1").await;
    for (at, (before, changes, expected)) in CASES.into_iter().enumerate() {
        let name = format!("www{at}");
        let rtype = |value: &str| if value.contains(':') { "AAAA" } else { "A" };
        let new = |value: &str, ttl| record(&user, &name, rtype(value), value, ttl);
        let mut ids = std::collections::BTreeMap::new();
        for (value, ttl) in before {
            let made = world.create_for(&user, &new(value, Some(*ttl))).await;
            ids.insert(*value, made.id);
        }
        let news: Vec<NewRecord> = changes
            .iter()
            .map(|(_, value, ttl)| new(value, *ttl))
            .collect();
        let steps: Vec<RecordChange<'_>> = changes
            .iter()
            .zip(&news)
            .map(|((what, value, _), new)| match *what {
                "create" => RecordChange::Create(new),
                "renew" => RecordChange::Renew(ids[value]),
                "delete" => RecordChange::Delete {
                    id: ids[value],
                    seen: None,
                },
                old => RecordChange::Edit {
                    id: ids[old],
                    new,
                    seen: None,
                },
            })
            .collect();
        world.apply(&user, &steps).await;
        let fqdn = user.fqdn(&name);
        let mut found = Vec::new();
        for rtype in [RecordType::A, RecordType::Aaaa] {
            found.push(world.desired_ttl(&fqdn, rtype).await);
            let ttls = format!(
                "SELECT COUNT(DISTINCT ttl) FROM dns_records WHERE fqdn = '{fqdn}' \
                 AND type = '{rtype}'"
            );
            assert!(world.number(&ttls).await <= 1, "{before:?} {changes:?}");
        }
        assert_eq!(found, expected, "{before:?} {changes:?}");
    }
}

async fn a_changed_ttl_is_in_the_history_of_each_record(world: &World) {
    let user = world.user("user1").await;
    let first = world.create_www(&user).await;
    let second = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    let slow = record(&user, "www", "A", "192.168.1.1", Some(3_600));
    world.edit_to(&user, first.id, &slow).await;
    // Without another TTL, only the edited record has an entry.
    let moved = record(&user, "www", "A", "192.168.1.9", None);
    world.edit_to(&user, first.id, &moved).await;
    for (id, edits) in [(first.id, 2), (second.id, 1)] {
        let history = world.history(&user, id).await;
        let found: Vec<&HistoryEntry> = history
            .iter()
            .filter(|entry| entry.action == HistoryAction::Edit)
            .collect();
        assert_eq!(found.len(), edits, "{history:?}");
        let of_ttl = found.last().unwrap();
        let ttls = [&of_ttl.before, &of_ttl.after].map(|side| side.as_ref().map(|side| side.ttl));
        assert_eq!(ttls, [Some(Ttl::DEFAULT), Some(seconds(3_600))]);
    }
}

async fn a_double_submission_of_a_ttl_is_one_change(world: &World) {
    let user = world.user("user1").await;
    let www = world.create_www(&user).await;
    let seen = www.fingerprint();
    let slow = record(&user, "www", "A", "192.168.1.1", Some(3_600));
    let edit = |new| RecordChange::Edit {
        id: www.id,
        new,
        seen: Some(seen.as_str()),
    };
    for _ in 0..2 {
        let done = world.apply(&user, &[edit(&slow)]).await;
        assert_eq!(done[0].ttl, seconds(3_600));
    }
    assert_eq!(world.history(&user, www.id).await.len(), 2);
    // Another window that still shows the former TTL does not overwrite the new one.
    let slower = record(&user, "www", "A", "192.168.1.1", Some(7_200));
    let stale = apply(&world.store, user.id, &[edit(&slower)], None, &user.context).await;
    assert!(
        matches!(stale.unwrap_err().error, RecordError::Changed),
        "the TTL is part of what was seen"
    );
}

async fn an_edit_renews_a_record_whose_ttl_was_changed_meanwhile(world: &World) {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let user = world.user("user1").await;
    let www = world.create_www(&user).await;
    let second = record(&user, "www", "A", "192.168.1.2", None);
    let second = world.create_for(&user, &second).await;
    let seen = www.fingerprint();
    world.later(DAY_MS);
    let slow = record(&user, "www", "A", "192.168.1.2", Some(3_600));
    world.edit_to(&user, second.id, &slow).await;
    let same = record(&user, "www", "A", "192.168.1.1", None);
    let edit = RecordChange::Edit {
        id: www.id,
        new: &same,
        seen: Some(seen.as_str()),
    };
    let done = world.apply(&user, &[edit]).await.remove(0);
    assert_eq!(done.ttl, seconds(3_600), "the TTL of the RRset stays");
    assert!(
        done.expires_at.since(www.expires_at) >= DAY_MS / 2,
        "{done:?}"
    );
    let newest = world.history(&user, www.id).await.remove(0);
    assert_eq!(newest.action, HistoryAction::Renew);
    // The same form sent twice is one renewal.
    world.apply(&user, &[edit]).await;
    assert_eq!(world.history(&user, www.id).await[0].id, newest.id);
}

async fn the_ttl_ends_with_the_rrset_and_comes_back(world: &World) {
    let user = world.user("user1").await;
    let slow = record(&user, "www", "A", "192.168.1.1", Some(3_600));
    let www = world.create_for(&user, &slow).await;
    world.delete(&user, www.id).await.unwrap();
    let entry = world.history(&user, www.id).await.remove(0);
    assert_eq!(entry.before.unwrap().ttl, seconds(3_600));
    assert_eq!(world.desired_ttl(&www.name, RecordType::A).await, None);

    let other = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    assert_eq!(other.ttl, Ttl::DEFAULT, "nothing is left of the TTL");
    world.delete(&user, other.id).await.unwrap();
    let new = NewRecord {
        ttl: TtlChoice::ForNew(slow.ttl.beside(None)),
        ..slow
    };
    let restore = RecordChange::Restore {
        entry: entry.id,
        new: &new,
    };
    let restored = world.apply(&user, &[restore]).await.remove(0);
    assert_eq!((restored.id, restored.ttl), (www.id, seconds(3_600)));
}

async fn users_who_share_a_name_keep_their_own_ttl(world: &World) {
    let (user, other) = (world.user("user1").await, world.user("user2").await);
    let own = world.create_www(&user).await;
    let theirs = world
        .create(&user, "www", "A", "192.168.1.2")
        .await
        .unwrap();
    // As after an import of two users with one domain.
    let give = format!(
        "UPDATE dns_records SET user_id = {} WHERE id = {}",
        other.id, theirs.id
    );
    world.run(&give).await.unwrap();
    let slow = record(&user, "www", "A", "192.168.1.1", Some(3_600));
    world.edit_to(&user, own.id, &slow).await;
    let found = records::get(&world.store, other.id, theirs.id).await;
    assert_eq!(found.unwrap().unwrap().ttl, Ttl::DEFAULT);
    assert_eq!(
        world.desired_ttl(&own.name, RecordType::A).await,
        Some(300),
        "the lowest is published"
    );
}

async fn parallel_changes_leave_one_ttl(world: &World) {
    let user = world.user("user1").await;
    let mut ids = Vec::new();
    for n in 1..=4 {
        let value = format!("192.168.1.{n}");
        ids.push(world.create(&user, "www", "A", &value).await.unwrap().id);
    }
    let edits = (0..12_u32).map(|n| {
        let (world, user) = (&world, &user);
        let id = ids[n as usize % ids.len()];
        async move {
            let value = format!("192.168.2.{n}");
            let new = record(user, "www", "A", &value, Some(60 + n));
            world.edit_to(user, id, &new).await;
        }
    });
    join_all(edits).await;
    let ttls = "SELECT COUNT(DISTINCT ttl) FROM dns_records";
    assert_eq!(world.number(ttls).await, 1);
}
