//! What an operator offers of the API.

use std::collections::BTreeSet;
use std::fmt;

use strum::VariantArray;

/// A protocol that programs of users speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum Protocol {
    /// Our own REST API, in deSEC's shapes.
    Rest,
    /// The API of PowerDNS' authoritative server.
    PowerDns,
    /// The httpreq protocol of lego.
    Httpreq,
    /// The API of acme-dns.
    AcmeDns,
    /// dyndns2, and deSEC's update URL.
    DynDns,
}

impl Protocol {
    /// Every protocol, in the order of the setting's default.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Returns the protocol as the setting names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::PowerDns => "powerdns",
            Self::Httpreq => "httpreq",
            Self::AcmeDns => "acme-dns",
            Self::DynDns => "dyndns",
        }
    }
}

impl fmt::Display for Protocol {
    /// Writes the protocol as pages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "REST",
            Self::PowerDns => "PowerDNS",
            Self::Httpreq => "httpreq",
            Self::AcmeDns => "acme-dns",
            Self::DynDns => "dynamic addresses",
        })
    }
}

/// What an operator offers of the API. The defaults are in the list of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiSettings {
    /// `API_ENABLED`, `API_PROTOCOLS`: the protocols that are answered; none when the API is off.
    pub protocols: BTreeSet<Protocol>,
    /// `API_REQUESTS_PER_MINUTE`: requests of one token.
    pub requests_per_minute: u32,
}

impl ApiSettings {
    /// Returns whether any protocol is answered.
    pub fn is_on(&self) -> bool {
        !self.protocols.is_empty()
    }

    /// Returns whether the protocol is answered.
    pub fn answers(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }
}
