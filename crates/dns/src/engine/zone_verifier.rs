//! Verifies that the configured hosted zone is the zone of ROOT_DOMAIN. The id in the settings may
//! name another zone, which would accept our changes.

use std::time::Duration;

use starchart_domain::names::RootDomain;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::warn;

use super::audit::WrongZone;
use crate::provider::{Provider, ProviderError};

/// How long a mismatch or a denied request is cached.
const RECHECK_AFTER: Duration = Duration::from_secs(60);

/// Compares the zone's domain with ROOT_DOMAIN once; a hosted zone's id never changes its domain.
#[derive(Debug)]
pub struct ZoneVerifier {
    root: RootDomain,
    verification: Mutex<Verification>,
}

#[derive(Debug)]
enum Verification {
    Unchecked,
    Verified,
    WrongZone(WrongZone, Instant),
    /// Our credentials may not read the zone's domain.
    Denied(Instant),
}

/// Why nothing may be sent to the zone.
#[derive(Debug, thiserror::Error)]
pub enum ZoneMismatch {
    /// The hosted zone has another domain than ROOT_DOMAIN.
    #[error(transparent)]
    WrongZone(#[from] WrongZone),
    /// The zone's domain could not be read.
    #[error(transparent)]
    Unverified(#[from] ProviderError),
}

impl ZoneVerifier {
    /// Makes a verifier that expects the zone of `root`.
    pub fn new(root: RootDomain) -> Self {
        Self {
            root,
            verification: Mutex::new(Verification::Unchecked),
        }
    }

    /// Reads the zone's domain unless the result is cached. When the credentials may not read it,
    /// warns once and accepts the zone, because the audit verifies its listing as well.
    ///
    /// # Errors
    /// The hosted zone is another zone, or the provider did not answer.
    pub async fn verify(&self, provider: &dyn Provider) -> Result<(), ZoneMismatch> {
        let mut verification = self.verification.lock().await;
        match &*verification {
            Verification::Verified => return Ok(()),
            Verification::WrongZone(error, at) if at.elapsed() < RECHECK_AFTER => {
                return Err(error.clone().into());
            }
            Verification::Denied(at) if at.elapsed() < RECHECK_AFTER => return Ok(()),
            Verification::Unchecked | Verification::WrongZone(..) | Verification::Denied(_) => {}
        }
        match provider.domain().await {
            Ok(found) if found == self.root.as_str() => {
                *verification = Verification::Verified;
                Ok(())
            }
            Ok(found) => {
                let error = WrongZone::OtherZone {
                    found,
                    root: self.root.to_string(),
                    setting: provider.capabilities().zone_setting,
                };
                *verification = Verification::WrongZone(error.clone(), Instant::now());
                Err(error.into())
            }
            Err(error @ ProviderError::Denied(_)) => {
                if !matches!(*verification, Verification::Denied(_)) {
                    warn!(
                        error = %error,
                        "cannot verify the hosted zone's domain"
                    );
                }
                *verification = Verification::Denied(Instant::now());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
