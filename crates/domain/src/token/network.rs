//! The networks that a token is accepted from.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// Networks of one token at most.
const NETWORKS_MAX: usize = 20;

/// The networks that a token is accepted from; none of them means every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// Why a text lists no networks. Displays as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkFault {
    /// An item is neither a network nor an address.
    Invalid(String),
    /// There are more than a token can have.
    TooMany,
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(item) => write!(
                f,
                "“{item}” is neither an address such as 192.0.2.7 nor a network such as \
                 192.0.2.0/24 or 2001:db8::/48"
            ),
            Self::TooMany => write!(f, "a token can have at most {NETWORKS_MAX} networks"),
        }
    }
}

impl Networks {
    /// Parses networks and addresses that are separated by commas or white space. An empty text
    /// allows every address.
    ///
    /// # Errors
    /// The first item that is wrong.
    pub fn parse(text: &str) -> Result<Self, NetworkFault> {
        let items = text.split(|c: char| c == ',' || c.is_whitespace());
        let mut networks = Vec::new();
        for item in items.filter(|item| !item.is_empty()) {
            let network = item
                .parse::<IpNet>()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| NetworkFault::Invalid(item.chars().take(60).collect()))?
                .trunc();
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        match networks.len() {
            ..=NETWORKS_MAX => Ok(Self(networks)),
            _ => Err(NetworkFault::TooMany),
        }
    }

    /// Returns whether the token is accepted from this address.
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns whether the token is accepted from every address.
    pub fn allow_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the networks in the order in which they were written.
    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.0.iter()
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            // A network of one address is that address.
            match network.prefix_len() == network.max_prefix_len() {
                true => write!(f, "{comma}{}", network.addr())?,
                false => write!(f, "{comma}{network}")?,
            }
        }
        Ok(())
    }
}
