//! The allow-list that a response passes before any C code sees it.
//!
//! Reads the whole document, refuses every element, attribute and algorithm that a sign-in response
//! does not need, and hands out what the checks need to know. The signatures themselves are not
//! checked here, only that each of them can mean nothing but "my parent".

mod assertion;
mod signature;
mod walk;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::DateTime;

pub(crate) use assertion::{SeenAssertion, SeenAttribute};

use crate::refusal::Refusal;
use crate::xml::{self, Element, Ns, Rules};
use walk::{Children, Ids, only_attributes};

/// The largest response that is looked at, in bytes after base64.
pub const MAX_RESPONSE_BYTES: usize = 256 * 1024;

const RULES: Rules = Rules {
    lenient: false,
    max_depth: 16,
    max_elements: 5_000,
    max_attributes: 24,
};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// What a response says, as far as anything of ours looks at it. Nothing here is trusted yet.
#[derive(Debug)]
pub(crate) struct SeenResponse {
    pub(crate) version: String,
    /// Milliseconds since 1970.
    pub(crate) issued: i64,
    pub(crate) destination: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) assertion: SeenAssertion,
}

/// Decodes the form field: base64 (RFC 4648 section 4) with optional line breaks and padding, then
/// UTF-8.
pub(crate) fn decode(field: &str) -> Result<String, Refusal> {
    // Four characters for three bytes, and room for a line break after every 60.
    if field.len() > MAX_RESPONSE_BYTES / 3 * 4 + MAX_RESPONSE_BYTES / 20 {
        return Err(Refusal::TooLarge);
    }
    let packed: Vec<u8> = field
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&ALPHABET, config)
        .decode(packed)
        .map_err(|_| Refusal::NotBase64)?;
    if bytes.len() > MAX_RESPONSE_BYTES {
        return Err(Refusal::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Refusal::NotUtf8)
}

/// Reads a response, or says why not.
pub(crate) fn pass(text: &str) -> Result<SeenResponse, Refusal> {
    let root = xml::read(text, &RULES)?;
    response(&root)
}

fn response(root: &Element) -> Result<SeenResponse, Refusal> {
    if !root.is(Ns::Samlp, "Response") {
        return Err(Refusal::Shape("root_not_response"));
    }
    let mut ids = Ids::default();
    ids.take_all(root)?;
    only_attributes(
        root,
        &[
            "ID",
            "Version",
            "IssueInstant",
            "Destination",
            "InResponseTo",
            "Consent",
        ],
        "response_attribute",
    )?;
    let id = walk::id_of(root, "response_id")?;
    let mut children = Children::of(root, "response_text")?;
    let issuer = children
        .optional(Ns::Saml, "Issuer")
        .map(walk::issuer)
        .transpose()?;
    let response_signed = signature::optional(&mut children, id)?;
    status(children.required(Ns::Samlp, "Status", "status_absent")?)?;
    let element = children.next().ok_or(Refusal::Shape("assertion_absent"))?;
    if element.local == "EncryptedAssertion" {
        return Err(Refusal::Encrypted);
    }
    if !element.is(Ns::Saml, "Assertion") {
        return Err(Refusal::Shape("response_child"));
    }
    let (assertion, assertion_signed) = assertion::read(element)?;
    children.end("response_child")?;
    if !response_signed && !assertion_signed {
        return Err(Refusal::Unsigned);
    }
    Ok(SeenResponse {
        version: root.attribute("Version").unwrap_or_default().to_owned(),
        issued: instant(root, "IssueInstant", "response_issue_instant")?
            .ok_or(Refusal::Shape("response_issue_instant"))?,
        destination: root.attribute("Destination").map(str::to_owned),
        in_response_to: root.attribute("InResponseTo").map(str::to_owned),
        issuer,
        assertion,
    })
}

/// A failure ends here, whoever signed it: it only ever leads to a page that says so.
fn status(element: &Element) -> Result<(), Refusal> {
    only_attributes(element, &[], "status_attribute")?;
    let mut children = Children::of(element, "status_text")?;
    let code = children.required(Ns::Samlp, "StatusCode", "status_code_absent")?;
    only_attributes(code, &["Value"], "status_code_attribute")?;
    let value = code
        .attribute("Value")
        .ok_or(Refusal::Shape("status_value_absent"))?;
    let second = code
        .child(Ns::Samlp, "StatusCode")
        .and_then(|inner| inner.attribute("Value"));
    if value != SUCCESS {
        return Err(Refusal::Status(failure_code(second.unwrap_or(value))));
    }
    if !code.children.is_empty() {
        return Err(Refusal::Shape("status_code_child"));
    }
    if let Some(message) = children.optional(Ns::Samlp, "StatusMessage") {
        only_attributes(message, &[], "status_message_attribute")?;
        walk::leaf(message, "status_message_child")?;
    }
    children.end("status_child")
}

fn failure_code(uri: &str) -> &'static str {
    match uri.rsplit(':').next().unwrap_or_default() {
        "AuthnFailed" => "status_authn_failed",
        "RequestDenied" => "status_request_denied",
        "NoPassive" => "status_no_passive",
        "NoAuthnContext" => "status_no_authn_context",
        "InvalidNameIDPolicy" => "status_invalid_name_id_policy",
        "Requester" => "status_requester",
        "Responder" => "status_responder",
        _ => "status_failure",
    }
}

/// An `xs:dateTime` in UTC (SAML core 1.3.3: no other zone), as milliseconds since 1970.
fn instant(element: &Element, name: &str, code: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(text) = element.attribute(name) else {
        return Ok(None);
    };
    if !text.ends_with('Z') || text.len() > 40 {
        return Err(Refusal::Shape(code));
    }
    let parsed = DateTime::parse_from_rfc3339(text).map_err(|_| Refusal::Shape(code))?;
    Ok(Some(parsed.timestamp_millis()))
}
