//! Responses that must be accepted.

use starchart_saml::issuer::{NamespaceStyle, SignedParts};

use crate::fixture::{Fixture, IDP, authn_request, kepler};

#[tokio::test]
async fn every_signed_part_and_namespace_style_is_accepted() {
    let fixture = Fixture::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        for style in [NamespaceStyle::Prefixed, NamespaceStyle::DefaultNamespaces] {
            let mut response = fixture.valid_response();
            response.sign = sign;
            response.style = style;
            let checked = fixture
                .check(&response.sign(&fixture.issuer).unwrap())
                .await;
            let checked = checked.unwrap_or_else(|refusal| panic!("{sign:?} {style:?}: {refusal}"));
            assert_eq!(checked.subject, "user1");
            assert_eq!(checked.display_name, "Johannes Kepler");
            assert_eq!(checked.email, "user1@example.com");
            assert_eq!(checked.groups, kepler().groups);
            assert_eq!(checked.in_response_to, authn_request().id);
            assert_eq!(checked.assertion_id, response.assertion_id);
            assert_eq!(checked.name_id.unwrap().value, "user1");
            assert_eq!(checked.session_index, response.session_index);
            assert_eq!(checked.valid_until.as_millis(), fixture.now + 180_000);
        }
    }
}

#[tokio::test]
async fn a_response_to_a_login_request_is_accepted() {
    let fixture = Fixture::new();
    let login = fixture
        .provider
        .create_login_request("relay", crate::fixture::now())
        .unwrap();
    let (_, param) = login
        .url
        .query_pairs()
        .find(|(name, _)| name == "SAMLRequest")
        .unwrap();
    let seen = starchart_saml::issuer::parse_authn_request(&param).unwrap();
    let field = fixture.issuer.respond(&seen, &kepler()).unwrap();
    let checked = fixture
        .provider
        .verify_response(&field, crate::fixture::now())
        .await
        .unwrap();
    assert_eq!(checked.in_response_to, login.request_id);
}

#[tokio::test]
async fn clock_skew_of_two_minutes_is_tolerated_and_of_ten_is_not() {
    let fixture = Fixture::new();
    let xml = fixture.signed(SignedParts::Both);
    for offset_ms in [-119_000, 0, 119_000] {
        assert!(
            fixture
                .check_at(&xml, fixture.now + offset_ms)
                .await
                .is_ok(),
            "{offset_ms}"
        );
    }
    for offset_ms in [-600_000, 600_000] {
        let refusal = fixture
            .check_at(&xml, fixture.now + offset_ms)
            .await
            .unwrap_err();
        assert_eq!(
            refusal.class(),
            starchart_saml::RefusalClass::Clock,
            "{offset_ms}"
        );
    }
}

#[tokio::test]
async fn non_ascii_and_markup_in_values_are_read_unchanged() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.attributes = vec![
        ("sAMAccountName".to_owned(), vec!["josé".to_owned()]),
        (
            "displayname".to_owned(),
            vec!["<b>\"O'Brien\" & 星".to_owned()],
        ),
    ];
    response.name_id_xml = Some("a&amp;b&#233;".to_owned());
    let checked = fixture
        .check(&response.sign(&fixture.issuer).unwrap())
        .await
        .unwrap();
    assert_eq!(checked.subject, "josé");
    assert_eq!(checked.display_name, "<b>\"O'Brien\" & 星");
    assert_eq!(checked.name_id.unwrap().value, "a&bé");
    assert_eq!((checked.email.as_str(), checked.groups.len()), ("", 0));
}

#[tokio::test]
async fn the_name_id_is_read_with_its_attributes() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.assertion_edits.push((
        "<saml:NameID ".to_owned(),
        "<saml:NameID NameQualifier=\"q\" SPNameQualifier=\"s\" SPProvidedID=\"p\" ".to_owned(),
    ));
    let checked = fixture
        .check(&response.sign(&fixture.issuer).unwrap())
        .await
        .unwrap();
    let name_id = checked.name_id.unwrap();
    assert_eq!(
        (
            name_id.format.as_deref(),
            name_id.name_qualifier.as_deref(),
            name_id.sp_name_qualifier.as_deref(),
            name_id.sp_provided_id.as_deref()
        ),
        (
            Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
            Some("q"),
            Some("s"),
            Some("p")
        )
    );
    for empty in ["", " \n"] {
        let mut response = fixture.valid_response();
        response.name_id_xml = Some(empty.to_owned());
        let checked = fixture
            .check(&response.sign(&fixture.issuer).unwrap())
            .await
            .unwrap();
        assert_eq!(checked.name_id, None);
    }
}

#[tokio::test]
async fn declaration_white_space_and_optional_parts_are_accepted() {
    let fixture = Fixture::new();
    let mut response = fixture.valid_response();
    response.sign = SignedParts::Response;
    let p = "saml:";
    response.response_edits = vec![
        (
            format!("</{p}AudienceRestriction>"),
            format!(
                "</{p}AudienceRestriction>\n  \
                 <{p}OneTimeUse/><{p}ProxyRestriction Count=\"1\"/>"
            ),
        ),
        (
            format!("<{p}AuthnContext>"),
            format!("<{p}SubjectLocality Address=\"127.0.0.1\"/>\n<{p}AuthnContext>"),
        ),
        (
            format!("<{p}AttributeValue>user1</{p}AttributeValue>"),
            format!(
                "<{p}AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 xsi:type=\"xs:string\">user1</{p}AttributeValue>"
            ),
        ),
        (
            "Name=\"email\"".to_owned(),
            "Name=\"email\" FriendlyName=\"mail\" \
             NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\""
                .to_owned(),
        ),
        (
            "Success\"/>".to_owned(),
            "Success\"/>\n<samlp:StatusMessage>fine</samlp:StatusMessage>\n".to_owned(),
        ),
        (
            format!(">{IDP}<"),
            format!(" Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">{IDP}<"),
        ),
    ];
    let xml = response.sign(&fixture.issuer).unwrap();
    for text in [
        "FriendlyName",
        "OneTimeUse",
        "nameid-format:entity",
        "xs:string",
        "SubjectLocality",
    ] {
        assert!(xml.contains(text), "{text}");
    }
    let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n");
    assert_eq!(fixture.check(&xml).await.unwrap().subject, "user1");
}

#[tokio::test]
async fn the_form_field_may_have_line_breaks_and_no_padding() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let fixture = Fixture::new();
    let field = STANDARD.encode(fixture.signed(SignedParts::Both));
    let wrapped: String = field
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let now = crate::fixture::now();
    assert!(
        fixture
            .provider
            .verify_response(&wrapped, now)
            .await
            .is_ok()
    );
    assert!(
        fixture
            .provider
            .verify_response(field.trim_end_matches('='), now)
            .await
            .is_ok()
    );
    let refusal = fixture
        .provider
        .verify_response(&format!("%2B{field}"), now)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), "not_base64");
}
