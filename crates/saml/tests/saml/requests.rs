//! Login and logout requests, and the metadata of the service provider.

use std::collections::HashSet;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::user::NameId;
use starchart_saml::issuer::parse_authn_request;
use starchart_saml::{RequestError, ServiceProvider};
use url::Url;

use crate::fixture::{ACS, IDP, SLO, SP, SSO, config, now, provider};

fn idp_metadata(sso: &str, slo: Option<&str>) -> String {
    starchart_saml::issuer::Issuer::generate(IDP)
        .unwrap()
        .metadata_xml(sso, slo)
        .unwrap()
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn message(url: &Url) -> String {
    let deflated = STANDARD
        .decode(parameter(url, "SAMLRequest").unwrap())
        .unwrap();
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(deflated.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn a_login_request_names_the_service_provider_and_the_acs_url() {
    let provider = provider(&idp_metadata("http://localhost:9090?idp=a&b=c", None));
    let relay = "\"><script>alert(1)</script>&x=y";
    let login = provider.create_login_request(relay, now()).unwrap();
    assert_eq!(parameter(&login.url, "idp").as_deref(), Some("a"));
    assert_eq!(parameter(&login.url, "RelayState").as_deref(), Some(relay));
    assert!(!login.url.as_str().contains(['<', '"']));
    let text = message(&login.url);
    // As the metadata writes it, without the slash that a URL parser adds.
    assert!(
        text.contains("Destination=\"http://localhost:9090?idp=a&amp;b=c\""),
        "{text}"
    );
    assert!(text.contains("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\""));
    assert!(text.contains("nameid-format:persistent\" AllowCreate=\"true\""));
    let seen = parse_authn_request(&parameter(&login.url, "SAMLRequest").unwrap()).unwrap();
    assert_eq!(
        (seen.id, seen.issuer, seen.acs_url),
        (login.request_id, SP.to_owned(), ACS.to_owned())
    );
}

#[test]
fn a_long_relay_state_is_refused_and_an_empty_one_is_omitted() {
    let provider = provider(&idp_metadata(SSO, None));
    assert_eq!(
        provider.create_login_request(&"x".repeat(81), now()),
        Err(RequestError::RelayState)
    );
    assert_eq!(
        parameter(
            &provider.create_login_request("", now()).unwrap().url,
            "RelayState"
        ),
        None
    );
}

#[test]
fn every_request_has_a_unique_id() {
    let provider = provider(&idp_metadata(SSO, None));
    let mut ids = HashSet::new();
    for _ in 0..1_000 {
        let id = provider.create_login_request("", now()).unwrap().request_id;
        assert_eq!(id.len(), 41);
        assert!(ids.insert(id));
    }
}

#[test]
fn a_logout_request_names_the_user_and_the_session() {
    let with = provider(&idp_metadata(SSO, Some(SLO)));
    let name_id = |value: &str| NameId {
        value: value.to_owned(),
        format: None,
        name_qualifier: None,
        sp_name_qualifier: None,
        sp_provided_id: None,
    };
    let plain = name_id("a");
    let url = with
        .create_logout_request(&name_id("a<b>&\"c"), Some("s&1"), "r", now())
        .unwrap()
        .unwrap();
    assert_eq!(url.origin().ascii_serialization(), "http://localhost:9091");
    assert_eq!(parameter(&url, "RelayState").as_deref(), Some("r"));
    let text = message(&url);
    assert!(
        text.contains("<saml:NameID>a&lt;b&gt;&amp;&quot;c</saml:NameID>"),
        "{text}"
    );
    assert!(
        text.contains("<samlp:SessionIndex>s&amp;1</samlp:SessionIndex>"),
        "{text}"
    );
    assert!(
        !message(
            &with
                .create_logout_request(&plain, None, "", now())
                .unwrap()
                .unwrap()
        )
        .contains("SessionIndex")
    );
    // A NameID is repeated with every attribute (SAML core 3.3.4).
    let some = |text: &str| Some(text.to_owned());
    let full = NameId {
        value: "abc".to_owned(),
        format: some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        name_qualifier: some("http://idp/?a=1&b=2"),
        sp_name_qualifier: some(SP),
        sp_provided_id: some("7"),
    };
    let url = with
        .create_logout_request(&full, None, "", now())
        .unwrap()
        .unwrap();
    assert!(
        message(&url).contains(&format!(
            "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" \
             NameQualifier=\"http://idp/?a=1&amp;b=2\" SPNameQualifier=\"{SP}\" \
             SPProvidedID=\"7\">abc</saml:NameID>"
        )),
        "{}",
        message(&url)
    );
    let without = provider(&idp_metadata(SSO, None));
    assert_eq!(
        without.create_logout_request(&plain, None, "", now()),
        Ok(None)
    );
    assert_eq!(without.idp_origins(), ["http://localhost:9090"]);
}

#[test]
fn sp_metadata_is_complete() {
    let xml = provider(&idp_metadata(SSO, None)).metadata_xml();
    let expected = concat!(
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        "\n",
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata""#,
        r#" entityID="http://localhost:8080/sp">"#,
        "\n",
        r#"  <md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true""#,
        r#" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">"#,
        "\n",
        r#"    <md:SingleLogoutService"#,
        r#" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect""#,
        r#" Location="http://localhost:8080/logout/callback"/>"#,
        "\n",
        r#"    <md:NameIDFormat>"#,
        r#"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>"#,
        "\n",
        r#"    <md:AssertionConsumerService"#,
        r#" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST""#,
        r#" Location="http://localhost:8080/login/callback" index="0" isDefault="true"/>"#,
        "\n  </md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
    );
    assert_eq!(xml, expected);
}

#[test]
fn urls_are_escaped_in_sp_metadata() {
    let mut config = config(&idp_metadata(SSO, None));
    config.entity_id = "http://localhost/\"&<sp>".to_owned();
    let xml = ServiceProvider::new(config, now()).unwrap().metadata_xml();
    assert!(
        xml.contains("entityID=\"http://localhost/&quot;&amp;&lt;sp&gt;\""),
        "{xml}"
    );
}

#[test]
fn an_issuer_can_be_saved_as_pem_and_refuses_other_messages() {
    use starchart_saml::issuer::Issuer;
    let issuer = Issuer::generate(IDP).unwrap();
    let (key, certificate) = issuer.to_pem().unwrap();
    let again = Issuer::from_pem(IDP, &key, &certificate).unwrap();
    assert_eq!(
        again.metadata_xml(SSO, None).unwrap(),
        issuer.metadata_xml(SSO, None).unwrap()
    );
    for field in ["", "%%", "AAAA", "PHg+"] {
        assert!(parse_authn_request(field).is_err(), "{field}");
    }
}
