//! Certificates: what a user asks for, what the worker saves, and how orders end.

mod budget;
mod claims;
mod keys;
mod renewal_info;
mod requests;
mod revocations;
mod sweep;

use futures_util::future::join_all;
use starchart_domain::certificate::{
    Answers, FailureReason, NextStep, Observations, ObservedZone, OrderStep, next_step,
};
use starchart_domain::publish::PublishState;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;
use starchart_store::certificates::orders::{
    self, Claim, ClaimedOrder, CreatedOrder, IssuedCertificate, Postponement,
};
use starchart_store::certificates::{self, RequestError, renewals, rotation};
use starchart_store::lease;
use starchart_store::trail::AuditContext;
use starchart_store::{Error, Store, VaultError, zone};

use crate::world::{TestUser, World, answers};

const DAY: i64 = 24 * 60 * 60 * 1_000;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n";

fn context(by: UserId) -> AuditContext<'static> {
    AuditContext {
        actor: by,
        on_behalf_of: None,
        token: None,
        request_id: "test",
    }
}

/// An order at this URL that replaces no certificate.
pub(crate) fn created(url: &str) -> CreatedOrder<'_> {
    CreatedOrder {
        url,
        account: "https://ca.example/account/1",
        is_replacement: false,
    }
}

impl World {
    async fn ask(&self, who: &TestUser) -> Result<certificates::OrderView, RequestError> {
        certificates::request(&self.store, who.id, who.base.as_str(), 3, &context(who.id)).await
    }

    /// Claims the one order that is due.
    async fn claim(&self) -> ClaimedOrder {
        let due = orders::list_due(&self.store, 10).await.unwrap();
        assert_eq!(due.len(), 1, "{due:?}");
        orders::claim(&self.store, due[0], "one", 10_000)
            .await
            .unwrap()
            .unwrap()
    }

    async fn certificates(&self, wanted: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM certificates WHERE {wanted}"))
            .await
    }

    /// Asks and walks to the saved key.
    async fn with_key(&self, who: &TestUser) -> Claim {
        self.ask(who).await.unwrap();
        self.key_saved().await
    }

    /// Walks the order that is due to its saved key.
    pub(crate) async fn key_saved(&self) -> Claim {
        let claim = self.claim().await.claim;
        let store = &self.store;
        assert!(
            orders::save_created(store, &claim, created("https://ca.example/order/1"))
                .await
                .unwrap()
        );
        assert!(
            orders::save_challenge_values(store, &claim, &["one".to_owned(), "two".to_owned()])
                .await
                .unwrap()
        );
        assert!(orders::mark_validating(store, &claim, false).await.unwrap());
        assert!(
            orders::save_key(store, &claim, &Secret::new(KEY), b"csr")
                .await
                .unwrap()
        );
        claim
    }

    /// Walks to a certificate that lives for so many days from now.
    async fn issued(&self, who: &TestUser, days: i64) -> certificates::Certificate {
        let claim = self.with_key(who).await;
        self.finish(&claim, days).await;
        certificates::load_overview(&self.store, who.id)
            .await
            .unwrap()
            .active
            .unwrap()
    }

    pub(crate) async fn finish(&self, claim: &Claim, days: i64) {
        assert!(orders::mark_finalizing(&self.store, claim).await.unwrap());
        assert!(
            orders::issue(&self.store, claim, &issued(&self.store, days).await)
                .await
                .unwrap()
        );
    }
}

async fn issued(store: &Store, days: i64) -> IssuedCertificate {
    let now = store.now().await.unwrap();
    let certificate = "CERTIFICATE".to_owned();
    let chain = "CHAIN".to_owned();
    IssuedCertificate {
        certificate,
        chain,
        not_before: now,
        not_after: now.plus(days * DAY),
    }
}

impl World {
    /// As [`World::key_saved`], looking at the way of the values meanwhile.
    async fn with_key_and_way(&self, who: &TestUser) -> Claim {
        let store = &self.store;
        let fqdn = who.fqdn("_acme-challenge");
        let claim = self.claim().await.claim;
        assert!(
            orders::save_created(store, &claim, created("https://ca.example/order/1"))
                .await
                .unwrap()
        );
        assert!(
            orders::challenge_progress(store, &claim)
                .await
                .unwrap()
                .is_none()
        );
        assert!(
            orders::save_challenge_values(store, &claim, &["one".to_owned()])
                .await
                .unwrap()
        );
        // Repeated after a kill, with other values.
        let values = ["one".to_owned(), "two".to_owned()];
        assert!(
            orders::save_challenge_values(store, &claim, &values)
                .await
                .unwrap()
        );
        let (seen, stored) = orders::challenge_progress(store, &claim)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((seen, stored), (ObservedZone::UnderWay, values.to_vec()));
        let lease = self.lease().await;
        let sent = self.publish(&lease, &fqdn, "C1").await;
        assert_eq!(
            sent.sets[0].1.as_ref().unwrap().values.len(),
            2,
            "both in one set"
        );
        let dns = async || {
            certificates::load_overview(store, who.id)
                .await
                .unwrap()
                .order
                .unwrap()
                .dns
        };
        assert_eq!(dns().await, Some(PublishState::Sent));
        zone::mark_in_sync(store, "C1").await.unwrap();
        zone::record_answers(store, &answers(&fqdn, sent.generation, 1, 2))
            .await
            .unwrap();
        assert_eq!(dns().await, Some(PublishState::Answered { by: 1, of: 2 }));
        let (seen, _) = orders::challenge_progress(store, &claim)
            .await
            .unwrap()
            .unwrap();
        assert!(
            matches!(
                seen,
                ObservedZone::InSync {
                    answers: Some(Answers { by: 1, of: 2 }),
                    ..
                }
            ),
            "{seen:?}"
        );
        lease::release(store, &lease).await.unwrap();
        assert!(orders::mark_validating(store, &claim, true).await.unwrap());
        assert!(
            certificates::load_overview(store, who.id)
                .await
                .unwrap()
                .order
                .unwrap()
                .dns_not_checked
        );
        assert!(
            orders::save_key(store, &claim, &Secret::new(KEY), b"csr")
                .await
                .unwrap()
        );
        claim
    }
}
