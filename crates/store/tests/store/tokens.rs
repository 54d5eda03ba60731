//! API tokens: their creation, their end, and who is found by a secret.

use starchart_domain::api::Protocol;
use starchart_domain::token::{
    Access, NamePattern, Networks, NewToken, RecordRight, TOKENS_MAX, TokenRights, TokenSecret,
};
use starchart_store::admin::TokenOrder;
use starchart_store::token_usage::{self, RequestCounts, TokenRequests};
use starchart_store::tokens::{self, CreateTokenError, Token, TokenState};
use starchart_store::{admin, housekeeping, users};

use crate::world::{DAY_MS, TestUser, World, identity};

on_both!(
    a_token_is_found_by_its_secret_only,
    a_token_is_ended_by_its_owner_only,
    a_token_expires_and_ends_when_it_is_not_used,
    a_suspended_or_deleted_user_has_no_live_token,
    live_tokens_are_limited,
    an_admin_lists_and_ends_tokens,
    ended_tokens_are_purged,
    another_process_sees_the_end_at_once,
    requests_are_added_up_by_hour_and_day,
    the_requests_of_a_deleted_user_are_deleted,
);

fn secret(of: u8) -> TokenSecret {
    TokenSecret::from_random(&[of; 32])
}

async fn new(world: &World, days: i64) -> NewToken {
    NewToken {
        name: "certbot".to_owned(),
        rights: TokenRights {
            records: vec![RecordRight {
                access: Access::Write,
                names: NamePattern::Subtree("dev".to_owned()),
                types: vec![],
            }],
            ..TokenRights::default()
        },
        networks: Networks::parse("192.0.2.0/24, 2001:db8::7").unwrap(),
        expires_at: world.store.now().await.unwrap().plus(days * DAY_MS),
        idle_ms: Some(30 * DAY_MS),
    }
}

async fn create(world: &World, user: &TestUser, of: u8) -> Token {
    let new = new(world, 90).await;
    let created = tokens::create(&world.store, user.id, &new, &secret(of), &user.context).await;
    created.unwrap()
}

async fn is_live(world: &World, of: u8) -> bool {
    let found = tokens::find_by_secret(&world.store, &secret(of)).await;
    found.unwrap().is_some()
}

async fn a_token_is_found_by_its_secret_only(world: &World) {
    let user = world.user("user1").await;
    let created = create(world, &user, 1).await;
    create(world, &user, 2).await;
    let found = tokens::find_by_secret(&world.store, &secret(1)).await;
    let found = found.unwrap().unwrap();
    assert_eq!((&found.token, found.user.id), (&created, user.id));
    let wanted = new(world, 90).await;
    assert_eq!(
        (&created.rights, &created.networks),
        (&wanted.rights, &wanted.networks)
    );
    assert!(!is_live(world, 3).await);
    let text = format!(
        "SELECT COUNT(*) FROM tokens WHERE name = '{0}' OR rights LIKE '%{0}%'",
        secret(1).expose()
    );
    assert_eq!(world.number(&text).await, 0, "only a hash is stored");
    // The same prefix with another hash is another secret.
    let other = secret(3).prefix().to_owned();
    let sql = format!(
        "UPDATE tokens SET prefix = '{other}' WHERE id = {}",
        created.id
    );
    world.run(&sql).await.unwrap();
    assert!(!is_live(world, 3).await && !is_live(world, 1).await);
    // Rights that a newer program wrote are refused, not read in part.
    let sql = "UPDATE tokens SET rights = '{\"zones\":[]}'";
    world.run(sql).await.unwrap();
    assert!(!is_live(world, 2).await);
    let listed = tokens::list(&world.store, user.id).await.unwrap();
    assert!(!listed.is_empty() && listed.iter().all(|token| token.rights.is_empty()));
    for token in listed {
        let ended = tokens::end(&world.store, user.id, token.id, &user.context).await;
        assert!(ended.unwrap().is_some(), "{:?}", token.id);
    }
}

async fn a_token_is_ended_by_its_owner_only(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let token = create(world, &user, 1).await;
    let end = async |who: &TestUser| {
        tokens::end(&world.store, who.id, token.id, &who.context)
            .await
            .unwrap()
    };
    assert_eq!(tokens::list(&world.store, other.id).await.unwrap(), []);
    let found = tokens::find(&world.store, other.id, token.id).await;
    assert_eq!(found.unwrap(), None);
    assert_eq!(end(&other).await, None);
    assert!(is_live(world, 1).await);
    assert_eq!(end(&user).await, Some(token.clone()));
    assert_eq!(end(&user).await, None, "it has ended");
    assert!(!is_live(world, 1).await);
    let now = world.store.now().await.unwrap();
    let list = tokens::list(&world.store, user.id).await.unwrap();
    assert!(
        matches!(list[0].state(now), TokenState::Ended(_)),
        "{list:?}"
    );
    let trail = "SELECT COUNT(*) FROM audit_trail WHERE action IN ('token.create', 'token.end') \
                 AND object = 'certbot (";
    let trail = format!("{trail}{})'", secret(1).prefix());
    assert_eq!(world.number(&trail).await, 2);
}

async fn a_token_expires_and_ends_when_it_is_not_used(world: &World) {
    let user = world.user("user1").await;
    create(world, &user, 1).await;
    let use_it = async || {
        let live = tokens::find_by_secret(&world.store, &secret(1)).await;
        let live = live.unwrap().unwrap();
        tokens::mark_used(&world.store, &live, "2001:db8::7", &"x".repeat(300)).await;
    };
    world.at_days(29.0);
    use_it().await;
    let list = tokens::list(&world.store, user.id).await.unwrap();
    let last = list[0].last_used.clone().unwrap();
    assert_eq!((last.from.as_str(), last.by.len()), ("2001:db8::7", 255));
    world.later(30_000);
    use_it().await;
    let list = tokens::list(&world.store, user.id).await.unwrap();
    assert_eq!(list[0].last_used, Some(last), "exact to a minute");
    for (day, is_used) in [(58.0, true), (87.0, true), (89.9, false), (90.1, false)] {
        world.at_days(day);
        assert_eq!(is_live(world, 1).await, day < 90.0, "{day}");
        if is_used {
            use_it().await;
        }
    }
    let now = world.store.now().await.unwrap();
    let list = tokens::list(&world.store, user.id).await.unwrap();
    assert!(
        matches!(list[0].state(now), TokenState::Expired(_)),
        "{list:?}"
    );
    create(world, &user, 2).await;
    world.at_days(90.1 + 30.1);
    assert!(!is_live(world, 2).await);
    let now = world.store.now().await.unwrap();
    let list = tokens::list(&world.store, user.id).await.unwrap();
    assert!(
        matches!(list[0].state(now), TokenState::Idle(_)),
        "{list:?}"
    );
}

async fn a_suspended_or_deleted_user_has_no_live_token(world: &World) {
    let user = world.user("user1").await;
    create(world, &user, 1).await;
    world
        .run("UPDATE users SET suspended_at = 1")
        .await
        .unwrap();
    assert!(!is_live(world, 1).await);
    world
        .run("UPDATE users SET suspended_at = NULL")
        .await
        .unwrap();
    assert!(is_live(world, 1).await);
    let (_, right) = crate::admin::admin(world, "user3", 3).await;
    let ahead = admin::preview_deletion(&world.store, &right, user.id).await;
    assert_eq!(ahead.unwrap().tokens, 1);
    let deleted = admin::delete_user(&world.store, &right, user.id, "request").await;
    assert_eq!(deleted.unwrap().tokens, 1);
    assert!(!is_live(world, 1).await);
    // Also when the user comes back.
    users::sign_in(&world.store, &identity("user1"))
        .await
        .unwrap();
    assert!(!is_live(world, 1).await);
    assert_eq!(world.number("SELECT COUNT(*) FROM tokens").await, 0);
}

async fn live_tokens_are_limited(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let max = u8::try_from(TOKENS_MAX).unwrap();
    let first = create(world, &user, 0).await;
    for of in 1..max {
        create(world, &user, of).await;
    }
    let new = new(world, 90).await;
    let another = async |user: &TestUser, of: u8| {
        tokens::create(&world.store, user.id, &new, &secret(of), &user.context).await
    };
    let refused = another(&user, max).await;
    assert!(
        matches!(refused, Err(CreateTokenError::TooMany)),
        "{refused:?}"
    );
    another(&other, max).await.unwrap();
    tokens::end(&world.store, user.id, first.id, &user.context)
        .await
        .unwrap();
    another(&user, max + 1).await.unwrap();
}

async fn ended_tokens_are_purged(world: &World) {
    let user = world.user("user1").await;
    let ended = create(world, &user, 1).await;
    create(world, &user, 2).await;
    tokens::end(&world.store, user.id, ended.id, &user.context)
        .await
        .unwrap();
    for (day, left) in [(29.0, 2), (31.0, 1), (119.0, 1), (121.0, 0)] {
        world.at_days(day);
        housekeeping::purge(&world.store).await.unwrap();
        let count = world.number("SELECT COUNT(*) FROM tokens").await;
        assert_eq!(count, left, "{day}");
    }
}

fn requests(token: &Token, protocol: Protocol, requests: u64, refused: u64) -> TokenRequests {
    TokenRequests {
        token: token.id,
        protocol,
        counts: RequestCounts {
            requests,
            refused,
            ..RequestCounts::default()
        },
    }
}

async fn requests_are_added_up_by_hour_and_day(world: &World) {
    let store = &world.store;
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let one = create(world, &user, 1).await;
    let two = create(world, &other, 2).await;
    let rest = |token, count, refused| requests(token, Protocol::Rest, count, refused);
    token_usage::add(store, &[]).await.unwrap();
    token_usage::add(store, &[rest(&one, 5, 1), rest(&two, 2, 2)])
        .await
        .unwrap();
    world.at_days(0.5);
    let added = [rest(&one, 3, 0), requests(&one, Protocol::DynDns, 4, 0)];
    token_usage::add(store, &added).await.unwrap();
    // Of the same ten minutes, by another process.
    let again = world.another().await;
    again.set_clock_offset(DAY_MS / 2);
    token_usage::add(&again, &[rest(&one, 1, 0)]).await.unwrap();

    let listed = token_usage::list(store, user.id).await.unwrap();
    assert_eq!(listed.len(), 1, "only the owner's: {listed:?}");
    let usage = &listed[&one.id];
    let sums = |counts: RequestCounts| (counts.requests, counts.refused);
    assert_eq!((sums(usage.hour), sums(usage.day)), ((8, 0), (13, 1)));
    let protocols = [(Protocol::Rest, 9), (Protocol::DynDns, 4)].into();
    assert_eq!(usage.protocols, protocols);

    let (_, right) = crate::admin::admin(world, "user3", 3).await;
    let order = async |order| {
        let page = admin::list_tokens(store, &right, "", order).await.unwrap();
        let rows = page.rows.into_iter();
        rows.map(|row| (row.token.id, row.usage.hour.requests))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        order(TokenOrder::Newest(None)).await,
        [(two.id, 0), (one.id, 8)]
    );
    assert_eq!(order(TokenOrder::Requests).await, [(one.id, 8)]);
    assert_eq!(order(TokenOrder::Errors).await, []);
    token_usage::add(store, &[rest(&two, 9, 1)]).await.unwrap();
    assert_eq!(
        order(TokenOrder::Requests).await,
        [(two.id, 9), (one.id, 8)]
    );
    assert_eq!(order(TokenOrder::Errors).await, [(two.id, 9)]);

    let count = "SELECT COUNT(*) FROM token_usage";
    let all = world.number(count).await;
    for (days, left) in [(1.0, all), (1.2, all - 2), (1.6, 0)] {
        world.at_days(days);
        housekeeping::purge(store).await.unwrap();
        assert_eq!(world.number(count).await, left, "{days}");
    }
}

async fn the_requests_of_a_deleted_user_are_deleted(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let (one, two) = (
        create(world, &user, 1).await,
        create(world, &other, 2).await,
    );
    let rows = [&one, &two].map(|token| requests(token, Protocol::Rest, 1, 0));
    token_usage::add(&world.store, &rows).await.unwrap();
    let (_, right) = crate::admin::admin(world, "user3", 3).await;
    admin::delete_user(&world.store, &right, user.id, "test")
        .await
        .unwrap();
    let left = "SELECT token_id FROM token_usage";
    assert_eq!(world.number(left).await, two.id.0);
}

async fn another_process_sees_the_end_at_once(world: &World) {
    let user = world.user("user1").await;
    let token = create(world, &user, 1).await;
    let other = world.another().await;
    let found = tokens::find_by_secret(&other, &secret(1)).await;
    assert!(found.unwrap().is_some());
    tokens::end(&world.store, user.id, token.id, &user.context)
        .await
        .unwrap();
    let found = tokens::find_by_secret(&other, &secret(1)).await;
    assert!(found.unwrap().is_none());
}

async fn an_admin_lists_and_ends_tokens(world: &World) {
    let user = world.user("user1").await;
    let other = world.user("user2").await;
    let (me, right) = crate::admin::admin(world, "user3", 3).await;
    let store = &world.store;
    let ended = create(world, &user, 0).await;
    tokens::end(store, user.id, ended.id, &user.context)
        .await
        .unwrap();
    let first = create(world, &user, 1).await;
    let second = create(world, &other, 2).await;
    let list = async |username: &str, before| {
        let page = admin::list_tokens(store, &right, username, TokenOrder::Newest(before)).await;
        let rows = page.unwrap().rows.into_iter();
        rows.map(|row| (row.owner.username, row.token.id))
            .collect::<Vec<_>>()
    };
    let (one, two) = (
        ("user1".to_owned(), first.id),
        ("user2".to_owned(), second.id),
    );
    assert_eq!(list("", None).await, [two.clone(), one.clone()]);
    assert_eq!(list("USER1", None).await, std::slice::from_ref(&one));
    assert_eq!(list("nobody", None).await, []);
    assert_eq!(list("", Some(second.id.0)).await, [one]);

    let end = async |id| {
        admin::end_token(store, &right, id, "request")
            .await
            .unwrap()
    };
    assert_eq!(end(first.id).await, Some(first.clone()));
    assert_eq!(end(first.id).await, None);
    assert!(!is_live(world, 1).await && is_live(world, 2).await);
    let trail = format!(
        "SELECT COUNT(*) FROM audit_trail WHERE action = 'token.end' AND actor_id = {} \
         AND on_behalf_of = {}",
        me.id, user.id
    );
    assert_eq!(world.number(&trail).await, 1);
    world.at_days(91.0);
    assert_eq!(list("", None).await, [], "expired");
}
