//! Whether the zone is ours: the id in the settings may be another zone's, whose own changes it
//! would take.

use std::time::{Duration, Instant};

use starchart_domain::names::RootDomain;
use tokio::sync::Mutex;
use tracing::warn;

use crate::audit::NotOurZone;
use crate::zone::{Zone, ZoneError};

/// A zone that was another's, or that our key may not ask, is asked for its domain again after
/// this.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Compares the zone's domain with ours, once: an id stays with its zone.
#[derive(Debug)]
pub struct Identity {
    root: RootDomain,
    known: Mutex<Known>,
}

#[derive(Debug)]
enum Known {
    Nothing,
    Ours,
    /// Another's, asked at this moment.
    Another(NotOurZone, Instant),
    /// Our key may not ask; tried at this moment.
    Denied(Instant),
}

/// Why nothing may be sent to the zone.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// It is another zone.
    #[error(transparent)]
    Another(#[from] NotOurZone),
    /// It does not answer now.
    #[error(transparent)]
    Unknown(#[from] ZoneError),
}

impl Identity {
    /// For the zone of `root`.
    pub fn new(root: RootDomain) -> Self {
        Self {
            root,
            known: Mutex::new(Known::Nothing),
        }
    }

    /// Asks the zone for its domain, unless that is known. A key that may not ask
    /// (`route53:GetHostedZone`) is told of once, and the zone is taken for ours meanwhile: a
    /// listing by the audit tells as well.
    ///
    /// # Errors
    /// It is another zone, or it does not answer.
    pub async fn check(&self, zone: &dyn Zone) -> Result<(), Doubt> {
        let mut known = self.known.lock().await;
        match &*known {
            Known::Ours => return Ok(()),
            Known::Another(fault, at) if at.elapsed() < ASK_AGAIN => {
                return Err(fault.clone().into());
            }
            Known::Denied(at) if at.elapsed() < ASK_AGAIN => return Ok(()),
            Known::Nothing | Known::Another(..) | Known::Denied(_) => {}
        }
        match zone.domain().await {
            Ok(found) if found == self.root.as_str() => {
                *known = Known::Ours;
                Ok(())
            }
            Ok(found) => {
                let fault = NotOurZone::Another {
                    found,
                    root: self.root.to_string(),
                };
                *known = Known::Another(fault.clone(), Instant::now());
                Err(fault.into())
            }
            Err(error @ ZoneError::Denied(_)) => {
                if !matches!(*known, Known::Denied(_)) {
                    warn!(error = %error, "it cannot be asked whose the zone is: allow route53:GetHostedZone");
                }
                *known = Known::Denied(Instant::now());
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
