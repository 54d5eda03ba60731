//! MX records: mail servers (RFC 1035 section 3.3.9).

use crate::fault::ValueFault;
use crate::names::NameRule;
use crate::record::class::NameClass;
use crate::record::host;
use crate::record::spec::{Guide, Parsed, Part, PartWire, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "MX",
    code: 15,
    title: "MX Record (Mail Server)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[&PRIORITY],
    takes: "a host name",
    hint: "",
    keeps_blanks: false,
    parse,
    codec: &host::CODEC,
    guide: Guide {
        title: "where mail goes",
        intro: "For mail to addresses under your domain. The value is the name of a mail server, \
                not an address.",
        name: "@",
        parts: &["10"],
        value: "mail.{base}",
        remark: "Mail to `you@{base}` then goes to `mail.{base}`, which needs an A or AAAA record \
                 of its own.",
    },
};

/// The preference of an MX record; other types with priorities have the same field.
pub(super) static PRIORITY: Part = Part {
    name: "priority",
    label: "Priority",
    hint: "the server with the lowest number is tried first. The default is 10.",
    fault: "Priority is a whole number from 0 to 65535; the lowest is tried first",
    default: Some("10"),
    choices: &[],
    wire: PartWire::Number,
};

/// Says what to enter instead of an address.
const ADDRESS: ValueFault = ValueFault::Rule(
    "an MX record points to a host name, not to an address; make an A or AAAA record for the mail \
     server and enter its name",
);

/// Says where the preference belongs.
const WITH_PRIORITY: ValueFault =
    ValueFault::Rule("enter the host name alone and put the number (0 to 65535) into Priority");

fn parse(input: &str, _: &[String]) -> Result<Parsed, ValueFault> {
    match host::parse(input, ADDRESS) {
        Ok(host) => Ok(Parsed::plain(host)),
        Err(ValueFault::Host) if host::begins_with_number(input) => Err(WITH_PRIORITY),
        Err(fault) => Err(fault),
    }
}
