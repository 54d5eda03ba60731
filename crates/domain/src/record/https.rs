//! HTTPS records: how browsers reach a site (RFC 9460 section 9).

use crate::names::{LabelRule, NameRule};
use crate::record::binding;
use crate::record::class::NameClass;
use crate::record::spec::{Guide, TypeSpec};

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "HTTPS",
    code: 65,
    title: "HTTPS Record (Web Service)",
    class: NameClass::Other,
    names: NameRule {
        at_base: None,
        labels: LabelRule::Checked(check_labels),
    },
    parts: &[&binding::PRIORITY],
    takes: "a target with parameters",
    hint: "The target, which is a host name or a single dot (.) for this name itself, then \
           parameters such as alpn=h2,h3 (HTTP versions), port=8443, ipv4hint=192.0.2.10. Browsers \
           then use https:// only, and still need an A or AAAA record at the target.",
    is_text: false,
    parse: binding::parse,
    codec: &binding::CODEC,
    guide: Guide {
        title: "how browsers reach your site",
        intro: "Tells browsers before the first connection which HTTP versions and which port your \
                site has. A site works without it.",
        name: "www",
        parts: &["1"],
        value: ". alpn=h2,h3",
        remark: "Browsers then open `www.{base}` with HTTP/2 or HTTP/3, and never without \
                 https://. With service priority 0 the value is a target alone, of which the name \
                 is an alias.",
    },
};

/// What the name of an HTTPS record looks like (RFC 9460 section 9.1).
const NAME: &str = "the name of an HTTPS record is that of the site; only for another port than \
                    443 does it begin with the port and _https, for example _8443._https.www";

fn check_labels(labels: &[&str]) -> Result<(), &'static str> {
    let host = match labels {
        [port, "_https", host @ ..] if is_port_label(port) => host,
        host => host,
    };
    match host.iter().any(|label| label.starts_with('_')) {
        true => Err(NAME),
        false => Ok(()),
    }
}

/// Returns whether a label is a port after an underscore: `_8443`.
pub(super) fn is_port_label(label: &str) -> bool {
    let digits = label.strip_prefix('_').unwrap_or_default();
    let port = digits.parse::<u16>();
    port.is_ok_and(|port| port.to_string() == digits)
}
