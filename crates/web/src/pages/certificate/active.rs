//! The active certificate, and whether the user can renew it.

use starchart_domain::time::Timestamp;
use starchart_store::certificates::{self, Certificate, OrderView};

use crate::actor::User;
use crate::context::RequestContext;
use crate::errors::Failure;

/// Whether the user can renew the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The user can renew it now.
    Open,
    /// The user can renew it from then on.
    From(Timestamp),
    /// A renewal is pending.
    Pending,
    /// The operator has not set up certificates (`Certificates::disabled_reason` in settings).
    Off,
}

/// The active certificate and what the user can do with it.
#[derive(Debug, Clone)]
pub(crate) struct ActiveCertificate {
    pub(crate) certificate: Certificate,
    pub(crate) expired: bool,
    pub(crate) renewal: Renewal,
    /// When the user can request another certificate, when the daily limit is reached.
    pub(crate) next_request_at: Option<Timestamp>,
}

/// Adds to the certificate what the user can do with it.
pub(crate) async fn active_certificate(
    context: &RequestContext,
    user: &User,
    certificate: Certificate,
    order: Option<&OrderView>,
    now: Timestamp,
) -> Result<ActiveCertificate, Failure> {
    let from = certificate.renewable_from();
    // While an automatic renewal waits for its next attempt, the user may start it at once.
    let blocks_renewal =
        |order: &OrderView| !(order.step.is_final() || order.automatic && order.retry_at.is_some());
    let renewal = if order.is_some_and(blocks_renewal) {
        Renewal::Pending
    } else if context.app.config.certificates_off.is_some() {
        Renewal::Off
    } else if now < from {
        Renewal::From(from)
    } else {
        Renewal::Open
    };
    Ok(ActiveCertificate {
        expired: certificate.not_after <= now,
        certificate,
        renewal,
        next_request_at: next_request_at(context, user, now).await?,
    })
}

/// Returns when the user can request another certificate, when the daily limit is reached.
pub(super) async fn next_request_at(
    context: &RequestContext,
    user: &User,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let store = context.app.store()?;
    let daily_limit = context.app.config.limits.certificate_requests_per_day;
    Ok(certificates::next_request_at(store, user.id, daily_limit, now).await?)
}
