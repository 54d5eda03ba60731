//! Requests to the certificate authority, for every job that sends some.

use std::time::Duration;

use starchart_acme::authority::AuthorityError;
use starchart_acme::chain;
use starchart_store::certificates::orders::IssuedCertificate;

/// The time limit of a request to the authority.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Awaits a request to the authority; a timeout counts as unavailable.
pub(crate) async fn with_timeout<T>(
    call: impl Future<Output = Result<T, AuthorityError>>,
) -> Result<T, AuthorityError> {
    let late = |_| {
        AuthorityError::unavailable(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs()))
    };
    tokio::time::timeout(REQUEST_TIMEOUT, call)
        .await
        .map_err(late)
        .flatten()
}

/// Parses a PEM chain into the certificate to store.
pub(crate) fn read_chain(pem: &str) -> Result<IssuedCertificate, chain::ChainError> {
    let chain = chain::split(pem)?;
    Ok(IssuedCertificate {
        certificate: chain.certificate,
        chain: chain.intermediates,
        not_before: chain.leaf.not_before,
        not_after: chain.leaf.not_after,
    })
}
