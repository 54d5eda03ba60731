//! Connections to Redis.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, IntoConnectionInfo, RedisError};
use starchart_domain::secret::Secret;

/// A connection is given up after this.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// An answer is given up after this; the library's own 500 ms are over as soon as a machine is
/// busy.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// A connection whose other end takes nothing for so long is dead, even where nobody said so (a
/// cable, a firewall).
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// Why Redis cannot be used at all. That it does not answer is no such reason.
#[derive(Debug, thiserror::Error)]
#[error("the URL cannot be used: {0}")]
pub struct Error(#[from] RedisError);

/// The way to one Redis.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    client: Client,
}

impl Link {
    /// Reads the URL; connects to nothing.
    pub(crate) fn open(url: &Secret) -> Result<Self, Error> {
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(SILENCE_LIMIT);
        let info = url.expose().into_connection_info()?.set_tcp_settings(tcp);
        Ok(Self {
            client: Client::open(info)?,
        })
    }

    /// A connection that is made at its first use, and anew after it broke. A use while Redis is
    /// away fails at once.
    pub(crate) fn connection(&self) -> Result<ConnectionManager, Error> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        Ok(ConnectionManager::new_lazy_with_config(
            self.client.clone(),
            config,
        )?)
    }
}
