//! Builds the metadata of this service provider (SAML metadata 2.4.4). Does not use samael, whose
//! metadata advertises ciphers that are not supported.

use crate::xml::{DS, MD, SAMLP, escape};

/// Algorithms for encrypted assertions, the preferred first.
const ENCRYPTION_METHODS: [&str; 6] = [
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
    "http://www.w3.org/2009/xmlenc11#rsa-oaep",
];

/// `certificate` holds the key for which assertions can be encrypted.
pub(crate) fn build(
    entity_id: &str,
    acs_url: &str,
    slo_url: &str,
    certificate: Option<&str>,
) -> String {
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "\n",
            r#"<md:EntityDescriptor xmlns:md="{md}" entityID="{entity_id}">"#,
            "\n",
            r#"  <md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true""#,
            r#" protocolSupportEnumeration="{samlp}">"#,
            "\n{encryption}",
            r#"    <md:SingleLogoutService Binding="{bindings}:HTTP-Redirect""#,
            r#" Location="{slo_url}"/>"#,
            "\n    <md:NameIDFormat>{name_id_format}</md:NameIDFormat>\n",
            r#"    <md:AssertionConsumerService Binding="{bindings}:HTTP-POST""#,
            r#" Location="{acs_url}" index="0" isDefault="true"/>"#,
            "\n  </md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
        ),
        md = MD,
        samlp = SAMLP,
        encryption = certificate.map(encryption_key).unwrap_or_default(),
        bindings = "urn:oasis:names:tc:SAML:2.0:bindings",
        name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        entity_id = escape(entity_id),
        acs_url = escape(acs_url),
        slo_url = escape(slo_url),
    )
}

fn encryption_key(certificate: &str) -> String {
    let methods: String = ENCRYPTION_METHODS
        .iter()
        .map(|name| format!("      <md:EncryptionMethod Algorithm=\"{name}\"/>\n"))
        .collect();
    format!(
        concat!(
            "    <md:KeyDescriptor use=\"encryption\">\n",
            "      <ds:KeyInfo xmlns:ds=\"{ds}\"><ds:X509Data>",
            "<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\n",
            "{methods}    </md:KeyDescriptor>\n",
        ),
        ds = DS,
        certificate = certificate,
        methods = methods,
    )
}
