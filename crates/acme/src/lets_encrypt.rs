//! Implements the port over ACME (RFC 8555), for Let's Encrypt and any other ACME server.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Identifier,
    OrderStatus as Status, RevocationReason as Code, RevocationRequest,
};
use rustls::pki_types::CertificateDer;
use starchart_domain::certificate::RevocationReason;
use starchart_domain::certificate::renewal_info::RenewalInfoFailure;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use tracing::debug;
use url::Url;

use crate::account::{AccountCache, AccountKey};
use crate::ari;
use crate::authority::{
    Authority, AuthorityError, NewOrder, Order, OrderStatus, PendingAuthorization, RenewalInfo,
    RenewalInfoError, ReplacedCertificate,
};
use crate::call_error::CallError;
use crate::chain;
use crate::client::PinnedClient;
use crate::new_order::{check_profile, new_order};
use crate::problem::{RequestKind, authority_error, error_response, problem_text};

/// Limit for one call of the port, with all its requests.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts at a call whose nonces are rejected (RFC 8555 section 6.5).
const MAX_ATTEMPTS: u32 = 4;

/// The ACME server and the account there.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    /// LETS_ENCRYPT_DIRECTORY_URL: the directory (RFC 8555 section 7.1.1).
    pub directory_url: Url,
    /// LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM: the account's P-256 key, as PKCS#8 or SEC1.
    pub account_key: Secret,
    /// LETS_ENCRYPT_ACCOUNT_EMAIL: the account's contact address.
    pub account_email: Option<String>,
    /// ACME_CA_ROOT_PATH: root certificates (PEM) that the ACME server's TLS certificate is checked
    /// against, in place of the system's.
    pub ca_root_path: Option<PathBuf>,
    /// ACME_PROFILE: the profile of new orders; `None` leaves it to the authority.
    pub profile: Option<String>,
}

/// A setting that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct AcmeConfigError {
    /// The name of the setting.
    pub setting: &'static str,
    /// Why it cannot be used.
    pub fault: String,
}

/// An ACME client (RFC 8555). Sends no request before the first call.
pub struct LetsEncrypt {
    client: PinnedClient,
    account: AccountCache,
    profile: Option<String>,
}

impl LetsEncrypt {
    /// Reads the account key and the root certificates, without a request.
    ///
    /// # Errors
    /// The setting that cannot be used.
    pub fn new(config: &AcmeConfig) -> Result<Self, AcmeConfigError> {
        let at = |setting| move |fault| AcmeConfigError { setting, fault };
        let key = AccountKey::from_pem(&config.account_key)
            .map_err(at("LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM"))?;
        let root = match &config.ca_root_path {
            Some(path) => {
                let read = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()));
                Some(read.map_err(at("ACME_CA_ROOT_PATH"))?)
            }
            None => None,
        };
        let client = PinnedClient::new(config.directory_url.clone(), root.as_deref())
            .map_err(at("ACME_CA_ROOT_PATH"))?;
        let account = AccountCache::new(
            client.clone(),
            config.directory_url.clone(),
            key,
            config.account_email.clone(),
        );
        Ok(Self {
            client,
            account,
            profile: config.profile.clone(),
        })
    }

    /// Makes a call with the account, within [`CALL_TIMEOUT`]. Retries after a rejected nonce,
    /// which changed nothing, and registers the account again once when it is unknown.
    async fn call<T, F>(
        &self,
        request: RequestKind,
        call: impl Fn(Account) -> F + Send + Sync,
    ) -> Result<T, AuthorityError>
    where
        F: Future<Output = Result<T, CallError>> + Send,
    {
        let attempts = async {
            let mut registered_again = false;
            let mut attempt = 0;
            let result = loop {
                attempt += 1;
                let result = call(self.account.account().await?).await;
                let response = match &result {
                    Err(CallError::Acme(error)) => error_response(error),
                    _ => None,
                };
                match response {
                    Some(response) if response.is_type("badNonce") && attempt < MAX_ATTEMPTS => {}
                    Some(response)
                        if response.is_type("accountDoesNotExist") && !registered_again =>
                    {
                        registered_again = true;
                        self.account.discard().await;
                    }
                    _ => break result,
                }
            };
            result.map_err(|error| match error {
                CallError::Acme(error) => authority_error(&error, request),
                CallError::Authority(error) => error,
            })
        };
        tokio::time::timeout(CALL_TIMEOUT, attempts)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    async fn order_status(&self, url: &str) -> Result<Status, AuthorityError> {
        self.call(RequestKind::Order, |account| async move {
            Ok(account.order(url.to_owned()).await?.state().status)
        })
        .await
    }

    /// Refuses an order of another authority: its URL comes from the database, and the directory
    /// URL may have changed since.
    fn check_origin(&self, url: &str) -> Result<(), AuthorityError> {
        if self.client.is_same_origin(url) {
            return Ok(());
        }
        Err(AuthorityError::Gone(
            "the order is at another certificate authority than LETS_ENCRYPT_DIRECTORY_URL"
                .to_owned(),
        ))
    }
}

#[async_trait]
impl Authority for LetsEncrypt {
    async fn check_directory(&self) -> Result<(), AuthorityError> {
        let offered = self.client.fetch_profiles().await;
        let offered = offered.map_err(AuthorityError::unavailable)?;
        check_profile(self.profile.as_deref(), &offered)
    }

    async fn new_order(
        &self,
        names: &[String],
        replaced: Option<ReplacedCertificate<'_>>,
    ) -> Result<NewOrder, AuthorityError> {
        let profile = self.profile.as_deref();
        let order = self
            .call(RequestKind::NewOrder, |account| {
                new_order(account, names, replaced, profile)
            })
            .await?;
        self.check_origin(&order.url).map_err(|_| {
            AuthorityError::Refused("The order has another host than its authority.".to_owned())
        })?;
        Ok(order)
    }

    async fn renewal_info(
        &self,
        certificate_pem: &str,
    ) -> Result<Option<RenewalInfo>, RenewalInfoError> {
        let id = ari::identify(certificate_pem).map_err(|detail| RenewalInfoError {
            failure: RenewalInfoFailure::LongTerm,
            detail,
        })?;
        let ask = async {
            let account = self.account.account().await;
            let account = account.map_err(|error| ari::from_authority_error(&error))?;
            ari::fetch_renewal_info(&account, &id).await
        };
        tokio::time::timeout(CALL_TIMEOUT, ask)
            .await
            .unwrap_or_else(|_| Err(ari::from_authority_error(&timed_out())))
    }

    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError> {
        self.check_origin(url)?;
        self.call(RequestKind::Order, |account| {
            fetch_order(account, &self.client, url)
        })
        .await
    }

    async fn respond_to_challenges(&self, url: &str) -> Result<Option<Duration>, AuthorityError> {
        self.check_origin(url)?;
        self.call(RequestKind::Order, |account| {
            respond_to_challenges(account, &self.client, url)
        })
        .await
    }

    async fn finalize(
        &self,
        url: &str,
        csr_der: &[u8],
    ) -> Result<Option<Duration>, AuthorityError> {
        self.check_origin(url)?;
        match self.order_status(url).await? {
            Status::Processing => return Ok(self.client.requested_wait(url)),
            Status::Valid => return Ok(None),
            Status::Ready => {}
            Status::Pending | Status::Invalid => return Err(wrong_status("ready")),
        }
        let finalized = self
            .call(RequestKind::Finalize, |account| {
                finalize(account, &self.client, url, csr_der)
            })
            .await;
        match finalized {
            // Another process may have finalized it with the same request.
            Err(AuthorityError::Gone(_)) => match self.order_status(url).await? {
                Status::Processing => Ok(self.client.requested_wait(url)),
                Status::Valid => Ok(None),
                _ => Err(wrong_status("ready")),
            },
            finalized => finalized,
        }
    }

    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError> {
        self.check_origin(url)?;
        self.call(RequestKind::Order, |account| async move {
            let mut order = account.order(url.to_owned()).await?;
            if order.state().status != Status::Valid {
                return Err(wrong_status("valid").into());
            }
            order
                .certificate()
                .await?
                .ok_or_else(|| wrong_status("valid").into())
        })
        .await
    }

    async fn revoke(
        &self,
        certificate_pem: &str,
        reason: RevocationReason,
    ) -> Result<(), AuthorityError> {
        let refused = |error: chain::ChainError| {
            AuthorityError::Refused(format!("This is not a certificate: {error}."))
        };
        if chain::split(certificate_pem)
            .map_err(refused)?
            .leaf
            .not_after
            < now()
        {
            return Ok(());
        }
        let der = CertificateDer::from(chain::first_der(certificate_pem).map_err(refused)?);
        let der = &der;
        let revoke = |account: Account| async move {
            let request = RevocationRequest {
                certificate: der,
                reason: Some(reason_code(reason)),
            };
            match account.revoke(&request).await {
                Err(error)
                    if error_response(&error).is_some_and(|it| it.is_type("alreadyRevoked")) =>
                {
                    Ok(())
                }
                revoked => Ok(revoked?),
            }
        };
        self.call(RequestKind::Revoke, revoke).await
    }
}

fn reason_code(reason: RevocationReason) -> Code {
    match reason {
        RevocationReason::KeyCompromise => Code::KeyCompromise,
        RevocationReason::Superseded => Code::Superseded,
        RevocationReason::CessationOfOperation => Code::CessationOfOperation,
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn timed_out() -> AuthorityError {
    AuthorityError::unavailable(format!("not done within {} s", CALL_TIMEOUT.as_secs()))
}

fn wrong_status(expected: &str) -> AuthorityError {
    AuthorityError::Gone(format!("it is not {expected}"))
}

async fn fetch_order(
    account: Account,
    client: &PinnedClient,
    url: &str,
) -> Result<Order, CallError> {
    let mut order = account.order(url.to_owned()).await?;
    let mut status = order.state().status;
    let mut problems: Vec<String> = order
        .state()
        .error
        .iter()
        .map(|problem| problem_text(problem, None))
        .collect();
    let mut pending = Vec::new();
    let mut retry_after = client.requested_wait(url);
    if matches!(status, Status::Pending | Status::Invalid) {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending if status == Status::Pending => {
                    retry_after = retry_after.max(client.requested_wait(authorization.url()));
                    let fqdn = challenge_name(authorization.identifier().identifier)?;
                    let challenge = authorization
                        .challenge(ChallengeType::Dns01)
                        .ok_or_else(no_dns_challenge)?;
                    pending.push(PendingAuthorization {
                        fqdn,
                        value: challenge.key_authorization().dns_value(),
                    });
                }
                AuthorizationStatus::Pending => {}
                // The authority will set the order to invalid too (RFC 8555 section 7.1.6).
                AuthorizationStatus::Invalid => {
                    status = Status::Invalid;
                    let fqdn = challenge_name(authorization.identifier().identifier)?;
                    let errors = authorization
                        .challenges
                        .iter()
                        .filter_map(|challenge| challenge.error.as_ref());
                    problems.extend(errors.map(|problem| problem_text(problem, Some(&fqdn))));
                }
                AuthorizationStatus::Expired
                | AuthorizationStatus::Revoked
                | AuthorizationStatus::Deactivated => {
                    status = Status::Invalid;
                }
            }
        }
    }
    problems.dedup();
    let invalid = status == Status::Invalid;
    if invalid {
        pending.clear();
    }
    Ok(Order {
        status: port_status(status),
        pending,
        problem: order_problem(invalid, &problems),
        retry_after: retry_after.filter(|_| matches!(status, Status::Pending | Status::Processing)),
    })
}

/// Joins the reasons why an order is invalid. `None` for an order that expired, or whose
/// authorization expired: a new order may succeed.
fn order_problem(invalid: bool, problems: &[String]) -> Option<String> {
    (invalid && !problems.is_empty()).then(|| problems.join(" "))
}

/// Sends the certificate signing request. An order that is valid at once needs no wait.
async fn finalize(
    account: Account,
    client: &PinnedClient,
    url: &str,
    csr_der: &[u8],
) -> Result<Option<Duration>, CallError> {
    let mut order = account.order(url.to_owned()).await?;
    let finalize_url = order.state().finalize.clone();
    order.finalize_csr(csr_der).await?;
    Ok(match order.state().status {
        Status::Processing => client.requested_wait(&finalize_url),
        _ => None,
    })
}

async fn respond_to_challenges(
    account: Account,
    client: &PinnedClient,
    url: &str,
) -> Result<Option<Duration>, CallError> {
    let mut order = account.order(url.to_owned()).await?;
    if order.state().status != Status::Pending {
        return Ok(None);
    }
    let mut retry_after = None;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::Dns01)
            .ok_or_else(no_dns_challenge)?;
        if challenge.status != ChallengeStatus::Pending {
            continue;
        }
        let responded = challenge.set_ready().await;
        retry_after = retry_after.max(client.requested_wait(&challenge.url));
        if let Err(error) = responded {
            let responded_before = match error_response(&error) {
                Some(response) if response.is_type("badNonce") => false,
                // The challenge's own error, or a refusal of a second response.
                Some(response) => matches!(error, Error::Api(_)) || response.is_type("malformed"),
                None => false,
            };
            if !responded_before {
                return Err(error.into());
            }
            debug!(%error, "the challenge was responded to before; the order has the result");
        }
    }
    Ok(retry_after)
}

fn no_dns_challenge() -> AuthorityError {
    AuthorityError::Refused(
        "The certificate authority does not offer the dns-01 challenge for this name.".to_owned(),
    )
}

/// Returns the owner name of the TXT record (RFC 8555 section 8.4). The identifier of a wildcard
/// is its base domain (section 7.1.4).
fn challenge_name(identifier: &Identifier) -> Result<String, AuthorityError> {
    match identifier {
        Identifier::Dns(name) => Ok(format!(
            "_acme-challenge.{}",
            name.trim_start_matches("*.").trim_end_matches('.')
        )),
        _ => Err(no_dns_challenge()),
    }
}

fn port_status(status: Status) -> OrderStatus {
    match status {
        Status::Pending => OrderStatus::Pending,
        Status::Ready => OrderStatus::Ready,
        Status::Processing => OrderStatus::Processing,
        Status::Valid => OrderStatus::Valid,
        Status::Invalid => OrderStatus::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_order_has_no_problem() {
        assert_eq!(order_problem(true, &[]), None);
        let problems = [
            "CAA forbids it.".to_owned(),
            "The TXT record is not there.".to_owned(),
        ];
        assert_eq!(
            order_problem(true, &problems).as_deref(),
            Some("CAA forbids it. The TXT record is not there.")
        );
        assert_eq!(order_problem(false, &problems), None);
    }
}
