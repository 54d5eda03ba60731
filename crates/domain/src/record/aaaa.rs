//! AAAA records: IPv6 addresses (RFC 3596).

use std::net::Ipv6Addr;

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::names::NameRule;
use crate::record::address::{self, DOCUMENTATION, PRIVATE};
use crate::record::class::NameClass;
use crate::record::note::ValueNote;
use crate::record::spec::{Codec, Guide, Parsed, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "AAAA",
    code: 28,
    title: "AAAA Record (IPv6 Address)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[],
    takes: "an address",
    hint: "",
    is_text: false,
    parse,
    codec: &Codec {
        canonicalize: |text| Some(text.trim().parse::<Ipv6Addr>().ok()?.to_string()),
        to_wire: |text| Some(text.parse::<Ipv6Addr>().ok()?.octets().to_vec()),
        from_wire: |octets| Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_string()),
    },
    guide: Guide {
        title: "an IPv6 address",
        intro: "The same for IPv6. A name can have both A and AAAA records.",
        name: "www",
        parts: &[],
        value: "2001:db8::25",
        remark: "",
    },
};

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    let address: Ipv6Addr = address::parse(input, Wanted::Ipv6)?;
    Ok(Parsed::plain(address.to_string()).with_note(note(address)))
}

fn note(address: Ipv6Addr) -> Option<ValueNote> {
    match address.segments() {
        [0xfc00..=0xfdff, ..] => Some(PRIVATE),
        [0x2001, 0xdb8, ..] => Some(DOCUMENTATION),
        _ => None,
    }
}
