//! Requesting and deleting a certificate, and handing its private key to the owner.

use starchart_domain::secret::Secret;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::certificates::{self, Certificate, OrderView, RequestError};
use starchart_store::trail::{self, Action};

use super::{ActionError, Caller, Conflict, Denial, Limit};
use crate::config::WebConfig;

/// The operator's rules for certificate requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CertificateRules {
    /// Whether the operator has set up certificates.
    pub(crate) are_on: bool,
    /// Requests of one user in 24 hours.
    pub(crate) daily_limit: u32,
}

impl CertificateRules {
    /// Reads the rules from the settings.
    pub(crate) fn new(config: &WebConfig) -> Self {
        Self {
            are_on: config.certificates_off.is_none(),
            daily_limit: config.limits.certificate_requests_per_day,
        }
    }
}

/// Requests a certificate for the user's base domain, or the renewal of the active one. Brings an
/// automatic renewal that is waiting forward.
pub(crate) async fn request_certificate(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    rules: CertificateRules,
) -> Result<OrderView, ActionError> {
    let owner = caller.actor;
    owner.check_certificate(|rights| rights.certificate.request)?;
    if !rules.are_on {
        return Err(ActionError::Conflict(Conflict::CertificatesOff));
    }
    let domain = owner.base.to_string();
    let audit = caller.audit_context();
    let opened = certificates::request(store, owner.id, &domain, rules.daily_limit, &audit).await;
    match opened {
        Ok(order) => {
            queue.wake(WakeUp::Certificate);
            Ok(order)
        }
        Err(RequestError::TooManyRequests { limit, next_at }) => {
            let wait_s = next_at.since(store.now().await?) / 1_000;
            Err(ActionError::Limit(Limit::CertificateRequests {
                limit,
                next_at,
                retry_after_s: u64::try_from(wait_s).unwrap_or_default().max(1),
            }))
        }
        Err(RequestError::OrderPending) => Err(ActionError::Conflict(Conflict::OrderPending)),
        Err(RequestError::NotDue { from }) => Err(ActionError::Conflict(Conflict::NotDue { from })),
        Err(RequestError::NotFound) => Err(ActionError::NotFound),
        Err(RequestError::Db(error)) => Err(ActionError::Store(error)),
    }
}

/// Takes the user's certificate out of use and deletes its private key; does not revoke it. Fails
/// with [`ActionError::NotFound`] when the user has none.
pub(crate) async fn delete_certificate(
    store: &Store,
    caller: Caller<'_>,
) -> Result<(), ActionError> {
    caller.actor.check_session()?;
    if certificates::delete(store, caller.actor.id, &caller.audit_context()).await? {
        Ok(())
    } else {
        Err(ActionError::NotFound)
    }
}

/// Joins certificate and chain, each PEM block on its own lines.
pub(crate) fn full_chain(certificate: &Certificate) -> String {
    format!(
        "{}\n{}\n",
        certificate.certificate.trim_end(),
        certificate.chain.trim_end()
    )
}

/// Loads the private key (PEM) of the active certificate, for its owner only. Returns no key
/// without a line in the audit trail.
pub(crate) async fn load_private_key(
    store: &Store,
    caller: Caller<'_>,
    certificate: &Certificate,
) -> Result<Secret, ActionError> {
    let owner = caller.actor;
    owner.check_certificate(|rights| rights.certificate.read_key)?;
    if owner.impersonator.is_some() {
        return Err(ActionError::Denied(Denial::KeyWithheld));
    }
    let key = certificates::load_private_key(store, owner.id, certificate.id)
        .await?
        .ok_or(ActionError::NotFound)?;
    let detail = format!("private key of certificate #{} downloaded", certificate.id);
    let (audit, domain) = (caller.audit_context(), &certificate.domain);
    trail::append_action(store, &audit, Action::CertificateKey, domain, &detail).await?;
    Ok(key)
}
