//! Tests of the comparison of a listing with the database.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
use starchart_domain::rrset::RrsetValues;

use super::*;

const SETTING: &str = "THE_ZONE_SETTING";

fn listed(name: &str, rtype: &str, value: &str) -> ZoneRrset {
    ZoneRrset {
        name: name.to_owned(),
        rtype: rtype.to_owned(),
        ttl: Some(300),
        values: [value.to_owned()].into(),
        is_simple: true,
    }
}

fn a(name: &str, value: &str) -> Rrset {
    Rrset::new(name, RecordType::A, [value.to_owned()])
}

fn by_name<T>(sets: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, Vec<T>> {
    let mut map: BTreeMap<String, Vec<T>> = BTreeMap::new();
    sets.into_iter()
        .for_each(|(name, set)| map.entry(name).or_default().push(set));
    map
}

fn plan(zone: &[ZoneRrset], desired: &[Rrset], owned: &[Rrset], in_flight: &[&str]) -> Plan {
    let desired = by_name(desired.iter().map(|set| (set.name.clone(), set.clone())));
    let own = |set: &Rrset| OwnedRrset {
        rtype: set.rtype,
        confirmed: Some(set.body.clone()),
        pending: vec![],
    };
    let owned = by_name(owned.iter().map(|set| (set.name.clone(), own(set))));
    // The name "changed.*" changed while the zone was listed.
    let in_flight: BTreeSet<String> = in_flight.iter().map(|name| (*name).to_owned()).collect();
    let unchanged = in_flight
        .iter()
        .filter(|name| !name.starts_with("changed."))
        .cloned()
        .collect();
    let labels = ["u".to_owned()].into();
    let refused = [("refused.u.root.test".to_owned(), "too long".to_owned())].into();
    let root = RootDomain::parse("root.test").unwrap();
    compare(
        zone,
        AuditInput {
            root: &root,
            desired: &desired,
            owned: &owned,
            in_flight: &in_flight,
            unchanged: &unchanged,
            refused: &refused,
            labels: &labels,
        },
    )
}

/// Support for a record type does not make existing RRsets of that type ours: only the registry
/// decides what is ours.
#[test]
fn an_operators_rrsets_of_every_type_stay_foreign() {
    let values = [
        (
            RecordType::Srv,
            "_sip._tcp.u.root.test",
            "0 5 5060 sip.elsewhere.test.",
        ),
        (RecordType::Caa, "u.root.test", "0 issue \"ca.test\""),
        (RecordType::Https, "u.root.test", "1 a.test. alpn=\"h2\""),
        (RecordType::Svcb, "u.root.test", "1 a.test."),
        (RecordType::Tlsa, "_25._tcp.u.root.test", "3 1 1 00"),
        (RecordType::Sshfp, "u.root.test", "4 2 00"),
        // The original offered no wildcards.
        (RecordType::Cname, "*.u.root.test", "pages.test."),
    ];
    for (rtype, name, value) in values {
        let at_root = name.replace("u.root.test", "root.test");
        let zone = [
            listed("root.test", "SOA", "ns. host. 1 2 3 4 5"),
            listed(name, rtype.as_str(), value),
            listed(&at_root, rtype.as_str(), value),
        ];
        let apex = ("root.test".to_owned(), "SOA".to_owned());
        let foreign = |name: &str| (name.to_owned(), rtype.to_string());
        let found = plan(&zone, &[], &[], &[]);
        assert_eq!(
            found.foreign,
            [apex.clone(), foreign(name), foreign(&at_root)]
        );
        assert_eq!(
            (found.changes.len(), found.orphans.len()),
            (0, 0),
            "{rtype}"
        );
        // A user's record at the same name and type neither takes it over nor deletes it.
        let other_value = value.replace("test", "example").replace("00", "01");
        let wanted = Rrset::new(name, rtype, [other_value]);
        let found = plan(&zone, std::slice::from_ref(&wanted), &[], &[]);
        assert_eq!(found.foreign, [apex, foreign(name), foreign(&at_root)]);
        let is_creation = |(_, changes): &(String, Vec<RrsetChange>)| {
            changes
                .iter()
                .all(|change| matches!(change, RrsetChange::Create(_)))
        };
        assert!(found.changes.iter().all(is_creation), "{rtype}");
    }
    let original = ["A", "AAAA", "CNAME", "MX", "TXT"];
    for rtype in RecordType::ALL {
        let is_original = original.contains(&rtype.as_str());
        assert_eq!(
            parse_original_type(rtype.as_str()).is_some(),
            is_original,
            "{rtype}"
        );
    }
}

#[test]
fn drift_is_planned_and_other_rrsets_are_foreign_or_orphans() {
    let kept = a("kept.u.root.test", "192.0.2.1");
    let edited = a("edited.u.root.test", "192.0.2.2");
    let gone = a("gone.u.root.test", "192.0.2.3");
    let left = a("left.u.root.test", "192.0.2.4");
    let alias = ZoneRrset {
        is_simple: false,
        ttl: None,
        ..listed("gone.u.root.test", "A", "")
    };
    let zone = [
        listed("root.test", "SOA", "ns. host. 1 2 3 4 5"),
        listed("kept.u.root.test", "A", "192.0.2.1"),
        listed("edited.u.root.test", "A", "203.0.113.9"),
        listed("left.u.root.test", "A", "192.0.2.4"),
        listed("old.u.root.test", "A", "192.0.2.5"),
        listed("_acme-challenge.u.root.test", "TXT", "\"old\""),
        listed("u.root.test", "CAA", "0 issue \";\""),
        listed("lent.u.root.test", "NS", "ns.elsewhere.test."),
        listed("www.v.root.test", "A", "192.0.2.6"),
        listed("*.u.root.test", "A", "192.0.2.8"),
        alias,
    ];
    let found = plan(
        &zone,
        &[kept.clone(), edited.clone(), gone.clone()],
        &[kept, edited.clone(), gone.clone(), left.clone()],
        &[],
    );
    let texts = |sets: &[(&str, &str)]| -> Vec<(String, String)> {
        sets.iter()
            .map(|(name, rtype)| ((*name).to_owned(), (*rtype).to_owned()))
            .collect()
    };
    assert_eq!(
        found.foreign,
        texts(&[
            ("root.test", "SOA"),
            ("u.root.test", "CAA"),
            ("lent.u.root.test", "NS"),
            ("www.v.root.test", "A"),
            ("*.u.root.test", "A"),
            ("gone.u.root.test", "A"),
        ])
    );
    let orphans: Vec<_> = found
        .orphans
        .iter()
        .map(|orphan| (orphan.name.as_str(), orphan.joined_values()))
        .collect();
    assert_eq!(
        orphans,
        [
            ("old.u.root.test", "192.0.2.5".to_owned()),
            ("_acme-challenge.u.root.test", "\"old\"".to_owned())
        ]
    );
    assert_eq!(
        found.changes,
        [
            (
                "edited.u.root.test".to_owned(),
                vec![RrsetChange::Replace {
                    old: a("edited.u.root.test", "203.0.113.9"),
                    new: edited
                }]
            ),
            (
                "gone.u.root.test".to_owned(),
                vec![RrsetChange::Create(gone)]
            ),
            (
                "left.u.root.test".to_owned(),
                vec![RrsetChange::Delete(left)]
            ),
        ]
    );
}

#[test]
fn an_unpublished_name_is_no_difference() {
    let want = a("www.u.root.test", "192.0.2.2");
    let current = a("www.u.root.test", "192.0.2.1");
    let zone = [
        listed("www.u.root.test", "A", "192.0.2.1"),
        listed("new.u.root.test", "A", "192.0.2.3"),
    ];
    let found = plan(
        &zone,
        std::slice::from_ref(&want),
        std::slice::from_ref(&current),
        &["www.u.root.test", "new.u.root.test"],
    );
    assert_eq!(
        (found.differences().total(), found.unpublished_lines().len()),
        (0, 1)
    );
    assert!(
        found.orphans.is_empty(),
        "an RRset at an unpublished name is no orphan"
    );
}

#[test]
fn unpublished_blocked_and_refused_changes_are_distinguished() {
    let desired = |name: &str| a(&format!("{name}.u.root.test"), "192.0.2.1");
    let names = [
        "free", "same", "taken", "alias", "beside", "refused", "changed",
    ];
    let zone = [
        listed("same.u.root.test", "A", "192.0.2.1"),
        listed("taken.u.root.test", "CNAME", "elsewhere.test."),
        ZoneRrset {
            is_simple: false,
            ttl: None,
            values: RrsetValues::default(),
            ..listed("alias.u.root.test", "A", "")
        },
        listed("beside.u.root.test", "CAA", "0 issue \";\""),
        // Ours when it was listed; replaced by publish afterwards.
        listed("changed.u.root.test", "A", "192.0.2.77"),
    ];
    let full = names.map(|name| format!("{name}.u.root.test"));
    let found = plan(
        &zone,
        &names.map(desired),
        &[],
        &full.each_ref().map(String::as_str),
    );
    assert_eq!(
        found.unpublished_lines(),
        [
            "+ beside.u.root.test A 192.0.2.1",
            "+ changed.u.root.test A 192.0.2.1",
            "+ free.u.root.test A 192.0.2.1"
        ]
    );
    assert_eq!(
        found.unpublished.len(),
        3,
        "a blocked name is not listed twice"
    );
    let blocked: Vec<_> = found
        .blocked
        .iter()
        .map(|blocked| (blocked.line(), blocked.is_adoptable))
        .collect();
    let expected = [
        ("+ alias.u.root.test A 192.0.2.1, blocked by A", false),
        (
            "+ same.u.root.test A 192.0.2.1, blocked by A 192.0.2.1",
            true,
        ),
        (
            "+ taken.u.root.test A 192.0.2.1, blocked by CNAME elsewhere.test.",
            false,
        ),
    ];
    assert_eq!(
        blocked,
        expected.map(|(line, is_adoptable)| (line.to_owned(), is_adoptable))
    );
    assert_eq!(
        found.refused[0].lines(),
        ["+ refused.u.root.test A 192.0.2.1: too long"]
    );
    assert_eq!((found.refused.len(), found.differences().total()), (1, 0));
}

#[test]
fn an_unclaimed_rrset_is_not_created() {
    let same = a("same.u.root.test", "192.0.2.1");
    let other = a("other.u.root.test", "192.0.2.2");
    let zone = [
        listed("same.u.root.test", "A", "192.0.2.1"),
        listed("other.u.root.test", "A", "192.0.2.9"),
    ];
    let found = plan(&zone, &[same.clone(), other.clone()], &[], &[]);
    assert_eq!(found.unclaimed, [same]);
    assert_eq!(
        found.changes,
        [(
            "other.u.root.test".to_owned(),
            vec![RrsetChange::Create(other)]
        )]
    );
    assert_eq!(
        found.lines(),
        [
            "+ other.u.root.test A 192.0.2.2",
            "= same.u.root.test A 192.0.2.1"
        ]
    );
    let outcomes = find_adoptable(
        &zone,
        &by_name([(
            "same.u.root.test".to_owned(),
            a("same.u.root.test", "192.0.2.1"),
        )]),
    );
    assert_eq!(outcomes.len(), 1);
}

#[test]
fn an_owned_rrset_that_is_neither_listed_nor_desired_is_missing() {
    let ghost = a("ghost.u.root.test", "192.0.2.1");
    let found = plan(&[], &[], std::slice::from_ref(&ghost), &[]);
    assert_eq!(
        found.missing,
        [("ghost.u.root.test".to_owned(), RecordType::A)]
    );
    assert_eq!(found.differences().total(), 0);
    assert_eq!(found.zone_state()[0].sets, [(RecordType::A, None)]);
    let in_zone = listed("ghost.u.root.test", "A", "192.0.2.1");
    let (zone, rows) = (std::slice::from_ref(&in_zone), std::slice::from_ref(&ghost));
    for (zone, desired, in_flight) in [
        (zone, &[][..], None),
        (&[][..], rows, None),
        (zone, rows, None),
        (&[][..], &[][..], Some("ghost.u.root.test")),
    ] {
        let found = plan(zone, desired, rows, in_flight.as_slice());
        assert_eq!(found.missing, [], "{zone:?} {desired:?} {in_flight:?}");
    }
}

#[test]
fn another_zone_and_an_incomplete_listing_are_rejected() {
    let root = RootDomain::parse("root.test").unwrap();
    let soa = listed("root.test", "SOA", "ns. host. 1 2 3 4 5");
    let ns = listed("root.test", "NS", "ns.");
    let below = listed("www.u.root.test", "NS", "ns.");
    assert_eq!(
        verify_listing(&[soa.clone(), ns.clone()], &root, SETTING),
        Ok(())
    );
    assert!(matches!(
        verify_listing(&[], &root, SETTING),
        Err(WrongZone::Incomplete("SOA", _))
    ));
    assert!(matches!(
        verify_listing(&[soa.clone(), below.clone()], &root, SETTING),
        Err(WrongZone::Incomplete("NS", _))
    ));
    let other = verify_listing(
        &[
            listed("other.test", "SOA", "x"),
            listed("other.test", "NS", "ns."),
        ],
        &root,
        SETTING,
    )
    .unwrap_err()
    .to_string();
    assert!(
        other.contains(SETTING) && other.contains("other.test"),
        "{other}"
    );
    assert!(
        is_empty_zone(&[soa.clone(), ns.clone()], &root)
            && !is_empty_zone(&[soa, ns, below], &root)
    );
}
