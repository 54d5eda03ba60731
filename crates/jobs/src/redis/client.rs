//! Connections to Redis.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, RedisError};
use starchart_domain::secret::Secret;

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a response may take. The library's default of 500 ms is too short on a busy machine.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// After how long an unacknowledged connection is closed (TCP_USER_TIMEOUT), for peers that vanish
/// silently.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// The URL of Redis is invalid. An unavailable Redis is no such error.
#[derive(Debug, thiserror::Error)]
#[error("invalid URL: {0}")]
pub struct Error(#[from] RedisError);

/// A client for one Redis, which does not connect by itself.
#[derive(Debug, Clone)]
pub(crate) struct RedisClient {
    client: Client,
}

impl RedisClient {
    /// Parses the URL without connecting.
    pub(crate) fn open(url: &Secret) -> Result<Self, Error> {
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(HEARTBEAT_TIMEOUT);
        let info = url.expose().into_connection_info()?.set_tcp_settings(tcp);
        Ok(Self {
            client: Client::open(info)?,
        })
    }

    /// Creates a connection that can be renewed.
    pub(crate) fn renewable(self) -> Result<RenewableConnection, Error> {
        let current = self.connection()?;
        Ok(RenewableConnection {
            client: self,
            current: Arc::new(Mutex::new(current)),
        })
    }

    /// Creates a connection that connects at its first use and reconnects after a failure. Commands
    /// fail at once while Redis is unavailable.
    pub(crate) fn connection(&self) -> Result<ConnectionManager, Error> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        Ok(ConnectionManager::new_lazy_with_config(
            self.client.clone(),
            config,
        )?)
    }
}

/// A connection that is replaced after a failure; clones share it.
///
/// The library's connection reconnects only after a failure of the network. After a refused
/// password it returns that refusal to every later command, even when Redis takes the password
/// again.
#[derive(Clone)]
pub(crate) struct RenewableConnection {
    client: RedisClient,
    current: Arc<Mutex<ConnectionManager>>,
}

impl RenewableConnection {
    /// Returns the current connection.
    pub(crate) fn get(&self) -> ConnectionManager {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the connection by a new one, which connects at its first use.
    pub(crate) fn renew(&self) {
        if let Ok(new) = self.client.connection() {
            *self.current.lock().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }
}

impl std::fmt::Debug for RenewableConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenewableConnection")
            .finish_non_exhaustive()
    }
}
