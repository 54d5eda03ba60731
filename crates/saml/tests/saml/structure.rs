//! Documents that two parsers could read differently, and documents that exhaust resources.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use starchart_saml::RefusalClass;
use starchart_saml::issuer::SignedParts;

use crate::fixture::{Fixture, code, now};

/// A change to a signed document, and the code of the refusal.
struct Case {
    from: &'static str,
    to: String,
    code: &'static str,
}

fn case(from: &'static str, to: impl Into<String>, code: &'static str) -> Case {
    Case {
        from,
        to: to.into(),
        code,
    }
}

async fn assert_refused(fixture: &Fixture, xml: &str, cases: Vec<Case>) {
    for Case {
        from,
        to,
        code: expected,
    } in cases
    {
        assert!(xml.contains(from), "{from}");
        let refusal = fixture
            .check(&xml.replacen(from, &to, 1))
            .await
            .unwrap_err();
        assert_eq!(
            (refusal.class(), refusal.code()),
            (RefusalClass::Malformed, expected),
            "{from} -> {to}"
        );
    }
}

#[tokio::test]
pub(crate) async fn doctypes_comments_cdata_and_processing_instructions_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Both);
    let root = "<samlp:Response ";
    let laughs: String = (0..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n + 1).repeat(10)))
        .collect();
    let with = |before: &str| format!("{before}{root}");
    let value = ">user1</saml:AttributeValue>";
    assert_refused(
        &fixture,
        &xml,
        vec![
            case(root, with("<!DOCTYPE x>"), "xml_doctype"),
            case(
                root,
                with("<!DOCTYPE x [<!ENTITY e \"admin\">]>"),
                "xml_doctype",
            ),
            case(
                root,
                with("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/hostname\">]>"),
                "xml_doctype",
            ),
            case(
                root,
                with("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">"),
                "xml_doctype",
            ),
            case(
                root,
                with(&format!("<!DOCTYPE x [{laughs}]>")),
                "xml_doctype",
            ),
            case(root, with("<!-- x -->"), "xml_comment"),
            case(root, with("<?php x?>"), "xml_processing_instruction"),
            case(
                value,
                ">us<!-- x -->er1</saml:AttributeValue>",
                "xml_comment",
            ),
            case(
                value,
                ">us<?x y?>er1</saml:AttributeValue>",
                "xml_processing_instruction",
            ),
            case(
                value,
                "><![CDATA[user1]]></saml:AttributeValue>",
                "xml_cdata",
            ),
            case(value, ">&admin;</saml:AttributeValue>", "xml_entity"),
            case(
                "persistent\">user1",
                "persistent\">user1<!-- x -->",
                "xml_comment",
            ),
            case(
                "</samlp:Response>",
                "</samlp:Response><!-- x -->",
                "xml_comment",
            ),
        ],
    )
    .await;
}

#[tokio::test]
pub(crate) async fn ambiguous_documents_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Both);
    let root = "<samlp:Response ";
    let end = "</samlp:Response>";
    let value = ">user1</saml:AttributeValue>";
    let ns = "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"";
    assert_refused(
        &fixture,
        &xml,
        vec![
            case(end, "", "xml_not_well_formed"),
            case(end, format!("{end}<x/>"), "xml_outside_root"),
            case(end, format!("{end}{end}"), "xml_not_well_formed"),
            case(end, format!("{end}text"), "xml_outside_root"),
            case(end, format!("{end}&amp;"), "xml_outside_root"),
            case(root, format!("\u{feff}{root}"), "xml_bom"),
            case(root, format!("text{root}"), "xml_outside_root"),
            case(
                root,
                format!(" <?xml version=\"1.0\"?>{root}"),
                "xml_not_well_formed",
            ),
            case(
                root,
                format!("<?xml version=\"1.1\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" e<:Sding='utf-8'?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" encodin=\"UTF-8\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml encoding=\"UTF-8\" version=\"1.0\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" version=\"1.0\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" standalone=\"maybe\"?>{root}"),
                "xml_declaration",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\"encoding=\"UTF-8\"?>{root}"),
                "xml_not_well_formed",
            ),
            case(
                root,
                format!("<?xml version=\"1.0\" ?x?>{root}"),
                "xml_not_well_formed",
            ),
            case(root, format!("<?xml ?>{root}"), "xml_declaration"),
            case(
                root,
                format!("{root}Version=\"2.0\" "),
                "xml_duplicate_attribute",
            ),
            case(root, format!("{root}{ns} "), "xml_duplicate_attribute"),
            case(root, "<samlp:Response\u{0}", "xml_character"),
            case(value, ">user1\u{0}</saml:AttributeValue>", "xml_character"),
            case(value, ">user1\u{1}</saml:AttributeValue>", "xml_character"),
            case(value, ">user1&#0;</saml:AttributeValue>", "xml_entity"),
            case(value, ">user1&#1;</saml:AttributeValue>", "xml_character"),
            case(
                value,
                ">user1]]></saml:AttributeValue>",
                "xml_not_well_formed",
            ),
            case(
                value,
                "><evil:x>user1</evil:x></saml:AttributeValue>",
                "xml_namespace",
            ),
            case(
                "Name=\"email\"",
                "evil:x=\"y\" Name=\"email\"",
                "xml_namespace",
            ),
            case("Name=\"email\"", "Name=\"e<mail\"", "xml_not_well_formed"),
            case(
                "\" Version=\"2.0\"",
                "\"Version=\"2.0\"",
                "xml_not_well_formed",
            ),
            case("Name=\"email\"", "Name=email", "xml_not_well_formed"),
            case(
                "Name=\"email\"",
                "xmlns:q=\"\" Name=\"email\"",
                "xml_namespace",
            ),
            // Names that Namespaces in XML 1.0, section 3, reserves.
            case("<samlp:StatusCode", "<xmlns:StatusCode", "xml_namespace"),
            case(
                "Name=\"email\"",
                "xmlns:xmlns=\"urn:a\" Name=\"email\"",
                "xml_not_well_formed",
            ),
            case(
                "Name=\"email\"",
                "xmlns:xml=\"urn:a\" Name=\"email\"",
                "xml_not_well_formed",
            ),
            case(
                "Name=\"email\"",
                "xmlns:q=\"http://www.w3.org/XML/1998/namespace\" Name=\"email\"",
                "xml_not_well_formed",
            ),
            case(
                "Name=\"email\"",
                "xmlns:q=\"http://www.w3.org/2000/xmlns/\" Name=\"email\"",
                "xml_not_well_formed",
            ),
            // libxml2 expands the reference, quick-xml does not.
            case(
                "Name=\"email\"",
                "xmlns:q=\"urn:oasis:names:tc:SAML:2.0:&#97;ssertion\" Name=\"email\"",
                "xml_namespace",
            ),
        ],
    )
    .await;
}

#[tokio::test]
pub(crate) async fn unknown_elements_and_attributes_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Both);
    let ns = "xmlns:o=\"urn:other\"";
    assert_refused(
        &fixture,
        &xml,
        vec![
            case(
                "<saml:AudienceRestriction>",
                "<saml:Condition/><saml:AudienceRestriction>",
                "condition_unknown",
            ),
            case(
                "<saml:Subject>",
                format!("<saml:Subject {ns} o:x=\"y\">"),
                "namespace_unknown",
            ),
            case(
                "<saml:Subject>",
                "<saml:Subject saml:x=\"y\">",
                "subject_attribute",
            ),
            case(
                "<saml:Subject>",
                "<saml:Subject/><saml:Subject>",
                "assertion_child",
            ),
            case(
                "Success\"/>",
                "Success\"/><samlp:StatusInfo/>",
                "status_child",
            ),
            case(
                "Success\"/>",
                "Success\"><samlp:Status/></samlp:StatusCode>",
                "status_code_child",
            ),
            case("<saml:Subject>", "text<saml:Subject>", "assertion_text"),
            case(
                "Name=\"email\"",
                format!("{ns} o:ID=\"x\" Name=\"email\""),
                "foreign_id",
            ),
            case(
                "Name=\"email\"",
                "xml:id=\"x\" Name=\"email\"",
                "foreign_id",
            ),
            case(
                "<samlp:Response ",
                "<samlp:Response ID2=\"x\" ",
                "response_attribute",
            ),
        ],
    )
    .await;
    let wrong_root = xml.replace("samlp:Response", "samlp:ArtifactResponse");
    assert_eq!(code(fixture.check(&wrong_root).await), "root_not_response");
}

#[tokio::test]
pub(crate) async fn ids_must_be_unique_and_plain() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.assertion_id = response.id.clone();
    assert_eq!(fixture.code_of(&response).await, "duplicate_id");
    for id in ["a b", "1a", "", "x:y", "é", "a'b"] {
        let mut response = fixture.valid_response();
        response.sign = SignedParts::Response;
        response.assertion_id = id.to_owned();
        assert_eq!(fixture.code_of(&response).await, "assertion_id", "{id}");
    }
    let xml = fixture.signed(SignedParts::Both);
    let repeated = xml.replace("<ds:Signature ", "<ds:Signature Id=\"s\" ");
    assert_eq!(code(fixture.check(&repeated).await), "duplicate_id");
}

#[tokio::test]
pub(crate) async fn encrypted_parts_are_refused_with_their_own_reason() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Response);
    let assertion = crate::fixture::element(&xml, "saml:Assertion").to_owned();
    let xenc = concat!(
        r#"xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" "#,
        r#"xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion""#
    );
    let short = format!(
        "<saml:EncryptedAssertion {xenc}><xenc:EncryptedData><xenc:CipherData>\
         <xenc:CipherValue>AA==</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>\
         </saml:EncryptedAssertion>"
    );
    let id = format!("<saml:EncryptedID {xenc}/>");
    let name_id = crate::fixture::element(&xml, "saml:NameID").to_owned();
    let cases = [
        xml.replace(&assertion, &short),
        xml.replace(&name_id, &id),
        xml.replace(
            "<saml:AttributeStatement>",
            "<saml:AttributeStatement><saml:EncryptedAttribute/>",
        ),
    ];
    for text in cases {
        let refusal = fixture.check(&text).await.unwrap_err();
        assert_eq!(
            (refusal.class(), refusal.code()),
            (RefusalClass::Encrypted, "encrypted")
        );
    }
}

#[tokio::test]
pub(crate) async fn encodings_other_than_utf8_and_base64_are_refused() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Both);
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(xml.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let plain16: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut latin1 = xml.replace("Kepler", "K?pler").into_bytes();
    for byte in &mut latin1 {
        if *byte == b'?' {
            *byte = 0xe9;
        }
    }
    for (bytes, expected) in [
        (utf16, "not_utf8"),
        (plain16, "xml_character"),
        (latin1, "not_utf8"),
    ] {
        let outcome = fixture.check_field(&STANDARD.encode(bytes), now()).await;
        assert_eq!(code(outcome), expected);
    }
    for (field, expected) in [
        ("", "xml_not_well_formed"),
        ("====", "not_base64"),
        ("<xml>", "not_base64"),
        ("é", "not_base64"),
    ] {
        assert_eq!(
            code(fixture.check_field(field, now()).await),
            expected,
            "{field}"
        );
    }
}

#[tokio::test]
pub(crate) async fn oversized_documents_are_refused_by_the_gate() {
    let fixture = Fixture::new();
    let attributes: String = (0..20_000).map(|n| format!(" a{n}=\"\"")).collect();
    let namespaces: String = (0..12_000).map(|n| format!(" xmlns:a{n}=\"u\"")).collect();
    let cases = [
        ("a".repeat(10_000_000), "too_large"),
        (STANDARD.encode("a".repeat(300 * 1024)), "too_large"),
        (
            STANDARD.encode(format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000))),
            "xml_limit",
        ),
        (STANDARD.encode("<a>".repeat(80_000)), "xml_limit"),
        (
            STANDARD.encode(format!("<a>{}</a>", "<b/>".repeat(60_000))),
            "xml_limit",
        ),
        (STANDARD.encode(format!("<a{attributes}/>")), "xml_limit"),
        (
            STANDARD.encode(format!("<a{namespaces}/>")),
            "xml_not_well_formed",
        ),
    ];
    for (field, expected) in cases {
        assert_eq!(code(fixture.check_field(&field, now()).await), expected);
    }
}

#[tokio::test]
async fn two_hundred_concurrent_forged_responses_do_not_block_a_valid_one() {
    let fixture = std::sync::Arc::new(Fixture::new());
    let forged = fixture
        .signed(SignedParts::Both)
        .replace(">user1<", ">admin<");
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let fixture = std::sync::Arc::clone(&fixture);
            let forged = forged.clone();
            tokio::spawn(async move { fixture.check(&forged).await })
        })
        .collect();
    for task in tasks {
        let refusal = task.await.unwrap().unwrap_err();
        assert!(
            matches!(refusal.code(), "signature_invalid" | "busy"),
            "{refusal}"
        );
    }
    assert!(
        fixture
            .check(&fixture.signed(SignedParts::Both))
            .await
            .is_ok()
    );
}
