//! What every handler needs.

use std::sync::Arc;
use std::time::Duration;

use starchart_acme::authority::Authority;
use starchart_dns::limiter::Limiter;
use starchart_dns::propagation::Propagation;
use starchart_dns::zone::Zone;
use starchart_dns::zone_verifier::ZoneVerifier;
use starchart_domain::names::RootDomain;
use starchart_jobs::Queue;
use starchart_mail::Mailer;
use starchart_store::Store;
use tokio_util::sync::CancellationToken;

/// What every handler needs.
#[derive(Clone)]
pub struct Context {
    /// The rows.
    pub store: Store,
    /// The domain of the zone.
    pub root: RootDomain,
    /// The zone.
    pub zone: Arc<dyn Zone>,
    /// Whether that zone is ours.
    pub zone_verifier: Arc<ZoneVerifier>,
    /// Paces the requests to the zone.
    pub limiter: Arc<Limiter>,
    /// Who answers for the zone.
    pub propagation: Arc<Propagation>,
    /// The certificate authority; none when certificates are off.
    pub authority: Option<Arc<dyn Authority>>,
    /// The way out for mails; none when mail is off.
    pub mailer: Option<Arc<Mailer>>,
    /// EXPIRATION_REPEAT_FREQUENCY_S.
    pub expire_every: Duration,
    /// AUDIT_FREQUENCY_S.
    pub audit_every: Duration,
    /// JOB_REMOVAL_FREQUENCY_S: how long finished work is kept.
    pub keep_finished: Duration,
    /// Where wake-ups come from.
    pub queue: Arc<dyn Queue>,
    /// This process among all, new at every start.
    pub holder: String,
    /// Cancelled when the process is about to end: a handler comes to its end at the next good
    /// place.
    pub stop: CancellationToken,
    /// How often rows are looked at without being woken.
    pub sweep: Duration,
}
