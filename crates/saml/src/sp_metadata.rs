//! Builds the metadata of this service provider (SAML metadata 2.4.4). Does not use samael, whose
//! metadata advertises encryption, which is not supported.

use crate::xml::{MD, SAMLP, escape};

pub(crate) fn build(entity_id: &str, acs_url: &str, slo_url: &str) -> String {
    format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?>"#,
            "\n",
            r#"<md:EntityDescriptor xmlns:md="{md}" entityID="{entity_id}">"#,
            "\n",
            r#"  <md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true""#,
            r#" protocolSupportEnumeration="{samlp}">"#,
            "\n",
            r#"    <md:SingleLogoutService Binding="{bindings}:HTTP-Redirect""#,
            r#" Location="{slo_url}"/>"#,
            "\n    <md:NameIDFormat>{name_id_format}</md:NameIDFormat>\n",
            r#"    <md:AssertionConsumerService Binding="{bindings}:HTTP-POST""#,
            r#" Location="{acs_url}" index="0" isDefault="true"/>"#,
            "\n  </md:SPSSODescriptor>\n</md:EntityDescriptor>\n",
        ),
        md = MD,
        samlp = SAMLP,
        bindings = "urn:oasis:names:tc:SAML:2.0:bindings",
        name_id_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        entity_id = escape(entity_id),
        acs_url = escape(acs_url),
        slo_url = escape(slo_url),
    )
}
