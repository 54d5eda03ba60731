//! Requesting and deleting a certificate, and handing its private key to the owner.

use starchart_domain::certificate::RevocationReason;
use starchart_domain::secret::Secret;
use starchart_jobs::{Queue, WakeUp};
use starchart_store::Store;
use starchart_store::certificates::revocations::{self, Replacement, ValidCertificate};
use starchart_store::certificates::{self, Certificate, OrderView, RequestError};
use starchart_store::trail::{self, Action};

use super::certificate_form::{self, CertificateForm, Parts, Pkcs12Password, Pkcs12PasswordFault};
use super::{ActionError, Caller, Conflict, Denial, Limit};
use crate::actor::User;
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

/// Lists the certificates that the user can revoke, or has revoked, until they expire.
pub(crate) async fn list_valid_certificates(
    store: &Store,
    owner: &User,
) -> Result<Vec<ValidCertificate>, ActionError> {
    owner.check_session()?;
    Ok(revocations::list_valid(store, owner.id).await?)
}

/// Requests the revocation of one of the user's certificates. When others may have the private key
/// of the one in use, also requests another certificate, and returns true. Fails with
/// [`ActionError::NotFound`] when there is no such certificate, or it is revoked already.
pub(crate) async fn revoke_certificate(
    store: &Store,
    queue: &dyn Queue,
    caller: Caller<'_>,
    rules: CertificateRules,
    certificate: &ValidCertificate,
    reason: RevocationReason,
) -> Result<bool, ActionError> {
    caller.actor.check_session()?;
    let is_compromised = reason == RevocationReason::KeyCompromise;
    let replacement = if rules.are_on && certificate.is_active && is_compromised {
        Replacement::Request
    } else {
        Replacement::None
    };
    let (owner, id, audit) = (caller.actor.id, certificate.id, caller.audit_context());
    if !revocations::revoke(store, owner, id, reason, replacement, &audit).await? {
        return Err(ActionError::NotFound);
    }
    queue.wake(WakeUp::Certificate);
    Ok(replacement == Replacement::Request)
}

/// Finds the user's active certificate, to hand it out in this form.
pub(crate) async fn find_certificate(
    store: &Store,
    owner: &User,
    form: CertificateForm,
) -> Result<Certificate, ActionError> {
    owner.check_certificate(|rights| match form.has_key() {
        true => rights.certificate.read_key,
        false => rights.may_read_certificate(),
    })?;
    if form.has_key() && owner.impersonator.is_some() {
        return Err(ActionError::Denied(Denial::KeyWithheld));
    }
    let overview = certificates::load_overview(store, owner.id).await?;
    overview.active.ok_or(ActionError::NotFound)
}

/// Makes a form of the active certificate that [`find_certificate`] has found; `password` encrypts
/// a PKCS#12 file. Hands out no private key without a line in the audit trail.
pub(crate) async fn take_certificate(
    store: &Store,
    caller: Caller<'_>,
    certificate: &Certificate,
    form: CertificateForm,
    password: Option<&Pkcs12Password>,
) -> Result<Vec<u8>, ActionError> {
    if let Some(text) = certificate_form::render_public(form, certificate) {
        return Ok(text.into_bytes());
    }
    let key = load_private_key(store, caller, certificate, form).await?;
    let parts = Parts {
        certificate,
        key: &key,
    };
    let made = match (parts.render(form), password) {
        (Some(made), _) => made.map(|plain| plain.to_vec()),
        (None, Some(password)) => parts.encrypt(password),
        (None, None) => return Err(ActionError::Password(Pkcs12PasswordFault::Missing)),
    };
    made.map_err(|fault| ActionError::Store(starchart_store::Error::Fault(Box::new(fault))))
}

/// Loads the private key (PEM) of the active certificate, for its owner only. Returns no key
/// without a line in the audit trail.
async fn load_private_key(
    store: &Store,
    caller: Caller<'_>,
    certificate: &Certificate,
    form: CertificateForm,
) -> Result<Secret, ActionError> {
    let owner = caller.actor;
    owner.check_certificate(|rights| rights.certificate.read_key)?;
    if owner.impersonator.is_some() {
        return Err(ActionError::Denied(Denial::KeyWithheld));
    }
    let key = certificates::load_private_key(store, owner.id, certificate.id)
        .await?
        .ok_or(ActionError::NotFound)?;
    let id = certificate.id;
    let detail = match form {
        CertificateForm::PrivateKey => format!("private key of certificate #{id} downloaded"),
        form => format!(
            "private key of certificate #{id} downloaded, in the form {}",
            form.key()
        ),
    };
    let (audit, domain) = (caller.audit_context(), &certificate.domain);
    trail::append_action(store, &audit, Action::CertificateKey, domain, &detail).await?;
    Ok(key)
}
