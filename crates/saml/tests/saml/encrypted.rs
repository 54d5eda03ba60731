//! Encrypted assertions: what is decrypted, and that nothing is learned from what is not.

use starchart_domain::secret::Secret;
use starchart_saml::issuer::{AssertionCipher, Encryption, Issuer, IssuerKey, Oaep, SignedParts};
use starchart_saml::{MetadataError, RefusalClass, ServiceProvider};

use crate::fixture::{Fixture, IDP, SLO, SSO, code, config, element, now};

/// A fixture whose service provider has a key, and how to encrypt for it.
fn fixture() -> (Fixture, Encryption) {
    let ours = Issuer::generate("ours").unwrap();
    let (pem, _) = ours.to_pem().unwrap();
    let issuer = Issuer::generate(IDP).unwrap();
    let mut config = config(&issuer.metadata_xml(SSO, Some(SLO)).unwrap());
    config.decryption_key = Some(Secret::new(pem));
    let provider = ServiceProvider::new(config, now()).unwrap();
    let metadata = provider.metadata_xml();
    let certificate = element(&metadata, "ds:X509Certificate")
        .replace("<ds:X509Certificate>", "")
        .replace("</ds:X509Certificate>", "");
    let encryption = Encryption {
        certificate,
        cipher: AssertionCipher::Aes128Gcm,
        oaep: Oaep::Mgf1p,
        key_beside: false,
        edits: Vec::new(),
    };
    let fixture = Fixture {
        issuer,
        provider,
        now: now().as_millis(),
    };
    (fixture, encryption)
}

async fn outcome(fixture: &Fixture, sign: SignedParts, encryption: &Encryption) -> &'static str {
    let mut response = fixture.valid_response();
    response.sign = sign;
    response.encryption = Some(encryption.clone());
    fixture.code_of(&response).await
}

const SIGNED: [SignedParts; 3] = [
    SignedParts::Assertion,
    SignedParts::Response,
    SignedParts::Both,
];

#[tokio::test]
async fn every_supported_encryption_signs_in() {
    let (fixture, plain) = fixture();
    for cipher in [
        AssertionCipher::Aes128Gcm,
        AssertionCipher::Aes256Gcm,
        AssertionCipher::Aes128Cbc,
        AssertionCipher::Aes256Cbc,
    ] {
        for oaep in [Oaep::Mgf1p, Oaep::Mgf1pSha256, Oaep::Sha256] {
            for key_beside in [false, true] {
                for sign in SIGNED {
                    let encryption = Encryption {
                        cipher,
                        oaep,
                        key_beside,
                        ..plain.clone()
                    };
                    let is_cbc = matches!(
                        cipher,
                        AssertionCipher::Aes128Cbc | AssertionCipher::Aes256Cbc
                    );
                    // CBC does not notice a changed ciphertext: only a signature around it does.
                    let expected = if is_cbc && sign == SignedParts::Assertion {
                        "cbc_in_unsigned_response"
                    } else {
                        "accepted"
                    };
                    assert_eq!(
                        outcome(&fixture, sign, &encryption).await,
                        expected,
                        "{cipher:?} {oaep:?} {key_beside} {sign:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
pub(crate) async fn an_encrypted_assertion_is_checked_as_any_other() {
    let (fixture, encryption) = fixture();
    let stranger = Issuer::generate(IDP).unwrap();
    for sign in SIGNED {
        let mut response = fixture.valid_response();
        response.sign = sign;
        response.encryption = Some(encryption.clone());
        let checked = fixture
            .check(&response.sign(&fixture.issuer).unwrap())
            .await
            .unwrap();
        assert_eq!(
            (checked.subject.as_str(), checked.groups.len()),
            ("user1", 2)
        );
        let foreign = fixture.check(&response.sign(&stranger).unwrap()).await;
        assert_eq!(code(foreign), "signature_invalid", "{sign:?}");
        for (change, expected) in [
            (
                (|r| r.audiences.clear()) as fn(&mut starchart_saml::issuer::Response),
                "audience_absent",
            ),
            (
                |r| r.not_on_or_after = Some(r.issued - 600_000),
                "conditions_never_valid",
            ),
            (|r| r.recipient = None, "recipient_absent"),
            (
                |r| r.assertion_issuer = "http://evil".to_owned(),
                "assertion_issuer",
            ),
            (|r| r.issuer = None, "response_issuer_absent"),
            (|r| r.attributes.clear(), "subject_absent"),
            (|r| r.confirmation_in_response_to = None, "unsolicited"),
        ] {
            let mut bent = response.clone();
            change(&mut bent);
            assert_eq!(fixture.code_of(&bent).await, expected, "{sign:?}");
        }
        for (from, to, expected) in [
            (">user1<", "><!-- x -->user1<", "xml_comment"),
            (
                "<saml:Assertion ",
                "<!DOCTYPE x><saml:Assertion ",
                "xml_doctype",
            ),
        ] {
            let mut bent = response.clone();
            bent.sign = SignedParts::Response;
            bent.assertion_edits.push((from.to_owned(), to.to_owned()));
            assert_eq!(fixture.code_of(&bent).await, expected);
        }
    }
    assert_eq!(
        outcome(&fixture, SignedParts::Nothing, &encryption).await,
        "unsigned"
    );
}

/// One refusal for every ciphertext that cannot be decrypted, whatever is wrong with it.
#[tokio::test]
pub(crate) async fn every_failure_to_decrypt_is_the_same() {
    let (fixture, encryption) = fixture();
    let (other, foreign) = self::fixture();
    drop(other);
    let value = |xml: &str, at: usize| {
        let (head, tail) = xml.split_at(xml.match_indices("<xenc:CipherValue>").nth(at).unwrap().0);
        let old = element(tail, "xenc:CipherValue").to_owned();
        (head.len(), old)
    };
    let mut response = fixture.valid_response();
    response.sign = SignedParts::Assertion;
    response.encryption = Some(encryption.clone());
    let xml = response.sign(&fixture.issuer).unwrap();
    // The wrapped key comes first, then the assertion.
    for at in [0, 1] {
        let (_, old) = value(&xml, at);
        let inner = old
            .replace("<xenc:CipherValue>", "")
            .replace("</xenc:CipherValue>", "");
        for new in [
            String::new(),
            "AA==".to_owned(),
            inner[..16].to_owned(),
            inner[..inner.len() - 4].to_owned(),
            format!("AAAA{}", &inner[4..]),
            format!("{}AAAA", &inner[..inner.len() - 4]),
            "A".repeat(inner.len()),
        ] {
            let refusal = fixture.check(&xml.replace(&inner, &new)).await.unwrap_err();
            assert_eq!(
                (refusal.class(), refusal.code()),
                (RefusalClass::Encrypted, "not_decrypted"),
                "{at}: {} characters",
                new.len()
            );
        }
    }
    // Encrypted for another key.
    assert_eq!(
        outcome(&fixture, SignedParts::Assertion, &foreign).await,
        "not_decrypted"
    );
    // A key of another length than the cipher's, and CBC with a signature that is right.
    for (sign, from, to, expected) in [
        (
            SignedParts::Both,
            "aes128-gcm",
            "aes256-gcm",
            "not_decrypted",
        ),
        (
            SignedParts::Both,
            "xmlenc11#aes128-gcm",
            "xmlenc11#aes192-gcm",
            "encryption_algorithm",
        ),
        (
            SignedParts::Both,
            "rsa-oaep-mgf1p",
            "rsa-1_5",
            "key_transport_algorithm",
        ),
        (
            SignedParts::Both,
            "xenc:EncryptedKey",
            "xenc:AgreementMethod",
            "encrypted_key_count",
        ),
        (SignedParts::Both, "Type=", "Typ=", "encrypted_data"),
        (
            SignedParts::Both,
            "CipherValue>",
            "CipherReference>",
            "cipher_value_absent",
        ),
    ] {
        let bent = Encryption {
            edits: vec![(from.to_owned(), to.to_owned())],
            ..encryption.clone()
        };
        assert_eq!(outcome(&fixture, sign, &bent).await, expected, "{from}");
    }
    // A changed ciphertext in CBC is never decrypted: the signature around it fails first.
    let cbc = Encryption {
        cipher: AssertionCipher::Aes128Cbc,
        ..encryption
    };
    let mut response = fixture.valid_response();
    response.sign = SignedParts::Response;
    response.encryption = Some(cbc);
    let xml = response.sign(&fixture.issuer).unwrap();
    let (_, old) = value(&xml, 1);
    let bent = old.replacen(&old[60..64], "AAAA", 1);
    assert_eq!(
        code(fixture.check(&xml.replace(&old, &bent)).await),
        "signature_invalid"
    );
}

#[tokio::test]
pub(crate) async fn without_a_key_an_encrypted_assertion_is_refused_with_its_own_reason() {
    let (_, encryption) = fixture();
    let fixture = Fixture::new();
    for sign in SIGNED {
        assert_eq!(outcome(&fixture, sign, &encryption).await, "encrypted");
    }
    assert!(!fixture.provider.metadata_xml().contains("KeyDescriptor"));
}

#[test]
fn our_metadata_shows_the_key_and_the_ciphers() {
    let ours = Issuer::generate("ours").unwrap();
    let (pem, _) = ours.to_pem().unwrap();
    let with_key = || {
        let xml = Issuer::generate(IDP)
            .unwrap()
            .metadata_xml(SSO, None)
            .unwrap();
        let mut config = config(&xml);
        config.decryption_key = Some(Secret::new(pem.clone()));
        ServiceProvider::new(config, now()).unwrap().metadata_xml()
    };
    let metadata = with_key();
    assert_eq!(metadata, with_key(), "every process shows the same");
    let descriptor = element(&metadata, "md:KeyDescriptor");
    assert!(descriptor.starts_with("<md:KeyDescriptor use=\"encryption\">"));
    let gcm = descriptor.find("aes128-gcm").unwrap();
    assert!(gcm < descriptor.find("aes128-cbc").unwrap());
    assert!(descriptor.contains("rsa-oaep-mgf1p") && !descriptor.contains("rsa-1_5"));
    // KeyDescriptor is the first element of the role (SAML metadata 2.4.1).
    assert!(metadata.find("KeyDescriptor") < metadata.find("SingleLogoutService"));
}

#[test]
fn a_key_that_cannot_decrypt_stops_the_start() {
    let pem = |key| {
        Issuer::generate_key("ours", key, -1, 1)
            .unwrap()
            .to_pem()
            .unwrap()
            .0
    };
    for (pem, words) in [
        (String::new(), "no private key in PEM"),
        ("hello".to_owned(), "no private key in PEM"),
        (pem(IssuerKey::EcP256), "not an RSA"),
        (pem(IssuerKey::Rsa(1024)), "2048"),
    ] {
        let xml = Issuer::generate(IDP)
            .unwrap()
            .metadata_xml(SSO, None)
            .unwrap();
        let mut config = config(&xml);
        config.decryption_key = Some(Secret::new(pem));
        match ServiceProvider::new(config, now()).unwrap_err() {
            MetadataError::DecryptionKey(text) => assert!(text.contains(words), "{text}"),
            other => panic!("{other}"),
        }
    }
}
