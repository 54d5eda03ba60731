//! Checks that A and AAAA records share.

use std::net::IpAddr;

use crate::fault::ValueFault;
use crate::names::HostName;
use crate::record::note::ValueNote;

/// A private address (RFC 1918, RFC 4193).
pub const PRIVATE: ValueNote = ValueNote(
    "This is a private address: it works only inside its own network, such as a school lab.",
);
/// An address reserved for documentation (RFC 5737, RFC 3849).
pub const DOCUMENTATION: ValueNote =
    ValueNote("This address is kept for examples: no server can be reached there.");

/// Returns why a text is not an address of its type; names the type that it fits, if any.
pub(super) fn no_address(input: &str, otherwise: ValueFault) -> ValueFault {
    match (input.parse::<IpAddr>(), HostName::parse(input)) {
        (Ok(IpAddr::V4(_)), _) => ValueFault::Ipv4InAaaa,
        (Ok(IpAddr::V6(_)), _) => ValueFault::Ipv6InA,
        (Err(_), Ok(_)) => ValueFault::HostInAddress,
        (Err(_), Err(_)) => otherwise,
    }
}
