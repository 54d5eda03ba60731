//! A sign-in on its way: each part good once, for one browser, for a short time.

use futures_util::future::join_all;
use starchart_domain::time::Timestamp;
use starchart_store::login::{self, Accept, HANDLE_LIFE_MS, NewLogin, REQUEST_LIFE_MS};
use starchart_store::{Store, housekeeping};

use crate::world::{World, identity};

on_both!(
    a_sign_in_goes_through_once,
    a_request_is_answered_once,
    an_assertion_is_used_once,
    a_handle_is_good_once_and_in_one_browser,
    requests_and_handles_expire,
);

const BROWSER: [u8; 32] = [7; 32];

async fn begin(store: &Store, id: &str, relay: u8) {
    let login = NewLogin {
        request_id: id.to_owned(),
        browser_hash: BROWSER,
        relay_hash: [relay; 32],
        return_to: "/dns-records".to_owned(),
        saved_form: Some("name=🦀&type=A".to_owned()),
    };
    login::begin(store, &login).await.unwrap();
}

async fn accept(store: &Store, request: &str, assertion: &str, handle: u8) -> Accept {
    let expires = Timestamp::from_millis(i64::MAX / 2);
    login::accept(
        store,
        request,
        assertion,
        expires,
        &identity("josé"),
        [handle; 32],
    )
    .await
    .unwrap()
}

async fn a_sign_in_goes_through_once(world: &World) {
    let store = &world.store;
    begin(store, "_r1", 1).await;
    let pending = login::find_pending(store, "_r1").await.unwrap().unwrap();
    assert_eq!(
        (pending.relay_hash, pending.return_to.as_str()),
        ([1; 32], "/dns-records")
    );
    assert_eq!(
        login::find_pending(store, "_R1").await.unwrap(),
        None,
        "compared by bytes"
    );
    assert_eq!(accept(store, "_r1", "_a1", 1).await, Accept::Ok);
    assert_eq!(login::find_pending(store, "_r1").await.unwrap(), None);
    let finished = login::finish(store, [1; 32], BROWSER)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(finished.identity, identity("josé"));
    assert_eq!(finished.return_to, "/dns-records");
    assert_eq!(finished.saved_form.as_deref(), Some("name=🦀&type=A"));
}

async fn a_request_is_answered_once(world: &World) {
    for (request, relay) in [("_r1", 1), ("_r2", 2)] {
        begin(&world.store, request, relay).await;
    }
    let other = world.another().await;
    let names: Vec<String> = (0..10).map(|n| format!("_a{n}")).collect();
    let answers = names.iter().enumerate().map(|(n, assertion)| {
        let store = if n % 2 == 0 { &world.store } else { &other };
        accept(store, "_r1", assertion, u8::try_from(n).unwrap())
    });
    let outcomes = join_all(answers).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Accept::Ok)
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Accept::UnknownRequest)
            .count(),
        9
    );
    let unanswered = login::find_pending(&world.store, "_r2").await.unwrap();
    assert!(unanswered.is_some(), "another request stays pending");
    assert_eq!(
        accept(&world.store, "_never", "_a", 1).await,
        Accept::UnknownRequest
    );
}

async fn an_assertion_is_used_once(world: &World) {
    for n in 0..10 {
        begin(&world.store, &format!("_r{n}"), n).await;
    }
    let requests: Vec<String> = (0..10).map(|n| format!("_r{n}")).collect();
    let answers = requests
        .iter()
        .enumerate()
        .map(|(n, request)| accept(&world.store, request, "_same", u8::try_from(n).unwrap()));
    let outcomes = join_all(answers).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Accept::Ok)
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Accept::Replayed)
            .count(),
        9,
        "{outcomes:?}"
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM login_results").await, 1);
    // Purging does not open the door while the assertion could still be valid.
    world.store.set_clock_offset(24 * 3_600_000);
    while housekeeping::purge(&world.store).await.unwrap() > 0 {}
    begin(&world.store, "_r10", 10).await;
    assert_eq!(
        accept(&world.store, "_r10", "_same", 10).await,
        Accept::Replayed
    );
    let pending = login::find_pending(&world.store, "_r10").await.unwrap();
    assert!(pending.is_some(), "a replay does not use up the request");
}

async fn a_handle_is_good_once_and_in_one_browser(world: &World) {
    begin(&world.store, "_r1", 1).await;
    accept(&world.store, "_r1", "_a1", 1).await;
    assert_eq!(
        login::finish(&world.store, [1; 32], [8; 32]).await.unwrap(),
        None,
        "another browser"
    );
    assert_eq!(
        login::finish(&world.store, [2; 32], BROWSER).await.unwrap(),
        None,
        "no such handle"
    );
    let other = world.another().await;
    let finishes = (0..10).map(|n| {
        login::finish(
            if n % 2 == 0 { &world.store } else { &other },
            [1; 32],
            BROWSER,
        )
    });
    let done = join_all(finishes).await;
    assert_eq!(
        done.iter()
            .filter(|finished| finished.as_ref().unwrap().is_some())
            .count(),
        1
    );
}

async fn requests_and_handles_expire(world: &World) {
    begin(&world.store, "_r1", 1).await;
    begin(&world.store, "_r2", 2).await;
    accept(&world.store, "_r2", "_a2", 2).await;
    world.store.set_clock_offset(HANDLE_LIFE_MS + 1_000);
    assert_eq!(
        login::finish(&world.store, [2; 32], BROWSER).await.unwrap(),
        None
    );
    world.store.set_clock_offset(REQUEST_LIFE_MS + 1_000);
    assert_eq!(
        login::find_pending(&world.store, "_r1").await.unwrap(),
        None
    );
    assert_eq!(
        accept(&world.store, "_r1", "_a1", 1).await,
        Accept::UnknownRequest
    );
}
