//! Which answers about the zone's domain permit changes, and for how long they are cached. Time is
//! paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use starchart_dns::engine::audit::WrongZone;
use starchart_dns::engine::zone_verifier::{ZoneMismatch, ZoneVerifier};
use starchart_dns::provider::{Provider as _, ProviderError};
use starchart_domain::names::RootDomain;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::ROOT;
use super::scripted::{Answer, Scripted};

fn zone() -> Scripted {
    Scripted::new(|_, _| Answer::Usual)
}

fn verifier() -> ZoneVerifier {
    ZoneVerifier::new(RootDomain::parse(ROOT).unwrap())
}

fn denied() -> ProviderError {
    ProviderError::Denied("no permission".to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_right_zone_is_verified_once() {
    let (zone, verifier) = (zone(), verifier());
    for _ in 0..3 {
        verifier.verify(&zone).await.unwrap();
        tokio::time::advance(Duration::from_secs(86_400)).await;
    }
    assert_eq!(zone.log().domains, 1);
}

#[tokio::test(start_paused = true)]
async fn another_zone_is_refused_and_read_again_after_a_minute() {
    let (zone, verifier) = (zone(), verifier());
    zone.answer_domain(Ok("other.example"));
    for _ in 0..2 {
        let error = verifier.verify(&zone).await.unwrap_err();
        let expected = WrongZone::OtherZone {
            found: "other.example".to_owned(),
            root: ROOT.to_owned(),
            setting: zone.capabilities().zone_setting,
        };
        assert!(
            matches!(&error, ZoneMismatch::WrongZone(found) if *found == expected),
            "{error:?}"
        );
        tokio::time::advance(Duration::from_secs(59)).await;
    }
    assert_eq!(zone.log().domains, 1, "cached for a minute");
    // The operator has corrected it.
    tokio::time::advance(Duration::from_secs(1)).await;
    verifier.verify(&zone).await.unwrap();
    assert_eq!(zone.log().domains, 2);
}

#[tokio::test(start_paused = true)]
async fn the_mismatch_is_read_again_after_exactly_a_minute() {
    for answer in [Ok("other.example"), Err(denied())] {
        let (zone, verifier) = (zone(), verifier());
        zone.answer_domain(answer.clone());
        zone.answer_domain(answer);
        let _ = verifier.verify(&zone).await;
        tokio::time::advance(Duration::from_millis(59_999)).await;
        let _ = verifier.verify(&zone).await;
        assert_eq!(zone.log().domains, 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        let _ = verifier.verify(&zone).await;
        assert_eq!(zone.log().domains, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_whose_domain_may_not_be_read_is_accepted_with_one_warning() {
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    let (zone, verifier) = (zone(), verifier());
    for _ in 0..3 {
        zone.answer_domain(Err(denied()));
        verifier.verify(&zone).await.unwrap();
        verifier.verify(&zone).await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!(zone.log().domains, 3, "read once a minute");
    assert_eq!(warnings.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_asked_again_at_once() {
    let (zone, verifier) = (zone(), verifier());
    for error in [
        ProviderError::Throttled,
        ProviderError::Busy,
        ProviderError::NoAnswer("timed out".to_owned()),
        ProviderError::Unavailable("connection refused".to_owned()),
        ProviderError::Rejected("no such call".to_owned()),
    ] {
        zone.answer_domain(Err(error.clone()));
        let answer = verifier.verify(&zone).await;
        assert!(
            matches!(&answer, Err(ZoneMismatch::Unverified(found)) if *found == error),
            "{answer:?}"
        );
    }
    verifier.verify(&zone).await.unwrap();
    assert_eq!(zone.log().domains, 6);
}

/// Counts the warnings that are logged.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
