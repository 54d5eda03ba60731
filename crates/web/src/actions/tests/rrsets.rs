//! Reading and changing RRsets by their values.

use starchart_domain::record::RecordType;
use starchart_domain::token::{Access, NamePattern, RecordRight, TokenRights};

use super::scope::by_token;
use super::*;

/// A change to these values.
fn put(name: &str, rtype: &str, values: &[&str]) -> RrsetChange {
    RrsetChange {
        name: name.to_owned(),
        rtype: rtype.to_owned(),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        ..RrsetChange::default()
    }
}

async fn change(
    test_app: &TestApp,
    user: &User,
    changes: &[RrsetChange],
) -> Result<ChangedRrsets, RrsetError> {
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let rules = RecordRules {
        limit: Some(6),
        ..rules(test_app)
    };
    change_rrsets(store, queue, by(user), changes, rules).await
}

/// Writes each RRset as a line: name, type, TTL and values.
async fn lines(test_app: &TestApp, user: &User) -> Vec<String> {
    let rrsets = list_rrsets(&test_app.store, user).await.unwrap();
    let line = |rrset: RrsetView| {
        let name = user.base.relative(&rrset.name).unwrap();
        let ttl = rrset.ttl.as_seconds();
        format!("{name} {} {ttl} {}", rrset.rtype, rrset.values.join(" | "))
    };
    rrsets.into_iter().map(line).collect()
}

#[actix_web::test]
async fn an_rrset_becomes_what_is_wanted() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let with_ttl = |change, ttl| RrsetChange {
        ttl: Some(ttl),
        ..change
    };
    let only_ttl = |ttl| RrsetChange {
        values: None,
        ..with_ttl(put("www", "A", &[]), ttl)
    };
    // The changes, whether anything was written, and the RRsets then.
    type Case<'a> = (Vec<RrsetChange>, bool, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            vec![put("www", "A", &["192.0.2.1", "192.0.2.2"])],
            true,
            &["www A 300 192.0.2.1 | 192.0.2.2"],
        ),
        // In another order and spelling.
        (
            vec![put("WWW", "a", &["192.0.2.2", " 192.0.2.1"])],
            false,
            &["www A 300 192.0.2.1 | 192.0.2.2"],
        ),
        (
            vec![with_ttl(put("www", "A", &["192.0.2.2", "192.0.2.3"]), 600)],
            true,
            &["www A 600 192.0.2.3 | 192.0.2.2"],
        ),
        (
            vec![only_ttl(3_600)],
            true,
            &["www A 3600 192.0.2.3 | 192.0.2.2"],
        ),
        (
            vec![only_ttl(3_600)],
            false,
            &["www A 3600 192.0.2.3 | 192.0.2.2"],
        ),
        (
            vec![
                put("www", "A", &["192.0.2.2"]),
                put("", "MX", &["10 mx.example.com.", "20 mx.example.com."]),
                put("_acme-challenge.www", "TXT", &["\"a b\""]),
            ],
            true,
            &[
                "_acme-challenge.www TXT 300 \"a b\"",
                " MX 300 10 mx.example.com. | 20 mx.example.com.",
                "www A 3600 192.0.2.2",
            ],
        ),
        // What one change frees another may take.
        (
            vec![
                put("www", "CNAME", &["pages.example.com."]),
                put("www", "A", &[]),
                put("@", "MX", &[]),
                put("absent", "TXT", &[]),
                put("_acme-challenge.www", "TXT", &[]),
            ],
            true,
            &["www CNAME 300 pages.example.com."],
        ),
        (
            vec![put("absent", "TXT", &[])],
            false,
            &["www CNAME 300 pages.example.com."],
        ),
        (vec![], false, &["www CNAME 300 pages.example.com."]),
    ];
    for (changes, is_changed, expected) in cases {
        let wake_ups = test_app.queue.wake_ups();
        let changed = change(&test_app, &user, changes).await.unwrap();
        assert_eq!(changed.rrsets.len(), changes.len());
        for (rrset, change) in changed.rrsets.iter().zip(changes) {
            let is_gone = change.values.as_ref().is_some_and(Vec::is_empty);
            assert_eq!(rrset.is_none(), is_gone, "{change:?}");
        }
        let woken = test_app.queue.wake_ups() - wake_ups;
        assert_eq!(woken, usize::from(*is_changed), "{changes:?}");
        assert_eq!(&lines(&test_app, &user).await, expected, "{changes:?}");
    }
}

#[actix_web::test]
async fn a_value_that_stays_keeps_its_record_and_is_renewed_once_a_day() {
    let test_app = TestApp::new().await;
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let user = user(&test_app, "user1").await;
    let mut noted = form("www", "A", "192.0.2.1");
    noted.description = "the web server".to_owned();
    let saved = create_record(store, queue, by(&user), &noted, &[], rules(&test_app));
    let id = saved.await.unwrap().record.id;
    let find = async || records::get(store, user.id, id).await.unwrap().unwrap();
    let wanted = put("www", "A", &["192.0.2.1", "192.0.2.9"]);
    change(&test_app, &user, std::slice::from_ref(&wanted))
        .await
        .unwrap();
    let before = find().await;
    assert_eq!(before.description.as_deref(), Some("the web server"));

    test_app
        .execute_sql(&format!(
            "UPDATE dns_records SET expires_at = expires_at - {}",
            5 * DAY_MS
        ))
        .await;
    let due = find().await;
    change(&test_app, &user, std::slice::from_ref(&wanted))
        .await
        .unwrap();
    let renewed = find().await;
    assert!(renewed.expires_at > due.expires_at);
    let wake_ups = test_app.queue.wake_ups();
    change(&test_app, &user, &[wanted]).await.unwrap();
    assert_eq!(test_app.queue.wake_ups(), wake_ups, "nothing is written");

    // A new value takes the place of the one that goes.
    let other = put("www", "A", &["192.0.2.9", "192.0.2.5"]);
    change(&test_app, &user, &[other]).await.unwrap();
    let edited = find().await;
    assert_eq!(edited.presentation, "192.0.2.5");
    assert_eq!(edited.description.as_deref(), Some("the web server"));
    assert_eq!(
        actions(&trail(&test_app).await),
        [
            "record.create",
            "record.create",
            "record.renew",
            "record.renew",
            "record.edit"
        ]
    );
}

#[actix_web::test]
async fn every_fault_has_its_place_and_nothing_is_changed() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let first = [
        put("www", "A", &["192.0.2.1"]),
        put("x", "CNAME", &["a.example.com."]),
    ];
    change(&test_app, &user, &first).await.unwrap();
    let before = lines(&test_app, &user).await;
    let (whole, values, name) = (RrsetField::Whole, RrsetField::Values, RrsetField::Name);
    let new = |change| RrsetChange {
        expects: Presence::Absent,
        ..change
    };
    let ttl = |change, ttl| RrsetChange {
        ttl: Some(ttl),
        ..change
    };
    let without_values = |name| RrsetChange {
        values: None,
        ..put(name, "A", &[])
    };
    for (changes, expected) in [
        (
            vec![
                put("new", "A", &["192.0.2.1"]),
                put("bad", "A", &["192.0.2.1", "x", "192.0.2.1"]),
            ],
            vec![(1, Some(1), values), (1, Some(2), values)],
        ),
        (
            vec![put("www", "NS", &["ns.example.com."])],
            vec![(0, None, RrsetField::Type)],
        ),
        (
            vec![put("a b", "A", &["192.0.2.1", "192.0.2.2"])],
            vec![(0, None, name)],
        ),
        (
            vec![put("user1.starchart.com", "A", &["192.0.2.1"])],
            vec![(0, None, name)],
        ),
        (
            vec![put("_acme-challenge", "TXT", &["x"])],
            vec![(0, None, name)],
        ),
        (
            vec![ttl(put("www", "A", &["192.0.2.1", "192.0.2.2"]), 1)],
            vec![(0, None, RrsetField::Ttl)],
        ),
        (
            vec![ttl(put("www", "A", &["192.0.2.1"]), u64::MAX)],
            vec![(0, None, RrsetField::Ttl)],
        ),
        (
            vec![put("c", "CNAME", &["user1"])],
            vec![(0, Some(0), values)],
        ),
        (
            vec![put("c", "CNAME", &["www.user1"])],
            vec![(0, Some(0), values)],
        ),
        (
            vec![put("m", "MX", &["mx.example.com."])],
            vec![(0, Some(0), values); 2],
        ),
        (
            vec![put("t", "TXT", &["\"a\"", "a b"])],
            vec![(0, Some(1), values)],
        ),
        (
            vec![new(put("www", "A", &["192.0.2.1"]))],
            vec![(0, None, whole)],
        ),
        (vec![new(put("new", "A", &[]))], vec![(0, None, values)]),
        (vec![without_values("new")], vec![(0, None, values)]),
        (
            vec![put("b", "A", &["192.0.2.1"]), put("B", "A", &["192.0.2.2"])],
            vec![(1, None, whole)],
        ),
        // Found beside what is there.
        (
            vec![
                put("new", "A", &["192.0.2.1"]),
                put("x", "TXT", &["a"]),
                put("www", "CNAME", &["b.example.com."]),
            ],
            vec![(1, None, name), (2, None, name)],
        ),
        (
            vec![put("two", "CNAME", &["a.example.com.", "b.example.com."])],
            vec![(0, None, name)],
        ),
    ] {
        let refused = change(&test_app, &user, &changes).await;
        let Err(RrsetError::Invalid(faults)) = refused else {
            panic!("{changes:?}: {refused:?}");
        };
        let found: Vec<_> = faults
            .iter()
            .map(|fault| (fault.change, fault.value, fault.problem.field()))
            .collect();
        assert_eq!(found, expected, "{changes:?}: {faults:?}");
        assert_eq!(lines(&test_app, &user).await, before, "{changes:?}");
    }
}

#[actix_web::test]
async fn the_limits_and_the_checks_of_a_record_hold() {
    let test_app = TestApp::new().await;
    let owner = user(&test_app, "user1").await;
    let values: Vec<String> = (1..=7).map(|last| format!("192.0.2.{last}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let refused = change(&test_app, &owner, &[put("www", "A", &values)]).await;
    assert!(
        matches!(
            refused,
            Err(RrsetError::Refused(ActionError::Limit(
                Limit::RecordsAtOnce { free: 6, .. }
            )))
        ),
        "{refused:?}"
    );
    let caa = put("@", "CAA", &["0 issue \"ca.example\""]);
    let refused = change(&test_app, &owner, &[caa]).await;
    assert!(
        matches!(
            refused,
            Err(RrsetError::Refused(ActionError::Conflict(
                Conflict::IssuanceForbidden(_)
            )))
        ),
        "{refused:?}"
    );
    let absent = RrsetChange {
        expects: Presence::Present,
        ..put("www", "A", &["192.0.2.1"])
    };
    let refused = change(&test_app, &owner, &[absent]).await;
    assert!(
        matches!(refused, Err(RrsetError::Refused(ActionError::NotFound))),
        "{refused:?}"
    );
    assert_eq!(test_app.queue.wake_ups(), 0);

    change(&test_app, &owner, &[put("www", "A", &["192.0.2.1"])])
        .await
        .unwrap();
    let other = user(&test_app, "user2").await;
    assert!(lines(&test_app, &other).await.is_empty());
    let store = &test_app.store;
    let found = find_rrset(store, &other, "www", RecordType::A).await;
    assert_eq!(found.unwrap(), None);
    let found = find_rrset(store, &owner, "www", RecordType::A).await;
    assert_eq!(found.unwrap().unwrap().values, ["192.0.2.1"]);
}

/// What a test of challenges expects: the records and the answers that are left.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    records: i64,
    answers: i64,
}

#[actix_web::test]
async fn answers_to_challenges_are_seen_and_written_as_rrsets_and_are_no_records() {
    let (one, two) = ("1".repeat(43), "2".repeat(43));
    let (one, two) = (format!("\"{one}\""), format!("\"{two}\""));
    let challenges = TokenRights {
        challenges: vec![NamePattern::All],
        ..TokenRights::default()
    };
    let records = TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: Vec::new(),
        }],
        ..TokenRights::default()
    };
    let only_www = TokenRights {
        challenges: vec![NamePattern::Name("www".to_owned())],
        ..TokenRights::default()
    };
    let (base, www) = ("_acme-challenge", "_acme-challenge.www");
    // The rights, then changes of one RRset with the values that it has afterwards, or what the
    // refusal is, and what is left at last.
    type Case<'a> = (
        &'a TokenRights,
        &'a [(&'a str, &'a [&'a str], Result<&'a [&'a str], &'a str>)],
        Left,
    );
    let cases: &[Case<'_>] = &[
        (
            &challenges,
            &[
                (base, &[&one], Ok(&[&one])),
                (base, &[&one, &two], Ok(&[&one, &two])),
                (www, &[&two], Ok(&[&two])),
                (base, &[&two], Ok(&[&two])),
                (www, &[], Ok(&[])),
            ],
            Left {
                records: 0,
                answers: 1,
            },
        ),
        (
            &challenges,
            &[
                (www, &["\"v=spf1 -all\""], Err("43 characters")),
                ("www", &[&one], Err("has no right")),
            ],
            Left {
                records: 0,
                answers: 0,
            },
        ),
        (
            &only_www,
            &[
                (base, &[&one], Err("has no right")),
                (www, &[&one], Ok(&[&one])),
            ],
            Left {
                records: 0,
                answers: 1,
            },
        ),
        (
            &records,
            &[
                (base, &[&one], Ok(&[&one])),
                (www, &[&one, "\"other\""], Ok(&["\"other\"", &one])),
                (www, &["\"other\""], Ok(&["\"other\""])),
                (base, &[], Ok(&[])),
            ],
            Left {
                records: 1,
                answers: 0,
            },
        ),
    ];
    for (rights, changes, left) in cases {
        let test_app = TestApp::new().await;
        let owner = by_token(&user(&test_app, "user1").await, (*rights).clone());
        for (name, values, expected) in *changes {
            let done = change(&test_app, &owner, &[put(name, "TXT", values)]).await;
            match (done, expected) {
                (Ok(changed), Ok(expected)) => {
                    let now = changed.rrsets.into_iter().next().unwrap();
                    let now = now.map(|rrset| rrset.values).unwrap_or_default();
                    assert_eq!(&now, expected, "{name} {values:?}");
                }
                (Err(refused), Err(part)) => {
                    let text = match refused {
                        RrsetError::Invalid(faults) => faults[0].problem.to_string(),
                        RrsetError::Refused(error) => error.to_string(),
                    };
                    assert!(text.contains(part), "{name} {values:?}: {text}");
                }
                (done, _) => panic!("{name} {values:?}: {done:?}"),
            }
        }
        let count = async |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            test_app.query_number(&sql).await
        };
        let now = Left {
            records: count("dns_records").await,
            answers: count("client_challenges").await,
        };
        assert_eq!(&now, left, "{rights:?}");
    }
}

#[actix_web::test]
async fn an_rrset_of_answers_is_there_for_a_client_that_changes_it() {
    let test_app = TestApp::new().await;
    let rights = TokenRights {
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: Vec::new(),
        }],
        ..TokenRights::default()
    };
    let owner = by_token(&user(&test_app, "user1").await, rights);
    let one = format!("\"{}\"", "1".repeat(43));
    let www = "_acme-challenge.www";
    change(&test_app, &owner, &[put(www, "TXT", &[&one])])
        .await
        .unwrap();
    let present = |change| RrsetChange {
        expects: Presence::Present,
        ..change
    };
    let only_ttl = RrsetChange {
        ttl: Some(600),
        values: None,
        ..put(www, "TXT", &[])
    };
    let line = format!("{www} TXT 60 {one}");
    change(&test_app, &owner, &[present(only_ttl)])
        .await
        .unwrap();
    assert_eq!(lines(&test_app, &owner).await, [line.as_str()]);
    let both = present(put(www, "TXT", &[&one, "\"other\""]));
    change(&test_app, &owner, &[both]).await.unwrap();
    let line = format!("{www} TXT 300 \"other\" | {one}");
    assert_eq!(lines(&test_app, &owner).await, [line.as_str()]);
}

#[actix_web::test]
async fn a_word_in_the_name_of_a_challenge_changes_nothing() {
    let test_app = TestApp::new().await;
    let rights = TokenRights {
        challenges: vec![NamePattern::All],
        records: vec![RecordRight {
            access: Access::Write,
            names: NamePattern::All,
            types: Vec::new(),
        }],
        ..TokenRights::default()
    };
    let owner = by_token(&user(&test_app, "user1").await, rights);
    let one = format!("\"{}\"", "1".repeat(43));
    let words = WordFilter::default().refusing("slur");
    let rules = RecordRules {
        words: &words,
        ..rules(&test_app)
    };
    let changes = [
        put("www", "A", &["192.0.2.1"]),
        put("_acme-challenge.slur", "TXT", &[&one]),
    ];
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let done = change_rrsets(store, queue, by(&owner), &changes, rules).await;
    match done {
        Err(RrsetError::Invalid(faults)) => assert_eq!(faults[0].change, 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(lines(&test_app, &owner).await, [""; 0]);
}
