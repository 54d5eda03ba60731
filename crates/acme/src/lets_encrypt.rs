//! Let's Encrypt, and any other authority that speaks RFC 8555, behind the port.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Error, Identifier, NewOrder,
    OrderStatus as Status, RevocationReason, RevocationRequest,
};
use rustls::pki_types::CertificateDer;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use tracing::debug;
use url::Url;

use crate::account::{AccountKey, Registration};
use crate::authority::{Authority, AuthorityError, Order, OrderStatus, PendingAuthorization};
use crate::chain;
use crate::client::PinnedClient;
use crate::problem::{About, answer, authority_error, told};

/// How long one call of the port may take, however many requests it needs.
const CALL: Duration = Duration::from_secs(30);

/// How often a call begins anew after a refused nonce.
const TRIES: u32 = 4;

/// Which authority, and who we are there.
#[derive(Debug, Clone)]
pub struct AcmeConfig {
    /// LETS_ENCRYPT_DIRECTORY_URL.
    pub directory_url: Url,
    /// LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM: P-256, PKCS#8 or SEC1.
    pub account_key: Secret,
    /// LETS_ENCRYPT_ACCOUNT_EMAIL.
    pub account_email: Option<String>,
    /// ACME_CA_ROOT_PATH: trusted for the authority's API instead of the system's roots.
    pub ca_root_path: Option<PathBuf>,
}

/// A fault that an operator must mend, with its setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct AcmeConfigError {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong.
    pub fault: String,
}

/// An authority that speaks RFC 8555. Nothing is asked before the first call.
pub struct LetsEncrypt {
    client: PinnedClient,
    registration: Registration,
}

/// What goes wrong inside a call: the authority's answer, or ours to the caller.
enum Fault {
    Acme(Error),
    Port(AuthorityError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Acme(error)
    }
}

impl From<AuthorityError> for Fault {
    fn from(error: AuthorityError) -> Self {
        Self::Port(error)
    }
}

impl LetsEncrypt {
    /// Reads the key and the root; asks nobody.
    ///
    /// # Errors
    /// One of them cannot be used.
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
        let registration = Registration::new(
            client.clone(),
            config.directory_url.clone(),
            key,
            config.account_email.clone(),
        );
        Ok(Self {
            client,
            registration,
        })
    }

    /// Asks with the account, in bounded time. A refused nonce (instant-acme has tried it three
    /// times then) changed nothing, and is tried again; an account that the authority has forgotten
    /// is registered again, once.
    async fn ask<T, F>(
        &self,
        about: About,
        ask: impl Fn(Account) -> F + Send + Sync,
    ) -> Result<T, AuthorityError>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let asked = async {
            let mut forgotten = false;
            let mut tries = 0;
            let result = loop {
                tries += 1;
                let result = ask(self.registration.account().await?).await;
                let refused = match &result {
                    Err(Fault::Acme(error)) => answer(error),
                    _ => None,
                };
                match refused {
                    Some(refused) if refused.is("badNonce") && tries < TRIES => {}
                    Some(refused) if refused.is("accountDoesNotExist") && !forgotten => {
                        forgotten = true;
                        self.registration.forget().await;
                    }
                    _ => break result,
                }
            };
            result.map_err(|fault| match fault {
                Fault::Acme(error) => authority_error(&error, about),
                Fault::Port(error) => error,
            })
        };
        let late = || {
            Err(AuthorityError::unavailable(format!(
                "not done within {} s",
                CALL.as_secs()
            )))
        };
        tokio::time::timeout(CALL, asked)
            .await
            .unwrap_or_else(|_| late())
    }

    /// An order's URL comes from the database, and the database may be older than the settings.
    fn check_host(&self, url: &str) -> Result<(), AuthorityError> {
        if self.client.is_ours(url) {
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
    async fn new_order(&self, names: &[String]) -> Result<String, AuthorityError> {
        let identifiers: Vec<_> = names
            .iter()
            .map(|name| Identifier::Dns(name.clone()))
            .collect();
        let identifiers = identifiers.as_slice();
        let url = self
            .ask(About::NewOrder, |account| async move {
                Ok(account
                    .new_order(&NewOrder::new(identifiers))
                    .await?
                    .url()
                    .to_owned())
            })
            .await?;
        self.check_host(&url).map_err(|_| {
            AuthorityError::Refused("The order is at another host than its authority.".to_owned())
        })?;
        Ok(url)
    }

    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError> {
        self.check_host(url)?;
        self.ask(About::Order, |account| read(account, url)).await
    }

    async fn respond_to_challenges(&self, url: &str) -> Result<(), AuthorityError> {
        self.check_host(url)?;
        self.ask(About::Order, |account| validate(account, url))
            .await
    }

    async fn finalize(&self, url: &str, csr_der: &[u8]) -> Result<(), AuthorityError> {
        self.check_host(url)?;
        let state = self
            .ask(About::Order, |account| status(account, url))
            .await?;
        match state {
            Status::Processing | Status::Valid => return Ok(()),
            Status::Ready => {}
            Status::Pending | Status::Invalid => return Err(not_now("ready")),
        }
        let handed_in = self
            .ask(About::Finalize, |account| async move {
                let mut order = account.order(url.to_owned()).await?;
                Ok(order.finalize_csr(csr_der).await?)
            })
            .await;
        match handed_in {
            // Another process was first, with the same request.
            Err(AuthorityError::Gone(_)) => {
                match self
                    .ask(About::Order, |account| status(account, url))
                    .await?
                {
                    Status::Processing | Status::Valid => Ok(()),
                    _ => Err(not_now("ready")),
                }
            }
            handed_in => handed_in,
        }
    }

    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError> {
        self.check_host(url)?;
        self.ask(About::Order, |account| async move {
            let mut order = account.order(url.to_owned()).await?;
            if order.state().status != Status::Valid {
                return Err(not_now("valid").into());
            }
            order
                .certificate()
                .await?
                .ok_or_else(|| not_now("valid").into())
        })
        .await
    }

    async fn revoke(&self, certificate_pem: &str) -> Result<(), AuthorityError> {
        let refused = |error: chain::ChainError| {
            AuthorityError::Refused(format!("This is no certificate: {error}."))
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
        let asked = |account: Account| async move {
            let request = RevocationRequest {
                certificate: der,
                reason: Some(RevocationReason::CessationOfOperation),
            };
            match account.revoke(&request).await {
                Err(error) if answer(&error).is_some_and(|answer| answer.is("alreadyRevoked")) => {
                    Ok(())
                }
                revoked => Ok(revoked?),
            }
        };
        self.ask(About::Revoke, asked).await
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn not_now(state: &str) -> AuthorityError {
    AuthorityError::Gone(format!("it is not {state}"))
}

async fn status(account: Account, url: &str) -> Result<Status, Fault> {
    Ok(account.order(url.to_owned()).await?.state().status)
}

async fn read(account: Account, url: &str) -> Result<Order, Fault> {
    let mut order = account.order(url.to_owned()).await?;
    let mut status = order.state().status;
    let mut problems: Vec<String> = order
        .state()
        .error
        .iter()
        .map(|problem| told(problem, None))
        .collect();
    let mut pending = Vec::new();
    if matches!(status, Status::Pending | Status::Invalid) {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            match authorization.status {
                AuthorizationStatus::Valid => {}
                AuthorizationStatus::Pending if status == Status::Pending => {
                    let fqdn = challenge_name(authorization.identifier().identifier)?;
                    let challenge = authorization
                        .challenge(ChallengeType::Dns01)
                        .ok_or_else(no_dns)?;
                    pending.push(PendingAuthorization {
                        fqdn,
                        value: challenge.key_authorization().dns_value(),
                    });
                }
                AuthorizationStatus::Pending => {}
                // The order follows, whatever it says at this moment.
                AuthorizationStatus::Invalid => {
                    status = Status::Invalid;
                    let fqdn = challenge_name(authorization.identifier().identifier)?;
                    let errors = authorization
                        .challenges
                        .iter()
                        .filter_map(|challenge| challenge.error.as_ref());
                    problems.extend(errors.map(|problem| told(problem, Some(&fqdn))));
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
        status: in_port(status),
        pending,
        problem: refusal(invalid, &problems),
    })
}

/// Why an order is invalid, if the authority said why. Nobody said no to one whose time, or the
/// time of a proof, is over: a new one may do.
fn refusal(invalid: bool, problems: &[String]) -> Option<String> {
    (invalid && !problems.is_empty()).then(|| problems.join(" "))
}

async fn validate(account: Account, url: &str) -> Result<(), Fault> {
    let mut order = account.order(url.to_owned()).await?;
    if order.state().status != Status::Pending {
        return Ok(());
    }
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        let mut challenge = authorization
            .challenge(ChallengeType::Dns01)
            .ok_or_else(no_dns)?;
        if challenge.status != ChallengeStatus::Pending {
            continue;
        }
        if let Err(error) = challenge.set_ready().await {
            let before = match answer(&error) {
                Some(refused) if refused.is("badNonce") => false,
                // The challenge's own error, or a refusal to look twice.
                Some(refused) => matches!(error, Error::Api(_)) || refused.is("malformed"),
                None => false,
            };
            if !before {
                return Err(error.into());
            }
            debug!(%error, "a challenge was looked at before; the order says with which result");
        }
    }
    Ok(())
}

fn no_dns() -> AuthorityError {
    AuthorityError::Refused(
        "The certificate authority does not offer to look at DNS for this name.".to_owned(),
    )
}

/// RFC 8555 section 8.4. The identifier of a wildcard is its base domain (section 7.1.4).
fn challenge_name(identifier: &Identifier) -> Result<String, AuthorityError> {
    match identifier {
        Identifier::Dns(name) => Ok(format!(
            "_acme-challenge.{}",
            name.trim_start_matches("*.").trim_end_matches('.')
        )),
        _ => Err(no_dns()),
    }
}

fn in_port(status: Status) -> OrderStatus {
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
    fn an_order_that_expired_was_refused_by_nobody() {
        assert_eq!(refusal(true, &[]), None);
        let said = [
            "CAA forbids it.".to_owned(),
            "The TXT record is not there.".to_owned(),
        ];
        assert_eq!(
            refusal(true, &said).as_deref(),
            Some("CAA forbids it. The TXT record is not there.")
        );
        assert_eq!(refusal(false, &said), None);
    }
}
