//! The channels through which users act: the pages, and each protocol of the API.

use starchart_domain::api::Protocol;

/// What a route speaks, which decides where credentials are and how errors look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Channel {
    /// A page, or a file of one.
    #[default]
    Page,
    /// Our own REST API.
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

impl Channel {
    /// Returns the protocol that an operator can turn off; `None` for pages.
    pub(crate) fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Page => None,
            Self::Rest => Some(Protocol::Rest),
            Self::PowerDns => Some(Protocol::PowerDns),
            Self::Httpreq => Some(Protocol::Httpreq),
            Self::AcmeDns => Some(Protocol::AcmeDns),
            Self::DynDns => Some(Protocol::DynDns),
        }
    }

    /// Returns the scheme that a request without valid credentials is asked for
    /// (`WWW-Authenticate`, RFC 9110 section 11.6.1).
    pub(crate) fn challenge(self) -> &'static str {
        match self {
            Self::Page | Self::Rest => "Token",
            Self::PowerDns => "X-API-Key",
            Self::AcmeDns => "X-Api-Key",
            // Clients such as wget send nothing before they are asked.
            Self::Httpreq | Self::DynDns => "Basic realm=\"API token\", charset=\"UTF-8\"",
        }
    }
}
