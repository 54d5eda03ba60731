//! A records: IPv4 addresses (RFC 1035 section 3.4.1).

use std::net::Ipv4Addr;

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::names::NameRule;
use crate::record::address::{self, DOCUMENTATION, PRIVATE};
use crate::record::class::NameClass;
use crate::record::note::ValueNote;
use crate::record::spec::{Codec, Guide, Parsed, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "A",
    code: 1,
    title: "A Record (IPv4 Address)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[],
    takes: "an address",
    hint: "",
    is_text: false,
    parse,
    codec: &Codec {
        canonicalize: |text| Some(text.trim().parse::<Ipv4Addr>().ok()?.to_string()),
        to_wire: |text| Some(text.parse::<Ipv4Addr>().ok()?.octets().to_vec()),
        from_wire: |octets| Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).to_string()),
    },
    guide: Guide {
        title: "an IPv4 address",
        intro: "For your own server with a public IPv4 address.",
        name: "www",
        parts: &[],
        value: "203.0.113.25",
        remark: "Visitors of `www.{base}` reach the server with that address. The address here is \
                 only an example: enter the address of your server.",
    },
};

/// An address of a carrier-grade NAT (RFC 6598).
pub const SHARED_NAT: ValueNote = ValueNote::new(
    "This address belongs to a provider's shared network: others cannot reach it from outside.",
);

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    let address: Ipv4Addr = address::parse(input, Wanted::Ipv4)?;
    Ok(Parsed::plain(address.to_string()).with_note(note(address)))
}

fn note(address: Ipv4Addr) -> Option<ValueNote> {
    match address.octets() {
        [100, 64..=127, ..] => Some(SHARED_NAT),
        _ if address.is_private() => Some(PRIVATE),
        _ if address.is_documentation() => Some(DOCUMENTATION),
        _ => None,
    }
}
