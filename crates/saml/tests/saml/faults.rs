//! Shapes of published faults in other products that no other test has by name. The table in
//! docs/saml-faults.md names the test that answers each published fault.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use starchart_saml::issuer::SignedParts;

use crate::fixture::{Fixture, code, element, now};

/// Canonicalization of a relative namespace URI fails, and some products then verify the hash of an
/// empty text ("void canonicalization").
#[tokio::test]
pub(crate) async fn only_known_namespaces_are_declared() {
    let fixture = Fixture::new();
    let assertion = "<saml:Assertion ";
    let value = "<saml:AttributeValue>";
    for (at, uri, expected) in [
        (assertion, "rel", "xml_namespace"),
        (assertion, "./x", "xml_namespace"),
        (assertion, "//host/x", "xml_namespace"),
        (assertion, "#x", "xml_namespace"),
        (assertion, "1x:y", "xml_namespace"),
        (assertion, "x:", "xml_namespace"),
        (assertion, "", "xml_namespace"),
        (assertion, " urn:x", "xml_namespace"),
        (assertion, "urn:x y", "xml_namespace"),
        (assertion, "http://[x", "xml_namespace"),
        (assertion, "http://x/%zz", "xml_namespace"),
        (assertion, "http://x/#a#b", "xml_namespace"),
        (assertion, "http://\u{e9}/", "xml_namespace"),
        (assertion, "urn:x", "namespace_unknown"),
        (
            assertion,
            "http://www.w3.org/2001/xmlschema",
            "namespace_unknown",
        ),
        (value, "rel", "xml_namespace"),
        (value, "http://[x", "xml_namespace"),
        // These change what was signed, and nothing else.
        (assertion, "http://www.w3.org/2001/XMLSchema", "accepted"),
        (value, "urn:x", "accepted"),
    ] {
        for sign in [SignedParts::Assertion, SignedParts::Response] {
            let xml = fixture.signed(sign);
            let to = format!(
                "{} xmlns:x=\"{uri}\"{}",
                &at[..at.len() - 1],
                &at[at.len() - 1..]
            );
            let outcome = fixture.check(&xml.replacen(at, &to, 1)).await;
            assert_eq!(code(outcome), expected, "{at} {uri:?} {sign:?}");
        }
    }
}

/// An attribute `ID` of the message's own namespace beside the real one ("attribute pollution").
#[tokio::test]
pub(crate) async fn an_id_of_any_namespace_is_refused() {
    let fixture = Fixture::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        let xml = fixture.signed(sign);
        for (at, attribute) in [
            ("<samlp:Response ", "samlp:ID"),
            ("<samlp:Status", "samlp:ID"),
            ("<saml:Assertion ", "saml:ID"),
            ("<saml:Subject", "saml:ID"),
            ("<saml:AttributeValue", "saml:Id"),
            ("<saml:Assertion ", "xml:id"),
        ] {
            let to = format!("{} {attribute}=\"_evil\" ", at.trim_end());
            let outcome = fixture.check(&xml.replacen(at, &to, 1)).await;
            assert_eq!(code(outcome), "foreign_id", "{attribute} {sign:?}");
        }
    }
}

/// A second SignedInfo, of which one product verified the one and read the other.
#[tokio::test]
pub(crate) async fn a_second_signed_info_is_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Assertion);
    let info = element(&xml, "ds:SignedInfo").to_owned();
    let evil = info.replace("<ds:DigestValue>", "<ds:DigestValue>AAAA");
    for (twice, expected) in [
        (format!("{info}{info}"), "signature_value_absent"),
        (format!("{info}{evil}"), "signature_value_absent"),
        (format!("{evil}{info}"), "signature_value_absent"),
    ] {
        assert_eq!(
            code(fixture.check(&xml.replace(&info, &twice)).await),
            expected
        );
    }
    let end = "</ds:SignatureValue>";
    let after = xml.replace(end, &format!("{end}{info}"));
    assert_eq!(code(fixture.check(&after).await), "signature_child");
}

/// Another document that the identity provider signed, as the source of a signature.
#[tokio::test]
pub(crate) async fn what_else_the_identity_provider_signed_is_no_response() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Response);
    let signature = element(&xml, "ds:Signature").to_owned();
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m\">\
         {signature}</md:EntityDescriptor>"
    );
    let logout = xml
        .replace("samlp:Response", "samlp:LogoutRequest")
        .replace(element(&xml, "saml:Assertion"), "");
    let assertion = element(&fixture.signed(SignedParts::Assertion), "saml:Assertion").to_owned();
    let unsigned = fixture.signed(SignedParts::Nothing);
    let status = "<samlp:Status>";
    for (what, text, expected) in [
        ("metadata alone", metadata.clone(), "root_not_response"),
        (
            "a logout request alone",
            logout.clone(),
            "root_not_response",
        ),
        ("an assertion alone", assertion, "root_not_response"),
        (
            "metadata around a response",
            metadata.replace("</md:", &format!("{unsigned}</md:")),
            "root_not_response",
        ),
        (
            "a logout request around a response",
            logout.replace(
                "</samlp:LogoutRequest>",
                &format!("{unsigned}</samlp:LogoutRequest>"),
            ),
            "root_not_response",
        ),
        (
            "metadata in a response",
            unsigned.replace(status, &format!("{metadata}{status}")),
            "status_absent",
        ),
        (
            "metadata in extensions",
            unsigned.replace(
                status,
                &format!("<samlp:Extensions>{metadata}</samlp:Extensions>{status}"),
            ),
            "nested_message",
        ),
        (
            "a logout request beside the assertion",
            unsigned.replace("</samlp:Response>", &format!("{logout}</samlp:Response>")),
            "response_child",
        ),
        (
            "metadata after a response",
            format!("{unsigned}{metadata}"),
            "xml_outside_root",
        ),
    ] {
        assert_eq!(code(fixture.check(&text).await), expected, "{what}");
    }
}

/// A NameID, and every other element that is read, of another namespace.
#[tokio::test]
pub(crate) async fn elements_of_another_namespace_are_not_read() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Response);
    for (name, expected) in [
        ("NameID", "subject_child"),
        ("Issuer", "assertion_issuer_absent"),
        ("Subject", "subject_absent"),
        ("Conditions", "assertion_child"),
        ("Audience", "audience_child"),
        ("AudienceRestriction", "condition_unknown"),
        ("AuthnStatement", "assertion_child"),
        ("AttributeStatement", "assertion_child"),
        ("Attribute", "attribute_statement_child"),
        ("AttributeValue", "attribute_child"),
        ("Assertion", "response_child"),
    ] {
        for ns in [
            "urn:other",
            "urn:oasis:names:tc:SAML:2.0:protocol",
            "urn:oasis:names:tc:SAML:1.0:assertion",
        ] {
            let from = xml.find("<saml:Assertion ").unwrap();
            let (head, tail) = xml.split_at(from);
            let start = format!("<saml:{name}");
            let at = tail
                .find(&format!("{start} "))
                .or_else(|| tail.find(&format!("{start}>")));
            let (before, rest) = tail.split_at(at.unwrap());
            let changed = rest
                .replacen(&start, &format!("<o:{name} xmlns:o=\"{ns}\""), 1)
                .replacen(&format!("</saml:{name}>"), &format!("</o:{name}>"), 1);
            let outcome = fixture.check(&format!("{head}{before}{changed}")).await;
            assert_eq!(code(outcome), expected, "{name} of {ns}");
        }
    }
}

/// As much work as the limits allow. What bounds it is the limits, not a clock: this prints the
/// time of each document.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the time is for whoever runs it")]
pub(crate) async fn the_largest_documents_cost_little() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Response);
    let namespaces: String = (0..23)
        .map(|n| format!(" xmlns:a{n}=\"urn:{n}\""))
        .collect();
    let too_many: String = (0..25)
        .map(|n| format!(" xmlns:a{n}=\"urn:{n}\""))
        .collect();
    let end = "</saml:AttributeStatement>";
    let with = |content: &str| xml.replace(end, &format!("{content}{end}"));
    let nested = |depth: usize| {
        format!(
            "<saml:Attribute Name=\"x\"><saml:AttributeValue>{}{}</saml:AttributeValue>\
             </saml:Attribute>",
            "<a>".repeat(depth),
            "</a>".repeat(depth)
        )
    };
    let short = |count: usize| {
        format!(
            "<saml:Attribute Name=\"x\"><saml:AttributeValue>{}</saml:AttributeValue>\
             </saml:Attribute>",
            "<a xmlns:b=\"urn:b\" b:c=\"\"/>".repeat(count)
        )
    };
    // 256 KiB hold about 700 elements with 23 declarations each, or 5,000 with one.
    let declared = format!("<saml:Attribute Name=\"x\"{namespaces}/>");
    for (what, text, expected) in [
        (
            "700 elements with 23 namespaces",
            with(&declared.repeat(550)),
            "signature_invalid",
        ),
        (
            "25 namespaces on one",
            with(&declared.replace(&namespaces, &too_many)),
            "xml_limit",
        ),
        (
            "4,900 elements with a namespace",
            with(&short(4_900)),
            "signature_invalid",
        ),
        ("5,001 elements", with(&short(5_001)), "xml_limit"),
        ("depth 16", with(&nested(11)), "signature_invalid"),
        ("depth 17", with(&nested(12)), "xml_limit"),
        (
            "one text of 200 KiB",
            with(&short(0).replace(
                "></saml:AttributeValue",
                &format!(">{}</saml:AttributeValue", "x".repeat(200_000)),
            )),
            "signature_invalid",
        ),
    ] {
        let field = STANDARD.encode(&text);
        let start = std::time::Instant::now();
        let outcome = fixture.check_field(&field, now()).await;
        println!(
            "{what}: {} bytes, {} ms",
            text.len(),
            start.elapsed().as_millis()
        );
        assert_eq!(code(outcome), expected, "{what}");
    }
}

/// docs/saml-faults.md names tests that exist.
#[test]
fn every_test_named_for_a_published_fault_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/saml-faults.md");
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains("::") && !name.ends_with("::test"))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let (module, test) = name.rsplit_once("::").unwrap();
        let path = match module.strip_prefix("it::") {
            Some(file) => format!("crates/starchart/tests/it/{file}.rs"),
            None => format!("crates/saml/tests/saml/{module}.rs"),
        };
        assert!(read(&path).contains(&format!("fn {test}(")), "{name}");
    }
}
