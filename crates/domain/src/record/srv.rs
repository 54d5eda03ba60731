//! SRV records: the host and port of a service (RFC 2782).

use crate::fault::advice::HostTexts;
use crate::fault::{NameFault, ValueFault};
use crate::names::{LabelRule, NameRule};
use crate::record::class::NameClass;
use crate::record::host;
use crate::record::mx::PRIORITY;
use crate::record::note::ValueNote;
use crate::record::spec::{Guide, Parsed, Part, PartWire, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "SRV",
    code: 33,
    title: "SRV Record (Service and Port)",
    class: NameClass::Other,
    names: NameRule {
        at_base: Some(NameFault::Rule(NAME)),
        labels: LabelRule::Checked(check_labels),
    },
    parts: &[&PRIORITY, &WEIGHT, &PORT],
    takes: "a host name",
    hint: "The name of the server that runs the service; it needs an A or AAAA record, not a \
           CNAME. A single dot (.) says that your domain does not offer the service.",
    is_text: false,
    parse,
    codec: &host::CODEC,
    guide: Guide {
        title: "a service and its port",
        intro: "For programs that look up the port of a server, such as Minecraft, SIP phones or \
                XMPP. The name consists of the service and the protocol, each after an underscore.",
        name: "_minecraft._tcp.play",
        parts: &["10", "5", "25565"],
        value: "server.{base}",
        remark: "Players enter `play.{base}` and reach port 25565 of `server.{base}`, which needs \
                 an A or AAAA record of its own. Browsers ignore SRV records.",
    },
};

static WEIGHT: Part = Part {
    name: "weight",
    label: "Weight",
    hint: "among servers with the same priority, one with twice the weight is chosen twice as \
           often. The default is 0.",
    fault: "Weight is a whole number from 0 to 65535; enter 0 for a single server",
    default: Some("0"),
    choices: &[],
    wire: PartWire::Number,
};

static PORT: Part = Part {
    name: "port",
    label: "Port",
    hint: "the port on which the server listens, for example 25565. It is published.",
    fault: "Port is a whole number from 0 to 65535, such as 25565; enter the port on which the \
            server listens",
    default: None,
    choices: &[],
    wire: PartWire::Number,
};

/// The protocols that programs look for (RFC 2782, RFC 6733 and the IANA registry).
const PROTOCOLS: [&str; 5] = ["_tcp", "_udp", "_tls", "_sctp", "_dccp"];

/// What the name of an SRV record looks like.
const NAME: &str = "the name of an SRV record begins with the service and the protocol, for \
                    example _minecraft._tcp or _minecraft._tcp.play; the protocol is _tcp, _udp, \
                    _tls, _sctp or _dccp, and no further part begins with _";

/// A target that says that the service does not exist.
pub const NOT_OFFERED: ValueNote = ValueNote::new(
    "This says that your domain does not offer the service. Enter the name of a server, if it \
     does.",
);

/// What to enter instead of other things than a host name.
static TEXTS: HostTexts = HostTexts {
    address: "an SRV record points to a host name, not to an address; make an A or AAAA record for \
              the server and enter its name",
    numbers: " and put the numbers into Priority, Weight and Port",
    port: "put {} into Port",
};

fn check_labels(labels: &[&str]) -> Result<(), &'static str> {
    match labels {
        [service, protocol, rest @ ..]
            if service.starts_with('_')
                && PROTOCOLS.contains(protocol)
                && !rest.iter().any(|label| label.starts_with('_')) =>
        {
            Ok(())
        }
        _ => Err(NAME),
    }
}

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    if input == "." {
        return Ok(Parsed::plain(input.to_owned()).with_note(Some(NOT_OFFERED)));
    }
    host::parse(input, &TEXTS)
}
