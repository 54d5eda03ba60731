//! The whole zone against the rows.

use starchart_dns::audit::{Difference, compare};
use starchart_dns::limiter::Priority;
use starchart_dns::zone::ZoneError;
use starchart_store::zone;

use crate::Context;

/// Lists the zone and compares it with the rows; changes nothing.
///
/// # Errors
/// The database or the zone did not answer.
pub async fn reconcile(context: &Context) -> Result<Difference, ReconcileError> {
    context.limiter.admit(Priority::Audit).await;
    let listed = context.zone.list().await?;
    let desired = zone::desired_sets(&context.store).await?;
    let owned = zone::owned_sets(&context.store).await?;
    Ok(compare(&listed, &desired, &owned))
}

/// Why the zone could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The zone did not answer.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] starchart_store::Error),
}
