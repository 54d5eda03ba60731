//! Dynamic addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use starchart_domain::record::RecordType;
use starchart_domain::token::TokenRights;
use starchart_store::records::Record;

use super::scope::by_token;
use super::*;

const NEARLY_EXPIRED_MS: i64 = 160 * DAY_MS;

fn set(addresses: &[&str]) -> AddressChange {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().unwrap());
    AddressChange::Set(addresses.collect::<BTreeSet<_>>())
}

fn ipv4(addresses: &[&str]) -> AddressUpdate {
    AddressUpdate {
        ipv4: set(addresses),
        ipv6: AddressChange::Keep,
    }
}

async fn update(
    test_app: &TestApp,
    user: &User,
    host: &str,
    update: &AddressUpdate,
) -> Result<UpdatedAddresses, ActionError> {
    let (store, queue) = (&test_app.store, &*test_app.queue);
    let limited = RecordRules {
        limit: Some(2),
        ..rules(test_app)
    };
    let permit = async || Ok(());
    update_addresses(store, queue, by(user), (host, update), limited, permit).await
}

/// Lists type, value and TTL of the user's records.
async fn rows(test_app: &TestApp, user: &User) -> Vec<(RecordType, String, u32)> {
    let all = records::list(&test_app.store, user.id).await.unwrap();
    let row = |it: Record| (it.rtype, it.presentation, it.ttl.as_seconds());
    all.into_iter().map(row).collect()
}

#[actix_web::test]
async fn a_host_gets_keeps_and_loses_its_addresses() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let host = "home.user1.starchart.com";
    let (a, aaaa) = (RecordType::A, RecordType::Aaaa);
    let row = |rtype, value: &str| (rtype, value.to_owned(), 60);
    let one = "198.51.100.7";
    for (wanted, is_changed, expected) in [
        (ipv4(&[one]), true, vec![row(a, one)]),
        (ipv4(&[one]), false, vec![row(a, one)]),
        (ipv4(&["198.51.100.8"]), true, vec![row(a, "198.51.100.8")]),
        (
            AddressUpdate {
                ipv4: AddressChange::Keep,
                ipv6: set(&["2001:db8::7"]),
            },
            true,
            vec![row(a, "198.51.100.8"), row(aaaa, "2001:db8::7")],
        ),
        (
            AddressUpdate {
                ipv4: set(&[]),
                ipv6: AddressChange::Move("2001:db8:1::/48".parse().unwrap()),
            },
            true,
            vec![row(aaaa, "2001:db8:1::7")],
        ),
        (
            AddressUpdate::default(),
            false,
            vec![row(aaaa, "2001:db8:1::7")],
        ),
        (
            AddressUpdate {
                ipv4: set(&[]),
                ipv6: set(&[]),
            },
            true,
            vec![],
        ),
        (ipv4(&[]), false, vec![]),
    ] {
        let wakes = test_app.queue.wake_ups();
        let done = update(&test_app, &user, host, &wanted).await.unwrap();
        assert_eq!(done.is_changed, is_changed, "{wanted:?}");
        assert_eq!(rows(&test_app, &user).await, expected, "{wanted:?}");
        let shown: Vec<&String> = expected.iter().map(|(_, value, _)| value).collect();
        assert_eq!(done.addresses.iter().collect::<Vec<_>>(), shown);
        assert_eq!(test_app.queue.wake_ups() > wakes, is_changed, "{wanted:?}");
    }
}

#[actix_web::test]
async fn one_address_replaces_all_of_its_family_and_keeps_ttl_and_notes() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    for input in ["198.51.100.1", "198.51.100.2"] {
        let form = RecordForm {
            ttl: "1h".to_owned(),
            description: "my flat".to_owned(),
            ..form("home", "A", input)
        };
        create(&test_app, &user, &form).await.unwrap();
    }
    let wanted = ipv4(&["198.51.100.7"]);
    update(&test_app, &user, "HOME.user1.starchart.com.", &wanted)
        .await
        .unwrap();
    let all = records::list(&test_app.store, user.id).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].description.as_deref(), Some("my flat"));
    assert_eq!(
        (&*all[0].presentation, all[0].ttl.as_seconds()),
        ("198.51.100.7", 3_600)
    );
}

#[actix_web::test]
async fn an_update_that_changes_nothing_writes_nothing_until_the_record_expires_soon() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let (host, wanted) = ("home.user1.starchart.com", ipv4(&["198.51.100.7"]));
    update(&test_app, &user, host, &wanted).await.unwrap();
    let writes = "SELECT SUM(lock_version) FROM users";
    let before = test_app.query_number(writes).await;
    for _ in 0..3 {
        let store = &test_app.store;
        let never = async || -> Result<(), ActionError> { Err(ActionError::NotFound) };
        let (queue, rules) = (&*test_app.queue, rules(&test_app));
        let done = update_addresses(store, queue, by(&user), (host, &wanted), rules, never).await;
        assert!(!done.unwrap().is_changed, "no permission is asked for");
    }
    assert_eq!(test_app.query_number(writes).await, before);
    test_app.store.set_clock_offset(NEARLY_EXPIRED_MS);
    let done = update(&test_app, &user, host, &wanted).await.unwrap();
    assert!(!done.is_changed);
    let renewed = records::list(&test_app.store, user.id).await.unwrap();
    let now = test_app.store.now().await.unwrap();
    assert!(
        renewed[0].expires_at.since(now) > 170 * DAY_MS,
        "it is in use"
    );
}

#[actix_web::test]
async fn an_update_is_refused_with_a_reason() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    create(&test_app, &user, &form("alias", "CNAME", "example.com"))
        .await
        .unwrap();
    let rights = TokenRights {
        addresses: vec!["home".to_owned()],
        ..TokenRights::default()
    };
    let router = by_token(&user, rights);
    let good = ipv4(&["198.51.100.7"]);
    let refused = async |user: &User, host: &str, wanted: &AddressUpdate| {
        let host = format!("{host}.starchart.com");
        update(&test_app, user, &host, wanted).await.unwrap_err()
    };
    for (by, host) in [
        (&user, "home.user2"),
        (&user, "example"),
        (&router, "home.user2"),
    ] {
        let error = refused(by, host, &good).await;
        assert!(matches!(error, ActionError::NotFound), "{host}: {error:?}");
    }
    for host in ["www.user1", "user1", "a.home.user1"] {
        let error = refused(&router, host, &good).await;
        assert!(
            matches!(error, ActionError::Denied(Denial::TokenScope)),
            "{host}: {error:?}"
        );
    }
    for (host, wanted) in [
        ("alias.user1", &good),
        ("home.user1", &ipv4(&["127.0.0.1"])),
        ("_x.user1", &good),
    ] {
        let error = refused(&user, host, wanted).await;
        assert!(
            matches!(error, ActionError::Invalid(_)),
            "{host}: {error:?}"
        );
    }
    update(&test_app, &router, "home.user1.starchart.com", &good)
        .await
        .unwrap();
    let over = refused(&user, "more.user1", &good).await;
    assert!(
        matches!(over, ActionError::Limit(Limit::Records { limit: 2 })),
        "{over:?}"
    );
}

#[actix_web::test]
async fn updates_at_once_leave_one_address() {
    let test_app = TestApp::new().await;
    let user = user(&test_app, "user1").await;
    let host = "home.user1.starchart.com";
    let updates = (1..=6).map(|n| {
        let (test_app, user) = (&test_app, &user);
        async move {
            let address = format!("198.51.100.{n}");
            update(test_app, user, host, &ipv4(&[&address])).await
        }
    });
    let done = futures_util::future::join_all(updates).await;
    assert!(done.iter().any(Result::is_ok), "{done:?}");
    assert_eq!(rows(&test_app, &user).await.len(), 1);
}
