//! The signing keys of an identity provider: of every kind, in every place of its metadata.

use starchart_saml::issuer::{Issuer, IssuerKey, Response, SignedParts};
use starchart_saml::{MetadataError, ServiceProvider, Warning};

use crate::fixture::{
    Fixture, IDP, SSO, authn_request, code, config, element, kepler, now, provider,
};

const MORE: &str = "http://www.w3.org/2001/04/xmldsig-more#";

/// A certificate for RSA-PSS only, whose key no accepted algorithm uses.
const RSA_PSS: &str = include_str!("rsa_pss.b64");

/// How the keys are arranged in the metadata.
#[derive(Debug, Clone, Copy)]
enum Place {
    Descriptors,
    X509Data,
    Roles,
    NoUse,
}

fn issuer(key: IssuerKey) -> Issuer {
    Issuer::generate_key(IDP, key, -1, 3650).unwrap()
}

/// Metadata with these certificates, in this order.
fn metadata(certificates: &[String], place: Place) -> String {
    let plain = issuer(IssuerKey::EcP256).metadata_xml(SSO, None).unwrap();
    let key = element(&plain, "md:KeyDescriptor").to_owned();
    let data = element(&key, "ds:X509Data").to_owned();
    let old = element(&key, "ds:X509Certificate").to_owned();
    let filled = |part: &str, certificate: &String| {
        let new = format!("<ds:X509Certificate>{certificate}</ds:X509Certificate>");
        part.replace(&old, &new)
    };
    let each = |part: &str| -> String {
        certificates
            .iter()
            .map(|certificate| filled(part, certificate))
            .collect()
    };
    match place {
        Place::Descriptors => plain.replace(&key, &each(&key)),
        Place::X509Data => plain.replace(&data, &each(&data)),
        Place::NoUse => plain.replace(&key, &each(&key).replace(" use=\"signing\"", "")),
        Place::Roles => {
            let role = element(&plain, "md:IDPSSODescriptor").to_owned();
            // Only the last role has the services.
            let sso = role.find("<md:NameIDFormat>").unwrap();
            let bare = format!("{}</md:IDPSSODescriptor>", &role[..sso]);
            let (last, first) = certificates.split_last().unwrap();
            let roles: String = first.iter().map(|one| filled(&bare, one)).collect();
            plain.replace(&role, &format!("{roles}{}", filled(&role, last)))
        }
    }
}

fn method(key: IssuerKey) -> (&'static str, &'static str) {
    match key {
        IssuerKey::EcP384 => (
            "ecdsa-sha384",
            "http://www.w3.org/2001/04/xmldsig-more#sha384",
        ),
        IssuerKey::EcP521 => ("ecdsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512"),
        IssuerKey::EcP256 => ("ecdsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"),
        _ => ("rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"),
    }
}

/// Signs with each of the keys in turn, and expects that the provider accepts it.
async fn assert_all_verify(keys: &[IssuerKey], place: Place) {
    let issuers: Vec<Issuer> = keys.iter().map(|key| issuer(*key)).collect();
    let certificates: Vec<String> = issuers
        .iter()
        .map(|issuer| issuer.certificate_base64().unwrap())
        .collect();
    let fixture = Fixture {
        provider: provider(&metadata(&certificates, place)),
        issuer: issuer(IssuerKey::EcP256),
        now: now().as_millis(),
    };
    for (key, issuer) in keys.iter().zip(&issuers) {
        for sign in [
            SignedParts::Assertion,
            SignedParts::Response,
            SignedParts::Both,
        ] {
            let mut response = Response::new(IDP, &authn_request(), &kepler(), fixture.now);
            response.sign = sign;
            let (signature, digest) = method(*key);
            response.signature_method = format!("{MORE}{signature}");
            response.digest_method = digest.to_owned();
            let outcome = fixture.check(&response.sign(issuer).unwrap()).await;
            assert_eq!(
                code(outcome),
                "accepted",
                "{key:?} of {keys:?}, {place:?}, {sign:?}"
            );
        }
    }
    let mut foreign = Response::new(IDP, &authn_request(), &kepler(), fixture.now);
    foreign.signature_method = format!("{MORE}ecdsa-sha256");
    let foreign = foreign.sign(&fixture.issuer).unwrap();
    assert_eq!(
        code(fixture.check(&foreign).await),
        "signature_invalid",
        "{keys:?}"
    );
}

#[tokio::test]
async fn any_listed_key_verifies_whatever_its_kind_and_place() {
    use IssuerKey::{EcP256, EcP384, EcP521, Rsa};
    for keys in [
        vec![Rsa(2048), EcP256],
        vec![EcP256, Rsa(2048)],
        vec![EcP256, EcP384, EcP521],
        vec![EcP521, EcP256],
        vec![Rsa(2048), Rsa(3072)],
        vec![Rsa(3072), Rsa(2048)],
    ] {
        assert_all_verify(&keys, Place::Descriptors).await;
    }
    for place in [Place::X509Data, Place::Roles, Place::NoUse] {
        assert_all_verify(&[Rsa(2048), EcP256, EcP384], place).await;
    }
}

#[tokio::test]
async fn a_key_of_another_kind_beside_a_usable_one_is_reported_and_not_used() {
    let usable = issuer(IssuerKey::Rsa(2048));
    let good = usable.certificate_base64().unwrap();
    let ed25519 = issuer(IssuerKey::Ed25519).certificate_base64().unwrap();
    let pss = RSA_PSS.trim().to_owned();
    for other in [ed25519, pss] {
        for (certificates, number) in [
            ([good.clone(), other.clone()], 2),
            ([other.clone(), good.clone()], 1),
        ] {
            let provider = provider(&metadata(&certificates, Place::Descriptors));
            assert_eq!(provider.warnings(now()), [Warning::KeyNotUsable { number }]);
            let fixture = Fixture {
                provider,
                issuer: usable.clone(),
                now: now().as_millis(),
            };
            let signed = fixture.signed(SignedParts::Both);
            assert_eq!(code(fixture.check(&signed).await), "accepted");
        }
        let alone = metadata(&[other], Place::Descriptors);
        assert_eq!(
            ServiceProvider::new(config(&alone), now()).unwrap_err(),
            MetadataError::BadCertificate(1)
        );
    }
}

/// A role for another protocol is none of ours, and its keys do not count.
#[tokio::test]
async fn keys_of_other_roles_do_not_count() {
    let [ours, theirs] = [issuer(IssuerKey::Rsa(2048)), issuer(IssuerKey::Rsa(2048))];
    let certificates = [&theirs, &ours].map(|issuer| issuer.certificate_base64().unwrap());
    let old = "urn:oasis:names:tc:SAML:1.1:protocol";
    let new = "urn:oasis:names:tc:SAML:2.0:protocol";
    let xml = metadata(&certificates, Place::Roles).replacen(new, old, 1);
    let fixture = Fixture {
        provider: provider(&xml),
        issuer: ours,
        now: now().as_millis(),
    };
    for (issuer, expected) in [
        (&fixture.issuer, "accepted"),
        (&theirs, "signature_invalid"),
    ] {
        let response = fixture.valid_response().sign(issuer).unwrap();
        assert_eq!(code(fixture.check(&response).await), expected);
    }
}
