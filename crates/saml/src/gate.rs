//! The allow-list that a response must pass before C code parses it.
//!
//! Parses the whole document, refuses every element, attribute and algorithm that a sign-in
//! response does not need, and returns the fields for the checks. It does not verify signatures;
//! it only makes sure that each one refers to its parent element.

mod assertion;
mod encrypted;
mod form_field;
mod signature;
mod walk;

pub(crate) use assertion::{
    AttributeValue, Confirmation, NOT_BEARER, ParsedAssertion, ParsedAttribute,
};
#[cfg(test)]
pub(crate) use encrypted::KeyTransport;
pub(crate) use encrypted::{Cipher, EncryptedAssertion, OaepHash};
pub(crate) use form_field::decode_form_field;

use crate::idp_metadata::SignatureKind;
use crate::refusal::Refusal;
use crate::xml::{self, Element, Ns, ParseOptions};
use walk::{Children, IdSet, collapsed, instant, only_attributes};

/// The largest response that is parsed, in bytes after base64 decoding.
pub const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// The longest `SAMLResponse` field that is decoded: base64 has 4 characters for 3 bytes; the rest
/// allows three of white space after every 60.
pub(crate) const MAX_FIELD_LEN: usize = MAX_RESPONSE_BYTES / 3 * 4 + MAX_RESPONSE_BYTES / 15;

const OPTIONS: ParseOptions = ParseOptions {
    lenient: false,
    max_depth: 16,
    max_elements: 5_000,
    max_attributes: 24,
};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The fields of a response that later checks need. Not trusted before the signature check.
#[derive(Debug)]
pub(crate) struct ParsedResponse {
    pub(crate) version: String,
    /// IssueInstant in Unix milliseconds.
    pub(crate) issue_instant: i64,
    pub(crate) destination: Option<String>,
    pub(crate) in_response_to: Option<String>,
    pub(crate) issuer: Option<String>,
    /// The signature of the response as a whole, if it has one.
    pub(crate) signature: Option<SignatureKind>,
    pub(crate) is_encrypted: bool,
}

/// The assertion of a response.
pub(crate) enum Content<'a> {
    Plain(Box<ParsedAssertion>),
    /// Not read further: for [`parse_encrypted`].
    Encrypted(&'a Element),
}

/// Parses the XML of a response, or of the part of it that was signed.
pub(crate) fn parse_xml(text: &str) -> Result<Element, Refusal> {
    Ok(xml::parse(text, &OPTIONS)?)
}

/// Reads a response.
///
/// # Errors
/// Whatever the allow-list does not contain.
pub(crate) fn parse_response(root: &Element) -> Result<(ParsedResponse, Content<'_>), Refusal> {
    if !root.is(Ns::Samlp, "Response") {
        return Err(Refusal::Structure("root_not_response"));
    }
    let mut ids = IdSet::default();
    ids.insert_all(root)?;
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
    let id = walk::parse_id(root, "response_id")?;
    let mut children = Children::of(root, "response_text")?;
    let issuer = children
        .optional(Ns::Saml, "Issuer")
        .map(walk::parse_issuer)
        .transpose()?;
    let signature = signature::parse_optional(&mut children, id)?;
    children.skip(Ns::Samlp, "Extensions")?;
    check_status(children.required(Ns::Samlp, "Status", "status_absent")?)?;
    let element = children
        .next()
        .ok_or(Refusal::Structure("assertion_absent"))?;
    let is_encrypted = element.is(Ns::Saml, "EncryptedAssertion");
    let content = if is_encrypted {
        Content::Encrypted(element)
    } else if element.is(Ns::Saml, "Assertion") {
        Content::Plain(Box::new(assertion::parse(element)?))
    } else {
        return Err(Refusal::Structure("response_child"));
    };
    children.end("response_child")?;
    let response = ParsedResponse {
        version: root.attribute("Version").unwrap_or_default().to_owned(),
        issue_instant: instant(root, "IssueInstant", "response_issue_instant")?
            .ok_or(Refusal::Structure("response_issue_instant"))?,
        destination: collapsed(root, "Destination"),
        in_response_to: collapsed(root, "InResponseTo"),
        issuer,
        signature,
        is_encrypted,
    };
    Ok((response, content))
}

/// Reads an encrypted assertion, without decrypting it.
pub(crate) fn parse_encrypted(element: &Element) -> Result<EncryptedAssertion, Refusal> {
    encrypted::parse(element)
}

/// Reads an assertion that was decrypted, as a document of its own.
pub(crate) fn parse_assertion(root: &Element) -> Result<ParsedAssertion, Refusal> {
    if !root.is(Ns::Saml, "Assertion") {
        return Err(Refusal::Structure("root_not_assertion"));
    }
    IdSet::default().insert_all(root)?;
    assertion::parse(root)
}

/// Checks the Status element (SAML core 3.2.2.1). A failure needs no signature: it only leads to an
/// error page.
fn check_status(element: &Element) -> Result<(), Refusal> {
    only_attributes(element, &[], "status_attribute")?;
    let mut children = Children::of(element, "status_text")?;
    let code = children.required(Ns::Samlp, "StatusCode", "status_code_absent")?;
    only_attributes(code, &["Value"], "status_code_attribute")?;
    let value = collapsed(code, "Value").ok_or(Refusal::Structure("status_value_absent"))?;
    let second_level = code
        .child(Ns::Samlp, "StatusCode")
        .and_then(|inner| collapsed(inner, "Value"));
    if value != SUCCESS {
        return Err(Refusal::Status(failure_code(
            &second_level.unwrap_or(value),
        )));
    }
    let mut inner = Children::of(code, "status_text")?;
    inner.skip(Ns::Samlp, "StatusCode")?;
    inner.end("status_code_child")?;
    children.skip(Ns::Samlp, "StatusMessage")?;
    children.skip(Ns::Samlp, "StatusDetail")?;
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
