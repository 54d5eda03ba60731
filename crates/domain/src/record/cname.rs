//! CNAME records: aliases of host names (RFC 1035 section 3.3.1).

use crate::fault::advice::HostTexts;
use crate::names::{LabelRule, NameRule};
use crate::record::class::NameClass;
use crate::record::host;
use crate::record::spec::{Guide, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "CNAME",
    code: 5,
    title: "CNAME Record (Domain Name)",
    class: NameClass::Cname,
    names: NameRule {
        // The base domain of a user is not the apex of a zone.
        at_base: None,
        // Domain verification needs underscores.
        labels: LabelRule::Underscores,
    },
    parts: &[],
    takes: "a host name",
    hint: "",
    is_text: false,
    parse: |input, _| host::parse(input, &TEXTS),
    codec: &host::CODEC,
    guide: Guide {
        title: "another name",
        intro: "For a site at a hosting service, which tells you the name to point to.",
        name: "blog",
        parts: &[],
        value: "yourname.github.io",
        remark: "A CNAME must be the only record of its name: `blog.{base}` can then have no other \
                 record. The same holds for `{base}` itself.",
    },
};

/// What to enter instead of other things than a host name.
static TEXTS: HostTexts = HostTexts {
    address: "this is an address; choose the type A (IPv4) or AAAA (IPv6), or enter a host name",
    numbers: ", without the numbers",
    port: "a CNAME record cannot hold the port {}",
};
