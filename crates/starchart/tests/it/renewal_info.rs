//! What a certificate authority that offers renewal information (RFC 9773) and profiles gets from
//! the binary.

use std::time::{Duration, SystemTime};

use starchart_testkit::pebble::RenewalAnswer;
use starchart_testkit::wait::{equal, eventually};

use crate::admin::admin;
use crate::authority::{Ca, click};
use crate::truth::{ended, signed_in};

const DAY: Duration = Duration::from_secs(86_400);
const EXPLANATION: &str = "https://ca.example/incident";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_the_authority_brings_forward_replaces_the_certificate() {
    let ca = Ca::new().await;
    let now = SystemTime::now();
    let later = RenewalAnswer::window(now + 50 * DAY, now + 51 * DAY, None);
    ca.proxy.offer_renewal_info(later);
    let app = ca.env.start().await;
    let mut admin = admin(&ca.env, &app).await;
    let mut browser = signed_in(&ca.env, &app, "user1").await;
    click(&mut browser).await;
    ca.until_issued("user1").await;
    let first = ca
        .number("SELECT id FROM certificates WHERE state = 'active'")
        .await;
    let answered = "SELECT COUNT(*) FROM certificates WHERE ari_answered_at IS NOT NULL AND \
                    renew_at BETWEEN ari_window_start AND ari_window_end";
    eventually("the first answer", async || {
        equal(ca.number(answered).await, 1)
    })
    .await;

    let past = RenewalAnswer::window(now - 2 * DAY, now - DAY, Some(EXPLANATION));
    ca.proxy.offer_renewal_info(past);
    // The certificate is some hours old: one that was just issued is not renewed again at once.
    let older = "UPDATE certificates SET ari_check_at = 0, not_before = not_before - 25200000";
    ca.env.db.run(older).await;
    let renewed =
        format!("SELECT COUNT(*) FROM certificates WHERE state = 'active' AND id <> {first}");
    eventually("the renewal", async || equal(ca.number(&renewed).await, 1)).await;
    assert_eq!(ca.proxy.replaced().len(), 1);
    let replacements = "SELECT COUNT(*) FROM certificate_orders WHERE is_replacement = 1";
    assert_eq!(ca.number(replacements).await, 1);
    ca.files_fit(&mut browser, "user1").await;

    let mail = "SELECT COUNT(*) FROM outbox WHERE kind = 'renewal_brought_forward'";
    assert_eq!(ca.number(mail).await, 1, "to the admin");
    // The new certificate has the same window, so that the dashboard explains its renewal.
    eventually("the explanation on the dashboard", async || {
        let page = admin.get("/admin").await.body;
        if page.contains(EXPLANATION) {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;
}

#[tokio::test]
async fn a_profile_is_compared_with_the_directory() {
    let ca = Ca::new().await;
    ca.proxy.offer_profiles(["tlsserver", "classic"]);
    let unknown = "does not offer the profile tlsclient; it offers classic, tlsserver";
    for (profile, text) in [
        ("tlsserver", "the CA's directory can be read"),
        ("tlsclient", unknown),
    ] {
        let mut command = ca.env.command(&["check-config", "--online"]);
        command.env("ACME_PROFILE", profile);
        let tried = ended(command).await;
        assert!(tried.out.contains(text), "{profile}: {}", tried.all);
    }
}
