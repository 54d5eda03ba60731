//! Questions about renewals: which are due, what is recorded, and how long the scans take.

use std::time::Instant;

use starchart_domain::certificate::renewal_info::{RenewalPlan, RenewalWindow};
use starchart_store::admin::list_health_items;
use starchart_store::certificates::renewal_info::{
    self, CheckOutcome, CheckResult, ExplainedRenewals,
};
use starchart_store::lease::{Lease, LeaseName};
use starchart_store::metrics;

use super::*;

on_both!(
    an_answer_is_recorded_while_lease_and_certificate_last,
    twenty_thousand_certificates_are_scanned,
);

async fn lease(world: &World) -> Lease {
    let name = LeaseName::RenewalInfo;
    let acquired = lease::acquire(&world.store, name, "one", 60_000).await;
    acquired.unwrap().unwrap()
}

fn answered(id: i64, now: Timestamp) -> CheckResult {
    CheckResult {
        id,
        domain: "user1.starchart.com".to_owned(),
        outcome: CheckOutcome::Answered {
            window: RenewalWindow {
                start: now.plus(DAY),
                end: now.plus(2 * DAY),
            },
            plan: RenewalPlan {
                renew_at: now.plus(DAY + 1),
                check_at: now.plus(DAY / 4),
                is_brought_forward: true,
            },
            explanation_url: Some("https://ca.example/why".to_owned()),
        },
    }
}

async fn an_answer_is_recorded_while_lease_and_certificate_last(world: &World) {
    let store = &world.store;
    let user = world.user("user1").await;
    let certificate = world.issued(&user, 64).await;
    let due = renewal_info::list_due(store, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].id, due[0].state.window), (certificate.id, None));
    assert_eq!(due[0].state.validity, certificate.validity());

    let now = store.now().await.unwrap();
    let results = [answered(certificate.id, now)];
    let old = lease(world).await;
    world.later(61_000);
    let current = lease(world).await;
    assert!(!renewal_info::record(store, &old, &results).await.unwrap());
    assert!(renewal_info::has_due(store).await.unwrap());
    assert!(
        renewal_info::record(store, &current, &results)
            .await
            .unwrap()
    );
    assert!(!renewal_info::has_due(store).await.unwrap());
    let overview = certificates::load_overview(store, user.id).await.unwrap();
    assert_eq!(overview.active.unwrap().renew_at, now.plus(DAY + 1));
    // There is no admin who could get a mail.
    let mails = "SELECT COUNT(*) FROM outbox WHERE kind = 'renewal_brought_forward'";
    assert_eq!(world.number(mails).await, 0);

    let (_, admin) = crate::admin::admin(world, "admin", 9).await;
    let health = list_health_items(store, &admin).await.unwrap();
    let explained = ExplainedRenewals {
        url: "https://ca.example/why".to_owned(),
        certificates: 1,
        next_renewal: now.plus(DAY + 1),
    };
    assert_eq!(health.explained_renewals, [explained]);
    assert!(health.renewal_info_problems.is_empty());
    let failed = CheckResult {
        outcome: CheckOutcome::Failed {
            check_at: now.plus(DAY),
            problem: "no answer".to_owned(),
        },
        ..answered(certificate.id, now)
    };
    for failures in 1..=3 {
        let failed = [failed.clone()];
        assert!(
            renewal_info::record(store, &current, &failed)
                .await
                .unwrap()
        );
        let health = list_health_items(store, &admin).await.unwrap();
        let shown = usize::from(failures == 3);
        assert_eq!(health.renewal_info_problems.len(), shown, "{failures}");
    }

    // It was deleted while the authority was asked.
    let context = context(user.id);
    assert!(
        certificates::delete(store, user.id, &context)
            .await
            .unwrap()
    );
    assert!(
        renewal_info::record(store, &current, &results)
            .await
            .unwrap()
    );
    assert_eq!(world.certificates("ari_check_at IS NOT NULL").await, 0);
}

/// Inserts certificates of as many users: a tenth is due for a question, a hundredth for renewal.
async fn insert_certificates(world: &World, count: u32) {
    let digit = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL \
                 SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL \
                 SELECT 8 UNION ALL SELECT 9)";
    let numbers = format!(
        "(SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + 1 AS n FROM {digit} a, \
         {digit} b, {digit} c, {digit} d, {digit} e) numbers WHERE n <= {count}"
    );
    let number_as_text = "CAST(n AS CHAR)";
    let users = format!(
        "INSERT INTO users (id, subject, username, display_name, email, label, created_at, \
         updated_at) SELECT n, {number_as_text}, {number_as_text}, '', '', {number_as_text}, 0, 0 \
         FROM {numbers}"
    );
    world.run(&users).await.unwrap();
    let now = world.store.now().await.unwrap();
    let at = |days: i64| now.plus(days * DAY).as_millis();
    let certificates = format!(
        "INSERT INTO certificates (user_id, domain, state, certificate, chain, not_before, \
         not_after, renew_at, ari_check_at, created_at) \
         SELECT n, {number_as_text}, 'active', '{pem}', '{pem}', {start}, {end}, \
         {now} + CASE WHEN n % 100 = 0 THEN 0 ELSE n * 1000 END, \
         {now} + CASE WHEN n % 10 = 0 THEN -n ELSE n * 1000 END, {start} FROM {numbers}",
        pem = "x".repeat(2_000),
        start = at(-10),
        end = at(54),
        now = now.as_millis(),
    );
    world.run(&certificates).await.unwrap();
}

async fn twenty_thousand_certificates_are_scanned(world: &World) {
    insert_certificates(world, 20_000).await;
    let store = &world.store;
    let started = Instant::now();
    assert!(renewal_info::has_due(store).await.unwrap());
    let any = started.elapsed();
    let due = renewal_info::list_due(store, 200).await.unwrap();
    let listed = started.elapsed();
    assert_eq!((due.len(), due[0].domain.as_str()), (200, "20000"));
    let opened = renewals::open_due(store, 50).await.unwrap();
    assert_eq!(opened, 50);
    let renewed = started.elapsed();
    let counted = metrics::read_snapshot(store).await.unwrap().certificates;
    assert_eq!((counted.active, counted.with_quarter_left), (20_000, 0));
    println!(
        "20,000 certificates: any question due {any:.1?}, 200 listed {:.1?}, 50 renewals opened \
         {:.1?}, counted {:.1?}",
        listed - any,
        renewed - listed,
        started.elapsed() - renewed
    );
}
