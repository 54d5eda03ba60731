//! Checks the structure of an enveloped signature (SAML core 5.4): one reference, by ID, to the
//! parent element.

use super::walk::{self, Children, only_attributes};
use crate::idp_metadata::SignatureKind;
use crate::refusal::Refusal;
use crate::xml::{EXC_C14N, Element, Ns};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

const SIGNATURE_METHODS: [(&str, SignatureKind); 6] = [
    (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        SignatureKind::Rsa,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
        SignatureKind::Rsa,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        SignatureKind::Rsa,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        SignatureKind::Ecdsa,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        SignatureKind::Ecdsa,
    ),
    (
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        SignatureKind::Ecdsa,
    ),
];

const DIGEST_METHODS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// Parses the Signature element if it is the next child. Returns its kind.
/// `parent_id` is the ID of the parent element.
pub(super) fn parse_optional(
    children: &mut Children<'_>,
    parent_id: &str,
) -> Result<Option<SignatureKind>, Refusal> {
    children
        .optional(Ns::Ds, "Signature")
        .map(|element| signature(element, parent_id).map_err(in_signature))
        .transpose()
}

/// Reports a wrong structure inside a signature as one of the signature.
fn in_signature(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Structure(code) => Refusal::SignatureStructure(code),
        other => other,
    }
}

fn signature(element: &Element, parent_id: &str) -> Result<SignatureKind, Refusal> {
    only_attributes(element, &["Id"], "signature_attribute")?;
    let mut children = Children::of(element, "signature_text")?;
    let kind = signed_info(
        children.required(Ns::Ds, "SignedInfo", "signed_info_absent")?,
        parent_id,
    )?;
    let value = children.required(Ns::Ds, "SignatureValue", "signature_value_absent")?;
    only_attributes(value, &["Id"], "signature_value_attribute")?;
    base64_text(value, "signature_value")?;
    if let Some(info) = children.optional(Ns::Ds, "KeyInfo") {
        key_info(info)?;
    }
    children.end("signature_child")?;
    Ok(kind)
}

fn signed_info(element: &Element, parent_id: &str) -> Result<SignatureKind, Refusal> {
    only_attributes(element, &["Id"], "signed_info_attribute")?;
    let mut children = Children::of(element, "signed_info_text")?;
    let c14n = children.required(Ns::Ds, "CanonicalizationMethod", "c14n_absent")?;
    if algorithm(c14n, "c14n_attribute")? != EXC_C14N {
        return Err(Refusal::Structure("c14n_algorithm"));
    }
    inclusive_namespaces(c14n)?;
    let method = children.required(Ns::Ds, "SignatureMethod", "signature_method_absent")?;
    empty_element(method, "signature_method")?;
    let name = algorithm(method, "signature_method")?;
    let (_, kind) = SIGNATURE_METHODS
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or(Refusal::Structure("signature_algorithm"))?;
    reference(
        children.required(Ns::Ds, "Reference", "reference_absent")?,
        parent_id,
    )?;
    children.end("reference_count")?;
    Ok(*kind)
}

fn reference(element: &Element, parent_id: &str) -> Result<(), Refusal> {
    only_attributes(element, &["Id", "URI"], "reference_attribute")?;
    let target = element
        .attribute("URI")
        .and_then(|uri| uri.strip_prefix('#'));
    if target != Some(parent_id) {
        return Err(Refusal::Structure("reference_uri"));
    }
    let mut children = Children::of(element, "reference_text")?;
    transforms(children.required(Ns::Ds, "Transforms", "transforms_absent")?)?;
    let digest = children.required(Ns::Ds, "DigestMethod", "digest_method_absent")?;
    empty_element(digest, "digest_method")?;
    if !DIGEST_METHODS.contains(&algorithm(digest, "digest_method")?) {
        return Err(Refusal::Structure("digest_algorithm"));
    }
    let value = children.required(Ns::Ds, "DigestValue", "digest_value_absent")?;
    only_attributes(value, &[], "digest_value")?;
    base64_text(value, "digest_value")?;
    children.end("reference_child")
}

/// Requires exactly two transforms: enveloped signature, then exclusive canonicalization.
fn transforms(element: &Element) -> Result<(), Refusal> {
    only_attributes(element, &[], "transforms_attribute")?;
    let mut children = Children::of(element, "transforms_text")?;
    let first = children.required(Ns::Ds, "Transform", "transform_absent")?;
    empty_element(first, "transform_child")?;
    if algorithm(first, "transform_attribute")? != ENVELOPED {
        return Err(Refusal::Structure("transform_algorithm"));
    }
    let second = children.required(Ns::Ds, "Transform", "transform_absent")?;
    if algorithm(second, "transform_attribute")? != EXC_C14N {
        return Err(Refusal::Structure("transform_algorithm"));
    }
    inclusive_namespaces(second)?;
    children.end("transform_count")
}

/// Checks the only parameter of exclusive canonicalization, a list of prefixes.
fn inclusive_namespaces(element: &Element) -> Result<(), Refusal> {
    let mut children = Children::of(element, "c14n_text")?;
    if let Some(list) = children.optional(Ns::ExcC14n, "InclusiveNamespaces") {
        only_attributes(list, &["PrefixList"], "c14n_prefix_list")?;
        empty_element(list, "c14n_prefix_list")?;
        let prefixes = list.attribute("PrefixList").unwrap_or_default();
        let plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-' | b'.' | b'#')
        };
        if prefixes.len() > 256 || !prefixes.bytes().all(plain) {
            return Err(Refusal::Structure("c14n_prefix_list"));
        }
    }
    children.end("c14n_child")
}

/// Passes over KeyInfo, which is a hint (XML Signature 4.4): only keys of the metadata count. A
/// reference to a key elsewhere is refused.
fn key_info(element: &Element) -> Result<(), Refusal> {
    only_attributes(element, &["Id"], "key_info_attribute")?;
    element
        .children
        .iter()
        .try_for_each(walk::ignored)
        .map_err(|_| Refusal::Structure("key_info_child"))
}

fn algorithm<'a>(element: &'a Element, code: &'static str) -> Result<&'a str, Refusal> {
    only_attributes(element, &["Algorithm"], code)?;
    element
        .attribute("Algorithm")
        .ok_or(Refusal::Structure(code))
}

fn empty_element(element: &Element, code: &'static str) -> Result<(), Refusal> {
    if element.children.is_empty() && element.has_no_text() {
        Ok(())
    } else {
        Err(Refusal::Structure(code))
    }
}

fn base64_text(element: &Element, code: &'static str) -> Result<(), Refusal> {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=') || crate::xml::is_xml_space(c)
    };
    let fits = element.children.is_empty()
        && !element.has_no_text()
        && element.text.len() <= 4096
        && element.text.chars().all(plain);
    if fits {
        Ok(())
    } else {
        Err(Refusal::Structure(code))
    }
}
