//! MX records: mail servers (RFC 1035 section 3.3.9).

use crate::fault::ValueFault;
use crate::fault::advice::HostTexts;
use crate::names::NameRule;
use crate::record::class::NameClass;
use crate::record::host;
use crate::record::note::ValueNote;
use crate::record::spec::{Guide, Parsed, Part, PartWire, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "MX",
    code: 15,
    title: "MX Record (Mail Server)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[&PRIORITY],
    takes: "a host name",
    hint: "The name of the mail server; it needs an A or AAAA record, not a CNAME. A single dot \
           (.) with priority 0 says that the name takes no mail.",
    is_text: false,
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

/// What to enter instead of other things than a host name.
static TEXTS: HostTexts = HostTexts {
    address: "an MX record points to a host name, not to an address; make an A or AAAA record for \
              the mail server and enter its name",
    numbers: " and put the number (0 to 65535) into Priority",
    port: "mail servers are always reached on port 25, so {} cannot be published",
};

/// A record that says that there is no mail (RFC 7505).
pub const NULL_MX: &str = "0 .";

/// A target that says that the name takes no mail.
pub const NO_MAIL: ValueNote = ValueNote::new(
    "This says that the name takes no mail (null MX). Enter the name of a mail server, if it does.",
);

/// Says which priority a null MX has (RFC 7505 section 3).
const NULL_MX_PRIORITY: ValueFault = ValueFault::Rule(
    "a single dot says that the name takes no mail (null MX): enter 0 under Priority for that, or \
     here the name of a mail server",
);

fn parse(input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    if input == "." {
        return match parts.first().map_or("", String::as_str) {
            "" | "0" => Ok(Parsed::plain(input.to_owned()).with_note(Some(NO_MAIL))),
            _ => Err(NULL_MX_PRIORITY),
        };
    }
    host::parse(input, &TEXTS)
}
