//! What must sign in.

use starchart_saml::issuer::{NamespaceStyle, SignedParts};

use crate::world::{IDP, World, asked, kepler};

#[tokio::test]
async fn every_place_of_the_signature_and_both_styles_sign_the_same_person_in() {
    let world = World::new();
    for sign in [
        SignedParts::Assertion,
        SignedParts::Response,
        SignedParts::Both,
    ] {
        for style in [NamespaceStyle::Prefixed, NamespaceStyle::DefaultNamespaces] {
            let mut response = world.honest();
            response.sign = sign;
            response.style = style;
            let checked = world.check(&response.sign(&world.issuer).unwrap()).await;
            let checked = checked.unwrap_or_else(|refusal| panic!("{sign:?} {style:?}: {refusal}"));
            assert_eq!(checked.subject, "user1");
            assert_eq!(checked.display_name, "Johannes Kepler");
            assert_eq!(checked.email, "user1@example.com");
            assert_eq!(checked.groups, kepler().groups);
            assert_eq!(checked.in_response_to, asked().id);
            assert_eq!(checked.assertion_id, response.assertion_id);
            assert_eq!(checked.name_id.as_deref(), Some("user1"));
            assert_eq!(checked.session_index, response.session_index);
            assert_eq!(
                checked.valid_until.as_millis(),
                world.now + 300_000 + 120_000
            );
        }
    }
}

#[tokio::test]
async fn the_demo_answer_to_our_own_request_signs_in() {
    let world = World::new();
    let login = world
        .provider
        .create_login_request("relay", crate::world::now())
        .unwrap();
    let (_, param) = login
        .url
        .query_pairs()
        .find(|(name, _)| name == "SAMLRequest")
        .unwrap();
    let seen = starchart_saml::issuer::parse_authn_request(&param).unwrap();
    let field = world.issuer.respond(&seen, &kepler()).unwrap();
    let checked = world
        .provider
        .verify_response(&field, crate::world::now())
        .await
        .unwrap();
    assert_eq!(checked.in_response_to, login.request_id);
}

#[tokio::test]
async fn clocks_may_differ_by_two_minutes_and_not_by_ten() {
    let world = World::new();
    let xml = world.signed(SignedParts::Both);
    for off in [-119_000, 0, 119_000] {
        assert!(world.check_at(&xml, world.now + off).await.is_ok(), "{off}");
    }
    for off in [-600_000, 600_000] {
        let refusal = world.check_at(&xml, world.now + off).await.unwrap_err();
        assert_eq!(
            refusal.class(),
            starchart_saml::RefusalClass::Clock,
            "{off}"
        );
    }
}

#[tokio::test]
async fn names_of_other_scripts_and_markup_in_values_come_through_unchanged() {
    let world = World::new();
    let mut response = world.honest();
    response.attributes = vec![
        ("sAMAccountName".to_owned(), vec!["josé".to_owned()]),
        (
            "displayname".to_owned(),
            vec!["<b>\"O'Brien\" & 星".to_owned()],
        ),
    ];
    response.name_id_xml = Some("a&amp;b&#233;".to_owned());
    let checked = world
        .check(&response.sign(&world.issuer).unwrap())
        .await
        .unwrap();
    assert_eq!(checked.subject, "josé");
    assert_eq!(checked.display_name, "<b>\"O'Brien\" & 星");
    assert_eq!(checked.name_id.as_deref(), Some("a&bé"));
    assert_eq!((checked.email.as_str(), checked.groups.len()), ("", 0));
}

#[tokio::test]
async fn a_declaration_white_space_and_known_optional_parts_are_no_obstacle() {
    let world = World::new();
    let mut response = world.honest();
    response.sign = SignedParts::Response;
    let p = "saml:";
    response.response_edits = vec![
        (
            format!("</{p}AudienceRestriction>"),
            format!("</{p}AudienceRestriction>\n  <{p}OneTimeUse/><{p}ProxyRestriction Count=\"1\"/>"),
        ),
        (format!("<{p}AuthnContext>"), format!("<{p}SubjectLocality Address=\"127.0.0.1\"/>\n<{p}AuthnContext>")),
        (
            format!("<{p}AttributeValue>user1</{p}AttributeValue>"),
            format!(
                "<{p}AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">user1</{p}AttributeValue>"
            ),
        ),
        (
            "Name=\"email\"".to_owned(),
            "Name=\"email\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\" FriendlyName=\"mail\"".to_owned(),
        ),
        ("Success\"/>".to_owned(), "Success\"/>\n<samlp:StatusMessage>fine</samlp:StatusMessage>\n".to_owned()),
        (format!(">{IDP}<"), format!(" Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">{IDP}<")),
    ];
    let xml = response.sign(&world.issuer).unwrap();
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
    assert_eq!(world.check(&xml).await.unwrap().subject, "user1");
}

#[tokio::test]
async fn form_fields_may_be_wrapped_or_unpadded_but_not_percent_encoded() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let world = World::new();
    let field = STANDARD.encode(world.signed(SignedParts::Both));
    let wrapped: String = field
        .as_bytes()
        .chunks(76)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    let now = crate::world::now();
    assert!(world.provider.verify_response(&wrapped, now).await.is_ok());
    assert!(
        world
            .provider
            .verify_response(field.trim_end_matches('='), now)
            .await
            .is_ok()
    );
    let refusal = world
        .provider
        .verify_response(&format!("%2B{field}"), now)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), "not_base64");
}
