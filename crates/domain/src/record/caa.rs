//! CAA records: which certificate authorities may issue for a domain (RFC 8659).

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::input::typed::{Typed, recognize};
use crate::names::{HostName, NameRule};
use crate::record::class::NameClass;
use crate::record::spec::{Codec, Guide, Parsed, Part, PartWire, TypeSpec};
use crate::txt;

pub(super) static SPEC: TypeSpec = TypeSpec {
    mnemonic: "CAA",
    code: 257,
    title: "CAA Record (Certificate Authority)",
    class: NameClass::Other,
    names: NameRule::PLAIN,
    parts: &[&FLAG, &TAG],
    takes: "a certificate authority",
    hint: "The authority's domain as its documentation gives it, for example letsencrypt.org; a \
           semicolon (;) for none. For the tag iodef: mailto: and an address, or a URL. Quotation \
           marks are added for you.",
    is_text: false,
    parse,
    codec: &Codec {
        canonicalize: |text| Some(txt::quote(&only_string(text)?)),
        to_wire: |text| only_string(text).filter(|_| text.starts_with('"')),
        from_wire: |octets| Some(txt::quote(octets)),
    },
    guide: Guide {
        title: "who may issue certificates",
        intro: "Says which certificate authorities may issue certificates for your domain. \
                Without CAA records every authority may.",
        name: "@",
        parts: &["0", "issue"],
        value: "letsencrypt.org",
        remark: "The records of the closest name count, for `{base}` and all names below it that \
                 have none of their own. If the authority that issues your certificate here is not \
                 among them, your certificate can no longer be renewed. Without records at \
                 `{base}` those of the domains above it count, which this page does not know.",
    },
};

static FLAG: Part = Part {
    name: "flag",
    label: "Flag",
    hint: "128 forbids issuance to an authority that does not know the tag. The default is 0.",
    fault: "Flag is 0, or 128 (critical)",
    default: Some("0"),
    choices: &[("0", "0"), ("128", "128 (critical)")],
    wire: PartWire::Octet,
};

static TAG: Part = Part {
    name: "tag",
    label: "Tag",
    hint: "issue allows an authority to issue certificates, issuewild those for wildcards (and \
           then only these records count for wildcards), iodef says where to report violations. \
           The default is issue.",
    fault: "Tag is issue, issuewild or iodef",
    default: Some("issue"),
    choices: &[
        ("issue", "issue (who may issue)"),
        ("issuewild", "issuewild (who may issue wildcards)"),
        ("iodef", "iodef (where to report)"),
    ],
    wire: PartWire::Word,
};

/// The longest value, in characters.
const VALUE_MAX: usize = 255;

const QUOTED: ValueFault =
    ValueFault::Rule("leave out the quotation marks, they are added for you");
const WHOLE: ValueFault = ValueFault::Rule(
    "enter the authority's domain alone and choose the flag and the tag in their fields",
);
const ISSUER: ValueFault = ValueFault::Rule(
    "enter the domain of a certificate authority such as letsencrypt.org, with its parameters \
     after a semicolon, or a single semicolon (;) to allow none",
);
const PARAMETERS: ValueFault = ValueFault::Rule(
    "write parameters as tag=value with a semicolon before each, for example letsencrypt.org; \
     validationmethods=dns-01",
);
const REPORT: ValueFault =
    ValueFault::Rule("enter mailto: with a mail address, or a URL that begins with https://");
const TOO_LONG: ValueFault = ValueFault::Rule("use at most 255 characters");

fn parse(input: &str, parts: &[String]) -> Result<Parsed, ValueFault> {
    if let typed @ Typed::ZoneLine(_) = recognize(input) {
        return Err(ValueFault::mistyped(typed, Wanted::Authority));
    }
    if input.starts_with(|first: char| first.is_ascii_digit()) && SPEC.split(input).is_some() {
        return Err(WHOLE);
    }
    if input.contains(['"', '\\']) {
        return Err(QUOTED);
    }
    if input.len() > VALUE_MAX {
        return Err(TOO_LONG);
    }
    let value = match parts.last().map_or("", String::as_str) {
        // What the value has to be is known once the tag is.
        "" => String::new(),
        "iodef" => parse_report(input)?,
        _ => parse_issuer(input)?,
    };
    Ok(Parsed::plain(txt::quote(value.as_bytes())))
}

/// Parses the value of `issue` and `issuewild` (RFC 8659 section 4.2): the issuer's domain, which
/// may be absent, and parameters.
fn parse_issuer(input: &str) -> Result<String, ValueFault> {
    let (issuer, parameters) = match input.split_once(';') {
        Some((issuer, parameters)) => (issuer.trim(), Some(parameters)),
        None => (input, None),
    };
    let mut value = match (issuer, HostName::parse(issuer)) {
        ("", _) => String::new(),
        (_, Ok(host)) if !issuer.contains('_') => host.as_str().to_owned(),
        _ => return Err(no_issuer(issuer)),
    };
    let Some(parameters) = parameters.map(str::trim) else {
        return Ok(value);
    };
    if parameters.is_empty() {
        // The semicolon alone allows no authority.
        return Ok(if value.is_empty() {
            ";".to_owned()
        } else {
            value
        });
    }
    for parameter in parameters.split(';').map(str::trim) {
        if !is_parameter(parameter) {
            return Err(PARAMETERS);
        }
        value.push_str("; ");
        value.push_str(parameter);
    }
    Ok(value.trim_start().to_owned())
}

/// Says what to do about an input that is no authority's domain.
fn no_issuer(input: &str) -> ValueFault {
    match recognize(input) {
        Typed::Host(_) | Typed::Several | Typed::BadHost(_) | Typed::Unknown => ISSUER,
        Typed::Odd(odd, _) if !odd.is_lookalike() => ISSUER,
        Typed::Relative(_) | Typed::Localhost | Typed::Wildcard => ISSUER,
        typed => ValueFault::mistyped(typed, Wanted::Authority),
    }
}

/// Returns whether a text is a parameter: `tag=value`, the value without blanks (RFC 8659 section
/// 4.2).
fn is_parameter(text: &str) -> bool {
    text.split_once('=').is_some_and(|(tag, value)| {
        let is_tag_octet = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        !tag.is_empty()
            && tag.bytes().all(is_tag_octet)
            && value.bytes().all(|octet| octet.is_ascii_graphic())
    })
}

/// Parses the value of `iodef` (RFC 8659 section 4.4): the URL of a mail address or a web service.
fn parse_report(input: &str) -> Result<String, ValueFault> {
    let is_plain = input.bytes().all(|octet| octet.is_ascii_graphic());
    let is_mail = input
        .strip_prefix("mailto:")
        .and_then(|address| address.split_once('@'))
        .is_some_and(|(user, host)| !user.is_empty() && HostName::parse(host).is_ok());
    let is_service = ["https://", "http://"].iter().any(|scheme| {
        let rest = input.strip_prefix(scheme);
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    });
    match recognize(input) {
        _ if is_plain && (is_mail || is_service) => Ok(input.to_owned()),
        typed @ Typed::Email(_) => Err(ValueFault::mistyped(typed, Wanted::Report)),
        typed @ Typed::Odd(odd, _) if odd.is_lookalike() => {
            Err(ValueFault::mistyped(typed, Wanted::Report))
        }
        _ => Err(REPORT),
    }
}

/// Decodes a value that consists of one string.
fn only_string(text: &str) -> Option<Vec<u8>> {
    let mut strings = txt::decode_strings(text)?;
    strings.pop().filter(|_| strings.is_empty())
}
