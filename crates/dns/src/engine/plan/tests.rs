//! Tests of the approval, hash and lines of a plan.

use super::*;

fn a(name: &str, value: &str) -> Rrset {
    Rrset::new(name, RecordType::A, [value.to_owned()])
}

fn creates(count: usize, owned: usize) -> Plan {
    let change = |n: usize| {
        (
            format!("n{n}.u.root"),
            vec![RrsetChange::Create(a(&format!("n{n}.u.root"), "192.0.2.1"))],
        )
    };
    Plan {
        zone: "root".to_owned(),
        changes: (0..count).map(change).collect(),
        owned,
        desired: 100,
        ..Plan::default()
    }
}

#[test]
fn approval_is_automatic_up_to_ten_changes_or_thirty_percent() {
    for (count, owned, is_automatic) in [
        (1, 0, true),
        (10, 0, true),
        (11, 0, false),
        (10, 30, true),
        (11, 30, false),
        (30, 100, true),
        (31, 100, false),
    ] {
        let approval = creates(count, owned).approval();
        assert_eq!(
            approval == Approval::Automatic,
            is_automatic,
            "{count} of {owned}: {approval:?}"
        );
    }
    assert_eq!(creates(0, 100).approval(), Approval::NotNeeded);
    let adopt = Plan {
        unclaimed: (0..11)
            .map(|n| a(&format!("n{n}.u.root"), "192.0.2.1"))
            .collect(),
        ..Plan::default()
    };
    assert_eq!(
        adopt.approval(),
        Approval::NotNeeded,
        "unclaimed RRsets change nothing in the zone"
    );
    assert_eq!(
        Plan {
            unclaimed: adopt.unclaimed.clone(),
            ..creates(10, 0)
        }
        .approval(),
        Approval::Automatic
    );
    assert!(matches!(
        Plan {
            unclaimed: adopt.unclaimed,
            ..creates(11, 0)
        }
        .approval(),
        Approval::Required(_)
    ));
}

#[test]
fn an_empty_database_deletes_nothing_without_approval() {
    let changes = vec![(
        "www.u.root".to_owned(),
        vec![RrsetChange::Delete(a("www.u.root", "192.0.2.1"))],
    )];
    let plan = Plan {
        changes,
        owned: 1_000,
        desired: 0,
        ..Plan::default()
    };
    assert!(matches!(plan.approval(), Approval::Required(why) if why.contains("has no records")));
    assert_eq!(Plan { desired: 1, ..plan }.approval(), Approval::Automatic);
}

#[test]
fn the_hash_covers_zone_and_differences_only() {
    let plan = creates(3, 3);
    let mut reversed = plan.clone();
    reversed.changes.reverse();
    reversed
        .foreign
        .push(("x.root".to_owned(), "CAA".to_owned()));
    assert_eq!(plan.hash(), reversed.hash());
    assert_eq!(plan.hash().len(), 64);
    assert_ne!(plan.hash(), creates(2, 3).hash());
    assert_ne!(
        plan.hash(),
        Plan {
            zone: "other".to_owned(),
            ..plan.clone()
        }
        .hash()
    );
    let mut slower = plan.clone();
    slower.changes[0].1 = vec![RrsetChange::Create(Rrset {
        body: RrsetData {
            ttl: 60,
            ..a("n0.u.root", "192.0.2.1").body
        },
        ..a("n0.u.root", "")
    })];
    assert_ne!(plan.hash(), slower.hash(), "the TTL is part of the hash");
    let short = plan.short_hash();
    assert!(plan.matches_hash(&short));
    assert!(plan.matches_hash(&short.to_uppercase()));
    assert!(plan.matches_hash(&plan.hash()));
    assert!(plan.matches_hash(&short[..HASH_MIN_LEN]));
    assert!(!plan.matches_hash(&short[..HASH_MIN_LEN - 1]));
    assert!(!plan.matches_hash("00000000"));
}

#[test]
fn each_kind_of_change_has_its_line() {
    let old = a("www.u.root", "192.0.2.1");
    let new = a("www.u.root", "192.0.2.2");
    let slow = Rrset {
        body: RrsetData {
            ttl: 60,
            ..old.body.clone()
        },
        ..old.clone()
    };
    for (change, expected) in [
        (RrsetChange::Create(new.clone()), "+ www.u.root A 192.0.2.2"),
        (RrsetChange::Delete(old.clone()), "- www.u.root A 192.0.2.1"),
        (
            RrsetChange::Replace {
                old: old.clone(),
                new: new.clone(),
            },
            "~ www.u.root A 192.0.2.1 -> 192.0.2.2",
        ),
        (
            RrsetChange::Replace {
                old: slow,
                new: old,
            },
            "~ www.u.root A 192.0.2.1 (TTL 60) -> 192.0.2.1 (TTL 300)",
        ),
    ] {
        assert_eq!(line("www.u.root", &change), expected);
    }
}

#[test]
fn differences_are_counted_by_kind() {
    let set = |n: usize| a(&format!("n{n}.u.root"), "192.0.2.1");
    let replace = |n| RrsetChange::Replace {
        old: a(&format!("n{n}.u.root"), "192.0.2.9"),
        new: set(n),
    };
    let mut changes = vec![RrsetChange::Create(set(0))];
    changes.extend((1..3).map(set).map(RrsetChange::Delete));
    changes.extend((3..6).map(replace));
    let mut plan = Plan {
        changes: vec![("n.u.root".to_owned(), changes)],
        ..Plan::default()
    };
    let found = plan.differences();
    assert_eq!(found.to_string(), "1 to create, 2 to delete, 3 to replace");
    assert_eq!((found.changes(), found.total()), (6, 6));
    plan.unclaimed = (6..10).map(set).collect();
    let found = plan.differences();
    let expected = "1 to create, 2 to delete, 3 to replace, 4 to adopt";
    assert_eq!(found.to_string(), expected);
    assert_eq!((found.changes(), found.total()), (6, 10));
}

#[test]
fn the_state_of_the_zone_is_what_the_changes_find() {
    let name = "www.u.root";
    let body = |value| a(name, value).body;
    let plan = Plan {
        changes: vec![(
            name.to_owned(),
            vec![
                RrsetChange::Create(a(name, "192.0.2.1")),
                RrsetChange::Delete(a(name, "192.0.2.2")),
                RrsetChange::Replace {
                    old: a(name, "192.0.2.3"),
                    new: a(name, "192.0.2.4"),
                },
            ],
        )],
        missing: vec![(name.to_owned(), RecordType::Txt)],
        ..Plan::default()
    };
    let bodies = [
        (RecordType::A, None),
        (RecordType::A, Some(body("192.0.2.2"))),
        (RecordType::A, Some(body("192.0.2.3"))),
        (RecordType::Txt, None),
    ];
    let state = plan.zone_state();
    assert_eq!((state.len(), state[0].name.as_str()), (1, name));
    assert_eq!(state[0].sets, bodies);
}
