//! Checks that A and AAAA records share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::input::typed::recognize;
use crate::record::note::ValueNote;

/// A private address (RFC 1918, RFC 4193).
pub const PRIVATE: ValueNote = ValueNote::new(
    "This is a private address: it works only inside its own network, such as a school lab.",
);
/// An address reserved for documentation (RFC 5737, RFC 3849).
pub const DOCUMENTATION: ValueNote =
    ValueNote::new("This address is kept for examples: no server can be reached there.");

/// Parses an address of the wanted kind that other hosts can reach.
pub(super) fn parse<A: FromStr + Copy + Into<IpAddr>>(
    input: &str,
    wanted: Wanted,
) -> Result<A, ValueFault> {
    if let Ok(address) = input.parse::<A>() {
        return match unreachable_kind(address.into()) {
            Some(kind) => Err(ValueFault::Address { kind }),
            None => Ok(address),
        };
    }
    let typed = recognize(input);
    // What would be refused next is refused now: nobody has to correct the spelling first.
    match typed.address().and_then(unreachable_kind) {
        Some(kind) => Err(ValueFault::Address { kind }),
        None => Err(ValueFault::mistyped(typed, wanted)),
    }
}

/// Returns of which kind an address is, if other hosts cannot reach it.
fn unreachable_kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => unreachable_ipv4(address),
        IpAddr::V6(address) => unreachable_ipv6(address),
    }
}

fn unreachable_ipv4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("the unspecified network (0.0.0.0/8)"),
        [127, ..] => Some("a loopback address"),
        [169, 254, ..] => Some("a link-local address"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [240..=255, ..] => Some("a reserved address"),
        _ => None,
    }
}

fn unreachable_ipv6(address: Ipv6Addr) -> Option<&'static str> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("the loopback address"),
        [0, 0, 0, 0, 0, 0xffff, ..] => Some("an IPv4 address written as IPv6 (use an A record)"),
        [0, 0, 0, 0, 0, 0, ..] => Some("an old IPv4-compatible address"),
        [0x2002, ..] => Some("a 6to4 address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        _ => None,
    }
}
