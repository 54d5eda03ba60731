//! Signatures that are absent, invalid, of another key, weak, or of another element.

use std::io::ErrorKind;
use std::net::TcpListener;

use starchart_saml::RefusalClass;
use starchart_saml::issuer::{Issuer, SignedParts};

use crate::fixture::{Fixture, IDP, code, element};

#[tokio::test]
pub(crate) async fn unsigned_changed_and_wrongly_signed_responses_are_refused() {
    let fixture = Fixture::new();
    let unsigned = fixture.signed(SignedParts::Nothing);
    assert_eq!(code(fixture.check(&unsigned).await), "unsigned");
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        let xml = fixture.signed(sign);
        for (from, to) in [
            (">user1<", ">admin<"),
            ("Johannes", "Johann"),
            ("user1@", "admin@"),
        ] {
            let tampered = xml.replace(from, to);
            assert_ne!(tampered, xml);
            let refusal = fixture.check(&tampered).await.unwrap_err();
            assert_eq!(
                (refusal.class(), refusal.code()),
                (RefusalClass::Signature, "signature_invalid"),
                "{sign:?} {from}"
            );
        }
        let other_idp = Issuer::generate(IDP).unwrap();
        let mut response = fixture.valid_response();
        response.sign = sign;
        let foreign = response.sign(&other_idp).unwrap();
        assert_eq!(
            code(fixture.check(&foreign).await),
            "signature_invalid",
            "{sign:?}"
        );
    }
}

#[tokio::test]
pub(crate) async fn a_valid_response_signature_does_not_cover_for_an_invalid_assertion_signature() {
    let fixture = Fixture::new();
    let other_idp = Issuer::generate(IDP).unwrap();
    let mut response = fixture.valid_response();
    response.sign = SignedParts::Assertion;
    let foreign = element(&response.sign(&other_idp).unwrap(), "saml:Assertion").to_owned();
    let own = element(&response.sign(&fixture.issuer).unwrap(), "saml:Assertion").to_owned();
    response.sign = SignedParts::Both;
    let both = response.sign(&fixture.issuer).unwrap();
    assert!(fixture.check(&both).await.is_ok());
    let mixed = both.replace(element(&both, "saml:Assertion"), &foreign);
    assert_ne!(own, foreign);
    assert_eq!(code(fixture.check(&mixed).await), "signature_invalid");
}

#[tokio::test]
pub(crate) async fn weak_algorithms_are_refused_with_a_valid_signature() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.signature_method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1".to_owned();
    assert_eq!(fixture.code_of(&response).await, "signature_algorithm");
    let mut response = fixture.valid_response();
    response.digest_method = "http://www.w3.org/2000/09/xmldsig#sha1".to_owned();
    assert_eq!(fixture.code_of(&response).await, "digest_algorithm");
    for name in [
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        let xml = fixture
            .signed(SignedParts::Both)
            .replace("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", name);
        assert_eq!(
            code(fixture.check(&xml).await),
            "signature_algorithm",
            "{name}"
        );
    }
}

#[tokio::test]
async fn sha384_and_sha512_are_accepted() {
    let fixture = Fixture::new();
    for (method, digest) in [
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            "http://www.w3.org/2001/04/xmldsig-more#sha384",
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            "http://www.w3.org/2001/04/xmlenc#sha512",
        ),
    ] {
        let mut response = fixture.valid_response();
        response.signature_method = method.to_owned();
        response.digest_method = digest.to_owned();
        assert_eq!(fixture.code_of(&response).await, "accepted", "{method}");
    }
}

#[tokio::test]
pub(crate) async fn a_reference_to_anything_but_the_parent_is_refused_and_not_fetched() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut response = fixture.valid_response();
    response.sign = SignedParts::Assertion;
    let xml = response.sign(&fixture.issuer).unwrap();
    let own = format!("URI=\"#{}\"", response.assertion_id);
    assert!(xml.contains(&own));
    let wanted = [
        format!("URI=\"http://{address}/x\""),
        "URI=\"file:///dev/zero\"".to_owned(),
        "URI=\"file:///etc/hostname\"".to_owned(),
        "URI=\"\"".to_owned(),
        String::new(),
        format!("URI=\"#{}\"", response.id),
        "URI=\"#other\"".to_owned(),
        format!("URI=\"#xpointer(id('{}'))\"", response.assertion_id),
        format!("URI=\"{}\"", response.assertion_id),
    ];
    for uri in wanted {
        let outcome = fixture.check(&xml.replace(&own, &uri)).await;
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            ErrorKind::WouldBlock,
            "a connection was opened for {uri}"
        );
        assert_eq!(code(outcome), "reference_uri", "{uri}");
    }
}

#[tokio::test]
pub(crate) async fn transforms_other_than_enveloped_and_exclusive_c14n_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Assertion);
    let enveloped =
        r#"<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>"#;
    let exclusive = r#"<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"#;
    assert!(xml.contains(enveloped) && xml.contains(exclusive));
    let transform = |name: &str| format!(r#"<ds:Transform Algorithm="{name}"/>"#);
    let xpath = concat!(
        r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">"#,
        "<ds:XPath>count(//. | //@*)</ds:XPath></ds:Transform>"
    );
    let cases = [
        (exclusive, xpath.to_owned(), "transform_algorithm"),
        (
            exclusive,
            transform("http://www.w3.org/TR/1999/REC-xpath-19991116"),
            "transform_algorithm",
        ),
        (
            exclusive,
            transform("http://www.w3.org/TR/1999/REC-xslt-19991116"),
            "transform_algorithm",
        ),
        (
            exclusive,
            transform("http://www.w3.org/2000/09/xmldsig#base64"),
            "transform_algorithm",
        ),
        (
            exclusive,
            transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
            "transform_algorithm",
        ),
        (
            exclusive,
            transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"),
            "transform_algorithm",
        ),
        (exclusive, String::new(), "transform_absent"),
        (enveloped, String::new(), "transform_algorithm"),
        (
            exclusive,
            format!("{exclusive}{exclusive}"),
            "transform_count",
        ),
    ];
    for (from, to, expected) in cases {
        let refusal = fixture.check(&xml.replace(from, &to)).await.unwrap_err();
        assert_eq!(
            (refusal.class(), refusal.code()),
            (RefusalClass::Signature, expected),
            "{to}"
        );
    }
    let c14n = r#"<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"#;
    let commented = xml.replace(c14n, &format!("{c14n}WithComments"));
    assert_eq!(code(fixture.check(&commented).await), "c14n_algorithm");
}

#[tokio::test]
pub(crate) async fn objects_manifests_retrieval_methods_and_second_references_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Assertion);
    let reference = element(&xml, "ds:Reference").to_owned();
    let info = element(&xml, "ds:KeyInfo").to_owned();
    let cases = [
        (
            "</ds:Signature>".to_owned(),
            "<ds:Object>x</ds:Object></ds:Signature>".to_owned(),
            "signature_child",
        ),
        (
            "</ds:Signature>".to_owned(),
            "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>".to_owned(),
            "signature_child",
        ),
        (
            info,
            r#"<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1/k"/></ds:KeyInfo>"#.to_owned(),
            "key_info_child",
        ),
        (
            reference.clone(),
            format!("{reference}{reference}"),
            "reference_count",
        ),
        (reference, String::new(), "reference_absent"),
    ];
    for (from, to, expected) in cases {
        assert!(xml.contains(&from));
        assert_eq!(
            code(fixture.check(&xml.replacen(&from, &to, 1)).await),
            expected
        );
    }
}
