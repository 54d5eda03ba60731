//! Metadata as identity providers write it, and metadata that prevents a start of the server.

use std::time::Duration;

use starchart_saml::issuer::{Issuer, Response, SignedParts};
use starchart_saml::{MetadataError, ServiceProvider, Warning};

use crate::fixture::{
    Fixture, IDP, SLO, SSO, authn_request, code, config, element, kepler, now, provider,
};

fn error(metadata: &str) -> MetadataError {
    ServiceProvider::new(config(metadata), now()).unwrap_err()
}

fn valid_metadata() -> String {
    Issuer::generate(IDP)
        .unwrap()
        .metadata_xml(SSO, Some(SLO))
        .unwrap()
}

/// Metadata like Azure AD's: a byte order mark, a signature, WS-Federation roles and two signing
/// certificates.
fn azure_style(old: &Issuer, new: &Issuer) -> String {
    let key = |issuer: &Issuer| {
        format!(
            concat!(
                r#"<KeyDescriptor use="signing"><KeyInfo xmlns="{ds}"><X509Data>"#,
                "<X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            ),
            issuer.certificate_base64().unwrap(),
            ds = "http://www.w3.org/2000/09/xmldsig#",
        )
    };
    let role = |name: &str| {
        format!(
            concat!(
                r#"<RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
                r#" xmlns:fed="{wsfed}/federation/200706" xsi:type="fed:{name}""#,
                r#" protocolSupportEnumeration="{wsfed}/federation/200706">{key}"#,
                r#"<fed:TokenTypesOffered>"#,
                r#"<fed:TokenType Uri="urn:oasis:names:tc:SAML:2.0:assertion"/>"#,
                r#"</fed:TokenTypesOffered><fed:ClaimTypesOffered>"#,
                r#"<auth:ClaimType xmlns:auth="{wsfed}/authorization/200706""#,
                r#" Uri="http://claims.example.test/name">"#,
                r#"<auth:DisplayName>Name</auth:DisplayName></auth:ClaimType>"#,
                r#"</fed:ClaimTypesOffered></RoleDescriptor>"#
            ),
            wsfed = "http://docs.oasis-open.org/wsfed",
            name = name,
            key = key(new),
        )
    };
    format!(
        concat!(
            "{bom}",
            r#"<?xml version="1.0" encoding="utf-8"?><EntityDescriptor ID="_m" entityID="{idp}""#,
            r#" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">"#,
            r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>"#,
            r#"{}{}<IDPSSODescriptor"#,
            r#" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{}{}"#,
            r#"<SingleLogoutService Binding="{bindings}:HTTP-Redirect" Location="{slo}"/>"#,
            r#"<SingleSignOnService Binding="{bindings}:HTTP-Redirect" Location="{sso}"/>"#,
            r#"<SingleSignOnService Binding="{bindings}:HTTP-POST" Location="{sso}"/>"#,
            r#"</IDPSSODescriptor></EntityDescriptor>"#
        ),
        role("SecurityTokenServiceType"),
        role("ApplicationServiceType"),
        key(old),
        key(new),
        bom = '\u{feff}',
        idp = IDP,
        bindings = "urn:oasis:names:tc:SAML:2.0:bindings",
        slo = SLO,
        sso = SSO,
    )
}

#[tokio::test]
async fn azure_style_metadata_is_accepted_with_both_of_its_keys() {
    let old = Issuer::generate_valid(IDP, -800, -30).unwrap();
    let new = Issuer::generate(IDP).unwrap();
    let other = Issuer::generate(IDP).unwrap();
    let provider = provider(&azure_style(&old, &new));
    let warnings = provider.warnings(now());
    assert!(
        matches!(
            warnings.as_slice(),
            [Warning::CertificateExpired { number: 1, .. }]
        ),
        "{warnings:?}"
    );
    assert_eq!(
        provider.idp_origins(),
        ["http://localhost:9090", "http://localhost:9091"]
    );
    let fixture = Fixture {
        issuer: new,
        provider,
        now: now().as_millis(),
    };
    for (issuer, expected) in [
        (&old, "accepted"),
        (&fixture.issuer, "accepted"),
        (&other, "signature_invalid"),
    ] {
        for sign in [
            SignedParts::Assertion,
            SignedParts::Response,
            SignedParts::Both,
        ] {
            let mut response = Response::new(IDP, &authn_request(), &kepler(), fixture.now);
            response.sign = sign;
            response.style = starchart_saml::issuer::NamespaceStyle::DefaultNamespaces;
            assert_eq!(
                code(fixture.check(&response.sign(issuer).unwrap()).await),
                expected,
                "{sign:?}"
            );
        }
    }
}

#[tokio::test]
async fn other_certificates_of_a_chain_are_not_accepted() {
    let leaf = Issuer::generate(IDP).unwrap();
    let authority = Issuer::generate(IDP).unwrap();
    let xml = leaf.metadata_xml(SSO, Some(SLO)).unwrap();
    let certificate = element(&xml, "ds:X509Certificate").to_owned();
    let other = format!(
        "<ds:X509Certificate>{}</ds:X509Certificate>",
        authority.certificate_base64().unwrap()
    );
    let provider = provider(&xml.replace(&certificate, &format!("{certificate}{other}")));
    assert_eq!(
        provider.warnings(now()),
        [Warning::ChainIgnored { number: 1 }]
    );
    let fixture = Fixture {
        issuer: leaf,
        provider,
        now: now().as_millis(),
    };
    for (issuer, expected) in [
        (&fixture.issuer, "accepted"),
        (&authority, "signature_invalid"),
    ] {
        let response = Response::new(IDP, &authn_request(), &kepler(), fixture.now);
        assert_eq!(
            code(fixture.check(&response.sign(issuer).unwrap()).await),
            expected
        );
    }
}

#[test]
fn a_certificate_causes_a_warning_thirty_days_before_it_expires() {
    let soon = Issuer::generate_valid(IDP, -100, 20).unwrap();
    let soon = provider(&soon.metadata_xml(SSO, None).unwrap());
    assert!(matches!(
        soon.warnings(now()).as_slice(),
        [Warning::CertificateExpires { number: 1, .. }]
    ));
    assert!(matches!(
        soon.warnings(now().plus(21 * 86_400_000)).as_slice(),
        [Warning::CertificateExpired { .. }]
    ));
    let later = Issuer::generate_valid(IDP, -100, 40).unwrap();
    assert_eq!(
        provider(&later.metadata_xml(SSO, None).unwrap()).warnings(now()),
        []
    );
}

#[test]
fn metadata_without_a_usable_signing_certificate_is_refused() {
    let xml = valid_metadata();
    let key = element(&xml, "md:KeyDescriptor").to_owned();
    assert_eq!(
        error(&xml.replace(&key, "")),
        MetadataError::NoSigningCertificate
    );
    assert_eq!(
        error(&xml.replace("use=\"signing\"", "use=\"encryption\"")),
        MetadataError::NoSigningCertificate
    );
    let certificate = element(&xml, "ds:X509Certificate").to_owned();
    assert_eq!(
        error(&xml.replace(
            &certificate,
            "<ds:X509Certificate>AAAA</ds:X509Certificate>"
        )),
        MetadataError::BadCertificate(1)
    );
    assert_eq!(
        error(&xml.replace(&certificate, "<ds:X509Certificate>?</ds:X509Certificate>")),
        MetadataError::BadCertificate(1)
    );
    assert_eq!(
        error(&xml.replace(&certificate, "")),
        MetadataError::NoSigningCertificate
    );
    // An unreadable certificate is refused even beside a valid one.
    let two = xml.replace(
        &key,
        &format!(
            "{key}{}",
            key.replace(
                &certificate,
                "<ds:X509Certificate>AAAA</ds:X509Certificate>"
            )
        ),
    );
    assert_eq!(error(&two), MetadataError::BadCertificate(2));
    assert!(
        error(&xml.replace(&key, ""))
            .to_string()
            .contains("add the identity provider's signing certificate")
    );
}

#[test]
fn a_key_descriptor_without_use_is_accepted() {
    let xml = valid_metadata().replace(" use=\"signing\"", "");
    assert!(ServiceProvider::new(config(&xml), now()).is_ok());
}

#[test]
fn each_fault_of_metadata_has_its_reason() {
    let xml = valid_metadata();
    assert!(matches!(error("not xml"), MetadataError::Xml(_)));
    assert!(matches!(
        error(&xml.replace("<md:EntityDescriptor", "<!DOCTYPE x><md:EntityDescriptor")),
        MetadataError::Xml(_)
    ));
    assert_eq!(error("<x/>"), MetadataError::NoIdp);
    assert_eq!(error(&sp_metadata()), MetadataError::NoIdp);
    assert_eq!(
        error(&xml.replace(&format!("entityID=\"{IDP}\""), "")),
        MetadataError::NoEntityId
    );
    assert_eq!(
        error(&xml.replace("HTTP-Redirect", "HTTP-POST")),
        MetadataError::NoSignOnService
    );
    assert_eq!(
        error(&xml.replace(SSO, "javascript:alert(1)")),
        MetadataError::BadLocation("SingleSignOnService")
    );
    let until = |date: &str| {
        xml.replace(
            "<md:IDPSSODescriptor",
            &format!("<md:IDPSSODescriptor validUntil=\"{date}\""),
        )
    };
    assert_eq!(
        error(&until("2020-01-01T00:00:00Z")),
        MetadataError::Expired("2020-01-01T00:00:00Z".to_owned())
    );
    assert_eq!(error(&until("soon")), MetadataError::BadValidUntil);
    // Every form of an xs:dateTime.
    for date in [
        "2999-01-01T00:00:00Z",
        "2999-01-01T00:00:00",
        "2999-01-01T00:00:00.123",
        "2999-01-01T00:00:00.1234567Z",
        "2999-01-01T00:00:00+02:00",
        "2999-01-01T24:00:00Z",
        " 2999-01-01T00:00:00Z ",
    ] {
        assert!(
            ServiceProvider::new(config(&until(date)), now()).is_ok(),
            "{date}"
        );
    }
    for date in [
        "",
        "2999-01-01",
        "2999-01-01 00:00:00",
        "2999-13-01T00:00:00Z",
    ] {
        assert_eq!(error(&until(date)), MetadataError::BadValidUntil, "{date}");
    }
    assert_eq!(
        error(&until("2020-01-01T01:00:00.5+01:00")),
        MetadataError::Expired("2020-01-01T00:00:00Z".to_owned())
    );
    let inner = xml.replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "");
    let federation = |count: usize| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">\
             {}</md:EntitiesDescriptor>",
            inner.repeat(count)
        )
    };
    assert_eq!(error(&federation(2)), MetadataError::SeveralIdps(2));
    assert!(ServiceProvider::new(config(&federation(1)), now()).is_ok());
}

#[test]
fn unusable_settings_are_refused() {
    let xml = valid_metadata();
    let with = |change: &dyn Fn(&mut starchart_saml::ServiceProviderConfig)| {
        let mut config = config(&xml);
        change(&mut config);
        ServiceProvider::new(config, now())
    };
    assert!(matches!(
        with(&|c| c.clock_skew = Duration::from_secs(121)),
        Err(MetadataError::Setting(_))
    ));
    assert!(matches!(
        with(&|c| c.require_https_acs = true),
        Err(MetadataError::Setting(_))
    ));
    assert!(matches!(
        with(&|c| c.acs_url = "http://app.example.test/login/callback".to_owned()),
        Err(MetadataError::Setting(_))
    ));
    assert!(matches!(
        with(&|c| c.entity_id.clear()),
        Err(MetadataError::Setting(_))
    ));
    assert!(matches!(
        with(&|c| c.attributes.subject.clear()),
        Err(MetadataError::Setting(_))
    ));
    assert!(
        with(&|c| {
            c.require_https_acs = true;
            c.acs_url = "https://app.example.test/login/callback".to_owned();
        })
        .is_ok()
    );
}

fn sp_metadata() -> String {
    provider(&valid_metadata()).metadata_xml()
}
