//! Verifies the signatures with samael, and that both parsers read the same.
//!
//! samael parses the document with libxml2, and xmlsec verifies each signature and keeps the text
//! that it hashed. That text, parsed again here, must be what the gate has read: element by
//! element, attribute by attribute. What the checks use is therefore what was signed, whatever
//! libxml2 and the gate may think of white space, namespaces or types.
//!
//! xmlsec writes a line or two to stderr for every invalid signature. samael offers no safe way to
//! turn that off, so these lines appear beside the log, which goes to stdout.

use samael::crypto::{
    AllowedSignatureAlgorithm as Algorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode,
};

use crate::gate;
use crate::idp_metadata::{Certificate, KeyKind, SignatureKind};
use crate::refusal::Refusal;
use crate::xml::{Attribute, Element, Ns};

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RsaSha256,
    Algorithm::RsaSha384,
    Algorithm::RsaSha512,
    Algorithm::EcdsaSha256,
    Algorithm::EcdsaSha384,
    Algorithm::EcdsaSha512,
];

/// The keys of the identity provider, in groups that samael can try one after the other on a
/// signature. xmlsec does not call a signature invalid but fails when the key is of another kind or
/// on another curve, and samael then stops before the next key.
pub(crate) struct Verifier {
    groups: Vec<KeyGroup>,
}

struct KeyGroup {
    kind: KeyKind,
    certificates: Vec<CertificateDer>,
}

impl Verifier {
    pub(crate) fn new(certificates: &[Certificate]) -> Self {
        let mut groups: Vec<KeyGroup> = Vec::new();
        for certificate in certificates {
            let der = certificate.der.clone().into();
            match groups
                .iter_mut()
                .find(|group| group.kind == certificate.kind)
            {
                Some(group) => group.certificates.push(der),
                None => groups.push(KeyGroup {
                    kind: certificate.kind,
                    certificates: vec![der],
                }),
            }
        }
        Self { groups }
    }

    /// Verifies every signature of a document that the gate accepted as `root`, and that the gate
    /// read what was signed. `algorithms` made the signatures.
    pub(crate) fn verify(
        &self,
        text: &str,
        root: &Element,
        algorithms: impl IntoIterator<Item = SignatureKind>,
    ) -> Result<(), Refusal> {
        let signed = gate::parse_xml(&self.signed_text(text, algorithms)?)
            .map_err(|_| Refusal::ParserMismatch("parsers_differ_text"))?;
        let assertion = root.child(Ns::Saml, "Assertion");
        if is_same(root, &signed) || assertion.is_some_and(|read| is_same(read, &signed)) {
            Ok(())
        } else {
            Err(Refusal::ParserMismatch("parsers_differ"))
        }
    }

    /// Returns the text that xmlsec hashed: the response if it is signed, else the assertion.
    fn signed_text(
        &self,
        text: &str,
        algorithms: impl IntoIterator<Item = SignatureKind>,
    ) -> Result<String, Refusal> {
        let mut algorithms = algorithms.into_iter();
        let wanted = algorithms.next().ok_or(Refusal::Unsigned)?;
        if algorithms.any(|other| other != wanted) {
            return Err(Refusal::SignatureStructure("signature_kinds_differ"));
        }
        let reduce = |group: &KeyGroup| {
            Crypto::reduce_xml_to_signed_with_allowed_algorithms(
                text,
                &group.certificates,
                ReduceMode::PreDigest,
                Some(&ALGORITHMS),
            )
            .ok()
        };
        self.groups
            .iter()
            .filter(|group| group.kind.makes(wanted))
            .find_map(reduce)
            .ok_or(Refusal::BadSignature)
    }
}

/// Whether two elements have the same content. Signatures do not count, because a signature is not
/// part of what it signs.
fn is_same(left: &Element, right: &Element) -> bool {
    let (lefts, rights) = (content(left), content(right));
    left.ns == right.ns
        && left.local == right.local
        && left.text == right.text
        && sorted(&left.attributes) == sorted(&right.attributes)
        && lefts.len() == rights.len()
        && lefts.iter().zip(rights).all(|(l, r)| is_same(l, r))
}

fn content(element: &Element) -> Vec<&Element> {
    let unsigned = |child: &&Element| !child.is(Ns::Ds, "Signature");
    element.children.iter().filter(unsigned).collect()
}

/// The attributes in one order, because canonicalization sorts them.
fn sorted(attributes: &[Attribute]) -> Vec<&Attribute> {
    let mut sorted: Vec<&Attribute> = attributes.iter().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::is_same;
    use crate::gate::parse_xml;

    const SIGNATURE: &str = "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>";

    #[test]
    fn only_signatures_prefixes_and_the_order_of_attributes_may_differ() {
        let base = "<a x=\"1\" y=\"2\">t<b>u</b><c/></a>".to_owned();
        let samlp = "xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\"";
        for (other, expected) in [
            (base.clone(), true),
            ("<a y=\"2\" x=\"1\">t<b>u</b><c></c></a>".to_owned(), true),
            (base.replace("<b>", &format!("{SIGNATURE}<b>")), true),
            (base.replace("<a ", &format!("<a {samlp} ")), true),
            ("<a x=\"1\">t<b>u</b><c/></a>".to_owned(), false),
            (base.replace("x=\"1\"", "x=\"2\""), false),
            (base.replace("x=\"1\"", "z=\"1\""), false),
            (base.replace(" y=\"2\"", " y=\"2\" z=\"\""), false),
            (base.replace('u', "v"), false),
            (base.replace('u', "u "), false),
            (base.replace(">t<", "><"), false),
            (base.replace("<c/>", ""), false),
            (base.replace("<c/>", "<c/><c/>"), false),
            (base.replace("<b>u</b><c/>", "<c/><b>u</b>"), false),
            (base.replace("<c/>", "<d/>"), false),
            (base.replace("<c/>", &format!("<p:c {samlp}/>")), false),
            (base.replace(" x=", &format!(" {samlp} p:x=")), false),
            (base.replace("<c/>", &SIGNATURE.replace("d:S", "S")), false),
        ] {
            let (left, right) = (parse_xml(&base).unwrap(), parse_xml(&other).unwrap());
            assert_eq!(is_same(&left, &right), expected, "{other}");
            assert_eq!(is_same(&right, &left), expected, "{other}");
        }
    }
}
