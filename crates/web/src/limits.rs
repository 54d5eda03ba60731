//! Rate limits: what is counted, for whom, and how often it may be done.

use std::net::IpAddr;
use std::sync::Arc;

use starchart_domain::user::UserId;
use starchart_jobs::{Counters, RateLimit};

use crate::config::RateLimits;
use crate::errors::Failure;

/// Sign-ins that one browser may start in a minute.
const BROWSER_PER_MINUTE: u32 = 30;

/// What is limited, and for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counted {
    /// A sign-in that begins at this address.
    Begin(IpAddr),
    /// An answer of the identity provider that comes from this address.
    Answer(IpAddr),
    /// A sign-in of the browser whose mark has this hash.
    Browser([u8; 32]),
    /// A write of this person.
    Write(UserId),
    /// A search of this admin.
    Search(UserId),
}

/// All limits of the web.
pub(crate) struct Limiters {
    counters: Arc<dyn Counters>,
    limits: RateLimits,
}

impl Limiters {
    pub(crate) fn new(limits: RateLimits, counters: Arc<dyn Counters>) -> Self {
        Self { counters, limits }
    }

    /// Counts one, or refuses it: 429 with the seconds to wait.
    pub(crate) async fn take(&self, what: Counted) -> Result<(), Failure> {
        let limits = &self.limits;
        let (key, per_minute) = match what {
            Counted::Begin(address) => (format!("begin:{address}"), limits.sign_in_per_minute),
            Counted::Answer(address) => (format!("answer:{address}"), limits.sign_in_per_minute),
            Counted::Browser(hash) => (format!("browser:{}", hex(&hash)), BROWSER_PER_MINUTE),
            Counted::Write(person) => (format!("write:{person}"), limits.record_writes_per_minute),
            Counted::Search(admin) => (format!("search:{admin}"), limits.admin_searches_per_minute),
        };
        let taken = self
            .counters
            .take(&key, RateLimit::per_minute(per_minute))
            .await;
        taken.map_err(|retry_after| Failure::TooMany { retry_after })
    }
}

/// Half of a hash keeps browsers apart, and makes short keys.
fn hex(hash: &[u8; 32]) -> String {
    hash.iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
