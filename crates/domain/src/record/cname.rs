//! CNAME records: aliases of host names (RFC 1035 section 3.3.1).

use crate::fault::{NameFault, ValueFault};
use crate::names::{LabelRule, NameRule};
use crate::record::class::NameClass;
use crate::record::host;
use crate::record::spec::{Guide, Parsed, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "CNAME",
    code: 5,
    title: "CNAME Record (Domain Name)",
    class: NameClass::Cname,
    // Domain verification needs underscores.
    names: NameRule {
        at_base: Some(NameFault::CnameAtBase),
        labels: LabelRule::Underscores,
    },
    parts: &[],
    takes: "a host name",
    hint: "",
    keeps_blanks: false,
    parse: |input, _| host::parse(input, ValueFault::HostIsAddress).map(Parsed::plain),
    codec: &host::CODEC,
    guide: Guide {
        title: "another name",
        intro: "For a site at a hosting service, which tells you the name to point to.",
        name: "blog",
        parts: &[],
        value: "yourname.github.io",
        remark: "A CNAME must be the only record of its name: `blog.{base}` can then have no other \
                 record. A CNAME is not possible for `{base}` itself.",
    },
};
