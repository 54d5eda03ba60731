//! The certificate authority of the demo, which validates names by dns-01 (RFC 8555 section 8.4).
//!
//! It implements the port in `starchart-acme` and looks up TXT records at the demo's name server.
//! Its certificates and orders are files in the demo's folder, so that a restart continues them.

mod issuer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use starchart_acme::authority::{
    Authority, AuthorityError, NewOrder, Order, OrderStatus, PendingAuthorization,
    ReplacedCertificate,
};
use starchart_acme::chain::{self, ChainError};
use starchart_dns::propagation::{Reply, query_address};
use starchart_domain::certificate::CHALLENGE_TYPE;
use starchart_domain::certificate::RevocationReason;
use starchart_domain::txt;

use crate::error::Error;
use issuer::Issuer;

/// The only account of this authority.
const ACCOUNT: &str = "demo:account";
/// The prefix of an order's URL.
const URL_PREFIX: &str = "demo:order/";

/// The certificate authority of the demo, without rate limits.
pub struct DemoAuthority {
    issuer: Issuer,
    name_server: SocketAddr,
    file: PathBuf,
    orders: Mutex<Orders>,
}

type Orders = BTreeMap<String, Row>;

/// An order as the file stores it.
#[derive(Clone, Serialize, Deserialize)]
struct Row {
    names: Vec<String>,
    state: State,
    /// One authorization for each name.
    authorizations: Vec<Authorization>,
    problem: Option<String>,
    /// The certificate and the intermediate in PEM.
    chain: Option<String>,
    #[serde(default)]
    revoked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Ready,
    Valid,
    Invalid,
}

#[derive(Clone, Serialize, Deserialize)]
struct Authorization {
    fqdn: String,
    value: String,
    validated: bool,
}

impl DemoAuthority {
    /// Opens the authority in `folder`, and creates it at the first start. It validates names at
    /// `name_server` and issues certificates for `days` days. Up to 10 days they have no subject,
    /// like the short-lived certificates of Let's Encrypt.
    ///
    /// # Errors
    /// A file cannot be read, parsed or written.
    pub fn open(folder: &Path, name_server: SocketAddr, days: u16) -> Result<Self, Error> {
        let file = folder.join("ca-orders.json");
        let orders = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::Unreadable(format!("{}: {error}", file.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Orders::new(),
            Err(error) => return Err(Error::io(format!("reading {}", file.display()))(error)),
        };
        Ok(Self {
            issuer: Issuer::open(folder, days)?,
            name_server,
            file,
            orders: Mutex::new(orders),
        })
    }

    /// The files that an earlier start may have left in the folder.
    pub const FILES: [&str; 5] = [
        "ca-root.pem",
        "ca-intermediate.pem",
        "ca-intermediate-key.pem",
        "ca-orders.json",
        "ca-orders.new",
    ];

    /// Returns the path of the root certificate (PEM).
    pub fn root_path(&self) -> &Path {
        self.issuer.root_path()
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find_order(&self, url: &str) -> Result<Row, AuthorityError> {
        let gone = || {
            AuthorityError::Gone(
                "the certificate authority of the demo does not know the order".to_owned(),
            )
        };
        self.lock().get(url).cloned().ok_or_else(gone)
    }

    /// Changes an order and saves it before the change becomes visible.
    fn update_order<T>(
        &self,
        url: &str,
        change: impl FnOnce(&mut Row) -> Result<T, AuthorityError>,
    ) -> Result<T, AuthorityError> {
        let mut orders = self.lock();
        let mut new = orders.clone();
        let row = new
            .get_mut(url)
            .ok_or_else(|| AuthorityError::Gone("the order was removed".to_owned()))?;
        let result = change(row)?;
        self.save(&new)?;
        *orders = new;
        Ok(result)
    }

    fn save(&self, orders: &Orders) -> Result<(), AuthorityError> {
        let new = self.file.with_extension("new");
        let write = || {
            std::fs::write(&new, serde_json::to_vec_pretty(orders)?)?;
            std::fs::rename(&new, &self.file)
        };
        write().map_err(|error: std::io::Error| {
            AuthorityError::unavailable(format!("{}: {error}", self.file.display()))
        })
    }

    /// Looks up the TXT record. Returns `None` when it has the expected value, otherwise a reason
    /// for the user.
    async fn validate(&self, authorization: &Authorization) -> Option<String> {
        let Authorization { fqdn, value, .. } = authorization;
        match query_address(self.name_server, fqdn, CHALLENGE_TYPE).await {
            Reply::Values(values) if values.contains(&txt::encode(value)) => None,
            Reply::Values(values) if values.is_empty() => {
                Some(format!("No TXT record was found at {fqdn}."))
            }
            Reply::Values(_) => Some(format!(
                "The TXT record at {fqdn} does not hold the expected value."
            )),
            reply => Some(format!(
                "The name server did not respond with the TXT record at {fqdn}: {reply}."
            )),
        }
    }
}

#[async_trait]
impl Authority for DemoAuthority {
    async fn new_order(
        &self,
        names: &[String],
        _: Option<ReplacedCertificate<'_>>,
    ) -> Result<NewOrder, AuthorityError> {
        if names.is_empty() {
            return Err(AuthorityError::Refused(
                "An order needs at least one name.".to_owned(),
            ));
        }
        let authorization = |name: &String| Authorization {
            fqdn: format!(
                "_acme-challenge.{}",
                name.strip_prefix("*.").unwrap_or(name)
            ),
            value: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()),
            validated: false,
        };
        let url = format!("{URL_PREFIX}{:032x}", rand::random::<u128>());
        let row = Row {
            names: names.to_vec(),
            state: State::Pending,
            authorizations: names.iter().map(authorization).collect(),
            problem: None,
            chain: None,
            revoked: false,
        };
        let mut orders = self.lock();
        let mut new = orders.clone();
        new.insert(url.clone(), row);
        self.save(&new)?;
        *orders = new;
        Ok(NewOrder {
            url,
            account: ACCOUNT.to_owned(),
            is_replacement: false,
        })
    }

    async fn fetch_order(&self, url: &str) -> Result<Order, AuthorityError> {
        let row = self.find_order(url)?;
        let pending = row
            .authorizations
            .iter()
            .filter(|authorization| !authorization.validated);
        let pending = pending.map(|a| PendingAuthorization {
            fqdn: a.fqdn.clone(),
            value: a.value.clone(),
        });
        Ok(Order {
            status: match row.state {
                State::Pending => OrderStatus::Pending,
                State::Ready => OrderStatus::Ready,
                State::Valid => OrderStatus::Valid,
                State::Invalid => OrderStatus::Invalid,
            },
            pending: if row.state == State::Pending {
                pending.collect()
            } else {
                Vec::new()
            },
            problem: row.problem,
            retry_after: None,
        })
    }

    async fn respond_to_challenges(&self, url: &str) -> Result<Option<Duration>, AuthorityError> {
        let row = self.find_order(url)?;
        if row.state != State::Pending {
            return Ok(None);
        }
        let mut problem = None;
        for authorization in &row.authorizations {
            problem = problem.or(self.validate(authorization).await);
        }
        self.update_order(url, |row| {
            if row.state == State::Pending {
                row.state = if problem.is_none() {
                    State::Ready
                } else {
                    State::Invalid
                };
                row.authorizations
                    .iter_mut()
                    .for_each(|authorization| authorization.validated = problem.is_none());
                row.problem = problem;
            }
            Ok(())
        })?;
        Ok(None)
    }

    async fn finalize(
        &self,
        url: &str,
        csr_der: &[u8],
    ) -> Result<Option<Duration>, AuthorityError> {
        self.update_order(url, |row| {
            match row.state {
                State::Valid => return Ok(()),
                State::Ready => {}
                State::Pending | State::Invalid => {
                    return Err(AuthorityError::Gone(
                        "the order is not ready for a certificate request".to_owned(),
                    ));
                }
            }
            row.chain = Some(self.issuer.issue(csr_der, &row.names)?);
            row.state = State::Valid;
            Ok(())
        })?;
        Ok(None)
    }

    async fn download_chain(&self, url: &str) -> Result<String, AuthorityError> {
        self.find_order(url)?
            .chain
            .ok_or_else(|| AuthorityError::Gone("the order has no certificate yet".to_owned()))
    }

    async fn revoke(
        &self,
        certificate_pem: &str,
        _: RevocationReason,
    ) -> Result<(), AuthorityError> {
        let certificate = |pem: &str| chain::split(pem).map(|chain| chain.certificate);
        let refused = |error: ChainError| AuthorityError::Refused(error.to_string());
        let certificate_pem = certificate(certificate_pem).map_err(refused)?;
        let contains_it = |row: &Row| {
            row.chain
                .as_ref()
                .is_some_and(|chain| certificate(chain) == Ok(certificate_pem.clone()))
        };
        let url = self
            .lock()
            .iter()
            .find(|(_, row)| contains_it(row))
            .map(|(url, _)| url.clone());
        let url = url.ok_or_else(|| {
            AuthorityError::Refused("This certificate was not issued by this authority.".to_owned())
        })?;
        self.update_order(&url, |row| {
            row.revoked = true;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
