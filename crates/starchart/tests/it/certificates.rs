//! Certificates from the request to the downloads, by dns-01 with pebble, while processes are
//! killed and the CA or the zone is slow or refuses.

use std::time::{Duration, Instant};

use starchart_testkit::pebble::{Fault, Options};
use starchart_testkit::wait::{equal, eventually};

use crate::admin;
use crate::app::ROOT;
use crate::authority::{Ca, click};
use crate::browser::Browser;
use crate::truth::{no_difference, signed_in};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_issued_between_two_processes() {
    let ca = Ca::new().await;
    let one = ca.env.start().await;
    let two = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &one, "user1").await;
    // The wildcard answers for the challenge's name too, until its values are in the zone.
    for (name, rtype, value, shown) in [
        ("*", "CNAME", "pages.example.com", "pages.example.com."),
        ("_acme-challenge.www", "TXT", "of a host", "\"of a host\""),
    ] {
        assert_eq!(browser.create(name, rtype, value).await.status, 303);
        let fqdn = format!("{name}.user1.{ROOT}");
        ca.env.shows(&fqdn, rtype, Some(shown)).await;
    }
    let started = Instant::now();
    click(&mut browser).await;
    ca.until_issued("user1").await;
    let took = started.elapsed();
    println!("issued {took:?} after the click");
    ca.files_fit(&mut browser.at(two.port), "user1").await;
    ca.is_clean("user1").await;
    let of_host = format!("_acme-challenge.www.user1.{ROOT}");
    assert!(ca.env.zone.set(&of_host, "TXT").is_some());
    assert_eq!(ca.pebble.orders(), 1);
    assert_eq!(
        ca.number("SELECT COUNT(*) FROM outbox WHERE kind = 'certificate_ready'")
            .await,
        1
    );
    let words =
        "SELECT COUNT(*) FROM certificates WHERE CAST(key_ciphertext AS CHAR) LIKE '%PRIVATE KEY%'";
    assert_eq!(ca.number(words).await, 0);
    no_difference(&ca.env).await;
}

/// The point at which the process that handles the order is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// The CA created the order; its URL is not stored.
    Order,
    /// The challenge values are stored and are being published.
    Txt,
    /// The validation was requested.
    Ready,
    /// The key is stored; the order is not finalized.
    KeySaved,
    /// The order is finalized; the answer is not stored.
    Finalize,
    /// The CA sent the certificate; it is not stored.
    Chain,
}

impl Kill {
    const ALL: [Self; 6] = [
        Self::Order,
        Self::Txt,
        Self::Ready,
        Self::KeySaved,
        Self::Finalize,
        Self::Chain,
    ];

    fn prepare(self, ca: &Ca) {
        let hold = |path| ca.proxy.fail(path, 1, Fault::Hold);
        match self {
            Self::Order => hold("/order-plz"),
            Self::Txt => ca.env.zone.hold(1),
            Self::Ready => hold("/chalZ/"),
            Self::KeySaved => ca.proxy.fail("/finalize-order/", 1_000, Fault::Drop),
            Self::Finalize => hold("/finalize-order/"),
            Self::Chain => hold("/certZ/"),
        }
    }

    async fn until_there(self, ca: &Ca) {
        match self {
            Self::Txt => ca.env.zone.until_held(1).await,
            Self::KeySaved => {
                eventually("the key is saved", async || ca.is_at("key_saved").await).await
            }
            _ => ca.proxy.until_held(1).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_finishes_an_order_after_a_kill_at_any_step() {
    // A refused nonce would cause another request, which would be held in place of the right one.
    let ca = Ca::with(Options {
        refuse_nonces: 0,
        ..Options::default()
    })
    .await;
    let survivor = ca.env.start().await;
    println!("killed at  | taken over after | orders at the authority | active | key fits");
    for (n, kill) in Kill::ALL.into_iter().enumerate() {
        let username = format!("killed{n}");
        let working = ca.env.start().await;
        let mut browser = signed_in(&ca.env, &working, &username).await;
        let orders_before = ca.pebble.orders();
        // Only the process that will be killed may take the order.
        survivor.signal("STOP");
        kill.prepare(&ca);
        click(&mut browser).await;
        kill.until_there(&ca).await;
        working.signal("KILL");
        let died = Instant::now();
        survivor.signal("CONT");
        ca.env.zone.release();
        ca.proxy.clear_faults();
        ca.until_issued(&username).await;
        let after = died.elapsed();
        ca.files_fit(&mut browser.at(survivor.port), &username)
            .await;
        ca.is_clean(&username).await;
        let orders = ca.pebble.orders() - orders_before;
        println!(
            "{:<10} | {after:>16.1?} | {orders:>23} | {:>6} | yes",
            format!("{kill:?}"),
            ca.active(&username).await
        );
        assert!(orders <= 2, "{kill:?}: {orders} orders");
    }
    no_difference(&ca.env).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_users_at_once_and_eight_clicks_of_one_open_two_orders() {
    let ca = Ca::new().await;
    let one = ca.env.start().await;
    let two = ca.env.start().await;
    let mut first = signed_in(&ca.env, &one, "user1").await;
    let mut second = signed_in(&ca.env, &one, "user2").await;
    let form = first.get("/certificate").await.form("/certificate");
    let mut clicks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let mut browser = first.at(if n % 2 == 0 { one.port } else { two.port });
        let form = form.clone();
        clicks.spawn(async move { browser.submit(&form).await });
    }
    click(&mut second).await;
    for page in clicks.join_all().await {
        assert_eq!(page.status, 303, "{}", page.body);
    }
    ca.until_issued("user1").await;
    ca.until_issued("user2").await;
    assert_eq!(
        ca.number("SELECT COUNT(*) FROM certificate_orders").await,
        2
    );
    assert_eq!(ca.pebble.orders(), 2);
    for (browser, username) in [(first, "user1"), (second, "user2")] {
        ca.files_fit(&mut browser.at(two.port), username).await;
        ca.is_clean(username).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagging_name_server_delays_validation_and_loses_no_order() {
    let ca = Ca::with(Options {
        refuse_nonces: 0,
        ..Options::default()
    })
    .await;
    let slow = ca
        .env
        .zone
        .start_lagging(Duration::from_secs(3_600))
        .await
        .unwrap();
    let servers = format!("{},{}", ca.env.zone.dns_addr(), slow.addr());
    let ca = Ca {
        env: ca.env.set("DNS_SERVERS", &servers),
        ..ca
    };
    let app = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &app, "user1").await;
    click(&mut browser).await;
    eventually("one of two answers", async || {
        browser_says(&browser, "Answered by 1 of 2").await
            || ca
                .number("SELECT COUNT(*) FROM names WHERE answered_by = 1")
                .await
                > 0
    })
    .await;
    assert_eq!(ca.proxy.count("/chalZ/"), 0, "nothing was asked for yet");
    slow.catch_up();
    ca.until_issued("user1").await;
    assert_eq!(ca.pebble.orders(), 1, "no authorization was lost");
    assert_eq!(
        ca.number("SELECT COUNT(*) FROM certificate_orders WHERE dns_not_checked = 1")
            .await,
        0
    );
}

async fn browser_says(browser: &Browser, words: &str) -> bool {
    browser
        .clone()
        .get("/certificate")
        .await
        .body
        .contains(words)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_authority_is_shown_and_retried() {
    let ca = Ca::new().await;
    let app = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &app, "user1").await;

    // The CA does not answer for a while.
    ca.proxy.down(true);
    click(&mut browser).await;
    let words = "The certificate authority does not answer at the moment.";
    eventually("the page says that it is down", async || {
        browser_says(&browser, words).await
    })
    .await;
    assert_eq!(
        ca.number(
            "SELECT COUNT(*) FROM certificate_orders WHERE retry_at IS NOT NULL AND failures > 0"
        )
        .await,
        1
    );
    ca.proxy.clear_faults();

    // The CA's rate limit, whose end is stored.
    ca.proxy.fail(
        "/order-plz",
        1,
        Fault::rate_limited(Duration::from_secs(3_600)),
    );
    let words = "takes no more requests for now";
    eventually("the page tells of the limit", async || {
        browser_says(&browser, words).await
    })
    .await;
    let wait = "SELECT CAST(MIN(retry_at) - UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) \
                FROM certificate_orders";
    let wait = ca.number(wait).await;
    assert!((3_400_000..=3_600_000).contains(&wait), "{wait}");
    assert_eq!(
        ca.proxy.count("/order-plz"),
        1,
        "and it is not asked meanwhile"
    );

    // An order that the CA does not know any more is replaced by a new one.
    ca.env.zone.pending_time(Duration::from_secs(3));
    ca.env
        .db
        .run("UPDATE certificate_orders SET next_step_at = 0")
        .await;
    eventually("the proof is on its way", async || {
        ca.is_at("publishing").await
    })
    .await;
    ca.env
        .db
        .run("UPDATE certificate_orders SET order_url = CONCAT(order_url, 'gone')")
        .await;
    ca.until_issued("user1").await;
    assert_eq!(
        ca.number("SELECT openings FROM certificate_orders").await,
        2
    );
    assert_eq!(ca.pebble.orders(), 2);
    ca.files_fit(&mut browser, "user1").await;
    ca.is_clean("user1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_order_fails_in_plain_words() {
    let ca = Ca::new().await;
    let app = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &app, "user1").await;
    let forbidden = Fault::Answer {
        status: 403,
        kind: "caa",
        detail: "CAA forbids it".into(),
        retry_after: None,
    };
    ca.proxy.fail("/order-plz", 1, forbidden);
    click(&mut browser).await;
    eventually("the page says so", async || {
        browser_says(&browser, "Request Unsuccessful").await
    })
    .await;
    assert!(browser_says(&browser, "CAA").await);
    assert_eq!(
        ca.number("SELECT COUNT(*) FROM outbox WHERE kind = 'certificate_failed'")
            .await,
        1
    );
    click(&mut browser).await;
    ca.until_issued("user1").await;
    assert!(!browser_says(&browser, "Request Unsuccessful").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_six_day_certificate_renews_itself_once() {
    let validity = Duration::from_secs(6 * 86_400);
    let ca = Ca::with(Options {
        validity,
        ..Options::default()
    })
    .await;
    let one = ca.env.start().await;
    let two = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &one, "user1").await;
    click(&mut browser).await;
    ca.until_issued("user1").await;
    let first = ca
        .number("SELECT id FROM certificates WHERE state = 'active'")
        .await;
    assert_eq!(
        ca.number("SELECT COUNT(*) FROM certificates WHERE not_after - not_before < 7 * 86400000")
            .await,
        1
    );
    // The CA does not answer when the renewal is due: the old certificate stays active.
    ca.proxy.down(true);
    let shift = 5 * DAY_MS;
    ca.env
        .db
        .run(&format!(
            "UPDATE certificates SET not_before = not_before - {shift}, \
             not_after = not_after - {shift}, renew_at = renew_at - {shift}"
        ))
        .await;
    let opened = "SELECT COUNT(*) FROM certificate_orders WHERE automatic = 1";
    eventually("the sweep opens an order", async || {
        equal(ca.number(opened).await, 1)
    })
    .await;
    ca.files_fit(&mut browser.at(two.port), "user1").await;
    ca.proxy.clear_faults();
    ca.env
        .db
        .run("UPDATE certificate_orders SET next_step_at = 0 WHERE finished_at IS NULL")
        .await;
    let renewed =
        format!("SELECT COUNT(*) FROM certificates WHERE state = 'active' AND id <> {first}");
    eventually("it is renewed", async || {
        equal(ca.number(&renewed).await, 1)
    })
    .await;
    ca.files_fit(&mut browser.at(two.port), "user1").await;
    // After two more sweeps it is still the only order.
    tokio::time::sleep(Duration::from_secs(22)).await;
    assert_eq!(ca.number(opened).await, 1, "once across both");
    assert_eq!(
        ca.number(
            "SELECT COUNT(*) FROM certificates WHERE state = 'replaced' AND key_ciphertext IS NULL"
        )
        .await,
        1
    );
    ca.is_clean("user1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_and_suspended_users_lose_their_orders_and_certificates() {
    let ca = Ca::with(Options {
        refuse_nonces: 0,
        ..Options::default()
    })
    .await;
    let app = ca.env.start().await;
    let mut admin = admin::admin(&ca.env, &app).await;
    for (n, username) in ["user1", "user2"].into_iter().enumerate() {
        let mut browser = signed_in(&ca.env, &app, username).await;
        ca.proxy.fail("/finalize-order/", 1, Fault::Hold);
        click(&mut browser).await;
        ca.proxy.until_held(1).await;
        // The CA issues the certificate of the finalized order all the same.
        if username == "user1" {
            admin::delete(&mut admin, username).await;
        } else {
            ca.env
                .db
                .run(&format!(
                    "UPDATE users SET suspended_at = 1 WHERE username = '{username}'"
                ))
                .await;
        }
        ca.proxy.clear_faults();
        let ended = i64::try_from(n).unwrap() + 1;
        let given_up = "SELECT COUNT(*) FROM certificate_orders WHERE step = 'abandoned' \
                        AND key_ciphertext IS NULL";
        eventually("the order is given up", async || {
            equal(ca.number(given_up).await, ended)
        })
        .await;
        ca.is_clean(username).await;
        let pending_revocations = "SELECT COUNT(*) FROM certificates WHERE state = 'deleted' \
                    AND revocation_requested_at IS NOT NULL \
             AND key_ciphertext IS NULL";
        eventually("the issued certificate is to be revoked", async || {
            equal(ca.number(pending_revocations).await, ended)
        })
        .await;
        assert_eq!(ca.active(username).await, 0);
    }
    // The first revocation is sent at once, the next one ten minutes later.
    let revoked = "SELECT COUNT(*) FROM certificates WHERE revoked_at IS NOT NULL";
    eventually("the first is revoked", async || {
        equal(ca.number(revoked).await, 1)
    })
    .await;
    assert!(ca.proxy.count("/revoke-cert") >= 1);
    ca.env
        .db
        .run("UPDATE leases SET expires_at = 0 WHERE name = 'revocations'")
        .await;
    eventually("both are", async || equal(ca.number(revoked).await, 2)).await;
}
