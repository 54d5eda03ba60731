//! The dependencies and settings of the background jobs.

use std::sync::Arc;

use starchart_acme::authority::Authority;
use starchart_dns::engine::zone_verifier::ZoneVerifier;
use starchart_dns::propagation::{NameServer, Propagation};
use starchart_dns::provider::Provider;
use starchart_domain::certificate::budget::IssuanceLimits;
use starchart_domain::names::RootDomain;
use starchart_domain::timers::Timers;
use starchart_jobs::Queue;
use starchart_mail::Mailer;
use starchart_store::Store;
use tokio_util::sync::CancellationToken;

use crate::outages::Outages;

/// The dependencies and settings of every job.
#[derive(Clone)]
pub struct Context {
    /// The database with all persistent state.
    pub store: Store,
    /// The domain of the zone (ROOT_DOMAIN).
    pub root: RootDomain,
    /// The DNS provider that holds the zone.
    pub provider: Arc<dyn Provider>,
    /// Verifies that the provider's zone is the zone of `root`.
    pub zone_verifier: Arc<ZoneVerifier>,
    /// Queries the zone's name servers.
    pub propagation: Arc<Propagation>,
    /// Public resolvers that look records up (PUBLIC_RESOLVERS).
    pub resolvers: Vec<NameServer>,
    /// The certificate authority; `None` when certificates are off.
    pub authority: Option<Arc<dyn Authority>>,
    /// What the certificate authority lets all users together have.
    pub issuance: IssuanceLimits,
    /// Sends mail; `None` when mail is off.
    pub mailer: Option<Arc<Mailer>>,
    /// What was logged about servers that fail.
    pub outages: Arc<Outages>,
    /// The intervals of periodic work.
    pub timers: Timers,
    /// Delivers wake-ups between processes.
    pub queue: Arc<dyn Queue>,
    /// The id of this process as the holder of leases, new at every start.
    pub holder: String,
    /// Cancelled at shutdown; jobs then end at the next safe point.
    pub stop: CancellationToken,
}
