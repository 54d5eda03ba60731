//! What must hold for any response: the bodies of fuzz targets (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.
#![expect(
    clippy::unwrap_used,
    reason = "the keys and the configuration are constants"
)]

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libxml::parser::Parser;
use libxml::readonly::RoNode;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::user::AttributeNames;
use tokio::runtime::{Builder, Runtime};

use crate::gate::{self, Content};
use crate::issuer::{
    AssertionCipher, AuthnRequest, Encryption, Issuer, NamespaceStyle, Oaep, Response,
    SamlIdentity, SignedParts,
};
use crate::xml::{Element, Ns};
use crate::{Refusal, ServiceProvider, ServiceProviderConfig, VerifiedAssertion};

// Throw-away keys, so that a response that was found once can be checked again.
const ISSUER_KEY: &str = include_str!("fuzzing/issuer.pem");
const ISSUER_CERTIFICATE: &str = include_str!("fuzzing/issuer.crt");
const CONSUMER_KEY: &str = include_str!("fuzzing/consumer.pem");
const IDP: &str = "http://idp.example.test/metadata";
const SP: &str = "http://localhost:8080/sp";
const ACS: &str = "http://localhost:8080/login/callback";
/// The time of all responses: 2026-11-01T08:00:00Z.
const NOW: i64 = 1_793_520_000_000;

/// Checks the gate: libxml2, with which the signature checker parses, reads the same tree from
/// every document whose XML the gate accepts.
///
/// # Panics
/// It reads another.
pub fn gate(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(decoded) = gate::decode_form_field(&text) {
        let again = gate::decode_form_field(&STANDARD.encode(&decoded));
        assert_eq!(again, Ok(decoded));
    }
    let Ok(ours) = gate::parse_xml(&text) else {
        return;
    };
    let document = Parser::default().parse_string(text.as_bytes()).unwrap();
    let theirs = document.get_root_readonly().unwrap();
    if let Err(place) = compare(&ours, theirs) {
        panic!("libxml2 reads {place} differently: {text}");
    }
    if let Ok((_, Content::Encrypted(element))) = gate::parse_response(&ours) {
        let _ = gate::parse_encrypted(element);
    }
}

/// Returns the name of the first element that is not the same.
fn compare(ours: &Element, theirs: RoNode) -> Result<(), &str> {
    let namespace = theirs
        .get_namespace()
        .map(|ns| ns.get_href())
        .unwrap_or_default();
    let ns = match namespace.as_str() {
        "" => Ns::None,
        uri => Ns::named(uri.as_bytes()),
    };
    let nodes = theirs.get_child_nodes();
    let text: String = nodes
        .iter()
        .filter(|node| node.is_text_node())
        .map(|node| node.get_content())
        .collect();
    let children = theirs.get_child_elements();
    // The bindings list attributes by their local names alone.
    let attributes: HashMap<String, String> = ours
        .attributes
        .iter()
        .map(|at| (at.local.clone(), at.value.clone()))
        .collect();
    let is_same = ours.ns == ns
        && ours.local == theirs.get_name()
        && ours.text == text
        && ours.children.len() == children.len()
        && (attributes.len() < ours.attributes.len() || attributes == theirs.get_properties());
    if !is_same {
        return Err(&ours.local);
    }
    ours.children
        .iter()
        .zip(children)
        .try_for_each(|(ours, theirs)| compare(ours, theirs))
}

/// Returns seeds for [`gate`]: those of the assertion consumer, and documents with all of XML.
pub fn gate_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "<?xml version=\"1.0\" encoding='utf-8'?>\r\n<a xmlns=\"urn:a\" xmlns:b='urn:b' \
         b:c=\" &#x41;&#9;\td\r\n\" c='&quot;'>x&amp;&#13;\r\n<b:e xml:lang=\"de\" xmlns=\"\"/>\
         <f xmlns:b=\"urn:f\"><b:g/></f>&gt;]]&gt;</a >\n",
        "<a><!-- c --><?p i?><![CDATA[<]]></a>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
        "PHg+ YWJj\r\nPC94Pg==",
    ];
    let texts = texts.map(|text| text.as_bytes().to_vec());
    AssertionConsumer::new()
        .seeds()
        .into_iter()
        .chain(texts)
        .collect()
}

/// A service provider, and the users who signed in at its identity provider.
pub struct AssertionConsumer {
    provider: ServiceProvider,
    runtime: Runtime,
    honest: Vec<VerifiedAssertion>,
}

impl Default for AssertionConsumer {
    fn default() -> Self {
        Self::new()
    }
}

impl AssertionConsumer {
    /// Builds both from constant keys.
    ///
    /// # Panics
    /// An honest response is refused.
    #[must_use]
    pub fn new() -> Self {
        let config = ServiceProviderConfig {
            entity_id: SP.to_owned(),
            acs_url: ACS.to_owned(),
            slo_url: "http://localhost:8080/logout/callback".to_owned(),
            idp_metadata_xml: issuer()
                .metadata_xml("http://localhost:9090/sso", None)
                .unwrap(),
            clock_skew: Duration::from_secs(60),
            attributes: AttributeNames {
                subject: "sAMAccountName".to_owned(),
                display_name: "displayname".to_owned(),
                email: "email".to_owned(),
                group: "group".to_owned(),
            },
            require_https_acs: false,
            decryption_key: Some(Secret::new(CONSUMER_KEY)),
        };
        let mut consumer = Self {
            provider: ServiceProvider::new(config, Timestamp::from_millis(NOW)).unwrap(),
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
            honest: Vec::new(),
        };
        for response in consumer.honest_responses() {
            let xml = response.sign(&issuer()).unwrap();
            consumer.honest.push(consumer.verify(&xml).unwrap());
        }
        consumer
    }

    /// Verifies a response, given as XML, and checks the result: the response is refused, or it
    /// yields the same user and attributes as one of the responses that the identity provider
    /// signed.
    ///
    /// # Panics
    /// The response is accepted with any other user or attribute, or a check panics.
    pub fn check(&self, data: &[u8]) {
        match self.verify(&String::from_utf8_lossy(data)) {
            Ok(user) => assert!(self.honest.contains(&user), "{} signs in", user.subject),
            Err(refusal) => assert_ne!(refusal, Refusal::CheckPanicked),
        }
    }

    fn verify(&self, xml: &str) -> Result<VerifiedAssertion, Refusal> {
        let field = STANDARD.encode(xml);
        let now = Timestamp::from_millis(NOW);
        self.runtime
            .block_on(self.provider.verify_response(&field, now))
    }

    /// Returns seeds for [`Self::check`]: valid signed responses, and signed responses that must be
    /// refused.
    ///
    /// # Panics
    /// OpenSSL or xmlsec fails.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut other = response(10);
        other.audiences = vec![vec!["http://other.example/sp".to_owned()]];
        let mut expired = response(11);
        expired.not_on_or_after = Some(NOW - 600_000);
        let mut unsigned = response(12);
        unsigned.sign = SignedParts::Nothing;
        let responses = [other, expired, unsigned]
            .into_iter()
            .chain(self.honest_responses());
        responses
            .map(|response| response.sign(&issuer()).unwrap().into_bytes())
            .collect()
    }

    fn honest_responses(&self) -> [Response; 5] {
        let mut both = response(0);
        both.sign = SignedParts::Both;
        let mut assertion = response(1);
        assertion.style = NamespaceStyle::DefaultNamespaces;
        assertion.sign = SignedParts::Assertion;
        let mut whole = response(2);
        whole.sign = SignedParts::Response;
        let mut encrypted = response(3);
        encrypted.sign = SignedParts::Assertion;
        encrypted.encryption = Some(self.encryption(AssertionCipher::Aes256Gcm));
        let mut cbc = response(4);
        cbc.sign = SignedParts::Response;
        cbc.encryption = Some(self.encryption(AssertionCipher::Aes128Cbc));
        [both, assertion, whole, encrypted, cbc]
    }

    fn encryption(&self, cipher: AssertionCipher) -> Encryption {
        let metadata = self.provider.metadata_xml();
        let (_, rest) = metadata.split_once("<ds:X509Certificate>").unwrap();
        let (certificate, _) = rest.split_once('<').unwrap();
        Encryption {
            certificate: certificate.to_owned(),
            cipher,
            oaep: Oaep::Sha256,
            key_beside: false,
            edits: Vec::new(),
        }
    }
}

fn issuer() -> Issuer {
    Issuer::from_pem(IDP, ISSUER_KEY, ISSUER_CERTIFICATE).unwrap()
}

/// Returns a valid response for a user with this number, who has no identifier in common with
/// another.
fn response(number: u8) -> Response {
    let request = AuthnRequest {
        id: format!("_request{number}"),
        issuer: SP.to_owned(),
        acs_url: ACS.to_owned(),
    };
    let user = SamlIdentity {
        username: format!("user{number}"),
        display_name: format!("Johannes Kepler & <{number}>"),
        email: format!("user{number}@example.com"),
        groups: vec![format!("group{number}"), "students".to_owned()],
    };
    let mut response = Response::new(IDP, &request, &user, NOW);
    response.signature_method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256".to_owned();
    response.id = format!("_response{number}");
    response.assertion_id = format!("_assertion{number}");
    response.session_index = Some(format!("_session{number}"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_reads_every_seed_as_libxml2_does() {
        for seed in gate_seeds() {
            gate(&seed);
        }
    }

    #[test]
    fn only_honest_users_sign_in_by_the_seeds() {
        let consumer = AssertionConsumer::new();
        for seed in consumer.seeds() {
            consumer.check(&seed);
        }
    }
}
