//! SVCB records: how programs reach a service (RFC 9460).

use crate::names::{LabelRule, NameRule};
use crate::record::binding;
use crate::record::class::NameClass;
use crate::record::spec::{Guide, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "SVCB",
    code: 64,
    title: "SVCB Record (Service Binding)",
    class: NameClass::Other,
    names: NameRule {
        at_base: None,
        // The scheme of the service, and its port, begin with an underscore (section 2.3).
        labels: LabelRule::Underscores,
    },
    parts: &[&binding::PRIORITY],
    takes: "a target with parameters",
    hint: "As for HTTPS records, for services other than websites. The name begins with the \
           scheme, for example _dns.resolver.",
    is_text: false,
    parse: binding::parse,
    codec: &binding::CODEC,
    guide: Guide {
        title: "how programs reach a service",
        intro: "The same for services other than websites, such as DNS over TLS. The service's \
                documentation says whether its programs look for it.",
        name: "_dns.resolver",
        parts: &["1"],
        value: "resolver.{base} alpn=dot port=853",
        remark: "",
    },
};
