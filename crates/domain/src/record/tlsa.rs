//! TLSA records: which certificate a server has (RFC 6698).

use crate::fault::{NameFault, ValueFault};
use crate::names::{LabelRule, NameRule};
use crate::record::class::NameClass;
use crate::record::digits;
use crate::record::https::is_port_label;
use crate::record::note::ValueNote;
use crate::record::spec::{Guide, Parsed, Part, PartWire, TypeSpec};
use crate::txt;

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "TLSA",
    code: 52,
    title: "TLSA Record (Server Certificate)",
    class: NameClass::Other,
    names: NameRule {
        at_base: Some(NameFault::Rule(NAME)),
        labels: LabelRule::Checked(check_labels),
    },
    parts: &[&USAGE, &SELECTOR, &MATCHING_TYPE],
    takes: "hexadecimal digits",
    hint: "The hash of the certificate or of its key, as openssl or a DANE tool prints it; blanks \
           and colons between the digits do no harm. Programs trust the record only if the zone is \
           signed (DNSSEC).",
    is_text: false,
    parse,
    codec: &digits::CODEC,
    guide: Guide {
        title: "which certificate your server has (DANE)",
        intro: "For mail servers above all: others then accept only the certificate or key that \
                the record names. The name begins with the port and the protocol, each after an \
                underscore.",
        name: "_25._tcp.mail",
        parts: &["3", "1", "1"],
        value: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        remark: "A record that does not fit the server's certificate keeps mail away. With \
                 selector 1 it stays right while the server keeps its key. Programs trust the \
                 record only if the zone is signed (DNSSEC).",
    },
};

static USAGE: Part = Part {
    name: "usage",
    label: "Certificate usage",
    hint: "3 is the server's own certificate, 2 an authority of your own, 1 and 0 the same but \
           checked by the usual authorities too. The default is 3.",
    fault: "Certificate usage is 0, 1, 2 or 3",
    default: Some("3"),
    choices: &[
        ("3", "3 (DANE-EE: the server's own)"),
        ("2", "2 (DANE-TA: your authority)"),
        ("1", "1 (PKIX-EE)"),
        ("0", "0 (PKIX-TA)"),
    ],
    wire: PartWire::Octet,
};

static SELECTOR: Part = Part {
    name: "selector",
    label: "Selector",
    hint: "1 is the public key, 0 the whole certificate, which is another after each renewal. The \
           default is 1.",
    fault: "Selector is 0 or 1",
    default: Some("1"),
    choices: &[
        ("1", "1 (SPKI: public key)"),
        ("0", "0 (Cert: whole certificate)"),
    ],
    wire: PartWire::Octet,
};

static MATCHING_TYPE: Part = Part {
    name: "matching_type",
    label: "Matching type",
    hint: "1 is the SHA-256 hash, 2 the SHA-512 hash, 0 the data itself. The default is 1.",
    fault: "Matching type is 0, 1 or 2",
    default: Some("1"),
    choices: &[
        ("1", "1 (SHA-256)"),
        ("2", "2 (SHA-512)"),
        ("0", "0 (Full: no hash)"),
    ],
    wire: PartWire::Octet,
};

/// The protocols in names (RFC 6698 section 3, RFC 7671 section 3; QUIC runs over UDP).
const PROTOCOLS: [&str; 4] = ["_tcp", "_udp", "_sctp", "_dccp"];

/// What the name of a TLSA record looks like.
const NAME: &str = "the name of a TLSA record begins with the port and the protocol, for example \
                    _25._tcp.mail or _443._tcp; * stands for every port, the protocol is _tcp, \
                    _udp, _sctp or _dccp, and no further part begins with _";

/// The hash of the whole certificate, which a renewal replaces.
pub(super) const NEW_WITH_EACH_CERTIFICATE: ValueNote = ValueNote::new(
    "Selector 0 with usage 1 or 3 stands for one certificate: after the next renewal the record is \
     wrong until you change it. Selector 1 stays right while the server keeps its key.",
);
/// Usages that mail servers ignore (RFC 7672 section 3.1.3).
pub(super) const NOT_FOR_MAIL: ValueNote = ValueNote::new(
    "Mail servers ignore usage 0 and 1 (RFC 7672). Choose 3, or 2 for an authority of your own, if \
     the record is for a mail server.",
);

const WHOLE: ValueFault = ValueFault::Rule(
    "choose the three numbers in their fields, and enter the hexadecimal digits alone here",
);
const DIGITS: ValueFault = ValueFault::Rule(
    "enter the hexadecimal digits (0 to 9, a to f) that openssl or a DANE tool prints, two for \
     each octet",
);
const TOO_LONG: ValueFault = ValueFault::Rule(
    "use at most 3,990 digits: choose matching type 1 (SHA-256) and enter the hash",
);

/// The longest value in characters: with the numbers before it is one that every provider takes.
const VALUE_MAX: usize = txt::VALUE_MAX - 10;

fn check_labels(labels: &[&str]) -> Result<(), &'static str> {
    match labels {
        [port, protocol, host @ ..]
            if (*port == "*" || is_port_label(port))
                && PROTOCOLS.contains(protocol)
                && !host.iter().any(|label| label.starts_with('_')) =>
        {
            Ok(())
        }
        _ => Err(NAME),
    }
}

fn parse(input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    digits::check_line(input)?;
    if SPEC.is_whole(input) {
        return Err(WHOLE);
    }
    let octets = digits::parse(input).ok_or(DIGITS)?;
    let [usage, selector, matching_type] = parts else {
        return Err(DIGITS);
    };
    let wanted = match matching_type.as_str() {
        "1" => Some(("SHA-256", 32)),
        "2" => Some(("SHA-512", 64)),
        _ => None,
    };
    if let Some((hash, length)) = wanted.filter(|(_, length)| *length != octets.len()) {
        return Err(ValueFault::Detail(format!(
            "a {hash} hash has {} hexadecimal digits, and here are {}; choose the matching type \
             that fits",
            2 * length,
            2 * octets.len()
        )));
    }
    let text = hex::encode(octets);
    if text.len() > VALUE_MAX {
        return Err(TOO_LONG);
    }
    let is_own = ["1", "3"].contains(&usage.as_str());
    let changes = is_own && selector == "0";
    let is_for_web = ["0", "1"].contains(&usage.as_str());
    Ok(Parsed::plain(text)
        .with_note(changes.then_some(NEW_WITH_EACH_CERTIFICATE))
        .with_note(is_for_web.then_some(NOT_FOR_MAIL)))
}
